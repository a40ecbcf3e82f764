"""Which backend runs a cell, read from its equations: no kernel is compiled for a page."""

from __future__ import annotations

from gatewise.cells import CellType
from gatewise.compiler.heads import by_head
from gatewise.compiler.memory import memory_plan
from gatewise.engine.cudnn import operator_of


def on_cpu(cell: CellType) -> str:
    """The backend of a plain layer on a CPU, with the reason where it is the reference."""
    if by_head(cell) is None:
        return "`native`: one fused kernel, compiled from these equations"
    plan = memory_plan(cell) if cell.matrix_states else "it has no matrix memory"
    if isinstance(plan, str):
        return f"`reference`, step by step in PyTorch: {plan}"
    return "`memory`: gates, keys and values of all steps at once, and an operation for the memory"


def on_gpu(cell: CellType) -> str:
    """The backend of a plain layer on a GPU."""
    if not cell.of_lattice and operator_of(cell) is not None:
        return "`cudnn`: PyTorch's own operators, with the options of `torch.nn`"
    if by_head(cell) is None:
        return "`triton`: kernels of these equations, where Triton is installed"
    if cell.matrix_states and not isinstance(memory_plan(cell), str):
        return "`memory`"
    return "`reference`: step by step in PyTorch"
