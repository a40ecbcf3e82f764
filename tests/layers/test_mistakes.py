"""Wrong arguments: one clear error that names the argument, what was expected and what was given."""

import re

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise
from gatewise import GatewiseError, Recurrent
from gatewise.cells import GRU, LSTM, Cell, ChoGRU


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gatewise.LSTM(0, 4), "expected input_size as a whole number of at least 1, got 0"),
        (lambda: gatewise.LSTM(3, 4.0), "expected hidden_size as a whole number of at least 1, got 4.0"),
        (lambda: gatewise.LSTM(3, 4, 0), "expected num_layers as a whole number of at least 1, got 0"),
        (lambda: gatewise.LSTM(3, [4, 5], 3), "expected a hidden_size for each of num_layers=3, got [4, 5]"),
        (lambda: gatewise.LSTM(3, 4, proj_size=4), "expected proj_size below hidden_size 4, got 4"),
        (lambda: gatewise.GRU(3, 4, proj_size=2), "can't be combined with GRU: its line h reads the last h"),
        (lambda: gatewise.LSTM(3, 4, 2, dropout=1.5), "expected dropout as a probability in 0..1, got 1.5"),
        (lambda: gatewise.LSTM(3, 4, zoneout={"x": 0.1}), "zoneout names the state 'x'; LSTM has ('h', 'c')"),
        (lambda: gatewise.LSTM(3, 4, zoneout="x"), "expected zoneout as a number or one for each state"),
        (lambda: gatewise.LSTM(3, 4, forget_bias="1"), "expected forget_bias as a number, got '1'"),
        (lambda: Recurrent(Cell, 3, 4), "expected cell as a class of equations such as"),
        (lambda: gatewise.GRU(3, 4, forget_bias=1.0), "forget_bias=1.0 was given with GRU, whose gates are"),
        (lambda: Recurrent(gatewise.cells.SLSTM, 3, 4, forget_bias=1.0), "whose line f adds no bias"),
        (lambda: gatewise.LSTM(3, 4, bias=False, forget_bias=1.0), "was given with bias=False; leave it out"),
        (lambda: Recurrent("lstm", 3, 4), "expected cell as a class of equations such as"),
        (lambda: Recurrent(GRU, 3, [4, 5], residual=True), "needs layers of one size, got [4, 5]"),
    ],
)  # fmt: skip
def test_making_a_layer(make, message):
    with pytest.raises(GatewiseError, match=re.escape(message)):
        make()


X = torch.zeros(10, 3, 5)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((X[..., :4],), {}, "expected input of shape [T, B, 5], got [10, 3, 4]"),
        ((X[0, 0],), {}, "expected input of shape [T, B, 5], got [5]"),
        ((X[:, 0, :4],), {}, "expected input of shape [T, 5], got [10, 4]"),
        ((X[:0],), {}, "expected input of at least one step, got shape [0, 3, 5]"),
        ((X.int(),), {}, "expected input of a floating point dtype, got torch.int32"),
        ((X.to_sparse(),), {}, "expected input as a dense tensor, got one of the layout torch.sparse_coo"),
        ((X[:, 0].to_mkldnn(),), {}, "expected input as a dense tensor, got one of the layout torch._mkldnn"),
        ((X, (torch.zeros(1, 3, 4).to_sparse(),) * 2), {}, "expected state h as a dense tensor, got one of"),
        ((X.double(),), {}, "expected input of dtype torch.float32, the layer's own, got torch.float64"),
        (([1.0],), {}, "expected input as a Tensor or a PackedSequence, got list"),
        ((X,), {"lengths": [1, 2]}, "expected lengths of shape [3], one for each sequence, got [2]"),
        ((X,), {"lengths": [1, 2, 11]}, "expected lengths in 0..10, got 11 for sequence 2"),
        ((X,), {"lengths": [1, -2, 3]}, "expected lengths in 0..10, got -2 for sequence 1"),
        ((X,), {"lengths": torch.ones(3)}, "expected lengths as whole numbers, got torch.float32"),
        ((X,), {"resets": torch.zeros(3, 10).bool()}, "expected resets of shape [10, 3] and dtype"),
        ((X,), {"resets": torch.zeros(10, 3)}, "and dtype torch.bool, got [10, 3] and torch.float32"),
        ((X, torch.zeros(1, 3, 4)), {}, "expected the state as a tuple (h, c), got a tensor of"),
        ((X, (torch.zeros(1, 3, 4),)), {}, "expected the state as a tuple (h, c), got 1 of them"),
        ((X, (torch.zeros(1, 2, 4),) * 2), {}, "expected state h of shape [1, 3, 4], got [1, 2, 4]"),
        ((X, (torch.zeros(1, 3, 4).double(),) * 2), {}, "of dtype torch.float32, got torch.float64"),
        ((X, (torch.zeros(1, 3, 4), None)), {}, "expected state c as a tensor, got NoneType"),
        ((X,), {"lengths": "abc"}, "expected lengths as [3] whole numbers, got 'abc'"),
        ((X,), {"resets": [[False] * 3] * 9}, "expected resets of shape [10, 3] and dtype"),
        ((X[:, 0], (torch.zeros(1, 1, 4),) * 2), {}, "expected state h of shape [1, 4], got [1, 1, 4]"),
    ],
)  # fmt: skip
def test_calling_a_layer(arguments, options, message):
    with pytest.raises(GatewiseError, match=re.escape(message)):
        gatewise.LSTM(5, 4)(*arguments, **options)


def test_batch_first_names_its_own_axes():
    with pytest.raises(GatewiseError, match=re.escape("expected input of shape [B, T, 5], got [10, 3, 4]")):
        gatewise.LSTM(5, 4, batch_first=True)(X[..., :4])


def test_lengths_and_a_packed_sequence():
    packed = pack_padded_sequence(X, [10, 10, 10])
    with pytest.raises(GatewiseError, match="lengths= was given with a PackedSequence"):
        gatewise.LSTM(5, 4)(packed, lengths=[1, 2, 3])


def test_states_of_layers_with_sizes_of_their_own():
    layer = Recurrent(LSTM, 5, [4, 2])
    with pytest.raises(GatewiseError, match="expected state h of shape a tuple of 2 tensors"):
        layer(X, (torch.zeros(2, 3, 4), torch.zeros(2, 3, 4)))
    with pytest.raises(GatewiseError, match=re.escape("expected state h of shape [3, 2], got [3, 4]")):
        layer(X, ((torch.zeros(3, 4),) * 2,) * 2)


def test_a_projection_that_a_cell_can_not_have():
    with pytest.raises(GatewiseError, match="can't be combined with ChoGRU: its line n reads the last h"):
        Recurrent(ChoGRU, 5, 4, proj_size=2)
