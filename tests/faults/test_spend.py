"""Budgets that are used up."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from app.contracts import names

from .rows import fault
from .world import ENVIRONMENT, World

LOOKING = ("gate", "reconcile")
LIMIT = 3.0
"""USD: what one run of this environment may cost at least before its budget is refused, and a little more."""


@contextlib.contextmanager
def budget(world: World) -> Iterator[None]:
    """A month that one run uses up, told to the functions that start runs."""
    functions = world.client("lambda")
    told = {}
    for handler in LOOKING:
        name = names.function(ENVIRONMENT, handler)
        told[name] = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        settings = json.loads(told[name]["CASTLINE_SETTINGS"])
        settings["spend"] = {"per_run_usd": LIMIT, "per_month_usd": LIMIT}
        variables = told[name] | {"CASTLINE_SETTINGS": json.dumps(settings)}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    try:
        yield
    finally:
        for name, variables in told.items():
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


@fault("the month's budget is used up",
       injected="spend.per_month_usd is lowered below what was spent and a run may cost",
       seen="the month's budget: the uploads wait, nothing starts; metric HeldByBudget",
       recovers="the limit is raised, or the month ends: the clock's look starts the run; or `app run --over-budget`")
def test_month_is_spent(world: World) -> None:
    before = world.run()
    assert before.spend is not None
    assert before.spend.usd > 0
    known = world.run_ids()
    with budget(world):
        uploads = world.upload()
        for handler, reason in (("gate", "reason"), ("reconcile", "gate")):
            assert world.invoke(handler)[reason].startswith("the month's budget: ")
        refused = world.invoke("gate", {"force": True})
        assert refused["reason"].endswith("python -m app run --over-budget")
        assert world.run_ids() == known
        assert set(world.inbox()) == {upload.key for upload in uploads}
        started = world.invoke("gate", {"force": True, "over_budget": True})["run_id"]
        record = world.ended(started)
    assert (record.outcome, record.uploads, world.inbox()) == ("PROMOTED", len(uploads), {})
    assert record.reason.endswith("over the budget if need be")
