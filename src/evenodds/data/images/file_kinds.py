"""What a file is by its first bytes, so that one that is not read is named."""

from __future__ import annotations

BEGINNING = 132
"""Bytes of a file by which its kind is told."""
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""Brands of HEIC and of its sequences."""
_AVIF = (b"avif", b"avis")
_KINDS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\0\0\1\0", "an icon (ICO)"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"v/1\x01", "OpenEXR"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"\x89HDF", "HDF5"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"PK\x03\x04", "a zip file"),
    (0, b"\x1f\x8b", "a gzip file"),
    (0, b"\x1a\x45\xdf\xa3", "a video"),
    (4, b"ftyp", "a video"),
    (8, b"AVI ", "a video"),
    (128, b"DICM", "DICOM"),
)
"""Where what stands, and in which kind of file."""
_TEXTS = (("<svg", "SVG"), ("<!doctype html", "a web page"), ("<html", "a web page"), ("<?xml", "XML"))
"""How files of text begin."""


def is_heif(beginning: bytes) -> bool:
    """Whether a file's brands are those of HEIC, and AVIF's are not among them.

    >>> is_heif(b"\\0\\0\\0\\x18ftypheic"), is_heif(b"\\0\\0\\0\\x18ftypavif")
    (True, False)
    """
    size = int.from_bytes(beginning[:4])
    brands = {beginning[start : start + 4] for start in (8, *range(16, min(size, len(beginning)), 4))}
    return beginning[4:8] == b"ftyp" and not brands.isdisjoint(_HEIF) and brands.isdisjoint(_AVIF)


def kind_by_content(beginning: bytes) -> str | None:
    """What a file of another kind is by its first BEGINNING bytes, or None.

    >>> kind_by_content(b"%PDF-1.7")
    'a PDF'
    """
    for start, mark, kind in _KINDS:
        if beginning[start : start + len(mark)] == mark:
            return kind
    text = beginning.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    return next((kind for mark, kind in _TEXTS if text.startswith(mark.encode())), None)
