"""A model that is stepped: one observation of a sequence after another, and the states between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from math import isfinite
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from gatewise.data.memory.frames import TableForm, in_form, is_frame, library_of, to_polars
from gatewise.errors import GatewiseError
from gatewise.shipping.answers import NOT_FINITE, Answer, Answers, answers_of
from gatewise.shipping.fast_steps import FastSteps, fast_steps
from gatewise.shipping.frame_reader import FrameReader
from gatewise.shipping.reading import Memory, NumberReader, Reader, SymbolReader
from gatewise.shipping.series_reader import SeriesReader
from gatewise.shipping.series_rows import SeriesStepwise
from gatewise.shipping.state_bytes import from_bytes, model_fingerprint, to_bytes
from gatewise.shipping.state_table import StateTable
from gatewise.shipping.stepwise import RecurrentStepwise, Stepwise

PLAIN = (list, tuple, dict, np.ndarray, float, int, str)  # are no tables, which takes longer to find out
Key = Any  # a text, or None for the one sequence of a stream without ids


class Stream:
    """Steps a model: each observation returns what the model says now, as if it had read the whole sequence.

    Made by `model.stream()`. A stream holds one sequence, or many, which join by their first observation.
    It is not for several threads at once.

    >>> import gatewise, numpy as np
    >>> values = np.random.default_rng(0).normal(size=(40, 9, 2))
    >>> options = {"network": "stack", "bidirectional": False, "hidden": 4, "epochs": 1, "progress": False}
    >>> model = gatewise.Classifier(**options, baselines=False).fit(values, np.arange(40) % 2)
    >>> stream = model.stream()
    >>> answers = [stream.step(row) for row in values[0]]
    >>> np.allclose(answers[-1]["probabilities"]["1"], model.predict_proba(values[:1])[0, 1])
    True
    """

    def __init__(self, step: Stepwise) -> None:
        self._step = deepcopy(step).eval().requires_grad_(False)  # the model may be trained further
        self._reader: Reader = reader_of(step)
        self._answers: Answers = answers_of(step.description["output"])
        self._numbers = step.example.numpy().dtype
        self._table = StateTable(step.initial_states())
        self._memories: dict[Key, Memory] = {}
        self._fast: FastSteps | None = None  # of the sequence without an id
        self._model = ""

    def __contains__(self, id: Key) -> bool:
        """Whether there is an observation of a sequence."""
        return id in self._table

    @property
    def ids(self) -> list[str]:
        """The ids of the sequences, in the order in which they joined."""
        return [key for key in self._memories if key is not None]

    @property
    def description(self) -> dict[str, Any]:
        """What the model reads and returns at a step, as plain data."""
        return self._step.description

    @property
    def model(self) -> str:
        """The fingerprint of the model, which its states have, too."""
        self._model = self._model or model_fingerprint(self._step)
        return self._model

    def step(self, observation: Any) -> Any:
        """Reads one observation of a sequence without an id, or a table with observations of several.

        observation: a dict of columns, an array, a number or a text, depending on the model; or a table,
            whose column of ids names the sequences, with one row or several for each

        Returns: a dict of what the model says now; for a table, a table with a row for each sequence, or for
            each step of its horizon.

        Raises: `GatewiseError` if the observation is not as expected; the stream is then as before. Only a
            sequence whose result is not finite, as after extreme values, may end.
        """
        if not isinstance(observation, PLAIN) and is_frame(observation):
            return self._step_table(observation)
        if self._fast is None:
            answer = self.step_many({None: observation})[None]
            if isinstance(self._step, RecurrentStepwise):
                self._fast = fast_steps(self._step, self._table.read([None]))
            return answer
        rows, memory = self._reader.rows(observation, self._memories[None])
        for row in rows:
            y = self._fast.advance(row)
        if not isfinite(float(y.sum())):
            self.end()
            raise GatewiseError(f"{NOT_FINITE}; the sequence is ended")
        self._memories[None] = memory
        return self._answers.of(y)

    def step_many(self, observations: Mapping[Any, Any]) -> dict[Any, Answer]:
        """Reads an observation of each of several sequences, in one batch.

        observations: by the id of the sequence; those that are new begin

        Returns: what the model says of each.

        Raises: `GatewiseError` if one is not as expected; all sequences are then as before.
        """
        results = self._advance(observations)
        return {key: self._answers.of(y) for key, y in zip(observations, results, strict=True)}

    def begin(self, id: Key = None, series: str | None = None) -> None:
        """Begins a sequence, or begins it again.

        series: for models of several series, the one whose scale it has; by default that of its observations
        """
        self.end(id)
        self._memories[id] = self._reader.named(series)

    def end(self, id: Key = None) -> None:
        """Forgets a sequence, if there is one."""
        self._memories.pop(id, None)
        if id in self._table:
            self._table.leave(id)
        if id is None:
            self._fast = None

    def save(self, ids: Sequence[Key] | None = None) -> bytes:
        """The states of some sequences, or of all, as bytes for `load`, in this process or another.

        Raises: `GatewiseError` if there is no such sequence, or it has no observation yet.
        """
        self._collect()
        keys: list[Any] = self._table.keys if ids is None else list(ids)
        for key in keys:
            if key not in self._table:
                raise GatewiseError(f"the stream has no observation of a sequence {key!r}")
        memories = [self._reader.to_plain(self._memories[key]) for key in keys]
        return to_bytes(self._step.state_names, self._table.read(keys), keys, memories, self.model)

    def load(self, data: bytes, id: str | None = None) -> None:
        """Adds the sequences of `save`, in place of those of the same ids.

        id: for the state of one sequence, another id that it gets; None keeps those of the state

        Raises: `GatewiseError` if the data are damaged, or of another model; the stream is then as before.
        """
        stored = from_bytes(data, self._step.state_names, self._step.initial_states(), self.model)
        try:
            memories = [self._reader.from_plain(one) for one in stored.memories]
        except ValueError as error:
            raise GatewiseError(f"the states can't be read: {error}") from error
        keys: list[Key] = stored.keys if id is None else [id]
        if len(keys) != len(memories):
            raise GatewiseError(f"expected the state of one sequence for {id!r}, got {len(memories)}")
        for place, (key, memory) in enumerate(zip(keys, memories, strict=True)):
            self.end(key)
            self._memories[key] = memory
            self._table.join(key, [one[place : place + 1] for one in stored.states])

    def _advance(self, observations: Mapping[Any, Any]) -> list[np.ndarray]:
        """The last result of each sequence. Nothing changes before all observations are read."""
        if None in observations:
            self._collect()
            self._fast = None
        rows, memories, new = [], {}, {}
        for key, observation in observations.items():
            memory = self._memories.get(key)
            if key not in self._table:
                memory, new[key] = self._reader.begun(observation, memory)
            own, memories[key] = self._reader.rows(observation, memory)
            rows.append(own)
        for key, special in new.items():
            pairs = zip(self._step.state_names, self._step.initial_states(), strict=True)
            self._table.join(key, [special.get(name, one) for name, one in pairs])
        try:
            results, states = self._computed(rows, self._table.read(observations))
        except GatewiseError:
            for key in new:
                self._table.leave(key)
            raise
        self._table.write(observations, states)
        self._memories.update(memories)
        return results

    def _computed(
        self, rows: Sequence[Sequence[Any]], states: Sequence[Tensor]
    ) -> tuple[list[np.ndarray], Sequence[Tensor]]:
        """The last result of each sequence, and the states after it. rows: of each sequence"""
        results: dict[int, np.ndarray] = {}
        with torch.inference_mode():
            states = [one.clone() for one in states]
            for number in range(max(map(len, rows), default=0)):
                places = [place for place, own in enumerate(rows) if number < len(own)]
                given = np.array([rows[place][number] for place in places], dtype=self._numbers)
                x = torch.from_numpy(given)
                y, *after = self._step(x, *(one[places] for one in states))
                self._answers.require_finite(y)
                for own, later in zip(states, after, strict=True):
                    own[places] = later
                results.update(zip(places, y.numpy(), strict=True))
        return [results[place] for place in range(len(rows))], states

    def _collect(self) -> None:
        """Copies the states of the sequence without an id into the table."""
        if self._fast is not None:
            self._table.write([None], self._fast.states())

    def _step_table(self, table: Any) -> Any:
        """As `step`, for a table."""
        frame = to_polars(table)
        groups = self._reader.by_sequence(frame)
        if not groups:
            raise GatewiseError("the table has no rows")
        results = self._advance(groups)
        answers = self._answers.columns(np.stack(results))
        rows = len(next(iter(answers.values()))) // max(len(groups), 1)
        columns = self._reader.columns_of(list(groups), self._memories, rows, frame)
        form = TableForm(library_of(table), dict(frame.schema))
        return in_form(pl.DataFrame({**columns, **answers}), form)


def reader_of(step: Stepwise) -> Reader:
    """The reader of the observations of a model."""
    description = step.description
    if description["input"]["kind"] == "series":
        assert isinstance(step, SeriesStepwise)
        return SeriesReader(description["input"], step)
    if description["input"]["kind"] == "frame":
        return FrameReader(description["input"])
    if description["input"]["kind"] == "symbol":
        return SymbolReader(description["output"])
    return NumberReader(description["input"])
