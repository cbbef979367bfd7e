"""Which deployment a command talks to, connected on first use."""

from __future__ import annotations

import dataclasses

import typer

from app.client.pipeline import Pipeline


@dataclasses.dataclass(frozen=True)
class Target:
    """An environment on the embedded AWS or in an account."""

    environment: str
    aws: bool

    def connect(self) -> Pipeline:
        """The deployed pipeline.

        Raises:
            PipelineError: the embedded AWS is not up, or the stacks are not deployed.
        """
        from app.cloud import connect

        return connect(self.environment, aws=self.aws)


def target(context: typer.Context) -> Target:
    """What the shared options said."""
    chosen: Target = context.obj
    return chosen


def pipeline(context: typer.Context) -> Pipeline:
    """The deployed pipeline that the shared options name."""
    return target(context).connect()


def hoist(arguments: list[str]) -> list[str]:
    """Move --env and --aws in front of the command, so that they may stand behind it as well.

    >>> hoist(["runs", "--aws", "--limit", "3", "--env=dev"])
    ['--aws', '--env=dev', 'runs', '--limit', '3']
    """
    shared: list[str] = []
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            others += [argument, *rest]
        elif argument == "--env":
            shared += [argument, *([value] if (value := next(rest, None)) is not None else [])]
        elif argument == "--aws" or argument.startswith("--env="):
            shared.append(argument)
        else:
            others.append(argument)
    return shared + others
