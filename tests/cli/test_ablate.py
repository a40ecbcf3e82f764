"""`gatewise ablate`: the loss with a gate clamped or a unit constant; mistakes in one line."""

import polars as pl
import pytest
import torch

from gatewise.cli.main import main
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.serialization import load_model
from gatewise.training.ablation import mean_loss
from gatewise.training.batches import loader


@pytest.fixture
def ablate(folder, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        with pytest.raises(SystemExit) as end:
            main(["ablate", str(folder / name), str(folder / "series.csv"), *map(str, arguments)])
        printed = capsys.readouterr()
        return end.value.code, printed.out, printed.err

    return run


@pytest.mark.parametrize(("flags", "rows", "what"), [((), 2 * 3 * 3, "gate"), (("--units",), 12, "unit")])
def test_all_rows_are_written_and_the_largest_changes_shown(ablate, tmp_path, flags, rows, what):
    code, out, err = ablate("run", *flags, "--out", "out.csv")
    assert (code, err) == (0, "")
    table = pl.read_csv(tmp_path / "out.csv")
    assert table.height == rows
    assert table["change"].is_sorted(descending=True)
    assert table[what].n_unique() == (3 if what == "gate" else 6)
    assert f"{table['loss'][0]:.4g}" in out


def test_the_loss_is_that_of_the_whole_part(folder):
    model = load_model(folder / "run")
    part = TASK.load_for_evaluation(model, folder / "series.csv").test
    with torch.no_grad():
        whole = model.network.loss(part.__getitems__(list(range(len(part)))))
        some = mean_loss(model.network, list(loader(part, 4, 0, 1, True, 0)))
    assert len(part) % 4  # the last batch is smaller
    torch.testing.assert_close(some, whole)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("naive", (), "Naive has no recurrent layer"),
        ("run", ("--out", "out.txt"), "expected --out as a .csv file, got 'out.txt'"),
        ("absent", (), "absent"),
    ],
)
def test_mistakes(ablate, tmp_path, name, arguments, message):
    code, _, err = ablate(name, *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
