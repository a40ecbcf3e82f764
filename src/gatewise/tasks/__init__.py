"""The tasks: one folder each, found by themselves. What they have in common is in `base.py`.

A folder's `__init__.py` says, without loading anything else, what the task does (its docstring), the
estimator that covers it in Python (`ESTIMATOR`), and the task in whose place it is chosen by the data, if
there is one (`VARIANT_OF`).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from gatewise.errors import GatewiseError

_FOLDERS: dict[str, ModuleType] = {
    folder.name.replace("_", "-"): import_module(f"{__name__}.{folder.name}")
    for folder in iter_modules(__path__)
    if folder.ispkg
}
TASKS = {name: str(folder.__doc__) for name, folder in _FOLDERS.items()}  # what each does


def estimator_names() -> dict[str, list[str]]:
    """The estimators of the Python API, each with its tasks, in the order of their folders."""
    found: dict[str, list[str]] = {}
    for name, folder in _FOLDERS.items():
        found.setdefault(folder.ESTIMATOR, []).append(name)
    return found


def find_task(name: str) -> Any:
    """A task by its name; only its own module is loaded. Errors: `GatewiseError` where there is none."""
    if name not in TASKS:
        raise GatewiseError(f"there is no task {name!r}; the tasks are {', '.join(TASKS)}")
    return import_module(f"{_FOLDERS[name].__name__}.task").TASK


def variants(name: str) -> list[Any]:
    """The task of that name, and those that the data may choose in its place."""
    others = [one for one, folder in _FOLDERS.items() if getattr(folder, "VARIANT_OF", None) == name]
    return [find_task(one) for one in (name, *others)]


def choose_task(name: str, data: Path | None, given: Mapping[str, Any], resumed: str | None = None) -> Any:
    """The task of that name, or the variant of it that the data or the options ask for.

    data: a path; given: options, as text; resumed: the task of the run that goes on, where one does
    """
    named, *others = variants(name)
    for other in others:
        if resumed == other.name or (data is not None and other.claims(data, given)):
            return other
    return named
