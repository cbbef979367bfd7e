"""What can go wrong while staging, in words for the person at the command line."""

from __future__ import annotations

from app.client.pipeline import PipelineError


class StagingError(PipelineError):
    """A file cannot be had, is not what it should be, or has no room; the message says what to do."""
