"""Kinds of input files, one at a time beside ten usual ones: what `doctor` says of each."""

from __future__ import annotations

import base64
import io
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.data.doctor import examine
from evenodds.data.source import find

COLOR = (200, 100, 50)
USUAL = 10
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAXxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA"
    "AERAAAEAAQAAAAABoAABAAAAAAAAADYAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/GlwcnAAAADc"
    "aXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAA"
    "AwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFw"
    "AAAAEAAAAAEAAAAQAAAAAf///9AAAAAC////0AAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAAPm1kYXQAAAAy"
    "KAGvBjIWZzSJIPC79f//9jb/ZfgDks1snrhH6GPH5LeQkZ70X3sYUuU8dCD0nFO5zYA="
)
"""16 x 16 px of COLOR, encoded for this test."""


def of(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def flat(mode: str, value: Any) -> Image.Image:
    return Image.new(mode, (16, 16), value)


def deep(dtype: str) -> Image.Image:
    """Values of 1,000 to 1,255."""
    return Image.fromarray(np.arange(1000, 1256).reshape(16, 16).astype(dtype))


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8))


def several(kind: str, count: int = 3, mode: str = "RGB") -> bytes:
    first, *others = (flat(mode, (60 * index, 100, 50)) for index in range(count))
    return of(first, kind, save_all=True, append_images=others)


def palette() -> Image.Image:
    image = flat("P", 1)
    image.putpalette([0, 0, 0, *COLOR])
    return image


