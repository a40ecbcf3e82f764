"""Made data: pairs of sentences; the target says the same in other words, in another order."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np

from gatewise.data.made.files import write_table

NOUNS = {"cat": "gato", "dog": "perro", "house": "casa", "tree": "arbol", "book": "libro"}
ADJECTIVES = {"red": "rojo", "small": "bajo", "old": "viejo", "green": "verde"}
VERBS = {"is here": "esta aqui", "falls": "cae", "shines": "brilla", "moves": "se mueve"}


def write(folder: Path) -> list[str]:
    """Writes a table of pairs. Returns: the words that train on it."""
    pairs = [
        (f"the {adjective} {noun} {verb}", f"el {NOUNS[noun]} {ADJECTIVES[adjective]} {VERBS[verb]}")
        for noun, adjective, verb in product(NOUNS, ADJECTIVES, VERBS)
    ]
    order = np.random.default_rng(0).permutation(len(pairs))
    columns = {
        name: [pairs[place][side] for place in order] for side, name in enumerate(("english", "spanish"))
    }
    path = write_table(folder / "pairs.csv", columns)
    return [str(path), "--source", "english", "--target", "spanish"]
