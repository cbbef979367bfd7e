"""Data capture: samples of requests and answers as JSON lines in S3, as SageMaker writes them.

Source: Amazon SageMaker developer guide, "Capture data from real-time endpoint", and API reference, DataCaptureConfig:
what is neither a CSV nor a JSON content type of the configuration is encoded as base64.
"""

from __future__ import annotations

import base64
import datetime
import json
import logging
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from app.contracts.keys import split_uri
from app.embedded.sagemaker.fleets import Fleet
from app.embedded.sagemaker.servers import Reply
from app.embedded.sagemaker.shapes import Record

FLUSH_SECONDS = 1.0
DEFAULT_TYPE = "application/octet-stream"
log = logging.getLogger("castline.capture")


class Capture:
    """Collects samples and writes them to S3 about once a second, one file for an endpoint's variant and hour.

    Args:
        draw: Gives numbers between 0 and 1; a request below the sampling percentage is captured.
    """

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw
        self._waiting: dict[tuple[str, str], tuple[Any, list[str]]] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def offer(self, s3: Any, fleet: Fleet, headers: Mapping[str, str], body: bytes, reply: Reply) -> None:
        """Capture one request and its answer, if the configuration wants this one.

        Args:
            s3: A boto3 client of the model's role.
            fleet: Who answered.
            headers: Of the request, with names in small letters.
            body: Of the request.
            reply: The answer.
        """
        config = fleet.config.get("DataCaptureConfig")
        if not config or not config.get("EnableCapture", True):
            return
        if self._draw() * 100 >= config["InitialSamplingPercentage"]:
            return
        now = datetime.datetime.now(datetime.UTC)
        line = json.dumps(_line(config, headers, body, reply, now), separators=(",", ":"))
        folder = f"{config['DestinationS3Uri'].rstrip('/')}/{fleet.endpoint}/{fleet.variant}/{now:%Y/%m/%d/%H}"
        with self._lock:
            self._waiting.setdefault((folder, config.get("KmsKeyId", "")), (s3, []))[1].append(line)
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            waiting, self._waiting, self._timer = self._waiting, {}, None
        for (folder, key_id), (s3, lines) in waiting.items():
            now = datetime.datetime.now(datetime.UTC)
            bucket, prefix = split_uri(f"{folder}/{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl")
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if key_id else {}
            try:
                s3.put_object(Bucket=bucket, Key=prefix, Body="".join(f"{line}\n" for line in lines).encode(),
                              ContentType="application/jsonlines", **encryption)
            except Exception:
                log.exception("%d captured requests of %s were lost", len(lines), folder)


def _line(config: Record, headers: Mapping[str, str], body: bytes, reply: Reply, now: datetime.datetime) -> Record:
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    kinds = config.get("CaptureContentTypeHeader", {})
    data: Record = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _side("INPUT", kinds, headers.get("content-type", DEFAULT_TYPE), body)
    if modes & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = _side("OUTPUT", kinds, reply.content_type, reply.body)
    metadata: Record = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    if inference_id := headers.get("x-amzn-sagemaker-inference-id"):
        metadata["inferenceId"] = inference_id
    if attributes := headers.get("x-amzn-sagemaker-custom-attributes"):
        metadata["customAttributes"] = [attributes]
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def _side(mode: str, kinds: Record, content_type: str, content: bytes) -> Record:
    plain = content_type.partition(";")[0].strip()
    if plain in kinds.get("CsvContentTypes", []):
        encoding, data = "CSV", content.decode(errors="replace")
    elif plain in kinds.get("JsonContentTypes", []):
        encoding, data = "JSON", content.decode(errors="replace")
    else:
        encoding, data = "BASE64", base64.b64encode(content).decode()
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}
