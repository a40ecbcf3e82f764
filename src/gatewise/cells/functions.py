"""The elementwise functions of equations: one row here, and one in the table of each backend.

The backends' tables: `gatewise.engine.step` (PyTorch), `gatewise.compiler.functions` (derivatives),
`gatewise.compiler.cpp` (C++), `gatewise.compiler.triton`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Function:
    """An elementwise function.

    arguments: how many it takes
    latex, mathml: its name typeset; a function without one is typeset by signs, see `latex` and `mathml`
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
    "minimum": Function(2, r"\min", "min"),
    "sigmoid": Function(1, r"\sigma", "&#963;"),
    "tanh": Function(1, r"\tanh", "tanh"),
    "relu": Function(1, r"\mathrm{relu}", "relu"),
    "softplus": Function(1, r"\mathrm{softplus}", "softplus"),
    "log_sigmoid": Function(1, r"\log\sigma", "log&#8201;&#963;"),
    "exp": Function(1, r"\exp", "exp"),
    "log": Function(1, r"\log", "log"),
    "sqrt": Function(1),
    "sin": Function(1, r"\sin", "sin"),
    "cos": Function(1, r"\cos", "cos"),
    "fraction": Function(1, r"\mathrm{frac}", "frac"),
    "abs": Function(1),
}

# Functions between the units of a head, and matrices with a number for each unit and key; see `ranks`.
BY_HEAD = {
    "outer": Function(2),
    "contract": Function(2),
    "dot": Function(2),
    "keys": Function(1),
}
