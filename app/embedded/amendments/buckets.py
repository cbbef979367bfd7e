"""CloudFormation: keep the tags and the encryption of a bucket (ministack 1.5.33 drops both)."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from ministack.services.cloudformation import provisioners

from app.embedded import pin

RULE_MEMBERS = ("SSEAlgorithm", "KMSMasterKeyID")


def apply() -> None:
    """Add both to the bucket properties that CloudFormation applies."""
    configurations = pin.part(provisioners, "_S3_BUCKET_CONFIGURATIONS")
    tags = pin.part(provisioners._s3, "_bucket_tags")
    encrypt = pin.part(provisioners._s3, "_put_bucket_encryption")
    leave_to_s3 = pin.part(provisioners._s3, "_delete_bucket_encryption")

    def to_map(value: list[dict[str, str]]) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in value}

    def put(bucket: str, value: Any) -> None:
        tags[bucket] = value

    def drop(bucket: str) -> None:
        tags.pop(bucket, None)

    provisioners._S3_BUCKET_CONFIGURATIONS = (
        *configurations, ("Tags", to_map, put, drop),
        ("BucketEncryption", encryption_xml, encrypt, leave_to_s3))


def encryption_xml(properties: dict[str, Any]) -> bytes:
    """The body of PutBucketEncryption that says what the property of CloudFormation says."""
    root = Element("ServerSideEncryptionConfiguration", xmlns=provisioners._s3.S3_NS)
    for given in properties["ServerSideEncryptionConfiguration"]:
        rule = SubElement(root, "Rule")
        default = SubElement(rule, "ApplyServerSideEncryptionByDefault")
        for member, value in _default(given["ServerSideEncryptionByDefault"]).items():
            SubElement(default, member).text = str(value)
        SubElement(rule, "BucketKeyEnabled").text = str(given.get("BucketKeyEnabled", False)).lower()
    return bytes(tostring(root, encoding="utf-8"))


def _default(given: dict[str, Any]) -> dict[str, Any]:
    """The rule of a bucket; one under the key aws/s3, as the CDK's own is, is left to S3.

    ministack has no such key, and refuses every object that asks for it.
    """
    if given["SSEAlgorithm"] == "aws:kms" and not given.get("KMSMasterKeyID"):
        return {"SSEAlgorithm": "AES256"}
    return {member: given[member] for member in RULE_MEMBERS if member in given}
