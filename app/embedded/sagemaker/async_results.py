"""What SNS hears of an asynchronous invocation when it has ended.

Source: Amazon SageMaker developer guide, "Check prediction results" of asynchronous inference; API reference,
AsyncInferenceNotificationConfig.
"""

from __future__ import annotations

import base64
import datetime
import json
import logging
from typing import Any

from app.embedded.sagemaker.servers import Reply
from app.embedded.sagemaker.shapes import Record
from app.embedded.settings import REGION

MAX_INCLUDED_BYTES = 128 * 1024
log = logging.getLogger("castline.async")


def notify(sns: Any, record: Record, config: Record, reply: Reply | None, failure: str) -> None:
    """Publish the notification that the endpoint's configuration asks for.

    Args:
        sns: A boto3 client.
        record: The invocation.
        config: The endpoint configuration.
        reply: The container's answer, if there was one.
        failure: Why it failed; nothing when it succeeded.
    """
    notifications = config["AsyncInferenceConfig"]["OutputConfig"].get("NotificationConfig", {})
    topic = notifications.get("ErrorTopic" if failure else "SuccessTopic")
    if not topic:
        return
    included = "ERROR_NOTIFICATION_TOPIC" if failure else "SUCCESS_NOTIFICATION_TOPIC"
    with_answer = included in notifications.get("IncludeInferenceResponseIn", [])
    try:
        sns.publish(TopicArn=topic, Message=json.dumps(message(record, reply, failure, with_answer=with_answer)))
    except Exception:
        log.exception("the notification of %s was lost", record["InferenceId"])


def message(record: Record, reply: Reply | None, failure: str, *, with_answer: bool = False) -> Record:
    """The notification's content."""
    asked = {"accept": "Accept", "contentType": "ContentType", "customAttributes": "CustomAttributes",
             "endpointName": "EndpointName", "inputLocation": "InputLocation"}
    said: Record = {
        "awsRegion": REGION,
        "eventTime": _iso(datetime.datetime.now(datetime.UTC)),
        "receivedTime": _iso(datetime.datetime.fromtimestamp(record["CreationTime"], datetime.UTC)),
        "invocationStatus": "Failed" if failure else "Completed",
        "requestParameters": {name: record[member] for name, member in asked.items() if member in record},
        "inferenceId": record["InferenceId"],
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    if failure:
        said["failureReason"] = failure
    elif reply:
        said["responseParameters"] = {"contentType": reply.content_type, "outputLocation": record["OutputLocation"]}
    if with_answer and reply and len(reply.body) <= MAX_INCLUDED_BYTES:
        said["responseBody"] = {"content": base64.b64encode(reply.body).decode(), "encoding": "BASE64"}
    return said


def _iso(time: datetime.datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"
