"""`mmzoo explain`."""

import enum
import pathlib
from typing import Annotated

import typer

from mmzoo.commands.options import BatchSize, Csv, Encoding, OnError, Root, Run, Separator


class Method(enum.StrEnum):
    """How a map is made."""

    INTEGRATED_GRADIENTS = "integrated_gradients"
    GRADIENTS = "gradients"
    OCCLUSION = "occlusion"
    ATTENTION = "attention"


def explain(
    run: Run,
    csv: Csv,
    output: Annotated[str, typer.Option(help="Folder to write explanations.json and pictures to.")],
    method: Annotated[
        Method, typer.Option(help="How the parts of each input are weighed.")
    ] = Method.INTEGRATED_GRADIENTS,
    answer: Annotated[
        str | None, typer.Option(help="Which answer, where the model has several.")
    ] = None,
    rows: Annotated[
        int, typer.Option(min=1, help="So many rows are explained, from the first.")
    ] = 20,
    root: Root = None,
    encoding: Encoding = None,
    separator: Separator = None,
    batch_size: BatchSize = 64,
    on_error: OnError = "raise",
):
    """Draw which parts of the inputs speak for an answer.

    Pixels, words, frames and cells, of the first rows of a file. It has the columns that the
    model was trained on.
    """
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo.commands.readable_records import readable_records
    from mmzoo.commands.trained_run import TrainedRun
    from mmzoo.evaluation import attention, attributions
    from mmzoo.evaluation.report_output import write_json

    trained = TrainedRun.load(run)
    pair = trained.model, trained.preprocessor
    records = trained.labelled_records(csv, root, encoding, separator, on_error)
    records = records.take(range(min(rows, len(records))))  # before every file is read
    records = readable_records(records, trained.preprocessor.inputs, on_error, trained.preprocessor)
    if method == Method.ATTENTION:
        found = attention(*pair, records, batch_size=batch_size)
    else:
        found = attributions(
            *pair, records, method=method.value, answer=answer, batch_size=batch_size
        )
    folder = pathlib.Path(output)
    write_json(found.to_dict(), folder / "explanations.json")
    for row in range(len(found)):
        found.plot(row, folder / f"{row}.png")
    print(f"{len(found)} rows are explained in {folder}.")
