"""`mmzoo evaluate`."""

import pathlib
from typing import Annotated

import typer

from mmzoo.commands.options import BatchSize, Csv, Encoding, OnError, Root, Run, Separator


def evaluate(
    run: Run,
    csv: Csv,
    html: Annotated[
        str | None,
        typer.Option(help="HTML file to write, with all figures, and rows to look at."),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="With --html: draw over the rows what speaks for the answer, by "
            "integrated_gradients, gradients or occlusion.",
        ),
    ] = None,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness",
            help="Also with each input absent, noisy, blurred, mistyped, of other rows.",
        ),
    ] = False,
    slices: Annotated[
        bool,
        typer.Option("--slices", help="Also by class, by what is there, by length; worst first."),
    ] = False,
    slice_by: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="As --slices, and by this column; repeatable."),
    ] = None,
    figure: Annotated[
        str | None,
        typer.Option(help="Figure of robustness and slices, such as log_loss or f1.macro."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(help="Folder to write report.json, robustness.json and slices.json to."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn and resampled.")] = 0,
    root: Root = None,
    encoding: Encoding = None,
    separator: Separator = None,
    batch_size: BatchSize = 64,
    on_error: OnError = "raise",
):
    """Evaluate a trained model on labelled rows.

    They have the columns that it was trained on. `--html report.html` shows the worst of them.
    """
    if explain is not None and html is None:
        raise ValueError("--explain draws over the rows of a page: say which, --html report.html.")
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo import evaluation
    from mmzoo.commands.trained_run import TrainedRun
    from mmzoo.evaluation.attribution.attributions import METHODS
    from mmzoo.evaluation.report_output import write_json

    if explain not in (None, *METHODS):  # rather now than after the evaluation
        raise ValueError(f"--explain must be one of {', '.join(METHODS)}; received: {explain!r}.")

    trained = TrainedRun.load(run)
    by = slice_by or []
    records = trained.readable_records(csv, root, encoding, separator, on_error, by)
    dataset = records.to_dataset(trained.preprocessor, batch_size, on_error=on_error)
    found = {"report": evaluation.evaluate(trained.model, dataset)}
    rows = (trained.model, trained.preprocessor, records)
    options = {"figure": figure, "batch_size": batch_size, "seed": seed}
    if robustness:
        found["robustness"] = evaluation.robustness(*rows, **options)
    if slices or by:
        found["slices"] = evaluation.slices(*rows, by=by, **options)
    for name, report in found.items() if output else ():
        several = isinstance(report, dict)
        facts = {answer: each.to_dict() for answer, each in report.items()} if several else None
        write_json(facts or report.to_dict(), pathlib.Path(output) / f"{name}.json")
    if html is not None:
        shown = {name: found.get(name) for name in ("robustness", "slices")}
        found["report"].to_html(html, history=trained.history(), explain=explain, **shown)
        print(f"The report is in {html}.")
