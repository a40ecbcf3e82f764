"""Kernels compiled ahead of time for a GPU that is not there: registers, spills, shared memory."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gatewise.cells import GRU, LSTM, MinGRU, cells
from gatewise.cells.grid import grid
from gatewise.cells.multidimensional import mdlstm
from gatewise.compiler.stages import plan
from gatewise.compiler.triton_memory import MEMORY_STEPS
from gatewise.compiler.triton_memory_chunks import MEMORY_CHUNKS
from gatewise.compiler.triton_resident import resident_kernels
from gatewise.compiler.triton_source import kernels
from gatewise.engine.triton import memory, memory_chunks
from gatewise.engine.triton.functions import functions
from gatewise.engine.triton.memory_call import MemoryCall
from gatewise.engine.triton.resident import ROWS, warps_of
from gatewise.engine.triton.tiles import tile_of

H100 = 90  # compute capability 9.0
SHARED = 232_448  # bytes of shared memory of a program there
# In the dtype of products.
ROUNDED = ("products", "operand", "following", "gradient", "history", "through", "later", "matrix")
OPTIONS = {"LENGTHS": True, "RESETS": True, "KEEP": True, "TRACED": True, "HEADS": 1, "DIRECTION": 1}
OPTIONS |= {"HISTORY": True}
TYPES = {"lengths": "*i32", "counter": "*i32", "resets": "*u8", "cleared": "*u8", "kinds": "*u8"}
TYPES |= dict.fromkeys(("numbers", "before", "after", "fits"), "*i32")
SIZES = (
    "offset", "batch", "width", "stride", "factor_step", "kept_step", "by_step", "steps", "chunk", "units",
    "outputs", "start", "rows", "most", "positions", "places",
    "length", "heads", "keys",
)  # fmt: skip
UNALIGNED = ("offset", "steps", "chunk", "start", "rows", "length", "heads")


class Compiled:
    """A kernel for the H100: its registers, bytes of the stack, which are of spills, and its code."""

    def __init__(self, kernel, text, dtype, warps, folder, **options):
        triton = pytest.importorskip("triton")
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource

        options = OPTIONS | options
        kinds = {one: "constexpr" if one in options else "i32" if one in SIZES else TYPES.get(one, "*fp32")
                 for one in kernel.arguments}  # fmt: skip
        kinds |= {one: f"*{dtype}" for one in kinds if one.startswith(ROUNDED)}
        aligned = [place for place, one in enumerate(kernel.arguments) if one not in (*options, *UNALIGNED)]
        source = ASTSource(
            fn=functions(text)[kernel.name],
            signature=kinds,
            constexprs={one: value for one, value in options.items() if one in kinds},
            attrs={(place,): [["tt.divisibility", 16]] for place in aligned},
        )
        settings = {"num_warps": warps, "num_stages": 1, "enable_fp_fusion": True}
        compiled = triton.compile(source, GPUTarget("cuda", H100, 32), settings)
        self.shared, cubin = compiled.metadata.shared, folder / "kernel.cubin"
        cubin.write_bytes(compiled.asm["cubin"])
        tools = Path(triton.__file__).parent / "backends/nvidia/bin"
        usage = subprocess.run([tools / "cuobjdump", "-res-usage", cubin], capture_output=True, text=True)
        found = re.search(r"REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)", usage.stdout + usage.stderr)
        self.registers, *self.spilled = map(int, found.groups())
        self.code = subprocess.run([tools / "nvdisasm", cubin], capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("cell", "stage", "dtype"),
    [
        (LSTM, 0, "fp32"), (GRU, 0, "bf16"), (cells()["LayerNormLSTM"], 2, "fp32"), (MinGRU, 0, "fp32"),
        (mdlstm(2), 0, "fp32"), (grid(2), 1, "bf16"),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)  # fmt: skip
def test_kernels_compile_without_spills(cell, stage, dtype, tmp_path):
    made = kernels(plan(cell))
    between = [kernel for one in made.scan for kernel in (one.forward, one.backward, one.carry)]
    for kernel in (made.forward[stage], made.backward[stage], *between):
        tile = tile_of(kernel, batch=64, width=1024)
        found = Compiled(kernel, made.text, dtype, tile.warps, tmp_path, ROWS=tile.rows, UNITS=tile.units)
        assert found.shared <= SHARED
        assert found.spilled == [0, 0]
        assert found.registers <= 168
        assert "LDG.E.128" in found.code or dtype == "bf16"  # loads of 16 bytes


@pytest.mark.parametrize("units", [64, 128])  # of a head, for SLSTM
@pytest.mark.parametrize("name", ["LSTM", "GRU", "SLSTM"])
def test_matrices_stay_in_a_program(name, units, tmp_path):
    made = resident_kernels(plan(cells()[name]))
    for kernel in (made.forward, made.backward):
        options = {"ROWS": ROWS, "UNITS": units, "PRECISION": "ieee"}
        found = Compiled(kernel, made.text, "bf16", warps_of(units), tmp_path, **options)
        assert found.shared <= SHARED
        assert sum(found.spilled) <= 96  # bytes of a thread: sLSTM of 128 units has 72
        assert "HMMA" in found.code  # tensor cores


def compiled_memory(text, name, folder, warps, **options):
    kernel = SimpleNamespace(name=name, arguments=functions(text)[name].arg_names)
    found = Compiled(kernel, text, "fp32", warps, folder, **options)
    assert found.shared <= SHARED
    assert found.spilled == [0, 0]
    return found


@pytest.mark.parametrize("keys", [64, 128])
@pytest.mark.parametrize("by_key", [True, False], ids=["HGRN2", "MLSTM"])
def test_memories_stay_in_registers(keys, by_key, tmp_path):
    vectors = [torch.empty(2, 16, 4 * width) for width in (keys if by_key else 1, *[keys] * 4)]
    call = MemoryCall(torch.empty(16, 4 * keys, keys), (vectors[0], *vectors[1:]), 4, None)
    for name, most in (("forward", memory.FORWARD), ("backward", memory.BACKWARD)):
        tile = memory.tile_of(call, most)
        options = {"BY_HEAD": not by_key, "BY_KEY": by_key, "CHUNKS": not by_key, "UNITS": tile.units}
        found = compiled_memory(MEMORY_STEPS, name, tmp_path, tile.warps, **options, KEYS=keys)
        assert "LDGSTS" in found.code or name == "backward"  # which fetches the next steps


@pytest.mark.parametrize(
    ("name", "precision"),
    [("carry", "ieee"), ("read", "ieee"), ("by_units", "ieee"), ("by_keys", "tf32"), ("by_factors", "ieee")],
)
def test_chunks_of_memories(name, precision, tmp_path):
    options = {"LENGTH": memory_chunks.LENGTH, "TILE": memory_chunks.TILE, "PRECISION": precision}
    options |= {"BACK": True} if name == "carry" else {}
    found = compiled_memory(MEMORY_CHUNKS, name, tmp_path, memory_chunks.WARPS, **options)
    assert ("HMMA" in found.code) == (precision == "tf32")  # tensor cores
