"""The model registry: numbered model packages in groups, and their approval."""

from __future__ import annotations

from app.embedded.sagemaker.arns import arn, name_of
from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.errors import validation
from app.embedded.sagemaker.shapes import Record


class Registry:
    """Creates and changes model packages.

    Args:
        cloud: The surroundings.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def create(self, request: Record) -> Record:
        """Add the next version to a group."""
        group_name = name_of(request.get("ModelPackageGroupName", ""))
        group = self._cloud.store.get("ModelPackageGroup", group_name)
        if group is None:
            raise validation(f"ModelPackageGroup {group_name} does not exist.")
        version = group.get("_versions", 0) + 1
        self._cloud.store.change(group, _versions=version)
        package_arn = arn("model-package", f"{group_name}/{version}")
        record = {
            **request,
            "ModelPackageName": package_arn,
            "ModelPackageArn": package_arn,
            "ModelPackageGroupName": group_name,
            "ModelPackageVersion": version,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
        }
        self._cloud.store.add("ModelPackage", package_arn, record)
        self._cloud.events.state_changed(record)
        return record

    def update(self, request: Record) -> Record:
        """Approve or reject a package, or describe it better."""
        record = self._cloud.store.get("ModelPackage", request["ModelPackageArn"])
        if record is None:
            raise validation(f"ModelPackage {request['ModelPackageArn']} does not exist.")
        self._cloud.store.change(record, **{k: v for k, v in request.items() if k != "ModelPackageArn"})
        self._cloud.events.state_changed(record)
        return record
