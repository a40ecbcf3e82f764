"""The tasks, one folder each, which are discovered. Their interface is in `base.py`.

A folder's `__init__.py` loads nothing else. Its docstring describes the task, `ESTIMATOR` names the
estimator that covers it in Python, and `VARIANT_OF`, if present, the task that it can replace,
depending on the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gatewise.errors import GatewiseError

if TYPE_CHECKING:
    from gatewise.tasks.base import AnyTask

_FOLDERS: dict[str, ModuleType] = {
    folder.name.replace("_", "-"): import_module(f"{__name__}.{folder.name}")
    for folder in iter_modules(__path__)
    if folder.ispkg
}
TASKS = {name: str(folder.__doc__) for name, folder in _FOLDERS.items()}  # what each does


def estimator_names() -> dict[str, list[str]]:
    """The estimators of the Python API, each with its tasks, in the order of their folders."""
    tasks: dict[str, list[str]] = {}
    for name, folder in _FOLDERS.items():
        tasks.setdefault(folder.ESTIMATOR, []).append(name)
    return tasks


def find_task(name: str) -> AnyTask:
    """Loads a task by its name, without the modules of others. Raises: `GatewiseError` if there is none."""
    if name not in TASKS:
        raise GatewiseError(f"there is no task {name!r}; the tasks are {', '.join(TASKS)}")
    return import_module(f"{_FOLDERS[name].__name__}.task").TASK


def variants(name: str) -> list[AnyTask]:
    """The task of that name and its variants."""
    variant_names = [
        variant for variant, folder in _FOLDERS.items() if getattr(folder, "VARIANT_OF", None) == name
    ]
    return [find_task(variant) for variant in (name, *variant_names)]


def claiming_first(
    tasks: Iterable[AnyTask], data: Path | None, options: Mapping[str, Any], y: object = None
) -> list[AnyTask]:
    """The tasks in their order, but those first that the data, the options or the labels ask for.

    data, y: as in `Task.claims`
    """
    return sorted(tasks, key=lambda task: not task.claims(data, options, y))


def choose_task(
    name: str, data: Path | None, options: Mapping[str, Any], resumed: str | None = None
) -> AnyTask:
    """The task of that name, or the variant of it that the data or the options ask for.

    Args:
        name: the name of the task
        data: a path
        options: the options as text
        resumed: the task of the run that is resumed, if any
    """
    task, *alternatives = variants(name)
    for alternative in alternatives:
        if resumed == alternative.name or (data is not None and alternative.claims(data, options)):
            return alternative
    return task
