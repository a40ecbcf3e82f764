"""The same file by other compilers, for other processors, and by a static analyzer."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import gatewise
from gatewise.cells import cells
from gatewise.errors import GatewiseError
from gatewise.shipping.c.export import export_step
from tests.shipping.c.compiled import Compiled, expected
from tests.shipping.c.test_cells import INPUTS, Several, randomized
from tests.shipping.stepping import classifier, walks

STEPS = 5
PROGRAM = """
#include <stdio.h>
#include "model.h"

static const float inputs[] = {%s};
static model_state state;

int main(void)
{
    float y[MODEL_Y_SIZE];
    model_init(&state);
    for (int step = 0; step < %d; step++) {
        model_step(&state, inputs + step * MODEL_X_SIZE, y);
        for (int i = 0; i < MODEL_Y_SIZE; i++)
            printf("%%.9g\\n", (double)y[i]);
    }
    return 0;
}
"""
STRICT = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O2"]
WAYS = {
    "gcc": (["gcc", "-Wshadow", "-Wconversion", "-fsanitize=address,undefined"], []),
    "clang": (["clang", "-Wshadow"], []),
    "32 bits": (["gcc", "-m32", "-msse2", "-mfpmath=sse"], []),
    "C++ includes the header": (["g++"], []),
    "ARM": (["arm-linux-gnueabihf-gcc", "-static"], ["qemu-arm"]),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with a model of several cells in float32 and int8, its inputs, and its results."""
    folder = tmp_path_factory.mktemp("c")
    torch.manual_seed(0)
    named = cells()
    layers = [
        gatewise.LSTM(INPUTS, 6, num_layers=2),
        gatewise.Recurrent(named["LayerNormLSTM"], INPUTS, 6, heads=2),
        gatewise.Recurrent(named["MLSTM"], INPUTS, 6, heads=2),
        gatewise.quantize(randomized(gatewise.GRU(INPUTS, 6))),
    ]
    module = Several([randomized(one) for one in layers]).eval()
    inputs = torch.randn(STEPS, 1, INPUTS)
    export_step(module, folder / "model.c", {"x": inputs[0]}, module.states())
    (folder / "main.c").write_text(
        PROGRAM % (", ".join(f"{one}f" for one in inputs.flatten().tolist()), STEPS)
    )
    return folder, expected(module, inputs, module.states()).flatten()


@pytest.mark.parametrize("way", WAYS)
def test_the_same_results(way, exported):
    (compiler, *flags), emulator = WAYS[way]
    for one in (compiler, *emulator[:1]):
        if shutil.which(one) is None:
            pytest.skip(f"there is no {one} on this machine")
    folder, results = exported
    source = [folder / "main.c", folder / "model.c"]
    if compiler == "g++":
        subprocess.run(["gcc", *STRICT, "-c", "model.c"], cwd=folder, check=True)
        source, strict = ["-x", "c++", folder / "main.c", "-x", "none", folder / "model.o"], []
    else:
        strict = STRICT
    program = Path(folder, f"program-{way.replace(' ', '-')}")
    built = subprocess.run(
        [compiler, *flags, *strict, "-o", program, *source, "-lm"], capture_output=True, text=True
    )
    if way == "32 bits" and ("cannot find" in built.stderr or "No such file" in built.stderr):
        pytest.skip("gcc has no libraries of 32 bits on this machine")
    assert built.returncode == 0, built.stderr
    found = subprocess.run(
        [*emulator, program], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    torch.testing.assert_close(
        torch.tensor([float(one) for one in found.split()]), results, rtol=1e-5, atol=1e-5
    )


def test_a_static_analyzer_has_nothing_to_say(exported):
    if shutil.which("clang") is None:
        pytest.skip("there is no clang on this machine")
    folder, _ = exported
    command = [
        "clang",
        "--analyze",
        "--analyzer-output",
        "text",
        "-Xanalyzer",
        "-analyzer-werror",
        "-std=c99",
    ]
    found = subprocess.run([*command, "model.c"], cwd=folder, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")


def test_names_that_c_would_confuse(tmp_path):
    class Named(torch.nn.Module):
        """Parameters and states with names of C, of its functions and of the file itself."""

        def __init__(self):
            super().__init__()
            for name in ("x", "y", "state", "product", "volatile", "i"):
                self.register_parameter(name, torch.nn.Parameter(torch.randn(1, 2)))

        def forward(self, x, static, total):
            y = (x * self.x + self.y * self.state).tanh() @ self.product.t() + static * self.volatile[:, :1]
            return y + self.i, static + 1, total + y

    states = {"static": torch.zeros(1, 1), "total": torch.zeros(1, 1)}
    module, inputs = Named(), torch.randn(3, 1, 2)
    compiled = Compiled(module, tmp_path, inputs[0], states)
    found = torch.stack([compiled.step(one) for one in inputs])
    torch.testing.assert_close(found, expected(module, inputs, states))
    for name in ("i", "sum", "w_x", "1x"):
        with pytest.raises(GatewiseError, match=f"an argument can't be named '{name}' in C"):
            export_step(module, tmp_path / "other.c", {name: inputs[0]}, states)


def test_a_cortex_m4(tmp_path, monkeypatch):
    """The firmware of `benchmarks/shipping` in an emulator. GATEWISE_NEWLIB: newlib that is not installed"""
    for one in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(one) is None:
            pytest.skip(f"there is no {one} on this machine")
    newlib = os.environ.get("GATEWISE_NEWLIB")
    command = ["arm-none-eabi-gcc", "-print-file-name=rdimon.specs"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if newlib is None and not Path(found).is_absolute():
        pytest.skip("arm-none-eabi-gcc has no newlib on this machine")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks" / "shipping"))
    import microcontroller

    model, (values, _) = classifier(pooling="mean"), walks(count=3)
    files = model.export(tmp_path / "gesture.c")
    microcontroller.write_sequences(values, tmp_path)
    library = None if newlib is None else Path(newlib)
    firmware = microcontroller.compile_firmware(tmp_path, "measure", library)
    found, (instructions, stack, state) = microcontroller.emulated(firmware, len(values))
    np.testing.assert_allclose(found, model.predict_proba(values), atol=1e-6)
    assert state == files.state
    assert instructions > 100
    assert stack < 500
