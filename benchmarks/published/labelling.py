"""A label for each step, and texts that nobody aligned.

    strips: 10,000 strips of three to six of MNIST's digits, up to 4 empty columns apart, and what they say;
        1,000 to choose by, of training images that no other strip has, and 2,000 of the test images. Read
        column by column, by CTC; strips-convolution and strips-lattice are looked at before that
    speakers: three to six utterances of JapaneseVowels joined, and who of nine men speaks at each step; 600
        sequences of 216 training utterances, 100 of the other 54, and 300 of the test utterances
    names: 2,500 sentences made by a rule, with names of new words; what a name is, is told by one word
        anywhere before it or anywhere behind it

All are our own; no figure of a paper compares. Each is what `gatewise train` or `compare` does with the
settings that the result tells; `--keep FOLDER` writes the data there and does nothing else.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from experiment import arguments, record
from images import ROOT, measured, mnist
from PIL import Image
from tests.sentences import conll, sentences
from tests.strips import strips

from gatewise.data.sequences.archives import read_archive
from gatewise.data.sequences.sequences import SequenceTable

HELD_OUT = 5000  # training images of which the strips to choose by are made
STRIPS = {"part": "part", "schedule": "cosine", "patience": 99, "seed": 0}
EXPERIMENTS: dict[str, tuple[str, str, dict[str, Any]]] = {  # verb, task, options
    "strips": ("train", "transcribe", {"epochs": 15, **STRIPS}),
    "strips-convolution": ("train", "transcribe", {"front": "convolution", "epochs": 4, **STRIPS}),
    "strips-lattice": ("train", "transcribe", {"front": "lattice", "epochs": 4, **STRIPS}),
    "speakers": ("compare", "label", {"cells": ("rnn", "lstm", "gru"), "seeds": 3, "epochs": 12}),
    "names": ("compare", "label", {"cells": ("rnn", "lstm", "gru"), "seeds": 1, "epochs": 20}),
}


def write_strips(folder: Path) -> Path:
    """Writes folder/NUMBER.png and folder/texts.csv, whose columns are file, part and text."""
    folder.mkdir(parents=True)
    images, labels = mnist("train")
    of_parts = {
        "train": (images[:-HELD_OUT], labels[:-HELD_OUT], 10_000),
        "validation": (images[-HELD_OUT:], labels[-HELD_OUT:], 1000),
        "test": (*mnist("t10k"), 2000),
    }
    with (folder / "texts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "part", "text"])
        number = 0
        for seed, (part, (own, digits, count)) in enumerate(of_parts.items()):
            for strip, text in strips(own, digits, count, seed=seed):
                Image.fromarray(strip).save(folder / f"{number:05d}.png")
                table.writerow([f"{number:05d}.png", part, text])
                number += 1
    return folder


def write_speakers(folder: Path) -> Path:
    """Writes folder/train.csv, validation.csv and test.csv, with a row for each step."""
    source = Path(os.environ.get("GATEWISE_DATA", ROOT.parent / "shared" / "data")) / "ucr"
    train, test = (read_archive(source / f"JapaneseVowels_{part}.ts") for part in ("TRAIN", "TEST"))
    folder.mkdir(parents=True)
    held = [number for number in range(len(train)) if number % 5 == 4]
    rest = [number for number in range(len(train)) if number % 5 != 4]
    parts = (
        ("train", train, rest, 600),
        ("validation", train, held, 100),
        ("test", test, range(len(test)), 300),
    )
    for seed, (part, table, numbers, count) in enumerate(parts):
        conversations(table, list(numbers), count, seed).write_csv(folder / f"{part}.csv")
    return folder


def conversations(table: SequenceTable, numbers: list[int], count: int, seed: int) -> pl.DataFrame:
    """Utterances one after another, any by any speaker."""
    random = np.random.default_rng(seed)
    assert table.labels is not None
    frames = []
    for one in range(count):
        chosen = random.choice(numbers, random.integers(3, 7))
        rows = np.concatenate([np.arange(*table.offsets[place : place + 2]) for place in chosen])
        values = {name: table.values[rows, place] for place, name in enumerate(table.channels)}
        speakers = [f"speaker {table.classes[label]}" for label in table.labels[rows]]
        frames.append(pl.DataFrame({"id": one, "time": range(len(rows)), **values, "label": speakers}))
    return pl.concat(frames)


def write_names(folder: Path) -> Path:
    """Writes folder/train.txt, validation.txt and test.txt, with a token and its label in each line."""
    folder.mkdir(parents=True)
    made = sentences(2500, filler=4)
    for part, own in (("train", made[:1500]), ("validation", made[1500:1800]), ("test", made[1800:])):
        (folder / f"{part}.txt").write_text(conll(own))
    return folder


WRITERS = {"strips": write_strips, "speakers": write_speakers, "names": write_names}


if __name__ == "__main__":
    settings = arguments(__doc__, experiment="strips", keep="", runs="", threads=os.cpu_count() or 1)
    verb, task, options = EXPERIMENTS[settings.experiment]
    write = WRITERS[settings.experiment.partition("-")[0]]
    if settings.keep:
        sys.exit(str(write(Path(settings.keep))))
    torch.set_num_threads(settings.threads)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        data = write(Path(folder) / settings.experiment)
        found = measured(verb, task, data, Path(settings.runs or folder) / "run", options)
    settings.settings = {"verb": verb, "task": task, **options}
    record(f"label-{settings.experiment}", settings, "none", found, (time.monotonic() - begun) / 60)
