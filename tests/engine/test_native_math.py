"""The vector mathematics of the native engine, compiled for each instruction set that this processor has."""

import ctypes
import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

import gatewise.engine

HEADER = Path(gatewise.engine.__file__).parent / "native" / "math.h"
FLAGS = ["-std=c++17", "-O3", "-ffp-contract=fast", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
# Each instruction set: the width of its vectors, what the processor must have, and the compiler flags.
INSTRUCTION_SETS = {
    "avx512": (64, {"avx512f", "avx512dq", "avx512vl"}, ["-mavx512f", "-mavx512dq", "-mavx512vl"]),
    "avx2": (32, {"avx2", "fma"}, ["-mavx2", "-mfma"]),
    "unfused": (32, {"avx2", "fma"}, ["-mavx2", "-mfma", "-ffp-contract=off"]),
    "baseline": (16, set(), []),
}
OF_THE_LIBRARY = ["logarithm", "square_root", "sine", "cosine", "absolute"]
UNARY = ["log_sigmoid", "exponential", "sigmoid", "hyperbolic_tangent", "softplus", "relu"]
SHIM = """
#include "HEADER"

#define MAP(function, type)                                                                             \\
  extern "C" void function##_##type(const type *values, type *results, long count) {                    \\
    for (long first = 0; first < count; first += gatewise::lanes<type>)                                 \\
      gatewise::store(results + first, gatewise::function<type>(gatewise::load(values + first)));       \\
  }
#define MAP_PAIRS(function, type)                                                                       \\
  extern "C" void function##_##type(const type *a, const type *b, type *results, long count) {          \\
    for (long first = 0; first < count; first += gatewise::lanes<type>)                                 \\
      gatewise::store(results + first,                                                                  \\
                      gatewise::function<type>(gatewise::load(a + first), gatewise::load(b + first)));  \\
  }
"""
TINY = 1e-30  # results this small may become 0
PADDING = 16  # lanes of the widest vector
UNITS = {np.float32: 2, np.float64: 4}  # in the last place
TYPES = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}
both_types = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float", "double"])


def _processor():
    information = Path("/proc/cpuinfo")
    if platform.machine() not in ("x86_64", "AMD64") or not information.is_file():
        return set()
    flags = [line for line in information.read_text().splitlines() if line.startswith("flags")]
    return set(flags[0].split()) if flags else set()


class _Library:
    """The header's functions, from arrays to an array."""

    def __init__(self, path):
        self._library = ctypes.CDLL(str(path))

    def __call__(self, name, *arrays):
        count = arrays[0].size
        padded = [np.pad(array, (0, -count % PADDING)) for array in arrays]
        results = np.empty_like(padded[0])
        addresses = [ctypes.c_void_p(array.ctypes.data) for array in (*padded, results)]
        getattr(self._library, f"{name}_{TYPES[results.dtype]}")(*addresses, ctypes.c_long(results.size))
        return results[:count]


