"""The image stack: the container's registry and its build."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from app.contracts import names
from infra.image import ImageBuild, ImageRepository
from infra.settings import DeploymentSettings


class ImageStack(Stack):
    """Repository and build project.

    Attributes:
        repository: The ECR repository.
        tag: The image tag that belongs to the sources in this checkout.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        key_arn: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        name = names.repository(settings.environment)
        self.repository = ImageRepository(self, "Image", name=name, key_arn=key_arn).repository
        self.tag = ImageBuild(self, "Build", settings=settings, repository=self.repository, key_arn=key_arn).tag
