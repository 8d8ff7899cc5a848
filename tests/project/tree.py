"""The file tree of CONTRIBUTING.md: a line a file, from the first sentence of its docstring.

python -m tests.project.tree writes it anew.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.test_layers import LAYERS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "evenodds"
GUIDE = ROOT / "CONTRIBUTING.md"
START, END = "<!-- tree: written by `make tree` -->\n", "<!-- end of tree -->"
COLUMN = 34

OTHERS = {
    "config/curves.json": "Games on record, and the curves through them, as `benchmarks/scales.py` leaves them.",
    "export/page/codec.js": "Decodes table rows in the browser.",
    "export/page/index.html": "The page that `export --format browser` writes.",
    "export/page/page.js": "Sliders, seeds and samples of that page; runs the networks.",
    "export/page/paper.js": "The canvas to draw a condition on.",
    "export/page/space_app.py.j2": "Template of the Gradio app that `export --format space` writes.",
    "export/page/style.css": "The page's style.",
    "export/page/words.js": "The page's texts, in English and Korean.",
    "py.typed": "Says that the package has types.",
    "runs/report.html.j2": "Template of report.html.",
    "studio/canvas.html": "The drawing canvas of the Draw page.",
    "studio/canvas.js": "Sends what is drawn on it.",
    "studio/cloud.js": "What D answers at the place of a cloud that is pointed at.",
    "studio/drawn.html": "The canvas on which data is drawn.",
    "studio/drawn.js": "Sprays points on it, and tells them.",
    "studio/lecture.js": "Goes along from card to card of the lecture, and ticks them.",
    "studio/live.html": "The canvas on which a game is seen as it is played.",
    "studio/live.js": "Fetches its frames and draws them.",
    "studio/stage.html": "The stage of Steer.",
    "studio/stage.js": "Moves the fake on it.",
    "studio/look.css": "The studio's style.",
    "studio/words.json": "The studio's texts, in English and Korean.",
}
"""What files that are no Python hold."""
MODELS = {"runs/gallery_data": "The models of the gallery, a folder each, as `make gallery` leaves them."}
"""Folders of data, which are not listed file by file."""


def render(source: Path = SOURCE) -> str:
    """The tree as a fenced block. Raises KeyError for a file that is neither Python nor in ``OTHERS``."""
    lines = ["```text", *folder(source, source, 0), "```", ""]
    return "\n".join(line.rstrip() for line in lines)


def folder(path: Path, source: Path, depth: int) -> list[str]:
    """A folder's line, its files' and its folders'."""
    lines = [row(f"{path.name}/", depth, sentence(path / "__init__.py"))]
    order = {name: level for level, name in enumerate(LAYERS)} if not depth else {}
    inside = sorted(path.iterdir(), key=lambda one: (one.is_dir(), order.get(one.name, 0), one.name))
    for one in inside:
        if (models := MODELS.get(one.relative_to(source).as_posix())) is not None:
            lines.append(row(f"{one.name}/", depth + 1, models))
        elif one.is_dir() and one.name != "__pycache__":
            lines += folder(one, source, depth + 1)
        elif one.is_file() and one.name != "__init__.py":
            says = sentence(one) if one.suffix == ".py" else OTHERS[one.relative_to(source).as_posix()]
            lines.append(row(one.name, depth + 1, says))
    return lines


def row(name: str, depth: int, says: str) -> str:
    """A name under its folder, and what it says of itself."""
    return f"{'  ' * depth}{name}".ljust(COLUMN) + says


def sentence(path: Path) -> str:
    """The first sentence of a module's docstring, "" where there is no module."""
    if not path.exists():
        return ""
    first = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n\n")[0]
    whole = " ".join(first.split())
    return re.split(r"(?<=[^.][.!?]) (?=[A-Z`])", whole)[0]


def written(text: str) -> str:
    """The tree that a text has between its marks."""
    return text[text.index(START) + len(START) : text.index(END)]


def main() -> None:
    """Writes the tree into CONTRIBUTING.md."""
    text = GUIDE.read_text("utf-8")
    GUIDE.write_text(text.replace(START + written(text), START + render()), "utf-8")


if __name__ == "__main__":
    main()
