"""`mmzoo contributions`."""

import pathlib
from typing import Annotated

import typer

from mmzoo.commands.options import BatchSize, Csv, Encoding, OnError, Root, Run, Separator


def contributions(
    run: Run,
    csv: Csv,
    figure: Annotated[
        str | None,
        typer.Option(help="Figure of the report to share out, such as log_loss or f1.macro."),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(help="Input whose columns or segments are shared out, such as tabular."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(help="Folder to write contributions.json and pictures to."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn and resampled.")] = 0,
    root: Root = None,
    encoding: Encoding = None,
    separator: Separator = None,
    batch_size: BatchSize = 64,
    on_error: OnError = "raise",
):
    """Say what each input does for a figure of a trained model.

    On labelled rows with the columns that it was trained on, which it was not trained with.
    """
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo.commands.trained_run import TrainedRun
    from mmzoo.evaluation import contributions as contributions_of
    from mmzoo.evaluation.report_output import write_json

    trained = TrainedRun.load(run)
    records = trained.readable_records(csv, root, encoding, separator, on_error)
    found = contributions_of(
        trained.model, trained.preprocessor, records, figure, within=within,
        batch_size=batch_size, seed=seed,
    )  # fmt: skip
    if output is None:
        return
    folder, several = pathlib.Path(output), isinstance(found, dict)
    facts = {name: each.to_dict() for name, each in found.items()} if several else found.to_dict()
    write_json(facts, folder / "contributions.json")
    for name, each in (found if several else {"head": found}).items():
        prefix = f"{name}_" if several else ""
        each.plot(folder / f"{prefix}contributions.png")
