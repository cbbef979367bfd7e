"""The private network in which the jobs run: no way in, and no way out but S3."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.grants import acknowledge

NFS_PORT = 2049
HTTPS_PORT = 443
IKE_PORT = 500
"""Where IPsec agrees on keys; without it and ESP, hosts whose traffic SageMaker encrypts cannot reach each other.

Source: SageMaker developer guide, Protect Communications Between ML Compute Instances.
"""

# ec2.Port.esp() would name ports, which the protocol has not.
ESP = ec2.Port(protocol=ec2.Protocol.ESP, string_representation="ESP")


class PrivateNetwork(Construct):
    """A VPC with isolated subnets in two zones, an S3 gateway endpoint and the security groups.

    Attributes:
        vpc: The VPC.
        jobs: Security group of training and processing jobs.
        file_system: Security group of the EFS mount targets.
        copies: Security group of DataSync's copies to the file system; None without them.
    """

    def __init__(self, scope: Construct, construct_id: str, *, cidr: str, with_copies: bool) -> None:
        super().__init__(scope, construct_id)
        # The region's own first two zones (Fn::GetAZs): a look-up would tie the templates to one account.
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(cidr),
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="jobs", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26)
            ],
            # Emptying the default group needs a custom resource; nothing here ever joins that group.
            restrict_default_security_group=False,
        )
        acknowledge(
            self.vpc,
            "AwsSolutions-VPC7",
            "The subnets have no route out of the VPC but the S3 gateway endpoint, and S3 server access logs "
            "record each request that comes through it: flow logs would cost money to say the same.",
        )
        self._add_s3_endpoint()
        self.jobs = self._job_group()
        self.file_system = self._file_system_group()
        self.copies = self._copies_group() if with_copies else None

    def _add_s3_endpoint(self) -> None:
        endpoint = self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        account = Stack.of(self).account
        endpoint.add_to_policy(
            iam.PolicyStatement(
                sid="OnlyBucketsOfThisAccount",
                principals=[iam.AnyPrincipal()],
                actions=[
                    "s3:GetObject*",
                    "s3:PutObject",
                    "s3:DeleteObject",
                    "s3:AbortMultipartUpload",
                    "s3:ListMultipartUploadParts",
                    "s3:ListBucket*",
                    "s3:GetBucketLocation",
                ],
                resources=["*"],
                conditions={"StringEquals": {"aws:ResourceAccount": account, "aws:PrincipalAccount": account}},
            )
        )

    def _closed_group(self, name: str, description: str) -> ec2.SecurityGroup:
        """A group that lets nothing in or out until rules say so."""
        return ec2.SecurityGroup(self, name, vpc=self.vpc, allow_all_outbound=False, description=description)

    def _job_group(self) -> ec2.SecurityGroup:
        group = self._closed_group("Jobs", "Training and processing jobs: to each other, to S3, to EFS")
        group.add_ingress_rule(group, ec2.Port.all_tcp(), "workers of one multi-node job")
        group.add_egress_rule(group, ec2.Port.all_tcp(), "workers of one multi-node job")
        for port, what in ((ec2.Port.udp(IKE_PORT), "keys"), (ESP, "packets")):
            group.add_ingress_rule(group, port, f"{what} of what SageMaker encrypts between workers")
            group.add_egress_rule(group, port, f"{what} of what SageMaker encrypts between workers")
        # S3's address list has another id in each region; the route tables lead nowhere but to S3 anyway.
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS_PORT), "S3 through the gateway endpoint")
        return group

    def _file_system_group(self) -> ec2.SecurityGroup:
        group = self._closed_group("FileSystem", "EFS mount targets: NFS from the jobs only")
        group.add_ingress_rule(self.jobs, ec2.Port.tcp(NFS_PORT), "NFS from the jobs")
        self.jobs.add_egress_rule(group, ec2.Port.tcp(NFS_PORT), "NFS to the file system")
        return group

    def _copies_group(self) -> ec2.SecurityGroup:
        """DataSync reads the bucket by its own network; here it only writes to the mount targets."""
        group = self._closed_group("Copies", "DataSync copies from the bucket to EFS")
        group.add_egress_rule(self.file_system, ec2.Port.tcp(NFS_PORT), "NFS to the file system")
        self.file_system.add_ingress_rule(group, ec2.Port.tcp(NFS_PORT), "NFS from DataSync")
        return group
