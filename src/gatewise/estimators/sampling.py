"""What generators have beside other estimators: samples."""

from __future__ import annotations

from typing import Any

from gatewise.estimators.base import Estimator
from gatewise.tasks.options import resolve


class SamplingMethods(Estimator):
    """Draws from the trained model."""

    def sample(self, **options: Any) -> Any:
        """Draws from the model: of a text symbol by symbol, as an iterator; of vectors a table.

        options: those of `gatewise sample`: length, seed, and more by the task
        """
        task = self._task
        assert task.sampling is not None
        return task.sample(self.model_, resolve(task.sampling, None, options))
