"""The temperature of logits: it calibrates, of one network and of several."""

import pytest
import torch
from torch.nn import functional

from gatewise.modules.temperature import choose_temperature


def problem(examples, seed=0):
    """Calibrated logits, and labels drawn from them."""
    random = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(examples, 3, generator=random)
    return logits, torch.multinomial(logits.softmax(-1), 1, generator=random)[:, 0]


@pytest.mark.parametrize("factor", [0.25, 1.0, 5.0])
def test_it_undoes_a_wrong_scale(factor):
    logits, labels = problem(4000)
    assert choose_temperature((factor * logits)[None], labels) == pytest.approx(1 / factor, rel=0.13)


def test_of_several_networks_the_mean_is_calibrated():
    logits, labels = problem(4000)
    noise = 3 * torch.randn(4, *logits.shape, generator=torch.Generator().manual_seed(1))

    def loss(factor):
        return float(functional.nll_loss((factor * (logits + noise)).softmax(-1).mean(0).log(), labels))

    found = choose_temperature(logits + noise, labels)
    assert loss(found) < min(loss(0.7 * found), loss(1.4 * found))
    assert found > choose_temperature((logits + noise)[:1], labels)


def test_few_right_predictions_are_not_certain_and_weights_count():
    logits, labels = torch.eye(3)[None], torch.arange(3)
    assert float((choose_temperature(logits, labels) * logits).softmax(-1).max()) < 0.98
    wrong = torch.tensor([[1.0, 0.0], [1.0, 0.0]])[None].repeat(1, 50, 1)
    truth = torch.tensor([0, 1]).repeat(50)
    light = torch.tensor([1.0, 0.01]).repeat(50)
    assert choose_temperature(wrong, truth, light) > 3 * choose_temperature(wrong, truth)
