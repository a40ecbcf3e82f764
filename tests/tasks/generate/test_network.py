"""The language model: carried state, and scores that predict every symbol once."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from gatewise.cells import GRU, HGRN2, LSTM, MLSTM, RGLRU
from gatewise.data.splits import Fractions
from gatewise.data.text.streams import TextBatch, TextStreams
from gatewise.data.text.text import StreamConfig, find_texts, read_text, read_whole
from gatewise.data.tokenizers.streams import Bytes
from gatewise.errors import GatewiseError
from gatewise.tasks.generate import network as next_symbol
from gatewise.tasks.generate.language import LanguageModel
from gatewise.tasks.generate.network import symbol_nll, text_nll
from gatewise.tasks.serialization import SavedModel, load_model, save_model


def text_of(folder, length=300, **options):
    data = np.random.default_rng(0).integers(0, 5, length, dtype=np.uint8)
    path = folder / "one.txt"
    path.write_bytes(data.tobytes())
    if options:
        return read_text(find_texts(path), Fractions(**options), StreamConfig("bytes"))
    return read_whole(find_texts(path), Bytes())[0]


def model_of(cell=LSTM, **options):
    return LanguageModel(cell, 256, **{"hidden": 6, "layers": 2, "embedding": 4, **options}).eval()


def one_by_one(model, symbols):
    """The nats of each symbol but the first, from its own logits and the states so far."""
    state, nats = None, []
    with torch.no_grad():
        for now, then in pairwise(symbols):
            logits, state = model(torch.tensor([[int(now)]]), state)
            nats.append(-torch.log_softmax(logits[0, 0].double(), -1)[int(then)])
    return torch.stack(nats)


@pytest.mark.parametrize(
    ("cell", "network"), [(LSTM, "stack"), (GRU, "stack"), (MLSTM, "blocks"), (RGLRU, "blocks")]
)
def test_nats_are_those_of_one_symbol_after_another(tmp_path, cell, network):
    model, symbols = model_of(cell, network=network), text_of(tmp_path).symbols(0, 60)
    expected = one_by_one(model, symbols)
    batch = torch.from_numpy(symbols)[None]
    with torch.no_grad():
        found, _ = model.nats(batch)
        torch.testing.assert_close(found[0].double(), expected, rtol=1e-5, atol=1e-6)
        logs, state = model.next(batch[:, :20])
        more, _ = model.next(batch[:, 20:21], state)
    assert -float(logs[0, symbols[20]]) == pytest.approx(float(expected[19]), abs=1e-5)
    assert -float(more[0, symbols[21]]) == pytest.approx(float(expected[20]), abs=1e-5)
    torch.testing.assert_close(symbol_nll(model, batch)[0].double(), expected, rtol=1e-5, atol=1e-6)


def test_the_state_is_carried_from_batch_to_batch_and_the_gradient_is_not(tmp_path):
    model, streams = model_of(), TextStreams(text_of(tmp_path), 20).streams(2, 0, 2)
    batches = list(streams)[:3]
    losses = [model.loss(one) for one in batches]
    whole = torch.cat([batches[0].symbols, *(one.symbols[:, 1:] for one in batches[1:])], dim=1)
    expected, _ = model.nats(whole)
    for number, loss in enumerate(losses):
        torch.testing.assert_close(loss, expected[:, 20 * number : 20 * (number + 1)].mean())
    losses[0].backward()
    losses[1].backward()  # would go through the first again, if the state were not cut from it
    fresh = model.loss(batches[0])
    torch.testing.assert_close(fresh, losses[0])
    assert model.weight(batches[0]) == 40


@pytest.mark.parametrize("network", ["stack", "blocks"])
@pytest.mark.parametrize("cell", [LSTM, GRU, HGRN2])
def test_streams_that_forget_begin_anew(cell, network):
    model, symbols = model_of(cell, network=network), torch.randint(5, (3, 21))
    fresh = torch.tensor([False, True, False])
    model.loss(TextBatch(symbols[:, :11], True, 0))
    found = model.loss(TextBatch(symbols[:, 10:], False, 0, fresh))
    continued, restarted = model.nats(symbols)[0][:, 10:], model.nats(symbols[:, 10:])[0]
    torch.testing.assert_close(found, torch.where(fresh[:, None], restarted, continued).mean())


def test_blocks_refuse_noise_of_layers():
    for options in ({"weight_dropout": 0.1}, {"dropout_mask": "sequence"}):
        with pytest.raises(GatewiseError, match="leave out --weight-dropout and --dropout-mask, or give"):
            model_of(network="blocks", **options)


def test_what_is_only_read_does_not_count():
    model, symbols = model_of(), torch.randint(5, (3, 31))
    batch = TextBatch(symbols, True, 10)
    torch.testing.assert_close(model.loss(batch), model.nats(symbols)[0][:, 10:].mean())
    assert model.weight(batch) == 60


@pytest.mark.parametrize("row", [10_000, 61, 20])
def test_a_score_predicts_every_symbol_once(tmp_path, monkeypatch, row):
    monkeypatch.setattr(next_symbol, "MIN_STREAM", row)
    monkeypatch.setattr(next_symbol, "STEPS", 7)
    model, text = model_of(), text_of(tmp_path, length=213)
    rows = max(212 // row, 1)
    length, symbols = 212 // rows, text.symbols(0, 213)
    borders = [1 + one * length for one in range(rows)] + [213]
    expected = torch.cat([one_by_one(model, symbols[a - 1 : b]) for a, b in pairwise(borders)])
    assert len(expected) == 212
    assert text_nll(model, text).per_symbol == pytest.approx(float(expected.mean()), abs=1e-5)


def test_a_later_set_is_scored_with_the_text_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(next_symbol, "MIN_STREAM", 40)
    model, test = model_of(), text_of(tmp_path, 1000, validation=0.2, test=0.1).test
    assert test.before > 256
    expected = [
        one_by_one(model, test.symbols(start - 257, start + 50))[256:] for start in (0, 50)
    ]  # two streams of 50, each of which has read 256 symbols and the one before its first
    assert text_nll(model, test).per_symbol == pytest.approx(float(torch.cat(expected).mean()), abs=1e-5)


def test_nats_of_a_character_are_those_of_its_symbols(tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("é" * 50)
    text, _ = read_whole(find_texts(path), Bytes())
    found = text_nll(model_of(), text)
    assert found.per_character == pytest.approx(2 * found.per_symbol)


def test_a_saved_model_predicts_the_same(tmp_path):
    model = model_of(GRU, tied=True, **REGULARIZED)
    save_model(tmp_path / "run", SavedModel("generate", "gru", model, {"tokenizer": Bytes().to_data()}))
    again = load_model(tmp_path / "run").network
    symbols = torch.randint(256, (2, 20))
    assert torch.equal(again.nats(symbols)[0], model.nats(symbols)[0])


REGULARIZED = {"dropout": 0.5, "dropout_mask": "sequence", "embedding_dropout": 0.4, "weight_dropout": 0.5}


@pytest.mark.parametrize("tied", [False, True])
def test_noise_is_for_training_only(tied):
    plain, model = model_of(tied=tied), model_of(tied=tied, **REGULARIZED)
    model.load_state_dict(plain.state_dict())
    symbols = torch.randint(256, (3, 20))
    assert torch.equal(model.nats(symbols)[0], plain.nats(symbols)[0])
    model.train()
    assert not torch.equal(model.nats(symbols)[0], model.nats(symbols)[0])


def test_weight_dropout_passes_the_gradient_to_the_parameters_and_leaves_them_unchanged():
    model = model_of(hidden=12, layers=1, weight_dropout=0.5).train()
    matrix = model.recurrent.weight_hh_l0
    before = matrix.detach().clone()
    model.loss(TextBatch(torch.randint(256, (4, 30)), True, 0)).backward()
    assert torch.equal(matrix, before)
    assert 0.3 < (matrix.grad != 0).double().mean() < 0.7  # those that the mask kept
    assert model.recurrent.weight_ih_l0.grad.all()


def test_embedding_dropout_drops_a_symbol_wherever_it_occurs():
    model = model_of(embedding_dropout=0.4).train()
    symbols = torch.randint(256, (50, 40))
    ratio = model.embed(symbols) / model.embedding(symbols)
    kept = ratio[..., 0]
    torch.testing.assert_close(ratio, kept.unsqueeze(-1).expand_as(ratio))
    torch.testing.assert_close(kept, (kept > 0) / 0.6)
    assert 0.2 < (kept == 0).double().mean() < 0.6
    assert all((kept[symbols == one] == kept[symbols == one][0]).all() for one in symbols.unique())
    torch.manual_seed(1)
    vectors = model.embed(symbols)
    vectors.sum().backward()
    reached = model.embedding.weight.grad.any(1)[symbols]
    assert torch.equal(reached, vectors.any(-1))


def test_one_mask_of_dropout_for_all_steps_of_a_sequence():
    model = model_of(dropout=0.5, dropout_mask="sequence", layers=1).train()
    seen = []
    model.recurrent.register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    model(torch.full((5, 30), 7))  # one symbol, so that only masks differ
    (vectors,) = seen
    assert torch.equal(vectors, vectors[:1].expand_as(vectors))
    assert 0 < (vectors == 0).double().mean() < 1
    assert not torch.equal(vectors[:, 0], vectors[:, 1])


def test_a_tied_model_has_one_matrix_for_embedding_and_softmax():
    model = model_of(GRU, hidden=6, embedding=4, tied=True)
    assert [one.shape for one in model.parameters()].count((256, 4)) == 1
    output = torch.randn(3, 6)
    matrix = model.embedding.rows.weight
    expected = model.readout(output) @ matrix.T + model.embedding.bias
    torch.testing.assert_close(model.logits(output), expected)
    torch.testing.assert_close(model.embed(torch.tensor([0, 9])), 2 * matrix[[0, 9]])
    assert matrix[0].any()  # no symbol is padding


def test_a_few_rounds_learn_a_rhyme(tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("one for the money, two for the show\n" * 40)
    split = read_text(find_texts(path), Fractions(0.1, 0.1), StreamConfig("characters"))
    model = LanguageModel(LSTM, len(split.tokenizer), hidden=48, embedding=16, dropout=0.1)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    streams = TextStreams(split.train, 24).streams(4, 0, 4)
    for _ in range(12):
        for batch in streams:
            optimizer.zero_grad()
            model.loss(batch).backward()
            optimizer.step()
    # A letter alone leaves more open: the state must distinguish "for the money" from "for the show".
    assert text_nll(model.eval(), split.test).per_character < 0.15
