"""The page over HTTP: on 127.0.0.1 alone, to who has the token, with nothing that is kept or sent elsewhere.

A page of another site could make a browser ask this server (DNS rebinding, cross-site requests). So every request must
name this host, and have the token in the address, in a header, or in a cookie that no other site can make it send.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Callable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from kemfeat.browse._handlers import HOST, Api, Audio, Ids, Look, Missing, Page, Places
from kemfeat.browse.browser import Browser
from kemfeat.errors import ConfigError


def application(browser: Browser, token: str) -> Application:
    """The routes.

    Parameters
    ----------
    browser : Browser
        What is shown.
    token : str
        What every request must have.

    Returns
    -------
    tornado.web.Application
        It logs nothing.
    """
    shared = {"browser": browser, "token": token, "lock": threading.Lock()}
    routes: list[Any] = [
        (r"/", Page, shared),
        (r"/page/([a-z_]+\.[a-z]+)", Page, shared),
        (r"/api/lens/([a-z0-9_]+)", Look, shared),
        (r"/api/places", Places, shared),
        (r"/api/ids", Ids, shared),
        (r"/api/([a-z]+)", Api, shared),
        (r"/audio", Audio, shared),
    ]
    return Application(routes, default_handler_class=Missing, default_handler_args=shared, log_function=lambda _: None)


def serve(browser: Browser, *, port: int = 0, ready: Callable[[str], None]) -> None:
    """Serve the page until the process is told to end.

    Parameters
    ----------
    browser : Browser
        What is shown.
    port : int
        Port on 127.0.0.1; 0 for any that is free.
    ready : callable
        Given the address of the page, once it can be opened.

    Raises
    ------
    ConfigError
        The port cannot be used.
    KeyboardInterrupt
        Ctrl-C was pressed.
    """
    try:
        sockets = bind_sockets(port, HOST)
    except OSError as error:
        raise ConfigError(f"--port {port}: cannot be used ({error.strerror}); pass another one, or none") from None
    logging.getLogger("tornado").addHandler(logging.NullHandler())
    token = secrets.token_urlsafe(32)

    async def run() -> None:
        server = HTTPServer(application(browser, token))
        server.add_sockets(sockets)
        ready(f"http://{HOST}:{sockets[0].getsockname()[1]}/?token={token}")
        await asyncio.Event().wait()

    asyncio.run(run())
