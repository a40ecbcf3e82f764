"""Generating from file to files, in Python."""

import os
import subprocess
import sys

import pytest
import torch

from gatewise.cells import GRU
from gatewise.errors import GatewiseError
from gatewise.tasks.generate.network import text_nll
from gatewise.tasks.generate.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from gatewise.training import commands as jobs
from gatewise.training import runs
from tests.figures import drawn
from tests.series import Quiet
from tests.texts import words

TrainOptions = verb_options("train", TASK.options)
SMALL = {"hidden": 16, "embedding": 8, "steps": 32, "batch_size": 4, "epochs": 2, "validation_fraction": 0.1}


def trained(path, folder, **options):
    run = runs.begin("train", TASK, path, TrainOptions(**{**SMALL, **options}), folder)
    runs.write(run)
    data = TASK.read(run.data, run.options)
    return jobs.train(run, data, Quiet())


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    """One trained run, for all tests that only look at it."""
    folder = tmp_path_factory.mktemp("generate")
    (folder / "text.txt").write_text(words(12_000))
    torch.manual_seed(0)
    return folder, trained(folder / "text.txt", folder / "run")


def test_the_options_of_the_network_reach_it(comparison):
    chosen = {"layers": 2, "dropout": 0.1, "dropout_mask": "sequence", "embedding_dropout": 0.2}
    chosen |= {"weight_dropout": 0.3, "tied": True, "hidden": 7, "embedding": 5}
    network = TASK.network(comparison[1].data, TrainOptions(**chosen), GRU)
    options = network.options()
    assert {name: options[name] for name in chosen} == chosen
    noise = network.recurrent.noise
    assert (noise.dropout, noise.dropout_mask, noise.weight_dropout) == (0.1, "sequence", 0.3)


def evaluated(folder, path):
    model = load_model(folder)
    return jobs.evaluate(TASK, model, TASK.load_for_evaluation(model, path), Quiet())


def test_scores_are_those_of_the_test_part(comparison):
    _, found = comparison
    scores = {one.name: one.scores for one in found.results}
    assert set(scores) == {"unigram", "n-gram", "lstm"}
    assert scores["n-gram"]["nats"] < scores["unigram"]["nats"]
    lstm = next(one for one in found.results if one.name == "lstm")
    expected = text_nll(lstm.network, found.data.test.text)
    assert scores["lstm"]["nats"] == pytest.approx(expected.per_symbol)
    assert scores["lstm"]["bits"] == pytest.approx(expected.per_symbol * 1.4426950)
    assert torch.tensor(scores["lstm"]["perplexity"]).log() == pytest.approx(expected.per_symbol)
    assert lstm.scores["nats"] < 2.9


def test_the_same_text_has_its_test_set_and_another_text_is_scored_whole(comparison, tmp_path):
    folder, found = comparison
    again = evaluated(folder / "run", folder / "text.txt")
    lstm = next(one for one in found.results if one.name == "lstm")
    assert again.results[0].scores == pytest.approx(lstm.scores)
    (tmp_path / "other.txt").write_text(words(3000, seed=5) + "é")
    other = evaluated(folder / "run", tmp_path / "other.txt")
    assert len(other.data.test.text) == len((tmp_path / "other.txt").read_text())
    assert "unknown in it, read as one symbol, 1 times: é" in other.data.notes


def test_details_and_picture(comparison, tmp_path):
    _, found = comparison
    lstm = next(one for one in found.results if one.name == "lstm")
    kinds, places = TASK.details(lstm.predictions, found.data)
    assert sum(float(row[1].rstrip("%")) for row in kinds.rows) == pytest.approx(100, abs=0.5)
    assert sum(float(row[3].rstrip("%")) for row in kinds.rows) == pytest.approx(100, abs=0.5)
    nats = [float(row[2]) for row in places.rows]
    assert nats == sorted(nats, reverse=True)
    assert drawn(TASK, found, tmp_path).keys() == {"nll.png"}
    assert (tmp_path / "nll.png").read_bytes().startswith(b"\x89PNG")


