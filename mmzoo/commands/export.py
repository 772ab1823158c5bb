"""`mmzoo export`."""

from typing import Annotated

import typer

from mmzoo.commands.options import Encoding, Root, Run, Separator


def export(
    run: Run,
    path: Annotated[str, typer.Argument(help="Folder to write the SavedModel to.")],
    version: Annotated[
        str | None, typer.Option(help="Number of a version, or `next`: writes to PATH/VERSION.")
    ] = None,
    format: Annotated[str, typer.Option(help="savedmodel, litert or onnx.")] = "savedmodel",
    weights: Annotated[
        str, typer.Option(help="What large weights are stored as: float32, float16 or int8.")
    ] = "float32",
    warmup: Annotated[
        bool, typer.Option("--warmup", help="Add a request that warms up TensorFlow Serving.")
    ] = False,
    csv: Annotated[
        str | None,
        typer.Option("--csv", help="CSV file to measure the model on, before and after."),
    ] = None,
    root: Root = None,
    encoding: Encoding = None,
    separator: Separator = None,
):
    """Export a trained model, to be served.

    As a SavedModel that takes raw rows, or for LiteRT or ONNX.
    """
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo.commands.trained_run import TrainedRun
    from mmzoo.export import export_savedmodel

    trained = TrainedRun.load(run)
    dataset = None
    if csv is not None:  # rather now than after the export
        dataset = trained.labelled_records(csv, root, encoding, separator).to_dataset(
            trained.preprocessor
        )
    version = int(version) if version is not None and version.isdigit() else version
    exported = export_savedmodel(
        trained.model,
        trained.preprocessor,
        path,
        version,
        format=format,
        weights=weights,
        warmup=warmup or None,
    )
    print(exported)
    if dataset is not None:
        from mmzoo.export.comparison import comparison

        print(comparison(trained.model, exported, dataset))
