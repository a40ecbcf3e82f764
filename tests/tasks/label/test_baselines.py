"""Baselines of labels: the usual label counted by hand, and a window's model at its optimum."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from gatewise.data.labels.channel_steps import ChannelBatch
from gatewise.data.labels.segments import whole_sequences
from gatewise.data.labels.token_steps import NO_LABEL, TokenSteps
from gatewise.data.tokenizers.words import learn_words
from gatewise.modules.windows import context_windows
from gatewise.tasks.label import baselines as label_baselines
from gatewise.tasks.label.baselines import ChannelWindow, MajorityLabel, TokenWindow
from gatewise.tasks.label.metrics import accuracy, predict_labels
from tests.sentences import first_and_last, numbered, sentences

TOKENS = ["aa", "aa", "aa", "ab", "ab", "ba", "bbb"]
LABELS = np.array([1, 1, 0, 0, 2, 2, NO_LABEL])


class Channels:
    """Sequences of numbers as a data set."""

    def __init__(self, values, labels):
        self.values, self.labels = values, labels
        self.sizes = np.array([len(one) for one in labels])

    def __len__(self):
        return len(self.sizes)

    def __getitems__(self, numbers):
        length = self.sizes[numbers].max()
        values = torch.zeros(len(numbers), length, self.values[0].shape[-1])
        labels = torch.full((len(numbers), length), NO_LABEL)
        for row, number in enumerate(numbers):
            values[row, : self.sizes[number]] = self.values[number]
            labels[row, : self.sizes[number]] = self.labels[number]
        return ChannelBatch(values, torch.from_numpy(self.sizes[numbers]), labels)


def channels(count=20):
    """A step's label is the sign of the number two steps before."""
    values = [torch.randn(int(size), 1) for size in torch.randint(4, 12, (count,))]
    labels = [torch.cat([torch.zeros(2), (one[:-2, 0] > 0).float()]).long() for one in values]
    return Channels(values, labels)


def test_the_usual_label_of_each_token():
    vocabulary = learn_words(TOKENS)
    data = TokenSteps(TOKENS, LABELS, vocabulary, whole_sequences(np.array([0, 4, 7])))
    usual = MajorityLabel(3)
    usual.fit(data, data)
    new = TokenSteps(["ab", "bb", "ba", "aa", "bbb"], None, vocabulary, whole_sequences(np.array([0, 5])))
    # 0, 1 and 2 are there twice each: 0 is first; ab has 0 and 2 once each: the one later in order.
    assert usual(new.__getitems__([0])).argmax(-1).tolist() == [[2, 0, 2, 1, 0]]
    again = MajorityLabel.from_options(usual.options())
    again.load_state_dict(usual.state_dict())
    assert torch.equal(again(new.__getitems__([0])), usual(new.__getitems__([0])))


def test_without_tokens_it_is_the_label_of_most_steps():
    usual = MajorityLabel(3)
    labels = [torch.tensor([0, 2, 2]), torch.tensor([2, 1])]
    data = Channels([torch.randn(len(one), 2) for one in labels], labels)
    usual.fit(data, data)
    assert usual(data.__getitems__([0, 1])).argmax(-1).tolist() == [[2, 2, 2], [2, 2, 2]]


def test_a_window_of_numbers_is_read_where_it_matters():
    data = channels()
    model = ChannelWindow(2, channels=1, reach=2)
    model.fit(data, channels(5))
    truth = [one.numpy() for one in data.labels]
    assert accuracy(truth, predict_labels(model, data).labels) > 0.9
    seen = model.linear.weight.detach()[1] - model.linear.weight.detach()[0]
    assert seen.abs().argmax() == 0
    near = ChannelWindow(2, channels=1, reach=1)
    near.fit(data, channels(5))
    assert accuracy(truth, predict_labels(near, data).labels) < 0.8


def test_the_weights_are_the_optimum_of_a_penalty():
    _, _, data = numbered(sentences(60))
    model = TokenWindow(5, reach=1)
    model.fit(data, data)
    features, labels = model.collect(data)
    model.requires_grad_(True)
    functional.cross_entropy(model.logits(features), labels, reduction="sum").backward()
    weights, slopes = model.weights.weight.detach(), model.weights.weight.grad
    used = weights.abs() > 0.05
    penalty = -(slopes[used] / weights[used]).median()
    assert any(penalty == pytest.approx(one, rel=0.01) for one in label_baselines.PENALTIES)
    torch.testing.assert_close(slopes, -penalty * weights, atol=0.02, rtol=0.0)
    assert model.bias.grad.abs().max() < 0.02


def test_a_window_of_tokens_beats_the_token_alone_and_sees_no_further():
    _, _, data = numbered(sentences(400, filler=3))
    train, held = first_and_last(data, 300)
    truth = [held.labels[held.slice_of(one)] for one in range(len(held))]
    found = {}
    for name, model in (("usual", MajorityLabel(5)), ("window", TokenWindow(5))):
        model.fit(train, train)
        found[name] = accuracy(truth, predict_labels(model, held).labels)
    assert found["usual"] < 0.85 < found["window"] < 0.99


def test_windows_and_tokens_of_a_row_do_not_depend_on_the_others():
    _, _, data = numbered(sentences(20))
    rows = [int(data.sizes.argmin()), int(data.sizes.argmax())]
    model = TokenWindow(5)
    together, alone = (model.features(data.__getitems__(which)) for which in (rows, rows[:1]))
    assert torch.equal(together[:1, : alone.shape[1]], alone)
    values, lengths = torch.randn(2, 6, 3), torch.tensor([6, 4])
    seen = context_windows(values, lengths, 2)
    assert torch.equal(seen[1:, :4], context_windows(values[1:, :4], lengths[1:], 2))
    assert seen[0, 3].unflatten(0, (3, 5))[1].tolist() == values[0, 1:6, 1].tolist()


def test_few_numbers_at_once(monkeypatch):
    data = channels(40)
    monkeypatch.setattr(label_baselines, "MAX_FEATURES", 300)
    model = ChannelWindow(2, channels=1, reach=2)
    features, labels = model.collect(data)
    assert len(features) == len(labels)
    assert features.numel() < 600


@pytest.mark.parametrize("model", [TokenWindow(5, reach=1), ChannelWindow(2, channels=3, reach=4)])
def test_options_rebuild(model):
    again = type(model).from_options(model.options())
    again.load_state_dict(model.state_dict())
    assert again.options() == model.options()
