"""Checks a built site offline: every link and anchor leads somewhere, and nothing is loaded from elsewhere.

`python docs/_ext/check_html.py docs/_build/html`
"""

from __future__ import annotations

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in LOADED and LOADED[tag] in found:
            self.loaded.append(found[LOADED[tag]])


@cache
def read(path: Path) -> Page:
    """A page of the site."""
    return Page(path.read_text())


def faults(path: Path) -> list[str]:
    """What is wrong with the links of a page."""
    page = read(path)
    wrong = [f"loads {one}" for one in page.loaded if urlsplit(one).netloc]
    for link in [*page.links, *page.loaded]:
        aim = urlsplit(link)
        if aim.scheme or aim.netloc:
            continue
        target = (path.parent / unquote(aim.path)).resolve() if aim.path else path
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            wrong.append(f"links to {link}, which does not exist")
        elif aim.fragment and target.suffix == ".html" and unquote(aim.fragment) not in read(target).anchors:
            wrong.append(f"links to {link}, which has no such anchor")
    return wrong


def main(folder: Path) -> int:
    """Prints all faults below a folder; the number of pages that have some."""
    found = {path: faults(path) for path in sorted(folder.rglob("*.html"))}
    for path, wrong in found.items():
        for one in dict.fromkeys(wrong):
            print(f"{path.relative_to(folder)} {one}")
    return sum(map(bool, found.values()))


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1]).resolve()), 1))
