"""Engines that run ONNX graphs: onnxruntime and OpenVINO, forward only."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch

from gatewise.benchmark.candidate import FLOAT32, Competitor, Results, TimedCandidate
from gatewise.benchmark.competitors.onnx_graph import ORDERS, feed, graph
from gatewise.benchmark.workload import ALL_STEPS, ONE_STEP, ZEROS, BenchmarkCase, BenchmarkProblem


class _Engine(Competitor):
    """An engine; `load` returns a function that runs a graph on its inputs."""

    passes = ("forward",)
    workloads = (ALL_STEPS, ZEROS, ONE_STEP)

    def refusal(self, case: BenchmarkCase) -> str | None:
        return None if case.cell in ORDERS else "ONNX has nodes for LSTM, GRU and RNN only"

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        return _Loaded(self.load(graph(problem), feed(problem)))

    @abstractmethod
    def load(self, model: bytes, inputs: dict[str, Any]) -> Callable[[], list[Any]]:
        """Loads the model, with as many threads as PyTorch has."""


class _Loaded(TimedCandidate):
    def __init__(self, run: Callable[[], list[Any]]) -> None:
        self.run = run

    def forward(self) -> Any:
        return self.run()

    def read(self, done: Any) -> Results:
        output, *final = (torch.from_numpy(one.copy()) for one in done)
        return Results(output[:, 0], tuple(one[0] for one in final))


class OnnxRuntime(_Engine):
    """Microsoft's engine."""

    name = "onnxruntime"
    needs = ("onnx", "onnxruntime")

    def load(self, model: bytes, inputs: dict[str, Any]) -> Callable[[], list[Any]]:
        runtime = import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.add_session_config_entry("session.force_spinning_stop", "1")  # not during the next turn
        session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, inputs)


class OpenVino(_Engine):
    """Intel's engine."""

    name = "OpenVINO"
    needs = ("onnx", "openvino")

    def load(self, model: bytes, inputs: dict[str, Any]) -> Callable[[], list[Any]]:
        core = import_module("openvino").Core()
        threads = {"INFERENCE_NUM_THREADS": torch.get_num_threads()}
        plain = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        compiled = core.compile_model(core.read_model(model, b""), "CPU", threads | plain)
        request = compiled.create_infer_request()
        outputs = list(compiled.outputs)

        def run() -> list[Any]:
            done = request.infer(inputs, share_inputs=True, share_outputs=True)
            return [done[one] for one in outputs]

        return run
