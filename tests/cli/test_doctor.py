"""`gatewise doctor`: facts of the machine, and the answers of the backends."""

import re

import pytest
import torch

from gatewise import backend
from gatewise.benchmark import facts, thread_plans
from gatewise.benchmark import refusals as refusals_of
from gatewise.benchmark.machine import Machine
from gatewise.cells import cells
from gatewise.cli.main import main
from gatewise.compiler.stages import plan
from gatewise.engine import build, choice, processor
from gatewise.engine.compiling import LIBRARY, OBJECT
from gatewise.engine.libraries import Libraries
from gatewise.engine.machine import machine

OWN = """
from gatewise.cells import Cell, R, W, prev, sigmoid, tanh, x


class Leaky(Cell):
    state = ("h",)
    f = sigmoid(W.f @ x + R.f @ prev.h)
    h = f * prev.h + (1 - f) * tanh(W.g @ x + R.g @ prev.h)
"""


class Picky:
    """A backend that refuses every request with the features it has."""

    name = "picky"

    def refusal(self, request):
        seen = {
            "lengths": request.lengths is not None,
            "resets": request.resets is not None,
            "zoneout": bool(request.zoneout),
            "variational dropout": request.hidden_mask is not None,
            "projection": "projection" in request.parameters,
            "float64": request.inputs.dtype == torch.float64,
            "trace": request.trace and torch.is_grad_enabled(),
            "trace, no gradient": request.trace and not torch.is_grad_enabled(),
            "bfloat16 autocast": torch.is_autocast_enabled(request.inputs.device.type),
        }
        seen["a cell that is no LSTM"] = request.cell.__name__ != "LSTM"
        return " and ".join(f"there is {name}" for name, there in seen.items() if there) or None


@pytest.fixture
def picky(monkeypatch):
    monkeypatch.setattr(choice, "BACKENDS", (Picky(), choice.REFERENCE))


@pytest.fixture
def tables(monkeypatch, capsys):
    """Runs the verb; each table's rows, split into columns, with the first line of the reasons."""
    monkeypatch.setenv("COLUMNS", "400")

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["doctor", *arguments])
        assert end.value.code == 0
        tables = capsys.readouterr().out.strip().split("\n\n")
        first = [[line.strip() for line in table.splitlines() if line[0] != " "] for table in tables]
        return [[re.split(r" {2,}", line) for line in table] for table in first]

    return run


def test_the_tables_have_the_answers_of_the_backends(tables, picky):
    _, by_cell, by_feature, plans = tables("--device", "cpu")
    assert by_cell[0] == ["cell", "backend on cpu", "why no backend before it"]
    assert [row[0] for row in by_cell[1:]] == list(cells())
    for name, *rest in by_cell[1:]:
        refused = ["reference", "picky: there is a cell that is no LSTM"]
        assert rest == (["picky"] if name == "LSTM" else refused)
    assert by_feature[:2] == [
        ["LSTM layer with", "backend on cpu", "why no backend before it"],
        ["no feature", "picky"],
    ]
    features = [row[0] for row in by_feature[2:]]
    assert len(features) == 9
    assert by_feature[2:] == [[name, "reference", f"picky: there is {name}"] for name in features]
    assert any(row[0] == "1, 100, 64, 128" and "thread" in row[-1] for row in plans)


def test_measured_rates_are_printed_and_kept(tables, picky, monkeypatch, tmp_path):
    found = Machine("a processor", 2, 200.0, {"L2": 200.0, "L3": 50.0, "memory": 16.0})
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path))
    monkeypatch.setattr(thread_plans, "measured", lambda: found)
    machine.cache_clear()
    facts_printed, *_ = tables("--measure", "--device", "cpu")
    rates = next(" ".join(row) for row in facts_printed if row[0] == "rates")
    assert "45 billion multiply-adds and 100 / 25 / 8 GB" in rates
    assert (tmp_path / "machine.json").is_file()
    machine.cache_clear()


def test_rates_that_cannot_be_measured(monkeypatch, capsys):
    monkeypatch.setattr(thread_plans, "measured", lambda: Machine("a processor", 2, reason="no compiler"))
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--measure", "--device", "cpu"])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no compiler" in line


