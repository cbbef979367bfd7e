"""No secret and no account id in the repository, nor in what is built from it."""

from __future__ import annotations

import re

import pytest

from tests.checkout import ROOT, tracked
from tests.secret_patterns import accounts, secrets

MAX_BYTES = 5_000_000
FORBIDDEN_NAMES = re.compile(r"(^|/)(\.env(\..*)?|credentials|id_(rsa|dsa|ecdsa|ed25519)|.*\.(pem|p12|pfx|key))$")
AKIA, HEADER = "AKIA" + "IOSFODNN7EXAMPLE", "-----BEGIN RSA " + "PRIVATE KEY-----"  # never whole in this file


def texts() -> dict[str, str]:
    files = {name: ROOT / name for name in tracked()}
    return {
        name: path.read_bytes().decode("utf-8", errors="replace")
        for name, path in files.items()
        if path.is_file() and path.stat().st_size <= MAX_BYTES
    }


def test_no_file_of_the_repository_holds_a_secret_or_an_account_id() -> None:
    found = {name: [*secrets(text), *accounts(text)] for name, text in texts().items()}
    assert len(found) > 500
    assert {name: what for name, what in found.items() if what} == {}


def test_no_file_of_the_repository_is_named_like_a_key() -> None:
    assert [name for name in tracked() if FORBIDDEN_NAMES.search(name)] == []


@pytest.mark.parametrize(("text", "kind"), [
    (f"aws_access_key_id = {AKIA}", "access key id"),
    ("AWS_SECRET_ACCESS_KEY=" + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "secret access key"),
    ('{"SecretAccessKey": "' + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" + '"}', "secret access key"),
    ('"SessionToken": "' + "IQoJb3JpZ2luX2VjE" * 8 + '"', "session token"),
    (HEADER, "private key"),
    ("https://b.s3.amazonaws.com/k?X-Amz-Signature=" + "0123456789abcdef" * 4, "presigned address"),
    ("ghp_" + "0123456789" * 4, "token of a code host"),
    ("postgres://user:" + "hunter2@host/db", "password in an address"),
], ids=["id", "variable", "json", "token", "key", "address", "host", "password"])  # fmt: skip
def test_a_secret_would_be_found(text: str, kind: str) -> None:
    assert kind in secrets(text)


@pytest.mark.parametrize("account", ["99887766" + "5544", "123456789" + "013"])
@pytest.mark.parametrize("form", [
    "arn:aws:iam::{}:role/x", "arn:aws:sqs:eu-west-1:{}:queue", "{}.dkr.ecr.eu-west-1.amazonaws.com/castline",
    'account_id = "{}"', "s3://cdk-hnb659fds-assets-{}-eu-west-1"])
def test_an_account_id_would_be_found(form: str, account: str) -> None:
    assert accounts(form.format(account)) == {account}


@pytest.mark.parametrize("form", ["arn:aws:iam::111122223333:role/x", "arn:aws:s3:::bucket/123456789099"])
def test_placeholders_and_numbers_that_are_no_account_are_not(form: str) -> None:
    assert accounts(form) == set()
