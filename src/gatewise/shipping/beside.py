"""The description of an exported model: a JSON file beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.plain import read_json

MARKS = {"task", "inputs", "results"}  # what every description has


def path_of_step(model: Path) -> Path:
    """The path of the step of a decoder, beside that of the model that it reads.

    >>> path_of_step(Path("model.onnx")).name
    'model_step.onnx'
    """
    return model.with_stem(f"{model.stem}_step")


def path_beside(model: Path) -> Path:
    """The path of the description of a model file.

    Raises: `GatewiseError` if a file is there that no export wrote.
    """
    path = model.with_suffix(".json")
    if path.exists() and not _description(path):
        raise GatewiseError(
            f"{str(path)!r} exists and was not written by an export: move it, or give the model another name"
        )
    return path


def free_path_of_step(model: Path) -> Path:
    """As `path_of_step`. Raises: `GatewiseError` if a file is there that no export wrote."""
    path = path_of_step(model)
    step = _description(model.with_suffix(".json")).get("step")  # or that of a time series
    if path.exists() and not (isinstance(step, dict) and step.keys() >= {"inputs", "results"}):
        raise GatewiseError(
            f"{str(path)!r} exists and was not written by an export: move it, or give the model another name"
        )
    return path


def write_beside(path: Path, description: Mapping[str, Any]) -> None:
    """Writes a description."""
    text = json.dumps(description, indent=1, ensure_ascii=False)
    write_whole(path, lambda to: to.write_text(text, "utf-8"))


def _description(path: Path) -> Mapping[str, Any]:
    """The description in a file; empty if there is none."""
    try:
        found = read_json(path)
    except (GatewiseError, OSError):
        return {}
    return found if isinstance(found, dict) and found.keys() >= MARKS else {}
