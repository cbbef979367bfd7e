"""How settings are checked: an error names the setting, its value, the rule and an example."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from app.contracts.documents import ContractError

INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")


def check(ok: bool, where: str, value: Any, rule: str, example: str) -> None:
    """Refuse a setting.

    Raises:
        ContractError: it is not `ok`.
    """
    if not ok:
        raise ContractError(f"{where} = {value!r}: {rule}; for example {example}")


def check_instances(names: Iterable[str], where: str) -> None:
    """Refuse what is no instance type of SageMaker.

    Raises:
        ContractError: one of the names is none.
    """
    for name in names:
        check(bool(INSTANCE_TYPE.fullmatch(name)), where, name, "must be a SageMaker instance type", '"ml.g5.xlarge"')
