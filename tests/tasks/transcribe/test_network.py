"""Texts out of sequences: every cell, every front; padding changes nothing; it learns what is blurred."""

import numpy as np
import pytest
import torch

from gatewise.cells import GRU, LSTM
from gatewise.data.labels.transcribed_signals import read_signals
from gatewise.data.labels.transcript_data import TranscriptOptions
from gatewise.data.labels.transcripts import TranscriptBatch
from gatewise.data.sequences.long_table import LongColumns
from gatewise.data.splits import Fractions
from gatewise.modules.ctc import negative_log_likelihood
from gatewise.tasks.transcribe.baselines import MajorityText, WindowTranscriber
from gatewise.tasks.transcribe.metrics import error_rate, find_texts
from gatewise.tasks.transcribe.network import TranscriptNetwork, output_steps, stack_steps
from tests.signals import blurred

LENGTHS, SIZES = torch.tensor([24, 13]), torch.tensor([2, 1])


def batch(channels=4):
    values = torch.randn(2, 24, channels)
    values[1, 13:] = 0
    return TranscriptBatch(values, LENGTHS, torch.tensor([[1, 3], [2, 0]]), SIZES)


def networks():
    return {
        "columns": TranscriptNetwork(3, LSTM, 4, hidden=4, layers=2, stack_frames=3),
        "one direction": TranscriptNetwork(3, GRU, 4, hidden=4, bidirectional=False),
        "convolution": TranscriptNetwork(3, LSTM, 4, hidden=4, front="convolution", height=4),
        "lattice": TranscriptNetwork(3, LSTM, 6, hidden=4, front="lattice", height=6),
        "colours": TranscriptNetwork(3, LSTM, 4, hidden=4, front="convolution", height=2, stack_frames=2),
        "window": WindowTranscriber(3, 4, stack_frames=2, reach=1, hidden=8),
    }


@pytest.mark.parametrize("name", networks())
def test_padding_changes_nothing(name):
    network = networks()[name].eval()
    whole = batch(network.options()["channels"])
    logits, lengths = network(whole.values, whole.lengths)
    assert logits.shape[:2] == (2, int(lengths.max()))
    assert logits.shape[2] == 4
    alone, length = network(whole.values[1:, :13], LENGTHS[1:])
    assert length == lengths[1]
    torch.testing.assert_close(alone[0], logits[1, : int(length)], rtol=1e-4, atol=1e-5)
    parts = [TranscriptBatch(*(one[row : row + 1] for one in whole)) for row in range(2)]
    total = sum(network.loss(one) * network.weight(one) for one in parts)
    torch.testing.assert_close(network.loss(whole) * network.weight(whole), total)


@pytest.mark.parametrize("name", networks())
def test_all_of_it_learns_and_is_rebuilt(name):
    network = networks()[name]
    given = batch(network.options()["channels"])
    network.loss(given).backward()
    assert all((one.grad != 0).any() for one in network.parameters())
    again = type(network).from_options(network.options())
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.eval()(*given[:2])[0], network.eval()(*given[:2])[0])


def test_every_cell_reads(cell):
    network = TranscriptNetwork(3, cell, 4, hidden=4, stack_frames=2).double()
    logits, lengths = network(torch.randn(2, 7, 4, dtype=torch.float64), torch.tensor([7, 2]))
    assert logits.shape == (2, 4, 4)
    assert lengths.tolist() == [4, 1]


def test_the_loss_is_a_mean_over_symbols():
    network = networks()["columns"].double()
    given = batch()
    given = given._replace(values=given.values.double(), sizes=torch.tensor([2, 0]))
    logits, lengths = network(*given[:2])
    nats = negative_log_likelihood(logits, lengths, given.targets, given.sizes)
    assert network.weight(given) == 3
    torch.testing.assert_close(network.loss(given), nats.sum() / 3)
    # A text without symbols is certain where every step is a blank.
    torch.testing.assert_close(nats[1], -logits[1, : lengths[1]].log_softmax(-1)[:, 0].sum())


@pytest.mark.parametrize("join", [1, 2, 5])
@pytest.mark.parametrize("front", ["none", "convolution", "lattice"])
def test_steps_that_are_left_are_those_of_the_network(join, front):
    network = TranscriptNetwork(3, LSTM, 4, hidden=3, stack_frames=join, front=front, height=4)
    lengths = torch.tensor([40, 1, 17, 16])
    _, left = network(torch.randn(4, 40, 4), lengths)
    assert left.tolist() == output_steps(lengths.numpy(), join, front).tolist()


def test_stacked_steps_are_concatenated():
    values, lengths = stack_steps(torch.arange(12.0).reshape(1, 6, 2), torch.tensor([5]), 3)
    assert values.tolist() == [[[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]]
    assert lengths.tolist() == [2]


@pytest.fixture
def data(tmp_path):
    signals, texts = blurred(150)
    signals.write_csv(tmp_path / "signals.csv")
    texts.write_csv(tmp_path / "targets.csv")
    options = TranscriptOptions(unit="characters", beam=4, fractions=Fractions(0.2, 0.2))
    return read_signals(tmp_path / "signals.csv", LongColumns(), options, targets="targets.csv")


def rate(network, data, beam):
    found, chances = find_texts(network, data.test, beam)
    assert ((chances >= 0) & (chances <= 1 + 1e-6)).all()
    return error_rate(data.test.texts, [data.tokenizer.decode(one) for one in found])


def test_it_learns_to_read_what_is_blurred(data):
    network = TranscriptNetwork(3, GRU, 3, hidden=12)
    adam = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(14):
        for rows in torch.randperm(len(data.train)).split(15):
            adam.zero_grad()
            network.loss(data.train.__getitems__(rows.tolist())).backward()
            adam.step()
    majority = MajorityText(3)
    majority.fit(data.train, data.validation)
    assert rate(network, data, beam=4) <= rate(network, data, beam=0) + 0.02
    assert rate(network, data, beam=4) < 0.1 < 0.5 < rate(majority, data, beam=4)


def test_the_most_frequent_text(data):
    majority = MajorityText(3)
    texts = ["ba", "a", "cb", "ba", "a"]
    data.train.targets = [np.array(data.tokenizer.encode(one)) for one in texts]
    majority.fit(data.train, data.validation)
    assert [data.tokenizer.decode(one) for one in find_texts(majority, data.test, 0)[0]] == ["a"] * len(
        data.test
    )
    again = MajorityText.from_options(majority.options())
    again.load_state_dict(majority.state_dict())
    assert find_texts(again, data.test, 3)[0] == find_texts(majority, data.test, 0)[0]
