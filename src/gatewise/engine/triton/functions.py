"""Kernels as functions of Triton, from text in memory."""

from __future__ import annotations

import linecache
import os
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from typing import Any

INSTALLED = find_spec("triton") is not None
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"  # by Triton's interpreter, on the CPU


@cache
def functions(text: str) -> Mapping[str, Any]:
    """The functions of a printed module by name, such as `forward_0`.

    Triton reads the source of a function; that of generated ones is given to `linecache`, so that no file is
    written or read.
    """
    name = f"<gatewise {sha256(text.encode()).hexdigest()}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {"__name__": "gatewise.engine.triton.generated"}
    exec(compile(text, name, "exec"), space)
    return space
