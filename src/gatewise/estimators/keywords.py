"""Options in messages: `--fill linear` in a shell is `fill="linear"` in Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gatewise.errors import GatewiseError
from gatewise.shell import in_shell

OPTION = re.compile(r"(leave (?:out )?)?--([a-z][a-z-]*)(?: ('[^']*'|[^\s;()'\"]*[^\s;,.()'\":]))?")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
NO_VALUE = re.compile(  # a word that follows an option of texts in messages
    "adds|and|converts|if|in|is|names|of|or|out|reads|takes|that|to|too|which|with"
)


def as_given(message: str, options: type[BaseModel]) -> str:
    """A message with its options as the user gives them: as keyword arguments, unless in a shell."""
    return message if in_shell.get() else as_keywords(message, options.model_fields)


def as_keywords(message: str, fields: Mapping[str, FieldInfo]) -> str:
    """A message with the options of a command as keyword arguments.

    fields: the options, which decide whether the word after one is its value

    >>> from gatewise.tasks import find_task
    >>> fields = find_task("forecast").options.model_fields
    >>> as_keywords("fill gaps with --fill linear, or give --no-header; leave --layers out", fields)
    'fill gaps with fill="linear", or give header=False; leave layers out'
    """

    def rewritten(found: re.Match[str]) -> str:
        before, name, value = found[1] or "", found[2].replace("-", "_"), found[3]
        rest = "" if value is None else f" {value}"
        switch = name.removeprefix("no_")
        kinds = _kinds(fields[switch].annotation) if switch in fields else set()
        if bool in kinds and not before:
            return f"{switch}={switch == name}{rest}"
        if value and _is_value(value, kinds):
            return f"{before}{name}={_literal(value)}"
        return f"{before}{name}{rest}"

    return OPTION.sub(rewritten, message)


def unknown_option(name: str, options: Sequence[str], task: str, estimator: str) -> GatewiseError:
    """The error about an option that the task of the data does not have, as the user gave it.

    options: those of the task; estimator: its class

    >>> str(unknown_option("horizon", ["label", "time"], "classify", "Classifier"))
    "Classifier has no option 'horizon' for this data; the options are label, time"
    """
    if not in_shell.get():
        names = ", ".join(options)
        return GatewiseError(f"{estimator} has no option {name!r} for this data; the options are {names}")
    given, *others = (f"--{one.replace('_', '-')}" for one in (name, *options))
    return GatewiseError(
        f"{given} is no option of {task}, the task of these data: leave it out; the options are "
        f"{', '.join(others)}"
    )


def _is_value(text: str, kinds: set[Any]) -> bool:
    """Whether a word can be the value of an option of these types."""
    if NUMBER.fullmatch(text):
        return bool(kinds & {int, float, str})
    return text in kinds or (str in kinds and NO_VALUE.fullmatch(text) is None)


def _literal(text: str) -> str:
    return text if NUMBER.fullmatch(text) else f'"{text}"' if "'" not in text else text


def _kinds(annotation: Any) -> set[Any]:
    """The types in an annotation, and the values of its literals."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kinds(get_args(annotation)[0])
    if origin is Literal:
        return set(get_args(annotation))
    if origin in (Union, UnionType, tuple):
        return set().union(*(_kinds(one) for one in get_args(annotation))) - {NoneType, Ellipsis}
    return {annotation}
