"""The elementwise functions of equations: one row here, and one in the table of each backend.

The backends' tables: `gatewise.engine.step` (PyTorch), `gatewise.compiler.functions` (C++).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Function:
    """An elementwise function.

    arguments: how many it takes
    latex, mathml: its name typeset; operators are typeset by their signs
    """

    arguments: int
    latex: str = ""
    mathml: str = ""


FUNCTIONS = {
    "add": Function(2),
    "subtract": Function(2),
    "multiply": Function(2),
    "divide": Function(2),
    "negate": Function(1),
    "maximum": Function(2, r"\max", "max"),
    "sigmoid": Function(1, r"\sigma", "&#963;"),
    "tanh": Function(1, r"\tanh", "tanh"),
    "relu": Function(1, r"\mathrm{relu}", "relu"),
    "softplus": Function(1, r"\mathrm{softplus}", "softplus"),
    "exp": Function(1, r"\exp", "exp"),
}
