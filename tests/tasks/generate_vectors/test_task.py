"""Generating vectors from file to files, on the command line and in Python."""

import numpy as np
import polars as pl
import pytest
import torch

from gatewise.cli.main import main
from gatewise.errors import GatewiseError
from gatewise.tasks.generate_vectors.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from gatewise.training import commands as jobs
from gatewise.training import runs
from tests.figures import drawn
from tests.pens import rolls, strokes
from tests.series import Quiet

TrainOptions, CompareOptions = (verb_options(verb, TASK.options) for verb in ("train", "compare"))
SMALL = {"hidden": 16, "components": 2, "epochs": 4, "batch_size": 4, "learning_rate": 0.02}


@pytest.fixture(scope="module")
def pens(tmp_path_factory):
    """A folder with strokes and a run on them, and the comparison that it was."""
    folder = tmp_path_factory.mktemp("pens")
    strokes().write_csv(folder / "strokes.csv")
    options = TrainOptions(**SMALL, differences=("x", "y"))
    run = runs.begin("train", TASK, folder / "strokes.csv", options, folder / "run")
    runs.write(run)
    comparison = jobs.train(run, TASK.read(run.data, run.options), Quiet())
    return folder, comparison


def gatewise(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(one) for one in arguments])
    return end.value.code


def evaluated(folder, path):
    model = load_model(folder)
    return jobs.evaluate(TASK, model, TASK.load_for_evaluation(model, path), Quiet())


def test_a_contest_and_its_test_part_again(pens):
    folder, comparison = pens
    scores = {one.name: one.scores for one in comparison.results}
    assert set(scores) == {"lstm", "marginal", "markov", "autoregression"}
    assert scores["lstm"]["nats"] < scores["marginal"]["nats"]
    again = evaluated(folder / "run", folder / "strokes.csv")
    assert again.results[0].scores == scores["lstm"]
    details = comparison.details[0]
    assert [row[0] for row in details.rows] == ["0", "1", "2 to 3", "4 to 7", "8 to 10"]
    nats, counts = (np.array([float(row[place]) for row in details.rows]) for place in (2, 1))
    assert (nats * counts).sum() / counts.sum() == pytest.approx(scores["lstm"]["nats"], abs=1e-3)
    assert (nats * counts)[1:].sum() / counts[1:].sum() == pytest.approx(
        scores["lstm"]["nats_later"], abs=1e-3
    )


def test_other_data_are_scored_as_a_whole(pens, tmp_path):
    folder, _ = pens
    strokes(6, seed=1).write_parquet(tmp_path / "other.parquet")
    again = evaluated(folder / "run", tmp_path / "other.parquet")
    assert len(again.data.test) == 6


def test_the_expected_next_vector_is_near_the_end(pens, tmp_path):
    folder, _ = pens
    table = strokes(4, seed=2)
    table.write_csv(tmp_path / "begun.csv")
    found = TASK.predict(load_model(folder / "run"), tmp_path / "begun.csv").frame
    assert found.columns == ["id", "x", "y", "lifted"]
    assert found["id"].to_list() == ["p0", "p1", "p2", "p3"]
    last = table.group_by("id", maintain_order=True).last()
    assert ((found["x"] - last["x"]).abs() < 8).all()
    assert found["lifted"].is_between(0, 1).all()
    model = load_model(folder / "run")
    data = TASK.load_for_evaluation(model, tmp_path / "begun.csv")
    seen = torch.cat([torch.zeros(1, 1, 3), data.test.__getitems__([1]).values], dim=1)
    expected = model.network.head.mean(model.network(seen)[0][0, -1])
    scale = data.preprocessing.scales[0]
    change = expected[0].item() * scale.deviation + scale.mean
    assert found["x"][1] - last["x"][1] == pytest.approx(change, abs=1e-3)


