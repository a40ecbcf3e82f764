"""A module as an ONNX graph: PyTorch's exporter, with layers as nodes of the standard or a Scan."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import onnx
import onnx_ir as ir
import torch
from onnx_ir.passes import common
from onnxscript import optimizer
from torch import Tensor, nn

from gatewise.engine.choice import backend
from gatewise.shipping.onnx.builder import Builder
from gatewise.shipping.onnx.lattice import print_lattice
from gatewise.shipping.onnx.recorder import LayerNode, Recorder, symbolic_nodes
from gatewise.shipping.onnx.scan import print_scan
from gatewise.shipping.onnx.standard import print_standard, standard_node
from gatewise.shipping.refusals import exporter_refusals

OPSET = 20
ANY_SIZE = 1 << 62  # weights of any size are arranged in the export, not in each call


def onnx_model(
    module: nn.Module, example: Mapping[str, Tensor], outputs: Sequence[str], dynamic: Mapping[str, Any]
) -> onnx.ModelProto:
    """The graph of a module whose `forward` takes tensors by name.

    example: a value of each argument, in order; outputs: the names of the results
    dynamic: for each argument, the axes of any size, by number, with a name each

    Raises: `GatewiseError` if PyTorch's exporter can't record the module, or ONNX has not all operators.
    """
    axes = {name: dict.fromkeys(dynamic.get(name, {}), torch.export.Dim.DYNAMIC) for name in example}
    with exporter_refusals(), backend(Recorder()), torch.no_grad(), _quiet():
        program = torch.export.export(module, (), dict(example), dynamic_shapes=axes, strict=False)
        exported = torch.onnx.export(
            program, (), kwargs=dict(example), input_names=list(example), output_names=list(outputs),
            opset_version=OPSET, dynamo=True, optimize=False, verbose=False,
        )  # fmt: skip
        assert exported is not None
        model = exported.model
        _replace_layers(model.graph)
        _simplify(model)
    _name_axes(model.graph, dynamic)
    written = ir.to_proto(model)
    onnx.checker.check_model(written, full_check=True)
    return written


def _replace_layers(graph: ir.Graph) -> None:
    for number, node in enumerate(symbolic_nodes(list(graph))):
        layer = LayerNode.read(node.attributes["description"].as_string())
        values = dict(zip(layer.given, node.inputs, strict=True))
        builder = Builder(f"layer{number}", values["inputs"].dtype.numpy())
        standard = standard_node(layer)
        if layer.cell.of_lattice:
            results = print_lattice(layer, values, builder)
        elif standard is None:
            results = print_scan(layer, values, builder)
        else:
            results = print_standard(layer, standard, values, builder)
        for old, new in zip(node.outputs, results, strict=True):
            new.type, new.shape = old.type, old.shape
        ir.convenience.replace_nodes_and_values(graph, node, [node], builder.made, node.outputs, results)


def _name_axes(graph: ir.Graph, dynamic: Mapping[str, Mapping[int, str]]) -> None:
    """Gives the axes of inputs their names."""
    for value in graph.inputs:
        if value.shape is not None:
            for axis, name in dynamic.get(str(value.name), {}).items():
                value.shape[axis] = name


def _simplify(model: ir.Model) -> None:
    """Arranges weights once, and removes what is not used, with PyTorch's notes on lines of source files."""
    common.InlinePass()(model)
    optimizer.fold_constants_ir(model, input_size_limit=ANY_SIZE, output_size_limit=ANY_SIZE)
    passes = ir.passes.Sequential(
        common.IdentityEliminationPass(),
        common.RemoveUnusedNodesPass(),
        common.RemoveUnusedFunctionsPass(),  # type: ignore[no-untyped-call]
        common.RemoveUnusedOpsetsPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.LiftSubgraphInitializersToMainGraphPass(),
        common.DeduplicateInitializersPass(),
        common.CommonSubexpressionEliminationPass(),
        common.OutputFixPass(),
        common.NameFixPass(),
        common.ClearMetadataAndDocStringPass(),
    )
    passes(model)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the messages of the exporters, which are about their own workings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
