"""`mmzoo evaluate`."""

from mmzoo.commands.options import BatchSize, Csv, Encoding, OnError, Root, Run, Separator


def evaluate(
    run: Run,
    csv: Csv,
    root: Root = None,
    encoding: Encoding = None,
    separator: Separator = None,
    batch_size: BatchSize = 64,
    on_error: OnError = "raise",
):
    """Evaluate a trained model on labelled rows.

    They have the columns that it was trained on.
    """
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo.commands.trained_run import TrainedRun
    from mmzoo.evaluation import evaluate as evaluate_model

    trained = TrainedRun.load(run)
    records = trained.readable_records(csv, root, encoding, separator, on_error)
    dataset = records.to_dataset(trained.preprocessor, batch_size, on_error=on_error)
    evaluate_model(trained.model, dataset)
