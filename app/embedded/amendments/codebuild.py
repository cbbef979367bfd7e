"""CodeBuild answers at once: a local build of the image only registers its tag in ECR.

The embedded AWS runs the container's programs as plain processes, so there is nothing to build; what the pipeline
needs is that the tag then exists with a digest. The project names both in its environment variables.
Also the state machine's `codebuild:startBuild.sync`, which ministack 1.5.33 does not implement.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import codebuild, ecr, stepfunctions

from app.embedded import pin

REPOSITORY_VARIABLE = "REPOSITORY"
TAG_VARIABLE = "TAG"
START_BUILD = "arn:aws:states:::codebuild:startBuild"


def apply() -> None:
    """Wrap StartBuild, and give the state machine its integration."""
    start_build = pin.part(codebuild, "_start_build")
    pin.part(codebuild, "_projects")
    pin.part(ecr, "_put_image")
    dispatch = pin.part(stepfunctions, "_SERVICE_DISPATCH")
    execution_error = pin.part(stepfunctions, "_ExecutionError")

    def start(data: dict[str, Any]) -> Any:
        response = start_build(data)
        if response[0] == 200:
            _register_image(codebuild._projects[data["projectName"]], data)
        return response

    def start_from_state_machine(_resource: str, data: dict[str, Any]) -> dict[str, Any]:
        status, _, body = start(_first_lower(data))
        answer = json.loads(body)
        if status != 200:
            raise execution_error(f"CodeBuild.{answer.get('__type', 'Error')}", answer.get("message", ""))
        return {"Build": _first_upper(answer["build"])}

    codebuild._start_build = start
    dispatch[START_BUILD] = start_from_state_machine


def _register_image(project: dict[str, Any], request: dict[str, Any]) -> None:
    """Put a stand-in image with the tag that the build would have pushed."""
    declared = project.get("environment", {}).get("environmentVariables", [])
    variables = {v["name"]: v["value"] for v in [*declared, *request.get("environmentVariablesOverride", [])]}
    repository, tag = variables.get(REPOSITORY_VARIABLE), variables.get(TAG_VARIABLE)
    if repository and tag:
        manifest = {"schemaVersion": 2, "castline": f"{repository}:{tag}"}
        name = repository.split("/", 1)[-1]
        ecr._put_image({"repositoryName": name, "imageTag": tag, "imageManifest": json.dumps(manifest)})


def _first_lower(value: Any) -> Any:
    return _rename(value, str.lower)


def _first_upper(value: Any) -> Any:
    return _rename(value, str.upper)


def _rename(value: Any, change: Any) -> Any:
    """Step Functions writes member names in Pascal case, CodeBuild in camel case."""
    if isinstance(value, dict):
        return {change(k[:1]) + k[1:]: _rename(v, change) for k, v in value.items()}
    if isinstance(value, list):
        return [_rename(v, change) for v in value]
    return value
