"""State Publish: model, endpoint configuration, and the endpoint asked to serve them."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws import configuring, endpoint, moving, rolling_back, turns, waiting
from lambdas.aws.table import StateTable
from lambdas.environment import Environment
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
    moving.champion_first(here, champion.document if champion else None, publish.run_id)
    config, own = _configuration(here, publish), publish.served_run_id == publish.run_id
    table = StateTable(here.table)
    item = waiting.item_for(publish, "endpoint", here.endpoint)
    table.put_job(item)
    # An alarm that rings already is about the model that goes: it must not keep a rollback from happening.
    endpoint.ask_for(here, config, publish.served_run_id, watched=own)
    asked = dataclasses.replace(item, requested=config)
    table.put_job(asked)
    waiting.settle(here, asked)
    return {"endpoint_config": config}


def _configuration(here: Environment, publish: PublishEvent) -> str:
    """Have the configuration that serves the model; a champion of before is served by the container that was proven."""
    run_id = publish.served_run_id
    if run_id != publish.run_id:
        return configuring.ensure(here, rolling_back.former(here, run_id))
    container = serving.container(here, run_id, publish.image_uri, publish.model_artifact)
    return configuring.create(here, run_id, container)
