"""Writes strips/ and captions/: synthetic images of digits side by side, with their texts; docs/ shows some.

The digits are from a font, each rotated, slanted and stretched at random, with noise. The texts are digits in
strips/texts.csv, and words in captions/texts.csv.
"""

import csv
import sys
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE, FONT_SIZE, GAP = 28, 22, 5
FONT = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), FONT_SIZE)
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def digit(which: int, random: np.random.Generator) -> np.ndarray:
    """[28, W] bytes, white on black."""
    image = Image.new("L", (SIZE, SIZE))
    ImageDraw.Draw(image).text((SIZE / 2, SIZE / 2), str(which), 255, FONT, anchor="mm")
    turn, slant, wide, high = random.normal(size=4) * [0.12, 0.2, 0.12, 0.12] + [0, 0, 1, 1]
    shape = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) @ [
        [wide, slant],
        [0, high],
    ]
    middle = np.array([SIZE / 2, SIZE / 2])
    shift = middle - shape @ middle + random.normal(size=2)
    made = image.transform(
        image.size,
        Image.Transform.AFFINE,
        (*shape[0], shift[0], *shape[1], shift[1]),
        Image.Resampling.BICUBIC,
    )
    values = np.asarray(made, float) + 25 * random.normal(size=(SIZE, SIZE))
    columns = np.flatnonzero(np.asarray(made).max(0) > 60)
    return values.clip(0, 255).astype(np.uint8)[:, columns[0] : columns[-1] + 1]


def strip(digits: list[int], random: np.random.Generator) -> np.ndarray:
    """[28, W]: digits side by side, a few columns apart."""
    pieces = []
    for which in digits:
        empty = 25 * random.normal(size=(SIZE, int(random.integers(2, 2 + GAP))))
        pieces += [empty.clip(0, 255).astype(np.uint8), digit(which, random)]
    return np.concatenate([*pieces, pieces[0]], axis=1)


def write(folder: Path, count: int, shortest: int, longest: int, words: bool) -> None:
    """Writes strips of `shortest` to `longest` digits, and texts.csv."""
    folder.mkdir()
    random = np.random.default_rng(0)
    with (folder / "texts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "caption" if words else "text"])
        for number in range(count):
            digits = random.integers(10, size=random.integers(shortest, longest + 1)).tolist()
            Image.fromarray(strip(digits, random)).save(folder / f"{number:05d}.png")
            text = " ".join(WORDS[one] for one in digits) if words else "".join(map(str, digits))
            table.writerow([f"{number:05d}.png", text])


if __name__ == "__main__":
    home = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    write(home / "strips", 4000, 3, 6, words=False)
    write(home / "captions", 4000, 1, 3, words=True)
