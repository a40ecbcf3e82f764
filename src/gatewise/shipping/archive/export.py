"""A deployed model as an archive of `torch.export`, which is checked by running it."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram

from gatewise.engine.choice import backend
from gatewise.engine.compiling import compiler
from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.plain import one_line
from gatewise.shipping.archive.portable import Portable
from gatewise.shipping.beside import free_path_of_step, path_beside, write_beside
from gatewise.shipping.checks import example_sizes, largest_difference, require_close, require_numbers
from gatewise.shipping.deployed import Deployed
from gatewise.shipping.refusals import exporter_refusals

NOTES = ("stack_trace", "source_fn_stack", "torch_fn")  # lines of source files, which no one needs


@dataclass(frozen=True)
class ArchiveFiles:
    """The files of a model as an archive.

    model, description: the archive, and what stays outside of it, as JSON
    size: bytes; error: the largest difference from the model, relative to the largest result
    step: the archive of a step of the decoder, if the model has one
    compiled: whether it holds a library for this kind of processor
    """

    model: Path
    description: Path
    size: int
    error: float
    step: Path | None = None
    compiled: bool = False

    def __str__(self) -> str:
        names = [str(self.model), *([self.step.name] if self.step else [])]
        return (
            f"{', '.join(names)} and {self.description.name}: {self.size / 1e3:.0f} kB, "
            f"{'compiled for this kind of processor' if self.compiled else 'which load with PyTorch alone'}; "
            f"it computes the model's results within {self.error:.0e} of the largest one"
        )


def export_archive(deployed: Deployed, path: Path, compiled: bool = False) -> ArchiveFiles:
    """Writes a model as an archive of `torch.export`, with a description in JSON beside it.

    Batch and time have any size. Before it is written, it is loaded, run at several sizes, and compared with
    the model.

    compiled: whether it is compiled by AOTInductor to a library, which needs a compiler of C++

    Raises: `GatewiseError` if the model can't be exported, or the results differ.
    """
    if compiled:
        compiler()
    if path.suffix.lower() != ".pt2":
        raise GatewiseError(f"expected the path of an archive, such as model.pt2, got {str(path)!r}")
    description = path_beside(path)
    step = None if deployed.step is None else free_path_of_step(path)
    archives = {path: _archive_of(deployed, compiled)}
    if step is not None and deployed.step is not None:
        archives[step] = _archive_of(deployed.step, compiled)
    for to, archive in archives.items():
        write_whole(to, partial(_write_bytes, content=archive.content))
    write_beside(description, deployed.described())
    every = archives.values()
    return ArchiveFiles(
        path,
        description,
        sum(len(one.content) for one in every),
        max(one.error for one in every),
        step,
        compiled,
    )


class _Archive(NamedTuple):
    """An archive, and its largest difference from the model."""

    content: bytes
    error: float


def _archive_of(deployed: Deployed, compiled: bool) -> _Archive:
    """A model as an archive that was checked. Raises: `GatewiseError` as `export_archive`."""
    random = torch.Generator().manual_seed(0)
    examples = [deployed.example(sizes, random) for sizes in example_sizes()]
    require_numbers(deployed, examples[0])
    dynamic = {field.name: field.dynamic for field in deployed.inputs}
    frozen = deepcopy(deployed).requires_grad_(False)  # so that its results are plain numbers
    program = exported_program(frozen, examples[0], dynamic)
    errors = []
    with _quiet(), TemporaryDirectory() as folder:
        path = Path(folder, "model.pt2")
        loaded = _compiled(program, path) if compiled else _saved(program, path)
        for given in examples:
            try:
                found = [one.numpy() for one in loaded(**given)]
            except AssertionError as error:  # a guard that PyTorch derived from the sizes of the example
                raise GatewiseError(
                    f"PyTorch's archive refuses some sizes ({one_line(error)}); export to ONNX"
                ) from error
            errors.append(largest_difference(deployed, given, found))
        require_close(max(errors), deployed.tolerance)
        return _Archive(path.read_bytes(), max(errors))


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _saved(program: ExportedProgram, path: Path) -> Callable[..., Sequence[Tensor]]:
    """Writes a program. Returns: what is loaded of it."""
    with path.open("wb") as file:
        torch.export.save(program, file)
    with path.open("rb") as file:
        loaded: Callable[..., Sequence[Tensor]] = torch.export.load(file).module()
    return loaded


def _compiled(program: ExportedProgram, path: Path) -> Callable[..., Sequence[Tensor]]:
    """Compiles a program, and writes the library with its weights. Returns: what is loaded of it.

    Raises: `GatewiseError` if it has a loop.
    """
    import torch._inductor as inductor

    if any(node.target is torch.ops.higher_order.scan for node in program.graph.nodes):
        raise GatewiseError(
            "PyTorch compiles no loop over a time of any length, which cells other than LSTM, GRU and RNN "
            "have; export to torch or onnx"
        )
    with exporter_refusals():
        inductor.aoti_compile_and_package(program, package_path=str(path))
    loaded: Callable[..., Sequence[Tensor]] = inductor.aoti_load_package(str(path))
    return loaded


def exported_program(
    module: nn.Module, example: Mapping[str, Tensor], dynamic: Mapping[str, Any]
) -> ExportedProgram:
    """A module whose `forward` takes tensors by name, as operations of PyTorch alone.

    example: a value of each argument; dynamic: for each, the axes of any size, by number
    """
    axes = {name: dict.fromkeys(dynamic.get(name, {}), Dim.DYNAMIC) for name in example}
    with exporter_refusals(), backend(Portable()), torch.no_grad(), _quiet():
        program = torch.export.export(module, (), dict(example), dynamic_shapes=axes, strict=False)
    _use_operators(program.graph_module.graph)
    for part in program.graph_module.modules():
        for node in part.graph.nodes if isinstance(part, fx.GraphModule) else ():
            for name in NOTES:
                node.meta.pop(name, None)
    program.graph_module.recompile()
    return program


def _use_operators(graph: fx.Graph) -> None:
    """Replaces each standard layer by the operator of PyTorch that it names."""
    graph.eliminate_dead_code()
    for node in graph.nodes:
        if node.target is not torch.ops.gatewise.standard_layer.default:
            continue
        inputs, states, weights, name, has_biases, ended = node.args
        read = {user.args[1] for user in node.users if user.target is operator.getitem}
        if ended and max(read) > 1:
            raise GatewiseError(
                "the final cell states of sequences of different lengths are needed, which PyTorch's LSTM "
                "computes of packed sequences only; export to ONNX"
            )
        node.target = getattr(torch.ops.aten, name).input
        given = states if len(states) > 1 else states[0]
        node.args = (inputs, given, weights, has_biases, 1, 0.0, False, False, False)
        node.meta["val"] = tuple(node.meta["val"])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of the exporter, which are about its own workings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
