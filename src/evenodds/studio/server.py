"""The server: the page in both languages, what is seen of runs, and who may come in."""

from __future__ import annotations

import base64
import hmac
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import gradio as gr
import uvicorn
from fastapi import FastAPI
from gradio import processing_utils
from PIL import Image
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from evenodds.core.errors import UserError
from evenodds.data.images.arrays import grid_image
from evenodds.runs import live
from evenodds.runs.report import png
from evenodds.studio import security
from evenodds.studio.app import build, look
from evenodds.studio.i18n import LANGUAGES, Language, preferred
from evenodds.studio.state import Studio

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; frame-ancestors 'none'; object-src 'none'; base-uri 'self'; form-action 'self'"
)
"""What a browser may load: this server's own. The page's templates need eval."""
BODY = 2_000_000
"""Bytes of a request that is no upload, at most: settings and a drawing."""
RESIZER = "static/js/iframeResizer.contentWindow.min.js"
"""What the page asks for and gradio does not bring."""
UPLOAD = "/gradio_api/upload"


def serve(studio: Studio, host: str, port: int, password: str | None, say: Any) -> None:
    """Serves until it is stopped. Raises UserError for a host that is open to others without a password."""
    security.check_host(host, password)
    app = make(studio, host, password)
    address = f"http://{'[' + host + ']' if ':' in host else host}:{port}/"
    config = uvicorn.Config(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=2)
    warm = threading.Thread(target=studio.gallery.open_all, daemon=True)

    def ready() -> None:
        say(address)
        warm.start()  # and not before: nobody is to wait for the address

    AnnouncedServer(config, ready).run()


class AnnouncedServer(uvicorn.Server):  # type: ignore[misc]  # its types are not read
    """A server that calls ``ready`` once it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready()


def make(studio: Studio, host: str, password: str | None) -> Any:
    """The server, guarded."""
    # Pillow opens uploads before our own guard sees them; it refuses twice this many pixels.
    Image.MAX_IMAGE_PIXELS = security.PICTURE_PIXELS // 2
    # Where a file is expected, an address would be fetched: nothing is asked of the network for whoever asks it.
    processing_utils.async_ssrf_protected_download = fetch_nothing
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    run_files = RunFiles(studio)
    app.add_route("/", redirect_home)
    app.add_route("/favicon.ico", icon)
    app.add_route("/runs/{name}/reals.png", run_files.real_sheet)
    app.add_route("/runs/{name}/live", run_files.live)
    app.add_route("/runs/{name}/{file:path}", run_files.file)
    for language in LANGUAGES:
        app.add_route(f"/{language}/{RESIZER}", nothing)
        blocks = build(studio, language)
        blocks.queue(default_concurrency_limit=4, max_size=200)
        app = gr.mount_gradio_app(
            app,
            blocks,
            f"/{language}",
            footer_links=[],
            ssr_mode=False,
            run_history=False,
            show_error=True,
            max_file_size=security.UPLOAD_BYTES,
            blocked_paths=[str(studio.root)],
            **look(language),
        )
    return Guard(app, host, password)


async def fetch_nothing(url: str, *rest: Any) -> str:
    """Refuses. Raises gradio's error, which is told."""
    raise gr.Error("give a file, and no address of one", print_exception=False)


def redirect_home(request: Request) -> Response:
    """To the page in the browser's language."""
    language = preferred(request.headers.get("accept-language"))
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/{language}/{query}")


def icon(request: Request) -> Response:
    """Half fake, half real."""
    halves = '<path fill="#e4572e" d="M8 1a7 7 0 0 0 0 14z"/><path fill="#1d4e7e" d="M8 1a7 7 0 0 1 0 14z"/>'
    content = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{halves}</svg>'
    return Response(content, media_type="image/svg+xml")


def nothing(request: Request) -> Response:
    """An empty script."""
    return Response("", media_type="text/javascript")


class RunFiles:
    """What a browser sees of runs, by name."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def file(self, request: Request) -> Response:
        """A film, a report, a sheet of fakes."""
        name, file = request.path_params["name"], request.path_params["file"]
        language = request.query_params.get("language")
        try:
            path: Path = security.served(self.studio.folder(name), file)
            if path.name == "report.html" and language in LANGUAGES:
                return self.report(name, path, cast(Language, language))
        except UserError as problem:
            return PlainTextResponse(str(problem), 404)
        return FileResponse(path, headers={"Cache-Control": "private, max-age=3600"})

    def report(self, name: str, path: Path, language: Language) -> Response:
        """The report in a language; as the run wrote it where its data is gone."""
        headers = {"Cache-Control": "private, max-age=60"}
        try:
            page = self.studio.cache.report(self.studio.run(name), language)
        except UserError:
            return FileResponse(path, headers=headers)
        return Response(page, media_type="text/html", headers=headers)

    def live(self, request: Request) -> Response:
        """What a game shows between checks, newer than the frame ``after``; who asks counts as watching."""
        name, after = request.path_params["name"], request.query_params.get("after", "0")
        if not after.isdecimal() or len(after) > 12:
            return PlainTextResponse("after is the number of a frame", 400)
        try:
            path, status = self.studio.folder(name), self.studio.status(name)
        except UserError as problem:
            return PlainTextResponse(str(problem), 404)
        content: dict[str, Any] = {"phase": status.phase, "frames": []}
        if status.running and (path / "recipe.json").is_file():
            live.watch(path)
            content["frames"] = list(live.frames_after(path, int(after)))
            if after == "0":  # it stays as it is
                content["scene"] = live.read_scene(path)
        return JSONResponse(content, headers={"Cache-Control": "no-store"})

    def real_sheet(self, request: Request) -> Response:
        """A sheet of held-out reals."""
        try:
            run = self.studio.run(request.path_params["name"])
            if (run.path / "codec.json").exists():
                raise UserError("a table's reals are no pictures")
            sheet = png(grid_image(self.studio.cache.real_samples(run)))
        except UserError as problem:
            return PlainTextResponse(str(problem), 404)
        return Response(sheet, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


class Guard:
    """Stands before everything: the host called, the password, the size of what is sent, the browser's policy."""

    def __init__(self, app: Any, host: str, password: str | None) -> None:
        self.app, self.host, self.password = app, host, password

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self.refusal(headers, scope["path"])
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        async def send_guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", POLICY.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        await self.app(scope, receive, send_guarded)

    def refusal(self, headers: Headers, path: str) -> Response | None:
        """Why a request is not let in, or None."""
        # A page elsewhere whose name was made to point here would else speak for the user.
        if security.is_loopback(self.host) and not security.is_loopback(hostname(headers.get("host", ""))):
            return PlainTextResponse("this studio answers this machine alone", 403)
        if self.password is not None and not self.knows(headers.get("authorization", "")):
            return PlainTextResponse(
                "a password is needed", 401, {"WWW-Authenticate": 'Basic realm="evenodds", charset="UTF-8"'}
            )
        most = security.UPLOAD_BYTES + BODY if path.endswith(UPLOAD) else BODY
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > most or headers.get("transfer-encoding"):
            return PlainTextResponse("too much was sent at once", 413)
        return None

    def knows(self, authorization: str) -> bool:
        """Whether a request brings the password, whatever the user's name."""
        kind, _, text = authorization.partition(" ")
        try:
            _, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except ValueError:  # not Base64, or not UTF-8
            return False
        return kind.lower() == "basic" and hmac.compare_digest(password.encode(), str(self.password).encode())


def hostname(address: str) -> str:
    """A Host header without its port."""
    return address[1:].partition("]")[0] if address.startswith("[") else address.partition(":")[0]