@pytest.fixture(scope="module", params=INSTRUCTION_SETS)
def native(request, tmp_path_factory):
    """The header compiled for one instruction set."""
    width, needed, options = INSTRUCTION_SETS[request.param]
    if missing := needed - _processor():
        pytest.skip(f"this processor has no {', '.join(sorted(missing))}")
    names = [os.environ.get("CXX"), "c++", "g++", "clang++"]
    compiler = next((found for name in names if name and (found := shutil.which(name))), None)
    if compiler is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp(request.param)
    maps = [f"MAP({name}, {kind})" for name in [*UNARY, *OF_THE_LIBRARY] for kind in TYPES.values()]
    pairs = [f"MAP_PAIRS({name}, {kind})" for name in ("maximum", "minimum") for kind in TYPES.values()]
    source, library = folder / "shim.cpp", folder / "shim.so"
    source.write_text("\n".join([SHIM.replace("HEADER", str(HEADER)), *maps, *pairs, ""]))
    command = [
        compiler,
        *FLAGS,
        *options,
        f"-DGATEWISE_VECTOR_BYTES={width}",
        str(source),
        "-o",
        str(library),
    ]
    compiled = subprocess.run(command, capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr
    return _Library(library)


REFERENCES = {
    "exponential": np.exp,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hyperbolic_tangent": np.tanh,
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "log_sigmoid": lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
    "logarithm": np.log,
    "square_root": np.sqrt,
    "sine": np.sin,
    "cosine": np.cos,
    "absolute": np.abs,
}


@cache
def _inputs(dtype):
    if dtype is np.float32:
        return np.arange(0, 2**32, 1021, dtype=np.uint32).view(np.float32)
    # Every exponent, and then those that matter most.
    random = np.random.default_rng(0)
    fractions = random.integers(0, 2**52, 2**18, dtype=np.uint64)
    exponents = np.concatenate(
        [random.integers(0, 2**11, 2**16), random.integers(1023 - 56, 1023 + 11, 3 * 2**16)]
    )
    signs = random.integers(0, 2, fractions.size, dtype=np.uint64)
    return (signs << 63 | exponents.astype(np.uint64) << 52 | fractions).view(np.float64)


@cache
def _reference(name, dtype):
    """The true values in a wider type, and rounded."""
    wider = np.float64 if dtype is np.float32 else np.longdouble
    if np.finfo(wider).nmant <= np.finfo(dtype).nmant:
        pytest.skip(f"no type here is wider than {dtype.__name__}")
    with np.errstate(all="ignore"):
        true = REFERENCES[name](_inputs(dtype).astype(wider))
        return true, true.astype(dtype)


@both_types
@pytest.mark.parametrize("name", REFERENCES)
def test_results_are_close_to_the_correctly_rounded_ones(native, name, dtype):
    x = _inputs(dtype)
    true, rounded = _reference(name, dtype)
    results = native(name, x)
    exact = ~np.isfinite(rounded)
    np.testing.assert_array_equal(results[exact], rounded[exact])
    tiny = np.abs(true) <= TINY
    assert (np.abs(results[tiny]) <= 1.001 * TINY).all()
    measured = ~exact & ~tiny
    error = np.abs(results[measured].astype(true.dtype) - rounded[measured])
    units = error / np.spacing(np.abs(rounded[measured]))
    worst = units.argmax()
    assert units[worst] <= UNITS[dtype], f"{name}({x[measured][worst]!r}) is {units[worst]} units off"


@both_types
def test_infinities_and_saturation(native, dtype):
    x = np.array([-np.inf, -1e30, -1e4, 1e4, 1e30, np.inf], dtype)
    np.testing.assert_array_equal(native("exponential", x), [0, 0, 0, np.inf, np.inf, np.inf])
    np.testing.assert_array_equal(native("sigmoid", x), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(native("hyperbolic_tangent", x), [-1, -1, -1, 1, 1, 1])
    np.testing.assert_array_equal(native("softplus", x), [0, 0, 0, *x[3:]])
    np.testing.assert_array_equal(native("relu", x), [0, 0, 0, *x[3:]])


@both_types
def test_the_exponential_is_right_up_to_the_largest_number(native, dtype):
    limit = np.log(np.finfo(dtype).max)
    x = np.array([np.nextafter(limit, dtype(0)), np.nextafter(limit, dtype(np.inf))], dtype)
    below, above = native("exponential", x)
    np.testing.assert_allclose(below, np.exp(x[0]), rtol=4 * np.finfo(dtype).eps)
    assert np.isinf(above)


@both_types
def test_zeros_and_denormal_numbers(native, dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    x = np.array([0.0, -0.0, smallest, -smallest, 1000 * smallest, -1000 * smallest], dtype)
    np.testing.assert_array_equal(native("exponential", x), 1)
    np.testing.assert_array_equal(native("sigmoid", x), 0.5)
    np.testing.assert_array_almost_equal_nulp(native("softplus", x), np.full_like(x, np.log(2)), 2)
    tangents = native("hyperbolic_tangent", x)
    np.testing.assert_array_equal(tangents, x)
    np.testing.assert_array_equal(np.signbit(tangents), np.signbit(x))
    np.testing.assert_array_equal(native("relu", x), np.maximum(x, 0))


@both_types
def test_flushing_subnormal_numbers_changes_next_to_nothing(native, dtype):
    x = _inputs(dtype)
    pairs = x, np.roll(x, 1)
    plain = [native(name, x) for name in UNARY] + [native("maximum", *pairs)]
    torch.set_flush_denormal(True)
    try:
        flushed = [native(name, x) for name in UNARY] + [native("maximum", *pairs)]
    finally:
        torch.set_flush_denormal(False)
    for ours, theirs in zip(flushed, plain, strict=True):
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=TINY)


@both_types
def test_every_kind_of_nan_stays_nan(native, dtype):
    unsigned, bits = (np.uint32, 23) if dtype is np.float32 else (np.uint64, 52)
    infinity = np.array(np.inf, dtype).view(unsigned)
    payloads = np.array([1, 2, 2 ** (bits - 1), 2 ** (bits - 1) + 1, 2**bits - 1], unsigned)
    quiet_and_signed = np.concatenate(
        [infinity | payloads, infinity | payloads | unsigned(1 << (8 * unsigned().nbytes - 1))]
    )
    x = quiet_and_signed.view(dtype)
    for name in UNARY:
        assert np.isnan(native(name, x)).all(), name


@both_types
def test_the_maximum_is_nan_where_either_is(native, dtype):
    numbers = np.array([np.nan, -np.inf, -2.5, 0.0, 1e-40, 3.0, np.inf], dtype)
    a, b = (side.ravel() for side in np.meshgrid(numbers, numbers))
    np.testing.assert_array_equal(native("maximum", a, b), np.maximum(a, b))
