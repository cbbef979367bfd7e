"""`python -m app`: the command line of Castline."""

from app.cli.main import run

run()
