"""The command `gatewise`, also as `python -m gatewise`."""

import sys


def main() -> None:
    """Runs the command line, or names the library without which it can't start."""
    try:
        from gatewise.cli.main import main as run
    except ModuleNotFoundError as error:
        name = str(error.name).partition(".")[0]
        if name == "gatewise":
            raise
        sys.exit(
            f"gatewise: the command line needs {name}, which is not installed; run `pip install gatewise`"
        )
    run()


if __name__ == "__main__":
    main()
