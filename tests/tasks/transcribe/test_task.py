"""Transcribing from file to files, in Python."""

import numpy as np
import polars as pl
import pytest
import torch

import gatewise
from gatewise.cells import LSTM
from gatewise.errors import GatewiseError
from gatewise.modules.ctc import beam_search, negative_log_likelihood
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from gatewise.tasks.transcribe.task import TASK
from tests.figures import drawn
from tests.signals import blurred
from tests.strips import digits, strips, write_strips
from tests.tasks.running import evaluate, execute

TrainOptions, CompareOptions = (verb_options(verb, TASK.options) for verb in ("train", "compare"))


@pytest.fixture(scope="module")
def signals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signals")
    values, texts = blurred(40)
    values.write_csv(folder / "signals.csv")
    texts.write_csv(folder / "targets.csv")
    options = CompareOptions(targets="targets.csv", epochs=1, hidden=4, seeds=1, cells=("gru",), beam=2)
    return folder, execute(TASK, "compare", folder / "signals.csv", folder / "run", options)


def test_signals_from_table_to_texts(signals):
    folder, comparison = signals
    assert {one.name: one.baseline for one in comparison.results} == {
        "majority": True,
        "window": True,
        "gru": False,
    }
    again = evaluate(TASK, folder / "run", folder / "signals.csv")
    scores = {one.name: one.scores for one in comparison.results}
    assert {one.name: one.scores for one in again.results} == {
        name: scores[name] for name in ("majority", "gru")
    }
    predicted = TASK.predict(load_model(folder / "run"), folder / "signals.csv")
    assert predicted.frame.columns == ["id", "text", "probability"]
    assert predicted.frame["id"].to_list() == [f"s{number}" for number in range(40)]
    assert predicted.text_column == "text"


def test_a_text_that_needs_more_steps_than_there_are(signals):
    folder, _ = signals
    options = TrainOptions(targets="targets.csv", stack_frames=50)
    with pytest.raises(
        GatewiseError, match=r"s\d+ has 1 step left for its text '[abc]+', which needs \d; give a"
    ):
        TASK.read(folder / "signals.csv", options)


def test_missing_values_are_read_as_missing(tmp_path):
    random = np.random.default_rng(0)
    values = random.normal(size=(24, 8, 2))
    values[random.random(values.shape) < 0.3] = np.nan
    values[3, :, 0] = np.nan  # a channel without any value
    X, texts = [*values], ["ab", "ba"] * 12
    settings = {"cell": "rnn", "hidden": 3, "epochs": 1, "progress": False, "baselines": True}
    with gatewise.backend("reference"):
        model = gatewise.Transcriber(**settings, fill="mask").fit(X, texts)
        inputs = model.comparison_.data.test.inputs
        assert inputs.channel_names == [
            *("channel_0", "channel_1", "channel_0 observed", "channel_1 observed"),
            *("channel_0 since", "channel_1 since"),
        ]
        scales = model.model_.preprocessing["form"]["scales"]
        (batch,), _ = inputs.batch([5])
        last, since = [0.0, 0.0], [0, 0]
        for step, row in enumerate(values[5]):
            for channel in range(2):
                since[channel] += step > 0
                is_there = not np.isnan(row[channel])
                if is_there:
                    last[channel] = (row[channel] - scales[channel]["mean"]) / scales[channel]["deviation"]
                found = batch[step, channel::2].tolist()
                expected = [last[channel], float(is_there), np.log1p(since[channel])]
                assert found == pytest.approx(expected, abs=1e-6)
                since[channel] = 0 if is_there else since[channel]
        predicted = model.predict(X)
        model.save(tmp_path / "model")
        assert gatewise.load(tmp_path / "model").predict(X) == predicted
        assert model.inspect(0).html  # every channel is shown
        with pytest.raises(GatewiseError, match="the cell GRUD"):
            gatewise.Transcriber(**{**settings, "cell": "grud"}, fill="mask").fit(X, texts)


