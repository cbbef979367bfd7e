"""What a deployment may decide about serving, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from app.contracts import documents
from app.contracts.documents import ContractError
from app.contracts.settings import ScalingSettings, ServingSettings


@pytest.mark.parametrize(
    ("values", "scaling", "limits"),
    [
        ({"mode": "serverless"}, {}, (1, 1, False)),
        ({"mode": "realtime"}, {}, (1, 1, False)),
        ({"mode": "realtime", "instance_count": 2}, {}, (2, 2, False)),
        ({"mode": "realtime"}, {"max_instances": 3}, (1, 3, True)),
        ({"mode": "async"}, {}, (0, 1, True)),
        ({"mode": "async"}, {"min_instances": 1}, (1, 1, False)),
        ({"mode": "serverless"}, {"max_instances": 3}, (1, 3, False)),
    ],
)
def test_given_a_mode_then_the_limits_of_scaling_follow(
    values: dict[str, Any], scaling: dict[str, int], limits: tuple[int, int, bool]
) -> None:
    settings = ServingSettings(**values, scaling=ScalingSettings(**scaling))
    assert (settings.min_instances, settings.max_instances, settings.scales) == limits


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"capture_percent": 10}, "captures nothing of a serverless endpoint"),
        ({"mode": "async", "capture_percent": 10}, "lie in S3 already"),
        ({"mode": "realtime", "capture_percent": 101}, "must be 0 to 100"),
        ({"mode": "realtime", "scaling": {"min_instances": 0}}, "async scales to zero"),
        ({"mode": "realtime", "scaling": {"min_instances": 2}}, "serving.instance_count = 1: must lie between"),
        ({"mode": "async", "instance_count": 2, "scaling": {"max_instances": 1}}, "scaling.max_instances = 1"),
        ({"mode": "realtime", "bake_seconds": 60}, "alarms need two periods"),
        ({"mode": "realtime", "bake_seconds": 300, "update_timeout_seconds": 600}, "less than half of"),
        ({"mode": "realtime", "max_latency_ms": 90_000}, "gives up after a minute"),
        ({"scaling": {"backlog_per_instance": 0}}, "serving.scaling.backlog_per_instance = 0: must be at least 1"),
        ({"keep_days": 0}, "serving.keep_days = 0"),
    ],
)
def test_given_what_cannot_be_served_then_the_setting_the_rule_and_an_example_are_named(
    values: dict[str, Any], words: str
) -> None:
    with pytest.raises(ContractError, match=words) as caught:
        documents.from_plain(ServingSettings, values)
    assert "; for example " in str(caught.value)


def test_given_settings_then_they_travel_to_the_functions_and_back() -> None:
    settings = ServingSettings(mode="async", scaling=ScalingSettings(max_instances=4, backlog_per_instance=2))
    assert documents.from_json(ServingSettings, documents.to_json(settings)) == settings
