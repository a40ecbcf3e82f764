"""Links of pages to files of the repository, and pages that are files of the repository.

A page that begins with `mirror: ../CHANGELOG.md` has the text of that file. A link to a mirrored file leads
to its page, and one to another file of the repository downloads it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

MIRROR = re.compile(r"\A---\nmirror: (\S+)\n---\n")
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def _read(app: Sphinx, page: str, source: list[str]) -> None:
    path = Path(app.env.doc2path(page))
    if path.suffix != ".md":
        return
    mirrored = MIRROR.match(source[0])
    origin = path
    if mirrored is not None:
        origin = _normal(path.parent / mirrored[1])
        app.env.note_dependency(str(origin), docname=page)
        source[0] = origin.read_text()
    mirrors = _mirrors(Path(app.srcdir))

    def leads(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        aim = _normal(origin.parent / target)
        if ":" in target or not aim.exists():
            return match[0]
        if aim in mirrors:
            return f"[{text}]({os.path.relpath(mirrors[aim], path.parent)}{anchor})"
        if aim.is_dir():
            return text
        if aim.suffix == ".md" and aim.is_relative_to(app.srcdir):
            return f"[{text}]({os.path.relpath(aim, path.parent)}{anchor})"
        return f"{{download}}`{text.replace('`', '')} <{os.path.relpath(aim, path.parent)}>`"

    def shows(match: re.Match[str]) -> str:
        aim = _normal(origin.parent / match[2])
        return f"![{match[1]}]({os.path.relpath(aim, path.parent)})" if aim.exists() else match[0]

    source[0] = IMAGE.sub(shows, LINK.sub(leads, source[0]))


def _mirrors(pages: Path) -> dict[Path, Path]:
    """The pages that are files of the repository, by the file."""
    found = {}
    for page in pages.glob("*.md"):
        if mirrored := MIRROR.match(page.read_text()):
            found[_normal(page.parent / mirrored[1])] = page
    return found


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))


def setup(app: Sphinx) -> None:
    """Registers the rewriting of pages as they are read."""
    app.connect("source-read", _read)
