"""A cell's parameters in the form of its slots, and the gradients of slots in the form of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gatewise.compiler.layout import TORCH_NAMES, layout
from gatewise.compiler.program import PROJECTION
from gatewise.compiler.stages import StagePlan
from gatewise.compiler.triton_kernel import NumberedSlot, slots

Precision = Literal["float32", "tf32", "bfloat16"]  # of the factors of products
DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16,
}  # fmt: skip


def rounds_to_tf32() -> bool:
    """Whether PyTorch rounds the factors of float32 products on a GPU to tf32."""
    matmul = torch.backends.cuda.matmul
    own = getattr(matmul, "fp32_precision", None)  # PyTorch < 2.9 has none
    return bool(matmul.allow_tf32) if own is None else own == "tf32"


@dataclass(frozen=True)
class Sizes:
    """The sizes of a call: steps, batch, units, the width of each state, heads."""

    steps: int
    batch: int
    units: int
    widths: tuple[int, ...]
    heads: int

    @property
    def stride(self) -> int:
        """The numbers of a row in memory, H or P."""
        return max(self.units, *self.widths)

    def width(self, plan: StagePlan, stage: int) -> int:
        """The width of a stage's rows."""
        return self.units if plan.stages[stage].width == "hidden" else self.widths[0]


class Weights:
    """The matrices of each slot, and rows of biases and vectors, in the dtype of products and float32."""

    plan: StagePlan
    sizes: Sizes
    parameters: Mapping[str, Tensor]
    blocks: dict[str, tuple[str, ...] | tuple[str]]
    matrices: list[Tensor]
    biases: Tensor
    vectors: Tensor

    def __init__(
        self, plan: StagePlan, parameters: Mapping[str, Tensor], sizes: Sizes, dtype: torch.dtype
    ) -> None:
        self.plan, self.sizes, self.parameters = plan, sizes, parameters
        self.blocks = {one.name: one.blocks for one in layout(plan.cell).parameters} | {PROJECTION: ("",)}
        self.matrices = [self._matrix(one).to(dtype) for one in slots(plan)]
        like = next(iter(parameters.values()))
        self.biases = like.new_zeros(max(1, plan.sums), sizes.stride)
        for index, family, block in plan.biases:
            name = TORCH_NAMES[family][1]
            if name in parameters:
                own = self._block(parameters[name], name, block)
                self.biases[index, : len(own)] += own
        self.vectors = like.new_zeros(max(1, len(plan.vectors)), sizes.stride)
        for number, (name, block) in enumerate(plan.vectors):
            if name in parameters:  # `b` is zero in a layer without biases
                own = self._block(parameters[name], name, block)
                self.vectors[number, : len(own)] = own

    def gradients(
        self, by_matrix: list[Tensor], by_sums: Mapping[int, Tensor], by_vectors: Tensor
    ) -> dict[str, Tensor]:
        """The gradient of each parameter.

        by_matrix: of each slot, [k, rows, width]; by_sums: of each sum, [W]; by_vectors: [V, S]
        """
        found = {name: torch.zeros_like(one) for name, one in self.parameters.items()}
        for one, by in zip(slots(self.plan), by_matrix, strict=True):
            for (_, family, block), own in zip(one.slot.products, by, strict=True):
                name = TORCH_NAMES.get(family, (family, ""))[0]
                self._block(found[name], name, block).copy_(own)
        for index, family, block in self.plan.biases:
            name = TORCH_NAMES[family][1]
            if name in found:
                own = self._block(found[name], name, block)
                own.copy_(by_sums[index][: len(own)])
        for number, (name, block) in enumerate(self.plan.vectors):
            if name in found:
                own = self._block(found[name], name, block)
                own.copy_(by_vectors[number, : len(own)])
        return found

    def by_head(self, one: NumberedSlot) -> bool:
        """Whether a slot multiplies each head by itself."""
        return self.sizes.heads > 1 and one.slot.operand.where != "input"

    def _matrix(self, one: NumberedSlot) -> Tensor:
        """[k * rows, width]; by head [heads, k * keys, keys]."""
        parts = []
        for _, family, block in one.slot.products:
            name = TORCH_NAMES.get(family, (family, ""))[0]
            parts.append(self._block(self.parameters[name], name, block))
        if not self.by_head(one):
            return torch.cat(parts)
        heads, keys = self.sizes.heads, self.sizes.units // self.sizes.heads
        whole = torch.stack([part.view(heads, keys, keys) for part in parts], dim=1)
        return whole.flatten(1, 2)

    def _block(self, parameter: Tensor, name: str, block: str) -> Tensor:
        blocks = self.blocks[name]
        rows = len(parameter) // len(blocks)
        first = blocks.index(block) * rows
        return parameter[first : first + rows]
