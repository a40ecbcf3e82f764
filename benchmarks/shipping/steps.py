"""One step of a trained model in Python: a stream, beside onnxruntime with the states passed by hand.

`python benchmarks/shipping/steps.py > benchmarks/shipping/steps.txt`

All candidates run in this process, in turns, on one thread; a row is the median of the rounds. Each result is
compared with that of the stream first.
"""

from statistics import median
from time import perf_counter

import numpy as np
import onnxruntime
import torch
from torch import nn

import gatewise as gw
from gatewise.benchmark.facts import machine_facts
from gatewise.shipping.onnx.graph import onnx_model

UNITS, CHANNELS, ROUNDS, STEPS = 64, 4, 15, 400
SMALL = {"hidden": UNITS, "progress": False, "baselines": False}


class Named(nn.Module):
    """A step of a classifier of one LSTM layer, whose states have names, as an export needs them."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def forward(self, x, h, c):
        return self.step(x, h, c)


def classifier():
    values, labels = np.random.default_rng(0).normal(size=(40, 9, CHANNELS)), np.arange(40) % 3
    options = {"network": "stack", "bidirectional": False, "pooling": "last", "cell": "lstm", "epochs": 1}
    return gw.Classifier(**options, **SMALL).fit(values, labels)


def forecaster(context):
    values = np.sin(np.arange(400) / 3)
    model = gw.Forecaster(horizon=12, context=context, period=1, cell="lstm", max_steps=3, **SMALL)
    return model.fit(values)


def by_runtime(model):
    """Steps by onnxruntime; the caller holds the states."""
    step = model._task.stepwise(model.model_)
    example = dict(zip(("x", "h", "c"), (step.example, *step.initial_states()), strict=True))
    graph = onnx_model(Named(step), example, ("y", "h_after", "c_after"), {})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options, ["CPUExecutionProvider"])
    states = [one.numpy() for one in step.initial_states()]

    def run(row):
        x = np.array([row], dtype=np.float64)
        y, *states[:] = session.run(None, {"x": x, "h": states[0], "c": states[1]})
        return y[0]

    return run


def by_module(model):
    """Steps of the exportable module, in PyTorch."""
    step = model._task.stepwise(model.model_).eval()
    states = list(step.initial_states())

    def run(row):
        with torch.inference_mode():
            y, *states[:] = step(torch.tensor([row], dtype=torch.float64), *states)
        return y[0]

    return run


def in_turns(candidates):
    """The median microseconds of a call of each candidate."""
    times = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, (run, count) in candidates.items():
            began = perf_counter()
            for _ in range(count):
                run()
            times[name].append((perf_counter() - began) / count * 1e6)
    return {name: median(own) for name, own in times.items()}


def main():
    torch.set_num_threads(1)
    model, row = classifier(), [0.1, 0.2, 0.3, 0.4]
    stream, runtime, module = model.stream(), by_runtime(model), by_module(model)
    for _ in range(5):
        expected = list(stream.step(row)["probabilities"].values())
        np.testing.assert_allclose(runtime(row), expected, atol=1e-6)
        np.testing.assert_allclose(module(row), expected, atol=1e-6)
    many = model.stream()
    rows = {str(number): row for number in range(1000)}
    many.step_many(rows)
    forecasts = {}
    for context in (24, 96):
        own = forecaster(context).stream()
        own.step(0.5)
        forecasts[f"a forecast of 12 steps, from a window of {context}"] = (lambda own=own: own.step(0.5), 20)
    candidates = {
        "stream.step, a dict of probabilities": (lambda: stream.step(row), STEPS),
        "onnxruntime, states passed by hand": (lambda: runtime(row), STEPS),
        "the module that is exported, in PyTorch": (lambda: module(row), STEPS),
        "step_many of 1,000 sequences, for each": (lambda: many.step_many(rows), 1),
        **forecasts,
    }
    times = in_turns(candidates)
    times["step_many of 1,000 sequences, for each"] /= 1000
    first = times["stream.step, a dict of probabilities"]
    print(f"{machine_facts()['processor']}; one thread, shared with other programs")
    print(f"classes of {CHANNELS} channels so far, LSTM of {UNITS} units; a row beside the first one\n")
    for name, value in times.items():
        print(f"{name:50} {value:8.1f} us {value / first:8.2f}")


if __name__ == "__main__":
    main()