def png(depth: int, kind: int, row: bytes, side: int = 16) -> bytes:
    """A PNG of a depth in bits and a color type that Pillow does not write; it holds 16 rows, all alike."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, 0)
    pixels = zlib.compress((b"\0" + row) * 16)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def turned() -> bytes:
    exif = Image.Exif()
    exif[274] = 6
    return of(Image.new("RGB", (32, 16), COLOR), "JPEG", exif=exif)


RGB = flat("RGB", COLOR)
READ: dict[str, tuple[str, bytes, str, str]] = {
    "PNG of 1 bit": ("a.png", of(flat("1", 1), "PNG"), "1", "black and white taken as grey"),
    "PNG of 2 bits": ("a.png", png(2, 0, b"\x1b" * 4), "L", "as it is"),
    "PNG of 4 bits": ("a.png", png(4, 0, b"\x1b" * 8), "L", "as it is"),
    "PNG, gray": ("a.png", of(flat("L", 90), "PNG"), "L", "as it is"),
    "PNG, gray with alpha": ("a.png", of(flat("LA", (90, 0)), "PNG"), "LA", "laid on white"),
    "PNG, gray of 16 bits": ("a.png", of(deep("uint16"), "PNG"), "I;16", "values from 1,000.25 to 1,254.75"),
    "PNG, gray of 16 bits with alpha": ("a.png", png(16, 4, b"\x40\0\x80\0" * 16), "RGBA", "laid on white"),
    "PNG, color": ("a.png", of(RGB, "PNG"), "RGB", "as it is"),
    "PNG, color of 16 bits": ("a.png", png(16, 2, b"\x40\0\x80\0\xc0\0" * 16), "RGB", "as it is"),
    "PNG, color with alpha": ("a.png", of(flat("RGBA", (*COLOR, 9)), "PNG"), "RGBA", "laid on white"),
    "PNG, interlaced palette": ("a.png", of(palette(), "PNG"), "P", "palette looked up"),
    "PNG, palette with alpha": (
        "a.png",
        of(palette(), "PNG", transparency=1),
        "P",
        "1 of 11 pictures have transparency",
    ),
    "PNG, animated": ("a.png", several("PNG"), "RGB", "2 beside the first are not taken"),
    "JPEG, gray": ("a.jpg", of(flat("L", 90), "JPEG"), "L", "as it is"),
    "JPEG, color": ("a.jpeg", of(RGB, "JPEG"), "RGB", "as it is"),
    "JPEG, progressive": ("a.jpg", of(RGB, "JPEG", progressive=True), "RGB", "as it is"),
    "JPEG, CMYK": ("a.jpg", of(flat("CMYK", (9, 9, 9, 9)), "JPEG"), "CMYK", "converted to RGB"),
    "JPEG, turned": ("a.jpg", turned(), "RGB", "1 of 11 pictures are not square"),
    "JPEG with a second picture (MPO)": ("a.jpg", several("MPO"), "RGB", "as it is"),
    "JPEG in capitals": ("A.JPG", of(RGB, "JPEG"), "RGB", "as it is"),
    "JPEG named PNG": ("a.png", of(RGB, "JPEG"), "RGB", "as it is"),
    "GIF": ("a.gif", of(palette(), "GIF"), "P", "palette looked up"),
    "GIF, animated": ("a.gif", several("GIF"), "P", "2 beside the first are not taken"),
    "BMP": ("a.bmp", of(RGB, "BMP"), "RGB", "as it is"),
    "BMP of 1 bit": ("a.bmp", of(flat("1", 1), "BMP"), "1", "black and white taken as grey"),
    "WebP": ("a.webp", of(RGB, "WEBP"), "RGB", "as it is"),
    "WebP with alpha": ("a.webp", of(flat("RGBA", (*COLOR, 9)), "WEBP"), "RGBA", "laid on white"),
    "WebP, animated": ("a.webp", several("WEBP"), "RGB", "2 beside the first are not taken"),
    "TIFF": ("a.tif", of(RGB, "TIFF"), "RGB", "as it is"),
    "TIFF, packed by LZW": ("a.tiff", of(RGB, "TIFF", compression="tiff_lzw"), "RGB", "as it is"),
    "TIFF, CMYK": ("a.tif", of(flat("CMYK", (9, 9, 9, 9)), "TIFF"), "CMYK", "converted to RGB"),
    "TIFF of 16 bits": ("a.tif", of(deep("uint16"), "TIFF"), "I;16", "values from 1,000.25 to 1,254.75"),
    "TIFF of 16 bits, big-endian": (
        "a.tif",
        of(deep(">u2"), "TIFF"),
        "I;16B",
        "values from 1,000.25 to 1,254.75",
    ),
    "TIFF of 32 bits": ("a.tif", of(deep("int32"), "TIFF"), "I", "values from 1,000.25 to 1,254.75"),
    "TIFF of floats": ("a.tif", of(deep("float32"), "TIFF"), "F", "values from 1,000.25 to 1,254.75"),
    "TIFF of several pages": ("a.tif", several("TIFF", 5), "RGB", "4 beside the first are not taken"),
    "PPM": ("a.ppm", of(RGB, "PPM"), "RGB", "as it is"),
    "PGM": ("a.pgm", of(flat("L", 90), "PPM"), "L", "as it is"),
    "PGM of 16 bits": (
        "a.pgm",
        b"P5 16 16 65535\n" + b"\x04\x00" * 128 + b"\x05\x00" * 128,
        "I",
        "values from 1,024 to",
    ),
}
"""File name, content, the mode that is counted, and how it is treated or a part of a note."""


def saved(array: Any, **others: Any) -> bytes:
    """An array as .npy, or with others as .npz."""
    stream = io.BytesIO()
    if others:
        np.savez_compressed(stream, array, **others)
    else:
        np.save(stream, array)
    return stream.getvalue()


def scene(*shape: int, dtype: str = "float32") -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).uniform(1000, 1255, shape).astype(dtype)


def tiff(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, photometric="minisblack", **options)
    return stream.getvalue()


ARRAYS: dict[str, tuple[str, Callable[[], bytes], str, int]] = {
    "array, gray of 8 bits": ("a.npy", lambda: saved(noise().convert("L")), "L", 1),
    "array, gray of 16 bits": ("a.npy", lambda: saved(scene(16, 16, dtype="uint16")), "I;16", 1),
    "array, color of 8 bits": ("a.npy", lambda: saved(noise()), "RGB", 1),
    "array of truths": ("a.npy", lambda: saved(scene(16, 16) > 1100), "1", 1),
    "array, gray of floats": ("a.npy", lambda: saved(scene(16, 16)), "1 band, float32", 1),
    "array, color of 16 bits": (
        "a.npy",
        lambda: saved(scene(16, 16, 3, dtype="uint16")),
        "3 bands, uint16",
        1,
    ),
    "array of 2 bands": ("a.npy", lambda: saved(scene(16, 16, 2)), "2 bands, float32", 1),
    "array of 4 bands of 8 bits": (
        "a.npy",
        lambda: saved(scene(16, 16, 4).astype("uint8")),
        "4 bands, uint8",
        1,
    ),
    "array, bands first": ("a.npy", lambda: saved(scene(6, 20, 18)), "6 bands, float32", 1),
    "array, big-endian": ("a.npy", lambda: saved(scene(20, 18, 5, dtype=">i4")), "5 bands, int32", 1),
    "array, column by column": (
        "a.npy",
        lambda: saved(np.asfortranarray(scene(20, 18, 5))),
        "5 bands, float32",
        1,
    ),
    "array, a stack": ("a.npy", lambda: saved(scene(3, 20, 18, 16)), "16 bands, float32", 3),
    "array, a stack with bands first": ("a.npy", lambda: saved(scene(3, 5, 20, 18)), "5 bands, float32", 3),
    "array, a stack in gray": ("a.npy", lambda: saved(scene(17, 20, 18)), "1 band, float32", 17),
    "archive of an array": (
        "a.npz",
        lambda: saved(scene(3, 20, 18, 5), label=[1, 2, 3]),
        "5 bands, float32",
        3,
    ),
    "TIFF of 5 bands": (
        "a.tif",
        lambda: tiff(scene(20, 18, 5), planarconfig="contig"),
        "5 bands, float32",
        1,
    ),
    "TIFF of 2 bands": (
        "a.tif",
        lambda: tiff(scene(20, 18, 2), planarconfig="contig"),
        "2 bands, float32",
        1,
    ),
    "TIFF of red, green, blue and infrared": (
        "a.tif",
        lambda: tiff(
            scene(20, 18, 4, dtype="uint16"), planarconfig="contig", extrasamples=("unspecified",) * 3
        ),
        "4 bands, uint16",
        1,
    ),
    "TIFF of bands, tiled and packed": (
        "a.tif",
        lambda: tiff(
            scene(6, 40, 36, dtype="int16"),
            planarconfig="separate",
            tile=(16, 32),
            compression="zlib",
            predictor=True,
            byteorder=">",
        ),
        "6 bands, int16",
        1,
    ),
}
"""File name, content, the mode that is counted, and how many pictures it holds; beside others of its kind."""

UNREAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "array of one axis": (lambda: saved(scene(16)), "an array of shape (16,)"),
    "array of too many bands": (lambda: saved(scene(3, 20, 18, 17)), "at most 16 channels are read"),
    "array of complex numbers": (
        lambda: saved(scene(16, 16) * 1j),
        "the dtype complex64, which are not read",
    ),
    "array of objects": (lambda: saved(np.array([["a", None]])), "Python objects, which are not read"),
    "array of nothing": (lambda: saved(np.empty((0, 16, 16))), "an array of shape (0, 16, 16)"),
    "array cut off": (lambda: saved(scene(16, 16, 5))[:500], "truncated"),
    "array of other bands": (lambda: saved(scene(16, 16, 6)), "6 bands, and most files have 5 bands"),
    "archive of several arrays": (
        lambda: saved(scene(16, 16, 5), mask=scene(16, 16)),
        "several arrays (mask, arr_0): keep the pictures alone, or save them as .npy",
    ),
    "archive of labels": (lambda: saved(scene(3), label=[1, 2, 3]), "no array of pictures in it"),
    "zip of other files": (lambda: b"PK\5\6" + bytes(18), "not a picture"),
}
"""Content of a file beside arrays of 5 bands, and a part of the reason for which it is skipped."""

REFUSED: dict[str, tuple[str, bytes, str]] = {
    "nothing": ("a.png", b"", "zero bytes"),
    "PNG cut off": ("a.png", of(noise(), "PNG")[:400], "truncated"),
    "JPEG cut off": ("a.jpg", of(RGB, "JPEG")[:200], "truncated"),
    "text": ("a.png", b"hello, this is no picture", "not a picture"),
    "SVG": ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "a page that says no": ("a.jpg", b"<!DOCTYPE html><p>404</p>", "a web page"),
    "PDF": ("a.tif", b"%PDF-1.7\n", "PDF"),
    "PostScript": ("a.jpg", b"%!PS-Adobe-3.0\n", "PostScript"),
    "Photoshop": ("a.tif", b"8BPS\0\1" + bytes(20), "Photoshop"),
    "icon": ("a.png", b"\0\0\1\0\1\0" + bytes(20), "ICO"),
    "JPEG 2000": ("a.jpg", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20), "JPEG 2000"),
    "JPEG XL": ("a.jpg", b"\xff\x0a" + bytes(20), "JPEG XL"),
    "OpenEXR": ("a.tif", b"v/1\x01" + bytes(20), "OpenEXR"),
    "DICOM": ("a.tif", bytes(128) + b"DICM" + bytes(20), "DICOM"),
    "film": ("a.gif", b"\0\0\0\x18ftypmp42" + bytes(20), "video"),
    "zip named picture": ("a.png", b"PK\x03\x04" + bytes(20), "zip"),
    "more pixels than are read": (
        "a.png",
        png(8, 0, bytes(16), 20_000),
        "20000 × 20000 px is over the limit of 100 megapixels",
    ),
}
"""File name, content, and a part of the reason for which it is skipped."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Usual pictures."""
    made = tmp_path / "data"
    made.mkdir()
    for number in range(USUAL):
        (made / f"usual-{number}.png").write_bytes(of(RGB, "PNG"))
    return made


