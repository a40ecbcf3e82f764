"""The classifier of sequences against plain float64 loops; its baselines against numpy and brute force."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from gatewise.baselines import sequence_features
from gatewise.baselines.sequence_features import summaries
from gatewise.cells import GRU, LSTM
from gatewise.data import batching
from gatewise.data.batching import iterate_batches
from gatewise.data.sequences.sequences import SequenceBatch, Sequences, SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.metrics.classes import class_scores
from gatewise.modules.classifier import Classifier, Majority, predict_probabilities
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.tasks.classify.baselines import Logistic, Nearest, SummaryMLP
from gatewise.tasks.serialization import SavedModel, load_model, save_model

LENGTHS = [5, 1, 3]


def sequences(lengths, classes=2, channels=2, seed=0, apart=0.0):
    """A data set of random sequences; `apart`: how far the classes' means are from each other."""
    random = np.random.default_rng(seed)
    labels = np.arange(len(lengths)) % classes
    values = random.normal(size=(sum(lengths), channels)) + apart * np.repeat(labels, lengths)[:, None]
    names = tuple(map(str, range(len(lengths))))
    table = SequenceTable("", values, np.cumsum([0, *lengths]), names, tuple("abc"[:channels]))
    return Sequences(table, range(len(lengths)), labels, (Scale(0.0, 1.0),) * channels)


def batch_of(lengths=LENGTHS, channels=3, dtype=torch.float64):
    values = torch.randn(len(lengths), max(lengths), channels, dtype=dtype)
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    return SequenceBatch(values, torch.tensor(lengths), torch.arange(len(lengths)) % 4)


def lstm(weights, values):
    """The hidden of an LSTM (Hochreiter and Schmidhuber 1997, with forget gates) at every step, [T, H]."""
    matrix_x, matrix_h, bias = weights
    hidden = memory = torch.zeros(matrix_h.shape[1], dtype=torch.float64)
    found = []
    for value in values:
        i, f, g, o = (matrix_x @ value + matrix_h @ hidden + bias).chunk(4)
        memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
        hidden = torch.sigmoid(o) * torch.tanh(memory)
        found.append(hidden)
    return torch.stack(found)


