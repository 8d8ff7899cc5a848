"""What a source holds and what becomes of it, as facts for the user before any training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from evenodds.config.settings import DataSettings
from evenodds.config.sizes import as_setting
from evenodds.core.spec import PictureSpec
from evenodds.data.images.album import Album
from evenodds.data.images.ingest import Watch
from evenodds.data.images.pairs import made_names
from evenodds.data.prepare import picture_path, prepare, read_source
from evenodds.data.source import Source
from evenodds.data.store import Array, Store

if TYPE_CHECKING:
    import pandas as pd

_CHUNK_BYTES = 8 * 2**20
_EXAMPLES = 5
_TREATED = {
    "1": "black and white taken as grey",
    "L": "as it is",
    "LA": "laid on white",
    "P": "palette looked up",
    "RGB": "as it is",
    "RGBA": "laid on white",
    "CMYK": "converted to RGB",
    "YCbCr": "converted to RGB",
    "I": "scaled to 8 bits",
    "F": "scaled to 8 bits",
}


def examine(source: Source, settings: DataSettings, watch: Watch | None = None) -> dict[str, Any]:
    """Facts about a source as JSON values; prepares it, so that training starts at once afterwards.

    Always: source, kind, count, train, heldout, skipped (file and reason), notes, licence, fingerprint,
    prepared_bytes, prepared_in; where a condition is asked for, given (kind, and columns or direction).
