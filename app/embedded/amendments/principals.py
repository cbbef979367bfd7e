"""Strict mode: the account has its people and no root.

ministack 1.5.33 takes the keys `test`, twelve digits and its own environment's for the root of an account, whom no
policy stops and whose signature it does not check. Here no key is root's, so that every call of the API is signed by
a user or a session of a role.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam, sts

from app.embedded import pin
from app.embedded.settings import ACCOUNT
from app.embedded.strict import people

CREATED = "2026-01-01T00:00:00Z"


def apply(state: Path) -> None:
    """Take root's keys away and let the people of a state folder in."""
    for owner, name in ((iam_evaluator, "is_root_access_key"), (sts, "is_root_access_key"), (iam, "_users"),
                        (iam, "_access_keys"), (iam, "_user_inline_policies")):
        pin.part(owner, name)
    iam_evaluator.is_root_access_key = _nobody_is_root
    sts.is_root_access_key = _nobody_is_root
    restore = pin.part(iam, "load_persisted_state")

    def restore_with_people(data: dict[str, Any]) -> None:
        restore(data)
        _admit(state)

    iam.load_persisted_state = restore_with_people
    _admit(state)


def _nobody_is_root(_access_key_id: str) -> bool:
    return False


def _admit(state: Path) -> None:
    """Make the people users, unless they are; what was attached to them meanwhile stays."""
    attached = {"administrator": [people.ADMINISTRATOR_POLICY]}
    for person, key in people.keys(state).items():
        if person not in iam._users:
            iam._users[person] = {
                "UserName": person, "Arn": f"arn:aws:iam::{ACCOUNT}:user/{person}", "UserId": f"AIDA{person.upper()}",
                "CreateDate": CREATED, "Path": "/", "AttachedPolicies": attached.get(person, []), "Tags": []}
        iam._access_keys[key["access_key"]] = {
            "UserName": person, "AccessKeyId": key["access_key"], "SecretAccessKey": key["secret_key"],
            "Status": "Active", "CreateDate": CREATED}
    iam._user_inline_policies["deployer"] = {"assume-bootstrap-roles": json.dumps(people.DEPLOYER_POLICY)}
