"""Ports of this machine that nobody listens on."""

from __future__ import annotations

import contextlib
import socket

from app.embedded.settings import HOST


def free_ports(count: int) -> list[int]:
    """So many different free ports; all are held until the last is found, so that none comes twice."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]
