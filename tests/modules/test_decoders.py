"""Decoders that begin with the final states of a bidirectional encoder."""

import pytest
import torch

from gatewise.cells import MLSTM
from gatewise.layers import Recurrent
from gatewise.modules.decoders import join_directions


@pytest.mark.parametrize("heads", [1, 2])
def test_matrices_of_both_directions_are_blocks_of_each_head(heads):
    encoder = Recurrent(MLSTM, 3, 4, 2, bidirectional=True, heads=heads)
    decoder = Recurrent(MLSTM, 5, 8, 2, heads=heads)
    _, state = encoder(torch.randn(7, 3, 3))
    joined = join_directions(state)
    decoder(torch.randn(2, 3, 5), joined)
    assert torch.equal(joined[0], torch.cat([state[0][::2], state[0][1::2]], dim=-1))
    for layer in range(2):
        for row in range(3):
            blocks = [one for way in (0, 1) for one in state[1][2 * layer + way, row].chunk(heads)]
            for head, matrix in enumerate(joined[1][layer, row].chunk(heads)):
                assert torch.equal(matrix, torch.block_diag(*blocks[2 * head : 2 * head + 2]))
