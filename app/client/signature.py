"""Who did something from the command line, for records that others read later."""

from __future__ import annotations

import getpass
import platform


def signature() -> str:
    """`anna@line3`: the account and the machine."""
    return f"{getpass.getuser()}@{platform.node()}"


def signed(deed: str, why: str = "") -> str:
    """`rolled back by anna@line3: misses chipping`."""
    return f"{deed} by {signature()}" + (f": {why}" if why else "")
