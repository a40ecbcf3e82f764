"""Clips of a moving digit, of MNIST or of a dot: the class is where to, so the order of frames matters."""

import numpy as np

WAYS = {  # (down, right) of a step; each way and its opposite show the same frames
    "right": (0, 1), "left": (0, -1), "down": (1, 0), "up": (-1, 0),
    "down-right": (1, 1), "up-left": (-1, -1), "down-left": (1, -1), "up-right": (-1, 1),
}  # fmt: skip
DOT = np.full((3, 3), 255, np.uint8)


def moving(images, count, side, shortest, longest, ways=tuple(WAYS), seed=0):
    """Yields (frames [T, side, side] bytes, way): `images` cross the middle at a steady speed."""
    random = np.random.default_rng(seed)
    room = side - images[0].shape[0]
    for _ in range(count):
        image, way = images[random.integers(len(images))], ways[random.integers(len(ways))]
        steps = random.integers(shortest, longest + 1)
        reach = random.uniform(0.5, 1.0) * room / 2  # how far from the middle it begins and ends
        aside = random.uniform(-1, 1) * (room / 2 - reach)
        along = np.linspace(-reach, reach, steps)[:, None] * np.array(WAYS[way])
        across = np.array([1.0, 0.0]) if WAYS[way][0] == 0 else np.array([0.0, 1.0])
        places = np.rint(room / 2 + along + aside * across).astype(int)
        frames = np.zeros((steps, side, side), np.uint8)
        for frame, (row, column) in zip(frames, places, strict=True):
            frame[row : row + image.shape[0], column : column + image.shape[1]] = image
        yield frames, way


def write_folders(folder, clips):
    """Writes CLASS/CLIP/0001.png and so on."""
    from PIL import Image

    for number, (frames, way) in enumerate(clips):
        own = folder / way / f"{number:05d}"
        own.mkdir(parents=True, exist_ok=True)
        for place, frame in enumerate(frames, 1):
            Image.fromarray(frame).save(own / f"{place:04d}.png")
    return folder


def write_animations(folder, clips, suffix=".png"):
    """Writes CLASS/CLIP.png and so on, animated."""
    from PIL import Image

    for number, (frames, way) in enumerate(clips):
        (folder / way).mkdir(parents=True, exist_ok=True)
        first, *others = map(Image.fromarray, frames)
        first.save(folder / way / f"{number:05d}{suffix}", save_all=True, append_images=others)
    return folder


def write_arrays(path, clips, **others):
    """Writes frames [N, T, H, W], labels and lengths as one .npz file."""
    clips = list(clips)
    lengths = np.array([len(frames) for frames, _ in clips])
    frames = np.zeros((len(clips), lengths.max(), *clips[0][0].shape[1:]), np.uint8)
    for row, (own, _) in zip(frames, clips, strict=True):
        row[: len(own)] = own
    arrays = {"frames": frames, "labels": np.array([way for _, way in clips]), "lengths": lengths}
    np.savez_compressed(path, **{**arrays, **others})
    return path
