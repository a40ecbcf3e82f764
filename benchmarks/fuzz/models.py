"""Edits the model.json of small models and applies each: it predicts, or is refused in one line.

python -m benchmarks.fuzz.models --minutes 30     # other edits each time; faults are printed with their tree
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.edited_models import Stored, edited, make_models

import gatewise
from gatewise.errors import GatewiseError

MEMORY, SECONDS = 16 << 30, 30  # of an edit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    chosen, end = random.Random(arguments.seed), time.monotonic() + 60 * arguments.minutes
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, gatewise.backend("reference"):
        models = make_models(Path(folder))
        while time.monotonic() < end:
            outcomes[_outcome(chosen.choice(models), chosen)] += 1
    for outcome, count in outcomes.most_common():
        print(f"{count:6d}  {outcome}")


def _outcome(one: Stored, chosen: random.Random) -> str:
    """What came of an edit, in a few words."""
    tree = edited(one.tree, chosen)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS)
    try:
        one.apply(json.dumps(tree))
    except GatewiseError as error:
        text = str(error)
        if "\n" in text:
            print("FAULT: two lines:", text)
        found = text.find("can't be applied to the data: ")
        return "refused" if found < 0 else f"{one.task}: {text[found + 30 : found + 130]}"
    except Exception:
        print(f"FAULT: {one.task}: {json.dumps(tree)[:20000]}")
        traceback.print_exc()
        return "fault"
    finally:
        signal.alarm(0)
    return "applied"


def _too_long(*_: object) -> None:
    raise TimeoutError(f"it takes more than {SECONDS} s")


if __name__ == "__main__":
    main()
