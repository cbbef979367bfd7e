"""Images a second on a GPU, bfloat16, against torchvision on the same card."""

from __future__ import annotations

import shutil
import subprocess

from rich.table import Table

from benchmarks import environments, results
from benchmarks.runner import Compared, Row, compare
from benchmarks.stacks import EQUAL, PROPOSALS

SIZE = 512
BATCHES = (1, 4, 16)
XLA = {"TF_XLA_FLAGS": "--tf_xla_auto_jit=2"}
"""XLA compiles what it can cluster: the sampling of proposals has shapes that depend on the data."""


def visible() -> str:
    """Name of the first GPU; empty where there is none."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return ""
    done = subprocess.run([tool, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True)  # noqa: S603
    return "" if done.returncode else done.stdout.splitlines()[0]


def table(rounds: int) -> Table:
    """Measure and lay out; one line that says so where there is no GPU."""
    card = visible()
    if not card:
        made = Table(title="GPU", title_justify="left")
        made.add_column("Not measured: no GPU is visible (nvidia-smi)")
        return made
    compared: list[Compared] = compare(rows(), [], at_once=1, rounds=rounds)
    results.write("gpu", compared)
    made = Table(title=f"{card}, bfloat16, R50-FPN, {SIZE} x {SIZE}", title_justify="left")
    for heading in ("Stack", "ms (quartiles)", "images/s"):
        made.add_column(heading, justify="left" if heading == "Stack" else "right")
    for row, item in zip(rows(), compared, strict=True):
        if item.measured.unavailable:
            made.add_row(item.measured.name, item.measured.unavailable)
        else:
            made.add_row(item.measured.name, results.milliseconds(item.measured),
                         f"{row.spec['batch'] / item.measured.median:.1f}")
    return made


def rows() -> list[Row]:
    """Training at each batch size with and without XLA, inference of one image, and torchvision."""
    made = []
    peer = environments.torchvision()
    for batch in BATCHES:
        spec = {"size": SIZE, "batch": batch, "dtype": "bfloat16"}
        own = spec | {"hyperparameters": EQUAL}
        made += [Row(f"Castline train {batch}", "benchmarks.own.train", own),
                 Row(f"Castline train {batch}, XLA", "benchmarks.own.train", own, environment=XLA),
                 Row(f"torchvision train {batch}", "benchmarks.peers.torchvision.worker",
                     spec | {"mode": "train", "device": "cuda"}, peer.python, peer.unavailable)]
    one = {"size": SIZE, "batch": 1, "dtype": "bfloat16"}
    own = one | {"hyperparameters": {"batch_norm": "SyncBN", "proposals": PROPOSALS}}
    return [*made, Row("Castline infer", "benchmarks.own.infer", own),
            Row("Castline infer, XLA", "benchmarks.own.infer", own, environment=XLA),
            Row("torchvision infer", "benchmarks.peers.torchvision.worker", one | {"mode": "infer", "device": "cuda"},
                peer.python, peer.unavailable)]
