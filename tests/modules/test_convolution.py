"""The convolutional front end beside plain loops, and padding that changes nothing."""

import numpy as np
import torch

from gatewise.modules.convolution import Convolution, valid_positions


def by_loops(front, image):
    """One image [H, W, C] through all blocks, a pixel at a time, in float64."""
    values = image.double().numpy()
    for block in front.blocks:
        weight, bias = (one.detach().double().numpy() for one in (block.weight, block.bias))
        height, width, _ = values.shape
        around = np.pad(values, ((1, 1), (1, 1), (0, 0)))
        filtered = np.empty((height, width, len(bias)))
        for row in range(height):
            for column in range(width):
                window = around[row : row + 3, column : column + 3]
                filtered[row, column] = np.maximum(np.einsum("rcd,edrc->e", window, weight) + bias, 0)
        half = np.empty((-(-height // 2), -(-width // 2), len(bias)))
        for row in range(half.shape[0]):
            for column in range(half.shape[1]):
                half[row, column] = filtered[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].max((0, 1))
        values = half
    return values


def test_maps_are_those_of_plain_loops_over_each_images_own_pixels():
    front = Convolution(2, filters=(3, 4))
    for block in front.blocks:
        torch.nn.init.uniform_(block.bias, 0.1, 0.5)  # so that what lies outside would not be zero by itself
    sizes = torch.tensor([[9, 6], [5, 7], [1, 1]])
    images = torch.full((3, 9, 7, 2), torch.nan)
    for image, (height, width) in zip(images, sizes, strict=True):
        image[:height, :width] = torch.randn(int(height), int(width), 2)
    maps, after = front(images.nan_to_num(7.0), sizes)
    assert maps.shape == (3, 3, 2, 4)
    assert after.tolist() == [[3, 2], [2, 2], [1, 1]]
    for found, image, (height, width), (rows, columns) in zip(maps, images, sizes, after, strict=True):
        expected = torch.zeros_like(found)
        expected[:rows, :columns] = torch.from_numpy(by_loops(front, image[:height, :width]))
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_each_block_halves():
    assert [Convolution(1, (2,) * blocks).output_size(27) for blocks in (0, 1, 2, 5)] == [27, 14, 7, 1]


def test_what_lies_inside():
    assert valid_positions(torch.tensor([[2, 1], [1, 3]]), (2, 3)).int().tolist() == [
        [[1, 0, 0], [1, 0, 0]], [[1, 1, 1], [0, 0, 0]]
    ]  # fmt: skip