def test_a_preview_is_text_and_the_same_each_time(comparison):
    _, found = comparison
    lstm = next(one for one in found.results if one.name == "lstm")
    output = TASK.preview(lstm.network, found.data)
    assert set(output) <= set(words(12_000) + "|")
    assert all(line.startswith("  | ") for line in output.splitlines())
    assert output == TASK.preview(lstm.network, found.data)


def test_an_example_is_a_stretch_of_the_test_set(comparison):
    folder, found = comparison
    saved, test = load_model(folder / "run"), found.data.test.text
    one = TASK.example(saved, folder / "text.txt", 2)
    symbols = test.symbols(320, 481)
    assert one.batch.symbols[0].tolist() == symbols.tolist()
    assert one.tracks[0].symbols[:3] == tuple(map(test.tokenizer.display, symbols[:3]))
    assert one.tracks[1].lines[0].values.mean() == pytest.approx(saved.network.loss(one.batch).item())
    last = (len(test) - 2) // 160
    assert len(TASK.example(saved, folder / "text.txt", last).tracks[0].symbols) == len(test) - 1 - 160 * last
    with pytest.raises(GatewiseError, match=f"there are {last + 1} stretches of 160 symbols in the test set"):
        TASK.example(saved, folder / "text.txt", last + 1)


def test_it_predicts_no_table(comparison):
    folder, _ = comparison
    with pytest.raises(GatewiseError, match="use gatewise sample RUN"):
        TASK.predict(load_model(folder / "run"), folder / "text.txt")


@pytest.mark.parametrize("tokenizer", ["bytes", "words", "bpe"])
def test_other_symbols_are_scored_by_the_character(tmp_path, tokenizer):
    if tokenizer == "bpe":
        pytest.importorskip("tokenizers")
    (tmp_path / "text.txt").write_text(words(4000).replace("cat", "çat"))
    found = trained(tmp_path / "text.txt", tmp_path / "run", tokenizer=tokenizer, vocabulary=270, epochs=1)
    test = found.data.test.text
    assert len(test) != test.characters
    for result in found.results:
        symbol = torch.tensor(result.scores["perplexity"]).log() * len(test) / test.characters
        assert result.scores["nats"] == pytest.approx(float(symbol), rel=1e-4)
        assert result.scores["bits"] == pytest.approx(result.scores["nats"] * 1.4426950)
    again = evaluated(tmp_path / "run", tmp_path / "text.txt")
    assert again.results[0].scores == pytest.approx(found.chosen(baseline=False).scores)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "text.txt is empty"),
        ("a", {}, "text.txt has 1 bytes, too few for three sets"),
        (
            "short\n" * 8,
            {"batch_size": 64},
            "has 38 symbols, too few for 64 streams; give a longer text or a",
        ),
        ("short\n" * 8, {"batch_size": 6}, "has 5 symbols, too few for 6 streams"),
    ],
)
def test_texts_that_are_too_short(tmp_path, text, options, message):
    path = tmp_path / "text.txt"
    path.write_text(text)
    with pytest.raises(GatewiseError, match=message):
        TASK.read(path, TrainOptions(**{**SMALL, **options}))


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
import polars as pl
import matplotlib.backends.backend_agg
import gatewise.cli.train, gatewise.training.fit
import gatewise.tasks.generate.task, gatewise.tasks.generate_vectors.task
import gatewise.estimators.resuming
from gatewise import TextGenerator
from gatewise.cli.main import main

np.linalg.inv(np.eye(3))  # the libraries behind these take their memory once
pl.DataFrame({"a": [1.0, 2.0]}).write_csv()
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
allowed = 1024 * int(status["VmData"].split()[0]) + 80 * 2**20  # less than the text
resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit a process's data")
@pytest.mark.thorough
def test_a_text_larger_than_the_memory_that_training_may_take(tmp_path):
    piece = words(2**15, seed=3).encode()
    with (tmp_path / "text.txt").open("wb") as file:
        for _ in range(3000):
            file.write(piece)
    arguments = (
        "train generate text.txt --out run --hidden 16 --embedding 8 --steps 32 --batch-size 8 --epochs 2 "
        "--steps-per-epoch 20 --validation-fraction 0.0002 --test-fraction 0.0002 --debug"
    )
    result = subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments.split()],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-2000:]
    assert (tmp_path / "run" / "model.safetensors").exists()
