"""Make a model of the gallery: train it, find its directions, train its judge, and pack it into the package.

    python benchmarks/gallery.py people|digits|faces|outlines|cats [--runs FOLDER] [--budget 2h] [--only-pack]

The run stays in the folder: the same command again goes on where it was interrupted, and a larger budget goes on where
it ended. digits and cats need the data folder beside the project. Look at sheet.png before you commit what was packed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from evenodds.cli.display import clock
from evenodds.core.spec import PictureSpec
from evenodds.runs.gallery import FACTS, FOLDER, GALLERY, entries
from evenodds.runs.run import Run
from labels import DATA, folder_of
from playing import train
from record import DOCS, machine

PAGE = DOCS / "guides" / "gallery.md"
START, END = "<!-- gallery: written by `make gallery` -->\n", "<!-- end of gallery -->"


@dataclass(frozen=True)
class Making:
    """How a model is made, and what is said of it."""

    what: str
    data: str
    license: str
    source: str
    flags: tuple[str, ...]
    directions: tuple[tuple[str, ...], ...] = ()
    """Arguments of `steer find`, for each."""
    judged: bool = True
    uses: tuple[str, ...] = ()


MAKINGS = {
    "people": Making(
        "heights and weights of people",
        "the built-in table people, drawn from a known law",
        "MIT",
        "people",
        (),
        (("weight",), ("height",)),
        uses=("evenodds sample gallery:people -n 1000", "evenodds judge gallery:people height=170,weight=63"),
    ),
    "digits": Making(
        "handwritten digits by label",
        "MNIST (60,000 pictures of 28 px)",
        "CC BY-SA 3.0",
        "mnist",
        ("--size", "28", "--condition", "labels", "--budget", "30m"),
        (("--by", "weights", "--count", "3"),),
        uses=("evenodds sample gallery:digits --condition label=7", "evenodds steer walk gallery:digits"),
    ),
    "faces": Making(
        "drawn faces by hair color and skin",
        "the built-in faces: portraits remixed from the Avatar Illustration System by Micah Lanier",
        "CC BY 4.0",
        "faces",
        ("--size", "32", "--condition", "hair_colour,skin", "--budget", "45m"),
        (("glasses=yes",), ("beard=yes",), ("hair_length=long",), ("facing=right",)),
        uses=(
            "evenodds sample gallery:faces --condition hair_colour=red",
            "evenodds steer apply gallery:faces glasses=yes",
        ),
    ),
    "outlines": Making(
        "drawn faces from their outlines",
        "the built-in faces: portraits remixed from the Avatar Illustration System by Micah Lanier",
        "CC BY 4.0",
        "faces",
        ("--size", "64", "--condition", "outlines", "--budget", "20m"),
        judged=False,
        uses=("evenodds sample gallery:outlines --condition drawing.png",),
    ),
    "cats": Making(
        "photographs of cats' heads",
        "Oxford-IIIT Pet, cats' heads cropped square (1,542 photographs)",
        "CC BY-SA 4.0",
        str(DATA / "cats256.zip"),
        ("--size", "64", "--stages", "32,64", "--budget", "4h"),
        (("--by", "features", "--count", "3"),),
        uses=("evenodds sample gallery:cats", "evenodds train PHOTOS --init gallery:cats"),
    ),
}


def evenodds(*arguments: object) -> None:
    """A command of the package, which fails loudly."""
    subprocess.run([sys.executable, "-m", "evenodds", *map(str, arguments)], check=True)


def source_of(name: str, folder: Path) -> str:
    """What it is trained on; MNIST is written out as pictures once."""
    if name != "digits":
        return MAKINGS[name].source
    pictures = folder / MAKINGS[name].source
    if not (pictures / "metadata.csv").exists():
        shutil.rmtree(pictures, ignore_errors=True)
        folder_of("mnist", pictures)
    return str(pictures)


def pack(name: str, run: Path, command: str) -> None:
    """Export the run into the package, in half precision, with what is said of it."""
    making, opened = MAKINGS[name], Run.open(run)
    shutil.rmtree(FOLDER / name, ignore_errors=True)
    flags = ["--half", "--with-discriminator", "--license", making.license.lower().replace(" ", "-")]
    reals = ["--with-reals"] if making.judged or name == "outlines" else []
    evenodds("export", run, "--format", "hub", "--out", FOLDER / name, *flags, *reals)
    spec, host = opened.spec, machine()
    samples = f"{spec.width} × {spec.height} px" if isinstance(spec, PictureSpec) else "table rows"
    played = opened.checks()
    facts = {
        "what": making.what,
        "samples": samples,
        "data": making.data,
        "license": making.license,
        "command": command,
        "seconds": round(played[-1].seconds),
        "machine": f"one thread of {host['cpu']}",
        "date": host["date"],
        "uses": making.uses,
    }
    (FOLDER / name / FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "utf-8")


def table() -> str:
    """The models that are packed, as Markdown."""
    lines = ["| name | what | data and license | trained with | for, on |", "|---|---|---|---|---|"]
    for one in entries():
        cells = (
            f"`{GALLERY}{one.name}`",
            f"{one.what}, {one.samples}",
            f"{one.data}; {one.license}",
            f"`{one.command}`",
            f"{clock(one.seconds)}, {one.machine}, {one.date}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write_page() -> None:
    """The guide with the table of what is packed."""
    before, _, rest = PAGE.read_text("utf-8").partition(START)
    PAGE.write_text(before + START + "\n" + table() + "\n" + END + rest.partition(END)[2], "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=list(MAKINGS))
    parser.add_argument("--runs", type=Path, default=Path("runs/gallery"))
    parser.add_argument("--budget")
    parser.add_argument("--only-pack", action="store_true")
    asked = parser.parse_args()
    making, run = MAKINGS[asked.name], asked.runs / asked.name
    asked.runs.mkdir(parents=True, exist_ok=True)
    flags = [*making.flags]
    if asked.budget:
        if "--budget" not in flags:
            flags += ["--budget", ""]
        flags[flags.index("--budget") + 1] = asked.budget
    if not asked.only_pack:
        print(train(source_of(asked.name, asked.runs), run, *flags))
        for direction in making.directions:
            evenodds("steer", "find", run, *direction)
        if making.judged:
            row = "height=170,weight=63" if asked.name == "people" else next((run / "samples").glob("*.png"))
            evenodds("judge", run, row)
    source = Path(making.source).name
    pack(asked.name, run, " ".join(["evenodds train", source, *flags]))
    write_page()
    print(f"packed: {sum(entry.size for entry in entries()):,} bytes in all")


if __name__ == "__main__":
    main()
