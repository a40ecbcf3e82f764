"""What runs a cell on a GPU: the calls to choose for, schedules, and what estimates of times are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gatewise.compiler.gradient import kept
from gatewise.compiler.stages import StagePlan
from gatewise.compiler.triton_kernel import NumberedSlot, operand_width, slots
from gatewise.engine.triton.loop import Loop
from gatewise.engine.triton.weights import Precision, Sizes


@dataclass(frozen=True)
class Rates:
    """A GPU in microseconds: estimates for an H100 from its data sheet. None of them was measured.

    launch: of a kernel by Python; replayed: of a kernel in a graph; recording: of a graph of some steps
    product: the shortest matrix product of a library; step: a kernel's own step, at least: it waits for
        numbers from memory, and for the threads of its program
    bandwidth: bytes from memory in a microsecond, and cached from the L2 cache
    adds: multiply-adds of all multiprocessors in a microsecond
    multiprocessors, shared: their number, and the bytes of shared memory of a program
    """

    launch: float = 15.0
    replayed: float = 2.5
    recording: float = 500.0
    product: float = 4.0
    step: float = 1.0
    bandwidth: float = 2.5e6
    cached: float = 5e6
    float32: float = 25e6
    tf32: float = 150e6
    bfloat16: float = 300e6
    multiprocessors: int = 132
    shared: int = 232_448

    def adds(self, precision: Precision) -> float:
        """Multiply-adds in a microsecond."""
        return {"float32": self.float32, "tf32": self.tf32, "bfloat16": self.bfloat16}[precision]


RATES = Rates()


@dataclass(frozen=True)
class Call:
    """What the choice of a schedule depends on.

    saves: whether a forward pass saves what the gradient or a trace needs
    backward: whether it is the gradient of a call
    """

    plan: StagePlan
    sizes: Sizes
    precision: Precision
    saves: bool
    backward: bool = False

    @property
    def recurrent(self) -> tuple[NumberedSlot, ...]:
        """The slots whose products are computed in each step."""
        return tuple(one for one in slots(self.plan) if one.slot.operand.where != "input")

    @property
    def product_bytes(self) -> int:
        """The bytes of a factor of a product."""
        return 2 if self.precision == "bfloat16" else 4

    def shape(self, one: NumberedSlot) -> tuple[int, int]:
        """The rows and columns of a slot's matrix, by head."""
        sizes, heads = self.sizes, self.sizes.heads
        rows = len(one.sums) * sizes.width(self.plan, one.stage)
        hidden = operand_width(self.plan, one) == "hidden"
        columns = sizes.units if hidden else sizes.widths[0]
        return rows // heads, columns // heads

    def step_bytes(self) -> int:
        """The bytes that a step reads and writes, beside matrices."""
        plan, saved = self.plan, self.saves or self.backward
        numbers = 2 * len(plan.program.states) + plan.sums + (len(kept(plan)) if saved else 0)
        return 4 * numbers * self.sizes.batch * self.sizes.stride * (2 if self.backward else 1)


@dataclass(frozen=True)
class Schedule:
    """A way to run the steps of a call.

    name: in two or three words; loop: runs a call
    refusal: the reason why it can't run a call, in a sentence, or None
    time: the estimate for a call in microseconds, without what all schedules have in common: the products of
        all inputs, and the gradients of weights
    """

    name: str
    loop: type[Loop]
    refusal: Callable[[Call], str | None]
    time: Callable[[Call], float]


def product_time(call: Call, one: NumberedSlot, steps: int = 1) -> float:
    """Of a slot's matrix product in a step, or in some at once, by a library."""
    rows, columns = call.shape(one)
    weights = call.sizes.heads * rows * columns
    adds = steps * weights * call.sizes.batch / RATES.adds(call.precision)
    return max(RATES.product, adds, call.product_bytes * weights / RATES.cached)
