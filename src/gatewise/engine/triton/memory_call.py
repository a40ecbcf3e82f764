"""The tensors of a call of the operation of matrix memories, and the launches of its kernels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gatewise.engine.triton.functions import functions

Vectors = tuple[Tensor, Tensor | None, Tensor, Tensor, Tensor]  # a, b, u, k, q


def empty(like: Tensor, *parts: int) -> Tensor:
    """A tensor of the shape of another, or parts of such a shape."""
    return like.new_empty(*parts, *like.shape)


class MemoryCall:
    """The tensors, contiguous, and the sizes.

    by_head: whether the factor of the last memory is one number for each head
    """

    def __init__(self, initial: Tensor, vectors: Vectors, heads: int, resets: Tensor | None) -> None:
        self.initial, self.heads = initial.contiguous(), heads
        a, b, u, k, q = vectors
        self.a, self.b = a.contiguous(), None if b is None else b.contiguous()
        self.u, self.k, self.q = u.contiguous(), k.contiguous(), q.contiguous()
        self.resets = None if resets is None else resets.contiguous().view(torch.uint8)
        self.steps, self.batch, self.keys = len(self.u), initial.shape[0], initial.shape[2]
        self.units = initial.shape[1] // heads
        self.by_head = self.b is None and self.a.shape[2] == heads

    @property
    def rows(self) -> int:
        """The number of heads of all rows."""
        return self.batch * self.heads

    def launch(
        self,
        text: str,
        name: str,
        grid: tuple[int, ...],
        tensors: Sequence[Tensor | None],
        sizes: Sequence[int],
        **options: int | str,
    ) -> None:
        """Launches a kernel of a text on the device of the tensors.

        sizes: after the number of steps, before those of all kernels
        """
        given = [self.initial if one is None else one for one in tensors]  # which the kernel does not read
        with torch.cuda.device_of(self.initial):
            functions(text)[name][self.rows, *grid](
                *given, self.steps, *sizes, self.batch, self.heads, self.units, self.keys,
                RESETS=self.resets is not None, **options,
            )  # fmt: skip
