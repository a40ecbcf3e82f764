"""How much of what gatewise exports has a known type, by pyright: `python -m tests.type_completeness`.

Pyright judges a package as users install it. It is therefore copied into an environment of its own, which
finds all other packages in the one that runs this file. Lists what lacks a type if less than 95% have one.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1] / "src" / "gatewise"
THRESHOLD = 0.95
WITHOUT_TYPES = ("Type is missing", "Ambiguous base class override")  # not those that follow from others


def installed(folder: Path) -> Path:
    """A copy of the package in a fresh environment. Returns: the environment's programs."""
    venv.create(folder)
    names = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", names))
    shutil.copytree(SOURCE, packages / "gatewise", ignore=shutil.ignore_patterns("__pycache__"))
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Path(sysconfig.get_path("scripts", "venv", names))


def completeness() -> dict[str, Any]:
    """The report of pyright."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{installed(Path(folder))}{os.pathsep}{os.environ['PATH']}"
        command = [
            sys.executable,
            "-m",
            "pyright",
            "--verifytypes",
            "gatewise",
            "--ignoreexternal",
            "--outputjson",
        ]
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "PATH": path, "VIRTUAL_ENV": folder}, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
    try:
        return json.loads(done.stdout)["typeCompleteness"]
    except (ValueError, KeyError):
        raise SystemExit(f"pyright fails:\n{(done.stdout + done.stderr)[-2000:]}") from None


def main() -> None:
    found = completeness()
    counts = found["exportedSymbolCounts"]
    if sum(counts.values()) < 1000:
        raise SystemExit(f"pyright found only {sum(counts.values())} names: is the package not installed?")
    score = found["completenessScore"]
    if score < THRESHOLD:
        for symbol in found["symbols"]:
            messages = [one["message"].splitlines()[0] for one in symbol["diagnostics"]]
            if symbol["isExported"] and any(one.startswith(WITHOUT_TYPES) for one in messages):
                print(symbol["name"])
        raise SystemExit(f"{score:.1%} of the exported names have a known type, less than {THRESHOLD:.0%}")
    print(f"{score:.1%} of {sum(counts.values())} exported names have a known type")


if __name__ == "__main__":
    main()
