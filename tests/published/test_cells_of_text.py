"""What a reader of Python keeps in mind, and the unit that does."""

import numpy as np
import pytest
import torch

from gatewise.cells import LSTM
from gatewise.insight.trace import LayerTrace

SOURCE = 'x = ["a b",\n     1]  # c\n'


@pytest.mark.parametrize(
    ("signal", "inside"),
    [
        ("inside a string", range(5, 9)),
        ("inside a comment", range(21, 24)),
        ("depth of brackets", range(4, 18)),
    ],
)
def test_signals_by_python_s_tokens(script, signal, inside):
    found = script("cells_of_text").source_signals(SOURCE)[signal]
    assert found.tolist() == [float(place in inside) for place in range(len(SOURCE))]


def test_signals_by_lines(script):
    found = script("cells_of_text").source_signals(SOURCE)
    assert found["indentation"].tolist() == [0] * 12 + [5] * 13
    assert found["position in the line"].tolist() == [*range(12), *range(13)]


def test_the_unit_is_found_in_one_half_and_judged_by_the_other(script):
    signals = {"indentation": np.tile([0.0, 1, 2, 3], 50)}
    random = torch.Generator().manual_seed(0)
    memory = torch.randn(1, 200, 5, generator=random)
    memory[0, :100, 2] = -torch.from_numpy(signals["indentation"][:100]).float()  # in the first half alone
    trace = LayerTrace("", 0, 0, "forward", LSTM, {"h": memory.tanh(), "c": memory}, {})
    output = script("cells_of_text").closest(trace, signals)["indentation"]
    assert output["unit"] == 2
    assert abs(output["correlation on the other half"]) < 0.3
