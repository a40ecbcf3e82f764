"""The tasks: one file each. What they have in common is in `gatewise.training.task`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from gatewise.errors import GatewiseError

TASKS = {
    "forecast": "Foretell series.",
    "classify": "Tell which class a sequence is of.",
    "caption": "Tell a caption for an image.",
    "frames": "Tell which class a clip of images is of.",
    "generate": "Learn to go on with a text, symbol by symbol.",
    "generate-vectors": "Learn to go on with a table of vectors: notes, strokes; as generate does.",
    "translate": "Learn to translate, from pairs of texts.",
}
TABLES = (".csv", ".parquet", ".pq", ".ts", ".arff")
FOR_TABLES = {"generate": "generate-vectors"}  # by the task that gives up tables to it


def find_task(name: str) -> Any:
    """A task by its name; only its own module is loaded. Errors: `GatewiseError` where there is none."""
    if name not in TASKS:
        raise GatewiseError(f"there is no task {name!r}; the tasks are {', '.join(TASKS)}")
    return import_module(f"{__name__}.{name.replace('-', '_')}").TASK


def meant_task(name: str, arguments: Sequence[str]) -> Any:
    """The task that a command means: that for tables, where it is given one, or a run on one.

    arguments: the words of the command after the task's name
    """
    other = FOR_TABLES.get(name)
    if other and any(one.lower().endswith(TABLES) or _task_of(Path(one)) == other for one in arguments):
        return find_task(other)
    return find_task(name)


def _task_of(folder: Path) -> str | None:
    """The task of the run in a folder, None where there is none."""
    try:
        return str(json.loads((folder / "run.json").read_text())["task"])
    except (OSError, KeyError, TypeError, ValueError):
        return None
