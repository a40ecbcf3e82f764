"""The preprocessing of a saved model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from gatewise.errors import GatewiseError
from gatewise.modules.option_checks import describe_first_error
from gatewise.plain import one_line
from gatewise.tasks.serialization import SavedModel

Kind = TypeVar("Kind")
ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}  # which take long to make
OPTION = re.compile(r" --[a-z]")


@contextmanager
def options_of_training() -> Iterator[None]:
    """Within it, a refusal of data that names an option adds that a model has those of its training."""
    try:
        yield
    except GatewiseError as error:
        if not OPTION.search(str(error)):
            raise
        raise GatewiseError(
            f"{error}; a model has the options of its training: write the data as its training data are"
        ) from error


def load_preprocessing(kind: type[Kind], model: SavedModel) -> Kind:
    """Loads the preprocessing of a saved model as the data class of its task.

    Raises: `GatewiseError` if it does not match.
    """
    try:
        text = json.dumps(dict(model.preprocessing), allow_nan=False)
        if kind not in ADAPTERS:
            ADAPTERS[kind] = TypeAdapter(kind)
        loaded: Kind = ADAPTERS[kind].validate_json(text, strict=True)
        return loaded
    except ValidationError as error:
        raise GatewiseError(f"the model can't be read: {describe_first_error(error)}") from error
    except (ValueError, RecursionError) as error:
        raise GatewiseError(f"the model can't be read: {one_line(error)}") from error
