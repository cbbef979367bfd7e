"""The price table, and what a deployment adds to it."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from app.contracts import prices, worst_case
from app.contracts.documents import ContractError
from app.contracts.settings import INSTANCE_TYPE, PipelineSettings

TABLE = json.loads(prices.TABLE.read_text())


def test_given_the_table_then_every_price_has_a_known_name_and_the_table_a_day_and_a_source() -> None:
    assert dt.date.fromisoformat(TABLE["as_of"]) <= dt.datetime.now(dt.UTC).date()
    assert "on-demand" in TABLE["source"]
    for table in TABLE["tables"]:
        for name, usd in table["usd"].items():
            assert name in prices.SERVICES or INSTANCE_TYPE.fullmatch(name), name
            assert 0 < usd < 100


def test_given_larger_machines_of_a_family_with_one_gpu_each_then_they_cost_more() -> None:
    usd = prices.of_region("us-east-1").usd
    for family, sizes in {"m5": ("large", "xlarge", "2xlarge", "4xlarge", "12xlarge", "24xlarge"),
                          "g4dn": ("xlarge", "2xlarge", "4xlarge", "8xlarge"),
                          "g5": ("xlarge", "2xlarge", "4xlarge", "8xlarge")}.items():  # fmt: skip
        found = [usd[f"ml.{family}.{size}"] for size in sizes]
        assert found == sorted(found)


def test_given_the_default_settings_then_each_of_their_machines_is_priced_in_a_region_of_the_table() -> None:
    known = prices.of_region("us-west-2")
    settings = PipelineSettings("dev")
    assert [name for name in worst_case.machines(settings) if known.find(name) is None] == []
    assert known.of("ml.m5.xlarge") == 0.23


def test_given_prices_of_one_s_own_then_they_win_in_their_region_only() -> None:
    own = {"us-east-1": {"ml.m5.xlarge": 0.2}, "eu-central-1": {"ml.g5.xlarge": 1.76}}
    here, there = prices.of_region("us-east-1", own), prices.of_region("eu-central-1", own)
    assert (here.of("ml.m5.xlarge"), here.of("ml.m5.2xlarge")) == (0.2, 0.461)
    assert (there.of("ml.g5.xlarge"), there.find("ml.m5.xlarge")) == (1.76, None)


def test_given_a_region_that_nobody_priced_then_it_is_not_guessed_and_the_message_says_where_to_write_it() -> None:
    with pytest.raises(prices.UnknownPriceError) as caught:
        prices.of_region("eu-north-1").of("ml.g5.xlarge")
    assert str(caught.value) == (
        f"no price of ml.g5.xlarge in eu-north-1 is known (table of {TABLE['as_of']}): add it to cdk.json, for example "
        '{"prices": {"eu-north-1": {"ml.g5.xlarge": 1.23}}}'
    )


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"frankfurt": {"ml.g5.xlarge": 1.0}}, "prices = 'frankfurt': must be an AWS region"),
        ({"eu-central-1": {"g5.xlarge": 1.0}}, "prices.eu-central-1.g5.xlarge = 1.0: must name a SageMaker instance"),
        ({"eu-central-1": {"ml.g5.xlarge": 0.0}}, "prices.eu-central-1.ml.g5.xlarge = 0.0: must be above 0"),
        ({"eu-central-1": {"kms_key_month": float("nan")}}, "prices.eu-central-1.kms_key_month = nan: must be above"),
    ],
)
def test_given_a_price_that_is_none_then_it_is_refused_by_name(own: dict[str, dict[str, float]], message: str) -> None:
    with pytest.raises(ContractError) as caught:
        PipelineSettings("dev", prices=own)
    assert str(caught.value).startswith(message)
    assert "for example" in str(caught.value)
