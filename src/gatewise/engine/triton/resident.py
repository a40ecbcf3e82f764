"""All steps in one launch, whose programs keep the matrices of states: for few units, in all or in a head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise.compiler.triton_kernel import StepKernel
from gatewise.compiler.triton_resident import resident_kernels
from gatewise.engine.triton.backward import Backward
from gatewise.engine.triton.buffers import History
from gatewise.engine.triton.costs import RATES, Call, Schedule
from gatewise.engine.triton.functions import INTERPRETED, functions
from gatewise.engine.triton.loop import Loop
from gatewise.engine.triton.tiles import power_of_two
from gatewise.engine.triton.weights import Sizes

ROWS = 16  # of a program: the fewest that tensor cores multiply
LEAST_UNITS = 16  # likewise
UNITS_OF_WARP = 8  # with more, kernels lack registers
MOST_OF_FLOAT32 = 64  # units; with more, kernels without tensor cores lack registers
OPERANDS = 16_384  # bytes of shared memory beside the matrices, at most: rows that are multiplied


class Resident(Loop):
    """All steps in one launch, which computes the products of states, too."""

    def run_forward(self, history: History, keep: bool) -> None:
        values = {"states": history.states, "kept": history.kept, "KEEP": keep, "TRACED": False}
        values |= {"kept_step": history.kept[0].numel() if keep else 0, "by_step": 0}
        values |= {f"products_{number}": one for number, one in self.products.items()}
        self.launch_all(resident_kernels(self.plan).forward, values)

    def run_backward(self, back: Backward) -> None:
        tiles = -(-self.sizes.batch // ROWS)
        back.by_vectors = self.zeros(tiles, max(1, len(self.plan.vectors)), self.sizes.stride)
        carried, passed = back.passed[self.sizes.steps % 2], back.passed[0]
        values = back.values | {"carried": carried, "passed": passed, "d_vectors": back.by_vectors}
        self.launch_all(resident_kernels(self.plan).backward, values)

    def launch_all(self, kernel: StepKernel, values: Mapping[str, Any]) -> None:
        """Launches a kernel of all steps."""
        sizes = self.sizes
        own = self.arguments() | {f"matrix_{number}": one for number, one in enumerate(self.weights.matrices)}
        own |= {
            "units": sizes.units // sizes.heads, "outputs": sizes.widths[0] // sizes.heads,
            "ROWS": ROWS, "UNITS": padded(sizes), "PRECISION": "tf32" if self.precision == "tf32" else "ieee",
        } | dict(values)  # fmt: skip
        grid = (-(-sizes.batch // ROWS), sizes.heads)
        function = functions(resident_kernels(self.plan).text)[kernel.name][grid]
        function(
            *self.in_order(kernel, own),
            num_warps=warps_of(padded(sizes)),
            num_stages=1,
            enable_fp_fusion=True,
        )


def padded(sizes: Sizes) -> int:
    """The units of a program, with those that fill it."""
    return max(LEAST_UNITS, power_of_two(sizes.stride // sizes.heads))


def warps_of(units: int) -> int:
    """The warps of a program."""
    return max(4, units // UNITS_OF_WARP)


def matrix_bytes(call: Call) -> int:
    """The bytes of a program's matrices."""
    return sum(len(one.sums) for one in call.recurrent) * padded(call.sizes) ** 2 * call.product_bytes


def refusal(call: Call) -> str | None:
    """The reason why a call can't run by this schedule, or None."""
    if not call.recurrent:
        return "no product needs a state"
    if call.sizes.heads > 1 and call.plan.normalizers:
        return "a normalizer reads the units of all heads"
    if call.precision == "float32" and padded(call.sizes) > MOST_OF_FLOAT32:
        return f"products in float32 of more than {MOST_OF_FLOAT32} units need too many registers"
    needed = matrix_bytes(call) + OPERANDS
    if needed > RATES.shared:
        return f"a program needs {needed >> 10} KiB of shared memory, and has {RATES.shared >> 10}"
    if INTERPRETED and call.precision == "bfloat16":
        return "Triton's interpreter multiplies bfloat16 incorrectly"
    return None


def time(call: Call) -> float:
    """The estimate: programs that run at once share the memory, others run one after another."""
    sizes, width = call.sizes, padded(call.sizes)
    programs = -(-sizes.batch // ROWS) * sizes.heads
    waves = -(-programs // RATES.multiprocessors)
    products = sum(len(one.sums) for one in call.recurrent)
    rate = RATES.adds(call.precision) / RATES.multiprocessors
    multiplied = products * ROWS * width**2 / rate
    stages = len(call.plan.stages)
    step = stages * RATES.step + max(multiplied, call.step_bytes() / RATES.bandwidth / waves)
    return RATES.launch + waves * sizes.steps * step


RESIDENT = Schedule("resident matrices", Resident, refusal, time)
