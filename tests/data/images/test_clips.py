"""Clips from folders of frames, animated images and arrays: the same clips, whatever they lie in."""

import zipfile
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from gatewise.data.images import array_file
from gatewise.data.images.class_folders import natural_key, read_class_folders
from gatewise.data.images.clip_arrays import read_clip_arrays
from gatewise.data.images.clip_files import find_clips, is_clip, open_clips, reopen_clips
from gatewise.data.images.clips import LabelledClips
from gatewise.data.images.image_file import ImageForm
from gatewise.errors import GatewiseError
from tests.moving import DOT, moving, write_animations, write_arrays, write_folders

CLIPS = list(moving([DOT], 6, side=7, shortest=2, longest=12, seed=1))
for own, _ in CLIPS:
    own[:, 0, 0] = range(1, len(own) + 1)  # a GIF holds no frame twice in a row


def opened(folder, **options):
    """Clips of a folder of classes, in the order in which they were made."""
    found = read_class_folders(folder, is_clip, "clips")
    return open_clips(sorted(found.paths, key=lambda path: natural_key(path.name)), **options), found


@pytest.mark.parametrize(
    "write",
    [write_folders, write_animations, partial(write_animations, suffix=".gif")],
    ids=["png", "apng", "gif"],
)
def test_files_contain_the_frames_that_were_written(tmp_path, write):
    clips, found = opened(write(tmp_path / "clips", CLIPS))
    assert found.classes == tuple(sorted({way for _, way in CLIPS}))
    assert clips.lengths.tolist() == [len(frames) for frames, _ in CLIPS]
    assert clips.size == (7, 7)
    for number, (frames, _) in enumerate(CLIPS):
        assert np.array_equal(clips[number][..., 0], frames)


def test_arrays_are_the_clips_that_were_written(tmp_path):
    clips = read_clip_arrays(write_arrays(tmp_path / "clips.npz", CLIPS))
    assert clips.labels == tuple(way for _, way in CLIPS)
    for number, (frames, _) in enumerate(CLIPS):
        assert np.array_equal(clips[number][..., 0], frames)


def test_every_second_frame(tmp_path):
    folders, _ = opened(write_folders(tmp_path / "folders", CLIPS), every=2)
    animations, _ = opened(write_animations(tmp_path / "animations", CLIPS), every=2)
    arrays = read_clip_arrays(write_arrays(tmp_path / "clips.npz", CLIPS), every=2)
    for clips in (folders, animations, arrays):
        for number, (frames, _) in enumerate(CLIPS):
            assert np.array_equal(clips[number][..., 0], frames[::2])
            assert clips.lengths[number] == len(frames[::2])


def test_a_batch_is_standardized_and_zero_beyond_the_end(tmp_path):
    clips = read_clip_arrays(write_arrays(tmp_path / "clips.npz", CLIPS))
    clips.fit([0, 1])
    seen = np.concatenate([CLIPS[0][0].ravel(), CLIPS[1][0].ravel()]).astype(float)
    labelled = LabelledClips(clips, [4, 2, 0], [1, 0, 1])
    batch = labelled.__getitems__([0, 2])
    assert batch.labels.tolist() == [1, 1]
    assert batch.lengths.tolist() == [len(CLIPS[4][0]), len(CLIPS[0][0])]
    assert labelled.sizes.tolist() == [len(CLIPS[number][0]) for number in (4, 2, 0)]
    for row, (frames, _) in zip(batch.frames, (CLIPS[4], CLIPS[0]), strict=True):
        expected = torch.from_numpy((frames - seen.mean()) / seen.std()).float()
        torch.testing.assert_close(row[: len(frames), :, :, 0], expected, rtol=0, atol=1e-5)
        assert (row[len(frames) :] == 0).all()


def test_frames_are_sorted_by_number_with_or_without_leading_zeros(tmp_path):
    for number in (1, 2, 10):
        (tmp_path / "clip").mkdir(exist_ok=True)
        Image.new("L", (2, 2), number).save(tmp_path / "clip" / f"frame{number}.png")
    assert open_clips([tmp_path / "clip"])[0][:, 0, 0, 0].tolist() == [1, 2, 10]


