"""`mmzoo predict`."""

from typing import Annotated

import typer

from mmzoo.commands.options import BatchSize, Encoding, Root, Run, Separator


def predict(
    run: Run,
    output: Annotated[str, typer.Option(help="File to write: .csv, .tsv or .parquet.")],
    csv: Annotated[
        str | None, typer.Option("--csv", "--data", help="The rows, as in `mmzoo train`.")
    ] = None,
    folder: Annotated[
        str | None, typer.Option(help="Or a folder, for a model that needs nothing but files.")
    ] = None,
    root: Root = None,
    encoding: Encoding = None,
    separator: Separator = None,
    batch_size: BatchSize = 64,
    all_scores: Annotated[
        bool, typer.Option("--all-scores", help="Add the probability of every class.")
    ] = False,
):
    """Add predictions to rows, or to the files of a folder.

    The rows of a CSV file keep their cells; of other kinds of rows, the output says which they are.

    Rows stay in their order; one that can't be used has an `error` and no prediction. A run that
    was killed goes on when it is started again.
    """
    if (csv is None) == (folder is None):
        raise ValueError("Give either --data or --folder.")
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo.commands.predict_file import described_reasons, predict_file
    from mmzoo.commands.trained_run import TrainedRun, say_root
    from mmzoo.data import from_file
    from mmzoo.data.sources.from_file import is_csv
    from mmzoo.raw.paths import parent_folder

    trained = TrainedRun.load(run)
    source, roots = csv or folder, root
    if csv is not None and is_csv(csv):
        roots = trained.roots(parent_folder(csv)) if root is None else root
    elif csv is not None:
        source = from_file(csv, trained.columns, root=root, encoding=encoding, separator=separator)
        roots = trained.roots(source.root) if root is None else root
    result = predict_file(
        trained.model,
        trained.preprocessor,
        source,
        output,
        trained.columns,
        roots,
        batch_size,
        delimiter=trained.delimiter,
        all_scores=all_scores,
        encoding=encoding,
        separator=separator,
    )
    say_root(result.root, roots)
    if result.bad:
        print(f"Without a prediction: {described_reasons(result.reasons)}.")
    if result.resumed:
        print(f"{result.resumed:,} rows were done by an earlier run.")
    for message in result.listed:
        print(f"  {message}")
    if result.bad > len(result.listed):
        print(f"  and {result.bad - len(result.listed):,} more")
    print(f"{result.rows:,} rows written to {output}, {result.bad:,} of them without a prediction.")
