"""The built-in data set `faces`: cartoon portraits drawn on this machine, with their true attributes.

The drawings remix the style “Avatar Illustration System” by Micah Lanier (CC BY 4.0), as packaged by
DiceBear (https://www.dicebear.com/styles/micah/). Each attribute is chosen first and the portrait is
drawn from it, so `metadata.csv` is true by construction.
"""

import csv
import io
import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from evenodds.core.errors import UserError

if TYPE_CHECKING:
    from dicebear import Style

COUNT = 10_000
VERSION = 1  # part of every seed: raise it whenever a change below alters any picture
SIDE = 128  # pixels; 256 would triple the time, and the head fills the frame at 128

LICENCE = (
    "These portraits are remixed from “Avatar Illustration System” "
    "(https://www.figma.com/community/file/829741575478342595) by Micah Lanier "
    "(https://dribbble.com/micahlanier), licensed under CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/), with colours, features and facing chosen by evenodds."
)

ATTRIBUTES: dict[str, dict[str, float]] = {
    "glasses": {"yes": 0.4, "no": 0.6},
    "beard": {"yes": 0.35, "no": 0.65},
    "hair_colour": {"black": 0.2, "brown": 0.2, "blond": 0.2, "red": 0.2, "grey": 0.2},
    "hair_length": {"short": 0.5, "long": 0.5},
    "skin": {"light": 1 / 3, "medium": 1 / 3, "dark": 1 / 3},
    "facing": {"left": 0.5, "right": 0.5},
}
"""Each column of `metadata.csv` after `file_name`, its levels and their shares; columns are independent.

Facing is the viewer's: a head facing left looks towards the picture's left edge.
"""

HAIR_COLOURS = {
    "black": "#221c28",
    "brown": "#9c5d2c",
    "blond": "#f4cf58",
    "red": "#e2542c",
    "grey": "#c9ccd6",
}
SKINS = {"light": "#fbd3bd", "medium": "#d8a272", "dark": "#633828"}
# Left out: `mrClean` and `dougFunny` are bald, `turban` may be read as a hat.
HAIR = {"short": ("fonze", "mrT"), "long": ("full", "pixie", "dannyPhantom")}
# What varies from picture to picture without being an attribute; each is drawn evenly.
INCIDENTALS: dict[str, Sequence[str]] = {
    "backgroundColor": ("#d6e8f5", "#f6e3ea", "#e3f0dc", "#f3efdf"),
    "shirtColor": ("#4c78d0", "#52a873", "#d65a7c", "#ffffff"),
    "clothesVariant": ("collared", "crew", "open"),
    "eyesVariant": ("eyes", "round", "smiling"),
    "eyebrowsVariant": ("up", "down"),
    "mouthVariant": ("smile", "smirk", "laughing", "frown", "surprised"),
    "noseVariant": ("curve", "pointed"),
    "glassesVariant": ("round", "square"),
    "earsVariant": ("attached", "detached"),
}


def portrait(index: int) -> tuple[bytes, dict[str, str]]:
    """Portrait `index` of the data set: its PNG (RGB, SIDE × SIDE) and its attributes.

    The attributes map each key of `ATTRIBUTES` to one of its levels. The same index gives the same
    attributes and the same description on every machine. Raises UserError for a negative index.
    """
    attributes = attributes_of(index)
    return draw(attributes, index), attributes


def attributes_of(index: int) -> dict[str, str]:
    """The attributes of portrait `index`, without drawing it; raises UserError for a negative index."""
    if index < 0:
        raise UserError(f"Portrait {index} of faces does not exist: count from 0.")
    rng = random.Random(f"faces {VERSION} attributes {index}")
    return {name: _pick(rng, list(shares), list(shares.values())) for name, shares in ATTRIBUTES.items()}


