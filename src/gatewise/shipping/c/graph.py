"""A module as a graph of PyTorch's operators, and the graph as statements of C."""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node

from gatewise.engine.choice import backend
from gatewise.errors import GatewiseError
from gatewise.plain import one_line
from gatewise.shipping.c.arrays import View
from gatewise.shipping.c.operators import OPERATORS
from gatewise.shipping.c.operators.arrangement import view_of
from gatewise.shipping.c.operators.call import Call
from gatewise.shipping.c.writer import Writer
from gatewise.shipping.recorded import Recorded

KEPT = (torch.ops.aten.linear.default,)  # operators that are printed as they are


def exported(module: nn.Module, example: tuple[Tensor, ...]) -> ExportedProgram:
    """The graph of a module for inputs of the shapes of an example.

    Raises: `GatewiseError` if PyTorch can't make one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the workings of the exporter
        with backend(Recorded()), torch.no_grad():
            try:
                program = torch.export.export(module.eval(), example, strict=False)
            except GatewiseError:
                raise
            except Exception as error:  # there is no common class of its errors
                raise GatewiseError(
                    f"PyTorch can't make a graph of {type(module).__name__}: {one_line(error)}"
                ) from error
        table = torch.export.default_decompositions()
        for one in KEPT:
            table.pop(one, None)
        program = program.run_decompositions(table)
        program.graph.eliminate_dead_code()
        return program


def write_graph(program: ExportedProgram, inputs: Mapping[str, View], writer: Writer) -> list[View]:
    """Writes the statements of a graph.

    inputs: the arrays of the arguments, in their order

    Returns: the results.

    Raises: `GatewiseError` if C has no statement for an operator.
    """
    return _Interpreter(program, inputs, writer).run()


class _Missing:
    """The result of an operator that C has not."""


MISSING = _Missing()


class _Interpreter:
    def __init__(self, program: ExportedProgram, inputs: Mapping[str, View], writer: Writer) -> None:
        self.program, self.writer = program, writer
        self.values: dict[Node, Any] = {}
        self.unsupported: dict[str, None] = {}
        self.inputs = iter(inputs.values())
        self._user_inputs: list[Node] = []

    def run(self) -> list[View]:
        results: list[View] = []
        nodes = list(self.program.graph.nodes)
        for self.writer.now, node in enumerate(nodes):
            self.writer.name = str(node.name).strip("_")
            match node.op:
                case "placeholder":
                    self.values[node] = self._input(node)
                case "call_function":
                    self.values[node] = self._called(node)
                case "output" if not self.unsupported:
                    results = [self.writer.view(one) for one in self._known(node.args[0])]
        if self.unsupported:
            raise GatewiseError(
                f"the model can't be exported to C, which has no {', '.join(self.unsupported)}; "
                "export it to ONNX or torch"
            )
        return results

    def _input(self, node: Node) -> Any:
        kinds = {one.arg.name: one for one in self.program.graph_signature.input_specs}
        own = kinds[node.name]
        if own.kind is InputKind.USER_INPUT:
            self._user_inputs.append(node)
            return next(self.inputs)
        if own.kind is InputKind.TOKEN:
            return MISSING
        target = str(own.target)
        known: Any = {**self.program.state_dict, **self.program.constants}
        value = known[target]
        self.writer.constants.name(value, "w_" + re.sub(r"[^A-Za-z0-9]", "_", target))
        return value

    def _called(self, node: Node) -> Any:
        if node.target is operator.getitem:
            values, place = self._known(node.args)
            if values is MISSING:
                return MISSING
            if place >= len(values):
                raise NotImplementedError
            return values[place]
        arguments, options = self._known(node.args), self._known(node.kwargs)
        leaves = _leaves((arguments, options))
        if any(one is MISSING for one in leaves):
            return MISSING
        random = torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
        if not random and not any(isinstance(one, View) for one in leaves):
            with torch.no_grad():
                return node.target(*arguments, **options)  # type: ignore[operator]
        return self._printed(node, arguments, options)

    def _printed(self, node: Node, arguments: Any, options: Any) -> Any:
        target: Any = node.target
        if not isinstance(target, torch._ops.OpOverload):
            self.unsupported[str(node.target)] = None
            return MISSING
        schema = target._schema
        names = [one.name for one in schema.arguments]
        named = dict(zip(names, arguments, strict=False)) | options
        found = node.meta.get("val")
        results = [found] if isinstance(found, Tensor) else list(found or [])
        call = Call(target, named, results, self._in_place(node))
        full = schema.name.split("::")[1] + (f".{schema.overload_name}" if schema.overload_name else "")
        printed = OPERATORS.get(full) or OPERATORS.get(schema.name.split("::")[1])
        try:
            if printed is None and target.is_view:
                printed = view_of
            if printed is not None:
                result = printed(self.writer, call)
                call.require_all_read()
                return result
        except NotImplementedError as error:
            full = f"{full} {error}"
        self.unsupported[full] = None
        return MISSING

    def _in_place(self, node: Node) -> frozenset[int]:
        """Which states of a layer may be updated where they are: those that nothing else reads."""
        if node.target is not torch.ops.gatewise.recurrent.default:
            return frozenset()
        nodes: list[Any] = list(self.program.graph.nodes)
        results, own = nodes[-1].args[0], self._user_inputs
        found = set()
        for user in node.users:
            place: Any = user.args[1]
            given: Any = node.args[2]
            state = given[place - 1]
            alone = place and user in results and state in own and list(state.users) == [node]
            if alone and len(own) - own.index(state) == len(results) - results.index(user):
                found.add(place - 1)
        return frozenset(found)

    def _known(self, arguments: Any) -> Any:
        """Arguments with values in place of nodes."""
        match arguments:
            case Node():
                return self.values[arguments]
            case list() | tuple():
                return [self._known(one) for one in arguments]
            case dict():
                return {name: self._known(one) for name, one in arguments.items()}
        return arguments


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [leaf for one in value for leaf in _leaves(one)]
    if isinstance(value, dict):
        return _leaves(list(value.values()))
    return [value]
