"""State Publish: model, endpoint configuration, and the endpoint asked to serve them."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import endpoint, turns, waiting
from lambdas.aws.clients import client
from lambdas.aws.table import StateTable
from lambdas.errors import ChampionMovedError
from lambdas.events import PublishEvent
from lambdas.requests import serving


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Ask the endpoint for the new configuration; the state machine waits for the token.

    The token is answered only once the request was made: until then the endpoint rightly serves the old one.
    """
    publish, here = from_plain(PublishEvent, event), environment.current()
    turns.hold(here, publish.run_id)
    champion = endpoint.champion(here)
    if (champion.document.run_id if champion else None) != publish.champion_run_id:
        raise ChampionMovedError(
            f"the model was compared with {publish.champion_run_id}, which is the champion no more: force a run"
        )
    sagemaker = client("sagemaker")
    config = serving.endpoint_config(here, publish.run_id)
    endpoint.create_once(sagemaker.create_model, serving.model(here, publish.run_id, serving.container(here, publish)))
    endpoint.create_once(sagemaker.create_endpoint_config, config)
    table = StateTable(here.table)
    item = waiting.item_for(publish, "endpoint", here.endpoint)
    table.put_job(item)
    endpoint.ask_for(here, config["EndpointConfigName"], publish.run_id)
    asked = dataclasses.replace(item, requested=config["EndpointConfigName"])
    table.put_job(asked)
    waiting.settle(here, asked)
    return {"endpoint_config": config["EndpointConfigName"]}
