"""The bodies of requests in the description of the server (OpenAPI), with the columns of its models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gatewise.serving.bodies import CSV, FILE, JSON, STREAM
from gatewise.serving.served import ServedModel
from gatewise.shipping.description import ELAPSED

NUMBER, TIME, TEXT = 1.0, "2024-01-01", "text"


def observation_of(description: Mapping[str, Any]) -> Any:
    """An observation that a model of this description could read."""
    given = description["input"]
    if given["kind"] == "symbol":
        return TEXT
    if given["kind"] == "frame":
        return np.zeros(given["shape"]).tolist()
    if given["kind"] == "numbers":
        time = {given["time"] or "time": TIME} if ELAPSED in given["names"] else {}
        return {**time, **{name: NUMBER for name in given["names"] if name != ELAPSED}}
    known = {name: _cell(given, name) for name in given["known"]}
    if given["horizon"]:
        known = {name: [cell] * (1 + given["horizon"]) for name, cell in known.items()}
    others = {name: _cell(given, name) for name in (*given["observed"], *given["static"])}
    ids = dict.fromkeys(given["id"], next(iter(given["scales"]))) if len(given["scales"]) > 1 else {}
    first: Any = 1 if "unit" in given["step"] else TIME
    time = {given["time"]: first} if given["cycles"] or given["unit_of_time"] else {}
    return {**ids, **time, given["target"]: NUMBER, **known, **others}


def row_of(model: ServedModel) -> dict[str, Any]:
    """A row of a table that a model could predict from."""
    if not model.description:
        return {"column": NUMBER}
    observation = observation_of(model.description)
    if not isinstance(observation, dict):
        return {TEXT: observation}
    return {name: cell[0] if isinstance(cell, list) else cell for name, cell in observation.items()}


def described_routes(models: Mapping[str, ServedModel]) -> dict[str, Any]:
    """The bodies of each route, with an example for each model."""
    streaming = {name: model for name, model in models.items() if model.description}
    rows = {name: {"model": name, "rows": [row_of(model)]} for name, model in models.items()}
    return {
        "predict": {
            "requestBody": {
                "required": True,
                "content": {
                    JSON: {"schema": {"type": "object"}, "examples": _examples(rows)},
                    **{kind: {"schema": {"type": "string"}} for kind in (CSV, STREAM, FILE)},
                },
            }
        },
        "generate": _body(
            {name: {"model": name, "length": 100} for name, model in models.items() if model.generates}
        ),
        "open": _body({name: {"model": name} for name in streaming}),
        "step": _body(
            {name: {"observation": observation_of(model.description)} for name, model in streaming.items()}
        ),
    }


def _cell(given: Mapping[str, Any], name: str) -> Any:
    categories = given["categories"].get(name)
    return categories[0] if categories else NUMBER


def _body(values: Mapping[str, Any]) -> dict[str, Any]:
    content = {JSON: {"schema": {"type": "object"}, "examples": _examples(values)}}
    return {"requestBody": {"required": True, "content": content}}


def _examples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"value": value} for name, value in values.items()}
