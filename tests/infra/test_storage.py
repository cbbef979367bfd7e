"""What must never be lost, and never be read by strangers."""

from __future__ import annotations

from typing import Any

from app.contracts import keys

STATEFUL = {
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::EFS::FileSystem",
    "AWS::SageMaker::ModelPackageGroup",
    "AWS::ECR::Repository",
}


def data_bucket(synthesized: Any) -> dict[str, Any]:
    buckets = synthesized.of_type("data", "AWS::S3::Bucket").values()
    (bucket,) = (b["Properties"] for b in buckets if "VersioningConfiguration" in b["Properties"])
    return bucket


def test_everything_stateful_survives_the_deletion_of_its_stack(dev: Any) -> None:
    policies = {
        (resource["Type"], logical_id): (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
        for _, logical_id, resource in dev.everything()
        if resource["Type"] in STATEFUL
    }
    assert {kind for kind, _ in policies} == STATEFUL
    assert set(policies.values()) == {("Retain", "Retain")}


def test_the_stacks_that_hold_data_are_protected_from_termination(dev: Any) -> None:
    stacks = dev.manifest["artifacts"]
    protected = {
        name
        for name, artifact in stacks.items()
        if artifact["type"] == "aws:cloudformation:stack" and artifact["properties"].get("terminationProtection")
    }
    assert protected == {"castline-dev-data", "castline-dev-image"}


def test_the_data_bucket_is_versioned_encrypted_private_and_tells_eventbridge(dev: Any) -> None:
    bucket = data_bucket(dev)
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert "DestinationBucketName" in bucket["LoggingConfiguration"]


def test_every_bucket_refuses_unencrypted_connections_and_old_tls(dev: Any) -> None:
    buckets = set(dev.of_type("data", "AWS::S3::Bucket"))
    refused = {"insecure": set(), "old": set()}
    for policy in dev.of_type("data", "AWS::S3::BucketPolicy").values():
        bucket = policy["Properties"]["Bucket"]["Ref"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Effect"] != "Deny":
                continue
            condition = statement["Condition"]
            if condition == {"Bool": {"aws:SecureTransport": "false"}}:
                refused["insecure"].add(bucket)
            if condition == {"NumericLessThan": {"s3:TlsVersion": 1.2}}:
                refused["old"].add(bucket)
    assert refused == {"insecure": buckets, "old": buckets}


def test_overwritten_objects_expire_but_current_ones_never(dev: Any) -> None:
    rules = data_bucket(dev)["LifecycleConfiguration"]["Rules"]
    (rule,) = (rule for rule in rules if rule.get("Prefix") != keys.SERVING)
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert "ExpirationInDays" not in rule


def test_the_state_table_can_be_recovered_and_not_be_deleted(dev: Any) -> None:
    table = dev.only("data", "AWS::DynamoDB::Table")["Properties"]
    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert {a["AttributeType"] for a in table["AttributeDefinitions"]} == {"S"}
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_the_file_system_is_encrypted_and_mountable_by_jobs_in_both_zones(dev: Any) -> None:
    file_system = dev.only("data", "AWS::EFS::FileSystem")["Properties"]
    assert file_system["Encrypted"] is True
    # SageMaker mounts anonymously: a file-system policy without ClientMount for everyone would shut it out.
    assert "FileSystemPolicy" not in file_system
    assert len(dev.of_type("data", "AWS::EFS::MountTarget")) == 2
    access_point = dev.only("data", "AWS::EFS::AccessPoint")["Properties"]
    assert access_point["PosixUser"] == {"Uid": "1000", "Gid": "1000"}
    assert access_point["RootDirectory"]["Path"] == "/castline"


def test_the_model_package_group_has_the_name_that_the_functions_use(dev: Any) -> None:
    group = dev.only("data", "AWS::SageMaker::ModelPackageGroup")["Properties"]
    assert group["ModelPackageGroupName"] == "castline-dev"


def test_no_stack_needs_a_custom_resource_an_account_or_docker(dev: Any) -> None:
    kinds = {resource["Type"] for _, _, resource in dev.everything()}
    assert not {kind for kind in kinds if kind.startswith("Custom::") or "CustomResource" in kind}
    environments = {
        artifact["environment"]
        for artifact in dev.manifest["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert environments == {"aws://unknown-account/unknown-region"}
    assert "missing" not in dev.manifest
