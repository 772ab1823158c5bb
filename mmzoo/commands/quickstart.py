"""`mmzoo quickstart`."""

from typing import Annotated

import typer


def quickstart(
    output: Annotated[str, typer.Option(help="Folder to make.")] = "quickstart",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training rows.")] = 10,
    rows: Annotated[int | None, typer.Option(help="Use only so many rows; all.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
):
    """Train on easy-VQA: picture and question, an answer.

    Then evaluate the model, export it, and ask the exported one.
    """
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo.commands.quickstart_run import quickstart_run

    quickstart_run(output, epochs=epochs, rows=rows, seed=seed)
