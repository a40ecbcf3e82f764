"""The data of a fitted estimator, as files that are pickled with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PREFIX = "gatewise-"


@dataclass
class StoredData:
    """Data that a task can read again: a user's file or folder, or files in a temporary folder.

    path: what the task reads
    folder: contains the path and is removed with this object; None if the files are the user's
    """

    path: Path
    folder: TemporaryDirectory[str] | None = None

    def __getstate__(self) -> dict[str, Any]:
        if self.folder is None:
            return {"path": self.path}
        directory = Path(self.folder.name)
        files = [file for file in self._top(directory).rglob("*") if file.is_file()]
        content = {str(file.relative_to(directory)): file.read_bytes() for file in files}
        return {"path": self.path.relative_to(directory), "content": content}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path, self.folder = state["path"], None
        if "content" in state:
            self.folder = TemporaryDirectory(prefix=PREFIX)
            directory = Path(self.folder.name)
            for name, content in state["content"].items():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (directory / name).write_bytes(content)
            self.path = directory / self.path

    def _top(self, directory: Path) -> Path:
        """The folder below the temporary one that has the data; the run beside them is not needed again."""
        return directory / self.path.relative_to(directory).parts[0]
