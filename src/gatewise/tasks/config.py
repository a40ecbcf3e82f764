"""Options from YAML files, merged with those given directly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from gatewise.errors import GatewiseError
from gatewise.plain import read_bounded
from gatewise.tasks.options import VERBS, Options
from gatewise.tasks.upgrades import RENAMED_OPTIONS

OptionsType = TypeVar("OptionsType", bound=Options)
MAX_FILE_BYTES, MAX_DEPTH = 64 * 1024, 8  # of a file of options
MAX_SHOWN = 100  # characters of a value in messages


class OptionsLoader(yaml.SafeLoader):
    """Reads plain values; rejects deep nesting, duplicate keys and aliases, which can expand endlessly."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not allowed", problem_mark=event.start_mark)
        if self._depth >= MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="it is nested too deeply", problem_mark=event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in keys:
                problem = f"the option {key.value[:MAX_SHOWN]!r} is given twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep)


def resolve(options_type: type[OptionsType], config: Path | None, given: dict[str, Any]) -> OptionsType:
    """Merges the options of a YAML file with those given directly, which take precedence.

    Raises: `GatewiseError` if an option is unknown, missing or out of bounds.
    """
    from_file = read_yaml(config) if config else {}
    try:
        return options_type(**{**from_file, **given})
    except ValidationError as error:
        message = _describe_other_verb(options_type, from_file, config)
        raise GatewiseError(message or _describe_first_error(error, options_type, config)) from error


def merge(config: Path | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a YAML file, and those given directly, which take precedence."""
    return {**(read_yaml(config) if config else {}), **given}


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file. Raises: `GatewiseError` if it holds something else."""
    if not path.is_file():
        raise GatewiseError(f"there is no file {str(path)!r} to read options from")
    text = read_bounded(path, MAX_FILE_BYTES)
    if text is None:
        raise GatewiseError(f"expected {path} as a file of options of at most {MAX_FILE_BYTES} bytes")
    try:
        values = yaml.load(text.decode("utf-8-sig"), OptionsLoader)
    except (yaml.YAMLError, ValueError) as error:  # an impossible number or date raises a ValueError
        raise GatewiseError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    values = {} if values is None else values  # all of it is comments
    if not isinstance(values, dict):
        raise GatewiseError(f"expected {path} to hold `option: value` lines, got {type(values).__name__}")
    options: dict[str, Any] = {}
    for key, value in values.items():
        name = _abbreviate(key, str).replace("-", "_")
        name = RENAMED_OPTIONS.get(name, name)
        if name in options:
            raise GatewiseError(f"{path} gives the option {name!r} twice; give it once")
        options[name] = value
    return options


def to_yaml(options: Options) -> str:
    """All options as YAML, as `resolve` reads them."""
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in options}
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


CELL_ADVICE = {"cell": "rename `cell` to `cells`", "cells": "give one `cell` in place of `cells`"}


def _describe_other_verb(
    options_type: type[BaseModel], values: Mapping[str, Any], config: Path | None
) -> str | None:
    """What to change in a file of options that another verb wrote; None if it is not such a file."""
    verb = next((verb for verb, kind in VERBS.items() if issubclass(options_type, kind)), None)
    if verb is None:
        return None
    for other, kind in VERBS.items():
        names = [name for name in kind.model_fields if name not in options_type.model_fields]
        if surplus := [name for name in names if name in values]:
            steps = [CELL_ADVICE[name] for name in surplus if name in CELL_ADVICE]
            if removed := [name for name in surplus if name not in CELL_ADVICE]:
                steps.append(f"remove {', '.join(removed)}")
            return f"{config} has options of `{other}`: for `{verb}`, {' and '.join(steps)}"
    return None


def _describe_first_error(error: ValidationError, options_type: type[BaseModel], config: Path | None) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    where = f" in {config}" if config else ""
    if first["type"] == "extra_forbidden":
        return f"there is no option {name!r}{where}; the options are {', '.join(options_type.model_fields)}"
    if first["type"] == "missing":
        return (
            f"the option {name!r} is missing: give --{name.replace('_', '-')} or write it in a --config file"
        )
    problem, value = f"{first['msg'][0].lower()}{first['msg'][1:]}", _abbreviate(first["input"], repr)
    return f"option {name}{where}: {problem}, got {value}"


def _abbreviate(value: Any, write: Callable[[Any], str]) -> str:
    """A value of a file, abbreviated for a message."""
    try:
        text = write(value)
    except ValueError:  # Python does not write numbers of thousands of digits
        return f"a number of {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
