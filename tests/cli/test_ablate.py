"""`gatewise surgery`: what a model loses when a gate is held or a unit silenced; mistakes in one line."""

import polars as pl
import pytest
import torch

from gatewise.cli.ablate import mean_loss
from gatewise.cli.main import main
from gatewise.tasks.forecast.task import TASK
from gatewise.tasks.serialization import load_model
from gatewise.training.batches import loader


@pytest.fixture
def operate(folder, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        with pytest.raises(SystemExit) as end:
            main(["surgery", str(folder / name), str(folder / "series.csv"), *map(str, arguments)])
        told = capsys.readouterr()
        return end.value.code, told.out, told.err

    return run


@pytest.mark.parametrize(("flags", "rows", "what"), [((), 2 * 3 * 3, "gate"), (("--units",), 12, "unit")])
def test_all_are_written_and_the_worst_told(operate, tmp_path, flags, rows, what):
    code, out, err = operate("run", *flags, "--out", "told.csv")
    assert (code, err) == (0, "")
    table = pl.read_csv(tmp_path / "told.csv")
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
    ("name", "arguments", "told"),
    [
        ("naive", (), "nothing in Naive is a recurrent layer"),
        ("run", ("--out", "told.txt"), "expected --out as a .csv file, got 'told.txt'"),
        ("absent", (), "absent"),
    ],
)
def test_mistakes(operate, tmp_path, name, arguments, told):
    code, _, err = operate(name, *arguments)
    assert code == 2
    assert told in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
