"""Layers whose matrices may be int8, for inference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import torch
from torch import Tensor, nn

from gatewise.cells.base import CellType
from gatewise.compiler.heads import depends_on_heads
from gatewise.engine.int8 import WIDEST, rounded, scale_name
from gatewise.errors import GatewiseError


class Int8Layer(nn.Module):
    """A layer with trainable parameters, or with int8 matrices and no parameters at all."""

    is_int8: bool = False
    cell: CellType

    def parameter_names(self) -> Iterable[dict[str, str]]:
        """For each request of the layer, the names of its tensors in the layer by those in the request."""
        raise NotImplementedError

    def to_int8(self) -> None:
        """Replaces matrices by int8 buffers with a scale for each row, all other parameters by buffers."""
        for own in self.parameter_names():
            scales = {}
            for parameter, name in own.items():
                values = self._parameters.pop(name).detach()  # type: ignore[union-attr]
                if values.dim() == 2:
                    values, scale = rounded(values)
                    scales[scale_name(parameter)] = f"{name}_scale"
                    self.register_buffer(f"{name}_scale", scale.squeeze(-1))
                    values = values.to(torch.int8)
                self.register_buffer(name, values)
            own |= scales
        self.is_int8 = True
        self.eval()

    def require_quantizable(self) -> None:
        """Raises: `GatewiseError` if a parameter is not a float32 tensor of finite numbers on the CPU."""
        if self.cell.matrix_states or depends_on_heads(self.cell):
            raise GatewiseError(
                f"the cell {self.cell.__name__} has matrices of heads, which int8 weights do not support; "
                "quantize layers of vectors, such as LSTM, GRU or SLSTM"
            )
        for own in self.parameter_names():
            for name in own.values():
                self._require_quantizable(name)

    def train(self, mode: bool = True) -> Self:
        """Sets the mode, as in `torch.nn.Module`. Raises: `GatewiseError` if int8 matrices were to train."""
        if mode:
            self.refuse_int8()
        return super().train(mode)

    def refuse_int8(self) -> None:
        """Raises: `GatewiseError` if the matrices are int8, before anything that trains them."""
        if self.is_int8:
            raise GatewiseError(
                f"{type(self).__name__} has int8 weights, for inference only; "
                "train the module that was quantized, and quantize it again"
            )

    def values_of(self, names: dict[str, str]) -> dict[str, Tensor]:
        """The tensors of a request, by their names in it. names: of the same tensors in the layer"""
        known = self._parameters  # without int8 and parametrized ones; an attribute takes longer to find
        return {
            parameter: known[name] if name in known else getattr(self, name)  # type: ignore[misc]
            for parameter, name in names.items()
        }

    def _like(self) -> Tensor:
        """A tensor of the layer that has the dtype and device of its inputs."""
        names = next(iter(self.parameter_names()))
        last = next(reversed(names.values()))  # a scale if matrices are int8
        found: Tensor = self._parameters.get(last)  # type: ignore[assignment]
        return getattr(self, last) if found is None else found

    def _require_quantizable(self, name: str) -> None:
        own = f"{type(self).__name__}.{name}"
        values = self._parameters.get(name)
        if values is None:
            raise GatewiseError(
                f"{own} is computed from other parameters; replace it by its value before quantization, as "
                "torch.nn.utils.parametrize.remove_parametrizations does"
            )
        if values.device.type != "cpu":
            raise GatewiseError(f"expected {own} on the CPU, got {values.device}; move it by .cpu()")
        if values.dtype != torch.float32:
            raise GatewiseError(f"expected {own} as float32, got {values.dtype}; convert it by .float()")
        if values.dim() == 2 and values.shape[1] > WIDEST:
            raise GatewiseError(f"expected {own} of at most {WIDEST} columns, got {values.shape[1]}")
        if not values.isfinite().all():
            raise GatewiseError(f"{own} has values that are not finite, which int8 can't hold")
        if hasattr(self, f"{name}_scale"):
            raise GatewiseError(f"{type(self).__name__} has a tensor {name}_scale; rename it in its cell")
