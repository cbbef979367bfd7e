"""How many machines the endpoint has: registered once it serves, let go before it changes to other machines."""

from __future__ import annotations

import logging

from botocore.exceptions import BotoCoreError, ClientError

from app.contracts import names
from lambdas.aws.clients import client, code
from lambdas.environment import Environment
from lambdas.requests import scaling, serving

log = logging.getLogger(__name__)


def apply(environment: Environment, config: str) -> None:
    """Let the endpoint scale as the settings say; safe to repeat.

    Args:
        environment: The deployment.
        config: What serves, InService; one of another shape than the settings have is left as it is.
    """
    settings = environment.settings.serving
    if not settings.on_machines or not names.same_shape(config, serving.name(environment, "")):
        return
    if not settings.scales:
        release(environment)
        return
    autoscaling = client("application-autoscaling")
    autoscaling.register_scalable_target(**scaling.target(environment))
    autoscaling.put_scaling_policy(**scaling.tracking(environment))
    if settings.min_instances == 0:
        policy = autoscaling.put_scaling_policy(**scaling.from_zero(environment))["PolicyARN"]
        client("cloudwatch").put_metric_alarm(**scaling.from_zero_alarm(environment, policy))


def apply_quietly(environment: Environment, config: str) -> None:
    """As `apply`, where a failure must not undo a model that is proven: the reconciler repeats it, and has an alarm."""
    try:
        apply(environment, config)
    except (ClientError, BotoCoreError):
        log.exception("endpoint %s does not scale yet", environment.endpoint)


def release(environment: Environment) -> None:
    """Keep the number of machines as it is; the policies go with their target. Safe to repeat."""
    try:
        client("application-autoscaling").deregister_scalable_target(**scaling.variant(environment))
    except ClientError as error:
        if code(error) != "ObjectNotFoundException":
            raise
    client("cloudwatch").delete_alarms(AlarmNames=[names.scale_from_zero_alarm(environment.name)])
