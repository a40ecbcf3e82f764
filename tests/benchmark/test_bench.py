"""The whole measurement, on the smallest shapes; never how long anything took."""

import json
from dataclasses import replace

import pytest
import torch
from matplotlib.figure import Figure

from gatewise.benchmark import machine, malloc
from gatewise.benchmark.bench import Bench
from gatewise.benchmark.candidate import FLOAT32, Competitor
from gatewise.benchmark.competitors.eager import Eager
from gatewise.benchmark.machine import Machine
from gatewise.benchmark.plan import CELLS, plan, use_threads
from gatewise.benchmark.results import Row, read, write
from gatewise.benchmark.roofline import draw_roofline
from gatewise.benchmark.shapes import ONE_STEP_SHAPE, Shape
from gatewise.benchmark.workload import ONE_STEP, WORKLOADS, BenchmarkCase
from gatewise.cells import LSTM, grid, mdlstm
from gatewise.engine import processor
from gatewise.engine.compiling import BuildError, compiler
from gatewise.errors import GatewiseError
from gatewise.plots.saving import save_picture

MACHINE = Machine("a processor", 1, peak=100.0, bandwidths={"L2": 50.0, "memory": 10.0})


class Quiet:
    def doing(self, what):
        pass

    def note(self, text):
        pass

    def measured(self, rows):
        pass


def small(**more):
    given = {"cells": "GRU", "shapes": "2x3x4x5", "workloads": "all-steps", "competitors": "torch.nn"}
    return plan(**{**given, "repeats": 1, **more})


def test_rows_are_written_with_what_they_are_compared_to(tmp_path):
    run = Bench(small(out=tmp_path, workloads=None), MACHINE, Quiet())
    run.run()
    assert run.wrong == []
    assert read(run.plan.out / "speed.csv")[0].library == "gatewise"
    kinds = [
        (row.shape, row.workload, row.passes, row.library)
        for row in run.rows
        if row.library in ("gatewise", "torch.nn")
    ]
    assert kinds == [
        (str(ONE_STEP_SHAPE) if workload == ONE_STEP else "2x3x4x5", workload, which, library)
        for workload, passes in WORKLOADS.items()
        for which in passes
        for library in ("gatewise", "torch.nn")
    ]
    for row in run.rows:
        assert row.compared_with == "torch.nn"
        assert row.peak_fraction == pytest.approx(row.gflops / 100.0)
        assert (row.saved_mb is not None) == (row.passes == "both")
    output = json.loads((run.plan.out / "machine.json").read_text())
    assert output["peak"] == 100.0
    assert output["versions"]["torch"] == torch.__version__


def test_rows_of_another_setting_stay(tmp_path):
    run = Bench(small(out=tmp_path), MACHINE, Quiet())
    run.run()
    path = run.plan.out / "speed.csv"
    rows = read(path)
    kept = [replace(row, malloc="keep") for row in rows]
    write([*rows, *kept], path)
    again = Bench(small(out=tmp_path), MACHINE, Quiet())
    again.run()
    found = read(path)
    assert [row for row in found if row.malloc == "keep"] == kept
    assert len(found) == len(rows) + len(kept)


def test_results_of_processors_are_side_by_side(tmp_path, monkeypatch):
    for name in ("AMD EPYC", "Intel(R) Xeon(R) Processor"):
        monkeypatch.setattr(processor, "name", lambda name=name: name)
        Bench(small(out=tmp_path), MACHINE, Quiet()).run()
    assert {one.name for one in tmp_path.iterdir()} == {"amd-epyc", "intel-xeon-processor"}


class Wrong(Eager):
    """A candidate that is off."""

    name = "gatewise"

    def prepare(self, problem, dtype=FLOAT32):
        candidate = super().prepare(problem, dtype)
        run = candidate.run

        def off(values):
            output, final = run(values)
            return output * 1.01, final

        candidate.run = off
        return candidate


class Failing(Competitor):
    """A candidate that can't."""

    name = "failing"

    def prepare(self, problem, dtype=FLOAT32):
        raise RuntimeError("out of\nluck")


