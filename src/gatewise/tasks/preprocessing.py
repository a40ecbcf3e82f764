"""The preprocessing of a saved model."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from gatewise.errors import GatewiseError
from gatewise.modules.option_checks import describe_first_error
from gatewise.plain import one_line
from gatewise.tasks.serialization import SavedModel

Kind = TypeVar("Kind")


def load_preprocessing(kind: type[Kind], model: SavedModel) -> Kind:
    """Loads the preprocessing of a saved model as the data class of its task.

    Raises: `GatewiseError` if it does not match.
    """
    try:
        text = json.dumps(dict(model.preprocessing), allow_nan=False)
        return TypeAdapter(kind).validate_json(text, strict=True)
    except ValidationError as error:
        raise GatewiseError(f"the model can't be read: {describe_first_error(error)}") from error
    except (ValueError, RecursionError) as error:
        raise GatewiseError(f"the model can't be read: {one_line(error)}") from error
