"""Probabilities of labels from raw sequences."""

from __future__ import annotations

from torch import Tensor

from gatewise.data.sequences.gaps import Gaps
from gatewise.data.sequences.targets import TargetBatch
from gatewise.shipping.deployed import Field
from gatewise.tasks.classify_multilabel.classifier import MultilabelClassifier
from gatewise.tasks.classify_multilabel.data import Preprocessing
from gatewise.tasks.deployed_sequences import DeployedSequences


class DeployedMultilabel(DeployedSequences):
    """The probability of each label, after calibration.

    network: a trained classifier; preprocessing: of its data
    """

    network: MultilabelClassifier

    def __init__(self, network: MultilabelClassifier, preprocessing: Preprocessing) -> None:
        classes, thresholds = preprocessing.classes, network.thresholds
        about = "the probability of each label, in the order of `classes`; from `thresholds` on it is present"
        result = Field("probabilities", "float32", ("batch", len(classes)), about)
        description = {
            "task": "classify-multilabel",
            "classes": list(classes),
            "thresholds": thresholds.expand(len(classes)).tolist(),
        }
        super().__init__(network, preprocessing, result, description)

    def result(self, values: Tensor, lengths: Tensor, gaps: Gaps | None) -> Tensor:
        nothing = values.new_zeros(values.shape[0], len(self.description["classes"]))  # truth, not read
        return self.network.logits(TargetBatch(values, lengths, nothing, gaps=gaps)).sigmoid()
