"""The expected value, the score and the flag of a step, from the raw values before it."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.shipping.deployed import Deployed, Field
from gatewise.tasks.anomaly.data import Preprocessing
from gatewise.tasks.anomaly.network import AnomalyNetwork
from gatewise.tasks.deployed_series import WindowReader, described_series


class DeployedDetector(Deployed):
    """The score of the last value of a window, in its context.

    network: a trained detector; form: the preprocessing of its data
    """

    network: AnomalyNetwork
    reader: WindowReader
    threshold: Tensor

    def __init__(self, network: AnomalyNetwork, form: Preprocessing) -> None:
        context, target = network.shape.context, form.columns.target
        reader, threshold = WindowReader(form, context, 1), float(network.threshold)
        about = f"{context} values of {target!r} and the one after them, which is scored"
        super().__init__(
            reader.fields(Field("target", "float64", ("batch", context + 1), about)),
            [
                Field("expected", "float64", ("batch",), f"the expected value of {target!r}"),
                Field("score", "float32", ("batch",), "the difference, in units of a usual one"),
                Field("anomaly", "int64", ("batch",), f"1 if the score is above {threshold:g}, else 0"),
            ],
            {"task": "anomaly", "context": context, "threshold": threshold, **described_series(form)},
        )
        self.network, self.reader = network.eval(), reader
        self.register_buffer("threshold", network.threshold.clone())

    def forward(
        self,
        target: Tensor,
        last: Tensor | None = None,
        since: Tensor | None = None,
        series: Tensor | None = None,
        times: Tensor | None = None,
        known: Tensor | None = None,
        known_categories: Tensor | None = None,
        observed: Tensor | None = None,
        observed_categories: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Expected values, scores and flags, [B] each."""
        window = self.reader(
            target, last, since, series, times, known, known_categories, observed, observed_categories
        )
        location, width, _ = self.network(window.past, window.future).unbind(-1)
        score = (window.target[:, -1].float() - location).abs() / width
        return window.scale.undo(location), score, (score > self.threshold).long()

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        return self.reader.example(self.inputs, sizes["batch"], random)


def deployed(network: Network, form: Preprocessing) -> DeployedDetector:
    """The deployed form of a detector. Raises: `GatewiseError` if it can't be exported."""
    if not isinstance(network, AnomalyNetwork):
        raise GatewiseError(
            f"this detector can't be exported: it is the baseline {type(network).__name__}; give a network"
        )
    return DeployedDetector(network, form)
