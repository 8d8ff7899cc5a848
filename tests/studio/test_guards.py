"""What the studio lets through, and what not."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from evenodds.core.errors import UserError
from evenodds.studio import security

OUTSIDE = [
    "..", ".", "", "../people", "/etc/passwd", "a/b", "a\\b", "people/..", ".studio", "a\0b", "a" * 81, None, 7,
    "..%2fpeople", "-people", "a\nb",
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A runs folder with one run, and a secret beside it."""
    runs = tmp_path / "runs"
    (runs / "people" / "samples").mkdir(parents=True)
    (runs / "people" / "recipe.json").write_text("{}")
    (runs / "people" / "report.html").write_text("a report")
    (runs / "people" / "samples" / "00000050.png").write_bytes(b"png")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "recipe.json").write_text("{}")
    return runs


def test_a_game_begins_with_a_run_of_the_folder_or_here_with_any_path(root: Path) -> None:
    for local in (True, False):
        assert security.initial(root, "people", local=local) == str(root / "people")
    assert security.initial(root, "hf:user/name", local=True) == "hf:user/name"
    for name in (str(root.parent / "secret"), "../secret", "hf:user/name", "nothing"):
        with pytest.raises(UserError, match="is none of the runs here"):
            security.initial(root, name, local=False)


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_name_leads_out(root: Path, name: object) -> None:
    with pytest.raises(UserError):
        security.run_path(root, name)


def test_a_name_stays_inside(root: Path) -> None:
    for name in ("people", "people-2", "키와 몸무게".replace(" ", "-"), "a.b_c", "new"):
        assert security.run_path(root, name) == root / name


def test_a_link_that_leads_out_is_no_run(root: Path) -> None:
    (root / "away").symlink_to(root.parent / "secret")
    assert security.runs(root) == ["people"]
    with pytest.raises(UserError, match="leads out"):
        security.run_path(root, "away")


@pytest.mark.parametrize(
    "file",
    ["recipe.json", "../people/report.html", "samples/../report.html", "samples/50.csv", "samples/7.png", ""],
)
def test_only_what_is_meant_to_be_seen_is_served(root: Path, file: str) -> None:
    with pytest.raises(UserError):
        security.served(root / "people", file)


def test_reports_and_sheets_are_served(root: Path) -> None:
    assert security.served(root / "people", "report.html").read_text() == "a report"
    assert security.served(root / "people", "samples/00000050.png").read_bytes() == b"png"
    (root / "people" / "film.gif").symlink_to(root.parent / "secret" / "recipe.json")
    with pytest.raises(UserError):
        security.served(root / "people", "film.gif")


def test_pictures_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.png"
    Image.new("RGB", (40, 30)).save(path)
    assert security.picture(str(path)) == path
    monkeypatch.setattr(security, "PICTURE_PIXELS", 1199)
    with pytest.raises(UserError, match="40 × 30"):
        security.picture(path)
    monkeypatch.setattr(security, "PICTURE_PIXELS", 10_000)
    monkeypatch.setattr(security, "PICTURE_BYTES", 10)
    with pytest.raises(UserError, match="MB"):
        security.picture(path)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    for content in (b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40), b"%!PS-Adobe"):
        path.write_bytes(content)
        with pytest.raises(UserError, match="cannot be read"):
            security.picture(path)
    with pytest.raises(UserError, match="no picture"):
        security.picture(None)


def test_uploads_are_tables_or_zips_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, archive = tmp_path / "a.csv", tmp_path / "b.zip"
    table.write_text("a,b\n1,2\n")
    picture = io.BytesIO()
    Image.new("L", (8, 8)).save(picture, "PNG")
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("one.png", picture.getvalue())
    assert security.upload(table) == table
    assert security.upload(archive) == archive
    archive.write_bytes(b"PK no zip")
    with pytest.raises(UserError, match="zip"):
        security.upload(archive)
    (tmp_path / "c.exe").write_bytes(b"MZ")
    with pytest.raises(UserError, match="no table"):
        security.upload(tmp_path / "c.exe")
    monkeypatch.setattr(security, "UPLOAD_BYTES", 3)
    with pytest.raises(UserError, match="MB"):
        security.upload(table)


def test_paths_are_for_who_sits_here() -> None:
    assert security.source("people", local=False) == "people"
    assert security.source("photos", local=True) == "photos"
    with pytest.raises(UserError, match="upload"):
        security.source("/etc", local=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "example.org"])  # noqa: S104
def test_others_come_in_with_a_password_alone(host: str) -> None:
    with pytest.raises(UserError, match="--password"):
        security.check_host(host, None)
    security.check_host(host, "long enough")
    with pytest.raises(UserError, match="too short"):
        security.check_host(host, "short")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_this_machine_needs_none(host: str) -> None:
    security.check_host(host, None)
