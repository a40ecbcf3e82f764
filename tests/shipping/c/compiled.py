"""Generated C files, compiled as strictly as users may, and run step by step."""

import ctypes
import subprocess
from itertools import count

import torch

import gatewise
from gatewise.shipping.c.export import export_step

FLAGS = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-O1", "-fPIC", "-shared"]
NUMBERS = count()
TYPES = {
    torch.float32: ctypes.c_float, torch.float64: ctypes.c_double,
    torch.int64: ctypes.c_int64, torch.int32: ctypes.c_int32,
}  # fmt: skip


class Library:
    """A C file in this process.

    dtype: of the input; results: of Python, [T, K], in the dtype of the output
    """

    def __init__(self, source, state_bytes, dtype, results):
        self.name = source.stem
        path = source.with_suffix(f".{next(NUMBERS)}.so")  # a library is loaded once by its path
        subprocess.run(["gcc", *FLAGS, "-o", path, source, "-lm"], check=True)
        self.library, self.dtype = ctypes.CDLL(str(path)), TYPES[dtype]
        self.result = results[0]
        garbage = b"\xff" * state_bytes  # NaN wherever a step reads what nothing has written
        self.state = ctypes.create_string_buffer(garbage, state_bytes)
        self.reset()

    def reset(self):
        getattr(self.library, f"{self.name}_reset")(self.state)

    def step(self, x):
        values = x.flatten().tolist()
        given = (self.dtype * len(values))(*values)
        found = (TYPES[self.result.dtype] * self.result.numel())()
        getattr(self.library, f"{self.name}_step")(self.state, given, found)
        return torch.tensor(list(found), dtype=self.result.dtype)


class Compiled(Library):
    """The C file of a module, for one input and one output."""

    def __init__(self, module, folder, x, states, **options):
        self.files = export_step(module, folder / "model.c", {"x": x}, states, **options)
        results = expected(module, [x], states)
        super().__init__(self.files.source, self.files.state, x.dtype, results)


def expected(module, inputs, states):
    """What a module returns for each of the inputs [T, 1, ...], one after another."""
    values, found = tuple(states.values()), []
    with torch.no_grad(), gatewise.backend("reference"):
        for x in inputs:
            y, *values = module(x, *values)
            found.append(y.flatten())
    return torch.stack(found)
