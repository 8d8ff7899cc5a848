"""`evenodds studio`: the web studio."""

from __future__ import annotations

import errno
import os
import socket
import sys
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
    """Serve a web page to train, watch, judge, steer and draw.

    Trainings run as separate processes: they continue when the studio is closed, and the next studio finds them.

    Parameters
    ----------
    run:
        The run to show first; the runs beside it are shown, too.
    runs:
        The folder of runs. The studio shows nothing outside it.
    host:
        Address to serve on; any other than this machine's own needs --password.
    port:
        Port to serve on, 1 to 65535.
    password:
        Password that the page asks for; by default the environment variable EVENODDS_PASSWORD.
    """
    # Before gradio is imported, or it looks up hosts outside.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    password = password if password is not None else os.environ.get("EVENODDS_PASSWORD")
    from evenodds.studio.security import check_host

    check_host(host, password)
    if run is not None and not (run / "recipe.json").is_file():
        raise UserError(f"{run} is no run: it holds no recipe.json; give the folder that train printed")
    if not 0 < port < 65536:
        raise UserError(f"--port {port} is no port, take one from 1 to 65535")
    check_free(host, port)
    print("Starting the studio: its address comes here as soon as it answers.", file=sys.stderr, flush=True)
    root = runs if run is None else run.absolute().parent
    try:  # these imports take seconds
        from evenodds.studio.server import serve
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("evenodds"):
            raise
        raise UserError(
            f"the studio needs {missing.name}, which is not installed: pip install 'evenodds[studio]'"
        ) from None
    from evenodds.studio.state import Studio

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
