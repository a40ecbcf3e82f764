"""The parameters of the command line, made from the declarations of options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gatewise.tasks.options import Options

DATA = Annotated[
    Path, typer.Argument(help="Data of the same form as those of the run; - for standard input.")
]
RUN = Annotated[Path, typer.Argument(help="The folder of a finished run.")]


def with_options(*kinds: type[Options]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds a parameter for each option to a command; the options that are set are passed as `given`."""
    declared: dict[str, list[tuple[FieldInfo, type[Options]]]] = {}
    for kind in kinds:
        for name, field in kind.model_fields.items():
            declared.setdefault(name, []).append((field, kind))

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            one
            for name, one in inspect.signature(command, eval_str=True).parameters.items()
            if name != "given"
        ]
        options = [_parameter(name, fields) for name, fields in declared.items()]

        def whole(**values: Any) -> None:
            direct = {one.name: values[one.name] for one in own}
            given = {
                name: _value(name, values[name], [kind for _, kind in fields])
                for name, fields in declared.items()
                if values[name] not in (None, [])
            }
            command(**direct, given=given)

        whole.__doc__ = command.__doc__
        signature = inspect.Signature([one.replace(kind=one.KEYWORD_ONLY) for one in (*own, *options)])
        whole.__signature__ = signature  # type: ignore[attr-defined]
        whole.__annotations__ = {one.name: one.annotation for one in (*own, *options)}
        return whole

    return decorate


def _value(name: str, value: Any, kinds: list[type[Options]]) -> Any:
    """The value of an option, of one given several times a list. kinds: the options that have it"""
    if not isinstance(value, list) or len(value) == 1:
        return value[0] if isinstance(value, list) else value
    lists = [kind.several(name, value) for kind in kinds]
    return lists[0]


def _parameter(name: str, fields: list[tuple[FieldInfo, type[Options]]]) -> inspect.Parameter:
    """One option as text, which the options' model validates.

    fields: its declaration in each class of options that has it; the help shows the first
    """
    field, kind = fields[0]
    home = next(one for one in reversed(kind.__mro__) if name in getattr(one, "model_fields", {}))
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    flags = [f"--{one}".replace("_", "-") for one in (name, extra.get("also")) if one]
    switch = bool in (field.annotation, *get_args(field.annotation))
    option = typer.Option(
        *([f"{flags[0]}/--no-{flags[0][2:]}"] if switch else flags),
        help=f"{field.description}{_default([field for field, _ in fields])}",
        metavar=None if switch else _metavar(field),
        show_default=False,
        rich_help_panel=(home.__doc__ or "").strip(),
    )
    annotation: Any = Annotated[bool | None, option] if switch else Annotated[list[str] | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _metavar(field: FieldInfo) -> str:
    kinds = [field.annotation, *get_args(field.annotation)]
    choices = [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    if choices:
        return "|".join(choices)
    return "N" if int in kinds else "X" if float in kinds else "TEXT"


def _default(fields: list[FieldInfo]) -> str:
    """The default in brackets, unless it depends on the data."""
    shown = {_shown(field) for field in fields}
    return shown.pop() if len(shown) == 1 else " (the default depends on the data)"


def _shown(field: FieldInfo) -> str:
    if field.annotation is bool:
        return " (yes)" if field.default else " (no)"
    value = ",".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
    return f" ({value})" if value not in (None, "", PydanticUndefined) else ""
