"""Labels for each step: every cell, both kinds of input, both directions; padding changes nothing."""

import numpy as np
import pytest
import torch

from gatewise.cells import GRU, LSTM, RNN
from gatewise.data.labels.channel_steps import ChannelBatch
from gatewise.data.labels.segments import whole_sequences
from gatewise.data.labels.token_steps import NO_LABEL, TokenSteps
from gatewise.data.tokenizers.words import learn_words
from gatewise.tasks.label.metrics import accuracy, predict_labels
from gatewise.tasks.label.network import LabelNetwork
from tests.sentences import first_and_last, numbered, sentences

PLAIN = {"dropout": 0.0, "word_dropout": 0.0}


def words(**options):
    return LabelNetwork(**{"labels": 4, "cell": LSTM, "words": 5, "letters": 6, "hidden": 4, "embedding": 3,
                           "char_hidden": 6, **PLAIN, **options})  # fmt: skip


def tokens(count=6):
    tagged = [*sentences(count), [("longest" * 4, "O"), *[("a", "O")] * 19]]  # a long word
    made = [one for sentence in tagged for one in sentence]
    offsets = np.cumsum([0, *(len(one) for one in tagged)])
    labels = np.arange(len(made)) % 4
    vocabulary = learn_words([token for token, _ in made])
    return vocabulary, TokenSteps([token for token, _ in made], labels, vocabulary, whole_sequences(offsets))


def test_every_cell_learns_from_words_and_letters(cell):
    vocabulary, data = tokens()
    sizes = {"words": len(vocabulary.words), "letters": len(vocabulary.letters)}
    network = words(cell=cell, layers=2, **sizes).double()
    batch = data.__getitems__([0, 1, 2])
    logits = network(batch)
    assert logits.shape == (3, int(batch.lengths.max()), 4)
    network.loss(batch).backward()
    for name, one in network.named_parameters():
        assert (one.grad != 0).any(), name
    known = batch.words[batch.words > 0].unique()
    assert (network.reader.words.weight.grad[known] != 0).any(1).all()


@pytest.mark.parametrize("both", [True, False])
def test_padding_changes_nothing(both):
    vocabulary, data = tokens()
    network = words(
        words=len(vocabulary.words), letters=len(vocabulary.letters), layers=2, bidirectional=both
    ).eval()
    rows = [int(data.sizes.argmin()), int(data.sizes.argmax())]
    assert data.sizes[rows[0]] < data.sizes[rows[1]]
    together, alone = (network(data.__getitems__(which)) for which in (rows, rows[:1]))
    torch.testing.assert_close(together[:1, : alone.shape[1]], alone)
    batch, first, second = (data.__getitems__(which) for which in (rows, rows[:1], rows[1:]))
    assert network.weight(batch) == network.weight(first) + network.weight(second) == data.sizes[rows].sum()
    total = sum(network.loss(one) * network.weight(one) for one in (first, second))
    torch.testing.assert_close(network.loss(batch) * network.weight(batch), total)


def test_channels_beyond_the_end_are_not_read():
    network = LabelNetwork(3, GRU, channels=2, hidden=4, **PLAIN)
    values, lengths = torch.randn(2, 5, 2), torch.tensor([5, 3])
    labels = torch.tensor([[0, 1, 2, 0, 1], [2, 2, 2, NO_LABEL, NO_LABEL]])
    other = values.clone()
    other[1, 3:] = torch.nan
    one, two = (network.loss(ChannelBatch(given, lengths, labels)) for given in (values, other))
    assert torch.equal(one, two)
    one.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_the_loss_is_the_mean_over_steps_with_a_label():
    network = LabelNetwork(3, RNN, channels=2, hidden=4, **PLAIN).double()
    labels = torch.tensor([[0, NO_LABEL, 2], [1, NO_LABEL, NO_LABEL]])
    batch = ChannelBatch(torch.randn(2, 3, 2).double(), torch.tensor([3, 1]), labels)
    logs = network(batch).log_softmax(-1)
    torch.testing.assert_close(network.loss(batch), -(logs[0, 0, 0] + logs[0, 2, 2] + logs[1, 0, 1]) / 3)
    assert network.weight(batch) == 3
    nothing = batch._replace(labels=torch.full_like(labels, NO_LABEL))
    assert network.loss(nothing) == 0


def test_one_direction_does_not_read_later_steps():
    for both in (True, False):
        network = LabelNetwork(3, LSTM, channels=2, hidden=4, bidirectional=both, **PLAIN)
        values = torch.randn(1, 6, 2, requires_grad=True)
        batch = ChannelBatch(values, torch.tensor([6]), torch.zeros(1, 6, dtype=torch.long))
        network(batch)[0, 2].sum().backward()
        assert (values.grad[0, :3] != 0).all()
        assert (values.grad[0, 3:] != 0).any() == both


def test_forgotten_words_are_unknown_in_training_only():
    vocabulary, data = tokens()
    network = words(words=len(vocabulary.words), letters=len(vocabulary.letters), word_dropout=0.999)
    batch = data.__getitems__([0, 1, 2, 3])
    unknown = batch._replace(words=torch.zeros_like(batch.words))
    torch.testing.assert_close(network(batch), network(unknown))
    network.eval()
    assert not torch.equal(network(batch), network(unknown))


def test_options_rebuild_the_network():
    vocabulary, data = tokens()
    network = words(words=len(vocabulary.words), letters=len(vocabulary.letters), layers=2, dropout=0.3)
    again = LabelNetwork.from_options(network.options())
    again.load_state_dict(network.state_dict())
    batch = data.__getitems__([0, 1])
    assert torch.equal(again.eval()(batch), network.eval()(batch))


@pytest.mark.parametrize(("both", "least", "most"), [(True, 0.95, 1.0), (False, 0.7, 0.93)])
def test_labels_that_depend_on_both_sides_need_both_directions(both, least, most):
    _, vocabulary, data = numbered(sentences(300, filler=1))
    train, held = first_and_last(data, 200)
    sizes = {
        "words": len(vocabulary.words),
        "letters": len(vocabulary.letters),
        "embedding": 16,
        "char_hidden": 8,
    }
    network = LabelNetwork(5, GRU, hidden=16, bidirectional=both, **sizes, **PLAIN)
    adam = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(18):
        for rows in torch.randperm(200).split(20):
            adam.zero_grad()
            network.loss(train.__getitems__(rows.tolist())).backward()
            adam.step()
    truth = [held.labels[held.slice_of(one)] for one in range(len(held))]
    assert least <= accuracy(truth, predict_labels(network, held).labels) <= most
