"""Models as archives of PyTorch, which load where there is no gatewise."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import gatewise
from gatewise.cells import LSTM, MLSTM, SLSTM, cells
from gatewise.errors import GatewiseError
from gatewise.shipping.archive import export
from gatewise.shipping.archive.export import export_archive
from gatewise.shipping.beside import path_of_step
from gatewise.shipping.deployed import Deployed, Field
from gatewise.shipping.onnx.export import export_onnx
from tests.series import frame
from tests.shipping.test_onnx_layers import HIDDEN, INPUTS, STANDARD_CELLS, TOLERANCE, Layers, Own
from tests.tasks.forecast.raw import raw_inputs
from tests.tasks.forecast.test_deploy import SMALL

WITHOUT_GATEWISE = """
import sys
sys.modules["gatewise"] = None  # an import would raise an error
import numpy as np, torch
module = torch.export.load(sys.argv[1]).module()
given = {name: torch.from_numpy(one) for name, one in np.load(sys.argv[2]).items()}
np.save(sys.argv[3], module(**given)[0].numpy())
"""


class Outputs(Layers):
    """The outputs and first final states; the cell states of shorter sequences are those of padded ones."""

    def forward(self, x, lengths, states):
        results, place = super().forward(x, lengths, states), 0
        kept = []
        for layer in self.layers:
            kept += results[place : place + 2]
            place += 1 + len(layer.cell.state)
        return tuple(kept)


class Raised(Deployed):
    """Values [B, 2], and what is added to them."""

    def __init__(self, more):
        about = [Field(name, "float64", ("batch", 2), name) for name in ("given", "raised")]
        super().__init__(about[:1], about[1:], {"task": "raise"})
        self.more = more

    def forward(self, given):
        return (given + self.more,)

    def example(self, sizes, random):
        return {"given": torch.rand(sizes["batch"], 2, generator=random).double()}


def loaded(program):
    """The module after a round trip through a file."""
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    return torch.export.load(file).module()


def compare(layers):
    """Exports layers, and compares the archive at several sizes. Returns: the names of its operators."""
    torch.manual_seed(0)
    module = Outputs(layers)
    dynamic = {"x": {0: "time", 1: "batch"}, "lengths": {0: "batch"}, "states": {1: "batch"}}
    program = export.exported_program(module, module.example(5, 3), dynamic)
    again = loaded(program)
    for steps, batch in ((5, 3), (1, 1), (9, 4)):
        given = module.example(steps, batch)
        with torch.no_grad(), gatewise.backend("reference"):
            expected = module(**given)
        for found, one in zip(again(**given), expected, strict=True):
            torch.testing.assert_close(found, one, **TOLERANCE)
    names = [str(node.target) for node in program.graph.nodes]
    assert not any("gatewise" in name for name in names)
    return names


def test_standard_cells_are_operators_of_pytorch():
    cell_names = ("LSTM", "GRU", "RNN", "ReluRNN")
    names = compare(
        [gatewise.Recurrent(cells()[one], INPUTS, HIDDEN, bidirectional=True) for one in cell_names]
    )
    operators = [f"aten.{name}.input" for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")]
    assert [names.count(one) for one in operators] == [2, 2, 2, 2]


def test_any_other_cell_is_a_loop_over_its_equations():
    assert compare([gatewise.Recurrent(Own, INPUTS, HIDDEN)]).count("scan") == 1


@pytest.mark.thorough
def test_more_cells():
    every = (
        SLSTM,
        MLSTM,
        *STANDARD_CELLS,
        *(cells()[name] for name in ("LayerNormLSTM", "PhasedLSTM", "LRU")),
    )
    compare([gatewise.Recurrent(one, INPUTS, HIDDEN, heads=2 if one is MLSTM else 1) for one in every])
    compare([gatewise.GRU(INPUTS, HIDDEN, zoneout=0.3), gatewise.LSTM(INPUTS, HIDDEN, proj_size=2)])


def test_final_cell_states_of_shorter_sequences_are_refused():
    module = Layers([gatewise.Recurrent(LSTM, INPUTS, HIDDEN)])
    with pytest.raises(GatewiseError, match="final cell states of sequences of different lengths are needed"):
        export.exported_program(module, module.example(5, 3), {})


def test_lattices_are_refused():
    module = torch.nn.Sequential(gatewise.MDLSTM(3, 4))
    with pytest.raises(GatewiseError, match="it runs over a lattice; export to ONNX"):
        export.exported_program(module, {"input": torch.randn(2, 3, 4, 3)}, {})


def test_a_forecaster_where_there_is_no_gatewise(tmp_path):
    data = tmp_path / "values.csv"
    frame().write_csv(data)
    model = gatewise.Forecaster(**SMALL, cell="gru", layers=2).fit(data, target="value")
    files = model.export(tmp_path / "model.pt2")
    assert "load with PyTorch alone" in str(files)
    about = json.loads((tmp_path / "model.json").read_text())
    raw = raw_inputs(model.model_, data)
    np.savez(tmp_path / "raw.npz", **{field["name"]: raw[field["name"]].numpy() for field in about["inputs"]})
    paths = [str(tmp_path / name) for name in ("model.pt2", "raw.npz", "found.npy")]
    subprocess.run([sys.executable, "-c", WITHOUT_GATEWISE, *paths], check=True)
    median = np.load(paths[2])[0, :, about["levels"].index(0.5)]
    np.testing.assert_allclose(median, model.predict(data)["value"], rtol=1e-5)


@pytest.mark.thorough
def test_a_compiled_forecaster(tmp_path):
    data = tmp_path / "values.csv"
    frame().write_csv(data)
    model = gatewise.Forecaster(**SMALL, cell="gru").fit(data, target="value")
    assert "compiled for this kind of processor" in str(model.export(tmp_path / "model.pt2", "aoti"))
    run = torch._inductor.aoti_load_package(str(tmp_path / "model.pt2"))
    about = json.loads((tmp_path / "model.json").read_text())
    raw = raw_inputs(model.model_, data)
    with torch.no_grad():
        (quantiles,) = run(**{field["name"]: raw[field["name"]] for field in about["inputs"]})
    median = quantiles[0, :, about["levels"].index(0.5)]
    np.testing.assert_allclose(median, model.predict(data)["value"], rtol=1e-5)
    model = gatewise.Forecaster(**SMALL, cell="slstm").fit(data, target="value")
    with pytest.raises(GatewiseError, match="no loop over a time of any length"):
        model.export(tmp_path / "other.pt2", "aoti")
    assert not (tmp_path / "other.pt2").exists()


def test_mistakes_are_one_line(tmp_path):
    data = tmp_path / "values.csv"
    frame().write_csv(data)
    model = gatewise.Forecaster(**SMALL, cell="gru").fit(data, target="value")
    with pytest.raises(GatewiseError, match=r"expected the path of an archive, such as model\.pt2"):
        model.export(tmp_path / "model.onnx", "torch")
    with pytest.raises(GatewiseError, match="an archive of PyTorch has no int8 weights"):
        model.export(tmp_path / "model.pt2", quantize="int8")
    assert [one.name for one in tmp_path.iterdir()] == ["values.csv"]


class Sized(torch.nn.Module):
    def forward(self, input):
        return input[: int(input.sum())]


def test_a_network_that_the_exporter_refuses_is_an_error_of_one_line():
    with pytest.raises(GatewiseError, match="PyTorch's exporter refuses the network: ") as error:
        export.exported_program(Sized(), {"input": torch.ones(2, 3)}, {})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("write", [export_archive, export_onnx])
def test_all_is_checked_before_anything_is_written(tmp_path, write):
    path = tmp_path / ("model.pt2" if write is export_archive else "model.onnx")
    model, step = Raised(1.0), path_of_step(path)
    model.step = Raised(torch.nan)
    with pytest.raises(GatewiseError, match=r"finds no finite 'raised' .* nothing was written"):
        write(model, path)
    assert list(tmp_path.iterdir()) == []
    model.step = Raised(2.0)
    step.write_text("mine")
    with pytest.raises(GatewiseError, match=r"model_step.*exists and was not written by an export"):
        write(model, path)
    assert [one.read_text() for one in tmp_path.iterdir()] == ["mine"]
    step.unlink()
    for _ in range(2):  # what an export wrote is replaced
        assert write(model, path).step == step
