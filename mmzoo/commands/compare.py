"""`mmzoo compare`."""

import pathlib
from typing import Annotated

import typer

from mmzoo.commands.options import BatchSize, Encoding, OnError, Root, Separator


def compare(
    runs: Annotated[list[str], typer.Argument(help="Folders of `mmzoo train`, two or more.")],
    csv: Annotated[
        str | None,
        typer.Option(
            "--csv",
            "--data",
            help="Labelled rows that none was trained on, as in `mmzoo evaluate`; the test rows of "
            "the runs, where they are the same.",
        ),
    ] = None,
    figure: Annotated[
        str | None, typer.Option(help="Figure to compare by, such as log_loss or f1.macro.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="The run that the others are held against; the first.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(help="Folder to write comparison.json and comparison.csv to."),
    ] = None,
    html: Annotated[
        str | None, typer.Option(help="HTML file to write, which shows the same as bars.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the resampling.")] = 0,
    root: Root = None,
    encoding: Encoding = None,
    separator: Separator = None,
    batch_size: BatchSize = 64,
    on_error: OnError = "raise",
):
    """Compare trained models on the same rows.

    Figures, whether they differ by more than chance explains, cost and latency.
    """
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo.commands.compared_runs import compared_runs, run_costs
    from mmzoo.evaluation import compare as compare_models
    from mmzoo.utils.optional_packages import require

    console = require("rich.console", extra="report").Console()
    found = compared_runs(runs, csv, root, encoding, separator, on_error)
    report = compare_models(
        found, figure, base=base, batch_size=batch_size, seed=seed, verbose=False
    )
    for of_run in report.costs:
        of_run |= run_costs(of_run["run"])
    console.print(report)
    if output is not None:
        folder = pathlib.Path(output)
        report.save(folder / "comparison.json")
        report.to_dataframe().to_csv(folder / "comparison.csv", index=False)
    if html is not None:
        report.to_html(html)
        print(f"The comparison is in {html}.")
