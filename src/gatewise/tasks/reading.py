"""How a model reads new data, back from the plain data that it was saved with."""

from __future__ import annotations

from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from gatewise.errors import GatewiseError
from gatewise.networks.saving import SavedModel

Kind = TypeVar("Kind")


def read_as(kind: type[Kind], model: SavedModel) -> Kind:
    """The reading of a saved model as the data class that its task wrote.

    Errors: `GatewiseError` where it is something else.
    """
    try:
        return TypeAdapter(kind).validate_python(dict(model.reading))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(one) for one in first["loc"])
        raise GatewiseError(f"the model can't be read: {where}: {first['msg'].lower()}") from error