def logits_by_loop(network, values):
    """The logits of a network of LSTMs for one sequence [T, C], computed from its parameters alone."""
    given = {name: value.detach().double() for name, value in network.named_parameters()}
    ends, hiddens = [], values
    for layer in range(network.options()["layers"]):
        outputs = []
        for way in ("", "_reverse")[: 1 + network.options()["bidirectional"]]:
            names = [
                f"recurrent.{kind}_l{layer}{way}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]
            weight_x, weight_h, *biases = (given[name] for name in names)
            weights = weight_x, weight_h, sum(biases)
            outputs.append(lstm(weights, hiddens.flip(0)).flip(0) if way else lstm(weights, hiddens))
        ends = [one[0] if place else one[-1] for place, one in enumerate(outputs)]
        hiddens = torch.cat(outputs, dim=1)
    if network.pooling.score is None:
        how = network.options()["pooling"]
        pooled = torch.cat(ends) if how == "last" else hiddens.amax(0) if how == "max" else hiddens.mean(0)
    else:
        inner, outer, vector = (given[f"pooling.score.{name}"] for name in ("0.weight", "0.bias", "2.weight"))
        heights = [float(vector[0] @ torch.tanh(inner @ one + outer)) for one in hiddens]
        fractions = [math.exp(one) / sum(map(math.exp, heights)) for one in heights]
        pooled = sum(fraction * one for fraction, one in zip(fractions, hiddens, strict=True))
    return given["classes.weight"] @ pooled + given["classes.bias"]


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (1, True), (2, True)])
def test_logits_are_those_of_a_plain_loop(pooling, layers, bidirectional):
    network = (
        SequenceClassifier(
            LSTM, 3, 4, hidden=5, layers=layers, dropout=0.5, bidirectional=bidirectional, pooling=pooling
        )
        .double()
        .eval()
    )
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    batch = batch_of()
    found = network.logits(batch)
    for row, length in enumerate(LENGTHS):
        expected = logits_by_loop(network, batch.values[row, :length])
        torch.testing.assert_close(found[row], expected, rtol=1e-9, atol=1e-10)
    mean = -found.log_softmax(-1)[range(3), batch.labels].mean()
    torch.testing.assert_close(network.loss(batch), mean)
    assert network.weight(batch) == 3
    quick = network.float().logits(batch._replace(values=batch.values.float()))  # by the kernel
    torch.testing.assert_close(quick.double(), found, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_changes_nothing_and_every_step_counts(pooling, bidirectional):
    network = SequenceClassifier(
        GRU, 3, 4, hidden=32, dropout=0.0, bidirectional=bidirectional, pooling=pooling
    )
    batch = batch_of(dtype=torch.float32)
    noisy = batch.values.clone()
    for row, length in enumerate(LENGTHS):
        noisy[row, length:] = torch.nan if pooling == "last" else 7.0
    found = network.logits(batch._replace(values=noisy))
    torch.testing.assert_close(found, network.logits(batch))
    longer = functional.pad(batch.values, (0, 0, 0, 4))
    torch.testing.assert_close(network.logits(batch._replace(values=longer)), found)
    values = batch.values.requires_grad_()
    network.loss(batch._replace(values=values)).backward()
    seen = (values.grad != 0).any(-1)
    assert torch.equal(seen, torch.arange(5) < torch.tensor(LENGTHS)[:, None])
    assert all((one.grad != 0).any() for one in network.parameters())


def test_dropout_before_the_classes_is_for_training_alone():
    network = SequenceClassifier(LSTM, 3, 4, hidden=16, dropout=0.5, bidirectional=False, pooling="last")
    batch = batch_of(dtype=torch.float32)
    assert not torch.equal(network.logits(batch), network.logits(batch))
    network.eval()
    assert torch.equal(network.logits(batch), network.logits(batch))


def test_summaries_are_those_of_numpy():
    batch = batch_of([5, 1, 3, 8])
    found = summaries(batch.values, batch.lengths)
    for row, length in enumerate(batch.lengths.tolist()):
        rows = batch.values[row, :length].numpy()
        change = np.abs(np.diff(rows, axis=0)).mean(0) if length > 1 else np.zeros(3)
        expected = [
            [math.log(length)],
            rows.mean(0),
            rows.std(0),
            rows.min(0),
            rows.max(0),
            rows[0],
            rows[-1],
            change,
        ]
        np.testing.assert_allclose(found[row], np.concatenate(expected), rtol=1e-6, atol=1e-7)


def test_logistic_regression_sees_summaries():
    train, held = (sequences([4, 6, 9, 5] * 10, seed=seed, apart=2.0) for seed in (0, 1))
    network = Logistic(2, 2)
    network.fit(train, held)
    scores = class_scores(predict_probabilities(network, held), held.labels)
    assert scores["accuracy"] > 0.95
    assert scores["cross_entropy"] < 0.2


def test_a_perceptron_of_summaries_is_saved_with_what_is_usual(tmp_path):
    train = sequences([4, 6, 1] * 5, classes=3)
    network = SummaryMLP.standardized_on(train, classes=3)
    batches = (train.__getitems__([number]) for number in range(15))
    features = np.stack([summaries(one.values, one.lengths)[0] for one in batches]).astype(np.float64)
    np.testing.assert_allclose(network.mean, features.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network.deviation, features.std(0), rtol=1e-5, atol=1e-6)
    batch = train.__getitems__([0, 7, 2])
    standard = (summaries(batch.values, batch.lengths) - network.mean) / network.deviation
    first, _, second = network.body
    torch.testing.assert_close(network.logits(batch), second(functional.relu(first(standard))))
    save_model(tmp_path, SavedModel("classify", "mlp", network, {}))
    torch.testing.assert_close(load_model(tmp_path).network.logits(batch), network.logits(batch))


def resampled(rows, steps):
    """A sequence at evenly spaced times, by numpy's own straight lines."""
    times = np.linspace(0, len(rows) - 1, steps)
    return np.stack([np.interp(times, np.arange(len(rows)), column) for column in rows.T], axis=1)


@pytest.mark.parametrize("most", [1 << 25, 2 * 64 * 10], ids=["all kept", "ten kept"])
def test_the_nearest_sequence_by_brute_force(monkeypatch, tmp_path, most):
    monkeypatch.setattr(sequence_features, "MAX_FEATURE_VALUES", most)
    monkeypatch.setattr(batching, "MAX_EXAMPLES", 4)
    train = sequences([3, 70, 1, 12, 64, 7, 100] * 3, classes=3, apart=0.6)
    held = sequences([5, 80, 2, 64, 1, 9] * 3, classes=3, seed=1, apart=0.6)
    network = Nearest(2, 3)
    network.fit(train, held)
    assert len(network.kept) == (21 if most > 5000 else 10)

    def rows(dataset, number):
        return dataset.__getitems__([number]).values[0].double().numpy()

    originals = [(resampled(rows(train, number), 64), int(train.labels[number])) for number in range(21)]
    kept = []
    for own, label in zip(network.kept.view(-1, 64, 2).numpy(), network.labels, strict=True):
        (place,) = [at for at, (one, _) in enumerate(originals) if np.allclose(one, own, atol=1e-5)]
        assert originals[place][1] == label
        kept.append(originals[place])
    right = 0
    guesses = predict_probabilities(network, held).argmax(1)
    for number in range(18):
        seen = resampled(rows(held, number), 64)
        label = min(kept, key=lambda one: ((one[0] - seen) ** 2).sum())[1]
        assert guesses[number] == label
        right += label == held.labels[number]
    confidence = (right + 1 / 3) / (18 + 1)
    assert float(network.confidence) == pytest.approx(confidence)
    predicted = predict_probabilities(network, held)
    others = [(1 - confidence) / 2] * 2
    np.testing.assert_allclose(sorted(predicted[0].tolist()), sorted([confidence, *others]), rtol=1e-5)
    save_model(tmp_path, SavedModel("classify", "nearest", network, {}))
    assert torch.equal(predict_probabilities(load_model(tmp_path).network, held), predicted)


def test_the_confidence_of_the_nearest_is_below_one():
    train = sequences([4, 6, 5, 7], apart=9.0)
    network = Nearest(2, 2)
    network.fit(train, train)
    assert float(network.confidence) == pytest.approx(0.9)
    assert torch.isfinite(network.loss(train.__getitems__([0, 1])))


def test_majority_counts_each_class_once_more():
    train = sequences([1] * 5, classes=3)  # labels 0 1 2 0 1
    network = Majority(4)
    network.fit(train, None)
    predicted = predict_probabilities(network, train)
    np.testing.assert_allclose(predicted, [[3 / 9, 3 / 9, 2 / 9, 1 / 9]] * 5, rtol=1e-6)


class FirstValue(Classifier):
    """Returns the first value of a sequence as its only logit."""

    def logits(self, batch):
        return torch.stack([batch.values[:, 0, 0], torch.zeros(len(batch.values))], dim=1)

    def options(self):
        return {}


def test_predictions_keep_the_order_of_the_examples(monkeypatch):
    dataset = sequences([5, 1, 30, 2, 9, 30, 1])
    monkeypatch.setattr(batching, "MAX_EXAMPLES", 3)
    monkeypatch.setattr(batching, "STEPS_AT_ONCE", 12)
    batches = list(iterate_batches(dataset))
    assert sorted(number for numbers, _ in batches for number in numbers.tolist()) == list(range(7))
    assert all(len(numbers) <= 3 for numbers, _ in batches)
    assert all(len(numbers) == 1 or batch.values[..., 0].numel() <= 12 for numbers, batch in batches)
    assert [
        number for numbers, _ in iterate_batches(dataset, torch.tensor([4, 2])) for number in numbers.tolist()
    ] == [4, 2]
    offsets = dataset.table.offsets[:-1]
    expected = 1 / (1 + np.exp(-dataset.table.values[offsets, 0]))
    np.testing.assert_allclose(predict_probabilities(FirstValue(), dataset)[:, 0], expected, rtol=1e-5)
