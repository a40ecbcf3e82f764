"""Compiles the kernels that tests run into the kernel cache, on all cores: `python -m tests.kernels`.

With `--thorough` those of thorough tests are compiled, too.

A kernel that is missing here is compiled by the test that needs it first, on one core.
"""

import sys
from collections.abc import Iterator

from gatewise.cells import GRU, LSTM, CellType, PeepholeLSTM, cells, mdlstm
from gatewise.cells.grid import grid
from gatewise.compiler.constants import with_constants
from gatewise.compiler.program import PLAIN, Extras
from gatewise.compiler.stages import plan
from gatewise.engine import processor
from gatewise.engine.batch import compile_ahead
from gatewise.engine.build import program
from gatewise.engine.compiling import BuildError, NativeProgram
from gatewise.engine.processor import NATIVE
from tests.engine.test_lattice import COMPILED
from tests.engine.test_native import SINGLE, V1, V3, Everything
from tests.thorough import RARE

LayerNormLSTM, ChoGRU = (cells()[name] for name in ("LayerNormLSTM", "ChoGRU"))
OF_VECTORS = [with_constants(cell)[0] for cell in cells().values() if not cell.matrix_states]
PROJECTED = Extras(projected=True)
ALL = Extras(projected=True, zoned=("h", "c"), masked=True)
KERNELS: dict[str, list[tuple[CellType, Extras]]] = {
    "double": [
        *((cell, PLAIN) for cell in (*OF_VECTORS, Everything, *COMPILED)),
        *((LSTM, one) for one in (PROJECTED, Extras(zoned=("c",)), Extras(masked=True), ALL)),
        (ChoGRU, Extras(zoned=("h",), masked=True)),
        (LayerNormLSTM, ALL),
    ],
    "float": [
        *((cell, PLAIN) for cell in SINGLE),
        *((one, PLAIN) for one in (mdlstm(2), grid(2))),
        *((LSTM, one) for one in (PROJECTED, Extras(zoned=("h", "c")))),
    ],
    "Bfloat16": [
        *((cell, PLAIN) for cell in (LSTM, GRU, LayerNormLSTM, ChoGRU, mdlstm(2))),
        (LSTM, Extras(projected=True, zoned=("c",), masked=True)),
    ],
    "Int8": [
        *((cell, PLAIN) for cell in (LSTM, LayerNormLSTM, ChoGRU, mdlstm(2), grid(2))),
        (LSTM, Extras(projected=True, zoned=("c",))),
    ],
}
NARROWER = [(GRU, "double", V1), (PeepholeLSTM, "double", V3), (GRU, "Bfloat16", V3), (LSTM, "Int8", V3)]


def programs(thorough: bool) -> Iterator[NativeProgram]:
    """All of them, and those of narrower instruction sets that this processor has.

    thorough: also those that only thorough tests run
    """
    for number, wanted in KERNELS.items():
        for cell, extras in wanted:
            if cell.__name__ in RARE and not thorough:
                continue
            yield program(plan(cell, extras), number, NATIVE)
    for cell, number, instructions in NARROWER:
        if instructions is V1 and not thorough:
            continue
        if instructions in processor.instruction_sets() and instructions.needs <= processor.features():
            yield program(plan(cell), number, instructions)


if __name__ == "__main__":
    try:
        for line in compile_ahead(programs("--thorough" in sys.argv[1:])):
            print(line, flush=True)
    except BuildError as error:
        print(f"no kernel is compiled ahead: {error}")
