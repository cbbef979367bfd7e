"""Where one embedded AWS lives: its state folder, its port, and the environment of its process."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.embedded.strict import trusted

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 4566
HOST = "127.0.0.1"  # not localhost: that may resolve to ::1, where nobody listens
ACCOUNT = "000000000000"
REGION = "us-east-1"
ACCESS_KEY = "castline"
SECRET_KEY = "castline"  # noqa: S105 - nothing checks it, unless the mode is strict: app/embedded/strict

STATE_VARIABLE = "CASTLINE_STATE"
PROGRAMS_VARIABLE = "CASTLINE_PROGRAMS"
MINUTE_VARIABLE = "CASTLINE_MINUTE_SECONDS"


class EmbeddedError(Exception):
    """Something that the person at the command line can fix; the message says how."""


def default_state() -> Path:
    """The state folder: CASTLINE_STATE, or .castline/ in the repository."""
    return Path(os.environ.get(STATE_VARIABLE, ROOT / ".castline")).resolve()


def default_programs() -> Path:
    """The container programs that stand for the image: CASTLINE_PROGRAMS, or those of the repository."""
    return Path(os.environ.get(PROGRAMS_VARIABLE, ROOT / "training_container" / "bin")).resolve()


def default_minute_seconds() -> float:
    """How long a minute of AWS's waiting lasts here: CASTLINE_MINUTE_SECONDS, or a second."""
    return float(os.environ.get(MINUTE_VARIABLE, "1"))


@dataclasses.dataclass(frozen=True)
class EmbeddedSettings:
    """One embedded AWS."""

    state: Path
    """Everything it keeps lies below this folder; deleting the folder forgets everything."""
    port: int = DEFAULT_PORT
    programs: Path = dataclasses.field(default_factory=default_programs)
    new_machine_seconds: float = 3.0
    """How long an interrupted job waits for its next spot machine; on AWS it takes minutes."""
    minute_seconds: float = dataclasses.field(default_factory=default_minute_seconds)
    """How long a minute of a deployment's bakes and of autoscaling's cooldowns lasts here."""
    strict: bool = False
    """TLS, signed requests, and every policy evaluated (app/embedded/strict)."""

    @property
    def endpoint_url(self) -> str:
        """Where every AWS client has to go."""
        return endpoint_url(self.port, strict=self.strict)

    def shortened(self, seconds: float) -> float:
        """What a wait on AWS lasts here."""
        return seconds / 60 * self.minute_seconds

    @property
    def log(self) -> Path:
        """Log of the process."""
        return self.state / "server.log"

    @property
    def sagemaker(self) -> Path:
        """Records of the local SageMaker."""
        return self.state / "sagemaker"

    @property
    def work(self) -> Path:
        """Working folders of jobs and endpoints."""
        return self.state / "work"

    @property
    def children(self) -> Path:
        """One file for each job or endpoint process, so that the next start can end left-over ones."""
        return self.state / "children"


def endpoint_url(port: int, *, strict: bool) -> str:
    """Where an embedded AWS answers."""
    return f"{'https' if strict else 'http'}://{HOST}:{port}"


@dataclasses.dataclass(frozen=True)
class Access:
    """How one client reaches an embedded AWS: where it is, by whose key, and whose certificates it trusts."""

    endpoint_url: str
    access_key: str = ACCESS_KEY
    secret_key: str = dataclasses.field(default=SECRET_KEY, repr=False)
    session_token: str = dataclasses.field(default="", repr=False)
    """Of temporary credentials only."""
    certificates: Path | None = None
    """The certificate authority of a strict embedded AWS."""

    def environment(self, *, isolated: bool = False) -> dict[str, str]:
        """The AWS variables that send an SDK or the CDK to the embedded AWS.

        Args:
            isolated: For a container without a network: neither an address nor credentials, and nothing that an SDK
                would find on the machine of whoever runs the embedded AWS.
        """
        if isolated:
            nowhere = dict.fromkeys(("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"), os.devnull)
            return {**nowhere, "AWS_EC2_METADATA_DISABLED": "true"}
        token = {"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {}
        trust = {"AWS_CA_BUNDLE": str(self.certificates)} if self.certificates else {}
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        } | token | trust

    def client_options(self) -> dict[str, Any]:
        """What boto3's `client` takes beside the name of the service and a config."""
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": REGION,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "aws_session_token": self.session_token or None,
            "verify": str(self.certificates) if self.certificates else None,
        }


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """A copy without the caller's own AWS settings: a profile or token of theirs must not leak in."""
    return {k: v for k, v in environment.items() if not k.startswith("AWS_")}


def server_environment(settings: EmbeddedSettings, base: Mapping[str, str]) -> dict[str, str]:
    """The environment of the process; ministack reads most of it when it is imported."""
    state = settings.state
    trust = trusted(settings.state) if settings.strict else None
    mode = {"AUTH": "true", "USE_SSL": "1"} if settings.strict else {}
    return without_aws(base) | Access(settings.endpoint_url, certificates=trust).environment() | mode | {
        STATE_VARIABLE: str(state),
        PROGRAMS_VARIABLE: str(settings.programs),
        "TMPDIR": str(state / "tmp"),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(settings.port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "s3"),
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": base.get("LOG_LEVEL", "WARNING"),
        "DOCKER_HOST": f"unix://{state}/no-docker.sock",  # never touch a Docker engine, even where there is one
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",  # would open a second port
        "PYTHONUNBUFFERED": "1",
    }