def test_different_sizes_are_refused_with_advice(tmp_path):
    folder = write_folders(tmp_path / "clips", CLIPS)
    first, second = (next((folder / CLIPS[number][1] / f"{number:05d}").glob("*1.png")) for number in (0, 1))
    Image.new("L", (4, 5)).save(second)
    with pytest.raises(
        GatewiseError, match=r"00001.0001\.png is 5 x 4 and .*0001\.png 7 x 7; resize all with --size"
    ):
        opened(folder)
    clips, _ = opened(folder, size=(6, 8))
    assert clips[1].shape == (len(CLIPS[1][0]), 6, 8, 1)
    Image.new("L", (7, 7)).save(second)
    Image.new("L", (4, 5)).save(first.with_name("0002.png"))
    with pytest.raises(
        GatewiseError, match=r"0002\.png is 5 x 4 and its clip's first frame 7 x 7; resize all with --size"
    ):
        opened(folder)


def test_still_images_are_not_clips(tmp_path):
    write_folders(tmp_path / "clips", [(frames[:1], way) for frames, way in CLIPS])
    with pytest.raises(
        GatewiseError, match=r"every clip has only one frame, .* use classify for still images"
    ):
        opened(tmp_path / "clips")
    (tmp_path / "clips" / CLIPS[0][1] / "empty").mkdir()
    with pytest.raises(
        GatewiseError, match=r"empty contains no images; put the frames of each clip into a folder"
    ):
        opened(tmp_path / "clips")


def test_unlabelled_clips_are_found_in_nested_folders(tmp_path):
    write_folders(tmp_path / "clips", CLIPS[:2])
    write_animations(tmp_path / "clips" / "more", CLIPS[2:4])
    found = find_clips(tmp_path / "clips")
    clips = open_clips(found)
    assert sorted(path.name for path in found) == ["00000", "00000.png", "00001", "00001.png"]
    for path, frames in zip(found, clips, strict=True):
        number = int(path.stem) + (2 if path.suffix else 0)
        assert np.array_equal(frames[..., 0], CLIPS[number][0])
    assert find_clips(found[0]) == [found[0]]
    (tmp_path / "nothing").mkdir()
    for place, message in (
        ("nothing", "contains no clips; expected folders of frames"),
        ("none", "there is no folder"),
    ):
        with pytest.raises(GatewiseError, match=message):
            find_clips(tmp_path / place)


def test_fractions_stay_fractions_and_colours_are_channels(tmp_path):
    frames = np.random.default_rng(0).normal(5, 1e-3, (3, 4, 2, 2, 3))
    np.savez(tmp_path / "a.npz", frames=frames, labels=[3, 10, 3])
    clips = read_clip_arrays(tmp_path / "a.npz")
    assert clips.labels == ("3", "10", "3")
    assert clips.lengths.tolist() == [4, 4, 4]
    clips.fit(range(3))
    values = clips.batch(range(3))[0]
    assert abs(values.mean()) < 0.01
    assert 0.9 < values.std() < 1.1


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": np.zeros(3)}, r"a\.npz contains pictures; expected frames \[N, T, H, W\] or"),
        ({"frames": np.zeros((2, 3, 4))}, r"expected frames as numbers .* got float64 of \[2, 3, 4\]"),
        ({"frames": np.zeros((2, 3, 4, 4), bool)}, "expected frames as numbers .* got bool"),
        ({"frames": np.array([None])}, r"a\.npz can't be read as arrays: it contains Python objects; exp"),
        ({"labels": [1, 2]}, r"expected labels as 3 names or whole numbers, got int64 of \[2\]"),
        ({"labels": [0.5, 1, 2]}, "expected labels as 3 names or whole numbers, got float64"),
        ({"lengths": [1, 0, 3]}, r"expected lengths in 1\.\.3, got 0 for clip 1"),
        ({"lengths": [1, 2, 4]}, r"expected lengths in 1\.\.3, got 4 for clip 2"),
        ({"lengths": [1.0, 2.0, 3.0]}, "expected lengths as 3 whole numbers, got float64"),
        ({"frames": np.full((3, 3, 4, 4), np.nan)}, "clip 0 has values that are not finite"),
        ({"frames": np.full((3, 3, 4, 4), 1e200)}, "clip 0 has values that are not finite"),
        ({"frames": np.zeros((3, 3, 4, 4), complex)}, "frames contains neither numbers nor names, but"),
    ],
)  # fmt: skip
def test_invalid_arrays_are_refused(tmp_path, arrays, message):
    usual = {"frames": np.zeros((3, 3, 4, 4)), "labels": ["a", "b", "a"]}
    np.savez(tmp_path / "a.npz", **({**usual, **arrays} if "pictures" not in arrays else arrays))
    with pytest.raises(GatewiseError, match=message):
        read_clip_arrays(tmp_path / "a.npz")


