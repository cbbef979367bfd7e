"""The strict mode of the embedded AWS: TLS, signed requests, and IAM policies that decide every call.

A state folder that holds `strict/` belongs to a strict embedded AWS, for good: its certificates and the keys of its
people lie there. What decides is ministack's evaluator of policies (`AUTH=true`), amended where it lets something
through that AWS refuses (app/embedded/amendments) and asked by the local SageMaker as well. docs/embedded.md says
where it ends.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

FOLDER = "strict"
Person = Literal["administrator", "deployer", "operator"]
"""Who calls from outside: the one who bootstraps the account, the one who deploys, the one who operates."""


def is_strict(state: Path) -> bool:
    """Whether a state folder belongs to a strict embedded AWS."""
    return (state / FOLDER).is_dir()


def trusted(state: Path) -> Path:
    """The certificate of the authority: what clients put into AWS_CA_BUNDLE."""
    return state / FOLDER / "ca.pem"
