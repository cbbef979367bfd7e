"""What secrets and account ids look like; shared by the tests of the repository, of the assets and of runs."""

from __future__ import annotations

import re

PLACEHOLDERS = {"000000000000", "111122223333", "123456789012"}
"""Account ids that stand for nobody: the embedded AWS's, and the two of AWS's own documentation."""
SECRETS = {
    "access key id": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "secret access key": r"(?i)secret_?access_?key[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+]{40}\b",
    "session token": r"(?i)(?:session|security)[_-]?token[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+=]{100,}",
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "presigned address": r"X-Amz-(?:Signature|Security-Token)=[A-Za-z0-9%]{20,}",
    "token of a code host": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20})",
    "token of a chat": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "password in an address": r"\b[a-z][a-z0-9+]*://[^/\s:@\"'{}]+:[^/\s:@\"'{}]{3,}@",
}
ACCOUNTS = (
    r"arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:(\d{12})\b",
    r"(?i)account[_ -]?(?:id)?[\"']?\s*[:=]\s*[\"']?(\d{12})\b",
    r"\bcdk-[a-z0-9]+-[a-z]+-(\d{12})\b",
    r"\b(\d{12})\.dkr\.ecr\.",
)


def secrets(text: str) -> list[str]:
    """The kinds of secrets that a text holds."""
    return [kind for kind, pattern in SECRETS.items() if re.search(pattern, text)]


def accounts(text: str) -> set[str]:
    """The account ids that a text names, but for the placeholders."""
    return {account for pattern in ACCOUNTS for account in re.findall(pattern, text)} - PLACEHOLDERS
