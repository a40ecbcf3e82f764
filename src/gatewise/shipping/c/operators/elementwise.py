"""Operators on single elements: arithmetic, functions, comparisons, conversions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gatewise.shipping.c.arrays import WHOLE, View, kind_of
from gatewise.shipping.c.operators.call import Call, cast, operand
from gatewise.shipping.c.writer import Writer

# {f} is the suffix of functions and numbers of float32, nothing for float64.
FUNCTIONS = {
    "neg": "-{0}", "reciprocal": "1.0{f} / {0}", "square": "{0} * {0}",
    "exp": "exp{f}({0})", "exp2": "exp2{f}({0})", "expm1": "expm1{f}({0})", "log": "log{f}({0})",
    "log2": "log2{f}({0})", "log10": "log10{f}({0})", "log1p": "log1p{f}({0})", "sqrt": "sqrt{f}({0})",
    "rsqrt": "1.0{f} / sqrt{f}({0})", "sin": "sin{f}({0})", "cos": "cos{f}({0})", "tan": "tan{f}({0})",
    "asin": "asin{f}({0})", "acos": "acos{f}({0})", "atan": "atan{f}({0})", "atan2": "atan2{f}({0}, {1})",
    "sinh": "sinh{f}({0})", "cosh": "cosh{f}({0})", "tanh": "tanh{f}({0})", "asinh": "asinh{f}({0})",
    "acosh": "acosh{f}({0})", "atanh": "atanh{f}({0})", "erf": "erf{f}({0})", "lgamma": "lgamma{f}({0})",
    "floor": "floor{f}({0})", "ceil": "ceil{f}({0})", "trunc": "trunc{f}({0})", "round": "rint{f}({0})",
    "sigmoid": "1.0{f} / (1.0{f} + exp{f}(-{0}))",
    "relu": "{0} < 0 ? 0 : {0}",
    "softplus": "{0} > 20.0{f} ? {0} : log1p{f}(exp{f}({0}))",
    "log_sigmoid_forward": "({0} < 0 ? {0} : 0) - log1p{f}(exp{f}(-fabs{f}({0})))",
    "silu": "{0} / (1.0{f} + exp{f}(-{0}))",
    "mul": "{0} * {1}", "div": "{0} / {1}",
    "maximum": "{0} > {1} || {0} != {0} ? {0} : {1}", "minimum": "{0} < {1} || {0} != {0} ? {0} : {1}",
    "hypot": "hypot{f}({0}, {1})",
}  # fmt: skip
COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
TRUTHS = {
    "logical_and": "{0} && {1}", "logical_or": "{0} || {1}", "logical_xor": "!{0} != !{1}",
    "bitwise_and": "{0} & {1}", "bitwise_or": "{0} | {1}", "bitwise_xor": "{0} ^ {1}",
}  # fmt: skip


def _function(template: str, writer: Writer, call: Call) -> View:
    return _printed(template, writer, call, call.result.dtype, _arguments(call))


def _arguments(call: Call) -> list[Any]:
    """The tensors and numbers of a call."""
    names = [one for one in ("self", "other", "exponent") if one in call.arguments]
    return [call[one] for one in names]


def _printed(template: str, writer: Writer, call: Call, dtype: torch.dtype, values: list[Any]) -> View:
    """Elements by a template; dtype: in which they are computed"""
    suffix = "f" if dtype == torch.float32 else ""

    def value(*texts: str) -> str:
        own = (cast(text, one, dtype) for text, one in zip(texts, values, strict=True))
        return template.format(*own, f=suffix)

    operands = [operand(one, dtype) for one in values]
    return writer.elementwise(call.result.shape, call.result.dtype, value, operands)


def _add(sign: str, writer: Writer, call: Call) -> View:
    alpha = call.get("alpha", 1)
    suffix = "" if alpha == 1 else f" * {operand(alpha, call.result.dtype)}"
    return _function(f"{{0}} {sign} {{1}}{suffix}", writer, call)


def _comparison(sign: str, writer: Writer, call: Call) -> View:
    values = _arguments(call)
    return _printed(f"{{0}} {sign} {{1}}", writer, call, _common(values), values)


def _common(values: list[Any]) -> torch.dtype:
    """The dtype in which PyTorch compares values."""
    metas = [
        torch.empty([1] * len(one.shape), dtype=one.dtype, device="meta")
        if isinstance(one, View | Tensor)
        else one
        for one in values
    ]
    return metas[0].dtype if len(metas) == 1 else torch.result_type(*metas)


def _truth(template: str, writer: Writer, call: Call) -> View:
    values = _arguments(call)
    return _printed(template, writer, call, _common(values), values)


def _not(writer: Writer, call: Call) -> View:
    template = "!{0}" if call["self"].dtype == torch.bool or "logical" in str(call.operator) else "~{0}"
    return _printed(template, writer, call, call["self"].dtype, [call["self"]])


def _isnan(writer: Writer, call: Call) -> View:
    return _printed("{0} != {0}", writer, call, call["self"].dtype, [call["self"]])


def _isinf(writer: Writer, call: Call) -> View:
    return _printed("fabs{f}({0}) == INFINITY", writer, call, call["self"].dtype, [call["self"]])


def _abs(writer: Writer, call: Call) -> View:
    whole = kind_of(call.result.dtype) in WHOLE
    return _function("{0} < 0 ? -{0} : {0}" if whole else "fabs{f}({0})", writer, call)


def _sign(writer: Writer, call: Call) -> View:
    return _function("{0} > 0 ? 1 : {0} < 0 ? -1 : {0}", writer, call)


def _power(writer: Writer, call: Call) -> View:
    known = {
        2: "{0} * {0}",
        1: "{0}",
        3: "{0} * {0} * {0}",
        0.5: "sqrt{f}({0})",
        -0.5: "1.0{f} / sqrt{f}({0})",
    }
    exponent = call["exponent"]
    template = known.get(exponent) if isinstance(exponent, int | float) else None
    if template is None:
        return _function("pow{f}({0}, {1})", writer, call)
    return _printed(template, writer, call, call.result.dtype, [call["self"]])


def _rounded_division(writer: Writer, call: Call) -> View:
    whole = kind_of(call.result.dtype) in WHOLE
    down = call.get("rounding_mode", "floor") == "floor"
    if whole and down:
        template = "{0} / {1} - ({0} % {1} != 0 && ({0} < 0) != ({1} < 0))"
    elif whole:
        template = "{0} / {1}"
    else:
        template = f"{'floor' if down else 'trunc'}{{f}}({{0}} / {{1}})"
    if call.get("rounding_mode", "floor") is None:
        template = "{0} / {1}"
    return _function(template, writer, call)


def _remainder(writer: Writer, call: Call) -> View:
    whole = kind_of(call.result.dtype) in WHOLE
    return _function("({0} % {1} + {1}) % {1}" if whole else "{0} - floor{f}({0} / {1}) * {1}", writer, call)


def _fmod(writer: Writer, call: Call) -> View:
    whole = kind_of(call.result.dtype) in WHOLE
    return _function("{0} % {1}" if whole else "fmod{f}({0}, {1})", writer, call)


def _clamp(writer: Writer, call: Call) -> View:
    low, high = call.get("min"), call.get("max")
    values = [call["self"], *(one for one in (low, high) if one is not None)]
    template = "{0}"
    if high is not None:
        place = len(values) - 1
        template = f"{{0}} > {{{place}}} ? {{{place}}} : {template}"
    if low is not None:
        template = f"{{0}} < {{1}} ? {{1}} : {template}"
    if low is not None and high is not None:  # the lower bound gives way where it is above the upper
        template = f"({template}) > {{2}} ? {{2}} : ({template})"
    return _printed(template, writer, call, call.result.dtype, values)


def _gelu(writer: Writer, call: Call) -> View:
    if call.get("approximate", "none") == "tanh":
        inner = "0.7978845608028654{f} * ({0} + 0.044715{f} * {0} * {0} * {0})"
        return _function(f"0.5{{f}} * {{0}} * (1.0{{f}} + tanh{{f}}({inner}))", writer, call)
    return _function("0.5{f} * {0} * (1.0{f} + erf{f}({0} * 0.7071067811865476{f}))", writer, call)


def _elu(writer: Writer, call: Call) -> View:
    alpha, scale, inner = (float(call.get(name, 1.0)) for name in ("alpha", "scale", "input_scale"))
    template = f"{scale}{{f}} * ({{0}} > 0 ? {{0}} : {alpha}{{f}} * expm1{{f}}({{0}} * {inner}{{f}}))"
    return _printed(template, writer, call, call.result.dtype, [call["self"]])


def _leaky_relu(writer: Writer, call: Call) -> View:
    slope = float(call.get("negative_slope", 0.01))
    template = f"{{0}} > 0 ? {{0}} : {slope}{{f}} * {{0}}"
    return _printed(template, writer, call, call.result.dtype, [call["self"]])


def _hardtanh(writer: Writer, call: Call) -> View:
    low, high = call.get("min_val", -1), call.get("max_val", 1)
    template = "{0} < {1} ? {1} : {0} > {2} ? {2} : {0}"
    return _printed(template, writer, call, call.result.dtype, [call["self"], low, high])


def _where(writer: Writer, call: Call) -> View:
    dtype = call.result.dtype
    values = [call["condition"], call["self"], call["other"]]

    def value(condition: str, first: str, second: str) -> str:
        return f"{condition} ? {cast(first, values[1], dtype)} : {cast(second, values[2], dtype)}"

    operands = [operand(values[0], torch.bool), *(operand(one, dtype) for one in values[1:])]
    return writer.elementwise(call.result.shape, dtype, value, operands)


def _masked_fill(writer: Writer, call: Call) -> View:
    dtype = call.result.dtype
    values = [call["mask"], call["value"], call["self"]]
    operands = [operand(values[0], torch.bool), *(operand(one, dtype) for one in values[1:])]
    return writer.elementwise(call.result.shape, dtype, "{} ? {} : {}".format, operands)


def _converted(writer: Writer, call: Call) -> View:
    own, dtype = call["self"], call.result.dtype
    if dtype == torch.bool and own.dtype != torch.bool:
        return _printed("{0} != 0", writer, call, own.dtype, [own])
    return _printed("{0}", writer, call, dtype, [own])


def _nan_to_num(writer: Writer, call: Call) -> View:
    limits = torch.finfo(call.result.dtype)
    nan, high, low = call.get("nan"), call.get("posinf"), call.get("neginf")
    values = [
        call["self"], nan or 0.0, limits.max if high is None else high, limits.min if low is None else low
    ]  # fmt: skip
    template = "{0} != {0} ? {1} : {0} == INFINITY ? {2} : {0} == -INFINITY ? {3} : {0}"
    return _printed(template, writer, call, call.result.dtype, values)


OPERATORS: dict[str, Callable[[Writer, Call], View]] = {
    **{name: partial(_function, template) for name, template in FUNCTIONS.items()},
    **{name: partial(_comparison, sign) for name, sign in COMPARISONS.items()},
    **{name: partial(_truth, template) for name, template in TRUTHS.items()},
    "add": partial(_add, "+"),
    "sub": partial(_add, "-"),
    "logical_not": _not,
    "bitwise_not": _not,
    "isnan": _isnan,
    "isinf": _isinf,
    "abs": _abs,
    "sign": _sign,
    "pow": _power,
    "div.Tensor_mode": _rounded_division,
    "div.Scalar_mode": _rounded_division,
    "floor_divide": _rounded_division,
    "remainder": _remainder,
    "fmod": _fmod,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp,
    "gelu": _gelu,
    "elu": _elu,
    "leaky_relu": _leaky_relu,
    "hardtanh": _hardtanh,
    "where": _where,
    "masked_fill": _masked_fill,
    "_to_copy": _converted,
    "nan_to_num": _nan_to_num,
}
