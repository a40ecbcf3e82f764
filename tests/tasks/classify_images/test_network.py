"""Lattices of patches: where they are read, what padding changes (nothing), and that they learn."""

import numpy as np
import pytest
import torch

import gatewise
from gatewise.cells import GRU, LSTM, MGU, RNN
from gatewise.cells.multidimensional import leaky_mdlstm, mdlstm
from gatewise.data.images.labelled_images import ImageBatch
from gatewise.errors import GatewiseError
from gatewise.layers.scan_directions import scan_directions
from gatewise.modules.image_lattices import image_cell, to_patches
from gatewise.tasks.classify_images.network import GridClassifier, LatticeClassifier, pool, shift_images

SIZES = torch.tensor([[7, 5], [3, 6], [2, 2]])


@pytest.fixture(autouse=True)
def _reference():
    """No kernel is compiled for a small network."""
    with gatewise.backend("reference"):
        yield


def small(kind, **options):
    options = {"channels": 1, "classes": 3, "patch": 2, "hidden": 4, **options}
    return LatticeClassifier(LSTM, **options) if kind == "lattice" else GridClassifier("lstm", **options)


def images(sizes=SIZES):
    values = torch.zeros(len(sizes), *sizes.max(0).values, 1)
    for image, (height, width) in zip(values, sizes, strict=True):
        image[:height, :width] = torch.randn(int(height), int(width), 1)
    return values


@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize("kind", ["lattice", "grid"])
def test_padding_changes_nothing(kind, pooling):
    network = small(kind, layers=2, pooling=pooling).eval()
    values = images()
    together = network(values, SIZES)
    for row, (height, width) in enumerate(SIZES):
        alone = network(values[row : row + 1, :height, :width], SIZES[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["lattice", "grid"])
def test_every_pixel_and_every_weight_counts(kind):
    network = small(kind, layers=2)
    values = images().requires_grad_()
    network.loss(ImageBatch(values, SIZES, torch.tensor([0, 1, 2]))).backward()
    for gradient, (height, width) in zip(values.grad, SIZES, strict=True):
        assert (gradient[:height, :width] != 0).all()
    assert all((one.grad != 0).any() for one in network.parameters())


def test_patches_are_those_of_plain_loops():
    values = images()
    lattice, sizes = to_patches(values, SIZES, 3)
    assert lattice.shape == (3, 3, 2, 9)
    assert sizes.tolist() == [[3, 2], [1, 2], [1, 1]]
    for row, column in np.ndindex(3, 2):
        expected = torch.zeros(3, 3, 3)
        own = values[:, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3, 0]
        expected[:, : own.shape[1], : own.shape[2]] = own
        assert torch.equal(lattice[:, row, column], expected.flatten(1))


def test_a_direction_is_read_where_it_ends():
    output = torch.randn(3, 7, 6, 2)
    ends = {(False, False): (-1, -1), (False, True): (-1, 0), (True, False): (0, -1), (True, True): (0, 0)}
    for place, direction in enumerate(scan_directions("all", 2)):
        found = pool(output, SIZES, place, "last")
        for row, (height, width) in enumerate(SIZES):
            assert torch.equal(found[row], output[row, :height, :width][ends[direction]])
    mean = pool(output, SIZES, 0, "mean")
    torch.testing.assert_close(mean[1], output[1, :3, :6].mean((0, 1)))


def test_images_are_moved_within_their_own_size():
    image = torch.zeros(7, 6)
    image[:4, :5] = torch.arange(1.0, 21).reshape(4, 5)
    found = shift_images(image[None, :, :, None].repeat(99, 1, 1, 1), torch.tensor([[4, 5]]).repeat(99, 1), 1)
    expected = []
    for down, right in np.ndindex(3, 3):
        rows, columns = np.clip(np.arange(4) + down - 1, 0, 3), np.clip(np.arange(5) + right - 1, 0, 4)
        expected.append(torch.zeros(7, 6))
        expected[-1][:4, :5] = image[rows][:, columns]
    which = [[torch.equal(one, way) for way in expected].index(True) for one in found[..., 0]]
    assert set(which) == set(range(9))


def test_moving_happens_in_training_only():
    network = small("lattice", shift=2)
    values = images()
    assert not torch.equal(network(values, SIZES), network(values, SIZES))
    network.eval()
    assert torch.equal(network(values, SIZES), network(values, SIZES))


def test_sequence_cells_select_the_matching_lattice_cells():
    names = [image_cell(cell).__name__ for cell in (LSTM, GRU, RNN, leaky_mdlstm(2))]
    assert names == ["MDLSTM2", "MDGRU2", "MDRNN2", "LeakyMDLSTM2"]
    for cell in (MGU, mdlstm(3)):
        with pytest.raises(GatewiseError, match=f"{cell.__name__} does not run over images; give lstm, gru"):
            image_cell(cell)


@pytest.mark.parametrize("kind", ["lattice", "grid"])
def test_options_rebuild_the_network(kind):
    network = small(kind, layers=2, dropout=0.2, pooling="mean").eval()
    again = type(network).from_options(network.options())
    again.load_state_dict(network.state_dict())
    values = images()
    assert torch.equal(again.eval()(values, SIZES), network(values, SIZES))


@pytest.mark.parametrize("kind", ["lattice", pytest.param("grid", marks=pytest.mark.thorough)])
def test_where_a_dot_lies_can_be_learned(kind):
    """Three classes: in the upper half, in the lower left quarter, in the lower right one."""
    rows, columns = torch.randint(8, (2, 200))
    labels = torch.where(rows < 4, 0, torch.where(columns < 4, 1, 2))
    values = torch.zeros(200, 8, 8, 1)
    values[torch.arange(200), rows, columns] = 3.0
    batch = ImageBatch(values, torch.tensor([[8, 8]]).repeat(200, 1), labels)
    network = small(kind, hidden=8)
    optimizer = torch.optim.Adam(network.parameters(), 0.03)
    for _ in range(60):
        optimizer.zero_grad()
        loss = network.loss(batch)
        loss.backward()
        optimizer.step()
    assert (network(*batch[:2]).argmax(1) == labels).float().mean() > 0.95
