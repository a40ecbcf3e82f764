"""How many items, over how many steps, a layer recalls."""

import torch

from gatewise.cells import LSTM, RNN
from gatewise.insight.memory import Recall, remember
from gatewise.insight.problems.toy import NOISE, RECALLED, recall
from gatewise.plots.memory import draw_memory
from gatewise.plots.saving import save_picture


def test_the_items_come_before_the_distractors():
    problem = recall(5, 20, 50, torch.Generator().manual_seed(1))
    symbols = problem.inputs.argmax(-1)
    assert torch.equal(symbols[:5].T, problem.targets)
    assert len(symbols) == 25
    assert set(symbols[:5].flatten().tolist()) == set(range(RECALLED))
    assert set(symbols[5:].flatten().tolist()) == set(range(RECALLED, RECALLED + NOISE))
    assert problem.classes == RECALLED


def test_an_item_is_recalled_after_longer_lags_than_in_training():
    shown = []
    results = remember(LSTM, 1, [3, 30], 150, show=shown.append)
    assert [(one.cell, one.items, one.lag) for one in results] == [(LSTM, 1, 3), (LSTM, 1, 30)]
    assert all(one.accuracy > 0.9 for one in results)
    assert shown == [number / 150 for number in range(1, 151)]


def test_a_result_depends_on_the_seed_alone():
    results = [remember(RNN, 2, [4], 5, seed=seed)[0].accuracy for seed in (0, 0, 1)]
    assert results[0] == results[1] != results[2]


def test_the_figure_has_a_panel_for_each_cell(tmp_path):
    results = [
        Recall(cell, items, lag, 0.125 + 0.1 * items)
        for cell in (RNN, LSTM) for items in (1, 2) for lag in (5, 10, 20)
    ]  # fmt: skip
    figure = draw_memory(results, 32)
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == ["RNN", "LSTM"]
    assert [text.get_text() for text in panels[0].texts] == ["22%"] * 3 + ["32%"] * 3
    assert [label.get_text() for label in panels[0].get_xticklabels()] == ["5", "10", "20"]
    save_picture(figure, tmp_path / "memory.png")
    assert (tmp_path / "memory.png").read_bytes()[:4] == b"\x89PNG"
