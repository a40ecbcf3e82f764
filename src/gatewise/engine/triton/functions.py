"""The kernels of a cell as functions of Triton, from text in memory."""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

from gatewise.compiler.stages import StagePlan
from gatewise.compiler.triton_source import kernels

INSTALLED = find_spec("triton") is not None


@cache
def functions(plan: StagePlan) -> Mapping[str, Any]:
    """The functions of a cell's kernels by name, `forward_0` and so on.

    Triton reads the source of a function; that of generated ones is given to `linecache`, so that no file is
    written or read.
    """
    text = kernels(plan).text
    name = f"<gatewise {plan.cell.__name__} {id(plan)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {"__name__": "gatewise.engine.triton.generated"}
    exec(compile(text, name, "exec"), space)
    return space
