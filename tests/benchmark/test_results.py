"""The file of results, and what it comes to."""

import math

import pytest

from gatewise.benchmark.results import BEST, Row, read, reference_row, summary, write
from gatewise.errors import GatewiseError


def row(library, milliseconds, shape="1x2x3x4", workload="all-steps", **more):
    return Row("default", "float32", "LSTM", shape, workload, "both", library, milliseconds, 0.0, 1.0, **more)


def test_what_is_written_is_read(tmp_path):
    rows = [
        row("gatewise", 2.5, peak_fraction=0.25, ratio=2.0, compared_with="torch.nn", saved_mb=1.5),
        row("torch.nn", 5.0),
    ]
    write(rows, tmp_path / "speed.csv")
    assert read(tmp_path / "speed.csv") == rows
    assert read(tmp_path / "none.csv") == []


def test_another_file_is_not_written_over(tmp_path):
    (tmp_path / "speed.csv").write_text("name,age\nme,3\n")
    with pytest.raises(GatewiseError, match="give another --out"):
        read(tmp_path / "speed.csv")


def test_rows_are_compared_with_torch_or_the_fastest_competitor():
    rows = [row("gatewise", 1.0), row("gatewise recompute", 0.5), row("JAX", 2.0), row("eager loop", 3.0)]
    assert reference_row(rows).library == "JAX"
    assert reference_row([*rows, row("torch.nn", 9.0)]).library == "torch.nn"
    assert reference_row([row("gatewise", 1.0), row("gatewise float32", 2.0)]).library == "gatewise float32"
    assert reference_row([row("gatewise", 1.0)]) is None


def test_a_summary_is_of_geometric_means_and_the_worst_shape():
    first, second = "1x2x3x4", "9x2x3x4"
    rows = [
        row("gatewise", 1.0, shape=first), row("torch.nn", 4.0, shape=first), row("JAX", 2.0, shape=first),
        row("gatewise", 2.0, shape=second), row("torch.nn", 1.0, shape=second),
    ]  # fmt: skip
    (found,) = summary(rows)
    assert found.ratios["torch.nn"] == pytest.approx(math.sqrt(4.0 * 0.5))
    assert found.ratios[BEST] == pytest.approx(math.sqrt(2.0 * 0.5))
    assert found.ratios["JAX"] == pytest.approx(2.0)
    assert (found.worst, found.worst_shape) == (0.5, second)


def test_where_gatewise_has_no_time_there_is_no_ratio():
    assert summary([row("torch.nn", 4.0), row("JAX", 2.0)]) == []
    assert summary([row("gatewise", 4.0)]) == []
