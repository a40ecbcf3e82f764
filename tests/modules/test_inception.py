"""The network of InceptionTime against plain loops: no influence of padding, the blocks of the paper."""

import pytest
import torch
from torch.nn import functional

from gatewise.errors import GatewiseError
from gatewise.modules.inception import Inception

LENGTHS = torch.tensor([25, 5, 1])


def same(values, kernel):
    """A convolution [T, inputs] -> [T, outputs], as long as its input; more steps are ahead than behind."""
    outputs, _, width = kernel.shape
    maps = torch.zeros(len(values), outputs, dtype=values.dtype)
    for step in range(len(values)):
        for place in range(width):
            source = step + place - (width - 1) // 2
            if 0 <= source < len(values):
                maps[step] += kernel[:, :, place] @ values[source]
    return maps


def normalized(norm, maps):
    standardized = (maps - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
    return norm.weight * standardized + norm.bias


def inception_block(block, values):
    narrowed = values if block.bottleneck is None else values @ block.bottleneck.weight[:, :, 0].T
    maps = [same(narrowed, one.weight) for one in block.convolutions]
    highest = [values[max(step - 1, 0) : step + 2].max(0).values for step in range(len(values))]
    maps.append(torch.stack(highest) @ block.pooled.weight[:, :, 0].T)
    return normalized(block.norm, torch.cat(maps, dim=1)).clamp(min=0)


def by_hand(network, values):
    """The features of one sequence [T, C] in evaluation."""
    residual = values
    for number, block in enumerate(network.blocks, 1):
        values = inception_block(block, values)
        if number in (3, 6):
            shortcut = network.shortcuts[number // 3 - 1]
            connection = normalized(shortcut.norm, residual @ shortcut.convolution.weight[:, :, 0].T)
            values = residual = (values + connection).clamp(min=0)
    return values.mean(0)


def padded(channels):
    values = torch.randn(3, 25, channels).double()
    return values * (torch.arange(25) < LENGTHS[:, None]).unsqueeze(-1)


@pytest.mark.parametrize("channels", [1, 3])
def test_sequences_in_a_batch_are_those_alone(channels):
    torch.manual_seed(0)
    network, values = Inception(channels, filters=8).double(), padded(channels)
    for _ in range(3):
        network(values, LENGTHS)  # running statistics other than those at first
    network.eval()
    with torch.inference_mode():
        together = network(values, LENGTHS)
        for row, length in enumerate(LENGTHS):
            expected = by_hand(network, values[row, :length])
            torch.testing.assert_close(together[row], expected, rtol=1e-10, atol=1e-12)


def test_statistics_and_gradients_leave_padding_out():
    torch.manual_seed(1)
    values, found = padded(2), []
    for width in (25, 60):
        torch.manual_seed(2)
        network = Inception(2, filters=4).double()
        longer = functional.pad(values, (0, 0, 0, width - 25)).requires_grad_()
        network(longer, LENGTHS).square().sum().backward()
        gradients = [one.grad for one in network.parameters()]
        found.append([*gradients, *(one.norm.running_var for one in network.blocks), longer.grad[:, :25]])
    for first, second in zip(*found, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-9, atol=1e-10)


def test_the_kernels_and_widths_are_those_of_the_paper():
    network = Inception(3)
    shapes = [tuple(one.weight.shape) for one in network.blocks[0].convolutions]
    assert shapes == [(32, 32, 10), (32, 32, 20), (32, 32, 40)]
    assert len(network.blocks) == 6
    assert network(torch.randn(2, 7, 3), torch.tensor([7, 4])).shape == (2, 128)


def test_filters_are_a_multiple_of_four():
    with pytest.raises(GatewiseError, match="inception blocks have a multiple of 4 filters, got 6"):
        Inception(3, filters=6)
