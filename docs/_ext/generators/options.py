"""The directive `task-options`: a table of a task's options, from their declarations."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, get_args, get_origin

from docutils import nodes
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from gatewise.tasks import TASKS, find_task
from gatewise.tasks.options import verb_options
from generators.pages import table

HEADER = ["option", "meaning"]
ALL = "all"  # in place of a task: what every task has
NUMBERS = {int: "whole number", float: "number", str: "text"}


class TaskOptions(SphinxDirective):
    """Lists the options of a task that not all tasks have, or with `all` those that all have."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        shared = _shared()
        fields = _fields(next(iter(TASKS)) if name == ALL else name)
        shown = {one: field for one, field in fields.items() if (one in shared) == (name == ALL)}
        text = "\n\n".join(
            f"**{panel}**\n\n{table(HEADER, [_row(one, field) for one, (field, _) in members.items()])}"
            for panel, members in _panels(shown).items()
        )
        return list(self.parse_text_to_nodes(text))


Declared = dict[str, tuple[FieldInfo, str]]  # each with the title of its panel


def _fields(task: str) -> Declared:
    kind = verb_options("train", find_task(task).options)
    found = {}
    for name, field in kind.model_fields.items():
        home = next(one for one in reversed(kind.__mro__) if name in getattr(one, "model_fields", {}))
        found[name] = (field, (home.__doc__ or "").strip())
    return found


def _shared() -> set[str]:
    """The options that all tasks have, with the same description."""
    every = [_fields(task) for task in TASKS]
    return {
        name
        for name, (field, _) in every[0].items()
        if all(name in one and one[name][0].description == field.description for one in every)
    }


def _panels(fields: Declared) -> dict[str, Declared]:
    panels: dict[str, Declared] = {}
    for name, (field, panel) in fields.items():
        panels.setdefault(panel, {})[name] = (field, panel)
    return panels


def _row(name: str, field: FieldInfo) -> list[str]:
    facts = [_values(field.annotation), _default(field.default)]
    return [f"`{name}`", f"{field.description} *{', '.join(one for one in facts if one)}*"]


def _values(annotation: Any) -> str:
    """What an option may be: its choices, or a kind of value."""
    inside = [annotation, *get_args(annotation)]
    choices = [one for kind in inside if get_origin(kind) is Literal for one in get_args(kind)]
    if choices:
        return " or ".join(f"`{one}`" for one in choices)
    if bool in inside:
        return "yes or no"
    kind = next((NUMBERS[one] for one in inside if one in NUMBERS), "text")
    return "list" if get_origin(annotation) is tuple else kind


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if value in (None, "", ()):
        return ""
    if isinstance(value, bool):
        return f"by default {'yes' if value else 'no'}"
    return f"by default `{','.join(map(str, value)) if isinstance(value, tuple) else value}`"


def setup(app: Sphinx) -> None:
    """Registers the directive."""
    app.add_directive("task-options", TaskOptions)
