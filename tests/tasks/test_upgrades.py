"""Models of every format that was ever written load, and compute what they computed then."""

from pathlib import Path

import pytest
import torch

from gatewise.data.images.labelled_images import ImageBatch
from gatewise.data.sequences.sequences import SequenceBatch
from gatewise.tasks.serialization import load_model, save_model
from gatewise.tasks.upgrades import FORMAT, STEPS

SAVED = Path(__file__).parent / "saved"
INPUTS = torch.linspace(-1, 1, 24)
SEQUENCES = SequenceBatch(INPUTS[:8].reshape(2, 4, 1), torch.tensor([4, 2]), torch.tensor([0, 1]))
IMAGES = ImageBatch(INPUTS.reshape(2, 4, 3, 1), torch.tensor([[4, 3], [4, 3]]), torch.tensor([0, 1]))
COMPUTED = {  # by the code that wrote the files
    "classify": (lambda one: one.logits(SEQUENCES), [-0.618798375, -0.227759063, -0.651233017]),
    "classify-images": (lambda one: one.logits(IMAGES), [-0.057557821, -0.132070497, -0.052249596]),
    "forecast": (
        lambda one: one(INPUTS[:8].reshape(2, 4, 1), torch.zeros(2, 2, 0)),
        [-1.367892742, -0.108702242, -0.656856948],
    ),
    "generate-vectors": (lambda one: one.nats(SEQUENCES), [0.967304468, 0.900770307, 0.854271948]),
}


@pytest.mark.parametrize("version", STEPS)
@pytest.mark.parametrize("task", COMPUTED)
def test_an_earlier_format_loads(version, task, tmp_path):
    compute, expected = COMPUTED[task]
    model = load_model(SAVED / f"format-{version}" / task)
    with torch.no_grad():
        torch.testing.assert_close(compute(model.network).flatten()[:3], torch.tensor(expected))
    save_model(tmp_path, model)
    assert f'"format": {FORMAT}' in (tmp_path / "model.json").read_text()
    with torch.no_grad():
        assert torch.equal(compute(load_model(tmp_path).network), compute(model.network))
