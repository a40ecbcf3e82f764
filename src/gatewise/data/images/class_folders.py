"""Folders named by classes, optionally below folders train, validation and test."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatewise.data.images.left_out import describe_left_out, require_text
from gatewise.data.splits import NAMES, Fractions, Split, complete_split, named_split
from gatewise.data.stratified import stratified_split
from gatewise.errors import GatewiseError


@dataclass(frozen=True)
class ClassFolders:
    """Examples by their paths.

    classes: the names of the folders; paths: of all examples; labels: their class numbers
    sets: of each, "train", "validation" or "test"; "" if there are no folders for sets
    notes: on what was left out
    """

    classes: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: tuple[int, ...]
    sets: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def split(self, fractions: Fractions) -> Split:
        """The sets by their folders; one without a folder is drawn from the training set, stratified.

        Raises: `GatewiseError` as `stratified_split`.
        """

        def draw(train: list[int], missing: Fractions) -> Split:
            return stratified_split([self.labels[number] for number in train], missing)

        return complete_split(named_split(self.sets), fractions, draw)

    def describe_split(self) -> str:
        """How `split` finds the sets."""
        own = [name for name in ("validation", "test") if name in self.sets]
        if len(own) == 2:
            return "by folders"
        return f"the {own[0]} set by its folder" if own else "stratified by class"


def read_class_folders(
    root: Path, is_example: Callable[[Path], bool], kind: str, classes: tuple[str, ...] = ()
) -> ClassFolders:
    """Finds all examples below a folder, `root/CLASS/EXAMPLE` or `root/train/CLASS/EXAMPLE` and so on.

    Args:
        is_example: whether a path is an example; kind: the name of examples in the plural
        classes: those of a trained model; empty for those of the folder

    Raises: `GatewiseError` if there is no class, only one, an unknown one, or one without training examples.
    """
    if not root.is_dir():
        raise GatewiseError(f"there is no folder {str(root)!r}; give one with a folder for each class")
    top = _folders(root)
    divided = bool(top) and all(one.name.lower() in NAMES and _folders(one) for one in top)
    folders = [(NAMES[one.name.lower()] if divided else "", one) for one in top]
    if divided:
        folders = [(name, own) for name, one in folders for own in _folders(one)]
    inside = [
        (name, require_text(folder, "class"), path)
        for name, folder in folders
        for path in sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
    ]
    found = [one for one in inside if is_example(one[2])]
    if not found:
        raise GatewiseError(
            f"{root} contains no folders of {kind}; put the {kind} of each class into a folder of its name"
        )
    names = classes or _classes(root, folders, [name for own, name, _ in found if own in ("", "train")], kind)
    for _, name, path in found:
        if name not in names:
            raise GatewiseError(
                f"{path.parent} is not among the classes of the model: {', '.join(names)}; rename it"
            )
    return ClassFolders(
        names,
        tuple(path for _, _, path in found),
        tuple(names.index(name) for _, name, _ in found),
        tuple(own for own, _, _ in found),
        (
            *describe_left_out(_others(root, folders, [path for _, _, path in inside], is_example)),
            *_similar(names),
        ),
    )


def _others(
    root: Path, folders: list[tuple[str, Path]], inside: list[Path], is_example: Callable[[Path], bool]
) -> list[Path]:
    """The paths outside the folders of classes, and those inside that are not examples."""
    parents, own = {folder.parent for _, folder in folders}, {folder for _, folder in folders}
    outside = [one for parent in {root, *parents} for one in parent.iterdir() if one not in own | parents]
    return [*outside, *(path for path in inside if not is_example(path))]


def _similar(names: tuple[str, ...]) -> tuple[str, ...]:
    """A note on classes whose names differ only by case, if there are any."""
    lower = [name.lower() for name in names]
    found = [name for name in names if lower.count(name.lower()) > 1]
    return (f"classes that differ only by case: {', '.join(found)}",) if found else ()


def natural_key(name: str) -> list[tuple[bool, int, str]]:
    """A sort key by which numbers in names are compared as numbers.

    >>> sorted(["10.png", "9.png", "b1", "a2"], key=natural_key)
    ['9.png', '10.png', 'a2', 'b1']
    """
    parts = re.findall(r"\d+|\D+", name)
    return [(not one.isdecimal(), int(one) if one.isdecimal() else 0, one) for one in parts]


def _folders(path: Path) -> list[Path]:
    inside = sorted(path.iterdir(), key=lambda one: natural_key(one.name))
    return [one for one in inside if one.is_dir() and not one.name.startswith(".")]


def _classes(root: Path, folders: list[tuple[str, Path]], filled: list[str], kind: str) -> tuple[str, ...]:
    """The names of all folders, each of which needs training examples."""
    names = sorted({folder.name for _, folder in folders}, key=natural_key)
    for name in names:
        if name not in filled:
            where = root / name if folders[0][0] == "" else root / "train" / name
            raise GatewiseError(f"{where} contains no {kind}; add some, or remove its class")
    if len(names) == 1:
        raise GatewiseError(f"{root} has only one class, {names[0]!r}; expected two or more")
    return tuple(names)
