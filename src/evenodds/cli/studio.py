"""`evenodds studio`: the game in a browser."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from evenodds.core.errors import UserError


def studio(
    run: Path | None = None,
    *,
    runs: Path = Path("runs"),
    host: str = "127.0.0.1",
    port: int = 7860,
    password: str | None = None,
) -> None:
    """Serve a page on which games are played and watched, samples judged, steered and drawn.

    Trainings are processes of their own: they go on when the studio is closed, and it finds them again.

    Parameters
    ----------
    run:
        The run to show first; its folder's runs are then shown.
    runs:
        The folder of runs; nothing outside of it is shown.
    host:
        The address to serve on; any but this machine's own asks for a password.
    port:
        The port to serve on.
    password:
        What others must know to come in; the environment's EVENODDS_PASSWORD when left out.
    """
    # Before gradio is imported, or it looks up hosts outside.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    password = password if password is not None else os.environ.get("EVENODDS_PASSWORD")
    from evenodds.studio.security import check_host

    check_host(host, password)
    if run is not None and not (run / "recipe.json").is_file():
        raise UserError(f"{run} is no run: it holds no recipe.json; give the folder that train printed")
    root = runs if run is None else run.absolute().parent
    try:
        from evenodds.studio.server import serve
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("evenodds"):
            raise
        raise UserError(
            f"the studio needs {missing.name}, which is not installed: pip install 'evenodds[studio]'"
        ) from None
    from evenodds.studio.state import Studio

    if not 0 < port < 65536:
        raise UserError(f"--port {port} is no port, take one from 1 to 65535")
    check_free(host, port)
    serve(
        Studio(root, local=password is None, first=run.absolute().name if run else ""),
        host,
        port,
        password,
        tell,
    )


def tell(text: str) -> None:
    """A line, at once: whoever reads it waits for the address."""
    print(text, flush=True)


def check_free(host: str, port: int) -> None:
    """Raises UserError where nothing can be served there."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise UserError(
                f"port {port} is taken, perhaps by another studio: choose another --port"
            ) from None
        reason = (problem.strerror or str(problem)).lower()
        raise UserError(
            f"nothing can be served on {host}:{port} ({reason}): choose another --host or --port"
        ) from None
