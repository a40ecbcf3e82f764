"""Toy problems, and which cells learn them."""

import numpy as np
import pytest
import torch

from gatewise.cells import GRU, LSTM, RNN
from gatewise.insight.problems.toy import NOISE, SYMBOLS, adding, copying, multiplication, temporal_order
from gatewise.insight.vanishing import learn
from gatewise.plots.saving import save_picture
from gatewise.plots.vanishing import draw_vanishing


def drawn(make, lag=20, rows=50):
    return make(lag, rows, torch.Generator().manual_seed(1))


def test_the_order_of_two_symbols_is_the_answer():
    problem = drawn(temporal_order)
    symbols = problem.inputs.argmax(-1)
    for row in range(50):
        places = (symbols[:, row] < SYMBOLS).nonzero().flatten().tolist()
        assert len(places) == 2
        first, second = symbols[places, row].tolist()
        assert problem.targets[row].item() == 2 * first + second
        assert places[0] <= len(symbols) - 20  # at least 20 steps to the end
    assert (problem.inputs.sum(-1) == 1).all()
    assert symbols.max() == SYMBOLS + NOISE - 1


def test_the_sum_of_the_marked_numbers():
    problem = drawn(adding)
    values, marks = problem.inputs.unbind(-1)
    assert (marks.sum(0) == 2).all()
    torch.testing.assert_close((values * marks).sum(0)[:, None], problem.targets)
    many = drawn(adding, rows=4000)
    assert (many.targets - 1).square().mean().item() == pytest.approx(1 / 6, rel=0.1)


def test_the_product_of_the_marked_numbers():
    problem = drawn(multiplication)
    values, marks = problem.inputs.unbind(-1)
    torch.testing.assert_close(torch.where(marks > 0, values, 1).prod(0)[:, None], problem.targets)


def test_the_symbols_to_copy_come_before_the_blanks():
    problem = drawn(copying)
    symbols = problem.inputs.argmax(-1)
    assert torch.equal(symbols[:3].T, problem.targets)
    assert (symbols[3:] == problem.classes).all()
    assert len(symbols) == 23


def test_an_lstm_learns_where_the_gradient_of_an_rnn_vanishes(tmp_path):
    outcomes = [learn(cell, "order", 30, steps) for cell, steps in ((RNN, 1), (GRU, 1), (LSTM, 300))]
    assert outcomes[2].accuracy >= 0.98
    assert outcomes[2].steps < 300
    left = {one.cell: one.gradient[30] / one.gradient[0] for one in outcomes}
    assert left[RNN] < 1e-3 * left[LSTM]
    assert all(np.isfinite(one.gradient).all() for one in outcomes)
    save_picture(draw_vanishing(outcomes, "order"), tmp_path / "vanishing.png")
    assert (tmp_path / "vanishing.png").read_bytes()[:4] == b"\x89PNG"


def test_real_answers_are_right_within_a_tenth():
    assert 0 <= learn(LSTM, "adding", 5, 2).accuracy < 0.9
    assert learn(LSTM, "copying", 2, 60).accuracy > 0.5
