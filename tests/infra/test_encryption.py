"""Encryption at rest: by AWS's own keys, or everywhere by the one that the settings name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from app.contracts.documents import ContractError
from infra.encryption import CustomerKey, with_key
from infra.grants import Grant
from infra.settings import SecuritySettings, from_context
from tests.infra.conftest import Synthesized, under_the_rules
from tests.infra.test_identity import as_list

GIVEN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SETTINGS = {
    "security": {"kms_key_arn": "create", "permissions_boundary": "engineers"},
    "storage": {"datasync": True},
    "training": {"file_system": {"data": True}},
}
KEY_OF = {
    "AWS::S3::Bucket": lambda p: p["BucketEncryption"]["ServerSideEncryptionConfiguration"][0][
        "ServerSideEncryptionByDefault"
    ]["KMSMasterKeyID"],
    "AWS::DynamoDB::Table": lambda p: p["SSESpecification"]["KMSMasterKeyId"],
    "AWS::EFS::FileSystem": lambda p: p["KmsKeyId"],
    "AWS::ECR::Repository": lambda p: p["EncryptionConfiguration"]["KmsKey"],
    "AWS::SQS::Queue": lambda p: p["KmsMasterKeyId"],
    "AWS::SNS::Topic": lambda p: p["KmsMasterKeyId"],
    "AWS::Logs::LogGroup": lambda p: p["KmsKeyId"],
}
JOB_ROLES = ("RolesPrepare", "RolesTraining", "RolesEvaluation")
WITHOUT_KEY = {
    "BuildRole", "WorkflowRole", "FunctionsNextAttemptRole", "FunctionsFindImageRole",
}  # fmt: skip
"""Roles that touch nothing that the key encrypts; ECR reads by grants of its own."""
SERVICES = {"s3", "dynamodb", "sqs", "sns"}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The development environment with a key of its own and a boundary, under the security rules."""
    return under_the_rules("dev", tmp_path_factory.mktemp("keyed"), SETTINGS)


def is_access_log(properties: dict[str, Any]) -> bool:
    return "LoggingConfiguration" not in properties


def the_key(synthesized: Synthesized) -> list[Any]:
    """The key's ARN as the data stack and as the others spell it."""
    ((logical_id, _),) = synthesized.of_type("data", "AWS::KMS::Key").items()
    own = {"Fn::GetAtt": [logical_id, "Arn"]}
    (export,) = (o["Export"]["Name"] for o in synthesized.templates["data"]["Outputs"].values()
                 if o["Value"] == own and "Export" in o)
    return [own, {"Fn::ImportValue": export}]


