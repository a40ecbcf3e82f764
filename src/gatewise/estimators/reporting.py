"""The progress of a training, whose messages name options as the user gives them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial

from gatewise.estimators.keywords import as_given
from gatewise.tasks.options import Options
from gatewise.training.progress import progress
from gatewise.training.runner import ProgressCallback


def reported(shown: bool, options: type[Options]) -> AbstractContextManager[ProgressCallback]:
    """The callback of a training, see `progress`. options: those that notes and warnings name"""
    return progress(shown, partial(as_given, options=options))
