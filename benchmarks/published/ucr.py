"""Classification of sequences on five sets of the UCR and UEA archives, by the default network.

ArrowHead, BasicMotions, JapaneseVowels, ACSF1 and PLAID: the archives' own training and test files, default
options, `--seeds` trainings of an LSTM beside all baselines that need no gradient descent. 15% of the
training file choose the best epoch; ridge regression on random convolutions is fitted to all of it in the
end.

The papers: ROCKET (Dempster, Petitjean and Webb 2020) 81.4, 100, -, 88.6 and 90.3%; InceptionTime (Ismail
Fawaz et al. 2020) 84.6, 100, 99.2, 92.0 and 94.4%.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import torch
from experiment import arguments, record

from gatewise import Classifier

PAPER = "ROCKET 81.4, 100, -, 88.6, 90.3%; InceptionTime 84.6, 100, 99.2, 92.0, 94.4%"
SETS = ["ArrowHead", "BasicMotions", "JapaneseVowels", "ACSF1", "PLAID"]

if __name__ == "__main__":
    settings = arguments(
        __doc__, sets=SETS, seeds=5, network="hybrid", cell="lstm", threads=os.cpu_count() or 1
    )
    torch.set_num_threads(settings.threads)
    root = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("GATEWISE_DATA", root)) / "ucr"
    for name in settings.sets:
        began, found = time.monotonic(), {}
        for seed in range(settings.seed, settings.seed + settings.seeds):
            model = Classifier(cell=settings.cell, network=settings.network, seed=seed)
            comparison = model.fit(folder / f"{name}_TRAIN.ts").comparison_
            for one in comparison.results:
                found.setdefault(one.name, []).append([one.scores["accuracy"], one.seconds / 60])
        measured = {
            model: {
                "accuracy": float(np.mean(runs, axis=0)[0]),
                "std": float(np.std(runs, axis=0)[0]),
                "minutes": float(np.mean(runs, axis=0)[1]),
                "accuracies": [accuracy for accuracy, _ in runs],
            }
            for model, runs in found.items()
        }
        record(f"ucr-{name}", settings, PAPER, measured, (time.monotonic() - began) / 60)