def test_no_time_for_who_is_wrong_or_fails(monkeypatch):
    monkeypatch.setattr("gatewise.benchmark.plan.OURS", (Wrong(),))
    asked = replace(small(), competitors=(Eager(), Failing()))
    run = Bench(asked, MACHINE, Quiet())
    run.run()
    assert {row.library for row in run.rows} == {"eager loop"}
    assert any("the output is" in one for one in run.wrong)
    assert "GRU 2x3x4x5, failing: RuntimeError: out of luck" in run.notes


def test_int8_weights_are_timed_in_inference_beside_float32_and_the_same_of_torch():
    run = Bench(small(cells="LSTM,LayerNormLSTM", dtype="int8"), MACHINE, Quiet())
    run.run()
    assert not run.wrong
    assert {(row.dtype, row.passes, row.peak_fraction) for row in run.rows} == {("int8", "forward", None)}
    by_cell = {
        cell: [row.library for row in run.rows if row.cell == cell] for cell in ("LSTM", "LayerNormLSTM")
    }
    assert by_cell == {
        "LSTM": ["gatewise", "gatewise float32", "torch.nn"],
        "LayerNormLSTM": ["gatewise", "gatewise float32"],
    }
    assert any("LSTM, GRU and RNN only" in note for note in run.notes)


def test_bfloat16_is_beside_our_own_float32():
    run = Bench(small(dtype="bfloat16", competitors=""), MACHINE, Quiet())
    run.run()
    forward = [row for row in run.rows if row.passes == "forward"]
    assert [row.library for row in forward] == ["gatewise", "gatewise traced", "gatewise float32"]
    assert {row.compared_with for row in forward} == {"gatewise float32"}


def test_the_picture_has_a_mark_for_each_cell_and_shape(tmp_path, monkeypatch):
    caught = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **b: (caught.append(self), save(self, *a, **b)))
    run = Bench(small(shapes="2x3x4x5,3x3x4x5", cells="GRU,RNN"), MACHINE, Quiet())
    run.run()
    save_picture(draw_roofline(run.rows, MACHINE, run.plan.cases), tmp_path / "roofline.png")
    assert (tmp_path / "roofline.png").read_bytes()[:4] == b"\x89PNG"
    for axes in caught[0].axes:
        marks = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
        assert len(marks) == 4
    named = [text.get_text() for text in caught[0].legends[0].get_texts()]
    assert named == ["GRU", "RNN", "2x3x4x5", "3x3x4x5"]


def test_the_machine_without_a_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path))
    found = machine.measured()
    assert found.peak is None
    assert "there is no C++ compiler" in found.reason


def test_the_machine_with_a_compiler_that_fails(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "false")
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path))
    found = machine.measured()
    assert found.peak is None
    assert found.reason.startswith("not measured: machine can't be built: ")
    assert "false fails" in found.reason
    assert not list(tmp_path.iterdir())


def test_the_machine_is_measured(tmp_path, monkeypatch):
    try:
        compiler()
    except BuildError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path))
    monkeypatch.setattr(machine, "READ", 1 << 20)
    monkeypatch.setattr(machine, "cache_size", lambda level: 1 << 20)
    found = machine.measured()
    assert found.reason is None
    assert found.peak > 0
    assert set(found.bandwidths) == {"L2", "L3", "memory"}
    assert [one.suffix for one in tmp_path.iterdir()] == [".so"]


def test_the_loop_of_the_peak_computes_normal_numbers_only(monkeypatch):
    try:
        library = machine.library()
    except BuildError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(machine, "TURNS", 1)
    for rounds in (1, 1000, 10 * machine.ROUNDS):
        assert machine.measured_peak(library, 1, rounds) > 0
    assert machine.measured_peak(library, 1, 1000, factor=0.5, more=0.0) == 0  # decays
    assert machine.measured_peak(library, 1, 1000, factor=2.0, more=0.0) == 0  # overflows


def test_a_peak_of_numbers_that_are_not_normal_is_refused(monkeypatch):
    monkeypatch.setattr(machine, "library", lambda: None)
    monkeypatch.setattr(machine, "measured_peak", lambda library, threads: 0.0)
    found = machine.measured()
    assert (found.peak, found.bandwidths) == (None, None)
    assert "not normal" in found.reason


