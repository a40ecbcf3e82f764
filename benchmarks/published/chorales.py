"""Bach's chorales as piano rolls of 88 keys, predicted by stacked LSTMs, GRUs and tanh networks.

The papers (Boulanger-Lewandowski, Bengio and Vincent 2012; Bai, Kolter and Koltun 2018): 229 chorales for
training, 76 for validation, 77 for testing. Bai et al. report nats per frame, summed over the keys: LSTM
8.45, GRU 8.43, RNN 8.91, with 2 layers of 200 units, dropout 0.2, gradients clipped to a norm of 1.

Ours: the same layers and split, with masked padding. The first frame is predicted too, from zeros; in the
papers it is only an input, so the figure to compare is the one from the second frame on. The upper layer
reads the frame too (`--skip 1`), and frames are multiplied by `--scale`, because they have four ones among 88
keys: without either, a stack of LSTMs predicts the same for every frame in the first ten epochs. Adam, with a
learning rate that falls by a cosine, and a moving average of the parameters, which is validated; the average
with the lowest validation loss is tested, once. Settings were chosen on the validation set, with one seed.

`--cell baselines` scores linear models instead; `--table rolls.parquet` writes the chorales as a table for
`gatewise train generate`.
"""

from __future__ import annotations

import copy
import os
import time
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from experiment import arguments, parameters_of, record
from scipy.io import loadmat
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.swa_utils import AveragedModel

from gatewise.cells import find_cell
from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.tasks.generate_vectors.baselines import BASELINES
from gatewise.tasks.generate_vectors.metrics import VectorPredictions, nats_by_place, score
from gatewise.tasks.generate_vectors.network import SequenceModel

PAPER = "nats a frame: LSTM 8.45, GRU 8.43, RNN 8.91 (Bai et al. 2018)"
KEYS = 88
PARTS = ("train", "valid", "test")


def chorales() -> dict[str, Sequences]:
    """The parts of the file, as they are there."""
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("GATEWISE_DATA", root.parent / "shared" / "data")) / "music"
    path = folder / "JSB_Chorales.mat"
    if not path.is_file():
        raise SystemExit(f"no {path.name} in {folder}; GATEWISE_DATA names the folder that has music/")
    rolls = loadmat(path)
    return {part: sequences(list(rolls[f"{part}data"][0])) for part in PARTS}


def sequences(rolls: list[np.ndarray]) -> Sequences:
    """Rolls [T, 88] of zeros and ones as a data set."""
    names = tuple(map(str, range(len(rolls)))), tuple(map(str, range(rolls[0].shape[1])))
    offsets = np.cumsum([0, *map(len, rolls)])
    table = SequenceTable("", np.concatenate(rolls).astype(np.float32), offsets, *names)
    return Sequences(table, range(len(rolls)), [0] * len(rolls), (Scale(0.0, 1.0),) * len(names[1]))


def write_table(path: Path) -> None:
    """All chorales as a long table: piece, frame, part, and a column for each key."""
    frames = []
    for part, found in chorales().items():
        for number in range(len(found)):
            roll = found.__getitems__([number]).values[0].int().numpy()
            own = {"piece": [f"{part} {number + 1}"] * len(roll), "frame": range(1, len(roll) + 1)}
            keys = {f"key{place + 1}": column for place, column in enumerate(roll.T)}
            frames.append(pl.DataFrame({**own, "part": [part] * len(roll), **keys}))
    pl.concat(frames).write_parquet(path)
    print(path)


def learn(network: SequenceModel, data: dict[str, Sequences], of: Namespace) -> dict[str, Any]:
    """Trains for all epochs, or until validation has not improved for `patience`; keeps the best average."""
    adam = torch.optim.Adam(network.parameters(), of.rate)
    fall = CosineAnnealingLR(adam, of.epochs * -(-len(data["train"]) // of.batch))
    average = AveragedModel(network, avg_fn=partial(averaged, of.average))
    held: list[float] = []
    best: dict[str, torch.Tensor] = {}
    begun = time.monotonic()
    while len(held) < of.epochs and len(held) - 1 - int(np.argmin(held or [0])) < of.patience:
        network.train()
        for numbers in torch.randperm(len(data["train"])).split(of.batch):
            adam.zero_grad()
            network.loss(data["train"].__getitems__(numbers.tolist())).backward()
            nn.utils.clip_grad_norm_(network.parameters(), of.clip)
            adam.step()
            fall.step()
            average.update_parameters(network)
        held.append(nats(average.module.eval(), data["valid"])["nats"])
        print(f"epoch {len(held)}: {held[-1]:.3f} nats, {time.monotonic() - begun:.0f} s", flush=True)
        if held[-1] == min(held):
            best = copy.deepcopy(average.module.state_dict())
    network.load_state_dict(best)
    network.eval()
    return {"epochs": len(held), "minutes": (time.monotonic() - begun) / 60}


def averaged(decay: float, mean: Tensor, new: Tensor, count: Tensor | int) -> Tensor:
    """The moving average of a parameter, which forgets its first values faster."""
    return mean.lerp(new, 1 - min(decay, (1 + int(count)) / (10 + int(count))))


def nats(model: Any, sequences: Sequences) -> dict[str, float]:
    """Nats per frame: of all frames, and from the second one on."""
    return score(VectorPredictions(model, sequences, *nats_by_place(model, sequences)))


def scores(model: Any, data: dict[str, Sequences]) -> dict[str, float]:
    """Nats per frame of the validation and the test set: of all frames, and from the second one on."""
    found = {part: nats(model, data[part]) for part in ("valid", "test")}
    return {
        "validation nats": found["valid"]["nats"],
        "test nats": found["test"]["nats"],
        "test nats from the second frame on": found["test"]["nats_later"],
    }


if __name__ == "__main__":
    settings = arguments(
        __doc__, cell="lstm", units=200, depth=2, dropout=0.2, batch=2, rate=0.003, clip=1.0, skip=1,
        scale=4.0, average=0.995, patience=6, epochs=30, seeds=3, table="",
    )  # fmt: skip
    if settings.table:
        raise SystemExit(write_table(Path(settings.table)))
    of, begun, measured = settings, time.monotonic(), {}
    data = chorales()
    if of.cell == "baselines":
        for name, kind in BASELINES.items():
            baseline = kind(KEYS, range(KEYS))
            baseline.fit(data["train"], data["valid"])
            measured[name] = scores(baseline, data)
    else:
        for seed in range(of.seed, of.seed + of.seeds):
            torch.manual_seed(seed)
            options = {"skip": bool(of.skip), "input_scale": of.scale}
            cell = find_cell(of.cell)
            sizes = {"hidden": of.units, "layers": of.depth, "dropout": of.dropout}
            network = SequenceModel(cell, KEYS, range(KEYS), **sizes, **options)
            found = learn(network, data, of)
            measured[f"seed {seed}"] = scores(network, data) | found | {"parameters": parameters_of(network)}
        figures = [one["test nats from the second frame on"] for one in measured.values()]
        measured["test nats from the second frame on, all seeds"] = {
            "mean": float(np.mean(figures)), "deviation": float(np.std(figures)),
        }  # fmt: skip
    record(f"chorales-{of.cell}", settings, PAPER, measured, (time.monotonic() - begun) / 60)
