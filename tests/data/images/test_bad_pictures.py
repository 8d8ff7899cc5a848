"""Damaged, hostile and missing input: the rest is prepared, or one sentence says what to do."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evenodds.config.data_settings import DataSettings
from evenodds.core.errors import UserError
from evenodds.data.images.album import Album
from evenodds.data.images.arrays import BadPicture, decode, look
from evenodds.data.prepare import prepare
from evenodds.data.source import Source, find

SMALL = DataSettings(size=8)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def encoded(number: int = 0, kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (48, 40, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def album(folder: Path, count: int = 12) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number:02}.png").write_bytes(encoded(number))
    return folder


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def huge_png() -> bytes:
    """The header of a PNG of 50,000 × 50,000 pixels, and hardly any pixels."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def reasons(source: Source) -> dict[str, str]:
    return {entry["file"]: entry["reason"] for entry in prepare(source, SMALL).facts["skipped"]}


def test_bad_pictures_are_skipped_with_their_reason(tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    (folder / "cut.jpg").write_bytes(encoded(1, "JPEG")[:900])
    (folder / "cut.png").write_bytes(encoded()[:3000])
    (folder / "empty.png").write_bytes(b"")
    (folder / "huge.png").write_bytes(huge_png())
    (folder / "text.jpg").write_text("this is a letter, not a picture")
    (folder / "noise.png").write_bytes(encoded()[:40] + bytes(range(256)) * 20)
    (folder / "letter.txt").write_text("not counted")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "00.png").write_bytes(b"")
    store = prepare(find(str(folder)), SMALL)
    assert {entry["file"]: entry["reason"] for entry in store.facts["skipped"]} == {
        "cut.jpg": "truncated",
        "cut.png": "truncated",
        "empty.png": "zero bytes",
        "huge.png": "50000 × 50000 px is over the limit of 100 megapixels",
        "noise.png": "damaged",
        "text.jpg": "not a picture",
    }
    assert store.facts["counts"] == {"samples": 12, "train": 10, "heldout": 2, "skipped": 6}
    assert "files of kinds that are not read are ignored: 1 (1 .txt)" in store.facts["notes"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
def test_a_picture_cut_anywhere_is_bad_and_nothing_else(kind: str) -> None:
    whole = encoded(3, kind)
    for length in np.linspace(0, len(whole) - 40, 60).astype(int):
        with pytest.raises(BadPicture):
            decode(io.BytesIO(whole[:length]), 8, "crop", 3)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
def test_a_picture_with_wrong_bytes_is_read_or_bad(kind: str) -> None:
    whole = np.frombuffer(encoded(3, kind), np.uint8)
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(150):
        spoilt = whole.copy()
        places = rng.integers(0, min(len(spoilt), 400), 3)
        spoilt[places] = rng.integers(0, 256, 3)
        try:
            outcomes.add(decode(io.BytesIO(spoilt.tobytes()), 8, "crop", 3).shape)
        except BadPicture as bad:
            outcomes.add(str(bad)[:4])
    checked = kind == "PNG"  # its checksums leave no wrong byte unseen
    assert ((3, 8, 8) in outcomes) is not checked
    assert len(outcomes) > 1 or kind == "PPM"


def test_the_size_is_checked_before_any_pixel_is_read() -> None:
    with pytest.raises(BadPicture, match=r"50000 × 50000 px is over the limit of 100 megapixels"):
        look(io.BytesIO(huge_png()))


def test_no_good_picture_is_the_users_error_with_reasons(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.jpg").write_bytes(b"")
    with pytest.raises(UserError, match=r"None of the 5 pictures .*0.jpg: zero bytes; .*2.jpg: .*; \.\.\."):
        prepare(find(str(tmp_path)), SMALL)
    assert not list((tmp_path / "cache").rglob("samples.npy"))


def test_bad_only_below_the_header_is_the_users_error_too(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.png").write_bytes(encoded(number)[:2000])
    with pytest.raises(UserError, match=r"None of the 12 pictures .*truncated"):
        prepare(find(str(tmp_path)), SMALL)
    assert [path.name for path in (tmp_path / "cache" / "stores").iterdir() if path.is_dir()] == []


def test_too_few_are_counted(tmp_path: Path) -> None:
    source = find(str(album(tmp_path / "few", 9)))
    with pytest.raises(UserError, match="few holds 9 usable samples and at least 10 are needed"):
        prepare(source, SMALL)
    assert [path.name for path in (tmp_path / "cache" / "stores").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nowhere", r'^"nowhere" is not there: give a built-in \(people, digits, faces\)'),
        ("peple", r'"peple" is not there \(did you mean "people"\?\)'),
        ("", "is not there"),
        ("empty", "The folder empty is empty"),
        ("letters", "No picture lies in letters"),
        ("one.jpg", "one.jpg is a single picture: give the folder"),
        ("thing.xyz", "thing.xyz is no kind of file"),
        ("broken.zip", "broken.zip is not a whole zip file"),
        ("letters.zip", "No picture lies in letters.zip"),
    ],
)
def test_a_source_that_cannot_be(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("letters").mkdir()
    Path("letters/a.txt").write_text("a")
    Path("one.jpg").write_bytes(encoded(0, "JPEG"))
    Path("thing.xyz").write_bytes(b"x")
    whole = zipped(Path("whole.zip"), {f"{n}.png": encoded(n) for n in range(10)}).read_bytes()
    Path("broken.zip").write_bytes(whole[: len(whole) // 2])
    zipped(Path("letters.zip"), {"a.txt": b"a"})
    with pytest.raises(UserError, match=message) as caught:
        find(text)
    assert "\n" not in str(caught.value)


def test_sources_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    album(Path("people"), 1)
    Path("my table.csv.gz").write_bytes(b"")
    zipped(Path("A b.ZIP"), {"x.png": encoded()})
    assert find("people") == Source("people", "table", None, "people")
    assert find("./people") == Source("people", "pictures", Path("people"), None)
    assert find("my table.csv.gz") == Source("my-table", "table", Path("my table.csv.gz"), None)
    assert find("A b.ZIP") == Source("A-b", "pictures", Path("A b.ZIP"), None)
    assert find("faces").kind == find("digits").kind == "pictures"


def test_a_source_is_found_without_the_slow_imports() -> None:
    command = (
        "import sys, evenodds.config.settings, evenodds.data.source as s; s.find('people'); "
        "print(sorted({'torch', 'pandas', 'PIL', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    folder = album(tmp_path / "mine")
    (folder / "again").symlink_to(folder)
    assert prepare(find(str(folder)), SMALL).facts["counts"]["samples"] == 12


def test_a_zip_is_read_in_place_and_cannot_leave(tmp_path: Path) -> None:
    files = {f"cats/{n:02}.png": encoded(n) for n in range(12)}
    path = zipped(tmp_path / "cats.zip", {**files, "../evil.png": encoded(99), "cats/.x.png": b""})
    before = set(tmp_path.rglob("*"))
    assert reasons(find(str(path))) == {"../evil.png": "its name points outside the zip"}
    after = {path for path in tmp_path.rglob("*") if tmp_path / "cache" not in (path, *path.parents)}
    assert after == before


def test_zip_entries_that_are_hostile_are_skipped(tmp_path: Path) -> None:
    files = {f"{n:02}.png": encoded(n) for n in range(12)}
    path = zipped(tmp_path / "mine.zip", {**files, "locked.png": encoded(), "wide.png": encoded()})
    content = bytearray(path.read_bytes())
    set_in_directory(content, b"locked.png", 8, struct.pack("<H", 1))  # the flag that says encrypted
    set_in_directory(content, b"wide.png", 24, struct.pack("<I", 300_000_000))  # size when unpacked
    path.write_bytes(content)
    assert reasons(find(str(path))) == {
        "locked.png": "encrypted",
        "wide.png": "300 MB unpacked is over the limit of 200 MB",
    }


def test_a_zip_entry_with_a_wrong_checksum_is_skipped(tmp_path: Path) -> None:
    path = zipped(tmp_path / "mine.zip", {f"{n:02}.ppm": encoded(n, "PPM") for n in range(12)})
    content = bytearray(path.read_bytes())
    set_in_directory(content, b"03.ppm", 16, b"\1\2\3\4")
    path.write_bytes(content)
    assert reasons(find(str(path))) == {"03.ppm": "damaged"}


def set_in_directory(content: bytearray, name: bytes, offset: int, value: bytes) -> None:
    """Change a field of a zip's central directory, whose entries are 46 bytes and then the name."""
    start = content.rindex(name) - 46
    assert content[start : start + 4] == b"PK\1\2"
    content[start + offset : start + offset + len(value)] = value


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EVENODDS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match=r"The cache in .*file/cache/stores cannot be .*EVENODDS_CACHE"):
        prepare(find(str(album(tmp_path / "mine"))), SMALL)


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    resource = pytest.importorskip("resource")
    source = find(str(album(tmp_path / "mine", 40)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # no file may grow beyond: as good as full
    try:
        with pytest.raises(UserError, match=r"The cache in .* cannot be written \(file too large\)"):
            prepare(source, DataSettings(size=64))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert [path.name for path in (cache / "stores").iterdir() if not path.name.endswith(".lock")] == []


def test_kinds_that_are_not_read_are_named(tmp_path: Path) -> None:
    folder = album(tmp_path / "phone")
    for name in ("a.psd", "b.PSD", "c.mov", "README"):
        (folder / name).write_bytes(b"x")
    [note] = [note for note in prepare(find(str(folder)), SMALL).facts["notes"] if "not read" in note]
    assert "ignored: 4 (2 .psd, 1 " in note
    assert "1 without an ending" in note


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG", "AVIF"])
def test_more_than_one_frame_or_page_is_said(tmp_path: Path, kind: str) -> None:
    frames = [Image.open(io.BytesIO(encoded(number))) for number in range(3)]
    folder = album(tmp_path / "films", 10)
    frames[0].save(folder / f"film.{kind.lower()}", kind, save_all=True, append_images=frames[1:])
    notes = prepare(find(str(folder)), SMALL).facts["notes"]
    others = "2 beside the first are not taken (--frames all)"
    assert f"1 of 11 pictures have more than one frame or page: {others}" in notes


def test_avif_is_read(tmp_path: Path) -> None:
    store = prepare(find(str(album(tmp_path / "others"))), SMALL)
    for number in range(12):
        (tmp_path / f"{number:02}.avif").write_bytes(encoded(number, "AVIF"))
    read = prepare(find(str(tmp_path)), SMALL)
    assert read.n_train + read.n_heldout == 2 * (store.n_train + store.n_heldout)
    assert not read.facts["skipped"]


@pytest.mark.parametrize("target", ["..", ".", "../.."])
def test_a_link_upwards_takes_nothing_in(tmp_path: Path, target: str) -> None:
    folder = album(tmp_path / "outer" / "inner", 10)
    album(tmp_path / "outer" / "private", 3)
    (folder / "up").symlink_to(folder / target, target_is_directory=True)
    with Album(folder) as opened:
        assert len(opened.names) == 10


def test_links_of_other_shapes_end_and_give_each_folder_once(tmp_path: Path) -> None:
    """Broken ones, circles of two, a file's, one beside what it names, and one by way of a folder elsewhere back up."""
    folder = album(tmp_path / "outer" / "inner", 10)
    (folder / "broken.png").symlink_to("nowhere.png")
    (folder / "round.png").symlink_to("about.png")
    (folder / "about.png").symlink_to("round.png")
    elsewhere = album(tmp_path / "elsewhere", 3)
    (elsewhere / "back").symlink_to(folder, target_is_directory=True)
    (elsewhere / "higher").symlink_to(tmp_path, target_is_directory=True)
    for name in ("one", "two"):
        (folder / name).symlink_to(elsewhere, target_is_directory=True)
    (folder / "linked.png").symlink_to(next(elsewhere.glob("*.png")))
    with Album(folder) as opened:
        names = opened.names
    assert sum(name.startswith("one/") for name in names) == 3
    assert "linked.png" in names
    assert len(names) == 14


def test_a_link_to_pictures_elsewhere_is_followed(tmp_path: Path) -> None:
    folder = tmp_path / "linked"
    folder.mkdir()
    (folder / "more").symlink_to(album(tmp_path / "elsewhere", 10), target_is_directory=True)
    with Album(folder) as opened:
        assert len(opened.names) == 10
