"""Files are there whole or not at all."""

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
