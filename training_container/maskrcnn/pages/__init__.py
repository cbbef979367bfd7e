"""What the self-contained HTML pages share: one look, nothing fetched from elsewhere."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from numpy.typing import NDArray
from PIL import Image

HERE = Path(__file__).parent
JPEG_QUALITY = 82


def environment(folder: Path) -> Environment:
    """Templates of a folder, which may include style.css; a missing value is an error, text is escaped."""
    return Environment(loader=FileSystemLoader([folder, HERE]), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True)


def jpeg_uri(picture: NDArray[np.uint8], quality: int = JPEG_QUALITY) -> str:
    """A picture [H, W, 3] or [H, W] as a data: URI."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"


def svg(css_class: str, width: float, height: float, label: str, parts: list[str]) -> Markup:
    """An inline SVG of parts that are markup already; `label` is what a screen reader says instead."""
    return Markup(  # noqa: S704 - every text that came from outside is escaped where it is inserted
        f'<svg class="{css_class}" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
