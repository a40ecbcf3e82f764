"""Steps with their labels, split into sets: what texts and tables have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from gatewise.data.labels.channel_steps import ChannelBatch, ChannelSteps
from gatewise.data.labels.spans import marks_spans
from gatewise.data.labels.token_steps import TokenBatch, TokenSteps
from gatewise.data.splits import Fractions
from gatewise.errors import GatewiseError

MAX_LISTED = 12  # labels in a message
PREDICTED, PROBABILITY = "predicted", "probability"  # the columns of a prediction
Steps = TokenSteps | ChannelSteps
StepBatch = TokenBatch | ChannelBatch


class Unlabelled(Protocol):
    """Data to label."""

    @property
    def steps(self) -> Steps:
        """All steps, without labels."""

    @property
    def text_column(self) -> str | None:
        """The column of the prediction that has the lines of a text file, if there is one."""

    def with_labels(self, labels: Sequence[str], probabilities: Sequence[float]) -> pl.DataFrame:
        """A row for each step with its predicted label."""

    def by_sequence(self, frame: pl.DataFrame) -> list[list[str]]:
        """The predicted labels of each sequence, in the order of the data. frame: from `with_labels`"""


@dataclass(frozen=True, kw_only=True)
class LabelPreprocessing(ABC):
    """How a model reads its data.

    labels: their names, by number; max_length: of a segment, 0 for whole sequences
    fractions: of the sets that are drawn from one file
    """

    labels: tuple[str, ...]
    max_length: int
    fractions: Fractions

    @abstractmethod
    def read(self, path: Path, trained: bool) -> LabelledSteps:
        """Data to evaluate a model on.

        trained: whether it was trained on these data, of which the test set is read; all of others is read

        Raises: `GatewiseError` with the place in the file, also of a label that the model does not know.
        """

    @abstractmethod
    def read_unlabelled(self, path: Path) -> Unlabelled:
        """Data to label; labels that they have are ignored. Raises: `GatewiseError` with the place."""

    def numbers_of(self, names: Sequence[str]) -> np.ndarray:
        """The numbers of labels, -1 for unknown ones."""
        known = {name: number for number, name in enumerate(self.labels)}
        return np.array([known.get(name, -1) for name in names], np.int64)


@dataclass(frozen=True)
class LabelledSteps:
    """The sets of labelled steps; the training set is empty if a model is only evaluated.

    preprocessing: how they were read; notes: on the data and their split; source: their fingerprint
    """

    preprocessing: LabelPreprocessing
    train: Steps
    validation: Steps
    test: Steps
    notes: tuple[str, ...]
    source: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels, by number."""
        return self.preprocessing.labels

    @cached_property
    def has_span_tags(self) -> bool:
        """Whether labels mark the beginning and the end of spans, as in BIO."""
        return marks_spans(self.labels)

    def truth(self, steps: Steps) -> list[np.ndarray]:
        """The true labels of each segment of a set, by number."""
        return [steps.labels[own] for own in steps.segments.slices()]

    def names(self, segments: Iterable[np.ndarray]) -> list[list[str]]:
        """The names of the labels of segments."""
        return [[self.labels[one] for one in labels.tolist()] for labels in segments]


def learn_labels(path: str, given: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """All labels of all sources, sorted. Raises: `GatewiseError` if there is only one."""
    names = tuple(sorted({label for labels in given for label in labels}))
    if len(names) < 2:
        raise GatewiseError(
            f"{path} has only one label, {names[0]!r}; expected two or more; --label names their column"
        )
    return names


def list_labels(names: Sequence[str]) -> str:
    """Labels for a message, shortened if there are many."""
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more


def unknown_label(place: str, label: str, names: Sequence[str]) -> GatewiseError:
    """The error about a label that a model was not trained on."""
    return GatewiseError(
        f"{place}: the label {label!r} is not among those of the model: {list_labels(names)}; "
        "correct it, or train a model on data that have it"
    )
