"""Strips of handwritten digits, side by side: images whose text is known, made of MNIST's."""

import csv
import gzip

import numpy as np


def digits(real_data, part="train"):
    """MNIST's images [N, 28, 28] bytes, white on black, and their digits [N]; part: "train" or "t10k"."""

    def read(name, skip):
        content = gzip.decompress((real_data / "mnist" / f"{part}-{name}-ubyte.gz").read_bytes())
        return np.frombuffer(content, np.uint8, offset=skip)

    return read("images-idx3", 16).reshape(-1, 28, 28), read("labels-idx1", 8)


def strips(images, labels, count, least=3, most=6, gap=4, seed=0):
    """Yields (strip [28, W], text): `least` to `most` digits, up to `gap` empty columns between them."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        chosen = random.integers(len(images), size=random.integers(least, most + 1))
        pieces = [np.zeros((28, random.integers(gap + 1)), np.uint8)]
        for place in chosen:
            pieces += [images[place], np.zeros((28, random.integers(gap + 1)), np.uint8)]
        yield np.concatenate(pieces, axis=1), "".join(str(labels[place]) for place in chosen)


def write_strips(folder, made, start=0, table="targets.csv"):
    """Writes each strip as 00000.png and so on, and a table of (file, text)."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / table).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "text"])
        for number, (strip, text) in enumerate(made, start):
            Image.fromarray(strip).save(folder / f"{number:05d}.png")
            rows.writerow([f"{number:05d}.png", text])
    return folder
