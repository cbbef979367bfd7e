"""check: what is wrong with a data set, before it is uploaded."""

from __future__ import annotations

import json as json_text
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from app.cli import rendering
from app.cli.console import emit_json, err, out, say
from app.client.pipeline import PipelineError
from app.client.programs import run_module
from app.contracts import documents
from app.contracts.dataset import CheckResult, Finding
from app.contracts.settings import DataSettings
from app.contracts.uploads import NOTE_NAME, LabelFormat

MODULE = "maskrcnn.data.check"
OUTPUT = Path("build/check")
SHOWN = 50
COLORS = {"error": "red", "warning": "yellow"}


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("check", rich_help_panel="Data")(check)


def check(
    path: Annotated[Path, typer.Argument(help="Folder of photographs and labels, or a zip or tar of it.")],
    label_format: Annotated[
        LabelFormat | None, typer.Option("--format", help="Format of the labels; recognised by content unless given.")
    ] = None,
    class_name: Annotated[
        str, typer.Option("--class", help="Class of every object whose label names none.")
    ] = "",
    part: Annotated[
        list[str] | None,
        typer.Option(help="Class that is the part itself; may be repeated. `disk` unless given.", show_default=False),
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option(help="Show findings of this rule only; may be repeated.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help=f"Folder for the findings; {OUTPUT}/<name> unless given.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For scripts: all findings.")] = False,
) -> None:
    """Check photographs and labels as a run would, on this machine: nothing is uploaded or changed (docs/checks.md).

    Writes findings.json, findings.csv and a page with a picture of each finding. Exit status 1 when there are errors.

    Examples: [bold]python -m app check castings/[/], [bold]python -m app check castings.zip --rule mask-tiny[/]
    """
    folder = output or OUTPUT / path.resolve().name
    result, found = _examine(path, folder, label_format, class_name, part or list(DataSettings().part_classes))
    wanted = [finding for finding in found if not rule or finding.rule in rule]
    if json:
        emit_json(wanted)
    else:
        _tell(result, found, wanted, folder)
    if result.errors:
        raise typer.Exit(1)


def _examine(
    path: Path, folder: Path, label_format: LabelFormat | None, class_name: str, parts: Sequence[str]
) -> tuple[CheckResult, tuple[Finding, ...]]:
    """Run the container's own checks as a program of its own.

    Raises:
        PipelineError: there is nothing to check, or the folder has a note of its own.
    """
    if not path.exists():
        raise PipelineError(f"{path}: no such file or folder: check the spelling")
    if (label_format or class_name) and (path / NOTE_NAME).exists():
        raise PipelineError(f"{path / NOTE_NAME}: says already how to read the upload: change it, or leave out "
                            "--format and --class")
    settings = json_text.dumps({"part_classes": list(parts)})
    chosen = [*(["--format", label_format] if label_format else []), "--class", class_name, "--settings", settings]
    with err.status(f"Checking {escape(str(path))}"):
        run_module(MODULE, [str(path), str(folder), *chosen])
    result = documents.from_json(CheckResult, (folder / "check.json").read_text())
    found = json_text.loads((folder / "findings.json").read_text())
    return result, tuple(documents.from_plain(Finding, finding) for finding in found)


def _tell(result: CheckResult, found: Sequence[Finding], wanted: Sequence[Finding], folder: Path) -> None:
    say(f"{result.images} images are good to use, {result.rejected} items are not; "
        f"read as {', '.join(result.formats) or 'no known format'}.")
    if found:
        out.print(counts_table(found))
        ordered = sorted(wanted, key=lambda finding: (finding.severity, finding.rule, finding.file))
        out.print(rendering.findings_table(ordered[:SHOWN]))
        if len(wanted) > SHOWN:
            say(f"{SHOWN} of {len(wanted)} findings; all of them are in {escape(str(folder))}.")
        say(f"With pictures: {escape(str(folder / 'findings.html'))}; for a spreadsheet: findings.csv beside it.")
    else:
        say("Nothing is wrong with it.")


def counts_table(found: Sequence[Finding]) -> Table:
    """How often each rule was broken, errors first, then by number."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "Rule", "Findings", "Files"):
        table.add_column(name, justify="right" if name in ("Findings", "Files") else "left", no_wrap=True)
    counts = Counter((finding.severity, finding.rule) for finding in found)
    files = Counter((severity, rule) for severity, rule, _ in {(f.severity, f.rule, f.file) for f in found})
    for (severity, rule), count in sorted(counts.items(), key=lambda item: (item[0][0], -item[1], item[0][1])):
        key = (severity, rule)
        table.add_row(f"[{COLORS[severity]}]{severity}[/]", escape(rule), str(count), str(files[key]))
    return table
