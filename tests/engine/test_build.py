"""Where a cell's compiled form comes from: the installation, the cache on disk, or the compiler."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gatewise.cells import GRU, LSTM, RNN
from gatewise.cells.serialization import from_data, to_data
from gatewise.compiler.stages import plan
from gatewise.engine import build, processor
from gatewise.engine.build import built, program
from gatewise.engine.compiling import LIBRARY, BuildError, NativeProgram, compiler
from gatewise.engine.libraries import Libraries
from gatewise.engine.loading import load
from gatewise.engine.processor import NATIVE
from tests.engine.test_native import SIZES, TOLERANCE, assert_same, request_for

SOURCE = str(Path(build.__file__).parents[2])
V3 = "avx avx2 fma bmi1 bmi2 f16c abm movbe xsave sse4_1 sse4_2 ssse3 popcnt cx16 lahf_lm"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"
LANES = {"x86-64-v4": 16, "x86-64-v3": 8, "x86-64": 4, "baseline": 4}


@pytest.fixture
def installation(monkeypatch, tmp_path):
    """A folder of libraries beside the package, empty yet, and an empty cache."""
    monkeypatch.setattr(build, "INSTALLED", tmp_path / "built")
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "built"


@pytest.fixture
def no_compiler(monkeypatch, tmp_path):
    """Takes the compiler away."""

    def take_away():
        monkeypatch.delenv("CXX", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))

    return take_away


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (f"{V4} avx512_bf16", "x86-64-v4"),
        (f"{V3} avx512f", "x86-64-v3"),  # AVX-512 without what came a year later
        (V3, "x86-64-v3"),
        ("avx avx2 sse4_1", "x86-64"),
        ("", "x86-64"),
    ],
)
def test_the_best_instruction_set_of_a_processor(monkeypatch, flags, expected):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(processor, "features", lambda: frozenset(flags.split()))
    assert processor.instruction_set().name == expected


def test_other_machines(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert processor.instruction_set().name == "baseline"
    monkeypatch.setattr("sys.platform", "darwin")
    assert processor.instruction_set() is None


def test_a_processor_without_a_name(monkeypatch):
    output = {"model name": "Model 1"}
    monkeypatch.setattr(processor, "_cpuinfo", lambda key: output.get(key, ""))
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert processor.name() == "Model 1"
    output.clear()
    assert processor.name() == "aarch64"


def test_a_processor_that_does_not_list_what_it_has_is_known_by_its_machine(monkeypatch):
    monkeypatch.setattr("platform.node", lambda: "another")
    monkeypatch.setattr(processor, "features", frozenset)
    assert processor.identity().endswith(" another")


def test_a_cell_of_the_installation_needs_no_compiler(monkeypatch, installation, no_compiler):
    """Compiled for the oldest processor; other tests run kernels of newer ones."""
    if not processor.instruction_sets():
        pytest.skip("no installation has libraries here")
    instructions = processor.instruction_sets()[-1]
    monkeypatch.setattr(build, "installed_programs", lambda one: [program(plan(RNN), "float", one)])
    monkeypatch.setattr(processor, "instruction_sets", lambda: (instructions,))
    *_, line = build.build_programs(installation, "all")
    if "first use" in line:
        pytest.skip(line)
    assert line.startswith(f"[1/1] RNN-float-{instructions.name}: ")
    no_compiler()
    assert built(plan(RNN), "float").vector_lanes() == LANES[instructions.name]
    cell = from_data(to_data(RNN))  # a class of its own, which is loaded again
    for sizes in SIZES:
        request = request_for(cell, sizes, torch.float32, lengths=torch.arange(sizes[1]) % sizes[0])
        assert_same(request, TOLERANCE[torch.float32])
    for number, other in (("double", RNN), ("float", LSTM)):
        with pytest.raises(BuildError, match="no C\\+\\+ compiler"):
            built(plan(other), number)


def test_without_permission_of_the_system_no_kernel_has_matrix_tiles(monkeypatch):
    monkeypatch.setattr(processor, "features", lambda: frozenset({"amx_bf16"}))
    for allowed in (True, False):
        monkeypatch.setattr(processor, "allows_matrix_tiles", lambda allowed=allowed: allowed)
        flags = {number: program(plan(LSTM), number, NATIVE).flags for number in ("float", "Bfloat16")}
        assert ("-mno-amx-bf16" in flags["Bfloat16"]) is not allowed
        assert "-mno-amx-bf16" not in flags["float"]


@pytest.mark.parametrize("instructions", processor.instruction_sets(), ids=lambda one: one.name)
def test_an_installation_compiles_for_every_instruction_set(monkeypatch, installation, instructions):
    """The flags give vectors as wide as the registers; a processor finds the libraries made for it alone."""
    try:
        chosen = compiler()
    except BuildError as error:
        pytest.skip(str(error))
    given = []
    monkeypatch.setattr(build, "installed_cells", lambda: [GRU])
    monkeypatch.setattr(build, "compile_all", lambda programs, *rest: given.extend(programs) or iter(()))
    names = ", ".join(one.name for one in processor.instruction_sets())
    (line,) = build.build_programs(installation, "all")
    assert line.startswith(f"{len(given)} kernels for {names} are compiled now by ")
    (program,) = (one for one in given if one.name == f"GRU-float-{instructions.name}")
    assert len(given) == 3 * len(processor.instruction_sets())  # with memories and threads
    width = f'#include "vector.h"\nstatic_assert(gatewise::lanes<float> == {LANES[instructions.name]});'
    compiled = chosen.compile(replace(program, text=width, part=None))
    Libraries(installation).replace(program.stem(), LIBRARY, chosen.identity, compiled)
    for best in processor.instruction_sets():
        monkeypatch.setattr(processor, "instruction_set", lambda best=best: best)
        assert build.installed(plan(GRU), "float") == (best == instructions)


def test_a_library_of_other_sources_is_not_loaded(monkeypatch, installation, tmp_path):
    installation.mkdir()
    best = processor.instruction_set()
    if best is None:
        pytest.skip("no installation has libraries here")
    stem = build.program(plan(RNN), "float", best).stem()
    Libraries(installation).replace(stem, LIBRARY, "compiler", b"no library")
    others = shutil.copytree(build.HEADERS, tmp_path / "headers")
    with (others / "math.h").open("a") as header:
        header.write("// other\n")
    for name, other in (("FLAGS", (*build.FLAGS, "-g")), ("HEADERS", others)):
        assert build.installed(plan(RNN), "float")
        with monkeypatch.context() as changed:
            changed.setattr(build, name, other)
            assert not build.installed(plan(RNN), "float")


@pytest.mark.parametrize("content", [b"no library", b""])
def test_a_damaged_library_of_the_installation(installation, no_compiler, caplog, content):
    best = processor.instruction_set()
    if best is None:
        pytest.skip("no installation has libraries here")
    installation.mkdir()
    Libraries(installation).replace(
        build.program(plan(RNN), "float", best).stem(), LIBRARY, "compiler", b"RNN"
    )
    (library,) = installation.iterdir()
    library.write_bytes(content)
    no_compiler()
    with pytest.raises(BuildError, match="no C\\+\\+ compiler"):
        built(plan(RNN), "float")
    assert f"{library} is not used: its content has changed since it was written" in caplog.text
    assert not build.installed(plan(RNN), "float")


def test_an_installation_may_consist_of_links(installation, tmp_path):
    installation.mkdir()
    libraries = Libraries(installation, checked=False)
    libraries.replace("RNN-float", LIBRARY, "compiler", b"a library")
    (found,) = libraries.every(LIBRARY)
    os.symlink(found.path.rename(tmp_path / "elsewhere"), found.path)
    os.chmod(tmp_path / "elsewhere", 0o664)
    assert libraries.read(found) == b"a library"
    with pytest.raises(OSError, match="symbolic links"):
        Libraries(installation).read(found)


def test_a_library_is_built_from_the_text_that_was_hashed(installation, tmp_path):
    try:
        compiler()
    except BuildError as error:
        pytest.skip(str(error))
    header = tmp_path / "number.h"
    header.write_text("#define NUMBER 1")
    text = '#include "number.h"\nextern "C" int number() { return NUMBER; }'
    program = NativeProgram("number", text, ("-shared", "-fPIC"), tmp_path)
    stem = program.stem()
    header.write_text("#define NUMBER 2")  # while this process runs
    assert program.stem() == stem
    assert load(program).number() == 1


def test_one_that_fails_stops_no_installation(monkeypatch, installation, no_compiler):
    monkeypatch.setattr(build, "installed_cells", lambda: [RNN, LSTM])
    monkeypatch.setattr(processor, "instruction_sets", lambda: (build.NATIVE,))
    monkeypatch.setenv("CXX", "false")
    _, *lines = build.build_programs(installation, "all")
    assert [line.split("-")[0] for line in lines] == [
        "[1/4] RNN", "[2/4] LSTM", "[3/4] memory", "[4/4] threads",
    ]  # fmt: skip
    assert all("is compiled at its first use: " in line and line.endswith("/false fails: ") for line in lines)
    assert not list(installation.iterdir())
    no_compiler()
    (line,) = build.build_programs(installation)
    assert "at its first use: there is no C++ compiler; install g++ or clang++, or `pip install " in line


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("own", ["x86-64-v3"]),
        ("all", ["x86-64-v4", "x86-64-v3", "x86-64"]),
        ("none", []),
        ("x86-64,x86-64-v4", ["x86-64-v4", "x86-64"]),
    ],
)
def test_an_installation_compiles_for_its_own_processor_unless_asked(monkeypatch, chosen, expected):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(processor, "features", lambda: frozenset(V3.split()))
    assert [one.name for one in build.chosen_instruction_sets(chosen)] == expected


def test_an_installation_for_unknown_instruction_sets(monkeypatch, installation):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    with pytest.raises(
        BuildError, match="unknown instruction sets: avx3; choose own, all, none, x86-64-v4, "
    ):
        list(build.build_programs(installation, "avx3"))


def test_another_process_finds_the_same_file():
    code = """
from gatewise.engine import build
from gatewise.compiler.stages import plan
cells = build.installed_cells()
print(*(build.program(plan(cell), "float", build.NATIVE).stem() for cell in cells))
"""
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


def test_building_needs_no_library():
    code = f"import sys; sys.path.insert(0, {SOURCE!r}); from gatewise.engine import build; print('done')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "done\n"