def draw(attributes: Mapping[str, str], index: int) -> bytes:
    """A PNG (RGB, SIDE × SIDE) of somebody with these attributes, otherwise dressed as portrait `index`.

    `attributes` has every key of `ATTRIBUTES`. Two calls that differ in one attribute draw the same person
    with that one thing changed; facing left is the mirror picture of facing right.
    Raises UserError for an attribute that is missing or has an unknown level.
    """
    for name, levels in ATTRIBUTES.items():
        if attributes.get(name) not in levels:
            raise UserError(
                f"A portrait needs {name} to be one of {', '.join(levels)}, not {attributes.get(name)}."
            )
    from dicebear import Avatar
    from resvg_py import svg_to_bytes

    svg = Avatar(_style(), _options(attributes, index)).to_string()
    png_bytes = svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True)
    png = io.BytesIO()
    # The background is opaque, so dropping the alpha channel loses nothing.
    Image.open(io.BytesIO(png_bytes)).convert("RGB").save(png, "PNG")
    return png.getvalue()


def draw_into(folder: Path, count: int = COUNT, watch: Callable[[str, int, int], None] | None = None) -> None:
    """Write `000000.png` … with `metadata.csv` and `LICENCE.txt` into the existing empty `folder`.

    `metadata.csv` has the columns file_name and the keys of `ATTRIBUTES`, one row a picture in order; it is
    written last, so a folder that has it is whole. `watch("drawing faces", done, count)` is called after
    each picture. About 10 ms a picture on one core: resvg holds the GIL, so threads gain nothing, and
    processes would ask callers for a `__main__` guard.
    Raises UserError when the folder is missing or holds something, or when count is below 1.
    """
    if count < 1:
        raise UserError(f"Drawing faces needs a count of at least 1, not {count}.")
    if not folder.is_dir() or any(folder.iterdir()):
        raise UserError(f"{folder} must be an existing empty folder for the faces to be drawn into it.")
    (folder / "LICENCE.txt").write_text(LICENCE + "\n", encoding="utf-8")
    rows = []
    for index in range(count):
        png, attributes = portrait(index)
        name = f"{index:06d}.png"
        (folder / name).write_bytes(png)
        rows.append({"file_name": name, **attributes})
        if watch is not None:
            watch("drawing faces", index + 1, count)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["file_name", *ATTRIBUTES], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _options(attributes: Mapping[str, str], index: int) -> dict[str, Any]:
    """DiceBear's options for one portrait: one value each, so that nothing is left to its own chance."""
    rng = random.Random(f"faces {VERSION} incidentals {index}")
    # Every incidental is drawn whatever the attributes are, so that changing an attribute changes only it.
    chosen: dict[str, Any] = {option: _pick(rng, values) for option, values in INCIDENTALS.items()}
    hair = {length: _pick(rng, variants) for length, variants in HAIR.items()}
    color = HAIR_COLOURS[attributes["hair_colour"]]
    return chosen | {
        "seed": "faces",
        "baseColor": SKINS[attributes["skin"]],
        "hairProbability": 100,
        "hairVariant": hair[attributes["hair_length"]],
        "hairColor": color,
        "facialHairProbability": 100 if attributes["beard"] == "yes" else 0,
        "facialHairVariant": "beard",
        "facialHairColor": color,
        "glassesProbability": 100 if attributes["glasses"] == "yes" else 0,
        "glassesColor": "#ffffff" if attributes["skin"] == "dark" else "#1d2f6f",
        "earringsProbability": 0,
        "eyeShadowColor": "#ffffff",
        # The style looks to the right.
        "flip": "horizontal" if attributes["facing"] == "left" else "none",
    }


def _pick(rng: random.Random, values: Sequence[str], shares: Sequence[float] | None = None) -> str:
    # Built on random() alone: Python keeps its sequence from version to version, and not choice()'s.
    weights = shares or [1 / len(values)] * len(values)
    left = rng.random()
    for value, weight in zip(values, weights, strict=True):
        left -= weight
        if left < 0:
            return value
    return values[-1]


@cache
def _style() -> "Style":
    # Imported here: the style's libraries take time that commands without faces should not pay.
    import json
    from importlib.resources import files

    from dicebear import Style

    return Style(json.loads(files("dicebear_styles").joinpath("micah.json").read_text(encoding="utf-8")))
