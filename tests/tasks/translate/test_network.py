"""The encoder-decoder: its loss, its batches, the decoder inputs, the search."""

import math

import pytest
import torch

from gatewise.cells import GRU, LSTM
from gatewise.data.text.parallel import PairBatch
from gatewise.data.text.ragged import Ragged
from gatewise.data.tokenizers.sentences import BEGIN, END, PADDING
from gatewise.errors import GatewiseError
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from gatewise.tasks.translate.network import EncoderDecoder, backwards

SOURCES, TARGETS = [[5, 6, 7, 8, 9], [4], [7, 7, 5]], [[5, 4], [6, 7, 4, 5, 5], [4]]
ATTENTION = pytest.mark.parametrize("attention", ["none", "luong", "bahdanau"])


def batch_of(rows):
    sources, targets = (Ragged.of([side[row] for row in rows]) for side in (SOURCES, TARGETS))
    everything = range(len(rows))
    return PairBatch(
        sources.padded(everything), sources.tensor_lengths(everything), targets.padded(everything)
    )


def network_of(attention="luong", cell=LSTM, **options):
    options = {"embedding": 6, "hidden": 8, **options}
    network = EncoderDecoder(cell, sources=10, targets=8, attention=attention, **options)
    with torch.no_grad():  # far from its start, where all is nearly alike
        for one in network.parameters():
            one += 0.3 * torch.randn_like(one)
    return network


BATCH = batch_of([0, 1, 2])


@ATTENTION
@pytest.mark.parametrize(
    "options", [{}, {"layers": 2, "bidirectional": False, "reverse": True}], ids=["", "deep"]
)
def test_a_batch_is_as_good_as_one_by_one(attention, options):
    network = network_of(attention, **options).eval()
    alone = [batch_of([row]) for row in range(3)]
    whole = network.loss(BATCH) * network.weight(BATCH)
    torch.testing.assert_close(whole, sum(network.loss(one) * network.weight(one) for one in alone))
    for found, one in zip(network.translate(BATCH), alone, strict=True):
        own = network.translate(one)[0]
        assert found.numbers == own.numbers
        assert found.score == pytest.approx(own.score, rel=1e-4)
        if attention != "none":
            steps = own.attention.shape[1]
            torch.testing.assert_close(found.attention[:, :steps], own.attention, rtol=1e-3, atol=1e-5)
            assert (found.attention[:, steps:] == 0).all()


@ATTENTION
def test_the_loss_is_that_of_a_plain_loop(attention):
    network = network_of(attention, dropout=0.3).eval()
    total = count = 0
    for row, target in enumerate(TARGETS):
        context = network.encode(*batch_of([row])[:2])
        given = BEGIN
        for true in [*target, END]:
            features, context, _ = network.decode(torch.tensor([[given]]), context)
            words = network.target_vectors
            logits = network.readout(features[0, 0]).tanh() @ words.rows.weight.T + words.bias
            total -= logits.log_softmax(0)[true].item()
            count += 1
            given = true
    assert network.weight(BATCH) == count
    assert network.loss(BATCH).item() == pytest.approx(total / count, rel=1e-5)


def test_the_decoder_begins_where_both_directions_ended():
    network = network_of(layers=3).eval()
    output, _ = network.encoder(network.source_vectors(BATCH.source), lengths=BATCH.lengths)
    hidden = network.encode(*BATCH[:2]).state[0]
    assert hidden.shape == (3, 3, 8)
    for row, length in enumerate(BATCH.lengths):
        expected = torch.cat([output[row, length - 1, :4], output[row, 0, 4:]])
        torch.testing.assert_close(hidden[-1, row], expected)


def test_bahdanau_attends_with_the_last_hidden_state_and_luong_with_the_new():
    for attention in ("bahdanau", "luong"):
        network = network_of(attention, layers=2).eval()
        context = network.encode(*BATCH[:2])
        features, _, weights = network.decode(BATCH.target, context)
        contexts, hidden = features.chunk(2, dim=-1)
        if attention == "bahdanau":
            first = context.state[0][-1].unsqueeze(1)
            hidden = torch.cat([first, hidden[:, :-1]], dim=1)
        expected, attention_weights = network.decoder.attention(hidden, context.memory)
        torch.testing.assert_close(weights, attention_weights)
        torch.testing.assert_close(contexts, expected)


def test_smoothing_counts_in_training_only():
    plain, smooth = network_of(), network_of(smoothing=0.2)
    smooth.load_state_dict(plain.state_dict())
    features, _, _ = plain.decode(torch.tensor([[BEGIN, 5, 4]]), plain.encode(*batch_of([0])[:2]))
    logs = plain.logits(features)[0].log_softmax(-1)
    expected = -0.8 * logs[range(3), [5, 4, END]].mean() - 0.2 * logs.mean()
    torch.testing.assert_close(smooth.loss(batch_of([0])), expected)
    torch.testing.assert_close(smooth.eval().loss(BATCH), plain.eval().loss(BATCH))


@ATTENTION
def test_every_weight_learns(attention):
    network = network_of(attention, layers=2)
    network.loss(BATCH).backward()
    for name, one in network.named_parameters():
        assert one.grad is not None, name
        assert (one.grad != 0).any(), name


