"""The derivatives of the elementwise functions, as formulas in no language: one row each."""

from __future__ import annotations

SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}

# Of a function of one argument, over its value {y} or its argument {x}. {one}, {half} and {zero} are numbers,
# {ones}, {minus_ones} and {zeros} the same for each unit.
SLOPES = {
    "negate": "{minus_ones}",
    "sigmoid": "({y} * ({one} - {y}))",
    "tanh": "({one} - {y} * {y})",
    "exp": "{y}",
    "softplus": "({one} - {exp}(-{y}))",
    "relu": "{select}({y} > {zero}, {ones}, {zeros})",
    "log_sigmoid": "({one} - {exp}({y}))",
    "log": "({one} / {x})",
    "sqrt": "({half} / {y})",
    "sin": "{cos}({x})",
    "cos": "(-{sin}({x}))",
    "fraction": "{ones}",
    "abs": "{sign}({x})",
}
