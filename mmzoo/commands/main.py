"""The command line: `mmzoo ...` or `python -m mmzoo ...`.

Nothing here imports TensorFlow, nor do the modules of the commands: each imports what it needs when
it runs, so that `--help`, `--version`, `list` and completion answer at once.
"""

import sys
import warnings
from typing import Annotated

import typer

from mmzoo.commands.check import check
from mmzoo.commands.compare import compare
from mmzoo.commands.contributions import contributions
from mmzoo.commands.demo import demo
from mmzoo.commands.evaluate import evaluate
from mmzoo.commands.explain import explain
from mmzoo.commands.export import export
from mmzoo.commands.list import list_parts
from mmzoo.commands.options import with_bare_options, with_option_groups
from mmzoo.commands.predict import predict
from mmzoo.commands.quickstart import quickstart
from mmzoo.commands.serve import serve
from mmzoo.commands.train import train
from mmzoo.utils.optional_packages import needs
from mmzoo.utils.readable_errors import readable_errors
from mmzoo.version import __version__

app = typer.Typer(
    name="mmzoo",
    help="Multimodal models on your own rows: train, evaluate, predict, export, serve.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text, which fits into 80 columns
)
app.command("list")(list_parts)
for command in (
    quickstart, train, check, evaluate, compare, contributions, explain, predict, demo, export,
    serve,
):  # fmt: skip
    app.command()(with_option_groups(command))


def _print_version(wanted):
    if wanted:
        print(f"mmzoo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version, and end."
        ),
    ] = False,
):
    pass


def _print_warning(message, *_, **__):
    """A warning in a line, without the line of code that it comes from."""
    print(f"Warning: {message}", file=sys.stderr)


def main():
    """Runs the command line; a user's mistake is one line on stderr and exit code 1."""
    try:
        with readable_errors(), warnings.catch_warnings():
            warnings.showwarning = _print_warning
            app(with_bare_options(sys.argv[1:]))
    except (ValueError, TypeError, OSError, ImportError) as error:
        if getattr(error, "name", None) == "jax":  # KERAS_BACKEND=jax
            error = needs("jax", "jax", error)
        print(f"Error: {error}", file=sys.stderr)
        if "mmzoo.training.distribution.hosts" in sys.modules:  # several hosts wait for each other
            from mmzoo.training.distribution.hosts import end_process

            end_process(1)
        sys.exit(1)
