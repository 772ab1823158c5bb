"""`python -m mmzoo`, and the command `mmzoo`."""

import sys


def main():
    """Runs the command line, or says which extra it needs."""
    try:
        from mmzoo.cli import main as run
    except ImportError as error:
        sys.exit(f"Error: {error}")
    run()


if __name__ == "__main__":
    main()