def test_drawn_sequences_are_a_table_and_a_picture(pens, tmp_path, monkeypatch):
    folder, comparison = pens
    monkeypatch.chdir(tmp_path)
    command = ("sample", folder / "run", "--count", 2, "--length", 7, "--bias", 1, "--seed", 3)
    assert gatewise(*command, "--out", "drawn.csv") == 0
    found = pl.read_csv("drawn.csv")
    assert found.columns == ["id", "t", "x", "y", "lifted"]
    assert found["id"].to_list() == [1] * 7 + [2] * 7
    assert found["t"].to_list() == [1, 2, 3, 4, 5, 6, 7] * 2
    assert found["lifted"].is_in([0, 1]).all()
    assert gatewise(*command, "--out", "again.parquet") == 0
    assert pl.read_parquet("again.parquet")["x"].to_list() == pytest.approx(found["x"].to_list())
    assert (tmp_path / "drawn.png").read_bytes()[:4] == b"\x89PNG"
    assert drawn(TASK, comparison, tmp_path) == {
        "drawn.png": "true sequences, and some sampled from the network"
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "samples of vectors are a table: give --out FILE.csv or FILE.parquet"),
        (
            ["--out", "x.txt"],
            "samples of vectors are a table: give --out FILE.csv or FILE.parquet, not 'x.txt'",
        ),
        (["--out", "x.csv", "--top-k", "3"], "--top-k does not apply to the model in "),
    ],
)
def test_what_can_not_be_drawn(pens, capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert gatewise("sample", pens[0] / "run", *arguments) == 2
    output = capsys.readouterr().err
    assert message in output
    assert len(output.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_generate_is_this_task_where_it_is_given_a_table(pens, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rolls().write_csv("rolls.csv")
    small = ["--hidden", 8, "--epochs", 1, "--seeds", 1, "--cells", "rnn,gru"]
    assert (
        gatewise(
            "compare",
            "generate",
            "rolls.csv",
            "--split-column",
            "part",
            "--id",
            "piece",
            "--out",
            "run",
            *small,
        )
        == 0
    )
    output = capsys.readouterr().out
    assert "binary channels: 3, real: 0" in output
    assert "split by column 'part'; 3 channels" in " ".join(output.split())
    assert "label" not in output
    assert "training set 6 sequences, validation set 3, test set 3, by column 'part'" in output
    assert "gatewise sample run --out drawn.csv" in output
    assert {"drawn.png", "leaderboard.csv", "model.json"} <= {
        one.name for one in (tmp_path / "run").iterdir()
    }
    before = pl.read_csv(tmp_path / "run" / "leaderboard.csv").drop("seconds")
    assert gatewise("compare", "generate", "--resume", "run") == 0
    assert pl.read_csv(tmp_path / "run" / "leaderboard.csv").drop("seconds").equals(before)
    assert gatewise("evaluate", "run", "rolls.csv") == 0
    rolls(3).drop("part").write_csv("other.csv")
    assert gatewise("evaluate", "run", "other.csv") == 0


def test_other_numbers_in_a_0_1_channel_are_refused(pens, tmp_path):
    strokes(2).with_columns(pl.lit(0.5).alias("lifted")).write_csv(tmp_path / "other.csv")
    with pytest.raises(
        GatewiseError, match=r"other.csv, line 3, column 'lifted': expected 0 or 1 as in training"
    ):
        evaluated(pens[0] / "run", tmp_path / "other.csv")


def test_long_sequences_are_trained_on_in_pieces(tmp_path):
    strokes().write_csv(tmp_path / "strokes.csv")
    data = TASK.read(tmp_path / "strokes.csv", TrainOptions(**SMALL, steps=4))
    assert max(data.train.sizes) == 4
    assert len(data.train) == 3 * 16  # of twelve and ten steps
    assert min(data.test.sizes) > 4


def test_an_archive_has_channels_too(tmp_path):
    lines = [f"{n},2,3,{n % 3}:5,6,7,8:a" for n in range(6)]
    (tmp_path / "some.ts").write_text("@classLabel true a\n@data\n" + "\n".join(lines) + "\n")
    data = TASK.read(tmp_path / "some.ts", TrainOptions(**SMALL))
    assert data.preprocessing.channels == ("channel1", "channel2")
    assert data.preprocessing.to_table([np.ones((2, 2))]).columns == [
        "sequence",
        "step",
        "channel1",
        "channel2",
    ]
    with pytest.raises(GatewiseError, match=r"an archive has no column 'part'; leave --split-column out"):
        TASK.read(tmp_path / "some.ts", TrainOptions(**SMALL, split_column="part"))


def test_the_deployed_mixture_expects_the_vectors_of_predict(pens, tmp_path):
    folder, _ = pens
    model = load_model(folder / "run")
    deployed, table = TASK.deployed(model), strokes(3)
    table.write_csv(tmp_path / "strokes.csv")
    predicted = TASK.predict(model, tmp_path / "strokes.csv").frame
    about = deployed.description
    for own, expected in zip(
        table.partition_by("id", maintain_order=True), predicted.iter_rows(), strict=True
    ):
        steps = own.select(about["channels"]).to_numpy().astype(float)
        changing = [name in about["differences"] for name in about["channels"]]
        values, ends = np.where(changing, np.diff(steps, axis=0), steps[1:]), np.where(changing, steps[-1], 0)
        values = torch.from_numpy(np.concatenate([[about["first"]], values]))[None]
        with torch.no_grad():
            found = dict(
                zip(
                    (one.name for one in deployed.results),
                    deployed(values, torch.zeros(1, deployed.packed.width)),
                    strict=True,
                )
            )
        means = (found["weights"][..., None] * found["means"]).sum(-2)[0, -1]
        parts = torch.cat([means, found["probabilities"][0, -1]]) if "probabilities" in found else means
        order = [place for part in model.network.head.places for place in part]
        both = np.empty(len(order))
        both[order] = parts
        np.testing.assert_allclose(both + ends, expected[1:], rtol=1e-5, atol=1e-5)
