"""`python -m mmzoo`, and the command `mmzoo`."""

import sys

from mmzoo.utils.optional_packages import require


def main():
    """Runs the command line, or says which extra it needs."""
    try:
        require("typer", "cli")
        from mmzoo.commands.main import main as run
    except ImportError as error:
        sys.exit(f"Error: {error}")
    run()


if __name__ == "__main__":
    main()
