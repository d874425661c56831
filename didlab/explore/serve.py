"""The server of the app: it listens on this machine only, keeps nothing and fetches nothing."""

from __future__ import annotations

import socket
import sys
import threading
import time
import webbrowser
from importlib import resources
from typing import Any

import marimo
import uvicorn

from ..errors import ArgumentError
from . import look

__all__ = ["app", "serve"]

HOST, USUAL_PORT = "127.0.0.1", 8642
# Seconds: what is ready is sent while more is computed; by default each message waits 5 ms for its turn.
SWITCH = 0.0005


def app() -> Any:
    """The whole app as ASGI: a page for each part; the root leads to the first."""
    pages = resources.files("didlab.explore") / "pages"
    builder = marimo.create_asgi_app(quiet=True, html_head=look.head())
    for part in look.PARTS:
        builder = builder.with_app(path=f"/{part}", root=str(pages / f"{part}.py"))
    inner = builder.build()

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/":
            place = f"/{next(iter(look.PARTS))}/".encode()
            await send({"type": "http.response.start", "status": 307, "headers": [(b"location", place)]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await inner(scope, receive, send)

    return outer


def serve(place: str = "/", *, port: int | None = None, browser: bool = True) -> None:
    """Serve the app until it is interrupted.

    Args:
        place: what is opened, as `look.link` writes it; the first part by default.
        port: where to listen; by default the usual port, or a free one where that is taken.
        browser: open it in the browser.

    Raises:
        ArgumentError: a port that is taken.
    """
    listening = _listen(port)
    address = f"http://{HOST}:{listening.getsockname()[1]}{place}"
    server = uvicorn.Server(uvicorn.Config(app(), log_level="warning", lifespan="on"))
    print(f"didlab explore: {address}\nCtrl-C ends it.", flush=True)
    if browser:
        threading.Thread(target=_open, args=(server, address), daemon=True).start()
    sys.setswitchinterval(SWITCH)
    server.run(sockets=[listening])


def _listen(port: int | None) -> socket.socket:
    for candidate in (USUAL_PORT, 0) if port is None else (port,):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, candidate))
            listening.listen()  # whoever reads the address may ask at once
            return listening
        except OSError:
            listening.close()
    raise ArgumentError("--port", "a port that nothing listens on", str(port), "Without it a free one is chosen.")


def _open(server: uvicorn.Server, address: str) -> None:
    while not server.started:
        if server.should_exit:
            return
        time.sleep(0.02)
    webbrowser.open(address)
