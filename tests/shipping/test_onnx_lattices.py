"""Layers over lattices as ONNX graphs: a Scan for each axis, run by onnxruntime, against the reference."""

import pytest
import torch
from torch import nn

import gatewise

onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'gatewise[onnx]'")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install 'gatewise[onnx]'")
from gatewise.shipping.onnx.graph import onnx_model  # noqa: E402


class Sized(nn.Module):
    """The output and all final states of a layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        for parameter in layer.parameters():
            nn.init.normal_(parameter, std=0.4)

    def forward(self, input, sizes):
        output, final = self.layer(input, sizes=sizes)
        each = [final] if isinstance(final, dict) else final
        return (output, *(one for own in each for one in own.values()))


def drawn(batch, shape):
    """Lattices of different sizes, whose other positions may not be read."""
    sizes = torch.stack([torch.randint(1, size + 1, (batch,)) for size in shape], 1)
    sizes[0] = torch.tensor(shape)
    input = torch.randn(batch, *shape, 3)
    for axis, size in enumerate(shape, 1):
        outside = torch.arange(size) >= sizes[:, axis - 1, None]
        moved = input.movedim(axis, 1)  # a view
        moved[outside] = torch.nan
    return {"input": input, "sizes": sizes}


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        pytest.param(lambda: gatewise.MDLSTM(3, 4), (3, 4), id="mdlstm"),
        pytest.param(
            lambda: gatewise.MDLSTM(3, 4, directions="all", combine="sum"), (3, 4), id="all directions",
            marks=pytest.mark.thorough,
        ),
        pytest.param(lambda: gatewise.GridLSTM(3, 4, depth=2), (4,), id="grid"),
        pytest.param(lambda: gatewise.MDGRU(3, 4, axes=3), (2, 3, 4), id="mdgru", marks=pytest.mark.thorough),
        pytest.param(
            lambda: gatewise.GridLSTM(3, 4, depth=2, tied=False, axes=2), (3, 2), id="untied",
            marks=pytest.mark.thorough,
        ),
    ],
)  # fmt: skip
def test_lattices_of_any_size(make, shape):
    torch.manual_seed(0)
    module = Sized(make()).eval()
    example = drawn(3, shape)
    with torch.no_grad(), gatewise.backend("reference"):
        names = [f"y{number}" for number in range(len(module(**example)))]
    axes = {0: "batch", **{axis: f"size{axis}" for axis in range(1, len(shape) + 1)}}
    model = onnx_model(module, example, names, {"input": axes, "sizes": {0: "batch"}})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for batch, own in ((3, shape), (1, (1,) * len(shape)), (4, tuple(size + 2 for size in shape))):
        given = drawn(batch, own)
        with torch.no_grad(), gatewise.backend("reference"):
            expected = module(**given)
        found = session.run(None, {name: one.numpy() for name, one in given.items()})
        for one, values in zip(found, expected, strict=True):
            torch.testing.assert_close(torch.from_numpy(one), values, rtol=1e-4, atol=1e-5)
