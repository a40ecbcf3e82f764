"""The fully convolutional network: padding has no influence, and the squeeze is that of the paper."""

import torch
from torch.nn import functional

from gatewise.modules.fully_convolutional import FullyConvolutional


def by_hand(network, values):
    """The features of one sequence [T, C] in evaluation."""
    maps = values.T.unsqueeze(0)
    for block in network.blocks:
        kernel = block.convolution.weight
        maps = functional.conv1d(maps, kernel, padding=kernel.shape[-1] // 2)
        norm = block.norm
        maps = (maps - norm.running_mean[:, None]) / (norm.running_var[:, None] + norm.eps).sqrt()
        maps = functional.relu(norm.weight[:, None] * maps + norm.bias[:, None])
        if block.excitation is not None:
            first, _, second, _ = block.excitation
            squeezed = functional.relu(maps.mean(-1) @ first.weight.T + first.bias)
            maps = maps * torch.sigmoid(squeezed @ second.weight.T + second.bias).unsqueeze(-1)
    return maps.mean(-1)[0]


def test_sequences_in_a_batch_are_those_alone():
    torch.manual_seed(0)
    network = FullyConvolutional(3, filters=4).double()
    lengths = torch.tensor([12, 5, 1])
    values = torch.randn(3, 12, 3).double()
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    for _ in range(3):
        network(values, lengths)  # running statistics other than those at first
    network.eval()
    together = network(values, lengths)
    for row, length in enumerate(lengths):
        assert (together[row] - by_hand(network, values[row, :length])).abs().max() < 1e-12


def test_statistics_and_gradients_leave_padding_out():
    torch.manual_seed(1)
    lengths = torch.tensor([6, 3])
    values = torch.randn(2, 6, 2).double()
    values[1, 3:] = 0
    found = []
    for width in (6, 40):
        torch.manual_seed(2)
        network = FullyConvolutional(2, filters=4).double()
        padded = functional.pad(values, (0, 0, 0, width - 6))
        network(padded, lengths).square().sum().backward()
        found.append((network.blocks[0].norm.running_var, [one.grad for one in network.parameters()]))
    assert (found[0][0] - found[1][0]).abs().max() < 1e-12
    for first, second in zip(found[0][1], found[1][1], strict=True):
        assert (first - second).abs().max() < 1e-10
