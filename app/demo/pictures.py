"""All overlays of the demo on one sheet, for one look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

TILE_PX = 480
COLUMNS = 4


def contact_sheet(pictures: Sequence[Path], destination: Path) -> Path:
    """Write the pictures side by side, four a row."""
    rows = math.ceil(len(pictures) / COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE_PX, rows * TILE_PX), "white")
    for place, path in enumerate(pictures):
        tile = Image.open(path).convert("RGB")
        tile.thumbnail((TILE_PX, TILE_PX))
        sheet.paste(tile, (place % COLUMNS * TILE_PX, place // COLUMNS * TILE_PX))
    sheet.save(destination)
    return destination
