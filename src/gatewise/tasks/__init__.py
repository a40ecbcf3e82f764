"""The tasks: one file each. What they have in common is in `gatewise.tasks.base`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from gatewise.errors import GatewiseError

TASKS = {  # by name, what each does: its folder's docstring
    folder.name.replace("_", "-"): str(import_module(f"{__name__}.{folder.name}").__doc__)
    for folder in iter_modules(__path__)
    if folder.ispkg
}


def estimator_names() -> dict[str, list[str]]:
    """The estimators of the Python API, each with its tasks, in the order of their folders."""
    found: dict[str, list[str]] = {}
    for task in TASKS:
        folder = import_module(f"{__name__}.{task.replace('-', '_')}")
        found.setdefault(folder.ESTIMATOR, []).append(task)
    return found


TABLES = (".csv", ".parquet", ".pq", ".ts", ".arff")
FOR_TABLES = {"generate": "generate-vectors"}  # by the task that gives up tables to it
FOR_FOLDERS = {"classify": "classify-images"}  # by the task that gives up folders to it
FOR_CTC = {"label": "transcribe"}  # by the task that gives up texts which nobody aligned


def find_task(name: str) -> Any:
    """A task by its name; only its own module is loaded. Errors: `GatewiseError` where there is none."""
    if name not in TASKS:
        raise GatewiseError(f"there is no task {name!r}; the tasks are {', '.join(TASKS)}")
    return import_module(f"{__name__}.{name.replace('-', '_')}.task").TASK


def meant_task(name: str, arguments: Sequence[str]) -> Any:
    """The task that a command means: that for tables or images, where it is given some, or a run on some.

    arguments: the words of the command after the task's name
    """
    data, runs = _data(arguments), _after(arguments, "--out", "--resume")
    for others, fits, words in (
        (FOR_TABLES, _is_table, data),
        (FOR_FOLDERS, _is_folder, data),
        (FOR_CTC, _is_ctc, arguments),
    ):
        other = others.get(name)
        if other and (any(map(fits, words)) or any(_task_of(Path(run)) == other for run in runs)):
            return find_task(other)
    return find_task(name)


def _data(arguments: Sequence[str]) -> list[str]:
    """The words that may be the data: those after no option; where there are none, all but those of runs."""
    words = [one for one in arguments if not one.startswith("-")]
    values = [
        word
        for option, word in pairwise(arguments)
        if option.startswith("-") and "=" not in option and not word.startswith("-")
    ]
    loose = [one for one in words if one not in values]
    return loose or [one for one in words if one not in _after(arguments, "--out", "--resume", "--config")]


def _after(arguments: Sequence[str], *options: str) -> list[str]:
    """The values of options, given as `--out run` or `--out=run`."""
    apart = [word for option, word in pairwise(arguments) if option in options]
    return apart + [
        one.partition("=")[2] for one in arguments if one.partition("=")[0] in options and "=" in one
    ]


def _is_table(argument: str) -> bool:
    return argument.lower().endswith(TABLES)


def _is_folder(argument: str) -> bool:
    """Whether it is a folder of data: not empty, and no run."""
    path = Path(argument)
    return path.is_dir() and not (path / "run.json").is_file() and any(path.iterdir())


def _is_ctc(argument: str) -> bool:
    return argument in ("ctc", "--head=ctc")


def _task_of(folder: Path) -> str | None:
    """The task of the run in a folder, None where there is none."""
    try:
        return str(json.loads((folder / "run.json").read_text())["task"])
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        return None
