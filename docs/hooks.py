"""What the site's build adds to docs/: pages made from the code and from the files beside README.md."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from cli_reference import render, settings
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
FROM_ROOT = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "README.ko.md": "ko/index.md",
    "SECURITY.md": "security.md",
}
"""Files of the repository's root, and the page that stands for each on the site."""
SETTINGS = "<!-- settings -->"
"""Where the tables of settings stand in a page."""
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the command line's reference, and the pages whose text lies in the repository's root."""
    files.append(File.generated(config, "reference/cli.md", content=render()))
    for name, page in FROM_ROOT.items():
        if (ROOT / name).exists() and files.get_file_from_path(page) is None:
            files.append(File.generated(config, page, content=moved(ROOT / name, page)))
    return files


def moved(path: Path, page: str) -> str:
    """The text of a file in the root, with its links as they are from the page that shows it."""
    start = posixpath.dirname(page) or "."

    def link(match: re.Match[str]) -> str:
        mark, text, target, anchor = match.groups()
        inside = target.removeprefix("docs/") if target.startswith("docs/") else f"../{target}"
        return f"{mark}[{text}]({posixpath.relpath(inside, start)}{anchor or ''})"

    return LINK.sub(link, path.read_text("utf-8"))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns links out of docs/ into links to the page that stands for the file, or into its name."""
    start = posixpath.dirname(page.file.src_uri) or "."

    def link(match: re.Match[str]) -> str:
        mark, text, target, anchor = match.groups()
        full = posixpath.normpath(posixpath.join(start, target))
        if not full.startswith("../"):
            return match[0]
        stand_in = FROM_ROOT.get(full.removeprefix("../"))
        if stand_in is None or files.get_file_from_path(stand_in) is None:
            return text
        return f"{mark}[{text}]({posixpath.relpath(stand_in, start)}{anchor or ''})"

    return LINK.sub(link, markdown.replace(SETTINGS, settings()))


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Marks a page's language, for screen readers and line breaks."""
    language = page.meta.get("lang", "en")
    return output.replace('<html lang="en"', f'<html lang="{language}"', 1)