def test_by_default_everything_is_encrypted_with_keys_of_aws(dev: Any) -> None:
    found = [(r["Type"], r["Properties"]) for _, _, r in dev.everything()]
    for kind, properties in found:
        if kind == "AWS::S3::Bucket":
            (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        if kind == "AWS::EFS::FileSystem":
            assert properties["Encrypted"] is True
        if kind == "AWS::ECR::Repository":
            assert "EncryptionConfiguration" not in properties  # which means AES-256 with a key of S3
        if kind == "AWS::SQS::Queue":
            assert properties["SqsManagedSseEnabled"] is True
        if kind == "AWS::SNS::Topic":
            assert "KmsMasterKeyId" in properties
    assert {kind for kind, _ in found} >= KEY_OF.keys()
    assert dev.of_type("data", "AWS::KMS::Key") == {}


def test_with_a_key_everything_that_takes_one_has_it_but_the_access_logs(keyed: Synthesized) -> None:
    key, seen = the_key(keyed), []
    for stack, logical_id, resource in keyed.everything():
        kind, properties = resource["Type"], resource["Properties"]
        if kind not in KEY_OF or (kind == "AWS::S3::Bucket" and is_access_log(properties)):
            continue
        seen.append(kind)
        assert KEY_OF[kind](properties) in key, f"{stack}: {logical_id}"
        assert not properties.get("SqsManagedSseEnabled"), logical_id
    assert (seen.count("AWS::S3::Bucket"), seen.count("AWS::SQS::Queue")) == (1, queues(keyed))
    assert set(seen) == set(KEY_OF)
    assert keyed.of_type("operations", "AWS::KMS::Key") == {}


def queues(synthesized: Synthesized) -> int:
    """The upload queue with its dead letters, and those of each function that events wake."""
    functions = synthesized.of_type("pipeline", "AWS::Lambda::Function").values()
    return 2 + sum("DeadLetterConfig" in function["Properties"] for function in functions)


def test_s3_asks_for_the_key_once_for_many_objects(keyed: Synthesized) -> None:
    (rule,) = (
        b["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
        for b in keyed.of_type("data", "AWS::S3::Bucket").values() if not is_access_log(b["Properties"])
    )
    assert rule["BucketKeyEnabled"] is True


def test_the_key_rotates_outlives_its_stack_and_trusts_this_account_only(keyed: Synthesized) -> None:
    key = keyed.only("data", "AWS::KMS::Key")
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert key["Properties"]["EnableKeyRotation"] is True
    statements = key["Properties"]["KeyPolicy"]["Statement"]
    services = {json.dumps(s["Principal"].get("Service", "root")): s.get("Condition") for s in statements}
    assert len(statements) == len(services) == 4
    assert [json.dumps(s["Principal"]).count(":root") for s in statements if "Condition" not in s] == [1]
    account = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert services['"cloudwatch.amazonaws.com"'] == services['"events.amazonaws.com"'] == account
    (logs,) = (condition for name, condition in services.items() if "logs." in name)
    assert "log-group:/aws/*/castline-dev*" in json.dumps(logs["ArnLike"]["kms:EncryptionContext:aws:logs:arn"])


def test_every_role_uses_the_key_through_the_services_that_it_calls_and_no_other(keyed: Synthesized) -> None:
    key, uses, actions = the_key(keyed), {}, {}
    for policy, statement in keyed.statements():
        actions.setdefault(policy, set()).update(as_list(statement["Action"]))
        if not any(action.startswith("kms:") for action in as_list(statement["Action"])):
            continue
        assert all(resource in key for resource in as_list(statement["Resource"]))
        service = json.dumps(statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService"))
        uses.setdefault(policy, set()).update(name for name in SERVICES if f'"{name}.' in service)
        if "kms:CreateGrant" in as_list(statement["Action"]):
            assert statement["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
            uses[policy].add("volumes")
    without = {policy for policy in actions if not uses.get(policy)}
    assert len(without) == len(WITHOUT_KEY)
    assert all(any(policy.startswith(name) for name in WITHOUT_KEY) for policy in without)
    for policy, found in uses.items():
        named = {action.split(":")[0] for action in actions[policy]}
        assert found - {"volumes"} <= named, policy
        assert SERVICES & named <= found | ({"s3"} if only_lists(actions[policy]) else set()), policy
    jobs = [found for policy, found in uses.items() if policy.startswith(JOB_ROLES)]
    (gate,) = (found for policy, found in uses.items() if policy.startswith("FunctionsGate"))
    assert jobs == [{"s3", "volumes"}] * len(JOB_ROLES)
    assert gate == {"dynamodb", "sqs"}


def test_people_use_the_key_where_they_use_the_bucket_and_the_table(keyed: Synthesized, dev: Any) -> None:
    def of_key(synthesized: Any) -> dict[str, list[str]]:
        policy = synthesized.only("pipeline", "AWS::IAM::ManagedPolicy")["Properties"]["PolicyDocument"]
        return {json.dumps(s["Condition"]["StringEquals"]["kms:ViaService"]): as_list(s["Action"])
                for s in policy["Statement"] if as_list(s["Action"])[0].startswith("kms:")}

    found = of_key(keyed)
    assert sorted(name.split('"')[5].rstrip(".") for name in found) == ["dynamodb", "s3"]
    assert ["kms:Decrypt", "kms:GenerateDataKey"] in found.values()
    assert of_key(dev) == {}


def only_lists(actions: set[str]) -> bool:
    """Whether a role sees names of objects, and no content."""
    return not actions & {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"}


def test_queues_with_the_key_still_take_messages_of_their_own_rules_only(keyed: Synthesized) -> None:
    policies = [p["Properties"]["PolicyDocument"]["Statement"]
                for p in keyed.of_type("pipeline", "AWS::SQS::QueuePolicy").values()]
    allowed = [s for statements in policies for s in statements if s["Effect"] == "Allow"]
    assert len(allowed) >= 8
    for statement in allowed:
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert "Fn::GetAtt" in statement["Condition"]["ArnEquals"]["aws:SourceArn"]


def test_every_function_is_told_the_key(keyed: Synthesized, dev: Any) -> None:
    def told(synthesized: Any) -> list[Any]:
        functions = synthesized.of_type("pipeline", "AWS::Lambda::Function").values()
        return [f["Properties"]["Environment"]["Variables"]["CASTLINE_KEY_ARN"] for f in functions]

    assert all(value in the_key(keyed) for value in told(keyed))
    assert set(told(dev)) == {""}


def test_the_boundary_holds_every_role_of_every_stack(keyed: Synthesized, dev: Any) -> None:
    roles = [(logical_id, r["Properties"]) for _, logical_id, r in keyed.everything() if r["Type"] == "AWS::IAM::Role"]
    assert len(roles) > 20
    for logical_id, properties in roles:
        assert json.dumps(properties["PermissionsBoundary"]).endswith(':policy/engineers"]]}'), logical_id
    assert not [r for _, _, r in dev.everything() if "PermissionsBoundary" in r.get("Properties", {})]


def test_a_key_of_somebody_else_is_used_and_not_made() -> None:
    stack = Stack(App(analytics_reporting=False), "Data")
    settings = from_context({"environment": "dev", "security": {"kms_key_arn": GIVEN}})
    key = CustomerKey(stack, "Encryption", settings=settings).key
    assert key is not None
    assert key.key_arn == GIVEN
    assert Template.from_stack(stack).to_json().get("Resources", {}) == {}


def test_without_a_key_grants_stay_as_they_are() -> None:
    grants = (Grant(actions=("s3:GetObject",), resources=("arn:aws:s3:::b/k",)),)
    assert with_key(grants, key_arn=None, region="eu-central-1") == grants


def test_a_role_that_reads_may_not_encrypt_and_one_that_starts_jobs_may_attach_volumes() -> None:
    reads = Grant(actions=("s3:GetObject",), resources=("arn:aws:s3:::b/k",))
    _, read = with_key((reads,), key_arn=GIVEN, region="eu-central-1")
    assert (read.actions, read.resources) == (("kms:Decrypt",), (GIVEN,))
    assert read.conditions == {"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}}
    starts = Grant(actions=("sagemaker:CreateTrainingJob",), resources=("arn",))
    added = with_key((starts,), key_arn=GIVEN, region="eu-central-1")[1:]
    assert [grant.actions for grant in added] == [("kms:CreateGrant",), ("kms:DescribeKey",)]


@pytest.mark.parametrize("value", ["alias/mine", "arn:aws:kms:eu-central-1:111122223333:alias/mine", "yes"])
def test_anything_but_a_key_arn_is_refused_with_the_rule(value: str) -> None:
    with pytest.raises(ContractError, match=r'security.kms_key_arn = .*must be the ARN of a KMS key.*"create"'):
        SecuritySettings(kms_key_arn=value)


@pytest.mark.parametrize("value", ["two words", "arn:aws:iam::1:role/x"])
def test_anything_but_a_policy_is_refused_as_a_boundary(value: str) -> None:
    with pytest.raises(ContractError, match=r"security.permissions_boundary = .*name or the ARN of a managed policy"):
        SecuritySettings(permissions_boundary=value)
