"""The nearest training example by Euclidean distance."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.data.batching import iterate_batches
from gatewise.modules.classifier import Classifier
from gatewise.modules.network import Baseline

MAX_FEATURE_VALUES = 1 << 25  # the number of feature values of all training examples that are kept


def nearest_rows(examples: Tensor, queries: Tensor) -> Tensor:
    """[B]: the row of the examples [N, F] that is nearest to each query [B, F].

    >>> nearest_rows(torch.tensor([[0.0, 0.0], [4.0, 4.0]]), torch.tensor([[1.0, 0.0], [3.0, 4.0]]))
    tensor([0, 1])
    """
    from sklearn.metrics import pairwise_distances_argmin

    return torch.from_numpy(pairwise_distances_argmin(queries.numpy(), examples.numpy()))


class NearestExample(Classifier, Baseline):
    """Predicts the class of the nearest training example.

    The confidence is the accuracy on the validation set.

    Args:
        classes: K, the number of classes
        features: F, the number of features of an example
        examples: the number of training examples that are kept, set by `fit`
    """

    kept: Tensor
    labels: Tensor
    confidence: Tensor

    def __init__(self, classes: int, features: int, examples: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.register_buffer("kept", torch.zeros(examples, features))
        self.register_buffer("labels", torch.zeros(examples, dtype=torch.long))
        self.register_buffer("confidence", torch.tensor(0.5))

    @abstractmethod
    def features(self, batch: Any) -> Tensor:
        """Computes the features [B, F] by which examples are compared."""

    @abstractmethod
    def training_examples(self, train: Any) -> tuple[Tensor, Tensor]:
        """Computes the features [N, F] and labels [N] of the training examples to keep."""

    def fit(self, train: Any, validation: Any) -> None:
        self.kept, self.labels = self.training_examples(train)
        correct = sum(
            int((self._predict(batch) == batch.labels).sum()) for _, batch in iterate_batches(validation)
        )
        # One random prediction is added, so that the confidence is above 0 and below 1.
        self.confidence = torch.tensor((correct + 1 / self.classes) / (len(validation) + 1))

    def logits(self, batch: Any) -> Tensor:
        predicted = functional.one_hot(self._predict(batch), self.classes)
        return torch.where(predicted > 0, self.confidence, (1 - self.confidence) / (self.classes - 1)).log()

    def options(self) -> dict[str, Any]:
        return {"classes": self.classes, "examples": len(self.kept)}

    def _predict(self, batch: Any) -> Tensor:
        return self.labels[nearest_rows(self.kept, self.features(batch))]
