"""The gallery: small trained models that come with the package, by the name gallery:NAME."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from evenodds.core.errors import UserError

GALLERY = "gallery:"
"""What the name of a model of the gallery begins with."""
FOLDER = Path(__file__).with_name("gallery_data")
"""Each folder in it is what `export --format hub` wrote, and its facts."""
FACTS = "gallery.json"


@dataclass(frozen=True)
class Entry:
    """A model of the gallery.

    Attributes
    ----------
    name:
        As in gallery:NAME.
    what:
        What it makes.
    samples:
        The shape of what it makes, in words.
    data, license:
        What it was trained on, and the license of that.
    command:
        The command that trained it.
    seconds, machine, date:
        For how long it was trained, where and when.
    uses:
        The commands that take it.
    """

    name: str
    what: str
    samples: str
    data: str
    license: str
    command: str
    seconds: float
    machine: str
    date: str
    uses: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return FOLDER / self.name

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def to_json(self) -> dict[str, Any]:
        """Its facts, and its size in bytes."""
        return {**asdict(self), "bytes": self.size}


def entries() -> list[Entry]:
    """Every model of the gallery, by name."""
    listing = []
    for path in sorted(FOLDER.glob(f"*/{FACTS}")):
        facts = json.loads(path.read_text("utf-8"))
        values = {field.name: facts[field.name] for field in fields(Entry) if field.name in facts}
        listing.append(Entry(**{**values, "name": path.parent.name, "uses": tuple(facts["uses"])}))
    return listing


def in_gallery(name: str | Path) -> bool:
    """Whether a name is one of the gallery, be it there or not."""
    return str(name).startswith(GALLERY)


def folder_of(name: str | Path) -> Path:
    """The folder of gallery:NAME. Raises UserError that lists the names where there is no such model."""
    names = [entry.name for entry in entries()]
    if (chosen := str(name).removeprefix(GALLERY)) not in names:
        raise UserError(
            f"{name} is not in the gallery, which has {', '.join(GALLERY + one for one in names)}"
        )
    return FOLDER / chosen