def facts_of(path: Path, **settings: Any) -> dict[str, Any]:
    return examine(find(str(path)), DataSettings(size=16, **settings))


@pytest.mark.parametrize("kind", READ)
def test_what_is_read(kind: str, folder: Path) -> None:
    name, content, mode, says = READ[kind]
    (folder / name).write_bytes(content)
    facts = facts_of(folder)
    assert facts["count"] == USUAL + 1
    assert not facts["skipped"]
    assert facts["modes"][mode]["count"] == (USUAL + 1 if mode == "RGB" else 1)
    assert facts["modes"][mode]["treated"] == says or any(says in note for note in facts["notes"])


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_and_bands_that_are_read(kind: str, tmp_path: Path) -> None:
    name, content, mode, count = ARRAYS[kind]
    for index in range(USUAL):
        (tmp_path / f"{index}-{name}").write_bytes(content())
    facts = facts_of(tmp_path)
    assert facts["count"] == USUAL * count
    assert not facts["skipped"]
    bands = "band" in mode
    assert facts["modes"].keys() == {mode}
    assert (facts["modes"][mode]["treated"] == "each band by its range") == bands
    assert any(f"{mode.split(',')[0]} of " in note for note in facts["notes"]) == bands


@pytest.mark.parametrize("kind", UNREAD)
def test_an_array_that_is_not_read_is_named(kind: str, tmp_path: Path) -> None:
    content, reason = UNREAD[kind]
    for index in range(USUAL):
        (tmp_path / f"usual-{index}.npy").write_bytes(saved(scene(16, 16, 5)))
    (tmp_path / "a.npz").write_bytes(content())
    facts = facts_of(tmp_path)
    assert facts["count"] == USUAL
    [skipped] = facts["skipped"]
    assert skipped["file"] == "a.npz"
    assert reason in skipped["reason"]


