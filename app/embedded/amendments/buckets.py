"""CloudFormation: keep the tags of a bucket (ministack 1.5.33 drops them)."""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import provisioners

from app.embedded import pin


def apply() -> None:
    """Add tags to the bucket properties that CloudFormation applies."""
    configurations = pin.part(provisioners, "_S3_BUCKET_CONFIGURATIONS")
    tags = pin.part(provisioners._s3, "_bucket_tags")

    def to_map(value: list[dict[str, str]]) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in value}

    def put(bucket: str, value: Any) -> None:
        tags[bucket] = value

    def drop(bucket: str) -> None:
        tags.pop(bucket, None)

    provisioners._S3_BUCKET_CONFIGURATIONS = (*configurations, ("Tags", to_map, put, drop))
