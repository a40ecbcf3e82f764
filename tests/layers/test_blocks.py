"""Residual blocks: what they compute, and that a state, resets and lengths act as in a layer."""

import pytest
import torch
from torch.nn import functional

import gatewise
from gatewise.cells import LSTM, MLSTM, SLSTM, MinGRU
from gatewise.errors import GatewiseError
from gatewise.layers.short_convolution import ShortConvolution

STACKS = {
    "xlstm": lambda **options: gatewise.xLSTM(3, 8, num_layers=3, heads=2, slstm_at=[1], **options),
    "griffin": lambda **options: gatewise.Griffin(3, 6, num_layers=2, **options),
}


@pytest.fixture(autouse=True)
def _reference():
    """No kernel is compiled for blocks: what runs inside them is tested with the layers."""
    with gatewise.backend("reference"):
        yield


@pytest.fixture(params=STACKS)
def stack(request):
    return STACKS[request.param]().double()


def test_a_block_is_its_equations():
    block = gatewise.RecurrentBlock(
        MLSTM, size=6, hidden_size=8, heads=2, convolution=1, feedforward=2.0
    ).double()
    x = torch.randn(5, 2, 6, dtype=torch.float64)
    seen = functional.layer_norm(x, (6,), block.norm.weight)
    h = block.recurrent(seen)[0].view(5, 2, 2, 4)
    h = (h - h.mean(-1, keepdim=True)) / (h.var(-1, keepdim=True, correction=0) + 1e-5).sqrt()
    y = x + block.down(h.view(5, 2, 8) * block.scale * functional.silu(block.gate(seen)))
    feed = block.feedforward
    gate, up = feed.up(functional.layer_norm(y, (6,), feed.norm.weight)).chunk(2, -1)
    torch.testing.assert_close(block(x)[0], y + feed.down(functional.gelu(gate) * up))


def test_a_short_convolution_is_pytorch_s():
    ours = ShortConvolution(3, width=4).double()
    x = torch.randn(7, 2, 3, dtype=torch.float64)
    weight = ours.weight.flip(0).t().unsqueeze(1)
    theirs = functional.conv1d(functional.pad(x.permute(1, 2, 0), (3, 0)), weight, ours.bias, groups=3)
    torch.testing.assert_close(ours(x, x.new_zeros(3, 2, 3))[0], theirs.permute(2, 0, 1))


def test_it_continues_from_its_state(stack):
    values = torch.randn(9, 2, 3, dtype=torch.float64)
    whole, last = stack(values)
    state, found = None, []
    for part in values.split([4, 1, 1, 3]):
        output, state = stack(part, state)
        found.append(output)
    torch.testing.assert_close(torch.cat(found), whole)
    torch.testing.assert_close(state, last)
    assert gatewise.detach(state)[0][1][0].grad_fn is None


def test_nothing_passes_a_reset(stack):
    values = torch.randn(9, 2, 3, dtype=torch.float64)
    resets = torch.zeros(9, 2, dtype=torch.bool)
    resets[4, 0] = resets[5, 1] = resets[6, 1] = True
    output, last = stack(values, resets=resets)
    alone = [torch.cat([stack(values[:4, :1])[0], stack(values[4:, :1])[0]])]
    alone.append(torch.cat([stack(part)[0] for part in values[:, 1:].split([5, 1, 3])]))
    torch.testing.assert_close(output, torch.cat(alone, dim=1))
    rest = torch.randn(3, 2, 3, dtype=torch.float64)
    state = tuple(_row(one, 0) for one in stack(values[4:])[1])
    torch.testing.assert_close(stack(rest, last)[0][:, :1], stack(rest[:, :1], state)[0])


def _row(state, row):
    """The state of a block for one row."""
    before, inner = state
    inner = inner[:, [row]] if torch.is_tensor(inner) else tuple(one[:, [row]] for one in inner)
    return before[:, [row]], inner


def test_nothing_beyond_a_length_is_read(stack):
    values = torch.randn(9, 3, 3, dtype=torch.float64)
    lengths = [9, 0, 2]
    spoilt = values.clone()
    spoilt[2:, 2] = spoilt[:, 1] = torch.nan
    output, last = stack(spoilt, lengths=lengths)
    assert not output[:, 1].any()
    torch.testing.assert_close(output[:2, 2:], stack(values[:2, 2:])[0])
    rest = torch.randn(2, 3, 3, dtype=torch.float64)
    expected = stack(torch.cat([values[:2, 2:], rest[:, 2:]]))[0][2:]
    torch.testing.assert_close(stack(rest, last)[0][:, 2:], expected)
    output.sum().backward()
    assert all(one.grad is None or one.grad.isfinite().all() for one in stack.parameters())


def test_every_parameter_learns(stack):
    stack.train()
    stack(torch.randn(6, 2, 3, dtype=torch.float64))[0].square().sum().backward()
    assert all(one.grad is not None and one.grad.any() for one in stack.parameters())


def test_forms_of_input():
    stack = STACKS["xlstm"](batch_first=True)
    values = torch.randn(2, 5, 3)
    output, _ = stack(values)
    assert output.shape == (2, 5, 8)
    torch.testing.assert_close(stack(values[0])[0], output[0])


def test_blocks_of_any_cell_and_traces_of_theirs():
    stack = gatewise.BlockStack(3, 4, [gatewise.RecurrentBlock(one, 4, 6) for one in (LSTM, MinGRU, SLSTM)])
    assert stack(torch.randn(5, 2, 3))[0].shape == (5, 2, 4)
    found = gatewise.insight.trace(stack, torch.randn(5, 2, 3))
    assert [one.cell for one in found.layers] == [LSTM, MinGRU, SLSTM]


def block():
    return gatewise.RecurrentBlock(MinGRU, 6, 5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: gatewise.xLSTM(3, 8, num_layers=2, slstm_at=[2]),
            "slstm_at names block 2; the blocks are",
        ),
        (lambda: gatewise.xLSTM(3, 9, heads=2), "heads=2 does not divide the 9 units"),
        (lambda: gatewise.Griffin(3, 9, num_layers=0), "num_layers"),
        (lambda: gatewise.Griffin(3, 6)(torch.randn(4, 2, 3), ()), "expected the state of 4 blocks, got 0"),
        (lambda: gatewise.Griffin(3, 6)(torch.randn(4, 2, 5)), "3"),
        (lambda: block()(torch.randn(4, 2, 6), torch.zeros(1)), "its layer, got a tensor of shape \\[1\\]"),
        (
            lambda: block()(torch.randn(4, 2, 6), (torch.zeros(3, 1, 6), None)),
            "of a convolution of shape \\[3, 2, 6\\], got a tensor of shape \\[3, 1, 6\\]",
        ),
        (
            lambda: block()(torch.randn(4, 2, 6), (None, torch.zeros(1, 3, 5))),
            "state h of shape \\[1, 2, 5\\]",
        ),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(GatewiseError, match=message):
        make()
