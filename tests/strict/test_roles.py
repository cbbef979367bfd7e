"""Each role does its work and is denied what is not its work, on the deployed stacks, in real calls."""

from __future__ import annotations

import pytest

from .conftest import Deployed
from .roles import DEPLOYER, OPERATOR, ROWS, Row

pytestmark = pytest.mark.faults


def check(deployed: Deployed, row: Row, access, principal: str) -> None:
    assert deployed.refusal(access, row.may) == "", row.may
    for call in row.must_not:
        words = deployed.refusal(access, call)
        assert f"{principal} is not authorized to perform: {call.action}" in words, f"{call}: {words or 'answered'}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.role)
def test_a_role_does_its_work_and_no_other(deployed: Deployed, row: Row) -> None:
    """Given a session of a role, when it calls, then its work is done and the rest denied in its name."""
    if row.role not in deployed.roles:
        pytest.skip(f"{row.role}: not made by the settings of this environment")
    name = deployed.roles[row.role]
    check(deployed, row, deployed.acting_as(row.role), f"assumed-role/{name}/test")


@pytest.mark.parametrize("row", [OPERATOR, DEPLOYER], ids=lambda row: row.role)
def test_a_person_does_their_work_and_no_other(deployed: Deployed, row: Row) -> None:
    check(deployed, row, deployed.running.access(row.role), f"user/{row.role}")


def test_no_role_of_the_stacks_is_left_out(deployed: Deployed) -> None:
    assert deployed.roles.keys() - {row.role for row in ROWS} == set()
