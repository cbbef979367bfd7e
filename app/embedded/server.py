"""Serves the embedded AWS on loopback, and calls back when it answers and before it stops answering.

ministack's own `main` offers neither moment: jobs must be wound up while S3 still takes their last checkpoints.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config

from app.embedded.settings import HOST, EmbeddedSettings
from app.embedded.strict import certificates

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
KEEP_ALIVE_SECONDS = 75
POLL_SECONDS = 0.05


def serve(application: Asgi, settings: EmbeddedSettings, on_ready: Callable[[], None], on_stop: Callable[[], None],
          ) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        application: What answers.
        settings: The port on 127.0.0.1, and whether to speak TLS there.
        on_ready: Called in a thread once the port answers.
        on_stop: Called in a thread while the port still answers; the server stops when it returns.
    """
    config = Config()
    config.bind = [f"{HOST}:{settings.port}"]
    if settings.strict:
        config.certfile, config.keyfile = (str(file) for file in certificates.server_files(settings.state))
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.loglevel = "WARNING"
    threading.Thread(target=_when_answering, args=(settings.port, on_ready), name="castline-ready", daemon=True).start()
    asyncio.run(_serve(application, config, on_stop))


async def _serve(application: Asgi, config: Config, on_stop: Callable[[], None]) -> None:
    asked = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(_without_farewells)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)

    async def stopped() -> None:
        await asked.wait()
        await asyncio.to_thread(on_stop)

    await hypercorn_serve(application, config, shutdown_trigger=stopped)


def _without_farewells(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Pass over clients that end without the farewell of TLS, as processes do that end."""
    if "SSL shutdown timed out" not in str(context.get("exception", "")):
        loop.default_exception_handler(context)


def _when_answering(port: int, on_ready: Callable[[], None]) -> None:
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                break
        time.sleep(POLL_SECONDS)
    on_ready()
