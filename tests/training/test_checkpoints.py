"""Checkpoints that are damaged, hostile or cut off: one line, nothing is executed, nothing is lost."""

import pickle
import resource
import shutil
import zipfile
from pathlib import Path

import pytest
import torch

from gatewise.errors import GatewiseError
from gatewise.training import checkpoints
from gatewise.training.checkpoints import WholeCheckpoints
from gatewise.training.fit import fit
from tests.series import data
from tests.training.test_fit import CutError, cut_after, network, options


class Hostile:
    """Writes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "executed")


def save(path, value, protocol=2):
    torch.save(value, path, pickle_protocol=protocol)


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """A training that was cut off after some epochs."""
    folder, prepared = tmp_path_factory.mktemp("cut"), data()
    with pytest.raises(CutError):
        fit(network(prepared), prepared.train, prepared.validation, options(), folder, cut_after(0.45))
    return folder


@pytest.fixture
def folder(cut, tmp_path):
    return shutil.copytree(cut, tmp_path / "run")


def go_on(folder):
    prepared = data()
    return fit(network(prepared), prepared.train, prepared.validation, options(), folder)


def flipped(path):
    """One bit of a tensor, in the middle of the file."""
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda one: one.file_size)
    found = bytearray(path.read_bytes())
    found[largest.header_offset + 200 + largest.file_size // 2] ^= 1
    path.write_bytes(found)


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 100),
    "one bit": flipped,
    "a pickle": lambda path: path.write_bytes(pickle.dumps({"state_dict": {}})),
    "a list": lambda path: save(path, [1, 2]),
    "no keys": lambda path: save(path, {}),
    "other keys": lambda path: save(path, {"callbacks": 5, "state_dict": {"a": 1}}),
}


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_one_line(folder, name, damage):
    path = folder / "checkpoints" / name
    DAMAGE[damage](path)
    line = rf"^the checkpoint \S*{name} is damaged \(.+\); remove \S*checkpoints to"
    with pytest.raises(GatewiseError, match=line) as output:
        go_on(folder)
    assert "\n" not in str(output.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state_dict", {}), ("optimizer_states", [5]), ("loops", None), ("epoch", "first"), ("callbacks", {}),
        ("lr_schedulers", []),
    ],
)  # fmt: skip
def test_a_checkpoint_of_another_structure_is_one_line(folder, key, value):
    path = folder / "checkpoints" / "last.ckpt"
    save(path, {**torch.load(path, weights_only=True), key: value})
    with pytest.raises(GatewiseError, match=r"^the checkpoint \S*last.ckpt is damaged"):
        go_on(folder)


@pytest.mark.parametrize("rows", [None, [{"seconds": "1"}], [{"epoch": 1}], [{"seconds": 1.0, "=A1": 2.0}]])
def test_the_rows_of_the_metrics_are_checked(folder, rows):
    path = folder / "checkpoints" / "last.ckpt"
    state = torch.load(path, weights_only=True)
    next(one for name, one in state["callbacks"].items() if "MetricsFile" in name)["rows"] = rows
    save(path, state)
    with pytest.raises(GatewiseError, match=r"last.ckpt is damaged"):
        go_on(folder)


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_checkpoint_is_executed(folder, tmp_path, name, zipped):
    path, trap = folder / "checkpoints" / name, tmp_path / "trap"
    hostile = {**torch.load(path, weights_only=True), "loops": Hostile(trap)}
    if zipped:
        save(path, hostile)
    else:
        path.write_bytes(pickle.dumps(hostile["loops"]))
    with pytest.raises(GatewiseError, match="is damaged"):
        go_on(folder)
    assert not trap.exists()
    if zipped:
        torch.load(path, weights_only=False)
        assert trap.exists()  # it would have been


def test_a_missing_best_checkpoint_is_named_before_the_training(folder):
    (folder / "checkpoints" / "best.ckpt").unlink()
    with pytest.raises(GatewiseError, match=r"best.ckpt is damaged \(it is missing\)"):
        go_on(folder)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path):
    path, writer = tmp_path / "last.ckpt", WholeCheckpoints()
    writer.save_checkpoint({"epoch": 1}, path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as output:
            writer.save_checkpoint({"epoch": 2, "weights": torch.zeros(10_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert output.value.filename == str(path)
    assert torch.load(path, weights_only=True) == {"epoch": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["last.ckpt"]


def test_training_continues_after_a_full_disk(tmp_path, monkeypatch):
    prepared, writes = data(), []

    def full(path, write):
        writes.append(path.name)
        if writes.count("last.ckpt") == 3:
            raise OSError(28, "No space left on device", str(path))
        whole(path, write)

    def train(folder):
        chosen = options(epochs=4)
        return fit(network(prepared), prepared.train, prepared.validation, chosen, tmp_path / folder)

    whole = checkpoints.write_whole
    fitted = train("whole")
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "write_whole", full)
        with pytest.raises(OSError, match="No space left on device"):
            train("cut")
    assert train("cut").validation_loss == fitted.validation_loss
