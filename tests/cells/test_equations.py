"""Every cell's equations against the formula of its paper, written independently."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gatewise
from gatewise.cells import LRU, RGLRU, SLSTM, cells
from tests.cells.formulas import FORMULAS, run_along


def test_every_cell_has_a_formula_to_be_held_against():
    assert set(FORMULAS) == set(cells())


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(FORMULAS)),
    steps=st.integers(1, 5),
    inputs=st.integers(1, 4),
    hidden=st.integers(1, 5),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_equations_are_those_of_the_paper(name, steps, inputs, hidden, bias, seed):
    torch.manual_seed(seed)
    cell = cells()[name]
    heads = 2 if cell.matrix_states and hidden % 2 == 0 else 1
    layer = gatewise.Recurrent(cell, inputs, hidden, bias=bias, heads=heads, dtype=torch.float64)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)  # gains and shifts too: none may be left out unseen
    x = torch.randn(steps, 1, inputs, dtype=torch.float64)
    shapes = {state: (hidden, hidden // heads) if state in cell.matrix_states else (hidden,)
              for state in cell.state}  # fmt: skip
    first = {state: torch.randn(1, 1, *shape, dtype=torch.float64) for state, shape in shapes.items()}
    if cell is SLSTM:
        first["n"] = first["n"].abs()  # a sum of weights
    given_state = tuple(first.values()) if len(first) > 1 else first["h"]
    _, final, (trace,) = layer(x, given_state, trace=True)
    parameters = {key.removesuffix("_l0"): value for key, value in layer.named_parameters()}
    history = run_along(
        name, x[:, 0].tolist(), parameters, {key: one[0, 0].tolist() for key, one in first.items()}, hidden,
        heads,
    )  # fmt: skip
    for place, state in enumerate(cell.state):
        if state in cell.matrix_states:
            expected = torch.tensor(history[-1][state], dtype=torch.float64)
            torch.testing.assert_close(final[place][0, 0], expected, rtol=1e-10, atol=1e-12)
            continue
        expected = torch.tensor([step[state] for step in history], dtype=torch.float64)
        torch.testing.assert_close(trace.states[state][:, 0], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("cell", [LRU, pytest.param(RGLRU, marks=pytest.mark.thorough)])
def test_gradients_are_finite_where_a_linear_memory_loses_nothing(cell, backend):
    layer = gatewise.Recurrent(cell, 2, 3, dtype=torch.float64)
    with torch.no_grad():  # the carried fraction is rounded to 1
        if cell is RGLRU:
            layer.bias_ih_l0[:3] = -800.0
        else:
            layer.p_l0[:3] -= 50.0
    with gatewise.backend(backend):
        output, _ = layer(torch.randn(4, 2, 2, dtype=torch.float64))
    gradients = torch.autograd.grad(output.sum(), list(layer.parameters()))
    assert all(one.isfinite().all() for one in (output, *gradients))
