"""The schedules by which the kernels of a GPU run cells, for some calls, and why by no other."""

from __future__ import annotations

from collections.abc import Sequence

from gatewise.cells.base import CellType
from gatewise.compiler.constants import with_constants
from gatewise.compiler.heads import by_head, depends_on_heads, for_units
from gatewise.compiler.stages import plan
from gatewise.engine.triton.choice import SCHEDULES, choose
from gatewise.engine.triton.costs import Call
from gatewise.engine.triton.weights import Precision, Sizes

STEPS = 256
CALLS: tuple[tuple[int, int, Precision], ...] = (  # B, H, the factors of products
    (16, 64, "float32"), (16, 128, "bfloat16"), (16, 512, "float32"), (256, 1024, "float32"),
)  # fmt: skip
Row = tuple[str, ...]


def gpu_plans(cells: Sequence[CellType]) -> list[Row]:
    """For cells with the same answers: their names, the schedule of each call, reasons against others.

    Calls have 256 steps and a gradient. Schedules follow from estimates, which need no GPU.

    >>> from gatewise.cells import GRU, LSTM, MinGRU, mdlstm
    >>> for row in gpu_plans([LSTM, GRU, MinGRU]):
    ...     print(row[:-1])
    ('LSTM, GRU', 'resident matrices', 'resident matrices', 'step by step', 'step by step')
    ('MinGRU', 'chunked scan', 'chunked scan', 'chunked scan', 'one launch')
    >>> gpu_plans([mdlstm(2)])[0][:2]
    ('MDLSTM2', 'diagonals')
    """
    found: dict[Row, list[str]] = {}
    for one in cells:
        found.setdefault(_answers(one), []).append(one.__name__)
    return [(", ".join(names), *answers) for answers, names in found.items()]


def _answers(cell: CellType) -> Row:
    if cell.of_lattice:
        return (*["diagonals"] * len(CALLS), "each step of a lattice is a diagonal")
    if by_head(cell) is not None:
        return (*["matrix memory"] * len(CALLS), "in chunks of steps if a head has one factor, else by steps")
    made = plan(with_constants(for_units(cell) if depends_on_heads(cell) else cell)[0])
    chosen: list[str] = []
    reasons: dict[str, str] = {}
    for batch, units, precision in CALLS:
        sizes = Sizes(STEPS, batch, units, (units,) * len(cell.state), heads=1)
        call = Call(made, sizes, precision, saves=True)
        chosen.append(choose(call).name)
        for one in SCHEDULES:
            if reason := one.refusal(call):
                reasons.setdefault(one.name, reason)
    return (*chosen, "\n".join(f"{name}: {reason}" for name, reason in reasons.items()))
