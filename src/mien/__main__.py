"""`mien`, and `python -m mien`."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from mien.cli import main as run  # takes a while, in which Ctrl-C may come

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