def test_a_convolution_is_for_images(signals):
    folder, _ = signals
    with pytest.raises(GatewiseError, match="--front convolution needs images"):
        TASK.read(folder / "signals.csv", TrainOptions(targets="targets.csv", front="convolution"))


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    """Images without MNIST: each digit a shape of its own."""
    random = np.random.default_rng(0)
    shapes = {str(digit): random.integers(2, size=(8, 6)).astype(np.uint8) * 255 for digit in range(3)}
    made = []
    for _ in range(40):
        text = "".join(str(one) for one in random.integers(3, size=random.integers(1, 4)))
        gap = np.zeros((8, 2), np.uint8)
        made.append(
            (np.concatenate([gap, *(part for one in text for part in (shapes[one], gap))], axis=1), text)
        )
    folder = write_strips(tmp_path_factory.mktemp("bars") / "bars", made)
    options = TrainOptions(front="convolution", epochs=1, hidden=4, cell="gru")
    return folder, execute(TASK, "train", folder, folder.parent / "run", options)


def test_images_from_folder_to_texts(bars):
    folder, comparison = bars
    again = evaluate(TASK, folder.parent / "run", folder)
    assert {one.name: one.scores for one in again.results} == {
        one.name: one.scores for one in comparison.results
    }
    assert (
        len(evaluate(TASK, folder.parent / "run", folder / "targets.csv").data.test) == 6
    )  # not those trained on
    (folder / "targets.csv").rename(folder / "texts.csv")
    table = (folder / "texts.csv").read_text()
    (folder / "targets.csv").write_text("\n".join(table.splitlines()[:11]))
    assert len(evaluate(TASK, folder.parent / "run", folder / "targets.csv").data.test) == 10
    (folder / "texts.csv").rename(folder / "targets.csv")
    predicted = TASK.predict(load_model(folder.parent / "run"), folder)
    assert predicted.frame["file"].to_list() == [f"{number:05d}.png" for number in range(40)]


def test_details_and_picture(bars, signals):
    for folder, comparison in (bars, signals):
        output = comparison.details
        texts = output[-1]
        truth = dict(pl.read_csv(folder / "targets.csv", infer_schema=False).iter_rows())
        for name, true, read, sign in texts.rows:
            assert truth[name] == true
            assert (sign == "≠") == (read != true)
        assert drawn(TASK, comparison, folder) == {
            "texts.png": "sequences of the test set, with the probability of each symbol"
        }
        assert (folder / "texts.png").stat().st_size > 10_000


def test_strips_of_handwritten_digits_are_read(real_data, tmp_path):
    folder = write_strips(tmp_path / "strips", strips(*digits(real_data, "t10k"), count=40, most=4))
    data = TASK.read(folder, TrainOptions())
    assert data.height == data.channels == 28
    assert data.tokenizer.symbols == tuple("0123456789")
    batch = data.train.__getitems__([0, 1, 2])
    assert TASK.network(data, TrainOptions(hidden=4), LSTM).loss(batch).isfinite()


def test_deployed_probabilities_are_those_of_predict(signals):
    folder, _ = signals
    model = load_model(folder / "run")
    predicted = TASK.predict(model, folder / "signals.csv").frame
    table, deployed = pl.read_csv(folder / "signals.csv"), TASK.deployed(model)
    rows = [own.drop("id", "time").to_numpy() for own in table.partition_by("id", maintain_order=True)]
    values = torch.full((len(rows), max(map(len, rows)), rows[0].shape[1]), torch.nan, dtype=torch.float64)
    for number, own in enumerate(rows):
        values[number, : len(own)] = torch.from_numpy(own)
    with torch.no_grad():
        found, steps = deployed(values, torch.tensor([len(own) for own in rows]))
    texts, _ = beam_search(found, steps, beam=2)
    symbols = deployed.description["symbols"]
    assert ["".join(symbols[one - 1] for one in text) for text in texts] == predicted["text"].to_list()
    sizes = torch.tensor([len(text) for text in texts])
    targets = torch.nn.utils.rnn.pad_sequence([torch.tensor([*text, 1]) for text in texts], batch_first=True)
    probabilities = (-negative_log_likelihood(found, steps, targets, sizes)).exp()
    np.testing.assert_allclose(probabilities, predicted["probability"], atol=6e-5)
