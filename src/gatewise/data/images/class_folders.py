"""Folders whose names are classes, below folders train, validation and test where there are any."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatewise.data.images.left_out import require_text, told_left_out
from gatewise.data.sequences.splits import Parts, split_by_class
from gatewise.errors import GatewiseError

PARTS = {
    "train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test",
}  # fmt: skip


@dataclass(frozen=True)
class ClassFolders:
    """Examples by their paths.

    classes: the names of the folders; paths: of all examples; labels: of each, the number of its class
    parts: of each, "train", "validation" or "test"; "" where the folder is not divided
    notes: what was left out, a sentence each
    """

    classes: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: tuple[int, ...]
    parts: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def split(self, validation_share: float, test_share: float) -> Parts:
        """The numbers of the examples to train on, to validate and to test.

        A part that has no folder of its own is taken from those to train on. Raises: as `split_by_class`.
        """
        own = {
            part: [place for place, one in enumerate(self.parts) if one == part] for part in PARTS.values()
        }
        free = [place for place, one in enumerate(self.parts) if one in ("", "train")]
        train, validation, test = split_by_class(
            [self.labels[place] for place in free],
            0.0 if own["validation"] else validation_share,
            0.0 if own["test"] else test_share,
        )
        return (
            [free[place] for place in train],
            own["validation"] or [free[place] for place in validation],
            own["test"] or [free[place] for place in test],
        )

    def describe_split(self) -> str:
        """What `split` goes by."""
        own = [part for part in ("validation", "test") if part in self.parts]
        if len(own) == 2:
            return "by their folders"
        return f"the {own[0]} part by its folder" if own else "every class by its share"


def read_class_folders(
    root: Path, is_example: Callable[[Path], bool], kind: str, classes: tuple[str, ...] = ()
) -> ClassFolders:
    """Every example below a folder, `root/CLASS/EXAMPLE` or `root/train/CLASS/EXAMPLE` and so on.

    is_example: whether a path is one; kind: what they are called, in the plural
    classes: those of a model that was trained before; empty to take those that are there

    Raises: `GatewiseError` if there are no classes, only one, an unknown one, or one to train on is empty.
    """
    if not root.is_dir():
        raise GatewiseError(f"there is no folder {str(root)!r}; give one that holds a folder for each class")
    top = _folders(root)
    divided = bool(top) and all(one.name.lower() in PARTS and _folders(one) for one in top)
    folders = [(PARTS[one.name.lower()] if divided else "", one) for one in top]
    if divided:
        folders = [(part, own) for part, one in folders for own in _folders(one)]
    inside = [
        (part, require_text(folder, "class"), path)
        for part, folder in folders
        for path in sorted(folder.iterdir(), key=lambda path: natural(path.name))
    ]
    found = [one for one in inside if is_example(one[2])]
    if not found:
        raise GatewiseError(
            f"{root} holds no folders of {kind}; put those of a class into a folder of its name"
        )
    names = classes or _classes(
        root, folders, [name for part, name, _ in found if part in ("", "train")], kind
    )
    for _, name, path in found:
        if name not in names:
            raise GatewiseError(
                f"{path.parent} is none of the classes trained on, which are {', '.join(names)}"
            )
    return ClassFolders(
        names,
        tuple(path for _, _, path in found),
        tuple(names.index(name) for _, name, _ in found),
        tuple(part for part, _, _ in found),
        (*told_left_out(_others(root, folders, [path for _, _, path in inside], is_example)), *_alike(names)),
    )


def _others(
    root: Path, folders: list[tuple[str, Path]], inside: list[Path], is_example: Callable[[Path], bool]
) -> list[Path]:
    """What is beside the folders of the classes, and what is in them that is no example."""
    parents, own = {folder.parent for _, folder in folders}, {folder for _, folder in folders}
    beside = [one for parent in {root, *parents} for one in parent.iterdir() if one not in own | parents]
    return [*beside, *(path for path in inside if not is_example(path))]


def _alike(names: tuple[str, ...]) -> tuple[str, ...]:
    """A sentence on classes whose names differ by capital letters only, if there are any."""
    lower = [name.lower() for name in names]
    found = [name for name in names if lower.count(name.lower()) > 1]
    return (f"classes that differ by capital letters only: {', '.join(found)}",) if found else ()


def natural(name: str) -> list[tuple[bool, int, str]]:
    """A key that sorts names as people do.

    >>> sorted(["10.png", "9.png", "b1", "a2"], key=natural)
    ['9.png', '10.png', 'a2', 'b1']
    """
    pieces = re.findall(r"\d+|\D+", name)
    return [(not one.isdecimal(), int(one) if one.isdecimal() else 0, one) for one in pieces]


def _folders(path: Path) -> list[Path]:
    inside = sorted(path.iterdir(), key=lambda one: natural(one.name))
    return [one for one in inside if one.is_dir() and not one.name.startswith(".")]


def _classes(root: Path, folders: list[tuple[str, Path]], filled: list[str], kind: str) -> tuple[str, ...]:
    """The names of all folders, each of which must hold something to train on."""
    names = sorted({folder.name for _, folder in folders}, key=natural)
    for name in names:
        if name not in filled:
            where = root / name if folders[0][0] == "" else root / "train" / name
            raise GatewiseError(f"{where} holds no {kind}; fill it, or take its class away")
    if len(names) == 1:
        raise GatewiseError(f"{root} has one class only, {names[0]!r}; two or more can be told apart")
    return tuple(names)
