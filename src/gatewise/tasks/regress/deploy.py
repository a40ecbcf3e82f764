"""Numbers predicted from raw sequences, in the units of the data."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.data.sequences.gaps import Gaps
from gatewise.data.sequences.targets import TargetBatch
from gatewise.shipping.deployed import Field
from gatewise.tasks.deployed_sequences import DeployedSequences
from gatewise.tasks.regress.data import Preprocessing
from gatewise.tasks.regress.regressor import Regressor


class DeployedRegressor(DeployedSequences):
    """The targets of each sequence. network: a trained regressor; preprocessing: of its data"""

    network: Regressor
    target_mean: Tensor
    target_deviation: Tensor

    def __init__(self, network: Regressor, preprocessing: Preprocessing) -> None:
        names, scales = preprocessing.targets, preprocessing.target_scales
        about = f"{', '.join(names)}, in the units of the data"
        result = Field("targets", "float64", ("batch", len(names)), about)
        super().__init__(network, preprocessing, result, {"task": "regress", "targets": list(names)})
        means, deviations = [one.mean for one in scales], [one.deviation for one in scales]
        self.register_buffer("target_mean", torch.tensor(means, dtype=torch.float64))
        self.register_buffer("target_deviation", torch.tensor(deviations, dtype=torch.float64))

    def result(self, values: Tensor, lengths: Tensor, gaps: Gaps | None) -> Tensor:
        nothing = values.new_zeros(values.shape[0], len(self.target_mean))  # targets are not read
        scaled = self.network.outputs(TargetBatch(values, lengths, nothing, gaps=gaps))
        return scaled.double() * self.target_deviation + self.target_mean
