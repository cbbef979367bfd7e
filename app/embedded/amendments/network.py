"""CloudFormation network resources: `!GetAtt Vpc.CidrBlock`, and security-group rules of their own."""

from __future__ import annotations

import uuid
from typing import Any

from ministack.services.cloudformation import provisioners

from app.embedded import pin

Properties = dict[str, Any]
RULE_STORES = {
    "AWS::EC2::SecurityGroupIngress": "IpPermissions",
    "AWS::EC2::SecurityGroupEgress": "IpPermissionsEgress",
}


def apply() -> None:
    """Register the handlers."""
    handlers = pin.part(provisioners, "_RESOURCE_HANDLERS")
    pin.part(provisioners, "_ec2_sg_permissions")
    pin.part(provisioners._ec2, "_security_groups")
    pin.check("AWS::EC2::VPC" in handlers, "CloudFormation no longer knows AWS::EC2::VPC")
    vpc = handlers["AWS::EC2::VPC"]
    create_vpc = vpc["create"]

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        physical_id, attributes = create_vpc(logical_id, properties, stack)
        return physical_id, attributes | {"CidrBlock": properties.get("CidrBlock")}

    vpc["create"] = create
    for resource_type, store in RULE_STORES.items():
        handlers.setdefault(resource_type, _rule_handlers(store))


def _rule_handlers(store: str) -> dict[str, Any]:
    """Create, update and delete one rule in the list `store` of its security group."""

    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Properties]:
        group = provisioners._ec2._security_groups[properties["GroupId"]]
        group[store].extend(provisioners._ec2_sg_permissions([properties]))
        rule_id = f"sgr-{uuid.uuid4().hex[:17]}"
        return rule_id, {"Id": rule_id}

    def delete(_physical_id: str, properties: Properties) -> None:
        group = provisioners._ec2._security_groups.get(properties.get("GroupId"))
        for permission in provisioners._ec2_sg_permissions([properties]):
            if group and permission in group[store]:
                group[store].remove(permission)

    def update(physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str = "",
               ) -> tuple[str, Properties]:
        delete(physical_id, old)
        return create(logical_id, new, stack)

    return {"create": create, "delete": delete, "update": update}
