"""A cell's stages as Triton kernels: one step, forward and backward, over tiles of rows and units.

The products of a step are matrix products of their own before a kernel, which adds them up. A kernel reads
and writes, at step `t`,

    states, kept [T + 1 and T, numbers, B, S]   states and what the gradient needs, S the wider of H and P
    products_Q, gradient_Q                      the products of slot Q, and the gradients of its sums
    history_Q                                   these gradients at all steps
    operand_Q, through_Q [B, S]                 what slot Q multiplies, and the gradient through it
    carried, passed [states, B, S]              the gradients of states, from the next step, for the last
    entries [entries, B, S]                     gradients that stages pass to earlier ones

where `t` is a number in memory and an offset, so that recorded launches can be repeated. If no product
or normalizer is between states of two steps, a launch runs a stage for all steps, and states and their
gradients stay in registers; products, through_Q and entries are those of all steps. A program runs a chunk of
`chunk` steps, which starts from

    starts, carried [chunks, states, B, S]      the states before it, and the gradients after it

either of all steps, or of some, after the kernels of `gatewise.compiler.triton_scan`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from gatewise.compiler.stages import StagePlan
from gatewise.compiler.triton import PRELUDE
from gatewise.compiler.triton_backward import Backward
from gatewise.compiler.triton_forward import Forward
from gatewise.compiler.triton_kernel import StepKernel, runs_all_steps
from gatewise.compiler.triton_lattice import LatticeBackward, LatticeForward
from gatewise.compiler.triton_scan import ScanKernels, scan_kernels


@dataclass(frozen=True, eq=False)
class StepKernels:
    """The kernels of all stages, and the text of the module that holds them.

    runs_all_steps: whether a launch runs all steps, not one
    scan: for each level of an affine recurrence, the kernels that make chunks of steps independent
    """

    forward: tuple[StepKernel, ...]
    backward: tuple[StepKernel, ...]
    text: str
    runs_all_steps: bool
    scan: tuple[ScanKernels, ...]


@cache
def kernels(plan: StagePlan) -> StepKernels:
    """The kernels of a cell.

    >>> from gatewise.cells import GRU
    >>> from gatewise.compiler.stages import plan
    >>> [one.name for one in kernels(plan(GRU)).forward + kernels(plan(GRU)).backward]
    ['forward_0', 'backward_0']
    """
    of_lattice, stages = plan.cell.axes > 1, range(len(plan.stages))
    steps = (LatticeForward, LatticeBackward) if of_lattice else (Forward, Backward)
    forward, backward = (tuple(one(plan, number).kernel() for number in stages) for one in steps)
    scan = () if of_lattice else scan_kernels(plan)
    between = [kernel for one in scan for kernel in (one.forward, one.backward, one.carry)]
    text = "\n\n".join([PRELUDE, *(one.text for one in (*forward, *backward, *between))])
    return StepKernels(forward, backward, text, runs_all_steps(plan) and not of_lattice, scan)
