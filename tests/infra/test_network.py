"""The private network: no way in, no way out but S3."""

from __future__ import annotations

from typing import Any

import pytest

FORBIDDEN = {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::EIP", "AWS::EC2::Route"}


def test_two_isolated_subnets_in_two_zones_without_look_ups(dev: Any) -> None:
    subnets = [r["Properties"] for r in dev.of_type("network", "AWS::EC2::Subnet").values()]
    zones = [subnet["AvailabilityZone"] for subnet in subnets]
    assert zones == [{"Fn::Select": [0, {"Fn::GetAZs": ""}]}, {"Fn::Select": [1, {"Fn::GetAZs": ""}]}]
    assert [subnet["MapPublicIpOnLaunch"] for subnet in subnets] == [False, False]


def test_nothing_leads_to_the_internet(dev: Any) -> None:
    assert not {resource["Type"] for resource in dev.templates["network"]["Resources"].values()} & FORBIDDEN


def test_the_s3_gateway_endpoint_serves_both_subnets_and_only_buckets_of_this_account(dev: Any) -> None:
    endpoint = dev.only("network", "AWS::EC2::VPCEndpoint")["Properties"]
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert len(endpoint["RouteTableIds"]) == 2
    (statement,) = endpoint["PolicyDocument"]["Statement"]
    account = {"Ref": "AWS::AccountId"}
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": account, "aws:PrincipalAccount": account}}


def test_only_the_jobs_reach_nfs(dev: Any) -> None:
    rules = dev.of_type("network", "AWS::EC2::SecurityGroupIngress").values()
    (nfs,) = (r["Properties"] for r in rules if r["Properties"].get("FromPort") == 2049)
    assert (nfs["IpProtocol"], nfs["ToPort"]) == ("tcp", 2049)
    assert "Jobs" in nfs["SourceSecurityGroupId"]["Fn::GetAtt"][0]
    assert "FileSystem" in nfs["GroupId"]["Fn::GetAtt"][0]
    groups = dev.of_type("network", "AWS::EC2::SecurityGroup").values()
    assert all("SecurityGroupIngress" not in group["Properties"] for group in groups)


def test_workers_of_one_job_reach_each_other(dev: Any) -> None:
    rules = dev.of_type("network", "AWS::EC2::SecurityGroupIngress").values()
    (own,) = (r["Properties"] for r in rules if r["Properties"].get("FromPort") == 0)
    assert own["GroupId"] == own["SourceSecurityGroupId"]


@pytest.mark.parametrize(("direction", "peer"), [("Ingress", "SourceSecurityGroupId"),
                                                 ("Egress", "DestinationSecurityGroupId")])
def test_what_sagemaker_encrypts_between_workers_passes(dev: Any, direction: str, peer: str) -> None:
    rules = [r["Properties"] for r in dev.of_type("network", f"AWS::EC2::SecurityGroup{direction}").values()]
    own = {(r["IpProtocol"], r.get("FromPort"), r.get("ToPort")) for r in rules if r["GroupId"] == r[peer]}
    assert own == {("tcp", 0, 65535), ("udp", 500, 500), ("50", None, None)}


def test_jobs_leave_through_https_and_nfs_only(dev: Any) -> None:
    (jobs,) = (r["Properties"] for key, r in dev.of_type("network", "AWS::EC2::SecurityGroup").items() if "Jobs" in key)
    (to_anywhere,) = jobs["SecurityGroupEgress"]
    assert (to_anywhere["CidrIp"], to_anywhere["FromPort"], to_anywhere["ToPort"]) == ("0.0.0.0/0", 443, 443)
    standalone = dev.of_type("network", "AWS::EC2::SecurityGroupEgress").values()
    assert sorted(rule["Properties"].get("FromPort", -1) for rule in standalone) == [-1, 0, 500, 2049]
