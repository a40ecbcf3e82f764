"""A trained model as a C file: a step of its task, with what its numbers mean as a comment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatewise.errors import GatewiseError
from gatewise.shipping.c.export import CFiles, export_step
from gatewise.shipping.stepwise import Stepwise

LONGEST = 200  # entries of a list in the comment
SERIES = (
    "    x has the target; the time since the step before, if times are irregular, and the sine and cosine",
    "    of each cycle; the known and the observed covariates, a category by its number, -1 for none; then",
    "    the times and the known covariates of each step of the horizon. The first step fills the window.",
    "    state->scale has the scale of the first series: set it to that of another one after init.",
)


def export_stepwise(step: Stepwise, path: Path, quantize: bool = False) -> CFiles:
    """Writes a step of a model as `NAME.h` and `NAME.c`. Raises: `GatewiseError`, as `export_step`."""
    if step.graph_obstacle is not None:
        raise GatewiseError(f"the model can't be exported to C: {step.graph_obstacle}")
    states = dict(zip(step.state_names, step.initial_states(), strict=True))
    about = list(_described(step.description))
    return export_step(step, path, {"x": step.example}, states, ("y",), quantize, about)


def _described(description: dict[str, Any]) -> Iterator[str]:
    """The meaning of `x` and `y`, a line for each entry that says something."""
    for title, argument in (("input", "x"), ("output", "y")):
        own = dict(description[title])
        names = own.pop("names", None)
        kind = own.pop("kind")
        yield f"{argument}: {kind}"
        yield from SERIES if kind == "series" else ()
        for place, name in enumerate(names or []):
            yield f"    {argument}[{place}]: {name}"
        for key, value in own.items():
            if value not in (None, [], {}):
                short = not isinstance(value, list | dict) or len(value) <= LONGEST
                yield f"    {key}: {json.dumps(value) if short else f'{len(value)} entries'}"
