"""Characters of Shakespeare, predicted one after another by an LSTM and by n-grams.

The text (Karpathy 2015, The unreasonable effectiveness of recurrent neural networks): 1,115,394 characters,
65 distinct; the last tenth is the test set. A 5-gram with Witten-Bell smoothing has 1.669 nats there.

Ours: the defaults of `gatewise train generate`, with a smaller validation set, because the text just before
the test set is the most useful for training.

The text is expected in `text/` under $GATEWISE_DATA or ../shared/data.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from experiment import arguments, record

from gatewise.metrics.metric import Metric
from gatewise.tasks.comparison import Result
from gatewise.tasks.generate.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.training import commands, runs

PAPER = "a 5-gram with Witten-Bell smoothing: 1.669 nats a character of the last tenth"


class PrintedProgress:
    """Prints the progress of the training, a line at each preview."""

    def begin(self, name: str) -> None:
        print(name, flush=True)

    def progress(self, fraction: float, message: str) -> None:
        self.message = f"{fraction:.0%} {message}"

    def warn(self, sentence: str) -> None:
        print(sentence, flush=True)

    def preview(self, text: str) -> None:
        print(self.message, flush=True)

    def finish(self, result: Result, metric: Metric) -> None:
        print(result.name, metric.format(result.scores[metric.name]), flush=True)


def text() -> Path:
    """Where the text lies."""
    folder = Path(os.environ.get("GATEWISE_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = folder / "text" / "tinyshakespeare.txt"
    if not path.is_file():
        sys.exit(f"there is no {path.name} in {path.parent}; GATEWISE_DATA names another place")
    return path


def measured(path: Path, folder: Path | None = None, **options: Any) -> dict[str, Any]:
    """Each candidate's nats a character of the test part, and what it took.

    folder: of the run, which can be used afterwards; a new one under runs/ if None
    """
    if folder is None:
        with runs.new_folder("train", path) as folder:
            return measured(path, folder, **options)
    chosen = verb_options("train", TASK.options)(**options)
    run = runs.begin("train", TASK, path, chosen, folder)
    runs.write(run)
    comparison = commands.train(run, TASK.read(path, chosen), PrintedProgress())
    for plot in TASK.draw(comparison):
        plot.save(run.folder)
    print(run.folder)
    return {
        one.name: {
            "nats a character": one.scores["nats"],
            "nats on the validation part": one.validation,
            "minutes": one.seconds / 60,
            "parameters": one.parameters,
        }
        for one in comparison.results
    }


if __name__ == "__main__":
    settings = arguments(
        __doc__, cell="lstm", network="stack", hidden=512, layers=1, heads=1, epochs=20, batch_size=32,
        dropout=0.3, learning_rate=0.002, validation_fraction=0.01, threads=os.cpu_count() or 1,
    )  # fmt: skip
    options = {name: value for name, value in vars(settings).items() if name not in ("out", "threads")}
    torch.set_num_threads(settings.threads)
    begun = time.monotonic()
    found = measured(text(), **options)
    record("shakespeare", settings, PAPER, found, (time.monotonic() - begun) / 60)
