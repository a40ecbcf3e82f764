"""Small versions of the experiments in `benchmarks/published`: their claims, on problems of seconds."""

import json
from argparse import Namespace

import pytest
import torch

from tests.texts import words


def test_a_one_dimensional_grid_learns_parity_beside_plain_networks_with_as_many_strings(script):
    settings = Namespace(units=64, depth=6, batch=100, rate=0.003, steps=1500, seed=0)
    found = script("parity").comparison(10, settings)
    assert found["1-LSTM"]["strings right"] > 0.95
    assert found["tanh"]["steps"] == found["1-LSTM"]["steps"] >= found["ReLU"]["steps"]


def test_parity_is_whether_the_ones_are_odd(script):
    read, odd = script("parity").strings(50, 7)
    assert [row.count(1.0) % 2 for row in read.tolist()] == odd.tolist()


def test_a_result_is_reported_with_its_settings(script, tmp_path):
    settings = Namespace(seed=3, steps=5, out=tmp_path)
    path = script("experiment").record("some", settings, "what it reports", {"right": [2 / 3]}, 0.5)
    output = json.loads(path.read_text())
    assert path == tmp_path / "some.json"
    assert output["settings"] == {"seed": 3, "steps": 5}
    assert output["measured"] == {"right": [0.6667]}
    assert {"paper", "minutes", "cores", "gatewise", "torch"} <= output.keys()


@pytest.mark.thorough
def test_a_grid_repeats_a_string(script):
    memorization, experiment = script("memorization"), script("experiment")
    network = memorization.networks(units=48, depth=2, length=3, symbols=6)["tied 2-LSTM"]
    batch, fresh = (memorization.strings(count, 3, 6) for count in (50, 500))
    found = experiment.learn("grid", network, batch, fresh, steps=600, rate=0.01, enough=0.999)
    assert found["symbols right"] > 0.95


@pytest.mark.thorough
def test_a_grid_adds(script):
    addition, experiment = script("addition"), script("experiment")
    network = addition.networks(units=48, depth=3, digits=1)["tied 2-LSTM"]
    batch, fresh = (addition.sums(count, 1) for count in (50, 500))
    found = experiment.learn("grid", network, batch, fresh, steps=800, rate=0.01, enough=0.999)
    assert found["whole answers right"] > 0.95


def test_sums_are_read_and_answered_highest_digit_first(script):
    read, answer = script("addition").sums(20, 3)()
    for symbols, digits in zip(read.tolist(), answer.tolist(), strict=True):
        one, other = (int("".join(map(str, symbols[at : at + 3]))) for at in (0, 4))
        assert one + other == int("".join(map(str, digits)))
        assert symbols[3] == symbols[7] == script("addition").BLANK
        assert symbols[7:] == [script("addition").BLANK] * 5


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["mdlstm", "grid"])
def test_a_lattice_reads_digits(script, real_data, monkeypatch, kind):
    monkeypatch.setenv("GATEWISE_DATA", str(real_data))
    mnist = script("mnist")
    images, labels = (one[:1500] for one in mnist.digits("train"))
    reader = mnist.network(kind, units=16, depth=1)
    held = images[1000:], labels[1000:]
    found = mnist.learn(reader, images[:1000], labels[:1000], held, epochs=7, batch=20, rate=0.01, shift=0)
    assert max(found["held out right"]) > 0.75
    assert mnist.right(reader, *held) == max(found["held out right"])


def test_absent_digits_are_named(script, monkeypatch, tmp_path):
    monkeypatch.setenv("GATEWISE_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match=r"no train-images-idx3-ubyte\.gz in .*GATEWISE_DATA names"):
        script("mnist").digits("train")


def test_patches_are_squares_of_the_image(script):
    image = torch.arange(28 * 28.0).reshape(1, 28, 28)
    assert torch.equal(script("mnist").patches(image)[0, 2, 5], image[0, 8:12, 20:24].flatten())


def test_moved_images_keep_what_is_inside(script):
    image = torch.zeros(6, 28, 28)
    image[:, 10:15, 12:16] = torch.rand(5, 4)
    found = script("mnist").moved(image, 2)
    assert torch.allclose(found.sum((1, 2)), image.sum((1, 2)))
    assert not torch.equal(found, image)
    assert torch.equal(script("mnist").moved(image, 0), image)


def test_a_text_is_predicted_beside_n_grams(script, tmp_path):
    (tmp_path / "text.txt").write_text(words(12_000))
    options = {"hidden": 48, "steps": 32, "batch_size": 4, "epochs": 4, "validation_fraction": 0.05}
    found = script("shakespeare").measured(tmp_path / "text.txt", tmp_path / "run", **options)
    assert set(found) == {"lstm", "n-gram", "unigram"}
    assert found["lstm"]["nats a character"] < 0.7 * found["unigram"]["nats a character"]


def test_words_of_all_models_are_the_same_symbols(script, tmp_path):
    (tmp_path / "text.txt").write_text("the cat saw a dog\n" * 300)
    module = script("words")
    options = module.verb_options("train", module.TASK.options)(tokenizer="words", validation_fraction=0.1)
    data = module.TASK.read(tmp_path / "text.txt", options)
    assert module.counts(data)["training"]["unknown words"] <= 2  # at a border of the sets
    assert module.five_gram(data)["perplexity"] < 1.1


def test_an_absent_text_is_named(script, monkeypatch, tmp_path):
    monkeypatch.setenv("GATEWISE_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match=r"there is no tinyshakespeare\.txt in .*GATEWISE_DATA names"):
        script("shakespeare").text()


def test_chorales_are_predicted_better_than_by_their_frequencies(script, real_data, monkeypatch):
    monkeypatch.setenv("GATEWISE_DATA", str(real_data))
    chorales = script("chorales")
    data = {
        part: chorales.sequences([found.__getitems__([one]).values[0, :16].numpy() for one in range(20)])
        for part, found in chorales.chorales().items()
    }
    network = chorales.SequenceModel(chorales.find_cell("gru"), 88, range(88), hidden=32)
    found = chorales.learn(
        network, data, Namespace(rate=0.02, epochs=20, patience=9, average=0.9, batch=2, clip=1.0)
    )
    marginal = chorales.BASELINES["marginal"](88, range(88))
    marginal.fit(data["train"], data["valid"])
    assert found["epochs"] <= 20
    assert chorales.scores(network, data)["test nats"] < chorales.scores(marginal, data)["test nats"] - 0.5


def test_absent_chorales_are_named(script, monkeypatch, tmp_path):
    monkeypatch.setenv("GATEWISE_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match=r"no JSB_Chorales\.mat in .*GATEWISE_DATA names"):
        script("chorales").chorales()
