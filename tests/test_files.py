"""Files are there whole or not at all."""

import errno

import pytest

from gatewise.files import write_whole


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    write_whole(path, lambda partial: partial.write_text("old"))

    def fail(partial):
        partial.write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_whole(path, fail)
    assert path.read_text() == "old"
    assert [one.name for one in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "elsewhere"), "No space left on device"),
        (FileNotFoundError("a library's own words"), "a library's own words"),
    ],
    ids=["of the system", "of a library"],
)
def test_an_error_names_the_file_that_was_asked_for(tmp_path, error, expected):
    def fail(partial):
        raise error

    path = tmp_path / "file.txt"
    with pytest.raises(OSError, match=expected) as raised:
        write_whole(path, fail)
    assert (raised.value.filename, raised.value.strerror) == (str(path), expected)
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_place_of_the_file(tmp_path):
    with pytest.raises(IsADirectoryError) as raised:
        write_whole(tmp_path, lambda partial: partial.write_text("new"))
    assert raised.value.filename == str(tmp_path)
    assert not list(tmp_path.parent.glob(".*.partial"))