def test_a_cell_of_ones_own(tables, picky, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    _, by_cell, by_feature, _ = tables("--cell", f"{tmp_path / 'own.py'}:Leaky", "--device", "cpu")
    assert by_cell[1:] == [["Leaky", "reference", "picky: there is a cell that is no LSTM"]]
    assert by_feature[0][0] == "Leaky layer with"
    assert "projection" not in [row[0] for row in by_feature]  # it reads the last output unit by unit


@pytest.fixture
def _compiles_nothing(monkeypatch):
    """The refusals of the backends themselves, without the kernel that each kind of layer has of its own."""
    monkeypatch.setattr("gatewise.engine.native._build", lambda *given: None)


@pytest.mark.usefixtures("_compiles_nothing")
@pytest.mark.parametrize("cell", ["mdlstm2", "mdlstm1"])
def test_a_cell_of_a_lattice(tables, monkeypatch, cell):
    asked = []

    def refusals(request):
        asked.append(request)
        return {one.name: one.refusal(request) for one in choice.BACKENDS}

    monkeypatch.setattr(refusals_of, "refusals", refusals)
    _, by_cell, by_feature, _ = tables("--cell", cell, "--device", "cpu")
    assert by_cell[1][0] == cell.upper()
    assert [row[0] for row in by_feature[1:4]] == ["no feature", "own sizes", "reversed axes"]
    with backend("reference"):
        for request in asked[:4]:  # what is asked about can be run
            assert choice.run(request).output.shape == (*[refusals_of.STEPS] * request.cell.axes, 2, 8)


@pytest.mark.usefixtures("_compiles_nothing")
def test_a_cell_with_a_matrix_memory(tables):
    _, by_cell, by_feature, _ = tables("--cell", "mlstm", "--device", "cpu")
    assert by_cell[1][:2] == ["MLSTM", "memory"]
    assert "native: it supports no function between the units of a head, such as outer" in by_cell[1][2]
    found = {name: backend for name, backend, *_ in by_feature[1:]}
    assert found["lengths"] == found["resets"] == "memory"
    assert found["zoneout"] == "reference"
    assert "projection" not in found


@pytest.mark.usefixtures("_compiles_nothing")
def test_schedules_of_a_gpu_that_is_not_there(tables):
    *_, schedules = tables("--cell", "gru", "--device", "cpu", "--gpu")
    assert schedules[1][:4] == ["GRU", "resident matrices", "resident matrices", "step by step"]
    assert schedules[1][-1] == "one launch: a product or a normalizer is between states of two steps"


@pytest.mark.usefixtures("_compiles_nothing")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_backends_that_there_are(tables, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    facts, by_cell, by_feature, *_ = tables("--cell", "lstm", "--device", device)
    names = [row[0] for row in facts]
    assert names[:9] == [
        "gatewise", "processor", "instructions", "threads", "rates", "compiler", "GPU", "built-in kernels",
        "kernel cache",
    ]  # fmt: skip
    for row in by_cell[1:] + by_feature[1:]:
        assert row[1] in [one.name for one in choice.BACKENDS]


def test_reasons_are_in_the_table_only(tables, monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "own.py").write_text(OWN)
    facts, by_cell, *_ = tables("--cell", f"{tmp_path / 'own.py'}:Leaky", "--device", "cpu")
    facts_by_name = {row[0]: row[1] for row in facts}
    reason = "CXX is 'no-such-compiler', but there is no executable program 'no-such-compiler'"
    assert facts_by_name["compiler"] == f"none: {reason}"
    assert facts_by_name["kernel cache"] == f"{tmp_path / 'cache'}: 0 kernels, 0.0 MB"
    assert by_cell[1][:2] == ["Leaky", "reference"]
    assert "no-such-compiler" in by_cell[1][2]
    assert not caplog.records


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "tpu"], "expected --device as cpu or cuda, got 'tpu'"),
        (["--device", "cuda"], "PyTorch finds no GPU"),
        (["--cell", "lstn"], "there is no cell 'lstn'"),
    ],
)
def test_mistakes(monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as end:
        main(["doctor", *arguments])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("sse2 avx2 avx512f avx512_bf16", "AVX-512, with bfloat16 products"),
        ("sse2 avx2 fma", "AVX2, without bfloat16 products"),
        ("asimd bf16", "NEON, with bfloat16 products"),
        ("", "those of "),
    ],
)
def test_instructions(flags, expected):
    assert facts._instructions(set(flags.split())).startswith(expected)


def test_no_compiler_at_all(monkeypatch, tmp_path):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert facts._compiler() == (
        "none: there is no C++ compiler; install g++ or clang++, or "
        "`pip install 'gatewise[compiler]'`, or set CXX"
    )


def test_cells_of_the_installation_are_counted(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "INSTALLED", tmp_path)
    monkeypatch.setattr(processor, "instruction_set", lambda: processor.NATIVE)
    assert facts._installed() == "none: each cell is compiled at its first use"
    for name in ("LSTM", "GRU"):
        stem = build.program(plan(cells()[name]), "float", processor.NATIVE).stem()
        Libraries(tmp_path).replace(stem, LIBRARY, "compiler", b"a library")
    assert facts._installed() == f"2 of {len(build.installed_cells())} cells, for native"


def test_the_state_of_the_cache(monkeypatch, tmp_path):
    folder = tmp_path / "cache"
    monkeypatch.setenv("GATEWISE_CACHE", str(folder))
    assert facts._cache() == f"{folder}: 0 kernels, 0.0 MB"
    for stem, suffix in (("LSTM-1", LIBRARY), ("GRU-2", LIBRARY), ("products-3", OBJECT)):
        Libraries(folder).replace(stem, suffix, "compiler", bytes(400_000))
    for other in ("notes.so", "LSTM-float-native-0123456789abcdef.so"):
        (folder / other).touch()
    assert facts._cache() == f"{folder}: 2 kernels, 1.2 MB"
    for damaged in [*folder.glob("GRU*"), *folder.glob("products*")]:
        damaged.write_bytes(bytes(400_001))
    expected = f"{folder}: 2 kernels, 1.2 MB; 2 damaged, compiled again at their next use"
    assert facts._cache() == expected
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert facts._cache() == expected.replace("; 2", "; new ones can't be written; 2")
    folder.chmod(0o777)
    expected = f"not used, so each process compiles its own kernels: others can write to {folder} (mode 777"
    assert facts._cache().startswith(expected)


def test_the_hint_at_malloc_is_gone_once_it_is_set(monkeypatch):
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD"):
        monkeypatch.delenv(name, raising=False)
    assert "MALLOC_TRIM_THRESHOLD_" in facts.machine_facts()["malloc"]
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1073741824")
    assert "malloc" not in facts.machine_facts()


def test_threads_that_would_wait_for_each_other(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0}, raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert "set OMP_NUM_THREADS=1" in facts._threads()
