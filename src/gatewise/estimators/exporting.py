"""Trained models as files for other programs, one function for each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from gatewise.errors import GatewiseError

if TYPE_CHECKING:
    from gatewise.tasks.base import AnyTask
    from gatewise.tasks.serialization import SavedModel

Format = Literal["onnx", "torch", "aoti", "c"]
Quantization = Literal["int8"]
ENDINGS: Mapping[Format, str] = {"onnx": "onnx", "torch": "pt2", "aoti": "pt2", "c": "c"}


def export(task: AnyTask, model: SavedModel, path: Path, format: str | None, quantize: str | None) -> object:
    """Writes a model in a format, None for that of the path's ending. Returns: what was written.

    Raises: `GatewiseError` if there is no such format, or the model can't have it.
    """
    ending = path.suffix.removeprefix(".").lower()
    name = next((one for one in ENDINGS if ENDINGS[one] == ending), None) if format is None else format
    if name is None or name not in FORMATS:
        what = f"format {format!r}" if format is not None else f"format for {str(path)!r}"
        raise GatewiseError(f"there is no {what} to export to; give one of {', '.join(FORMATS)}")
    if quantize is not None and quantize not in get_args(Quantization):
        raise GatewiseError(f'expected quantize as "int8" or None, got {quantize!r}')
    return FORMATS[name](task, model, path, quantize is not None)


def _to_onnx(task: AnyTask, model: SavedModel, path: Path, quantize: bool) -> object:
    from gatewise.shipping.onnx.export import export_onnx

    return export_onnx(task.deployed(model), path, quantize)


def _to_torch(task: AnyTask, model: SavedModel, path: Path, quantize: bool, compiled: bool = False) -> object:
    from gatewise.shipping.archive.export import export_archive  # imports PyTorch's exporter

    if quantize:
        raise GatewiseError(
            "an archive of PyTorch has no int8 weights; leave quantize out, or give onnx or c"
        )
    return export_archive(task.deployed(model), path, compiled)


def _to_c(task: AnyTask, model: SavedModel, path: Path, quantize: bool) -> object:
    from gatewise.shipping.c.stepwise import export_stepwise  # imports PyTorch's exporter

    try:
        step = task.stepwise(model)
    except GatewiseError as error:
        raise GatewiseError(f"a C file runs step by step, and {error}") from error
    return export_stepwise(step, path, quantize)


FORMATS: Mapping[str, Callable[[AnyTask, SavedModel, Path, bool], Any]] = {
    "onnx": _to_onnx,
    "torch": _to_torch,
    "aoti": partial(_to_torch, compiled=True),
    "c": _to_c,
}
