"""Five trained models, each in Python, onnxruntime, C, as a stream and from the server: the same numbers?

`python benchmarks/shipping/all_ways.py > benchmarks/shipping/all_ways.txt`

A row has the largest difference from the numbers of Python's `predict`, relative to the largest number, and
the median time of an answer: of a prediction for all steps so far in Python and onnxruntime; of a step in C,
in a stream and from the server, where the way over the loopback interface is part of it.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import onnxruntime
import polars as pl
import torch

import gatewise as gw
from gatewise.benchmark.facts import machine_facts
from gatewise.shipping.stream import reader_of

WAYS = ("Python", "onnxruntime", "C", "stream", "server")
SHIPPED = "shipped"  # a folder in that of the model
ANSWERS = 12  # that are compared, of the last steps
QUIET = {"baselines": False, "progress": False}
MINE = '''
from gatewise.cells import Cell, R, W, prev, sigmoid, tanh, x


class Mine(Cell):
    """One gate that keeps or writes."""

    state = ("h",)
    f = sigmoid(W.f @ x + R.f @ prev.h)
    g = tanh(W.g @ x + R.g @ prev.h)
    h = f * prev.h + (1 - f) * g
'''


@dataclass
class Case:
    """A model, and how it answers after the first steps, as numbers.

    steps: what a stream reads; predicted: of Python; run: of a session of onnxruntime; of_answer: of a stream
    """

    name: str
    model: Any
    steps: Sequence[Any]
    predicted: Callable[[int], np.ndarray]
    run: Callable[[onnxruntime.InferenceSession, int], np.ndarray]
    of_answer: Callable[[dict[str, Any]], Any]


def forecast(name: str, **options: Any) -> Case:
    """A forecaster of El Nino's sea temperatures."""
    sea = pl.read_csv(str(files("gatewise.data") / "examples" / "el-nino.csv"))
    model = gw.Forecaster(horizon=12, refit=False, **options, **QUIET)
    model.fit(sea, time="month", target="temperature")
    about = model._task.deployed(model.model_).described()
    names = ["temperature" if level == 0.5 else f"q{level:g}" for level in about["levels"]]
    first = date.fromisoformat(f"{sea['month'][0]}-01")
    months = pl.date_range(first, first.replace(year=first.year + 99), "1mo", eager=True)
    seconds = months.cast(pl.Datetime("us")).dt.epoch("s").to_numpy()

    def run(session: onnxruntime.InferenceSession, count: int) -> np.ndarray:
        begin = count - about["context"]
        given = {"target": sea["temperature"].to_numpy()[None, begin:count]}
        if any(field["name"] == "times" for field in about["inputs"]):
            given["times"] = seconds[None, begin : count + about["horizon"]]
        return session.run(None, given)[0][0]

    return Case(
        name,
        model,
        list(sea.iter_rows(named=True)),
        lambda count: model.predict(sea.head(count)).select(names).to_numpy(),
        run,
        lambda answer: np.stack([answer[one] for one in names], axis=1),
    )


