"""Where the command line writes: tables and progress for people, JSON for scripts, errors on stderr."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console

from app.contracts import documents

out = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
err = Console(stderr=True, highlight=False, soft_wrap=True)


def emit_json(document: Any) -> None:
    """Print a document (dataclass or plain values) as JSON, and nothing else."""
    sys.stdout.write(documents.to_json(document, indent=2) + "\n")
