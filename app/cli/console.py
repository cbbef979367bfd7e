"""Where the command line writes: tables and progress for people, JSON for scripts, errors on stderr."""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape

from app.contracts import documents

PIPE_WIDTH = 160
"""Columns when nobody looks through a terminal: wide enough that no table has to cut a word."""


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(stderr=stderr, highlight=False, emoji=False, width=width)


out = _console(stderr=False)
err = _console(stderr=True)


def say(text: str) -> None:
    """Print a line of marked-up text in full, so that paths and commands in it can be copied."""
    out.print(text, soft_wrap=True)


def complain(message: str) -> None:
    """Print an error; the message is taken as it is, whatever brackets it holds."""
    err.print(f"[bold red]Error:[/] {escape(message)}", soft_wrap=True)


def emit_json(document: Any) -> None:
    """Print a document (dataclass, or plain values with dataclasses in them) as JSON, and nothing else."""
    sys.stdout.write(documents.to_json(_plain(document), indent=2) + "\n")


def _plain(value: Any) -> Any:
    """The value with every dataclass inside it as a dict."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
