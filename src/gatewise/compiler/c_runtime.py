"""The functions that generated C calls: products, normalization and functions that C99 lacks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CFunction:
    """A function of generated C.

    text: its definition
    calls: the names of those that it calls
    """

    text: str
    calls: tuple[str, ...] = ()


RUNTIME = {
    "sigmoid": CFunction("""\
static float sigmoid(float v)
{
    return 1.0f / (1.0f + expf(-v));
}
"""),
    "relu": CFunction("""\
static float relu(float v)
{
    return v < 0.0f ? 0.0f : v; /* NaN remains */
}
"""),
    "softplus": CFunction("""\
static float softplus(float v)
{
    return v > 20.0f ? v : log1pf(expf(v));
}
"""),
    "log_sigmoid": CFunction("""\
static float log_sigmoid(float v)
{
    return (v < 0.0f ? v : 0.0f) - log1pf(expf(-fabsf(v)));
}
"""),
    "fraction": CFunction("""\
static float fraction(float v)
{
    return v - floorf(v);
}
"""),
    "maximum": CFunction("""\
static float maximum(float a, float b)
{
    return a > b || a != a ? a : b; /* NaN if either is */
}
"""),
    "minimum": CFunction("""\
static float minimum(float a, float b)
{
    return a < b || a != a ? a : b; /* NaN if either is */
}
"""),
    "element": CFunction("""\
/* The place of an element: -1 is the last; a number that is beyond the ends is that of the end. */
static int64_t element(int64_t number, int64_t count)
{
    if (number < 0)
        number += count;
    return number < 0 ? 0 : number >= count ? count - 1 : number;
}
"""),
    "dot_product": CFunction("""\
static float dot_product(const float *a, const float *b, int count)
{
    float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f}; /* none waits for the one before */
    const int whole = count / 4 * 4;
    for (int i = 0; i < whole; i += 4) {
        sums[0] += a[i] * b[i];
        sums[1] += a[i + 1] * b[i + 1];
        sums[2] += a[i + 2] * b[i + 2];
        sums[3] += a[i + 3] * b[i + 3];
    }
    for (int i = whole; i < count; i++)
        sums[0] += a[i] * b[i];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}
"""),
    "dot_product_int8": CFunction("""\
static int32_t dot_product_int8(const int8_t *a, const int8_t *b, int count)
{
    int32_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}
"""),
    "product": CFunction(
        """\
/* y = matrix v + bias; bias may be null */
static void product(const float *matrix, const float *bias, const float *v, float *y, int rows, int columns)
{
    for (int row = 0; row < rows; row++, matrix += columns)
        y[row] = (bias ? bias[row] : 0.0f) + dot_product(matrix, v, columns);
}
""",
        ("dot_product",),
    ),
    "product_by_head": CFunction(
        """\
/* the same for the values of each head, which have blocks of the matrix of their own */
static void product_by_head(const float *matrix, const float *bias, const float *v, float *y, int rows,
                            int units, int keys)
{
    for (int row = 0; row < rows; row++, matrix += keys)
        y[row] = (bias ? bias[row] : 0.0f) + dot_product(matrix, v + row % units / keys * keys, keys);
}
""",
        ("dot_product",),
    ),
    "round_row": CFunction("""\
/* Rounds a row to integers, q = round(v / scale), scale = max|v| / 127; NaN if a value is not finite. */
static float round_row(const float *v, int8_t *q, int count)
{
    float largest = 0.0f;
    for (int i = 0; i < count; i++) {
        const float size = fabsf(v[i]);
        largest = size > largest || size != size ? size : largest;
    }
    const float factor = largest >= 0x1p-100f && largest <= FLT_MAX ? 127.0f / largest : 0.0f;
    for (int i = 0; i < count; i++)
        q[i] = factor > 0.0f ? (int8_t)rintf(v[i] * factor) : 0;
    return largest / 127.0f;
}
"""),
    "product_int8": CFunction(
        """\
/* y = matrix v + bias, with v rounded: sums of integers are exact */
static void product_int8(const int8_t *matrix, const float *scales, const float *bias, const float *v,
                         int8_t *q, float *y, int rows, int columns)
{
    const float scale = round_row(v, q, columns);
    for (int row = 0; row < rows; row++, matrix += columns) {
        const float sum = (float)dot_product_int8(matrix, q, columns);
        y[row] = sum * (scale * scales[row]) + (bias ? bias[row] : 0.0f);
    }
}
""",
        ("round_row", "dot_product_int8"),
    ),
    "product_int8_by_head": CFunction(
        """\
static void product_int8_by_head(const int8_t *matrix, const float *scales, const float *bias, const float *v,
                                 int8_t *q, float *y, int rows, int units, int keys)
{
    const float scale = round_row(v, q, units);
    for (int row = 0; row < rows; row++, matrix += keys) {
        const float sum = (float)dot_product_int8(matrix, q + row % units / keys * keys, keys);
        y[row] = sum * (scale * scales[row]) + (bias ? bias[row] : 0.0f);
    }
}
""",
        ("round_row", "dot_product_int8"),
    ),
    "normalize": CFunction("""\
/* layer normalization in place; gain and shift may be null */
static void normalize(float *v, const float *gain, const float *shift, float epsilon, int count)
{
    float mean = 0.0f, rest = 0.0f, variance = 0.0f;
    for (int i = 0; i < count; i++)
        mean += v[i];
    mean /= (float)count;
    for (int i = 0; i < count; i++) {
        rest += v[i] - mean; /* what rounding left of the mean */
        variance += (v[i] - mean) * (v[i] - mean);
    }
    rest /= (float)count;
    mean += rest;
    const float factor = 1.0f / sqrtf(variance / (float)count - rest * rest + epsilon);
    for (int i = 0; i < count; i++)
        v[i] = (v[i] - mean) * factor * (gain ? gain[i] : 1.0f) + (shift ? shift[i] : 0.0f);
}
"""),
}


def literal(value: float) -> str:
    """A float32 number of C, exactly.

    >>> literal(1), literal(0.1), literal(-1e-20), literal(float("-inf"))
    ('1.0f', '0.1f', '-1e-20f', '-INFINITY')
    """
    number = np.float32(value)
    if np.isnan(number):
        return "NAN"
    if np.isinf(number):
        return "INFINITY" if number > 0 else "-INFINITY"
    return f"{number!s}f"


def definitions(names: Iterable[str]) -> str:
    """The definitions of functions and of all that they call, each before its callers.

    >>> definitions(["relu"]).splitlines()[0]
    'static float relu(float v)'
    """
    found: dict[str, None] = {}

    def add(name: str) -> None:
        for called in RUNTIME[name].calls:
            add(called)
        found.setdefault(name)

    for name in RUNTIME:
        if name in set(names):
            add(name)
    return "\n".join(RUNTIME[name].text for name in found)
