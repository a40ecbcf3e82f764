"""Installs a wheel in fresh environments and trains without a compiler: `python -m tests.wheels dist/*.whl`.

    --python PYTHON     an interpreter; may be repeated (default: each python3.11 to python3.14 on the PATH)
    --torch VERSION     a version of PyTorch; may be repeated (default: the oldest and newest supported)
    --folder FOLDER     where the environments are made, and found again by a later call

Each environment must run kernels of the wheel at once: nothing is compiled, outputs and gradients equal those
of the reference, the process has one OpenMP runtime, and `gatewise` forecasts a table. PyTorch is installed
first, as its size depends on the index; the time that is printed is that of gatewise and all else.
"""

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

OLDEST = {"3.11": "2.4.0", "3.12": "2.4.0", "3.13": "2.5.0", "3.14": "2.9.0"}  # the first for each Python
NEWEST = "3"  # below it
CHECK = """
import os, sys, torch, gatewise
from gatewise.cells import LSTM, cells
from gatewise.compiler.stages import plan
from gatewise.engine import build

assert build.installed(plan(LSTM), "float"), "no kernel for this processor in the wheel"
torch.manual_seed(0)
for cell in (cells()[name] for name in ("LSTM", "GRU", "RNN")):
    layer = gatewise.Recurrent(cell, 5, 40)
    found = []
    for backend in ("native", "reference"):
        x = torch.linspace(-1, 1, 7 * 3 * 5).view(7, 3, 5).requires_grad_()
        with gatewise.backend(backend):
            output = layer(x)[0]
        output.square().sum().backward()
        found += [output, x.grad]
    torch.testing.assert_close(found[0], found[2], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[1], found[3], rtol=1e-4, atol=1e-5)
lines = open("/proc/self/maps").read().splitlines()
runtimes = sorted({line.split()[-1] for line in lines if "omp" in line.rpartition("/")[2]})
runtimes = [one for one in runtimes if "scikit_learn" not in one]
assert len(runtimes) == 1, runtimes
assert not os.listdir(os.environ["GATEWISE_CACHE"]), os.listdir(os.environ["GATEWISE_CACHE"])
print(sys.version.split()[0], torch.__version__, runtimes[0].rpartition("/")[2])
"""
FORECAST = "from gatewise.cli.main import main; main()"
TABLE = "month,sales\n" + "\n".join(
    f"{year}-{month:02},{100 + 10 * (month % 12) + year % 7}"
    for year in range(2010, 2022)
    for month in range(1, 13)
)


def check(wheel: Path, python: str, version: str, torch: str, folder: Path) -> str:
    """Makes an environment and runs the checks in it. Returns: a line of facts."""
    home = folder / f"{version}-torch-{torch}"
    interpreter = home / "bin" / "python"
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not interpreter.is_file():
        run([python, "-m", "venv", "--clear", str(home)])
        run([*pip, f"torch=={torch}" if torch[0].isdigit() and "." in torch else f"torch<{torch}"])
    begin = perf_counter()
    run([*pip, str(wheel)])
    run([*pip, "--force-reinstall", "--no-deps", str(wheel)])
    seconds = perf_counter() - begin
    with tempfile.TemporaryDirectory() as empty:
        cache = Path(empty, "cache")
        cache.mkdir(mode=0o700)
        environment = {"PATH": str(home / "bin"), "HOME": empty, "GATEWISE_CACHE": str(cache)}
        facts = run([str(interpreter), "-c", CHECK], cwd=empty, env=environment)
        Path(empty, "sales.csv").write_text(TABLE)
        words = ["train", "forecast", "sales.csv", "--horizon", "6", "--epochs", "2", "--out", "run"]
        run([str(home / "bin" / "gatewise"), *words], cwd=empty, env=environment)
        run(
            [str(home / "bin" / "gatewise"), "predict", "run", "sales.csv", "--out", "forecast.csv"],
            cwd=empty,
            env=environment,
        )
        rows = len(Path(empty, "forecast.csv").read_text().splitlines()) - 1
        assert rows == 6, rows
        assert not list(cache.glob("*.so")), list(cache.glob("*.so"))
    return f"Python {facts.strip()}: installed in {seconds:.0f} s, forecasts without a compiler"


def run(command: list[str], **more: object) -> str:
    """The output of a command; raises `SystemExit` with its last lines where it fails."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **more
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} fails:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--python", action="append")
    parser.add_argument("--torch", action="append")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    found = given.python or [path for name in OLDEST if (path := shutil.which(f"python{name}"))]
    if not found:
        raise SystemExit("there is no python3.11 to python3.14 on the PATH; name one by --python")
    with tempfile.TemporaryDirectory(prefix="gatewise-wheels-") as temporary:
        folder = (given.folder or Path(temporary)).resolve()
        for python in found:
            version = run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).strip()
            for torch in given.torch or (OLDEST[version], NEWEST):
                print(check(given.wheel.resolve(), python, version, torch, folder), flush=True)


if __name__ == "__main__":
    main()
