"""`python -m app`: the command line of Castline."""

from app.cli.main import run

if __name__ == "__main__":
    run()