@pytest.mark.parametrize("beam", [1, 4])
@ATTENTION
def test_the_score_of_a_translation_is_its_probability(attention, beam):
    network = network_of(attention, beam=beam, penalty=0.0, ratio=1.0).eval()
    network.target_vectors.bias.data[END] += 1.0
    found = network.translate(BATCH)
    ended = [one for one in range(3) if len(found[one].numbers) < math.ceil(BATCH.lengths[one]) + 5]
    assert ended
    for row in ended:
        target = torch.tensor([[*found[row].numbers, END]])
        alone = batch_of([row])
        nats = network.loss(alone._replace(target=target)) * target.shape[1]
        # Symbols that can't be predicted (padding, begin) have no part in a translation's probability.
        features, _, _ = network.decode(
            torch.tensor([[BEGIN, *found[row].numbers]]), network.encode(*alone[:2])
        )
        output = 1 - network.logits(features)[0].softmax(-1)[:, [PADDING, BEGIN]].sum(-1)
        assert found[row].score == pytest.approx((-nats - output.log().sum()).item(), rel=1e-4)


def test_one_hypothesis_is_the_greedy_one():
    network = network_of(beam=1, ratio=1.0).eval()
    for row, found in enumerate(network.translate(BATCH)):
        given, context = [BEGIN], network.encode(*batch_of([row])[:2])
        while len(given) <= BATCH.lengths[row] + 5:
            features, context, _ = network.decode(torch.tensor([given[-1:]]), context)
            logits = network.logits(features[0, 0])
            logits[[PADDING, BEGIN]] = -torch.inf
            given.append(int(logits.argmax()))
            if given[-1] == END:
                break
        assert found.numbers == [one for one in given[1:] if one != END]


def test_a_source_is_read_backwards_but_shown_forwards():
    sources, lengths = BATCH.source, BATCH.lengths
    flipped = backwards(sources, lengths)
    assert flipped[0].tolist() == [END, 9, 8, 7, 6, 5]
    assert flipped[1].tolist() == [END, 4, 0, 0, 0, 0]
    network = network_of(reverse=True, beam=1).eval()
    plain = network_of(beam=1).eval()
    plain.load_state_dict(network.state_dict())
    for ours, other in zip(
        network.translate(BATCH), plain.translate(BATCH._replace(source=flipped)), strict=True
    ):
        assert ours.numbers == other.numbers
        steps = ours.attention.shape[1]
        torch.testing.assert_close(ours.attention.flip(1), other.attention[:, :steps])


def test_the_fraction_of_true_symbols_falls_with_the_pairs_seen():
    network = network_of(forcing=0.4, forcing_pairs=12)
    fractions = []
    for _ in range(6):
        fractions.append(network.forced_fraction())
        network.loss(BATCH)
    assert fractions == pytest.approx([1.0, 0.85, 0.7, 0.55, 0.4, 0.4])
    network.eval().loss(BATCH)
    assert int(network.pairs_seen) == 18


def test_the_first_batch_is_given_true_symbols_only():
    network = network_of(forcing=0.0, forcing_pairs=3)
    plain = network.eval().loss(BATCH)
    torch.testing.assert_close(network.train().loss(BATCH), plain)
    assert abs(float((network.loss(BATCH) - plain).detach())) > 1e-3


@ATTENTION
def test_without_teacher_forcing_inputs_are_predictions(attention):
    network = network_of(attention, forcing=0.0, forcing_pairs=1, dropout=0.5)
    context = network.eval().encode(*BATCH[:2])
    true = torch.cat([torch.full((3, 1), BEGIN), BATCH.target[:, :-1]], dim=1)
    for row, own in enumerate(network.train()._scheduled_inputs(true, 0.0, context)):
        alone = context.select(torch.tensor([row]))
        for step, one in enumerate(own.tolist()):
            if step == 0:
                assert one == BEGIN
                continue
            given = own[:step].unsqueeze(0)
            features, _, _ = network.eval().decode(given, alone)
            logits = network.logits(features[0, -1])
            logits[[PADDING, BEGIN]] = -torch.inf
            assert one == int(logits.argmax())


def test_scheduled_sampling_keeps_the_given_fraction():
    network = network_of()
    context = network.eval().encode(*BATCH[:2])
    true = torch.full((3, 400), PADDING)  # which is never its own
    mixed = network.train()._scheduled_inputs(true, 0.7, context)
    assert network.training
    assert float((mixed[:, 1:] == PADDING).double().mean()) == pytest.approx(0.7, abs=0.05)
    assert torch.equal(network._scheduled_inputs(true, 1.0, context), true)


@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_a_saved_network_translates_the_same(tmp_path, cell):
    network = network_of("bahdanau", cell, layers=2, forcing=0.5, forcing_pairs=7, ratio=1.5).train()
    network.loss(BATCH)
    save_model(tmp_path, SavedModel("translate", "mine", network.eval(), {}))
    again = load_model(tmp_path).network
    assert [one.numbers for one in again.translate(BATCH)] == [
        one.numbers for one in network.translate(BATCH)
    ]
    assert int(again.pairs_seen) == 3


def test_a_bidirectional_encoder_needs_an_even_number_of_units():
    with pytest.raises(
        GatewiseError, match="a bidirectional encoder needs an even number of hidden units, got 7"
    ):
        network_of(hidden=7)


def test_no_translation_is_longer_than_its_limit():
    network = network_of(ratio=0.5, beam=2).eval()
    network.target_vectors.bias.data[END] = -100.0
    lengths = [len(one.numbers) for one in network.translate(BATCH)]
    assert lengths == [math.ceil(length / 2) + 5 for length in BATCH.lengths.tolist()]
