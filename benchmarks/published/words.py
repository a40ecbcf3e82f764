"""Words of Shakespeare, predicted one after another by an LSTM and by n-grams with Kneser-Ney smoothing.

The text of `shakespeare.py`, as words with the space before them, punctuation and line breaks; the last tenth
of the text is the test set, and the twentieth before it the validation set. All models have the same symbols,
the most frequent ones of the training set and one for all others, so that their perplexities can be compared.

The n-grams: modified Kneser-Ney smoothing, interpolated (Chen and Goodman 1999), with an order of 5, and with
the order that is best on the validation set.

Ours: `gatewise train generate` with the regularization of AWD-LSTM (Merity, Keskar and Socher 2018): weight
dropout, masks for whole sequences, embedding dropout, a tied softmax and averaged parameters. Settings were
not tuned.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from experiment import arguments, record, trained
from shakespeare import text

from gatewise.tasks.generate.baselines import Ngram
from gatewise.tasks.generate.data import TextData
from gatewise.tasks.generate.network import text_nll
from gatewise.tasks.generate.task import TASK
from gatewise.tasks.options import verb_options

PAPER = "none for this text; the AWD-LSTM of Merity et al. has 57.3 on the Penn Treebank, a 5-gram 141.2"
ORDER = 5


def five_gram(data: TextData) -> dict[str, float]:
    """The perplexity of a 5-gram, and its minutes."""
    begun = time.monotonic()
    model = Ngram(len(data.tokenizer), ORDER)
    model.fit(data.train, data.validation)
    nll = text_nll(model, data.test.text)
    return {"perplexity": math.exp(nll.per_symbol), "minutes": (time.monotonic() - begun) / 60}


def counts(data: TextData) -> dict[str, Any]:
    """The number of symbols of each set, and of unknown words in it."""
    sets = {"training": data.train, "validation": data.validation, "test": data.test}
    return {
        name: {"words": len(one.text), "unknown words": one.text.unknown_words} for name, one in sets.items()
    }


if __name__ == "__main__":
    settings = arguments(
        __doc__, cell="lstm", vocabulary=6000, hidden=256, embedding=128, layers=1, epochs=8, batch_size=32,
        steps=64, dropout=0.4, embedding_dropout=0.1, weight_dropout=0.3, learning_rate=0.004, average=0.99,
        weight_decay=0.01, threads=1,
    )  # fmt: skip
    options = {name: value for name, value in vars(settings).items() if name not in ("out", "threads")}
    options |= {"tokenizer": "words", "dropout_mask": "sequence", "tied": True}
    torch.set_num_threads(settings.threads)
    begun, path = time.monotonic(), text()
    data = TASK.read(path, verb_options("train", TASK.options)(**options))
    with TemporaryDirectory() as folder:
        measured = trained("train", "generate", path, Path(folder) / "run", options)
    measured = {"5-gram": five_gram(data), **measured}
    minutes = (time.monotonic() - begun) / 60
    record(f"words-{settings.cell}", settings, PAPER, {"sets": counts(data), **measured}, minutes)