def test_bands_beside_pictures_are_named(folder: Path) -> None:
    """Arrays there are ignored as before: they may be labels or features of the pictures."""
    (folder / "a.tif").write_bytes(tiff(scene(16, 16, 5), planarconfig="contig"))
    (folder / "b.npy").write_bytes(saved(scene(16, 16, 3)))
    facts = facts_of(folder)
    assert facts["count"] == USUAL
    [skipped] = facts["skipped"]
    assert skipped == {"file": "a.tif", "reason": "5 bands, and most files are pictures in gray or color"}
    assert any("ignored: 1 (1 .npy)" in note for note in facts["notes"])


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_read_is_named(kind: str, folder: Path) -> None:
    name, content, reason = REFUSED[kind]
    (folder / name).write_bytes(content)
    facts = facts_of(folder)
    assert facts["count"] == USUAL
    [skipped] = facts["skipped"]
    assert skipped["file"] == name
    assert reason in skipped["reason"]


def test_avif_is_read(folder: Path) -> None:
    try:
        content = of(RGB, "AVIF")
    except (KeyError, OSError):
        pytest.skip("this Pillow has no AVIF")
    (folder / "a.avif").write_bytes(content)
    assert facts_of(folder)["modes"] == {"RGB": {"count": USUAL + 1, "treated": "as it is"}}


