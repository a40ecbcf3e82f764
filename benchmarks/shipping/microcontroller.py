"""A gesture classifier on a Cortex-M4: its accuracy, flash, RAM and instructions, in float32 and int8.

    python benchmarks/shipping/microcontroller.py BasicMotions_TRAIN.ts BasicMotions_TEST.ts

It trains a classifier, exports it, compiles it with arm-none-eabi-gcc, runs it in QEMU on the board MPS2
(mps2-an386), and compares each probability with Python's. `--newlib DIR` is a folder with the C library
newlib where it is not installed.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import gatewise as gw

FIRMWARE = Path(__file__).parent / "firmware"
CORTEX_M4 = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
LINKED = ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-nostartfiles"]
MULTILIB = "lib/arm-none-eabi/newlib/thumb/v7e-m+fp/hard"


def read(path: Path) -> tuple[np.ndarray, list[str]]:
    """Sequences [N, T, C] of a .ts file, and their classes."""
    lines = path.read_text().lower().partition("@data")[2].split()
    rows = [line.split(":") for line in lines]
    values = np.array([[channel.split(",") for channel in row[:-1]] for row in rows], dtype=np.float64)
    return values.transpose(0, 2, 1), [row[-1] for row in rows]


def compile_firmware(folder: Path, program: str, newlib: Path | None) -> Path:
    """The firmware of a program with the model in a folder."""
    library = [] if newlib is None else ["-isystem", newlib / "include/newlib", "-L", newlib / MULTILIB]
    specs = "rdimon.specs" if newlib is None else newlib / MULTILIB / "rdimon.specs"
    out = folder / f"{program}.elf"
    sources = [FIRMWARE / f"{program}.c", FIRMWARE / "board.c", folder / "gesture.c"]
    command = ["arm-none-eabi-gcc", *CORTEX_M4, "-std=c99", "-O2", *LINKED, *library, f"--specs={specs}"]
    command += ["-I", folder, "-T", FIRMWARE / "board.ld", "-o", out, *sources, "-lm"]
    subprocess.run(command, check=True)
    return out


def flash_and_ram(firmware: Path) -> tuple[int, int]:
    """Bytes of code and constants, and of variables, without the stack."""
    printed = subprocess.run(["arm-none-eabi-size", firmware], capture_output=True, text=True, check=True)
    text, data, bss = map(int, printed.stdout.splitlines()[1].split()[:3])
    return text + data, data + bss


def emulated(firmware: Path, sequences: int) -> tuple[np.ndarray, list[int]]:
    """The probabilities of each sequence; instructions of a step, bytes of its stack and of a state."""
    command = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting", "-icount", "shift=0"]
    printed = subprocess.run(
        [*command, "-kernel", firmware], capture_output=True, text=True, check=True, timeout=600
    )
    *rows, last = printed.stdout.strip().splitlines()
    assert len(rows) == sequences, printed.stdout
    return np.array([row.split() for row in rows], dtype=np.float64), [int(one) for one in last.split()]


def write_sequences(values: np.ndarray, folder: Path) -> None:
    """The sequences as a header of C."""
    sizes = "".join(f"[{size}]" for size in values.shape)
    rows = ",\n".join(
        "{" + ",".join("{" + ",".join(map(repr, step)) + "}" for step in one) + "}" for one in values.tolist()
    )
    text = f"#define SEQUENCES {len(values)}\n#define STEPS {values.shape[1]}\n"
    text += f"static const double sequences{sizes} = {{\n{rows}\n}};\n"
    (folder / "sequences.h").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--cell", default="gru")
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--newlib", type=Path, default=None)
    given = parser.parse_args()
    values, labels = read(given.test)
    model = gw.Classifier(
        network="stack", bidirectional=False, cell=given.cell, hidden=given.hidden, epochs=given.epochs,
        pooling="mean", progress=False, baselines=False,
    )  # fmt: skip
    model.fit(*read(given.train))
    expected = model.predict_proba(values)
    classes = np.array([model.classes_.tolist().index(one) for one in labels])
    print(f"{given.cell}, {given.hidden} units, {values.shape[2]} channels, {len(values)} test sequences")
    print("weights  accuracy  largest error   flash   RAM  state  stack  instructions a step")
    for name in (None, "int8"):
        with TemporaryDirectory() as temporary:
            folder = Path(temporary)
            model.export(folder / "gesture.c", quantize=name)
            write_sequences(values, folder)
            found, (count, stack, state) = emulated(
                compile_firmware(folder, "measure", given.newlib), len(values)
            )
            flash, ram = flash_and_ram(compile_firmware(folder, "smallest", given.newlib))
        accuracy, error = np.mean(found.argmax(1) == classes), np.abs(found - expected).max()
        sizes = f"{flash:6}  {ram + stack:4}  {state:5}  {stack:5}"
        print(f"{name or 'float32':7}  {accuracy:8.3f}  {error:13.2e}  {sizes}  {count:,}")


if __name__ == "__main__":
    main()
