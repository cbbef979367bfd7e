"""What a principal wants to do, in the words of policies; free of ministack, so that everybody may speak of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


class AccessDeniedError(Exception):
    """A policy refuses; the message is AWS's own, with the principal, the action and the resource."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing that a principal wants to do."""

    action: str
    """As policies name it: `s3:GetObject`."""
    resource: str = "*"
    context: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Condition keys of the request."""
