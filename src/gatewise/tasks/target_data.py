"""Sequences with targets in three sets, and how a trained model reads further ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar

import numpy as np

from gatewise.data.sequences.reading import (
    SequencePreprocessing,
    describe_sizes,
    describe_test_set,
    split_weights,
)
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.targets import TargetSequences
from gatewise.data.splits import Fractions, Split
from gatewise.tasks.sequence_options import SequenceDataOptions


@dataclass(frozen=True, kw_only=True)
class TargetPreprocessing(SequencePreprocessing, ABC):
    """How a model reads sequences with targets."""

    numeric = True
    drawn: ClassVar[str]  # how the sets are drawn, for a note

    @staticmethod
    @abstractmethod
    def split(table: SequenceTable, fractions: Fractions) -> Split:
        """The sets of the sequences, by group if they have groups. Raises: `GatewiseError`."""

    @abstractmethod
    def select(
        self, table: SequenceTable, numbers: list[int] | None = None, weights: np.ndarray | None = None
    ) -> TargetSequences:
        """Some sequences of a table, by default all. weights: [N], of all sequences of the table

        Raises: `GatewiseError` if the model does not know their targets.
        """

    def sets(self, table: SequenceTable, split: Split) -> tuple[TargetSequences, ...]:
        """The training, validation and test sets of a table; the first two have its weights."""
        weights = split_weights(table, split)
        by_set = zip(split, (weights, weights, None), strict=True)
        return tuple(self.select(table, numbers, own) for numbers, own in by_set)


PreprocessingT = TypeVar("PreprocessingT", bound=TargetPreprocessing)


@dataclass(frozen=True)
class TargetData(Generic[PreprocessingT]):
    """Sequences with targets, in three sets; the training set is empty if a model is only evaluated.

    preprocessing: how they were read; notes: on the data and their split
    """

    train: TargetSequences
    validation: TargetSequences
    test: TargetSequences
    preprocessing: PreprocessingT
    notes: tuple[str, ...]

    @classmethod
    def to_evaluate(cls, path: Path, preprocessing: PreprocessingT) -> Self:
        """The test set of the data that a model was trained on, or all of other data.

        Raises: `GatewiseError` if the model was trained on all of them.
        """
        table, is_training_data = preprocessing.test_table(path)
        numbers = preprocessing.split(table, preprocessing.fractions).test if is_training_data else None
        test, empty = preprocessing.select(table, numbers), preprocessing.select(table, [])
        notes = (*table.notes, describe_test_set(len(test), is_training_data))
        return cls(empty, empty, test, preprocessing, notes)

    @classmethod
    def to_train_further(
        cls, path: Path, preprocessing: PreprocessingT, options: SequenceDataOptions, fractions: Fractions
    ) -> Self:
        """Sequences to train a model further on, scaled as those it was trained on.

        fractions: of the sets; the split of the same file is then that of the earlier training

        Raises: `GatewiseError` if the model was trained on the whole file, or does not know a target.
        """
        table = preprocessing.further_table(path, options.group, options.weight)
        train, validation, test = preprocessing.sets(table, preprocessing.split(table, fractions))
        sizes = describe_sizes(table, (len(train), len(validation), len(test)), preprocessing.drawn)
        return cls(train, validation, test, preprocessing.further(path, fractions), (*table.notes, sizes))