def test_a_peak_that_a_result_exceeds_is_refused(tmp_path):
    run = Bench(small(out=tmp_path, shapes="1x1x1x1,2x300x20x64"), replace(MACHINE, peak=0.01), Quiet())
    run.run()
    assert run.machine.peak is None
    assert {row.peak_fraction for row in read(run.plan.out / "speed.csv")} == {None}
    (note,) = (one for one in run.notes if one.startswith("fractions of the peak: refused: GRU "))
    assert json.loads((run.plan.out / "machine.json").read_text())["reason"] == run.machine.reason
    assert run.machine.reason in note


def test_noise_of_the_peak_is_not_refused():
    run = Bench(small(), MACHINE, Quiet())
    row = _row(105.0)
    run.rows = [row]
    run._check_peak([row])
    assert run.rows == [row]
    run._check_peak([_row(105.1)])
    assert run.rows == [replace(row, peak_fraction=None)]


def _row(gflops):
    return Row(
        "default", "float32", "GRU", "1x2x3x4", "all-steps", "forward", "gatewise",
        milliseconds=1.0, relative_range=0.0, gflops=gflops, peak_fraction=gflops / MACHINE.peak,
    )  # fmt: skip


def test_plans():
    assert list(dict.fromkeys(case.cell for case in plan().cases)) == [*CELLS, mdlstm(2), grid(2)]
    assert all(case.cell.axes == case.shape.axes for case in plan().cases)
    quick = plan(quick=True)
    assert quick.repeats == 3
    assert set(quick.cases) < set(plan().cases)
    assert {case.cell for case in quick.cases} == {*CELLS, mdlstm(2)}
    assert {case.workload for case in quick.cases} == set(WORKLOADS)
    assert {one.name for one in plan().competitors} - {one.name for one in quick.competitors} == {
        "eager loop", "scan", "position loop"
    }  # fmt: skip
    assert plan(cells="lstm,softplus", shapes="1x2x3x4", workloads="all-steps").cases == tuple(
        BenchmarkCase(cell, Shape(1, 2, 3, 4)) for cell in (LSTM, CELLS[-1])
    )
    both = plan(cells="lstm,mdlstm2", shapes="1x2x3x4,1x2x3x4x5", workloads="zeros,one-step").cases
    assert [str(case) for case in both] == [
        "LSTM 1x2x3x4 zeros", "LSTM 1x1x64x64 one-step", "MDLSTM2 1x2x3x4x5 zeros"
    ]  # fmt: skip
    assert [one.name for one in plan(competitors="eager,JAX").competitors] == ["eager loop", "JAX"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"cells": "lstn"}, "there is no cell 'lstn'"),
        ({"shapes": "3"}, "expected a shape as batch x steps"),
        ({"cells": "lstm", "shapes": "1x2x3x4x5"}, "none of the cells lstm has as many axes"),
        (
            {"workloads": "zero"},
            "there is no workload 'zero'; there are all-steps, last-step, zeros, one-step",
        ),
        ({"competitors": "keras"}, "there is no competitor 'keras'; there are torch.nn"),
        ({"repeats": 0}, "expected --repeats as a whole number"),
        ({"dtype": "float16"}, "expected --dtype as one of float32, bfloat16, int8"),
        ({"competitors": "JAX", "dtype": "bfloat16"}, "there is no competitor 'JAX'"),
    ],
)
def test_plans_that_can_not_be(given, expected):
    with pytest.raises(GatewiseError, match=expected):
        plan(**given)


def test_threads_that_are_not_there():
    with pytest.raises(GatewiseError, match="expected --threads in 1"):
        use_threads(100_000)


def test_malloc_settings(monkeypatch):
    for name in malloc.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(malloc.platform, "libc_ver", lambda: ("glibc", "2.36"))
    assert malloc.other_settings("default") == []
    assert malloc.other_settings("keep") == malloc.other_settings("both") == ["keep"]
    with pytest.raises(GatewiseError, match="expected --malloc as"):
        malloc.other_settings("sometimes")
    monkeypatch.setattr(malloc.platform, "libc_ver", lambda: ("", ""))
    with pytest.raises(GatewiseError, match="needs glibc"):
        malloc.other_settings("keep")
    for name, value in malloc.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert malloc.current() == "keep"
