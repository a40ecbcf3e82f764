"""The constructor and the docstring of an estimator, from the options of its tasks."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gatewise.tasks.base import AnyTask
from gatewise.tasks.options import verb_options

COMMON = {
    "baselines": (True, "Score the baselines of the task beside the network."),
    "warm_start": (
        False,
        "Train the fitted network further, at a tenth of its learning rate, in place of a new one.",
    ),
    "progress": (True, "Show notes on the data, a progress bar and the scores while fitting."),
    "config": (
        None,
        "A YAML file of options; options given here take precedence. No Python file it names is executed.",
    ),
    "out": (
        None,
        "A folder for the run, which `gatewise.resume` continues; True for a new one under runs; None: none.",
    ),
    "trainer": (None, "More options of Lightning's `Trainer`, as a dictionary."),
    "callbacks": (None, "Lightning callbacks, in a list."),
    "logger": (None, '"csv", "tensorboard", "mlflow", or a Lightning logger.'),
}
KIND = "kind"  # the option that names the task, of an estimator of several tasks
Kind = TypeVar("Kind", bound=type)


def with_options(kind: Kind) -> Kind:
    """Adds a constructor with every option of its tasks to an estimator, and documents the options."""
    fields = _fields(kind.tasks)  # type: ignore[attr-defined]
    defaults = {name: _default(declared) for name, declared in fields.items()}
    defaults |= {name: value for name, (value, _) in COMMON.items()}
    if len(kind.tasks) > 1:  # type: ignore[attr-defined]
        defaults[KIND] = None
    required = {name for name, value in defaults.items() if value is PydanticUndefined}

    def construct(self: Any, **given: Any) -> None:
        for name in given:
            if name not in defaults:
                raise TypeError(
                    f"{kind.__name__} has no option {name!r}; the options are {', '.join(defaults)}"
                )
        for name in sorted(required - set(given)) if given.get("config") is None else ():
            raise TypeError(f"{kind.__name__} needs the option {name!r}")
        for name, default in defaults.items():
            setattr(self, name, given.get(name, None if name in required else default))

    empty = inspect.Parameter.empty
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters += [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=empty if name in required else default
        )
        for name, default in defaults.items()
    ]
    construct.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    construct.__qualname__ = f"{kind.__name__}.__init__"
    kind.__init__ = construct  # type: ignore[misc]
    kind.__doc__ = _documentation(kind.tasks, fields)  # type: ignore[attr-defined]
    return kind


def required_options(kind: type) -> list[str]:
    """The options of an estimator that have no default."""
    parameters = inspect.signature(kind).parameters.values()
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]


def _fields(tasks: tuple[AnyTask, ...]) -> Mapping[str, list[FieldInfo]]:
    """The declarations of each option in the tasks; required options come first."""
    fields: dict[str, list[FieldInfo]] = {}
    for task in tasks:
        for name, field in verb_options("train", task.options).model_fields.items():
            fields.setdefault(name, []).append(field)
    first = [name for name, declared in fields.items() if any(field.is_required() for field in declared)]
    return {name: fields[name] for name in (*first, *(other for other in fields if other not in first))}


def _default(declared: list[FieldInfo]) -> Any:
    """The default of an option; None if the tasks have different ones."""
    values = [field.default for field in declared]
    return values[0] if all(value == values[0] for value in values) else None


def _documentation(tasks: tuple[AnyTask, ...], fields: Mapping[str, list[FieldInfo]]) -> str:
    about = " ".join(task.about for task in tasks)
    lines = [about, "", "Parameters:"]
    for name, declared in fields.items():
        default = _default(declared)
        shown = "required" if default is PydanticUndefined else f"default {default!r}"
        lines.append(f"    {name}: {declared[0].description} ({shown})")
    lines += [f"    {name}: {about}" for name, (_, about) in COMMON.items()]
    if len(tasks) > 1:
        names = ", ".join(repr(task.name) for task in tasks)
        lines.append(f"    {KIND}: The task: {names}; None to choose it by the data.")
    return "\n".join(lines)
