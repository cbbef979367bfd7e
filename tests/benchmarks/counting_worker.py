"""Takes as long as it says it takes: the n-th sample n times the seconds of its specification."""

from __future__ import annotations

import sys

from benchmarks import worker


def build(spec):
    sys.stdout.write("a library that talks\n")
    if "fails" in spec:
        raise ValueError("no")
    taken = 0

    def sample():
        nonlocal taken
        taken += 1
        return {"seconds": taken * spec["unit"], "threads": spec["threads"]}

    return sample


if __name__ == "__main__":
    worker.serve(build)
