"""A training comes to the same losses on every backend."""

import pytest
import torch

import gatewise
from gatewise.cells import cells
from gatewise.engine import choice
from gatewise.tasks.forecast.network import ForecastNetwork
from gatewise.tasks.forecast.task import shape_of
from gatewise.training.fit import fit
from tests.series import data
from tests.training.test_fit import options, rows


class Counts:
    """A backend that counts its calls."""

    def __init__(self, backend):
        self.name, self.refusal, self.backend, self.served = backend.name, backend.refusal, backend, 0

    def run(self, request):
        self.served += 1
        return self.backend.run(request)


# No layer normalization: its weights' last bits decide the curve within some steps, on one backend as on two.
@pytest.mark.parametrize("name", ["LSTM", "GRU", "ChoGRU"])
def test_the_same_curve_of_losses_natively(monkeypatch, tmp_path, name):
    counted = {one.name: Counts(one) for one in choice.BACKENDS}
    monkeypatch.setattr(choice, "BACKENDS", tuple(counted.values()))
    prepared, chosen, curves = data(), options(epochs=4, learning_rate=0.005), {}
    for backend in ("reference", "native"):
        torch.manual_seed(0)
        network = ForecastNetwork(shape_of(prepared), cells()[name], hidden=9, layers=2)
        before = {one.name: one.served for one in counted.values()}
        with gatewise.backend(backend):
            fit(network, prepared.train, prepared.validation, chosen, tmp_path / backend)
        serving = [one.name for one in counted.values() if one.served > before[one.name]]
        if backend == "native" and serving == ["reference"]:
            pytest.skip("there is no native backend here: no C++ compiler")
        assert serving == [backend]
        curves[backend] = [
            float(row[column])
            for row in rows(tmp_path / backend)
            for column in ("train_loss", "validation_loss")
        ]
    assert len(curves["native"]) == 8
    assert curves["native"][-2] < 0.9 * curves["native"][0]  # it learns, so that there is a curve
    assert curves["native"] == pytest.approx(curves["reference"], rel=1e-4)
