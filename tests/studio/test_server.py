"""The server refuses what it should: other hosts, missing passwords, paths, and what is too large or broken."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.studio.conftest import EVENODDS, Server, studio

pytestmark = pytest.mark.slow
SECRET = "a secret of this machine"  # noqa: S105


def ask(
    url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """Status, content and headers of an answer."""
    request = urllib.request.Request(url, body, headers or {})  # noqa: S310  our own server
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read(), dict(problem.headers)


def predict(server: Server, name: str, *data: Any) -> tuple[int, str]:
    """What an endpoint answers to raw data, as a hostile client would send it."""
    address = f"{server.url}/en/gradio_api/call/{name}"
    code, content, _ = ask(address, json.dumps({"data": data}).encode(), {"Content-Type": "application/json"})
    if code != 200:
        return code, content.decode()
    event = json.loads(content)["event_id"]
    code, content, _ = ask(f"{address}/{event}")
    return code, content.decode()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file outside of the runs folder."""
    path = tmp_path / "secret.csv"
    path.write_text(f"height,weight\n{SECRET},1\n")
    return path


@pytest.mark.parametrize(
    "path",
    [
        "runs/../secret.csv", "runs/%2e%2e/secret.csv", "runs/..%2fsecret.csv", "runs/heights/..%2f..%2fsecret.csv",
        "runs/heights/%2e%2e/%2e%2e/secret.csv", "runs/heights/recipe.json", "runs/heights/checkpoints/best/state.json",
        "runs/%2fetc/passwd", "runs/heights//etc/passwd", "runs/heights/reals.png", "runs/nobody/report.html",
        "en/gradio_api/file=/etc/passwd", "en/gradio_api/file=../../etc/passwd", "en/gradio_api/file=recipe.json",
        "en/static/../../../etc/passwd", "en/static/%2e%2e/%2e%2e/app.py", "openapi.json", "docs",
    ],
)  # fmt: skip
def test_no_path_leads_out(served: Server, path: str) -> None:
    code, content, _ = ask(f"{served.url}/{path}")
    assert code in (400, 403, 404, 405), path
    assert b"root:" not in content
    assert SECRET.encode() not in content


def test_no_file_of_the_runs_folder_comes_by_gradio(served: Server) -> None:
    for path in (served.runs / "heights" / "recipe.json", served.runs / "heights" / "report.html"):
        assert ask(f"{served.url}/en/gradio_api/file={path}")[0] in (403, 404)
    code, content, _ = ask(f"{served.url}/runs/heights/report.html")
    assert code == 200
    assert b"heights" in content


@pytest.mark.parametrize("name", ["..", "../heights", "/etc", "heights/../..", "", ".studio", "nobody"])
def test_no_name_of_a_run_leads_out(served: Server, name: str) -> None:
    for endpoint, data in {
        "sample": [4, 0, ""],
        "judge": ["height=170,weight=60", None],
        "steer": ["0 1", *[0] * 10],
        "pause": [],
        "resume": ["1m"],
        "walk": ["0 1", 8, True, False],
    }.items():
        said = predict(served, endpoint, name, *data)[1]
        assert "event: error" in said, (endpoint, said[:300])
        assert "Traceback" not in said
    assert "event: error" in predict(served, "delete", [name], "")[1]
    assert "event: error" in predict(served, "compare", [name])[1]
    assert "event: error" in predict(served, "export", [name], "onnx")[1]


