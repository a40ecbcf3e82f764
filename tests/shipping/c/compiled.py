"""Generated C files, compiled as strictly as users may, and run step by step."""

import ctypes
import subprocess
from pathlib import Path

import torch

import gatewise
from gatewise.shipping.c.export import export_step

FLAGS = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-O1", "-fPIC", "-shared"]
TYPES = {"float": ctypes.c_float, "double": ctypes.c_double, "int32_t": ctypes.c_int32}
DTYPES = {
    torch.float32: ctypes.c_float, torch.float64: ctypes.c_double,
    torch.int64: ctypes.c_int32, torch.int32: ctypes.c_int32,
}  # fmt: skip


class Compiled:
    """The C file of a module, for one input and one output, in this process."""

    def __init__(self, module, folder: Path, x, states, **options):
        self.files = export_step(module, folder / "model.c", {"x": x}, states, **options)
        library = folder / "model.so"
        subprocess.run(
            ["gcc", *FLAGS, "-o", library, folder / "model.c", "-lm"], check=True, capture_output=True
        )
        self.library, self.dtype = ctypes.CDLL(str(library)), DTYPES[x.dtype]
        (y,) = expected(module, [x], states)
        self.width, self.output_dtype = y.numel(), y.dtype
        self.state = ctypes.create_string_buffer(self.files.state + 64)
        self.reset()

    def reset(self):
        self.library.model_init(self.state)

    def step(self, x):
        values = x.flatten().tolist()
        given = (self.dtype * len(values))(*values)
        found = (DTYPES[self.output_dtype] * self.width)()
        self.library.model_step(self.state, given, found)
        return torch.tensor(list(found), dtype=self.output_dtype)


def expected(module, inputs, states):
    """What a module returns for each of the inputs [T, 1, ...], one after another."""
    values, found = tuple(states.values()), []
    with torch.no_grad(), gatewise.backend("reference"):
        for x in inputs:
            y, *values = module(x, *values)
            found.append(y.flatten())
    return torch.stack(found)
