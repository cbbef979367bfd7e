"""The stacks of two environments, synthesized once a session, as plain JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import nag
from infra.application import build, new_app

STACKS = ("network", "data", "image", "pipeline", "operations")


@dataclasses.dataclass(frozen=True)
class Synthesized:
    """The cloud assembly of one environment."""

    environment: str
    folder: Path
    templates: dict[str, Any]
    manifest: dict[str, Any]

    def of_type(self, stack: str, kind: str) -> dict[str, Any]:
        """Logical id -> resource, of one type in one stack."""
        return {
            logical_id: resource
            for logical_id, resource in self.templates[stack]["Resources"].items()
            if resource["Type"] == kind
        }

    def only(self, stack: str, kind: str) -> dict[str, Any]:
        """The one resource of a type in a stack."""
        (resource,) = self.of_type(stack, kind).values()
        return resource

    def named(self, stack: str, kind: str, key: str, name: str) -> dict[str, Any]:
        """The properties of the resource whose property `key` is `name`."""
        (found,) = (r for r in self.of_type(stack, kind).values() if r["Properties"].get(key) == name)
        return found["Properties"]

    def everything(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Each resource: stack, logical id, resource."""
        for stack, template in self.templates.items():
            for logical_id, resource in template["Resources"].items():
                yield stack, logical_id, resource

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each statement of each role's policy, with the policy's logical id."""
        for _, logical_id, resource in self.everything():
            if resource["Type"] == "AWS::IAM::Policy":
                for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                    yield logical_id, statement


def synthesize(environment: str, folder: Path, **more: Any) -> Synthesized:
    app = new_app(environment, outdir=str(folder), more=more)
    build(app)
    app.synth()
    return written(environment, folder)


def under_the_rules(environment: str, folder: Path, more: dict[str, Any]) -> Synthesized:
    """As synthesize, and a finding of the security rules is an error."""
    nag.synthesize(environment, str(folder), more)
    return written(environment, folder)


def written(environment: str, folder: Path) -> Synthesized:
    templates = {
        stack: json.loads((folder / f"castline-{environment}-{stack}.template.json").read_text()) for stack in STACKS
    }
    return Synthesized(environment, folder, templates, json.loads((folder / "manifest.json").read_text()))


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize("dev", tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="session")
def realtime(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    serving = {"mode": "realtime", "capture_percent": 10, "max_latency_ms": 20_000, "scaling": {"max_instances": 3}}
    return synthesize("dev", tmp_path_factory.mktemp("realtime"), serving=serving)


@pytest.fixture(scope="session")
def asynchronous(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize("dev", tmp_path_factory.mktemp("async"), serving={"mode": "async", "keep_days": 7})


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize("local", tmp_path_factory.mktemp("local"))