def test_no_text_is_read_as_a_path(served: Server, secret: Path) -> None:
    for endpoint, data in {
        "judge": ["heights", str(secret), None],
        "sample": ["lines", 1, 0, str(secret.parent)],
        "steer": ["heights", str(secret), *[0] * 10],
    }.items():
        said = predict(served, endpoint, *data)[1]
        assert "event: error" in said, (endpoint, said[:300])
        assert SECRET not in said


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/etc/hostname",
        "http://127.0.0.1:1/x.png",
        "https://example.org/x.png",
        "file:///etc/passwd",
    ],
)
def test_no_file_that_was_not_uploaded_is_taken(served: Server, path: str) -> None:
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    for endpoint, data in {
        "judge": ["hand", "", file],
        "draw": ["lines", file],
        "start": ["people", file, "auto", "", "", "1rounds", "taken", ""],
    }.items():
        said = predict(served, endpoint, *data)[1]
        assert "event: error" in said, (endpoint, said[:300])
        assert "root:" not in said
    assert not (served.runs / "taken").exists()


def upload(server: Server, name: str, content: bytes, kind: str = "image/png") -> tuple[int, Any]:
    """An upload as a browser makes it."""
    edge = "edge"
    body = (
        (
            f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            f"Content-Type: {kind}\r\n\r\n"
        ).encode()
        + content
        + f"\r\n--{edge}--\r\n".encode()
    )
    code, answer, _ = ask(
        f"{server.url}/en/gradio_api/upload", body, {"Content-Type": f"multipart/form-data; boundary={edge}"}
    )
    return code, json.loads(answer) if code == 200 else answer


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n" + bytes(64), b"GIF89a" + b"\xff" * 20],
    ids=["empty", "text", "broken png", "broken gif"],
)
def test_broken_uploads_are_refused_in_a_sentence(served: Server, content: bytes) -> None:
    code, answer = upload(served, "one.png", content)
    if code != 200:
        return
    file = {"path": answer[0], "meta": {"_type": "gradio.FileData"}}
    for endpoint, data in {"judge": ["hand", "", file], "draw": ["lines", file]}.items():
        said = predict(served, endpoint, *data)[1]
        assert "event: error" in said, (endpoint, said[:300])
        assert "the picture cannot be read" in said


