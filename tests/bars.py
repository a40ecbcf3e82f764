"""Small images of bars, upright or level: as folders of classes, and side by side with captions."""

import csv

import numpy as np

KINDS = ("level", "upright")


def bar(kind, random, side=8):
    """[side, side] bytes: a bright bar across or down, at some place, with noise."""
    image = random.integers(0, 60, (side, side)).astype(np.uint8)
    place = random.integers(1, side - 1)
    image[(place, slice(None)) if kind == "level" else (slice(None), place)] = 250
    return image


def write_classes(folder, count, seed=0, side=8):
    """Writes `count` images of each class."""
    from PIL import Image

    random = np.random.default_rng(seed)
    for kind in KINDS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.fromarray(bar(kind, random, side)).save(folder / kind / f"{number}.png")
    return folder


def write_captions(folder, count, seed=0, table="captions.csv"):
    """Writes images of one to three bars, and a table of (file, caption)."""
    from PIL import Image

    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / table).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "caption"])
        for number in range(count):
            kinds = [KINDS[random.integers(2)] for _ in range(random.integers(1, 4))]
            image = np.concatenate([bar(kind, random) for kind in kinds], axis=1)
            Image.fromarray(image).save(folder / f"{number}.png")
            rows.writerow([f"{number}.png", " ".join(kinds)])
    return folder
