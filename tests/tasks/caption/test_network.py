"""Captions of images: the loss beside a plain loop, the search beside all captions that there are."""

from itertools import product

import numpy as np
import pytest
import torch

from gatewise.cells import GRU, LSTM
from gatewise.data.images.captions import CaptionBatch
from gatewise.data.tokenizers.sentences import BEGIN, END, PADDING
from gatewise.errors import GatewiseError
from gatewise.tasks.caption.network import CaptionNetwork

SIZES = torch.tensor([[6, 9], [6, 4], [6, 7]])
TARGET = torch.tensor([[4, 5, END, PADDING], [END, PADDING, PADDING, PADDING], [5, 5, 4, END]])
SMALL = {
    "channels": 1,
    "symbols": 6,
    "max_length": 4,
    "height": 6,
    "filters": (3,),
    "embedding": 5,
    "hidden": 6,
}


def batch():
    images = torch.randn(3, 6, 9, 1)
    for image, (_, width) in zip(images, SIZES, strict=True):
        image[:, width:] = 0
    return CaptionBatch(images, SIZES, TARGET)


@pytest.fixture(params=["columns none", "columns luong", "columns bahdanau", "positions bahdanau"])
def network(request):
    """A network of each way to read and to look."""
    encoder, attention = request.param.split()
    network = CaptionNetwork(LSTM, encoder=encoder, attention=attention, layers=2, **SMALL)
    torch.nn.init.normal_(network.vectors.bias)
    torch.nn.init.normal_(network.vectors.rows.weight)
    return network.eval()


def alone(given, row):
    """One image of a batch, without padding."""
    height, width = SIZES[row].tolist()
    return CaptionBatch(
        given.images[row : row + 1, :height, :width], SIZES[row : row + 1], given.target[row : row + 1]
    )


def log_probability(network, given, numbers):
    """Of a caption, symbol after symbol, END included where it is there."""
    context, total, last = network.encode(given), 0.0, BEGIN
    for number in numbers:
        logits, context, _ = network.decode(torch.tensor([[last]]), context)
        total = total + logits[0, 0].log_softmax(-1)[number]
        last = number
    return total


def test_the_loss_is_that_of_each_image_alone_symbol_after_symbol(network):
    given = batch()
    total = 0.0
    for row in range(3):
        numbers = [number for number in TARGET[row].tolist() if number != PADDING]
        total = total - log_probability(network, alone(given, row), numbers)
    assert network.weight(given) == 8
    torch.testing.assert_close(network.loss(given), total / 8, rtol=1e-5, atol=1e-6)


def test_the_search_finds_the_best_caption_of_all(network):
    """With a beam as wide as all captions, and what can't follow left out."""
    network.max_length, network.beam, network.penalty = 2, 40, 0.0
    given = batch()
    with torch.no_grad():
        for row, found in enumerate(network.caption(given)):
            one = alone(given, row)
            step = network.step(torch.tensor([BEGIN]), network.encode(one))[0].log_softmax(-1)
            assert step[0, [PADDING, BEGIN]].isinf().all()
            best = max(
                (sum_of(network, one, [*numbers, END]), list(numbers))
                for length in range(3)
                for numbers in product([1, 4, 5], repeat=length)
            )
            assert found.numbers == best[1]
            assert found.score == pytest.approx(best[0], abs=1e-5)


def sum_of(network, given, numbers):
    """The log-probability of a caption where PADDING and BEGIN are impossible."""
    context, total, last = network.encode(given), 0.0, BEGIN
    for number in numbers:
        logits, context, _ = network.step(torch.tensor([last]), context)
        total += float(logits[0].log_softmax(-1)[number])
        last = number
    return total


def test_attention_lies_within_the_image(network):
    given = batch()
    for row, found in enumerate(network.caption(given)):
        if network.options()["attention"] == "none":
            assert found.attention is None or found.attention.numel() == 0
            continue
        assert found.attention.shape[1] == network.reader(given.images, SIZES).mask[row].sum()
        torch.testing.assert_close(found.attention.sum(1), torch.ones(len(found.attention)))
        height, width = SIZES[row].tolist()
        own = given.images[row : row + 1, :height, :width]
        alone = CaptionBatch(own, SIZES[row : row + 1], torch.zeros(1, 0, dtype=torch.long))
        torch.testing.assert_close(found.attention, network.caption(alone)[0].attention)


def test_options_rebuild_the_network(network):
    again = CaptionNetwork.from_options(network.options())
    again.load_state_dict(network.state_dict())
    given = batch()
    assert torch.equal(again.eval().loss(given), network.loss(given))


def test_a_bidirectional_encoder_needs_an_even_number_of_units():
    with pytest.raises(
        GatewiseError, match="a bidirectional encoder needs an even number of hidden units, got 7"
    ):
        CaptionNetwork(LSTM, **{**SMALL, "hidden": 7})


@pytest.mark.parametrize("encoder", ["columns", "positions"])
def test_bars_are_captioned_in_their_order(encoder):
    """Three bars side by side, each upright or level; the caption names them from the left."""
    kinds = np.zeros((2, 4, 4), np.float32)
    kinds[0, :, 1], kinds[1, 2, :] = 2, 2
    shown = list(product([0, 1], repeat=3))
    images = torch.stack([torch.from_numpy(np.concatenate(kinds[list(one)], axis=1)) for one in shown])
    target = torch.tensor([[*(4 + kind for kind in one), END] for one in shown])
    given = CaptionBatch(images.unsqueeze(-1), torch.tensor([[4, 12]]).repeat(8, 1), target)
    network = CaptionNetwork(
        GRU,
        channels=1,
        symbols=6,
        max_length=5,
        encoder=encoder,
        height=4,
        filters=(8, 8),
        embedding=8,
        hidden=32,
    )
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(120):
        optimizer.zero_grad()
        network.loss(given).backward()
        optimizer.step()
    assert [found.numbers for found in network.eval().caption(given)] == target[:, :3].tolist()