def test_a_picture_of_too_many_pixels_is_refused(served: Server, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "wide.png"
    Image.new("1", (6000, 5000)).save(path)
    code, answer = upload(served, "wide.png", path.read_bytes())
    assert code == 200
    file = {"path": answer[0], "meta": {"_type": "gradio.FileData"}}
    said = predict(served, "judge", "hand", "", file)[1]
    assert "event: error" in said
    assert "25 megapixels" in said


def test_what_is_no_data_is_not_trained_on(served: Server) -> None:
    code, answer = upload(served, "one.exe", b"MZ", "application/octet-stream")
    assert code == 200
    file = {"path": answer[0], "meta": {"_type": "gradio.FileData"}}
    said = predict(served, "start", "people", file, "auto", "", "", "1rounds", "exe", "")[1]
    assert "event: error" in said
    assert not (served.runs / "exe").exists()


@pytest.mark.parametrize(
    ("source", "size", "budget", "sentence"),
    [
        ("people", "", "soon", "is not a budget"),
        ("digits", "large", "1rounds", "size='large' makes no sense"),
        ("digits", "4", "1rounds", "size='4' makes no sense"),
        ("peple", "", "1rounds", "is not there (did you mean"),
    ],
)
def test_a_wrong_form_is_refused_before_a_process_starts(
    served: Server, source: str, size: str, budget: str, sentence: str
) -> None:
    said = predict(served, "start", source, None, "auto", "", size, budget, "wrong-form", "")[1]
    assert "event: error" in said
    assert sentence in json.loads(said.split("data: ")[-1])["error"]
    assert not (served.runs / "wrong-form").exists()
    assert not (served.runs / ".studio" / "wrong-form.log").exists()


def test_what_is_too_large_is_not_read(served: Server) -> None:
    code, _, _ = ask(f"{served.url}/en/gradio_api/upload", b"", {"Content-Length": "999999999999"})
    assert code == 413
    code, _, _ = ask(f"{served.url}/en/gradio_api/call/judge", b"", {"Content-Length": "3000000"})
    assert code == 413


def test_a_drawing_that_is_none_is_refused(served: Server) -> None:
    page = ask(f"{served.url}/en/config")[1]
    config = json.loads(page)
    [canvas] = [part for part in config["components"] if part["props"].get("elem_id") == "canvas"]
    for sent in (
        ["lines", "no drawing"],
        ["../lines", "x"],
        "lines",
        [1, 2, 3],
        ["lines", "data:image/png;base64,AAAA"],
    ):
        body = json.dumps(
            {"data": sent, "component_id": canvas["id"], "fn_name": "paint", "session_hash": "s"}
        ).encode()
        code, content, _ = ask(
            f"{served.url}/en/gradio_api/component_server/", body, {"Content-Type": "application/json"}
        )
        assert code == 200
        assert set(json.loads(content)) == {"error"}


def test_another_host_is_not_answered(served: Server) -> None:
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", ""):
        assert ask(served.url + "/en/", headers={"Host": host})[0] in (400, 403)
    assert ask(served.url + "/en/", headers={"Host": "localhost:1"})[0] == 200


def test_browsers_are_told_to_load_nothing_from_outside(served: Server) -> None:
    _, _, headers = ask(served.url + "/en/")
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_the_language_is_the_browsers(served: Server) -> None:
    opener = urllib.request.urlopen(  # noqa: S310
        urllib.request.Request(served.url + "/?run=hand", headers={"Accept-Language": "ko"})  # noqa: S310
    )
    with opener as answer:
        assert answer.url == served.url + "/ko/?run=hand"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio with a password."""
    pytest.importorskip("gradio", reason="the extra studio is not installed")
    with studio(
        tmp_path_factory.mktemp("locked"), environment={"EVENODDS_PASSWORD": "right horse"}
    ) as server:
        yield server


def test_a_password_is_asked_everywhere(locked: Server) -> None:
    for path in (
        "",
        "en/",
        "ko/config",
        "runs/a/report.html",
        "en/gradio_api/upload",
        "en/static/js/x",
        "en/theme.css",
    ):
        for given in (None, "wrong horse", "", "right horse "):
            key = (
                {}
                if given is None
                else {"Authorization": "Basic " + base64.b64encode(f"me:{given}".encode()).decode()}
            )
            code, _, headers = ask(f"{locked.url}/{path}", headers=key)
            assert code == 401
            assert "Basic" in headers["www-authenticate"]
    key = {"Authorization": "Basic " + base64.b64encode(b"me:right horse").decode()}
    assert ask(f"{locked.url}/en/", headers=key)[0] == 200
    assert ask(f"{locked.url}/en/", headers={"Authorization": "Basic ÿÿ"})[0] == 401


def test_who_comes_over_a_network_trains_on_no_path(locked: Server, secret: Path) -> None:
    key = {
        "Authorization": "Basic " + base64.b64encode(b"me:right horse").decode(),
        "Content-Type": "application/json",
    }
    body = json.dumps({"data": [str(secret), None, "auto", "", "", "1rounds", "stolen", ""]}).encode()
    _, content, _ = ask(f"{locked.url}/en/gradio_api/call/start", body, key)
    _, said, _ = ask(f"{locked.url}/en/gradio_api/call/start/{json.loads(content)['event_id']}", headers=key)
    assert b"event: error" in said
    assert not (locked.runs / "stolen").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--host", "0.0.0.0"], "--password"),  # noqa: S104
        (["--host", "0.0.0.0", "--password", "short"], "too short"),  # noqa: S104
        (["--port", "0"], "--port 0"),
        (["--host", "203.0.113.7", "--password", "long enough"], "203.0.113.7"),
        (["no-run"], "no-run is no run"),
    ],
)
def test_a_wrong_start_is_refused_in_a_sentence(flags: list[str], message: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [*EVENODDS, "studio", *flags], capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_said(served: Server, tmp_path: Path) -> None:
    port = served.url.rpartition(":")[2]
    done = subprocess.run(
        [*EVENODDS, "studio", "--port", port],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert "taken" in done.stderr
