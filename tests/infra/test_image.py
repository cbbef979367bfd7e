"""The container image: immutable, built from exactly the container's sources, without Docker at deployment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import IgnoreStrategy

from infra.application import CDK_JSON
from infra.functions import FUNCTION_SOURCES
from infra.image import CONTAINER_SOURCES, REPOSITORY_ROOT
from tests.infra.conftest import synthesize
from tests.secret_patterns import accounts, secrets


def asset_with(synthesized: Any, folder: str) -> Path:
    """The staged asset that holds `folder` at its top."""
    (found,) = (path for path in synthesized.folder.glob("asset.*") if (path / folder).is_dir())
    return found


def test_tags_never_change_and_images_are_scanned(dev: Any) -> None:
    repository = dev.only("image", "AWS::ECR::Repository")["Properties"]
    assert repository["RepositoryName"] == "castline-dev"
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}


def test_the_build_runs_docker_on_a_large_machine_and_pushes_the_tag_of_the_pipeline(dev: Any) -> None:
    project = dev.only("image", "AWS::CodeBuild::Project")["Properties"]
    assert project["Name"] == "castline-dev-image"
    assert project["Environment"]["PrivilegedMode"] is True
    assert project["Environment"]["ComputeType"] == "BUILD_GENERAL1_LARGE"
    variables = {v["Name"]: v["Value"] for v in project["Environment"]["EnvironmentVariables"]}
    assert variables["TAG"] == dev.templates["pipeline"]["Outputs"]["ImageTag"]["Value"]
    assert variables["REPOSITORY"] == "castline-dev"
    assert variables["FLAVOUR"] == "gpu"
    spec = json.loads(project["Source"]["BuildSpec"])
    (script,) = spec["phases"]["build"]["commands"]
    assert "docker build -f training_container/Dockerfile" in script
    assert "--build-arg BASE_IMAGE --build-arg FLAVOUR" in script
    assert script.index("describe-images") < script.index("docker build") < script.index("docker push")


def test_the_build_arguments_are_ones_that_the_dockerfile_takes() -> None:
    dockerfile = (CDK_JSON.parent / "training_container/Dockerfile").read_text()
    assert "ARG BASE_IMAGE" in dockerfile
    assert "ARG FLAVOUR" in dockerfile


def test_the_source_asset_holds_the_container_and_the_contracts_only(dev: Any) -> None:
    asset = asset_with(dev, "training_container")
    assert {path.name for path in asset.iterdir()} == {"app", "training_container"}
    assert {path.name for path in (asset / "app").iterdir()} == {"__init__.py", "contracts"}
    assert (asset / "training_container/Dockerfile").is_file()
    assert not list(asset.rglob("__pycache__"))


def test_the_code_asset_holds_the_functions_and_the_contracts_only(dev: Any) -> None:
    asset = asset_with(dev, "lambdas")
    assert {path.name for path in asset.iterdir()} == {"app", "lambdas"}
    assert {path.name for path in (asset / "app").iterdir()} == {"__init__.py", "contracts"}
    assert not list(asset.rglob("__pycache__"))


@pytest.mark.parametrize("patterns", [CONTAINER_SOURCES, FUNCTION_SOURCES], ids=["container", "functions"])
def test_a_secret_that_lies_in_the_checkout_goes_into_no_asset(patterns: list[str]) -> None:
    ignored = IgnoreStrategy.git(str(REPOSITORY_ROOT), patterns)
    folder = REPOSITORY_ROOT / ("training_container/maskrcnn" if patterns is CONTAINER_SOURCES else "lambdas")
    names = (".env", ".env.prod", "credentials", "server.pem", "server.key", "id_rsa", ".aws/config")
    assert [name for name in names if not ignored.ignores(str(folder / name))] == []
    assert not ignored.ignores(str(folder / "program.py"))
    assert not ignored.ignores(str(REPOSITORY_ROOT / "app/contracts/keys.py"))


def test_no_asset_holds_a_secret_or_an_account_id(dev: Any) -> None:
    files = [path for name in ("training_container", "lambdas") for path in asset_with(dev, name).rglob("*.*")]
    texts = {path: path.read_bytes().decode(errors="replace") for path in files if path.is_file()}
    assert len(texts) > 300
    assert {str(path) for path, text in texts.items() if secrets(text) or accounts(text)} == set()


def test_deploying_needs_no_docker(dev: Any) -> None:
    for path in dev.folder.glob("*.assets.json"):
        assert json.loads(path.read_text()).get("dockerImages", {}) == {}


@pytest.fixture(scope="module")
def tag_of_other_flavour(tmp_path_factory: pytest.TempPathFactory) -> str:
    found = synthesize("dev", tmp_path_factory.mktemp("flavour"), image={"flavour": "cpu"})
    return str(found.templates["pipeline"]["Outputs"]["ImageTag"]["Value"])


def test_another_flavour_of_the_same_sources_is_another_image(dev: Any, tag_of_other_flavour: str) -> None:
    assert len(tag_of_other_flavour) == 64
    assert tag_of_other_flavour != dev.templates["pipeline"]["Outputs"]["ImageTag"]["Value"]
