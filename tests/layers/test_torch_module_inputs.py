"""PyTorch's own inputs for its recurrent modules: results and gradients are those of torch.nn."""

import pytest
import torch

import gatewise

NAMES = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
TOLERANCE = {"rtol": 1e-9, "atol": 1e-12}  # float64


@pytest.fixture(scope="module")
def infos():
    """PyTorch's descriptions of its modules, by the classes."""
    reason = "PyTorch's test modules need expecttest: pip install 'gatewise[develop]'"
    common = pytest.importorskip(
        "torch.testing._internal.common_modules", reason=reason, exc_type=ImportError
    )
    return {info.module_cls: info for info in common.module_db}


@pytest.mark.parametrize("name", NAMES)
def test_every_input_gives_the_results_of_torch(infos, name):
    theirs = getattr(torch.nn, name)
    compared = 0
    for training in (True, False):
        cases = infos[theirs].module_inputs_func(
            infos[theirs], device="cpu", dtype=torch.float64, requires_grad=True, training=training
        )
        for case in cases:
            made, called = case.constructor_input, case.forward_input
            torch.manual_seed(0)
            expected = theirs(*made.args, **made.kwargs, dtype=torch.float64).train(training)
            own = getattr(gatewise, name)(*made.args, **made.kwargs, dtype=torch.float64).train(training)
            own.load_state_dict(expected.state_dict())
            torch.testing.assert_close(_results(own, called), _results(expected, called), **TOLERANCE)
            compared += 1
    assert compared >= 4


def _results(module, called):
    """The outputs and states, and the gradients of the inputs, initial states and parameters."""
    arguments = _leaves(called.args)
    outputs = _flat(module(*arguments, **called.kwargs))
    weighted = [
        (one * torch.linspace(-1, 1, one.numel(), dtype=one.dtype).view_as(one)).sum() for one in outputs
    ]
    leaves = [*_flat(arguments), *module.parameters()]
    return [one.detach() for one in outputs], torch.autograd.grad(sum(weighted), leaves)


def _leaves(value):
    """Copies of tensors in nested tuples, which require a gradient."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_()
    return tuple(map(_leaves, value))


def _flat(value):
    return [value] if isinstance(value, torch.Tensor) else [one for part in value for one in _flat(part)]
