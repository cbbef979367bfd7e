"""The container image: the registry it lives in, and the CodeBuild project that builds it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from aws_cdk import Duration, IgnoreMode, RemovalPolicy, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from app.contracts import names
from infra.arns import Arns
from infra.grants import Grant, acknowledge, role
from infra.logs import RetainedLogs
from infra.settings import DeploymentSettings

REPOSITORY_ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = "training_container/Dockerfile"
BUILD_TIMEOUT = Duration.hours(1)
NEVER = (".env", ".env.*", ".aws", "credentials", "*.pem", "*.key", "*.p12", "*.pfx", "id_rsa", "id_ed25519")
"""Files of secrets that somebody may have laid into the checkout: they go nowhere (patterns of .gitignore)."""
CONTAINER_SOURCES = [
    "/*",
    "!/training_container",
    "!/app",
    "/app/*",
    "!/app/__init__.py",
    "!/app/contracts",
    "__pycache__",
    *NEVER,
]
"""What Docker sees: nothing but the container's package and the contracts (patterns of .gitignore)."""


class ImageRepository(Construct):
    """An ECR repository whose tags never change.

    Attributes:
        repository: Immutable tags, scanned on push, kept for ever: the champion's endpoint needs its image.
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: str, key_arn: str | None) -> None:
        super().__init__(scope, construct_id)
        key = kms.Key.from_key_arn(self, "Key", key_arn) if key_arn else None
        self.repository = ecr.Repository(
            self,
            "Repository",
            repository_name=name,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            encryption=ecr.RepositoryEncryption.KMS if key else ecr.RepositoryEncryption.AES_256,
            encryption_key=key,
            removal_policy=RemovalPolicy.RETAIN,
        )


class ImageBuild(Construct):
    """The CodeBuild project that turns the source asset into the image `repository:tag`.

    The tag is the hash of the sources and build arguments, so it is known when the templates are made: the
    pipeline builds the image when the tag is missing, and deploying never waits for Docker.

    Attributes:
        project: The CodeBuild project.
        tag: The image tag.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        repository: ecr.IRepository,
        key_arn: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._key_arn = key_arn
        self._arns = Arns(Stack.of(self), settings.environment)
        arguments = {"BASE_IMAGE": settings.image.base_image, "FLAVOUR": settings.image.flavour}
        self.source = s3_assets.Asset(
            self,
            "Source",
            path=str(REPOSITORY_ROOT),
            exclude=CONTAINER_SOURCES,
            ignore_mode=IgnoreMode.GIT,
        )
        # Tags never change, so other build arguments must give another tag.
        identity = json.dumps({"source": self.source.asset_hash, **arguments}, sort_keys=True)
        self.tag = hashlib.sha256(identity.encode()).hexdigest()
        self.project = self._project(repository, arguments)

    def _project(self, repository: ecr.IRepository, arguments: dict[str, str]) -> codebuild.Project:
        name = names.build_project(self._settings.environment)
        logs = RetainedLogs(
            self, "Logs", name=f"/aws/codebuild/{name}", settings=self._settings, key_arn=self._key_arn
        )
        variables = {"REPOSITORY": names.repository(self._settings.environment), "TAG": self.tag, **arguments}
        project = codebuild.Project(
            self,
            "Project",
            project_name=name,
            description="Builds the one image that prepares, trains, evaluates and serves",
            source=codebuild.Source.s3(bucket=self.source.bucket, path=self.source.s3_object_key),
            environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxBuildImage.STANDARD_7_0,
                compute_type=codebuild.ComputeType.LARGE,
                privileged=True,
            ),
            environment_variables={
                key: codebuild.BuildEnvironmentVariable(value=value) for key, value in variables.items()
            },
            build_spec=codebuild.BuildSpec.from_object(BUILD_SPEC),
            role=self._role(repository).without_policy_updates(),
            logging=codebuild.LoggingOptions(cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=logs.group)),
            grant_report_group_permissions=False,
            timeout=BUILD_TIMEOUT,
        )
        acknowledge(project, "AwsSolutions-CB3", "Building a container image needs the Docker daemon: privileged.")
        acknowledge(
            project,
            "AwsSolutions-CB4",
            "The project writes no artifact to S3: its product goes to ECR, "
            "which encrypts it; the source asset lies encrypted in the CDK bucket.",
        )
        return project

    def _role(self, repository: ecr.IRepository) -> iam.Role:
        name = names.build_project(self._settings.environment)
        return role(
            self,
            "Role",
            service="codebuild.amazonaws.com",
            description="Reads the container's sources, pushes the image",
            grants=(
                Grant(
                    actions=("s3:GetObject", "s3:GetObjectVersion"),
                    resources=(f"{self.source.bucket.bucket_arn}/{self.source.s3_object_key}",),
                ),
                Grant(
                    actions=(
                        "ecr:DescribeImages",
                        "ecr:BatchCheckLayerAvailability",
                        "ecr:InitiateLayerUpload",
                        "ecr:UploadLayerPart",
                        "ecr:CompleteLayerUpload",
                        "ecr:PutImage",
                        "ecr:BatchGetImage",
                        "ecr:GetDownloadUrlForLayer",
                    ),
                    resources=(repository.repository_arn,),
                ),
                registry_login(),
                Grant(
                    actions=("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
                    resources=(self._arns.log_group(f"/aws/codebuild/{name}"),),
                    why_wildcard="Log streams are named by the builds that write them.",
                ),
            ),
        )


def registry_login() -> Grant:
    """What `docker login` to ECR needs, here and in every SageMaker job."""
    return Grant(
        actions=("ecr:GetAuthorizationToken",),
        resources=("*",),
        why_wildcard="A registry login is not bound to a repository: the API takes no other resource.",
    )


BUILD_SCRIPT = f"""
set -euo pipefail
if aws ecr describe-images --repository-name "$REPOSITORY" --image-ids imageTag="$TAG"; then
  echo "$REPOSITORY:$TAG is there already: tags never change"
  exit 0
fi
ACCOUNT="$(aws sts get-caller-identity --query Account --output text)"
REGISTRY="$ACCOUNT.dkr.ecr.$AWS_REGION.amazonaws.com"
aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
docker build -f {DOCKERFILE} --build-arg BASE_IMAGE --build-arg FLAVOUR -t "$REGISTRY/$REPOSITORY:$TAG" .
docker push "$REGISTRY/$REPOSITORY:$TAG"
"""
BUILD_SPEC = {
    "version": "0.2",
    "env": {"shell": "bash"},
    "phases": {"build": {"on-failure": "ABORT", "commands": [BUILD_SCRIPT.strip()]}},
}
