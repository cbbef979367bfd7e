"""The authority of a strict embedded AWS: trusted for its own address and for no other."""

from __future__ import annotations

import datetime as dt
import ipaddress
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from app.embedded.strict import certificates, is_strict, trusted


def verifier(authority: x509.Certificate, address: str):
    builder = PolicyBuilder().store(Store([authority])).time(dt.datetime.now(dt.UTC))
    return builder.build_server_verifier(x509.IPAddress(ipaddress.ip_address(address)))


def test_the_authority_vouches_for_loopback_and_for_nothing_else(tmp_path: Path) -> None:
    certificates.make(tmp_path)
    authority = x509.load_pem_x509_certificate(trusted(tmp_path).read_bytes())
    certificate, key = certificates.server_files(tmp_path)
    server = x509.load_pem_x509_certificate(certificate.read_bytes())
    assert verifier(authority, "127.0.0.1").verify(server, []) == [server, authority]
    with pytest.raises(VerificationError):
        verifier(authority, "127.0.0.2").verify(server, [])
    assert is_strict(tmp_path)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_key_of_the_authority_is_kept_nowhere(tmp_path: Path) -> None:
    certificates.make(tmp_path)
    assert sorted(file.name for file in (tmp_path / "strict").iterdir()) == ["ca.pem", "server.key", "server.pem"]


def test_a_certificate_is_made_again_only_when_it_is_about_to_end(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates.make(tmp_path)
    first = trusted(tmp_path).read_bytes()
    certificates.make(tmp_path)
    assert trusted(tmp_path).read_bytes() == first
    monkeypatch.setattr(certificates, "RENEWED_BEFORE", certificates.VALID)
    certificates.make(tmp_path)
    assert trusted(tmp_path).read_bytes() != first


def test_another_authority_does_not_vouch_for_it(tmp_path: Path) -> None:
    for name in ("one", "two"):
        certificates.make(tmp_path / name)
    stranger = x509.load_pem_x509_certificate(trusted(tmp_path / "two").read_bytes())
    server = x509.load_pem_x509_certificate(certificates.server_files(tmp_path / "one")[0].read_bytes())
    with pytest.raises(VerificationError):
        verifier(stranger, "127.0.0.1").verify(server, [])