def walks(count: int = 90, steps: int = 40) -> tuple[np.ndarray, list[str]]:
    """The gestures of docs/ship.md."""
    random = np.random.default_rng(0)
    time, names = np.linspace(0, 1, steps), ("still", "shake", "circle")
    paths = [
        np.stack([np.sin(turns * time), np.cos(both * turns * time) - 1], axis=1)
        for turns, both in [(0, 0), (40, 0), (12, 1)] * (count // 3)
    ]
    return np.stack(paths) + 0.1 * random.normal(size=(count, steps, 2)), [names[i % 3] for i in range(count)]


def classify(name: str, **options: Any) -> Case:
    """The classifier of gestures of docs/ship.md."""
    values, labels = walks()
    model = gw.Classifier(network="stack", bidirectional=False, hidden=16, epochs=2, **options, **QUIET)
    model.fit(values, labels)

    def run(session: onnxruntime.InferenceSession, count: int) -> np.ndarray:
        given = {"values": values[1:2, :count], "lengths": np.array([count])}
        return session.run(None, given)[0][0]

    return Case(
        name,
        model,
        values[1].tolist(),
        lambda count: model.predict_proba([values[1, :count]])[0],
        run,
        lambda answer: list(answer["probabilities"].values()),
    )


def label(name: str) -> Case:
    """A labeller of the steps of gestures."""
    values, _ = walks()
    values = values.astype(np.float32)
    model = gw.Labeler(bidirectional=False, hidden=16, epochs=2, **QUIET)
    model.fit(values, np.where(values[:, :, 0] > 0.3, "high", "low"))
    whole = model._task.deployed(model.model_)

    def predicted(count: int) -> np.ndarray:  # `predict` rounds to 4 digits
        last = model.prediction(values[1:2, :count]).frame.row(-1, named=True)
        with torch.inference_mode():
            found = whole(torch.from_numpy(values[1:2, :count]), torch.tensor([count]))[0][0, -1].numpy()
        assert abs(found.max() - last["probability"]) < 6e-5
        return found

    def run(session: onnxruntime.InferenceSession, count: int) -> np.ndarray:
        return session.run(None, {"values": values[1:2, :count], "lengths": np.array([count])})[0][0, -1]

    of_answer = lambda answer: list(answer["probabilities"].values())  # noqa: E731
    return Case(name, model, values[1].tolist(), predicted, run, of_answer)


def generate(name: str) -> Case:
    """A generator of texts, of this repository's README."""
    text = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")
    model = gw.TextGenerator(layers=2, hidden=64, epochs=1, **QUIET).fit(text)
    symbols = model.model_.network.eval()
    start = torch.tensor(list(range(3, 43)))

    def predicted(count: int) -> np.ndarray:
        with torch.inference_mode():
            return symbols.next(start[None, :count])[0][0].exp().numpy()

    def run(session: onnxruntime.InferenceSession, count: int) -> np.ndarray:
        width = session.get_inputs()[1].shape[1]
        given = {"symbols": start[None, :count].numpy(), "state": np.zeros((1, width), np.float32)}
        logits = session.run(None, given)[0][0, -1]
        return np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()

    return Case(
        name, model, start.tolist(), predicted, run, lambda answer: list(answer["probabilities"].values())
    )


def rows_of(model: Any, steps: Sequence[Any]) -> list[np.ndarray]:
    """What a C file reads of each step."""
    step = model._task.stepwise(model.model_)
    reader, dtype, rows = reader_of(step), step.example.numpy().dtype, []
    memory, _ = reader.begun(steps[0], None)
    for observation in steps:
        found, memory = reader.rows(observation, memory)
        rows += [np.atleast_1d(np.array(one, dtype=dtype)) for one in found]
    return rows


class Compiled:
    """A C file as a function of a row."""

    def __init__(self, source: Path, state: int, step: Any) -> None:
        library = source.with_suffix(".so")
        flags = ["-std=c99", "-O2", "-fPIC", "-shared"]
        subprocess.run(["gcc", *flags, "-o", library, source, "-lm"], check=True)
        functions = ctypes.CDLL(str(library))
        self.advance = getattr(functions, f"{source.stem}_step")
        self.state = ctypes.create_string_buffer(state)
        getattr(functions, f"{source.stem}_init")(self.state)
        with torch.inference_mode():
            self.found = step(step.example, *step.initial_states())[0].numpy().copy()

    def step(self, row: np.ndarray) -> np.ndarray:
        self.advance(
            self.state, row.ctypes.data_as(ctypes.c_void_p), self.found.ctypes.data_as(ctypes.c_void_p)
        )
        return self.found


def post(url: str, data: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps(data, default=str).encode()
    request = Request(url, body, {"Content-Type": "application/json"})
    with urlopen(request) as response:
        return json.loads(response.read())


def timed(function: Callable[[], Any], times: list[float]) -> Any:
    began = perf_counter()
    found = function()
    times.append(1000 * (perf_counter() - began))
    return found


def ways_of(case: Case, folder: Path, url: str) -> dict[str, tuple[float, float]]:
    """Of each way the largest difference, and the median time in ms."""
    session = onnxruntime.InferenceSession(folder / SHIPPED / "model.onnx")
    counts = range(len(case.steps) - ANSWERS + 1, len(case.steps) + 1)
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    expected = [timed(lambda n=count: case.predicted(n), times["Python"]) for count in counts]
    found = {
        "onnxruntime": [timed(lambda n=count: case.run(session, n), times["onnxruntime"]) for count in counts]
    }
    files = case.model.export(folder / SHIPPED / "model.c")
    compiled = Compiled(files.source, files.state, case.model._task.stepwise(case.model.model_))
    stream = case.model.stream()
    name = folder.name
    post(f"{url}/stream/{name}", {"model": name})
    from_c, streamed, served = [], [], []
    for row, observation in zip(rows_of(case.model, case.steps), case.steps, strict=True):
        from_c.append(timed(lambda one=row: compiled.step(one), times["C"]).copy())
        streamed.append(timed(lambda one=observation: stream.step(one), times["stream"]))
        body = {"observation": observation}
        served.append(
            timed(lambda one=body: post(f"{url}/stream/{name}/step", one), times["server"])["answer"]
        )
    found["C"] = [one.reshape(expected[0].shape) for one in from_c[-ANSWERS:]]
    found["stream"] = [np.asarray(case.of_answer(one)) for one in streamed[-ANSWERS:]]
    found["server"] = [np.asarray(case.of_answer(one)) for one in served[-ANSWERS:]]
    largest = max(np.abs(one).max() for one in expected)
    differences = {
        way: max(float(np.abs(one - own).max()) for one, own in zip(answers, expected, strict=True)) / largest
        for way, answers in found.items()
    }
    return {way: (differences.get(way, 0.0), median(times[way])) for way in WAYS}


def main() -> None:
    """Prints the table."""
    print(f"{machine_facts()['processor']}; one thread, shared with other programs\n")
    print(f"{'':34}{'':14}{'difference':>12}{'ms':>10}")
    with TemporaryDirectory() as home:
        mine = Path(home, "mine.py")
        mine.write_text(MINE)
        cases = [
            forecast("forecaster, LSTM", cell="lstm"),
            classify("classifier, GRU", cell="gru"),
            label("labeller, LSTM"),
            generate("text generator, 2 LSTMs"),
            classify("classifier, a cell of one's own", cell=f"{mine}:Mine"),
        ]
        folders = [Path(home, f"model{number}") for number in range(len(cases))]
        for case, folder in zip(cases, folders, strict=True):
            case.model.save(folder)
            (folder / SHIPPED).mkdir()
            case.model.export(folder / SHIPPED / "model.onnx")
        command = [sys.executable, "-m", "gatewise", "serve", *map(str, folders), "--port", "0"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            url = child.stdout.readline().split()[-1]
            for case, folder in zip(cases, folders, strict=True):
                for way, (difference, took) in ways_of(case, folder, url).items():
                    shown = "" if way == "Python" else f"{difference:.0e}"
                    print(
                        f"{case.name if way == 'Python' else '':34}{way:14}{shown:>12}{took:10.3f}",
                        flush=True,
                    )
        finally:
            child.terminate()
            child.wait(60)


if __name__ == "__main__":
    main()
