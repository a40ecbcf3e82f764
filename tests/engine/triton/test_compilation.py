"""Kernels compiled ahead of time for a GPU that is not there: registers, spills, shared memory."""

import re
import subprocess
from pathlib import Path

import pytest

from gatewise.cells import cells
from gatewise.compiler.stages import plan
from gatewise.compiler.triton_source import kernels
from gatewise.engine.triton.functions import functions
from gatewise.engine.triton.tiles import tile_of

H100 = 90  # compute capability 9.0
SHARED = 232_448  # bytes of shared memory of a program there
ROUNDED = ("products", "operand", "gradient", "history", "through")  # in the dtype of products
OPTIONS = {"LENGTHS": True, "RESETS": True, "KEEP": True, "TRACED": True, "HEADS": 1, "DIRECTION": 1}
TYPES = {"lengths": "*i32", "counter": "*i32", "resets": "*u8", "cleared": "*u8"}
SIZES = ("offset", "batch", "width", "stride", "factor_step", "kept_step", "by_step", "steps", "chunk")
UNALIGNED = ("offset", "steps", "chunk")


@pytest.mark.parametrize(
    ("name", "stage", "dtype"),
    [("LSTM", 0, "fp32"), ("GRU", 0, "bf16"), ("LayerNormLSTM", 2, "fp32"), ("MinGRU", 0, "fp32")],
)
def test_kernels_compile_without_spills(name, stage, dtype, tmp_path):
    triton = pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    tools = Path(triton.__file__).parent / "backends/nvidia/bin"
    made = plan(cells()[name])
    own = kernels(made)
    between = [kernel for one in own.scan for kernel in (one.forward, one.backward, one.carry)]
    for kernel in (own.forward[stage], own.backward[stage], *between):
        tile = tile_of(kernel, batch=64, width=1024)
        options = {**OPTIONS, "ROWS": tile.rows, "UNITS": tile.units}
        kinds = {one: "constexpr" if one in options else "i32" if one in SIZES else TYPES.get(one, "*fp32")
                 for one in kernel.arguments}  # fmt: skip
        kinds |= {one: f"*{dtype}" for one in kinds if one.startswith(ROUNDED)}
        aligned = [place for place, one in enumerate(kernel.arguments) if one not in (*options, *UNALIGNED)]
        source = ASTSource(
            fn=functions(kernels(made).text)[kernel.name],
            signature=kinds,
            constexprs={one: value for one, value in options.items() if one in kinds},
            attrs={(place,): [["tt.divisibility", 16]] for place in aligned},
        )
        target = GPUTarget("cuda", H100, 32)
        compiled = triton.compile(source, target, {"num_warps": tile.warps, "enable_fp_fusion": True})
        assert compiled.metadata.shared <= SHARED
        cubin = tmp_path / "kernel.cubin"
        cubin.write_bytes(compiled.asm["cubin"])
        usage = subprocess.run([tools / "cuobjdump", "-res-usage", cubin], capture_output=True, text=True)
        found = re.search(r"REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)", usage.stdout + usage.stderr)
        registers, *spilled = map(int, found.groups())
        assert spilled == [0, 0]
        assert registers <= 168
        code = subprocess.run([tools / "nvdisasm", cubin], capture_output=True, text=True).stdout
        assert "LDG.E.128" in code or dtype == "bf16"  # loads of 16 bytes
