"""A deployed model as an ONNX file, which is checked by running it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.shipping.beside import free_path_of_step, path_beside, write_beside
from gatewise.shipping.checks import example_sizes, largest_difference, require_close, require_numbers
from gatewise.shipping.deployed import Deployed

if TYPE_CHECKING:
    import onnx

LIBRARIES = ("onnx", "onnxruntime", "onnxscript")
QUANTIZED = ["LSTM", "MatMul", "Gemm"]  # convolutions stay as they are: their results are thresholded


@dataclass(frozen=True)
class OnnxFiles:
    """The files of a model in ONNX.

    model, description: the graph, and what stays outside of it, as JSON
    size: bytes of the graph; opset: the version of the standard's operators
    error: the largest difference from the model in PyTorch, relative to the largest result
    float_size, int8_error: of graphs with int8 weights, the size without, and the largest difference
    step: the graph of a step of the decoder, if the model has one
    """

    model: Path
    description: Path
    size: int
    opset: int
    error: float
    float_size: int = 0
    int8_error: float | None = None
    step: Path | None = None

    def __str__(self) -> str:
        names = [str(self.model), *([self.step.name] if self.step else [])]
        text = (
            f"{', '.join(names)} and {self.description.name}: {self.size / 1e3:.0f} kB, opset {self.opset}; "
        )
        if self.int8_error is not None:
            return (
                f"{text}int8 weights of {self.float_size / 1e3:.0f} kB; results differ by at most "
                f"{self.int8_error:.1%} of the largest one"
            )
        return f"{text}onnxruntime computes the model's results within {self.error:.0e} of the largest one"


def export_onnx(deployed: Deployed, path: Path, quantize: bool = False) -> OnnxFiles:
    """Writes a model as an ONNX file, with a description in JSON beside it, and the step of its decoder.

    Batch and time have any size. Before it is written, the graph is run in onnxruntime at several sizes, and
    compared with the model.

    quantize: whether the weights of products and LSTMs are int8

    Raises: `GatewiseError` if a library is missing, the model can't be exported, or the results differ.
    """
    require_libraries()
    if path.suffix.lower() != ".onnx":
        raise GatewiseError(f"expected the path of an ONNX file, such as model.onnx, got {str(path)!r}")
    description = path_beside(path)
    step = None if deployed.step is None else free_path_of_step(path)
    from gatewise.shipping.onnx.graph import OPSET  # imports PyTorch's exporter

    graphs = {path: _graph_of(deployed, quantize)}
    if step is not None and deployed.step is not None:
        graphs[step] = _graph_of(deployed.step, quantize)
    for to, graph in graphs.items():
        write_whole(to, partial(_write_bytes, content=graph.content))
    write_beside(description, {"opset": OPSET, **deployed.described()})
    every = graphs.values()
    return OnnxFiles(
        path,
        description,
        sum(len(one.content) for one in every),
        OPSET,
        max(one.error for one in every),
        sum(one.float_size for one in every),
        max(one.int8_error for one in every) if quantize else None,
        step,
    )


class _Graph(NamedTuple):
    """A graph, and what `OnnxFiles` says of it."""

    content: bytes
    error: float
    float_size: int
    int8_error: float


def _graph_of(deployed: Deployed, quantize: bool) -> _Graph:
    """A model as a graph that was checked. Raises: `GatewiseError` as `export_onnx`."""
    from gatewise.shipping.onnx.graph import onnx_model  # imports PyTorch's exporter

    random = torch.Generator().manual_seed(0)
    examples = [deployed.example(sizes, random) for sizes in example_sizes()]
    require_numbers(deployed, examples[0])
    dynamic = {field.name: field.dynamic for field in deployed.inputs}
    model = onnx_model(deployed, examples[0], [field.name for field in deployed.results], dynamic)
    model.producer_name, content = "gatewise", model.SerializeToString()
    error = _error_of(deployed, content, examples)
    require_close(error, deployed.tolerance)
    if not quantize:
        return _Graph(content, error, len(content), 0.0)
    small = _quantized(model)
    return _Graph(small, error, len(content), _error_of(deployed, small, examples))


def require_libraries() -> None:
    """Raises: `GatewiseError` if a library is missing, or PyTorch is too old."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise GatewiseError(f"an export to ONNX needs {', '.join(missing)}: pip install 'gatewise[onnx]'")
    if not hasattr(torch.onnx, "ops"):
        raise GatewiseError(f"an export to ONNX needs PyTorch 2.8 or later; this is {torch.__version__}")


def _error_of(deployed: Deployed, model: bytes, examples: Sequence[dict[str, Tensor]]) -> float:
    """The largest difference of a graph in onnxruntime from the model."""
    import onnxruntime

    session, errors = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]), []
    for given in examples:
        found = session.run(None, {name: one.numpy() for name, one in given.items()})
        errors.append(largest_difference(deployed, given, found))
    return max(errors)


def _quantized(model: onnx.ModelProto) -> bytes:
    """The graph with int8 weights in products and LSTMs, by onnxruntime's tools."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory() as directory:
        before, prepared, after = (Path(directory, name) for name in ("before", "prepared", "after"))
        before.write_bytes(model.SerializeToString())
        quant_pre_process(before, prepared, skip_symbolic_shape=True)
        quantize_dynamic(prepared, after, op_types_to_quantize=QUANTIZED, weight_type=QuantType.QInt8)
        return after.read_bytes()


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)
