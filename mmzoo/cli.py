"""The command line: `mmzoo ...` or `python -m mmzoo ...`."""

import json
import os
import sys
from typing import Annotated

from mmzoo.optional import require

typer = require("typer", "cli")

app = typer.Typer(
    help="Multimodal models on your own rows: train, evaluate, predict, export.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Csv = Annotated[str, typer.Option("--csv", help="CSV file with a header line, UTF-8.")]
Root = Annotated[
    str | None, typer.Option(help="Folder that relative paths start from; the file's own.")
]
Run = Annotated[str, typer.Argument(help="Folder that `mmzoo train` made.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Rows a batch.")]


@app.command()
def quickstart(
    output: Annotated[str, typer.Option(help="Folder to make.")] = "quickstart",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training rows.")] = 10,
    rows: Annotated[int | None, typer.Option(help="Use only so many rows; all.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
):
    """Train image + question -> answer on easy-VQA, evaluate, export and serve it."""
    from mmzoo.quickstart import quickstart as run

    run(output, epochs=epochs, rows=rows, seed=seed)


@app.command(name="list")
def list_command():
    """List the models, encoders, fusion blocks and heads."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    from mmzoo import encoders, fusion, heads, recipes
    from mmzoo.recipes.facts import facts, shown

    columns = [Column("model", no_wrap=True), "inputs", "fusion", "parameters", "measured"]
    table = Table(*columns, "what it is", title="Models")
    for name, fact in facts().items():
        summary = escape(recipes.RECIPES[name].__doc__.split("\n")[0])
        parameters = f"{fact['parameters']:,}"
        measured = shown(fact["measured"])
        table.add_row(
            name, ", ".join(fact["inputs"]), fact["fusion"], parameters, measured, summary
        )
    parts = Table("part", "names", title="Parts")
    for kind in encoders.ENCODERS:
        parts.add_row(f"{kind} encoders", ", ".join(encoders.names(kind)))
    parts.add_row("fusion", ", ".join(fusion.names()))
    parts.add_row("heads", ", ".join(heads.names()))
    console = Console()
    console.print(table)
    console.print(parts)


@app.command()
def train(
    csv: Csv,
    output: Annotated[str, typer.Option(help="Folder to make; must not exist, or be empty.")],
    label: Annotated[str, typer.Option(help="Column of the labels.")],
    image: Annotated[
        list[str] | None, typer.Option(help="Column of picture paths; may be repeated.")
    ] = None,
    text: Annotated[list[str] | None, typer.Option(help="Column of texts; repeatable.")] = None,
    audio: Annotated[
        list[str] | None, typer.Option(help="Column of paths of sounds; repeatable.")
    ] = None,
    video: Annotated[
        list[str] | None,
        typer.Option(help='Column of paths of frames, ["1.jpg", "2.jpg"]; repeatable.'),
    ] = None,
    numeric: Annotated[
        list[str] | None, typer.Option(help="Column of numbers; repeatable.")
    ] = None,
    categorical: Annotated[
        list[str] | None, typer.Option(help="Column of categories; repeatable.")
    ] = None,
    features: Annotated[
        list[str] | None, typer.Option(help="Column of vectors, [0.1, 0.2]; repeatable.")
    ] = None,
    root: Root = None,
    fusion: Annotated[
        str | None,
        typer.Option(
            help="Fusion block, see `mmzoo list`; cross_attention if there is a text, else "
            "merged_attention."
        ),
    ] = None,
    image_encoder: Annotated[str, typer.Option(help="Image encoder.")] = "cnn",
    text_encoder: Annotated[str, typer.Option(help="Text encoder.")] = "transformer",
    tabular_encoder: Annotated[
        str, typer.Option(help="Encoder of the columns of numbers and categories.")
    ] = "ft_transformer",
    features_encoder: Annotated[str, typer.Option(help="Encoder of vectors.")] = "linear",
    image_size: Annotated[
        int, typer.Option(min=1, help="Side of the pictures and frames, in pixels.")
    ] = 64,
    text_length: Annotated[int, typer.Option(min=1, help="Tokens a text is cut to.")] = 64,
    vocabulary_size: Annotated[int, typer.Option(min=3, help="Most words to know.")] = 10_000,
    audio_encoder: Annotated[str, typer.Option(help="Audio encoder.")] = "cnn",
    video_encoder: Annotated[
        str, typer.Option(help="Image encoder of the frames of videos.")
    ] = "cnn",
    frames: Annotated[int, typer.Option(min=1, help="Most frames of a video to look at.")] = 8,
    sample_rate: Annotated[int, typer.Option(min=1, help="Samples a second of sounds.")] = 16_000,
    seconds: Annotated[float, typer.Option(help="Length that sounds are cut or padded to.")] = 5.0,
    augmentation: Annotated[
        list[str] | None, typer.Option(help="flip, crop, color, randaugment; repeatable.")
    ] = None,
    dim: Annotated[int, typer.Option(min=1, help="Width of the tokens in the fusion.")] = 128,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training rows.")] = 10,
    batch_size: BatchSize = 32,
    learning_rate: Annotated[float, typer.Option(min=0, help="Peak learning rate.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    regression: Annotated[
        bool, typer.Option("--regression", help="The labels are numbers to predict, not classes.")
    ] = False,
):
    """Train on a CSV file: 80 % to train, 10 % to choose the epoch, 10 % to test."""
    from mmzoo.data import from_csv
    from mmzoo.files import check_free
    from mmzoo.modalities import Audio, Features, Image, Tabular, Text, Video
    from mmzoo.training.run import train_run

    cells = [*(numeric or []), *(categorical or [])]
    columns = {
        **_named("image", image),
        **_named("text", text),
        **_named("audio", audio),
        **_named("video", video),
        **_named("features", features),
        **({"tabular": cells} if cells else {}),
    }
    if not columns:
        raise ValueError(
            "Give at least one column: --image, --text, --audio, --video, --numeric, "
            "--categorical or --features."
        )
    check_free(output)  # rather now than after every file was read
    records = from_csv(csv, columns, label=label, root=root, regression=regression or None)
    inputs = {}
    for key in columns:
        if key.startswith("image"):
            inputs[key] = Image(image_size, encoder=image_encoder, augmentation=augmentation)
        elif key.startswith("text"):
            inputs[key] = Text(text_length, vocabulary_size, encoder=text_encoder)
        elif key.startswith("audio"):
            inputs[key] = Audio(sample_rate, seconds, encoder=audio_encoder)
        elif key.startswith("video"):
            inputs[key] = Video(
                frames, image_size, encoder=video_encoder, augmentation=augmentation
            )
        elif key.startswith("features"):
            inputs[key] = Features(_width(records.column(key)), encoder=features_encoder)
        else:
            inputs[key] = Tabular(numeric or [], categorical or [], encoder=tabular_encoder)
    print(f"{records}: reading every file once ...", flush=True)
    records.validate(inputs)
    parts = records.split(0.8, 0.1, 0.1, seed=seed)
    train_run(
        *parts,
        output,
        inputs=inputs,
        fusion=fusion or ("cross_attention" if text else "merged_attention"),
        dim=dim,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        metadata={"columns": columns, "label": label},
    )
    print(f"Everything is in {output}/: {', '.join(sorted(os.listdir(output)))}")


@app.command()
def evaluate(run: Run, csv: Csv, root: Root = None, batch_size: BatchSize = 64):
    """Evaluate a trained model on a CSV file with the columns it was trained on."""
    from mmzoo.data import from_csv
    from mmzoo.evaluation import evaluate as evaluate_model

    model, preprocessor, trained_on = _load(run)
    records = from_csv(
        csv,
        trained_on["columns"],
        label=trained_on["label"],
        class_names=preprocessor.class_names,
        root=root,
        regression=preprocessor.class_names is None,
    )
    records.validate(preprocessor.inputs)
    evaluate_model(model, records.to_dataset(preprocessor, batch_size))


@app.command()
def predict(
    run: Run,
    csv: Csv,
    output: Annotated[str, typer.Option(help="CSV file to write.")],
    root: Root = None,
    batch_size: BatchSize = 64,
):
    """Add predictions to the rows of a CSV file: label and score, or value."""
    from mmzoo.data import from_csv
    from mmzoo.data.sources import separator
    from mmzoo.prediction import predict as predict_rows

    pandas = require("pandas", "report")
    if os.path.exists(output):
        raise FileExistsError(f"{output} exists. Choose another file.")
    model, preprocessor, trained_on = _load(run)
    records = from_csv(csv, trained_on["columns"], root=root)
    table = pandas.read_csv(
        csv, sep=separator(csv), dtype=str, keep_default_na=False, index_col=False
    )
    taken = {"predicted", "score", "value"} & set(table.columns)
    if taken:
        raise ValueError(f"{csv} has columns that would be overwritten: {sorted(taken)}.")
    predictions = predict_rows(model, preprocessor, records, batch_size, verbose="auto")
    class_names = preprocessor.class_names
    if class_names is None:
        for unit in range(predictions.shape[1]):
            table["value" if predictions.shape[1] == 1 else f"value_{unit}"] = predictions[:, unit]
    else:
        table["predicted"] = [class_names[best] for best in predictions.argmax(axis=1)]
        table["score"] = predictions.max(axis=1)
    table.to_csv(f"{output}.tmp", index=False)
    os.replace(f"{output}.tmp", output)
    print(f"{len(table)} rows written to {output}")


@app.command()
def export(
    run: Run,
    path: Annotated[str, typer.Argument(help="Folder to write the SavedModel to.")],
    version: Annotated[
        str | None, typer.Option(help="Number of a version, or `next`: writes to PATH/VERSION.")
    ] = None,
):
    """Export a trained model as a SavedModel that takes raw rows."""
    from mmzoo.export import export_savedmodel

    model, preprocessor, _ = _load(run)
    version = int(version) if version is not None and version.isdigit() else version
    print(export_savedmodel(model, preprocessor, path, version=version))


def _named(kind, columns):
    """Dict from modality names to columns, if any: `image`, or `image_1`, `image_2`, ..."""
    columns = columns or []
    if len(columns) == 1:
        return {kind: columns[0]}
    return {f"{kind}_{i}": column for i, column in enumerate(columns, start=1)}


def _width(cells):
    """How many numbers the first cell has, such as `[0.1, 0.2]`."""
    return next((cell for cell in cells if cell is not None), "").count(",") + 1


def _load(run):
    """`(model, preprocessor, columns)` of a folder that `mmzoo train` made."""
    from mmzoo.saving import load
    from mmzoo.training.run import METADATA_FILE

    path = os.path.join(run, METADATA_FILE)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{run} is not a folder made by `mmzoo train`: no {METADATA_FILE}.")
    with open(path, encoding="utf-8") as file:
        trained_on = json.load(file)
    return *load(os.path.join(run, "model")), trained_on


def main():
    """Runs the command line; a user's mistake is one line on stderr and exit code 1."""
    try:
        app()
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
