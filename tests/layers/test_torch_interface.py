"""What code written for the layers of torch.nn reads and calls."""

import pytest
import torch
from torch.nn.utils import parametrizations

import gatewise
from gatewise.errors import GatewiseError

OPTIONS = {"num_layers": 2, "bidirectional": True}


def pair(kind, **options):
    ours, theirs = getattr(gatewise, kind)(3, 4, **options), getattr(torch.nn, kind)(3, 4, **options)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("options", [OPTIONS, {"bias": False}], ids=str)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_the_parameters_are_listed_as_in_torch(kind, options):
    ours, theirs = pair(kind, **options)
    assert ours.mode == theirs.mode
    assert ours._all_weights == theirs._all_weights
    assert ours._flat_weights_names == theirs._flat_weights_names
    for own, other in zip(ours._flat_weights, theirs._flat_weights, strict=True):
        assert torch.equal(own, other)
    assert [len(one) for one in ours.all_weights] == [len(one) for one in theirs.all_weights]


def test_the_list_of_parameters_can_not_be_assigned():
    layer = gatewise.GRU(3, 4)
    with pytest.raises(GatewiseError, match="_flat_weights is read-only; assign a parameter by name"):
        layer._flat_weights = []


@pytest.mark.parametrize("batch_first", [False, True])
def test_shapes_of_states_are_those_of_torch(batch_first):
    ours, theirs = pair("LSTM", proj_size=2, batch_first=batch_first, **OPTIONS)
    padded, packed, sizes = torch.randn(7, 5, 3), torch.randn(9, 3), torch.tensor([4, 3, 2])
    for name in ("get_expected_hidden_size", "get_expected_cell_size"):
        for arguments in ((padded, None), (packed, sizes)):
            assert getattr(ours, name)(*arguments) == getattr(theirs, name)(*arguments)
    state = tuple(torch.randn(size) for size in ((4, 4, 2), (4, 4, 4)))
    for layer in (ours, theirs):
        layer.check_forward_args(packed, state, sizes)
    order = torch.tensor([2, 0, 3, 1])
    for own, other in zip(
        ours.permute_hidden(state, order), theirs.permute_hidden(state, order), strict=True
    ):
        assert torch.equal(own, other)
    assert ours.permute_hidden(state, None) is state


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(5, 2), torch.zeros(1, 2, 4)), r"expected input of 3 axes, the last of 3, got \[5, 2\]"),
        (
            (torch.zeros(5, 2, 3), torch.zeros(1, 3, 4)),
            r"expected a state of shape \[1, 2, 4\], got \[1, 3, 4\]",
        ),
    ],
)
def test_wrong_shapes(arguments, message):
    with pytest.raises(GatewiseError, match=message):
        gatewise.GRU(3, 4).check_forward_args(*arguments)


def test_layers_of_several_sizes_have_no_common_shape():
    with pytest.raises(GatewiseError, match=r"layers of sizes \[4, 5\] have no common shape of states"):
        gatewise.GRU(3, [4, 5]).get_expected_hidden_size(torch.zeros(5, 2, 3))


@pytest.mark.parametrize("normalize", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_a_parametrized_matrix_is_used_and_trained(normalize):
    ours, theirs = pair("LSTM")
    x = torch.randn(6, 2, 3)
    gradients = []
    for layer in (ours, theirs):
        torch.manual_seed(0)
        normalize(layer, "weight_hh_l0")
        layer(x)[0].square().sum().backward()
        gradients.append([one.grad for _, one in sorted(layer.named_parameters())])
    for own, other in zip(*gradients, strict=True):
        torch.testing.assert_close(own, other)


@pytest.mark.parametrize("options", [{}, OPTIONS, {"hidden_size": [4, 5]}], ids=str)
def test_states_with_the_batch_first(options):
    sizes = {"input_size": 3, "hidden_size": 4, "batch_first": True, **options}
    plain = gatewise.LSTM(**sizes)
    turned = gatewise.LSTM(**sizes, states_batch_first=True)
    turned.load_state_dict(plain.state_dict())
    x = torch.randn(2, 6, 3)
    output, state = plain(x)
    same, own_state = turned(x)
    assert torch.equal(same, output)
    if "hidden_size" not in options:
        state = tuple(one.transpose(0, 1) for one in state)
        assert own_state[0].shape[:2] == (2, len(plain.all_weights))
        assert turned.get_expected_hidden_size(x) == tuple(own_state[0].shape)
    for own, other in zip(own_state, state, strict=True):
        assert all(torch.equal(*both) for both in zip(own, other, strict=True))
    again = torch.cat([turned(x[:, :4])[0], turned(x[:, 4:], turned(x[:, :4])[1])[0]], dim=1)
    if not options.get("bidirectional"):
        torch.testing.assert_close(again, output)


def test_a_batch_of_states_in_the_other_order_is_refused():
    layer = gatewise.GRU(3, 4, num_layers=2, states_batch_first=True)
    with pytest.raises(GatewiseError, match=r"expected state h of shape \[5, 2, 4\], got \[2, 5, 4\]"):
        layer(torch.randn(6, 5, 3), torch.zeros(2, 5, 4))
    output, state = layer(torch.randn(6, 3), torch.zeros(2, 4))
    assert output.shape == (6, 4)
    assert state.shape == (2, 4)
