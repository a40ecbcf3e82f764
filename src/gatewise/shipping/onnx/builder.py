"""Collects nodes of ONNX with their values."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir


class Builder:
    """Nodes in their order; values are those of `onnx_ir`. number: the numpy dtype of floating numbers"""

    name: str

    def __init__(self, name: str, number: Any) -> None:
        self.name, self.number = name, np.dtype(number)
        self.made: list[ir.Node] = []
        self._constants: dict[Any, ir.Value] = {}

    def nodes(self, operator: str, *inputs: ir.Value | None, count: int, **attributes: Any) -> list[ir.Value]:
        """A node of several results."""
        given = list(inputs)
        while given and given[-1] is None:
            given.pop()
        made = ir.node(operator, given, attributes or None, num_outputs=count)
        for place, value in enumerate(made.outputs):
            value.name = f"{self.name}.{len(self.made)}.{place}"
        self.made.append(made)
        return list(made.outputs)

    def node(self, operator: str, *inputs: ir.Value | None, **attributes: Any) -> ir.Value:
        """A node of one result."""
        return self.nodes(operator, *inputs, count=1, **attributes)[0]

    def rows(self, value: ir.Value, start: int, stop: int) -> ir.Value:
        return self.node("Slice", value, *(self.whole_numbers(one) for one in (start, stop, 0)))

    def unsqueezed(self, value: ir.Value, axis: int) -> ir.Value:
        return self.node("Unsqueeze", value, self.whole_numbers(axis))

    def cast(self, value: ir.Value, dtype: str) -> ir.Value:
        return self.node("Cast", value, to=ir.DataType.from_numpy(np.dtype(dtype)).value)

    def like(self, value: ir.Value, number: int) -> ir.Value:
        """A number in the dtype of a value."""
        return self.node("CastLike", self.constant(np.array(number)), value)

    def whole_numbers(self, *values: int) -> ir.Value:
        return self.constant(np.array(values, np.int64))

    def float_number(self, value: float) -> ir.Value:
        return self.constant(np.array(value, self.number))

    def constant(self, values: np.ndarray) -> ir.Value:
        key = (values.dtype.str, values.shape, values.tobytes())
        if key not in self._constants:
            self._constants[key] = self.node("Constant", value=ir.tensor(values))
        return self._constants[key]
