"""Class probabilities from raw sequences."""

from __future__ import annotations

from torch import Tensor

from gatewise.data.sequences.gaps import Gaps
from gatewise.data.sequences.sequences import SequenceBatch
from gatewise.modules.classifier import Classifier
from gatewise.shipping.deployed import Field
from gatewise.tasks.classify.data import Preprocessing
from gatewise.tasks.deployed_sequences import DeployedSequences


class DeployedClassifier(DeployedSequences):
    """The probability of each class, after calibration.

    network: a trained classifier; preprocessing: of its data
    """

    network: Classifier

    def __init__(self, network: Classifier, preprocessing: Preprocessing) -> None:
        classes = preprocessing.classes
        about = "the probability of each class, in the order of `classes`"
        result = Field("probabilities", "float32", ("batch", len(classes)), about)
        super().__init__(network, preprocessing, result, {"task": "classify", "classes": list(classes)})

    def result(self, values: Tensor, lengths: Tensor, gaps: Gaps | None) -> Tensor:
        labels = lengths.new_zeros(lengths.shape)  # which are not read
        return self.network.logits(SequenceBatch(values, lengths, labels, gaps=gaps)).softmax(-1)
