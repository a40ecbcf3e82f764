"""The additional methods of generators: samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gatewise.data.memory.frames import TableForm, in_form, to_polars
from gatewise.errors import GatewiseError
from gatewise.estimators.base import Estimator
from gatewise.tasks.config import resolve
from gatewise.tasks.options import Options

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class SamplingMethods(Estimator):
    """Samples from a model."""

    @property
    def sampling_options(self) -> type[Options]:
        """The options of `sample`."""
        kind = self._task.sampling
        assert kind is not None
        return kind

    @property
    def samples_are_tables(self) -> bool:
        """Whether a sample is a table, not a text."""
        return self._task.samples_are_tables

    def sample(self, /, **options: Any) -> Any:
        """Samples from the model.

        options: length, seed and others, depending on the task

        Returns: an iterator over the symbols of a text, or a table of vectors, of the library of the data.

        Raises: `GatewiseError` if an option is unknown or out of bounds.
        """
        for name in options:
            if name not in (names := self.sampling_options.model_fields):
                raise GatewiseError(f"sample has no option {name!r} for this model; give {', '.join(names)}")
        sample = self._task.sample(self.model_, resolve(self.sampling_options, None, options))
        return in_form(sample, TableForm(self._form.library)) if self.samples_are_tables else sample

    def plot_sample(self, sample: object) -> Figure:
        """Draws a sample that is a table."""
        return self._task.draw_sample(self.model_, to_polars(sample))
