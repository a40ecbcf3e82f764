"""The elementwise functions as operators of ONNX: one row each."""

from __future__ import annotations

# Of one or two values, each operator reads the result of the one before; "value" stands for the argument.
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "add": ("Add",),
    "subtract": ("Sub",),
    "multiply": ("Mul",),
    "divide": ("Div",),
    "negate": ("Neg",),
    "maximum": ("Max",),
    "minimum": ("Min",),
    "sigmoid": ("Sigmoid",),
    "tanh": ("Tanh",),
    "relu": ("Relu",),
    "softplus": ("Softplus",),
    "log_sigmoid": ("Neg", "Softplus", "Neg"),
    "exp": ("Exp",),
    "log": ("Log",),
    "sqrt": ("Sqrt",),
    "sin": ("Sin",),
    "cos": ("Cos",),
    "abs": ("Abs",),
    "fraction": ("Floor",),  # subtracted from the value
}
