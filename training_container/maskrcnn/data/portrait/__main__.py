"""`python -m maskrcnn.data.portrait SOURCE OUT`: writes OUT/portrait.json and OUT/portrait.html.

SOURCE is a bucket, s3://castings, a folder that `python -m maskrcnn.data.local` made, or a folder or archive of
labels as a tool wrote them, which is prepared on the fly as a run would do it.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from pathlib import Path

from app.contracts import documents
from app.contracts.portrait import PORTRAIT_JSON, PORTRAIT_PAGE
from maskrcnn.data.portrait.collect import PIXEL_IMAGES, collect
from maskrcnn.data.portrait.page import render
from maskrcnn.data.portrait.sources import open_source
from maskrcnn.hyperparameters.resolving import resolve
from maskrcnn.program import by_hand


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m maskrcnn.data.portrait",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", help="s3://<bucket>, a prepared folder, or a folder or archive of labels")
    parser.add_argument("target", type=Path, help="folder for the two files")
    parser.add_argument("--version", default="", help="name of a version; the newest committed one unless given")
    parser.add_argument("--hyperparameters", default="{}", type=json.loads, metavar="JSON",
                        help='the anchors and the input size to compare with, for example {"preset": "demo"}')
    parser.add_argument("--images", type=int, default=PIXEL_IMAGES, metavar="N",
                        help="decode about N images at most (%(default)s); labels are all read")
    options = parser.parse_args(arguments)
    return by_hand(
        lambda: _draw(options.source, options.version, options.target, options.hyperparameters, options.images),
        logging.WARNING)


def _draw(where: str, version: str, target: Path, hyperparameters: dict[str, str], images: int) -> None:
    chosen = resolve(hyperparameters)
    with tempfile.TemporaryDirectory(prefix="castline-portrait-") as work:
        source = open_source(where, version, Path(work))
        collected = collect(source, chosen.preset, chosen.settings.model, images)
        page = render(source, collected)
    target.mkdir(parents=True, exist_ok=True)
    (target / PORTRAIT_JSON).write_text(documents.to_json(collected.portrait, indent=2))
    (target / PORTRAIT_PAGE).write_text(page)


if __name__ == "__main__":
    sys.exit(main())
