"""The demo: it stops at the first broken link, says why, and never deletes somebody's own work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from app.client.pipeline import PipelineError
from app.contracts import documents
from app.demo import chain as chains
from app.demo import pictures
from app.demo.__main__ import main
from app.demo.summary import links_table


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> chains.Chain:
    monkeypatch.setenv("CASTLINE_STATE", str(tmp_path / "state"))
    return chains.Chain(data=None, folder=tmp_path, console=Console(quiet=True))


def test_given_a_state_folder_of_somebody_when_the_demo_starts_then_it_is_left_alone(chain: chains.Chain) -> None:
    work = Path(str(chain.folder / "state" / "s3" / "work"))
    work.parent.mkdir(parents=True)
    work.write_text("mine")
    summary = chain.run()
    assert not summary.ok
    assert [link.ok for link in summary.links] == [False]
    assert "of your own" in summary.links[0].proof
    assert work.read_text() == "mine"


def test_given_a_link_that_breaks_then_the_rest_is_not_tried_and_the_summary_says_why(
        chain: chains.Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PipelineError("cdk deploy failed (exit status 1)")

    monkeypatch.setattr(chain, "_up", lambda: "up")
    monkeypatch.setattr(chains.deploy, "deploy", fail)
    summary = chain.run()
    assert [(link.name, link.ok) for link in summary.links] == [("Embedded AWS", True), ("Deploy", False)]
    assert json.loads(documents.to_json(summary))["links"][1]["proof"] == "cdk deploy failed (exit status 1)"
    with (shown := Console(width=100)).capture() as captured:
        shown.print(links_table(summary))
    assert "failed" in captured.get()


def test_given_a_folder_that_does_not_exist_then_the_command_says_how_to_name_one() -> None:
    app = typer.Typer()
    app.command()(main)
    result = CliRunner().invoke(app, ["--data", "/nowhere/castings"])
    assert result.exit_code != 0
    assert isinstance(result.exception, PipelineError)
    assert "make demo DATA=" in str(result.exception)


def test_contact_sheet_holds_all_pictures_four_a_row(tmp_path: Path) -> None:
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", (100, 50), (number * 50, 0, 0)).save(paths[-1])
    sheet = Image.open(pictures.contact_sheet(paths, tmp_path / "sheet.png"))
    assert sheet.size == (4 * pictures.TILE_PX, 2 * pictures.TILE_PX)
    assert sheet.getpixel((5, pictures.TILE_PX + 5)) == (200, 0, 0)
