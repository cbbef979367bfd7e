"""How good choices of training are on a set of castings: `python -m benchmarks.quality`."""
