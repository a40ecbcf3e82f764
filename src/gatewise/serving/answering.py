"""The answers to observations of several streams, of which some may be refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from gatewise.errors import GatewiseError
from gatewise.plain import one_line
from gatewise.serving.refusals import RequestError
from gatewise.shipping.stream import Stream


def answered(stream: Stream, observations: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to the observation of each stream, or the error; a refused one leaves the others alone."""
    try:
        return dict(stream.step_many(observations))
    except (Exception, pl.exceptions.PanicException) as error:  # the log repeats it: it must end the same way
        if len(observations) == 1:
            known = isinstance(error, GatewiseError)
            return dict.fromkeys(observations, error if known else RequestError(422, one_line(error)))
    return {id: answered(stream, {id: one})[id] for id, one in observations.items()}
