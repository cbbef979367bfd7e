"""What is wrong with an upload, in words a person can act on, for spreadsheets and for people."""

from __future__ import annotations

import collections
import csv
import dataclasses
import io
from collections.abc import Iterable, Sequence

from app.contracts.dataset import Finding, LabelInstance, Severity


class BadItemError(Exception):
    """One image or label cannot be used; carries the words of the finding it becomes.

    Args:
        rule: Short name of the rule, `mask-outside-image`.
        object_name: What in the file, `mask 3 (chipping)`.
        message: The fact and the fix, without the file's name.
    """

    def __init__(self, rule: str, object_name: str, message: str) -> None:
        super().__init__(message)
        self.rule, self.object_name, self.message = rule, object_name, message

    def finding(self, file: str) -> Finding:
        """The same as a finding about `file`."""
        return error(file, self.object_name, self.rule, self.message)


def error(file: str, object_name: str, rule: str, message: str) -> Finding:
    """A finding that sends the item to quarantine."""
    return _finding(file, object_name, rule, message, "error")


def warning(file: str, object_name: str, rule: str, message: str) -> Finding:
    """A finding about an item that is used all the same."""
    return _finding(file, object_name, rule, message, "warning")


def _finding(file: str, object_name: str, rule: str, message: str, severity: Severity) -> Finding:
    """Messages begin with the bare file name: people know their files by that; `file` has the whole path."""
    return Finding(file, object_name, rule, f"{file.rpartition('/')[2]}: {message}", severity)


def numbered(number: int, instance: LabelInstance) -> str:
    """What a finding calls an object of an accepted label: `mask 3 (chipping)`, `box 1 (holes)`."""
    return object_name(number, instance.class_name, is_mask=instance.mask is not None)


def object_name(number: int, class_name: str, *, is_mask: bool) -> str:
    """The same of what is known about the object; numbers begin at 1."""
    return f"{'mask' if is_mask else 'box'} {number} ({class_name})"


def top_reasons(findings: Iterable[Finding], limit: int = 3) -> str:
    """The most frequent error rules with one example each: `mask-outside-image x4 (cast_12.png: ...)`."""
    errors = [f for f in findings if f.severity == "error"]
    counts = collections.Counter(f.rule for f in errors)
    first = {f.rule: f.message for f in reversed(errors)}
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
    return "; ".join(f"{rule} x{count} ({first[rule]})" for rule, count in ranked)


def to_csv(findings: Sequence[Finding]) -> str:
    """One row a finding, with a header, for a spreadsheet."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in dataclasses.fields(Finding)])
    writer.writeheader()
    writer.writerows(dataclasses.asdict(finding) for finding in findings)
    return text.getvalue()


def to_text(findings: Sequence[Finding]) -> str:
    """One paragraph a file, for people."""
    by_file: dict[str, list[Finding]] = {}
    for finding in findings:
        by_file.setdefault(finding.file, []).append(finding)
    paragraphs = [
        "\n".join([file, *(f"  {f.severity} {f.rule}: {f.message}" for f in found)]) for file, found in by_file.items()
    ]
    return "\n\n".join(paragraphs) + "\n"