def test_heic_is_read_with_its_extra(folder: Path) -> None:
    pytest.importorskip("pi_heif", reason="the extra heic is not installed")
    (folder / "a.heic").write_bytes(HEIC)
    (folder / "b.jpg").write_bytes(HEIC)
    assert facts_of(folder)["modes"] == {"RGB": {"count": USUAL + 2, "treated": "as it is"}}


def test_heic_without_its_extra_is_skipped_with_the_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    (folder / "a.heic").write_bytes(HEIC)
    [skipped] = facts_of(folder)["skipped"]
    assert skipped == {
        "file": "a.heic",
        "reason": "reading HEIC needs the package pi_heif, which is not installed: pip install 'evenodds[heic]'",
    }


def place(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(of(RGB, "PNG"))


def linked(target: Path | str, name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).symlink_to(target)


LAYOUTS: dict[str, tuple[Callable[[Path], None], int]] = {
    "a link to a picture": (linked("usual-1.png", "a.png"), USUAL + 1),
    "a link to nothing": (linked("gone.png", "a.png"), USUAL),
    "a link to itself": (linked("a.png", "a.png"), USUAL),
    "a link to the folder itself": (linked(".", "again"), USUAL),
    "a link to the folder above": (linked("..", "up"), USUAL),
    "a link to a folder beside": (linked("../beside", "side"), USUAL + 1),
    "a hidden picture": (lambda folder: place(folder / ".a.png"), USUAL),
    "what a Mac leaves in a zip": (lambda folder: place(folder / "__MACOSX" / "a.png"), USUAL),
    "a picture far down": (lambda folder: place(folder / "b" / "c" / "d" / "a.png"), USUAL + 1),
}
"""What is put beside the usual pictures, and how many are counted then."""


@pytest.mark.parametrize("kind", LAYOUTS)
def test_links_and_hidden_files(kind: str, folder: Path) -> None:
    beside = folder.parent / "beside"
    beside.mkdir()
    (beside / "b.png").write_bytes(of(RGB, "PNG"))
    (folder.parent / "above.png").write_bytes(of(RGB, "PNG"))
    put, count = LAYOUTS[kind]
    put(folder)
    facts = facts_of(folder)
    assert facts["count"] == count
    assert not facts["skipped"]


@pytest.mark.parametrize("kind", ["zip", "deflated zip", "tar", "shards"])
def test_containers(kind: str, folder: Path, tmp_path: Path) -> None:
    files = sorted(folder.iterdir())
    path = tmp_path / ("a.zip" if "zip" in kind else "a.tar")
    if "zip" in kind:
        with zipfile.ZipFile(
            path, "w", zipfile.ZIP_DEFLATED if kind != "zip" else zipfile.ZIP_STORED
        ) as pack:
            for file in files:
                pack.write(file, f"inside/{file.name}")
    else:
        with tarfile.open(path, "w") as pack_of:
            for file in files:
                pack_of.add(file, file.name)
    if kind == "shards":
        (tmp_path / "shards").mkdir()
        for number in (0, 1):
            (tmp_path / "shards" / f"{number}.tar").write_bytes(path.read_bytes())
        path = tmp_path / "shards"
    assert facts_of(path)["count"] == (2 * USUAL if kind == "shards" else USUAL)


def test_kinds_that_are_not_tried_are_counted(folder: Path) -> None:
    for name in ("notes.txt", "film.mp4", "raw.cr2", "README"):
        (folder / name).write_bytes(b"x")
    [note] = [note for note in facts_of(folder)["notes"] if "ignored" in note]
    assert "ignored: 4 (1 " in note
    assert all(kind in note for kind in (".txt", ".mp4", ".cr2", "without an ending"))
