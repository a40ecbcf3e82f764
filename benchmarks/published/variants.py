"""The eight variants of Greff et al. (2015) on Bach's chorales, by a random search, and whether they differ.

The paper: 200 random trials of each variant on each of three tasks, one of them the chorales. No variant is
significantly better than the vanilla LSTM; without the forget gate or the output activation it is worse, and
coupled gates or no peepholes do no harm. The learning rate matters most.

Ours: the vanilla LSTM of the paper (with peepholes) and its eight variants on the chorales, as in
`chorales.py`: one layer, Adam in place of momentum. The trials draw a learning rate and a size, the same for
every variant, so that the variants can be compared in pairs: Wilcoxon's signed-rank test of each variant
against the vanilla LSTM, with Holm's correction for eight tests. Each trial is scored on the test set, with
the parameters of the epoch that is best on the validation set.
"""

from __future__ import annotations

import json
import math
import time
from argparse import Namespace
from typing import Any

import numpy as np
import torch
from chorales import KEYS, SequenceModel, chorales, learn, scores
from experiment import arguments, record
from scipy.stats import wilcoxon

from gatewise.cells import find_cell

PAPER = "no variant is significantly better than the vanilla LSTM; NFG and NOAF are worse (Greff et al. 2015)"
VANILLA = "peephole"
VARIANTS = {
    VANILLA: "V", "coupledlstm": "CIFG", "lstm": "NP", "fullgaterecurrencelstm": "FGR",
    "noinputgatelstm": "NIG", "noforgetgatelstm": "NFG", "nooutputgatelstm": "NOG",
    "noinputactivationlstm": "NIAF", "nooutputactivationlstm": "NOAF",
}  # fmt: skip
SCORE = "test nats from the second frame on"


def draws(trials: int, seed: int) -> list[dict[str, Any]]:
    """A learning rate, log-uniform in 0.001 to 0.05, and a size, log-uniform in 20 to 100, for each trial."""
    random = np.random.default_rng(seed)
    return [
        {"rate": math.exp(random.uniform(math.log(0.001), math.log(0.05))),
         "units": round(math.exp(random.uniform(math.log(20), math.log(100))))}
        for _ in range(trials)
    ]  # fmt: skip


def trial(data: dict[str, Any], cell: str, drawn: dict[str, Any], seed: int, of: Namespace) -> dict[str, Any]:
    """One training of one variant."""
    torch.manual_seed(seed)
    network = SequenceModel(find_cell(cell), KEYS, range(KEYS), hidden=drawn["units"], layers=1, dropout=0.0)
    options = Namespace(
        rate=drawn["rate"], epochs=of.epochs, patience=of.epochs, batch=of.batch, average=0.95, clip=1.0
    )
    begun = time.process_time()
    learn(network, data, options)
    return drawn | scores(network, data) | {"minutes": (time.process_time() - begun) / 60}


def ranking(measured: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The variants by their median; the p-value of the difference from the vanilla LSTM, corrected."""
    vanilla = np.array([one[SCORE] for one in measured[VANILLA]])
    rows = []
    for cell, found in measured.items():
        own = np.array([one[SCORE] for one in found])
        best = min(found, key=lambda one: one["validation nats"])[SCORE]
        p = 1.0 if cell == VANILLA else float(wilcoxon(own, vanilla).pvalue)
        difference = float(np.median(own - vanilla))
        rows.append(
            {
                "variant": VARIANTS[cell],
                "median": float(np.median(own)),
                "best": best,
                "difference": difference,
                "p": p,
            }
        )
    tested = sorted((row for row in rows if row["variant"] != VARIANTS[VANILLA]), key=lambda row: row["p"])
    highest = 0.0
    for number, row in enumerate(tested):
        highest = max(highest, min(1.0, row["p"] * (len(tested) - number)))
        row["p"] = highest
    return sorted(rows, key=lambda row: row["median"])


if __name__ == "__main__":
    settings = arguments(__doc__, cells=list(VARIANTS), trials=9, epochs=8, batch=16)
    of, data, begun = settings, chorales(), time.monotonic()
    path = of.out / "variants.json"
    found = json.loads(path.read_text())["measured"]["trials"] if path.is_file() else {}
    for number, drawn in enumerate(draws(of.trials, of.seed)):
        for cell in of.cells:
            own = found.setdefault(cell, [])
            if len(own) <= number:
                own.append(trial(data, cell, drawn, number, of))
                print(cell, own[-1], flush=True)
        complete = {cell: found[cell][: number + 1] for cell in of.cells}
        measured = {"trials": found, "ranking": ranking(complete) if number > 4 else []}
        record("variants", of, PAPER, measured, sum(one["minutes"] for own in found.values() for one in own))
    for row in ranking(found):
        print(row)
