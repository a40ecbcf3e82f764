"""Image encoders: padding changes nothing, each position has its own features."""

import pytest
import torch

from gatewise.cells import GRU, LSTM, MLSTM
from gatewise.tasks.caption.encoder import ColumnEncoder, PositionEncoder, position_features

SIZES = torch.tensor([[8, 9], [8, 4], [8, 1]])


def images():
    values = torch.randn(3, 8, 9, 2)
    for image, (_, width) in zip(values, SIZES, strict=True):
        image[:, width:] = 0
    return values


@pytest.fixture(
    params=[(LSTM, 1), (LSTM, 2), (GRU, 2)], ids=["lstm", "lstm of two layers", "gru of two layers"]
)
def cell(request):
    return request.param


@pytest.fixture(params=["columns", "positions"])
def encoder(request, cell):
    made, layers = cell
    if request.param == "columns":
        return ColumnEncoder(made, 2, 8, 6, layers, filters=(3, 4))
    return PositionEncoder(made, 2, 6, layers, filters=(3, 4))


def states(read):
    return [read.state] if isinstance(read.state, torch.Tensor) else list(read.state)


def test_padding_changes_nothing(encoder, cell):
    values = images()
    together = encoder(values, SIZES)
    assert len(states(together)) == len(cell[0].state)
    for row, (height, width) in enumerate(SIZES):
        alone = encoder(values[row : row + 1, :height, :width], SIZES[row : row + 1])
        assert alone.mask.all()
        torch.testing.assert_close(
            together.values[row, together.mask[row]], alone.values[0], rtol=1e-5, atol=1e-6
        )
        for one, other in zip(states(together), states(alone), strict=True):
            assert one.shape == (cell[1], 3, 6)
            torch.testing.assert_close(one[:, row], other[:, 0], rtol=1e-5, atol=1e-6)


def test_every_pixel_reaches_the_decoder_by_its_first_state(encoder):
    values = images().requires_grad_()
    states(encoder(values, SIZES))[0].sum().backward()
    for gradient, (height, width) in zip(values.grad, SIZES, strict=True):
        seen = (gradient != 0).any(-1)
        assert (
            seen[:height, :width].float().mean() > 0.8
        )  # where no unit of the convolution is on, none is seen
        assert not seen[:, width:].any()


def test_positions_are_relative_to_an_images_own_size():
    found = position_features(torch.tensor([[2, 4], [1, 2]]), torch.zeros(2, 2, 4, 5))
    assert found[0, :, 0, 0].tolist() == [-0.5, 0.5]
    assert found[0, 0, :, 4].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert found[1, 0, :2, 4].tolist() == [-0.5, 0.5]
    flat = found[0].flatten(0, 1)
    assert len({tuple(one) for one in flat.tolist()}) == 8  # every position differs from every other
    angle = torch.tensor(0.75 * torch.pi)
    waves = torch.stack([angle.sin(), angle.cos(), (2 * angle).sin()])
    torch.testing.assert_close(found[0, 1, 3, 5:], waves)


def test_matrices_of_a_decoder_begin_at_zero():
    read = PositionEncoder(MLSTM, 2, 6, 2, filters=(3, 4))(images(), SIZES)
    assert [one.shape for one in states(read)] == [(2, 3, 6), (2, 3, 6, 6), (2, 3, 6), (2, 3, 6)]
    assert not states(read)[1].any()
