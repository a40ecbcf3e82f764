"""Equations as MathML in HTML, which browsers typeset without a script."""

from __future__ import annotations

from gatewise.cells import CellType
from gatewise.report.mathml import equations

EQUALS = "<mo>=</mo>"
OPEN, CLOSE = "<math><mrow>", "</mrow></math>"


def typeset(cell: CellType) -> str:
    """All equations of a cell, aligned at their signs of equality, as a block of raw HTML."""
    lines = []
    for one in equations(cell):
        left, _, right = one.letters.removeprefix(OPEN).removesuffix(CLOSE).partition(EQUALS)
        lines.append(f"<span>{OPEN}{left}{CLOSE}</span><span>{OPEN}{EQUALS}{right}{CLOSE}</span>")
    return "```{raw} html\n<div class='equations'>\n" + "\n".join(lines) + "\n</div>\n```"
