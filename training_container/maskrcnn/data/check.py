"""Check uploads on this machine, as prepare would: `python -m maskrcnn.data.check SOURCE OUTPUT`.

Writes OUTPUT/findings.json, findings.csv and findings.html; nothing is uploaded and SOURCE stays as it is.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
import tempfile
from pathlib import Path

from app.contracts import documents
from app.contracts.dataset import CheckResult
from app.contracts.settings import DataSettings
from app.contracts.uploads import LABEL_FORMATS, NOTE_NAME, UploadNote
from maskrcnn.data import archives, sheet
from maskrcnn.data.examination import examine
from maskrcnn.data.reading import read_uploads
from maskrcnn.data.reporting import write_findings
from maskrcnn.data.scratch import Scratch
from maskrcnn.data.tree import UploadTree

log = logging.getLogger("castline")


def check_uploads(
    source: Path, output: Path, settings: DataSettings | None = None, note: UploadNote | None = None
) -> CheckResult:
    """Check a folder or an archive.

    Args:
        source: What would be uploaded.
        output: Gets the findings.
        settings: Classes, part classes and aliases.
        note: What the labels do not say themselves.
    """
    settings = settings or DataSettings()
    with tempfile.TemporaryDirectory(prefix="castline-check-") as work:
        scratch = Scratch(Path(work) / "scratch")
        tree = dataclasses.replace(_tree(source, Path(work), note), aliases=settings.aliases)
        tree, refused = archives.unpack(tree, Path(work) / "unpacked")
        intake = read_uploads(tree, settings.classes, scratch, part_classes=settings.part_classes)
        for item in refused:
            intake.reject((item.finding,), item.files)
        examine(intake, settings.part_classes, lambda *name: scratch.image(*name).read_bytes())
        page = sheet.render(source.name, intake.findings, tree, intake, scratch.read_label)
    result = CheckResult(
        images=len(intake.accepted),
        rejected=len(intake.rejected),
        errors=sum(f.severity == "error" for f in intake.findings),
        warnings=sum(f.severity == "warning" for f in intake.findings),
        formats=intake.formats,
    )
    output.mkdir(parents=True, exist_ok=True)
    write_findings(output, intake.findings)
    (output / "findings.html").write_text(page)
    (output / "check.json").write_text(documents.to_json(result, indent=2))
    return result


def _tree(source: Path, work: Path, note: UploadNote | None) -> UploadTree:
    """The files below the name that their upload would have."""
    root = source if source.is_dir() else source.parent
    found = UploadTree.of_folder(source).paths if source.is_dir() else (source.name,)
    name = source.resolve().name if source.is_dir() else "upload"
    places = {f"{name}/{path}": root / path for path in found}
    if note and note != UploadNote():
        places[f"{name}/{NOTE_NAME}"] = work / NOTE_NAME
        places[f"{name}/{NOTE_NAME}"].write_text(documents.to_json(note))
    return UploadTree(root, dict.fromkeys(places, ""), places)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status: 0 whatever was found."""
    parser = argparse.ArgumentParser(
        prog="python -m maskrcnn.data.check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, help="folder or archive of photographs and labels")
    parser.add_argument("output", type=Path, help="folder to write")
    parser.add_argument("--format", choices=LABEL_FORMATS, help="recognised by content unless given")
    parser.add_argument("--class", dest="class_name", default="", help="of objects whose label names none")
    parser.add_argument("--settings", default="{}", metavar="JSON", help='data settings, {"part_classes": ["disk"]}')
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    if not options.source.exists():
        parser.error(f"{options.source}: no such file or folder")
    settings = documents.from_json(DataSettings, options.settings)
    result = check_uploads(options.source, options.output, settings, UploadNote(options.format, options.class_name))
    log.info("%d images are used; %d errors, %d warnings", result.images, result.errors, result.warnings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
