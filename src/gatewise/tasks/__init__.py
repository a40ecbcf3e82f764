"""The tasks: one file each. What they have in common is in `gatewise.training.task`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gatewise.errors import GatewiseError

TASKS = {
    "forecast": "Foretell series.",
    "classify": "Tell which class a sequence is of.",
    "frames": "Tell which class a clip of images is of.",
    "generate": "Learn to go on with a text, symbol by symbol.",
    "translate": "Learn to translate, from pairs of texts.",
}


def find_task(name: str) -> Any:
    """A task by its name; only its own module is loaded. Errors: `GatewiseError` where there is none."""
    if name not in TASKS:
        raise GatewiseError(f"there is no task {name!r}; the tasks are {', '.join(TASKS)}")
    return import_module(f"{__name__}.{name}").TASK
