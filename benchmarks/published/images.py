"""Digits as images: classified row by row, in patches, and in moving clips; strips of digits with captions.

All are made from MNIST, the test sets from its test images:
    rows, lattice: 60,000 + 10,000 digits as PNG files, a folder for each class; 9,000 of the first for
        validation
    moving: 4,000 + 1,000 clips of 6 to 12 frames in which a digit moves in one of eight directions; a
        direction and its opposite show the same frames, so accuracy is at most 50% without their order
    strips: 10,000 + 1,000 strips of one to five digits, with captions such as "three one four"

The papers: row-by-row LSTMs have an accuracy of 87.2% to 98.2%, depending on the author and length of
training; a multidimensional LSTM 98.9% (Graves, Fernandez and Schmidhuber 2007). Clips and captions are our
own.

Each experiment is `gatewise train` or `compare` with the settings in its result. `--keep FOLDER` only
writes the images there; `--small 1` writes fewer, for a minute of training: 6,000 + 1,000 digits, 1,000 +
500 clips, 4,000 + 500 strips of one to three digits.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiment import arguments, record, trained
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))  # where the tests' makers of clips and strips are

from tests.moving import moving, write_animations  # noqa: E402
from tests.strips import digits, strips  # noqa: E402

PAPER = "MNIST row by row by an LSTM: 87.2% to 98.2%; by a multidimensional LSTM: 98.9%"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
HELD_OUT = 5000  # training images of which the strips to validate are made

LONG = {"schedule": "cosine", "learning_rate": 0.003, "patience": 99}
EXPERIMENTS: dict[str, tuple[str, str, dict[str, Any]]] = {  # verb, task, options
    "rows": (
        "compare", "classify-images",
        {"cells": ("lstm",), "seeds": 1, "hidden": 128, "epochs": 15, "shift": 1, **LONG},
    ),
    "lattice": ("train", "classify-images", {"network": "lattice", "epochs": 8, "shift": 2, **LONG}),
    "moving": (
        "compare", "frames",
        {"cells": ("rnn", "lstm", "gru"), "seeds": 1, "epochs": 12, "filters": (8, 16), **LONG},
    ),
    "strips": ("train", "caption", {"split_column": "part", "epochs": 12, **LONG}),
}  # fmt: skip


def mnist(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images [N, 28, 28] and digits [N] of "train" or "t10k"."""
    return digits(Path(os.environ.get("GATEWISE_DATA", ROOT.parent / "shared" / "data")), part)


def write_digits(folder: Path, small: bool) -> Path:
    """Writes folder/train/DIGIT/NUMBER.png and folder/test/DIGIT/NUMBER.png."""
    for part, source in (("train", "train"), ("test", "t10k")):
        most = None if not small else 6000 if part == "train" else 1000
        for number, (image, digit) in enumerate(zip(*(one[:most] for one in mnist(source)), strict=True)):
            path = folder / part / str(digit) / f"{number:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return folder


def write_moving(folder: Path, small: bool) -> Path:
    """Writes folder/train/WAY/NUMBER.png and folder/test/WAY/NUMBER.png, animated."""
    counts = (1000, 500) if small else (4000, 1000)
    for seed, (part, source) in enumerate((("train", "train"), ("test", "t10k"))):
        images = mnist(source)[0][:, ::2, ::2]
        clips = moving(images, counts[seed], side=28, shortest=6, longest=12, seed=seed)
        write_animations(folder / part, clips)
    return folder


def write_strips(folder: Path, small: bool) -> Path:
    """Writes folder/NUMBER.png and folder/captions.csv, whose columns are file, caption and part."""
    folder.mkdir(parents=True)
    with (folder / "captions.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "caption", "part"])
        for number, (part, strip, output) in enumerate(parts_of_strips(small)):
            Image.fromarray(strip).save(folder / f"{number:05d}.png")
            table.writerow([f"{number:05d}.png", " ".join(WORDS[int(digit)] for digit in output), part])
    return folder


def parts_of_strips(small: bool) -> Iterator[tuple[str, np.ndarray, str]]:
    """(part, strip, digits); no image is in two parts."""
    images, labels = mnist("train")
    of_parts = {
        "train": (images[:-HELD_OUT], labels[:-HELD_OUT], 4000 if small else 10_000, 0),
        "validation": (images[-HELD_OUT:], labels[-HELD_OUT:], 200 if small else 1000, 2),
        "test": (*mnist("t10k"), 500 if small else 1000, 1),
    }
    for part, (images, labels, count, seed) in of_parts.items():
        for strip, output in strips(images, labels, count, least=1, most=3 if small else 5, seed=seed):
            yield part, strip, output


WRITERS = {"rows": write_digits, "lattice": write_digits, "moving": write_moving, "strips": write_strips}


if __name__ == "__main__":
    settings = arguments(__doc__, experiment="rows", small=0, keep="", runs="", threads=os.cpu_count() or 1)
    verb, task, options = EXPERIMENTS[settings.experiment]
    if settings.keep:
        print(WRITERS[settings.experiment](Path(settings.keep), bool(settings.small)))
        sys.exit()
    torch.set_num_threads(settings.threads)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        data = WRITERS[settings.experiment](Path(folder) / settings.experiment, bool(settings.small))
        found = trained(verb, task, data, Path(settings.runs or folder) / "run", options)
    settings.settings = {"verb": verb, "task": task, **options}
    record(f"images-{settings.experiment}", settings, PAPER, found, (time.monotonic() - begun) / 60)
