"""docs/hyperparameters.md says what the code does, for every name of every system."""

from __future__ import annotations

from pathlib import Path

from maskrcnn.hyperparameters import TABLE, page
from maskrcnn.hyperparameters.dialects import FOREIGN, OWN_IN_OTHERS, SYSTEMS
from maskrcnn.hyperparameters.page import system_table, table
from maskrcnn.hyperparameters.table import BY_NAME


def test_documented_page_is_the_generated_one():
    """When it differs: `python -m maskrcnn.hyperparameters > docs/hyperparameters.md` with PYTHONPATH as in make."""
    document = Path(__file__).parents[3] / "docs/hyperparameters.md"
    assert document.read_text() == page()


def test_table_has_a_line_for_every_name_with_the_default_of_every_preset():
    lines = table().splitlines()
    assert len(lines) == len(TABLE) + 2
    line = next(line for line in lines if line.startswith("| `batch_size_per_gpu`"))
    assert "| `4` | `4` | `1` | `1` | a whole number, from 1 to 64 |" in line
    assert "`config:TRAIN.BATCH_SIZE_PER_GPU`, `IMAGES_PER_GPU`, `batch-size` |" in line


def test_every_system_has_a_line_for_each_of_its_names_with_the_effect():
    for system, names in SYSTEMS.items():
        rows = system_table(system).splitlines()[2:]
        assert len(rows) == len(names) + len(OWN_IN_OTHERS.get(system, ()))
    assert "| `config:FPN.NUM_CHANNEL` | `fpn_channels` and `rpn_channels` |" in page()
    assert "| `data_train` | no effect: the job's channel train holds the data |" in page()
    assert "| `GPU_COUNT` | `gpus`; a step is of IMAGES_PER_GPU images on each of them |" in page()
    assert "| `TRAINING_SPLIT` | refused: " in page()


def test_other_systems_names_lead_to_known_ones_and_none_is_told_twice():
    assert sum(map(len, SYSTEMS.values())) == len(FOREIGN)
    assert not FOREIGN.keys() & BY_NAME.keys()
    assert {target for name in FOREIGN.values() for target in name.targets} <= BY_NAME.keys()
    assert {name for names in OWN_IN_OTHERS.values() for name in names} <= BY_NAME.keys()


def test_ranges_are_written_out():
    assert "a whole number, from 0 to 2147483647" in table()
    assert "a number, from 0 to 0.9999" in table()
