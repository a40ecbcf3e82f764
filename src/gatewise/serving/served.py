"""A model in the server: what it reads, its predictions, and its streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

from gatewise.errors import GatewiseError
from gatewise.estimators.base import Estimator
from gatewise.estimators.loading import load
from gatewise.estimators.sampling import SamplingMethods
from gatewise.serving.batcher import Batcher
from gatewise.serving.journal import Journal
from gatewise.serving.options import ServeOptions
from gatewise.serving.predicting import RequestPredictor
from gatewise.serving.refusals import RequestError
from gatewise.serving.worker import StreamWorker
from gatewise.tasks.prediction import Prediction


class ServedModel:
    """A model by its name in the server.

    options: of the server; threads: for predictions; observe: called with the number of steps of each batch
    refusal: the reason why it has no streams; None if it has
    """

    name: str
    model: Estimator

    def __init__(
        self,
        name: str,
        model: Estimator,
        options: ServeOptions,
        threads: Executor,
        observe: Callable[[int], None],
    ) -> None:
        self.name, self.model = name, model
        wait, most = options.max_wait / 1000, options.max_batch
        self._predict: Batcher[Any, Prediction] = Batcher(
            RequestPredictor(model).predict_each, threads, wait, most
        )
        self.refusal: str | None = None
        self.worker: StreamWorker | None = None
        self.description: dict[str, Any] = {}
        try:
            stream = model.stream()
        except GatewiseError as error:
            self.refusal = str(error)
            return
        self.description = stream.description
        journal = None if options.state is None else Journal(Path(options.state) / name, options.sync)
        self.worker = StreamWorker(stream, journal, wait, most, observe)

    @property
    def about(self) -> dict[str, Any]:
        """What a client needs to know of the model."""
        return {
            "name": self.name,
            "task": self.model.model_.task,
            "network": self.model.model_.name,
            "generates": self.generates,
            "streams": self.worker is not None,
            **({"reason": self.refusal} if self.refusal else {"step": self._step()}),
        }

    @property
    def generates(self) -> bool:
        """Whether texts or vectors can be sampled from the model."""
        return isinstance(self.model, SamplingMethods)

    @property
    def streams(self) -> StreamWorker:
        """The streams. Raises: `RequestError` if the model has none."""
        if self.worker is None:
            raise RequestError(422, self.refusal)
        return self.worker

    async def predict(self, data: Any) -> Prediction:
        """The prediction for a table, arrays or texts, in a thread. Raises: `GatewiseError`."""
        return await self._predict.submit(data)

    def sample(self, given: dict[str, Any]) -> Iterator[str] | Any:
        """Samples a text, symbol by symbol, or a table. Raises: `GatewiseError` if the model does not."""
        if not isinstance(self.model, SamplingMethods):
            raise RequestError(422, f"the model {self.name!r} generates nothing; it predicts")
        return self.model.sample(**given)

    def _step(self) -> dict[str, Any]:
        """The description of a step, without what may be long."""
        long = ("scales", "tokenizer")
        return {
            side: {name: value for name, value in one.items() if name not in long}
            for side, one in self.description.items()
        }


def load_models(
    folders: list[Path], options: ServeOptions, threads: Executor, observe: Callable[[str, int], None]
) -> dict[str, ServedModel]:
    """The models of folders, each named as its folder.

    threads: for predictions; observe: called with the name of a model and the steps of each batch

    Raises: `GatewiseError` if one can't be read, begins with a dot, or two have the same name.
    """
    models: dict[str, ServedModel] = {}
    for folder in folders:
        name = folder.resolve().name
        if name.startswith("."):
            raise GatewiseError(f"expected the name of a model without a dot at its begin, got {name!r}")
        if name in models:
            raise GatewiseError(f"two models are called {name!r}: rename the folder of one")
        models[name] = ServedModel(name, load(folder), options, threads, partial(observe, name))
    return models
