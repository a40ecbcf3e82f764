"""Small models of several tasks, and edits of the trees in their model.json."""

import copy
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from gatewise.cells import GRU, LSTM, RNN, LayerNormLSTM
from gatewise.tasks import find_task
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from tests.pens import strokes
from tests.sentences import conll, sentences
from tests.series import frame
from tests.signals import motifs
from tests.texts import words

SMALL = {"hidden": 4, "layers": 2}


@dataclass(frozen=True)
class Stored:
    """A model in a folder, the tree in its model.json, and the data that it is applied to."""

    task: str
    folder: Path
    data: Path
    tree: dict[str, Any]

    def apply(self, text: str) -> None:
        """Loads the model with another model.json and applies it as `predict`, or `evaluate`, does."""
        (self.folder / "model.json").write_text(text, encoding="utf-8")
        model = load_model(self.folder)
        task = find_task(model.task)
        if task.name == "generate":
            task.load_for_evaluation(model, self.data)
        else:
            task.predict(model, self.data)


def make_models(folder: Path) -> list[Stored]:
    """Models that were not trained: what is read of them does not depend on it."""
    series, table, pens = folder / "series.csv", folder / "signals.csv", folder / "pens.csv"
    tagged, text, pairs = folder / "tagged.conll", folder / "text.txt", folder / "pairs.tsv"
    frame(steps=120).write_csv(series)
    signals = motifs(40).drop("label")
    signals.with_columns(kind=pl.col("id").str.slice(-1).cast(int) % 2).write_csv(table)
    strokes(12).write_csv(pens)
    tagged.write_text(conll(sentences(30)))
    text.write_text(words(3000))
    some = [one for one in words(2000).splitlines() if one][:40]
    pairs.write_text("de\ten\n" + "".join(f"{one}\t{one.upper()}\n" for one in some))
    made = [
        ("forecast", GRU, series, {"horizon": 4, "context": 12}),
        ("classify", LayerNormLSTM, table, {"label": "kind"}),
        ("label", LSTM, tagged, {}),
        ("generate", RNN, text, {}),
        ("generate-vectors", LSTM, pens, {"components": 2}),
        ("translate", LSTM, pairs, {"layers": 1}),
    ]
    return [_stored(folder / task, task, cell, data, SMALL | own) for task, cell, data, own in made]


def _stored(folder: Path, name: str, cell: Any, data: Path, options: dict[str, Any]) -> Stored:
    task = find_task(name)
    kind = verb_options("train", task.options)
    chosen = kind(**{one: value for one, value in options.items() if one in kind.model_fields})
    read = task.read(data, chosen)
    network = task.network(read, chosen, cell)
    save_model(folder, SavedModel(task.name, cell.__name__, network, task.preprocessing(read, chosen)))
    return Stored(task.name, folder, data, json.loads((folder / "model.json").read_text()))


VALUES = (
    None, True, False, 0, -1, 1, 3, 2**31, 10**12, 10**19, 0.5, -0.5, 1e308, "", "x", "../../x", "int",
    [], {}, [[]], [0], {"x": 1}, 'X\n#include <cstdlib>\nstatic int a=system("touch owned");//', "\x1b[2J",
)  # fmt: skip
KINDS = ("delete", "replace", "swap", "nest", "double", "grow")


def edited(tree: Any, chosen: random.Random) -> Any:
    """A copy of a tree with one to three edits."""
    tree = copy.deepcopy(tree)
    for _ in range(chosen.randint(1, 3)):
        places = list(_places(tree))
        if places:
            _edit(tree, places, chosen)
    return tree


def _places(tree: Any) -> Any:
    """Every value's container and key; of long lists the first few, as the others are alike."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        for key in list(one) if isinstance(one, dict) else range(min(len(one), 6)):
            yield one, key
            if isinstance(one[key], dict | list):
                waiting.append(one[key])


def _edit(tree: Any, places: list[Any], chosen: random.Random) -> None:
    (one, key), (other, another) = chosen.choice(places), chosen.choice(places)
    kind, times = chosen.choice(KINDS), chosen.randrange(300)
    if kind == "delete":
        del one[key]
    elif kind == "replace":
        one[key] = copy.deepcopy(chosen.choice(VALUES))
    elif kind == "swap":
        one[key] = copy.deepcopy(other[another])
    elif kind == "nest":
        for _ in range(times):
            one[key] = [one[key]]
    elif kind == "double" and isinstance(one, dict):
        one[f"{key}x"] = copy.deepcopy(one[key])
    elif kind == "double":
        one.append(copy.deepcopy(one[key]))
    elif isinstance(one[key], int | float):
        one[key] = one[key] * chosen.choice((-1, 2, 1000, 10**6, 1e-6, 0.5))
    elif isinstance(one[key], str):
        one[key] = one[key] * (times % 50)
    elif isinstance(one[key], list):
        one[key] = one[key] * (times % 5)