def test_values_beyond_the_end_are_ignored(tmp_path):
    frames = np.zeros((2, 3, 4, 4))
    frames[0, 2] = np.nan
    np.savez(tmp_path / "a.npz", frames=frames, labels=["a", "b"], lengths=[2, 3])
    clips = read_clip_arrays(tmp_path / "a.npz")
    clips.fit([0, 1])
    assert torch.isfinite(clips.batch([0, 1])[0]).all()


def test_files_that_are_not_arrays_are_refused(tmp_path):
    (tmp_path / "a.npz").write_text("no arrays")
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    for name, message in (("a", "can't be read as arrays"), ("one", "contains one array without a name"),
                          ("none", "there is no file")):  # fmt: skip
        with pytest.raises(GatewiseError, match=message):
            read_clip_arrays(tmp_path / f"{name}.npz")


def write_archive(path, header, content):
    """A .npz file with any header before the bytes of its frames."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("frames.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(content)


@pytest.mark.parametrize(
    ("shape", "content", "message"),
    [
        ((10**6, 10**4, 64, 64), b"\0" * 64, r"frames declares uint8 of .* it has 64 bytes; expected"),
        ((2, 2, 4, 4), b"\0" * 60, r"declares uint8 of \[2, 2, 4, 4\], but it has 60 bytes"),
        ((2, -2, 4, -4), b"\0" * 64, "header of an array declares the shape"),
        (
            (2, 2, 4, 4),
            b"\0" * 300_000,
            "decompresses to 0.0 GiB, more than 200 times its size; .* numpy.savez",
        ),
    ],
)
def test_headers_are_checked_before_data_are_decompressed(tmp_path, monkeypatch, shape, content, message):
    monkeypatch.setattr(array_file, "SMALL", 1000)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    write_archive(tmp_path / "a.npz", header, content)
    with pytest.raises(GatewiseError, match=message):
        read_clip_arrays(tmp_path / "a.npz")


def test_a_model_refuses_frames_with_other_channels(tmp_path):
    np.savez(tmp_path / "a.npz", frames=np.zeros((1, 2, 4, 4, 3)))
    with pytest.raises(GatewiseError, match="the model was trained on frames of 4 x 4 x 1, got 4 x 4 x 3"):
        read_clip_arrays(tmp_path / "a.npz", ImageForm(1))
    with pytest.raises(GatewiseError, match="the model was trained on frames of 4 x 5 x 3, got 4 x 4 x 3"):
        read_clip_arrays(tmp_path / "a.npz", ImageForm(3), (4, 5))


def test_a_model_refuses_frames_of_another_size_unless_it_resizes_them(tmp_path):
    folder = write_folders(tmp_path / "clips", CLIPS)
    paths = find_clips(folder)
    form = ImageForm(1, None, (0.0,), (1.0,))
    assert len(reopen_clips(paths, form, (7, 7))) == 6
    with pytest.raises(
        GatewiseError, match=r"0001\.png is 7 x 7; the model was trained on frames of 9 x 7 without"
    ):
        reopen_clips(paths, form, (9, 7))
    assert reopen_clips(paths, replace(form, size=(9, 7)), (9, 7)).batch([0])[0].shape[2:] == (9, 7, 1)
