"""States FindImage and FindBuiltImage: digest of the container image with the deployed tag."""

from __future__ import annotations

import dataclasses
from typing import Any

from botocore.exceptions import ClientError

from app.contracts import names
from app.contracts.documents import from_plain
from lambdas import environment
from lambdas.aws.clients import client, is_absent
from lambdas.errors import ImageMissingError
from lambdas.events import FindImageEvent, FindImageResult


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Find the image; jobs use its digest, which no later push can change."""
    required, here = from_plain(FindImageEvent, event).required, environment.current()
    repository = names.repository(here.name)
    digest = _digest(repository, here.image_tag)
    if digest is None and required:
        raise ImageMissingError(
            f"{repository}:{here.image_tag}: the build ended but left no image: read the build's log, then force a run"
        )
    uri = f"{here.repository_uri}@{digest}" if digest else ""
    return dataclasses.asdict(FindImageResult(found=digest is not None, image_uri=uri))


def _digest(repository: str, tag: str) -> str | None:
    try:
        answer = client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ClientError as error:
        if is_absent(error):
            return None
        raise
    details = answer["imageDetails"]
    return str(details[0]["imageDigest"]) if details else None
