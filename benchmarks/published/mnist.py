"""Handwritten digits as a lattice of 7 x 7 patches of 4 x 4 pixels, by an MDLSTM or a 3-LSTM grid.

The papers: a 3-LSTM grid along several directions has an error rate of 0.32% on the test images
(Kalchbrenner, Danihelka and Graves 2015), a multidimensional LSTM of 1.1% (Graves, Fernandez and
Schmidhuber 2007).

Ours: four scan directions, each with its final state as output; a few epochs over 55,000 images, each
shifted at random by up to `shift` pixels. 5,000 training images are held out; the parameters of the epoch
with the highest accuracy on them are tested, once.
"""

from __future__ import annotations

import copy
import gzip
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiment import arguments, parameters_of, record, train
from torch import Tensor, nn
from torch.nn import functional

import gatewise

PAPER = "3-LSTM grid: 0.32% test error; MDLSTM (2007): 1.1%"
HELD_OUT = 5000
ENDS = ((-1, -1), (-1, 0), (0, -1), (0, 0))  # of the directions from (0, 0), (0, 6), (6, 0) and (6, 6)


def idx(path: Path) -> Tensor:
    """The bytes of an IDX file, in the shape that it gives."""
    if not path.is_file():
        raise SystemExit(f"no {path.name} in {path.parent}; GATEWISE_DATA names the folder that has mnist/")
    content = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(content, ">i4", content[3], offset=4)
    return torch.from_numpy(
        np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape.tolist()).copy()
    )


def digits(part: str) -> tuple[Tensor, Tensor]:
    """Images [N, 28, 28] in 0..1 and their digits [N], of "train" or "t10k"."""
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("GATEWISE_DATA", root.parent / "shared" / "data")) / "mnist"
    images = idx(folder / f"{part}-images-idx3-ubyte.gz")
    return images / 255, idx(folder / f"{part}-labels-idx1-ubyte.gz").long()


def patches(images: Tensor) -> Tensor:
    """[B, 28, 28] to the lattice [B, 7, 7, 16]."""
    return images.unflatten(2, (7, 4)).unflatten(1, (7, 4)).transpose(2, 3).flatten(3)


def moved(images: Tensor, shift: int) -> Tensor:
    """Each image moved at random by up to `shift` pixels along both axes; zeros come in at the edges."""
    count, side = images.shape[0], torch.arange(images.shape[1])
    padded = functional.pad(images, (shift,) * 4)
    rows, columns = (side + torch.randint(2 * shift + 1, (count, 1)) for _ in range(2))
    return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


class Reader(nn.Module):
    """A lattice layer along all four directions, and the digit's logits from where each of them ends."""

    def __init__(self, layer: nn.Module, units: int) -> None:
        super().__init__()
        self.layer, self.readout = layer, nn.Linear(4 * units, 10)

    def forward(self, images: Tensor) -> Tensor:
        outputs, _ = self.layer(patches(images))
        ends = [output[:, row, column] for output, (row, column) in zip(outputs, ENDS, strict=True)]
        return self.readout(torch.cat(ends, dim=1))


def network(kind: str, units: int, depth: int) -> Reader:
    """An "mdlstm", or a "grid" of that depth."""
    options: dict[str, Any] = {"directions": "all", "combine": "separate"}
    if kind == "grid":
        return Reader(gatewise.GridLSTM(16, units, depth, axes=2, **options), units)
    return Reader(gatewise.MDLSTM(16, units, **options), units)


def right(reader: Reader, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        found = torch.cat([reader(part).argmax(1) for part in images.split(500)])
    return (found == labels).float().mean().item()


def learn(
    reader: Reader, images: Tensor, labels: Tensor, held: tuple[Tensor, Tensor],
    *, epochs: int, batch: int, rate: float, shift: int,
) -> dict[str, Any]:  # fmt: skip
    """Trains, scores the images held out after each epoch, and keeps the best parameters."""
    scores: list[float] = []
    best: dict[str, Tensor] = {}
    each = len(images) // batch
    rows = (part for _ in range(epochs) for part in torch.randperm(len(images))[: each * batch].split(batch))

    def step() -> tuple[Tensor, float]:
        chosen = next(rows)
        logits = reader(moved(images[chosen], shift))
        hits = (logits.detach().argmax(1) == labels[chosen]).float().mean().item()
        return functional.cross_entropy(logits, labels[chosen]), hits

    def after() -> None:
        scores.append(right(reader, *held))
        print(f"epoch {len(scores)}: accuracy {scores[-1]:.2%} on the images held out", flush=True)
        if scores[-1] == max(scores):
            best.update(copy.deepcopy(reader.state_dict()))

    found = train("mnist", reader.parameters(), step, steps=epochs * each, rate=rate, each=each, after=after)
    reader.load_state_dict(best)
    return found | {"held out right": scores}


if __name__ == "__main__":
    settings = arguments(
        __doc__, network="mdlstm", units=64, depth=2, epochs=6, batch=64, rate=0.003, shift=2
    )
    of, begun = settings, time.monotonic()
    torch.manual_seed(of.seed)
    images, labels = digits("train")
    mixed = torch.randperm(len(images))
    held, rest = mixed[:HELD_OUT], mixed[HELD_OUT:]
    reader = network(of.network, of.units, of.depth)
    measured = learn(
        reader, images[rest], labels[rest], (images[held], labels[held]),
        epochs=of.epochs, batch=of.batch, rate=of.rate, shift=of.shift,
    )  # fmt: skip
    measured |= {"parameters": parameters_of(reader), "test right": right(reader, *digits("t10k"))}
    record(f"mnist-{of.network}", settings, PAPER, measured, (time.monotonic() - begun) / 60)
