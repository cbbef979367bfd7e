"""Fleets: what serves one configuration of an endpoint, and how requests are divided while two of them do."""

from __future__ import annotations

import dataclasses
import threading
from typing import Literal

from app.embedded.sagemaker.servers import Server
from app.embedded.sagemaker.shapes import Record

Mode = Literal["serverless", "realtime", "async"]
MIB = 1024 * 1024
MAX_BODY_BYTES: dict[Mode, int] = {"serverless": 4 * MIB, "realtime": 6 * MIB, "async": 1024 * MIB}
"""Largest request that each mode takes."""


def mode_of(config: Record) -> Mode:
    """How an endpoint of this configuration is asked, and what it costs while nobody does."""
    if "ServerlessConfig" in config["ProductionVariants"][0]:
        return "serverless"
    return "async" if "AsyncInferenceConfig" in config else "realtime"


@dataclasses.dataclass
class Fleet:
    """The instances of one configuration; one server process counts as all of them."""

    endpoint: str
    config: Record
    server: Server | None
    """None while there is no instance: only an asynchronous endpoint may be so."""
    instances: int
    """How many it counts as; a serverless endpoint has 1."""

    @property
    def variant(self) -> str:
        """Name of the production variant."""
        return str(self.config["ProductionVariants"][0]["VariantName"])

    @property
    def mode(self) -> Mode:
        """Of the configuration."""
        return mode_of(self.config)

    @property
    def alive(self) -> bool:
        """Whether its server runs."""
        return self.server is not None and self.server.program.alive

    def stop(self) -> None:
        """End the server."""
        server, self.server = self.server, None
        if server:
            server.stop()


class Traffic:
    """The requests of one endpoint: all to the old fleet, or a share of them to the new one.

    Args:
        blue: The fleet that serves.
    """

    def __init__(self, blue: Fleet) -> None:
        self.blue = blue
        self.green: Fleet | None = None
        self._share = self._owed = 0.0
        self._lock = threading.Lock()

    def shift(self, green: Fleet, share: float) -> None:
        """Send a share (0 to 1) of the requests to the new fleet."""
        with self._lock:
            self.green, self._share, self._owed = green, share, 0.0

    def end_shift(self, serving: Fleet) -> None:
        """Send all requests to one of the two."""
        with self._lock:
            self.blue, self.green, self._share = serving, None, 0.0

    def pick(self) -> Fleet:
        """The fleet of the next request: of 100 requests at a share of 0.25 exactly 25 meet the new one."""
        with self._lock:
            if self.green is None:
                return self.blue
            self._owed += self._share
            if self._owed < 1.0 - 1e-9:  # sums of shares such as 0.1 fall short of 1 by a rounding error
                return self.blue
            self._owed -= 1.0
            return self.green

    @property
    def fleets(self) -> list[Fleet]:
        """All that run."""
        return [fleet for fleet in (self.blue, self.green) if fleet]
