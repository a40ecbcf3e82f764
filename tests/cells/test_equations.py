"""Every cell's equations against the formula of its paper, written independently."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gatewise
from gatewise.cells import SLSTM, cells
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
    layer = gatewise.Recurrent(cell, inputs, hidden, bias=bias, dtype=torch.float64)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)  # gains and shifts too: none may be left out unseen
    x = torch.randn(steps, 1, inputs, dtype=torch.float64)
    first = {state: torch.randn(1, 1, hidden, dtype=torch.float64) for state in cell.state}
    if cell is SLSTM:
        first["n"] = first["n"].abs()  # a sum of weights
    given_state = tuple(first.values()) if len(first) > 1 else first["h"]
    _, _, (trace,) = layer(x, given_state, trace=True)
    parameters = {key.removesuffix("_l0"): value for key, value in layer.named_parameters()}
    history = run_along(
        name, x[:, 0].tolist(), parameters, {key: one[0, 0].tolist() for key, one in first.items()}, hidden
    )
    for state in cell.state:
        expected = torch.tensor([step[state] for step in history], dtype=torch.float64)
        torch.testing.assert_close(trace.states[state][:, 0], expected, rtol=1e-10, atol=1e-12)
