"""Checks the options in a model file against the constructor of its network before it is built."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.plain import one_line

# Options that do not show in the shapes of parameters; these are compared with the file of parameters.
UPPER_BOUNDS = {
    "layers": 1000,
    "horizon": 100_000,
    "context": 1_000_000,
    "period": 1_000_000,
    "length": 100_000,
    "max_length": 100_000,
    "beam": 1000,
    "members": 1000,
    "shift": 10_000,
    "reach": 10_000,
    "stack_frames": 10_000,
    "order": 1000,
    "patch": 10_000,
    "penalty": 1000.0,
    "ratio": 1000.0,
    "dropout": 1.0,
    "smoothing": 1.0,
    "forcing": 1.0,
    "word_dropout": 1.0,
}
LOWER_BOUNDS = {
    "layers": 1,
    "hidden": 1,
    "heads": 1,
    "members": 1,
    "horizon": 1,
    "context": 1,
    "period": 1,
    "beam": 1,
    "patch": 1,
    "stack_frames": 1,
}
MAX_NUMBER = 2**31 - 1


def check_options(kind: type[Network], options: Mapping[str, Any]) -> None:
    """Checks the options of a network.

    Raises: `GatewiseError` if an option is unknown, missing, of a wrong type or out of bounds.
    """
    try:
        _model(kind).model_validate(dict(options))
    except ValidationError as error:
        raise GatewiseError(describe_first_error(error)) from error


def describe_first_error(error: ValidationError) -> str:
    """The first error that pydantic found, in one line, with its position."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return one_line(ValueError(f"{place!r}: {first['msg'].lower()}" if place else first["msg"].lower()))


def _model(kind: type[Any]) -> type[BaseModel]:
    """A pydantic model of the arguments of a constructor, with their types and bounds."""
    hints = get_type_hints(kind.__init__)
    fields: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(kind.__init__).parameters.items())[1:]:
        default = ... if parameter.default is parameter.empty else parameter.default
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            fields[name] = (_bounded(name, hints[name]), default)
    config = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)
    return create_model(kind.__name__, __config__=config, **fields)


def _bounded(name: str, hint: Any) -> Any:
    if hint in (int, float):
        return Annotated[hint, Field(ge=LOWER_BOUNDS.get(name, 0), le=UPPER_BOUNDS.get(name, MAX_NUMBER))]
    if is_dataclass(hint):
        return _model(hint)  # type: ignore[arg-type]
    return hint
