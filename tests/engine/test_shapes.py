"""Tensors of another shape than the cell's layout: refused in one line, whatever backend runs."""

from dataclasses import fields, replace

import pytest
import torch
from torch import nn

import gatewise
from gatewise.cells import LSTM
from gatewise.engine.native import Native
from gatewise.engine.reference import Reference
from gatewise.engine.shapes import description
from gatewise.errors import GatewiseError
from tests.engine.test_native import request_for

WRONG = {
    "weight_ih_l0": [(16, 2), (12, 3), (16,), (16, 3, 1), (1, 3)],
    "weight_hh_l0": [(16, 3), (12, 4), (4, 4), (16, 5), (16, 1)],
    "bias_ih_l0": [(12,), (1,), (), (16, 1), (1, 16), (17,), (0,)],
    "bias_hh_l0": [(12,), (1,), (20,)],
}
every_backend = pytest.mark.parametrize("backend", ["native", "reference"])


@every_backend
@pytest.mark.parametrize(("name", "shape"), [(name, shape) for name in WRONG for shape in WRONG[name]])
def test_a_parameter_of_another_shape(backend, name, shape):
    layer = gatewise.LSTM(3, 4)
    values = torch.randn(5, 2, 3)
    layer(values)
    setattr(layer, name, nn.Parameter(torch.ones(shape)))
    with gatewise.backend(backend), pytest.raises(GatewiseError, match=r"expected parameter \w+ of shape"):
        layer(values)


@every_backend
def test_a_shape_that_changes_where_it_lies(backend):
    layer = gatewise.LSTM(3, 4)
    values = torch.randn(5, 2, 3)
    layer(values)
    layer.bias_hh_l0.data = layer.bias_hh_l0.data[:12]  # the same address
    with (
        gatewise.backend(backend),
        pytest.raises(GatewiseError, match=r"^expected parameter bias_hh of shape \[16\], got \[12\]$"),
    ):
        layer(values)


@pytest.mark.parametrize("name", ["weight_ih_l0", "bias_hh_l0", "p_l0"])
def test_a_parameter_of_another_dtype(name):
    layer = gatewise.Recurrent(gatewise.cells.PeepholeLSTM, 3, 4)
    setattr(layer, name, nn.Parameter(getattr(layer, name).detach().double()))
    with pytest.raises(GatewiseError, match=r"torch\.float64"):
        layer(torch.randn(5, 2, 3))


@pytest.mark.parametrize("backend", [Native(), Reference()], ids=lambda one: one.name)
def test_what_a_request_holds_beside_its_parameters(backend):
    request = request_for(LSTM, (5, 2, 3, 4))
    state = request.state
    wrong = {
        "h": {"state": {**state, "h": torch.zeros(1, 4)}},
        "c": {"state": {**state, "c": torch.zeros(1, 4)}},
        "lengths": {"lengths": torch.tensor([5])},
        "resets": {"resets": torch.zeros(4, 2, dtype=torch.bool)},
        "hidden_mask": {"hidden_mask": torch.ones(2, 3)},
        "zoneout of c": {"zoneout": {"c": torch.ones(5, 1, 4)}},
        "the parameters": {"parameters": {"weight_ih": request.parameters["weight_ih"]}},
    }
    for what, given in wrong.items():
        with pytest.raises(GatewiseError, match=f"^expected {what}"):
            backend.run(replace(request, **given))


@every_backend
def test_a_lattice_and_a_projection(backend):
    lattice, projected = gatewise.MDLSTM(3, 4), gatewise.LSTM(3, 8, proj_size=4)
    with gatewise.backend(backend):
        lattice.bias_ih = nn.Parameter(torch.ones(16))  # five gates
        with pytest.raises(GatewiseError, match="expected parameter bias_ih of shape"):
            lattice(torch.randn(2, 3, 5, 3))
        projected.weight_hr_l0 = nn.Parameter(torch.ones(3, 8))
        with pytest.raises(GatewiseError, match="expected parameter projection of shape"):
            projected(torch.randn(5, 2, 3))


@pytest.mark.parametrize("lengths", [[6, 2], [5, -1]])
def test_lengths_in_a_compiled_graph(lengths):
    layer, values = gatewise.LSTM(3, 4), torch.randn(5, 2, 3)
    compiled = torch.compile(lambda values, lengths: layer(values, lengths=lengths)[0], backend="aot_eager")
    torch.testing.assert_close(compiled(values, torch.tensor([5, 2])), layer(values, lengths=[5, 2])[0])
    for call in (compiled, lambda values, lengths: layer(values, lengths=lengths)):
        with pytest.raises(
            GatewiseError, match=r"^expected lengths in 0\.\.5, got (6|-1) for sequence (0|1)$"
        ):
            call(values, torch.tensor(lengths))


def test_requests_that_differ_have_another_description():
    """Kernels check the shapes of a request once for each description."""
    request = request_for(LSTM, (5, 2, 3, 4))
    changes = {
        "inputs": torch.zeros(6, 2, 3),
        "parameters": {**request.parameters, "weight_ih": torch.zeros(16, 2)},
        "state": {**request.state, "c": torch.zeros(2, 5)},
        "lengths": torch.ones(2, dtype=torch.int64),
        "resets": torch.zeros(5, 2, dtype=torch.bool),
        "elapsed": torch.ones(5, 2),
        "reverse": True,
        "zoneout": {"c": 0.5},
        "hidden_mask": torch.ones(2, 4),
        "trace": True,
        "recompute": True,
        "heads": 2,
    }
    assert {one.name for one in fields(request)} == {"cell", *changes}  # each cell has kernels of its own
    found = [description(replace(request, **{name: value})) for name, value in changes.items()]
    assert len({description(request), *found}) == 1 + len(changes)
    names = dict(zip(reversed(request.parameters), request.parameters.values(), strict=True))
    assert description(replace(request, parameters=names)) != description(request)
    for name in ("lengths", "resets", "elapsed", "hidden_mask"):
        other = replace(request, **{name: torch.zeros(*changes[name].shape, 1)})
        assert description(other) != description(replace(request, **{name: changes[name]}))
