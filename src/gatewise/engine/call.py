"""A request in the form of a kernel, and what requests with the same shapes and options have in common."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from gatewise.engine.request import Request

Numbers: TypeAlias = "array[int]"  # of 8 bytes each: a struct of native/problem.h
ThreadPlan: TypeAlias = tuple[int, bool, bool]  # as `plan_threads` returns it


@dataclass(eq=False)
class Signature:
    """What requests with the same shapes and options have in common.

    Positions are flattened: T is the steps of a sequence or all positions of a lattice, F those on a side.

    request: one of them, without its tensors
    sizes: of the lattice, or (T,)
    names: of the parameters
    widths: of each state: H, or P if it is projected
    rows: for each state (B, H'); H' is H padded to whole vectors
    shapes: of the initial states
    weights: multiplications of a row and step
    factors: the number of the program's factors
    has_intermediates: whether the gradient reads any
    unpacked: whether the forward pass may read the weights in the caller's order
    memory: the bytes of packed parameters, and of scratch memory forward and backward, by thread plan and
        whether weights are unpacked
    """

    request: Request
    sizes: tuple[int, ...]
    steps: int
    batch: int
    inputs: int
    units: int
    names: tuple[str, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[int, int], ...]
    shapes: tuple[torch.Size, ...]
    weights: int
    factors: int
    has_lengths: bool
    has_resets: bool
    has_intermediates: bool
    unpacked: bool
    memory: dict[tuple[ThreadPlan, bool], Numbers] = field(default_factory=dict)

    def fields(self, threads: ThreadPlan, unpacked: bool) -> list[int]:
        """The first fields of `Problem` of native/problem.h."""
        return [
            *self.sizes, self.batch, self.inputs, self.units, self.widths[0], self.request.heads,
            *threads, self.recomputes, unpacked, *self.request.directions,
        ]  # fmt: skip

    def is_unpacked(self, threads: ThreadPlan) -> bool:
        """Whether a forward call with a thread plan reads the weights in the caller's order."""
        return self.unpacked and not threads[2]

    @property
    def recomputes(self) -> bool:
        """Whether the gradient recomputes the gates; over lattices, they are always saved."""
        return self.request.recompute and len(self.sizes) == 1

    def call(self, given: Iterator[Tensor]) -> KernelCall:
        """The call with these `tensors`."""
        return KernelCall(
            self,
            next(given),
            {name: next(given) for name in self.names},
            [next(given) for _ in self.shapes],
            [next(given) for _ in range(self.factors)],
            next(given) if self.has_lengths else None,
            next(given) if self.has_resets else None,
            [next(given) for _ in self.widths],
            [None] * len(self.shapes),
            next(given) if self.has_intermediates else None,
        )


@dataclass(eq=False)
class KernelCall:
    """A request's tensors in the kernel's form, and the results of its forward call.

    inputs: [T, B, I]
    initial: [F, B, H'] for each predecessor, or [B, H']
    history: [T, B, H'] of each state ([2, B, H'] if only the last is needed); final: as initial
    intermediates: [T, B, kept, H'], the values saved beside the states, or None
    """

    signature: Signature
    inputs: Tensor
    parameters: Mapping[str, Tensor]
    initial: list[Tensor]
    factors: list[Tensor]
    lengths: Tensor | None
    resets: Tensor | None
    history: list[Tensor] = field(default_factory=list)
    final: list[Tensor | None] = field(default_factory=list)
    intermediates: Tensor | None = None

    def tensors(self) -> list[Tensor]:
        """All tensors that the gradient reads, in the order of `Signature.call`."""
        given = [self.inputs, *self.parameters.values(), *self.initial, *self.factors]
        given += [one for one in (self.lengths, self.resets) if one is not None]
        given += self.history
        return given if self.intermediates is None else [*given, self.intermediates]
