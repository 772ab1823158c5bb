"""The command line: `mmzoo ...` or `python -m mmzoo ...`."""

import contextlib
import json
import os
import sys
from typing import Annotated

from mmzoo.utils.optional_packages import require

typer = require("typer", "cli")

app = typer.Typer(
    help="Multimodal models on your own rows: train, evaluate, predict, export.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Csv = Annotated[
    str,
    typer.Option(
        "--csv",
        "--data",
        help="The rows: a CSV (with a header line), TSV, JSON-lines or Parquet file, or a folder.",
    ),
]
Root = Annotated[
    str | None, typer.Option(help="Folder that relative paths start from; the file's own.")
]
Run = Annotated[str, typer.Argument(help="Folder that `mmzoo train` made.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Rows a batch.")]
OnError = Annotated[
    str,
    typer.Option(
        help="Rows with a value that can't be read: `raise` stops there, `skip` leaves them out, "
        "`missing` takes the value as absent."
    ),
]

Optional = Annotated[
    list[str] | None,
    typer.Option(help="Input that may be absent, such as `image` or `text_2`; repeatable."),
]

# Columns of a CSV file, and what a model reads of them.
Columns = list[str] | None
ImageColumns = Annotated[
    Columns, typer.Option("--image", help="Column of picture paths; may be repeated.")
]
TextColumns = Annotated[Columns, typer.Option("--text", help="Column of texts; repeatable.")]
AudioColumns = Annotated[
    Columns, typer.Option("--audio", help="Column of paths of sounds; repeatable.")
]
NumericColumns = Annotated[
    Columns, typer.Option("--numeric", help="Column of numbers; repeatable.")
]
CategoricalColumns = Annotated[
    Columns, typer.Option("--categorical", help="Column of categories; repeatable.")
]
FeaturesColumns = Annotated[
    Columns, typer.Option("--features", help="Column of vectors, [0.1, 0.2]; repeatable.")
]
VideoColumns = Annotated[
    Columns,
    typer.Option("--video", help='Column of paths of frames, ["1.jpg", "2.jpg"]; repeatable.'),
]
ImageSize = Annotated[int, typer.Option(min=1, help="Side of the pictures and frames, in pixels.")]
Frames = Annotated[int, typer.Option(min=1, help="Most frames of a video to look at.")]
TextLength = Annotated[int, typer.Option(min=1, help="Tokens a text is cut to.")]
VocabularySize = Annotated[int, typer.Option(min=3, help="Most words to know.")]
SampleRate = Annotated[int, typer.Option(min=1, help="Samples a second of sounds.")]
Seconds = Annotated[float, typer.Option(help="Length that sounds are cut or padded to.")]
Regression = Annotated[
    bool | None,
    typer.Option(
        "--regression/--classes",
        help="Whether the labels are numbers to predict, or classes; floats are numbers.",
        show_default=False,
    ),
]


LabelDelimiter = Annotated[
    str | None, typer.Option(help="What stands between several labels of a row, such as '|'.")
]


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
    image: ImageColumns = None,
    text: TextColumns = None,
    audio: AudioColumns = None,
    video: VideoColumns = None,
    numeric: NumericColumns = None,
    categorical: CategoricalColumns = None,
    features: FeaturesColumns = None,
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
    image_size: ImageSize = 64,
    text_length: TextLength = 64,
    text_buckets: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            help="Instead of a length: each batch is padded to the smallest that fits; repeatable.",
        ),
    ] = None,
    vocabulary_size: VocabularySize = 10_000,
    audio_encoder: Annotated[str, typer.Option(help="Audio encoder.")] = "cnn",
    video_encoder: Annotated[
        str, typer.Option(help="Image encoder of the frames of videos.")
    ] = "cnn",
    frames: Frames = 8,
    sample_rate: SampleRate = 16_000,
    seconds: Seconds = 5.0,
    augmentation: Annotated[
        list[str] | None, typer.Option(help="flip, crop, color, randaugment; repeatable.")
    ] = None,
    dim: Annotated[int, typer.Option(min=1, help="Width of the tokens in the fusion.")] = 128,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training rows.")] = 10,
    batch_size: BatchSize = 32,
    learning_rate: Annotated[float, typer.Option(min=0, help="Peak learning rate.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    regression: Regression = None,
    label_delimiter: LabelDelimiter = None,
    optional: Optional = None,
    on_error: OnError = "raise",
    dtype: Annotated[
        str | None, typer.Option(help="Precision: mixed_bfloat16, mixed_float16; float32.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Epochs without progress that end the training; all.")
    ] = None,
    gradient_accumulation: Annotated[
        int | None, typer.Option(min=2, help="Steps that make one update of the weights; 1.")
    ] = None,
    clip_norm: Annotated[
        float | None, typer.Option(min=0, help="Largest norm of all gradients together; any.")
    ] = None,
    ema: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Momentum of an average of the weights to keep; none."),
    ] = None,
    save_every: Annotated[
        int | None, typer.Option(min=1, help="Steps between two checkpoints; one an epoch.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was killed.")
    ] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write logs to OUTPUT/tensorboard.")
    ] = False,
    hosts: Annotated[
        str | None,
        typer.Option(
            envvar="KERAS_DISTRIBUTION_JOB_ADDRESSES",
            help="Train on several hosts (needs KERAS_BACKEND=jax): the same command on each, with "
            "all their addresses, host0:1234,host1:1234, or `cluster` under Slurm and the like.",
        ),
    ] = None,
    host_index: Annotated[
        int | None,
        typer.Option(
            min=0,
            envvar="KERAS_DISTRIBUTION_PROCESS_ID",
            help="Which of the hosts this is, from 0.",
        ),
    ] = None,
    model_parallel: Annotated[
        int, typer.Option(min=1, help="Devices that share one copy of the weights (JAX).")
    ] = 1,
):
    """Train on a file of rows: 80 % to train, 10 % to choose the epoch, 10 % to test."""
    from mmzoo.data import from_file
    from mmzoo.data.labels import label_summary
    from mmzoo.training import is_first_host, scope
    from mmzoo.training.run import train_run
    from mmzoo.utils.atomic_files import check_free

    columns = _columns(image, text, audio, video, features, numeric, categorical)
    several = hosts or model_parallel > 1
    several = several and scope(hosts=hosts, host_index=host_index, model_parallel=model_parallel)
    with several or contextlib.nullcontext():
        check_free(output)  # rather now than after every file was read
        records = from_file(
            csv, columns, label, root, regression=regression, label_delimiter=label_delimiter
        )
        print(label_summary(records.labels, records.class_names))
        inputs = _inputs(
            records,
            optional,
            image={"size": image_size, "encoder": image_encoder, "augmentation": augmentation},
            text={
                "length": None if text_buckets else text_length, "buckets": text_buckets,
                "vocabulary_size": vocabulary_size, "encoder": text_encoder,
            },
            audio={"sample_rate": sample_rate, "seconds": seconds, "encoder": audio_encoder},
            video={
                "frames": frames, "size": image_size, "encoder": video_encoder,
                "augmentation": augmentation,
            },
            features={"encoder": features_encoder},
            tabular={
                "numeric": numeric or [], "categorical": categorical or [],
                "encoder": tabular_encoder,
            },
        )  # fmt: skip
        records = _readable(records, inputs, on_error)
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
            # Bad rows are out already, and several hosts must know how many there are.
            on_error="raise" if several and on_error == "skip" else on_error,
            dtype=dtype,
            patience=patience,
            gradient_accumulation=gradient_accumulation,
            clip_norm=clip_norm,
            ema=ema,
            save_every=save_every,
            resume=resume,
            tensorboard=tensorboard,
            metadata={"columns": columns, "label": label, "label_delimiter": label_delimiter},
        )
        if is_first_host():
            print(f"Everything is in {output}/: {', '.join(sorted(os.listdir(output)))}")


@app.command()
def check(
    csv: Annotated[str, typer.Argument(help="The rows, as in `mmzoo train --data`.")],
    output: Annotated[str, typer.Option(help="Folder of the two files.")] = "check",
    label: Annotated[str | None, typer.Option(help="Column of the labels.")] = None,
    image: ImageColumns = None,
    text: TextColumns = None,
    audio: AudioColumns = None,
    video: VideoColumns = None,
    numeric: NumericColumns = None,
    categorical: CategoricalColumns = None,
    features: FeaturesColumns = None,
    root: Root = None,
    image_size: ImageSize = 64,
    text_length: TextLength = 64,
    vocabulary_size: VocabularySize = 10_000,
    frames: Frames = 8,
    sample_rate: SampleRate = 16_000,
    seconds: Seconds = 5.0,
    regression: Regression = None,
    label_delimiter: LabelDelimiter = None,
    optional: Optional = None,
):
    """Read every value as training would; write report.json and bad_rows.csv.

    The exit code is 1 if there are rows that can't be used.
    """
    from mmzoo.data import from_file

    columns = _columns(image, text, audio, video, features, numeric, categorical)
    records = from_file(
        csv, columns, label, root, regression=regression, label_delimiter=label_delimiter
    )
    inputs = _inputs(
        records,
        optional,
        image={"size": image_size},
        text={"length": text_length, "vocabulary_size": vocabulary_size},
        video={"frames": frames, "size": image_size},
        audio={"sample_rate": sample_rate, "seconds": seconds},
        tabular={"numeric": numeric or [], "categorical": categorical or []},
    )
    report = records.validate(inputs, verbose=True)
    print(report)
    os.makedirs(output, exist_ok=True)
    report.save(os.path.join(output, "report.json"))
    report.save_findings(os.path.join(output, "bad_rows.csv"))
    print(f"Written: {output}/report.json, {output}/bad_rows.csv")
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def evaluate(
    run: Run,
    csv: Csv,
    root: Root = None,
    batch_size: BatchSize = 64,
    on_error: OnError = "raise",
):
    """Evaluate a trained model on rows with the columns it was trained on."""
    from mmzoo.evaluation import evaluate as evaluate_model

    model, preprocessor, trained_on = _load(run)
    records = _labelled(csv, trained_on, preprocessor, root)
    records = _readable(records, preprocessor.inputs, on_error, preprocessor)
    evaluate_model(model, records.to_dataset(preprocessor, batch_size, on_error=on_error))


@app.command()
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
    batch_size: BatchSize = 64,
):
    """Add predictions to rows, or to the files of a folder.

    The rows of a CSV file keep their cells; of other kinds of rows, the output says which they are.

    Rows stay in their order; one that can't be used has an `error` and no prediction. A run that
    was killed goes on when it is started again.
    """
    from mmzoo.data import from_file
    from mmzoo.data.sources.from_file import is_csv
    from mmzoo.predict_file import predict_file

    if (csv is None) == (folder is None):
        raise ValueError("Give either --data or --folder.")
    model, preprocessor, trained_on = _load(run)
    source = csv or folder
    if csv is not None and not is_csv(csv):
        source = from_file(csv, trained_on["columns"], root=root)
    result = predict_file(
        model,
        preprocessor,
        source,
        output,
        trained_on["columns"],
        root,
        batch_size,
        delimiter=trained_on.get("label_delimiter") or "|",
    )
    if result.resumed:
        print(f"{result.resumed:,} rows were done by an earlier run.")
    for message in result.listed:
        print(f"  {message}")
    if result.bad > len(result.listed):
        print(f"  and {result.bad - len(result.listed):,} more")
    print(f"{result.rows:,} rows written to {output}, {result.bad:,} of them without a prediction.")


@app.command()
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
):
    """Export a trained model as a SavedModel that takes raw rows, or for LiteRT or ONNX."""
    from mmzoo.export import export_savedmodel

    model, preprocessor, trained_on = _load(run)
    dataset = None
    if csv is not None:  # rather now than after the export
        dataset = _labelled(csv, trained_on, preprocessor, root).to_dataset(preprocessor)
    version = int(version) if version is not None and version.isdigit() else version
    exported = export_savedmodel(
        model,
        preprocessor,
        path,
        version,
        format=format,
        weights=weights,
        warmup=warmup or None,
    )
    print(exported)
    if dataset is not None:
        from mmzoo.export.comparison import comparison

        print(comparison(model, exported, dataset))


def _columns(image, text, audio, video, features, numeric, categorical):
    """Dict from modality name to the columns of the file it comes from."""
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
    return columns


def _inputs(records, optional, **options):
    """Dict from modality name to modality, for the columns of the records.

    Args:
        records: `mmzoo.data.Records` whose columns are called as `_columns` does.
        optional: names of those that may be absent.
        **options: dict from a kind of modality to its arguments.
    """
    from mmzoo import modalities

    kinds = {
        "image": modalities.Image,
        "text": modalities.Text,
        "audio": modalities.Audio,
        "video": modalities.Video,
        "features": modalities.Features,
        "tabular": modalities.Tabular,
    }
    unknown = set(optional or []) - set(records.columns)
    if unknown:
        raise ValueError(
            f"No such input: --optional {', '.join(sorted(unknown))}. There are: "
            f"{', '.join(records.columns)}."
        )
    inputs = {}
    for key in records.columns:
        kind = key.split("_")[0]
        arguments = {**options.get(kind, {}), "optional": key in (optional or [])}
        if kind == "features":
            arguments["dim"] = _width(records.column(key))
        inputs[key] = kinds[kind](**arguments)
    return inputs


def _readable(records, inputs, on_error, preprocessor=None):
    """The records that `on_error` leaves, after every file was read once."""
    from mmzoo.data.pipeline.on_error import may_fail

    may_fail(on_error, inputs)  # a mistake is rather known before
    print(f"{records}: reading every file once ...", flush=True)
    report = records.validate(inputs, preprocessor)
    for note in report.notes:
        print(note)
    usable = report.usable_records(on_error)
    if not report.ok:
        action = "left out" if on_error == "skip" else "taken as absent"
        for name in inputs:
            rows = [finding.row for finding in report.errors if finding.column == name]
            if rows:
                print(f"{records.unreadable_message(name, rows)}: {action}.")
    return usable


def _named(kind, columns):
    """Dict from modality names to columns, if any: `image`, or `image_1`, `image_2`, ..."""
    columns = columns or []
    if len(columns) == 1:
        return {kind: columns[0]}
    return {f"{kind}_{i}": column for i, column in enumerate(columns, start=1)}


def _width(cells):
    """How many numbers the first cell has, such as `[0.1, 0.2]`."""
    cell = next((cell for cell in cells if cell is not None), "")
    return cell.count(",") + 1 if isinstance(cell, str) else len(cell)


def _labelled(csv, trained_on, preprocessor, root):
    """Records of a file with the columns that a model was trained on."""
    from mmzoo.data import from_file

    return from_file(
        csv,
        trained_on["columns"],
        trained_on["label"],
        root,
        class_names=preprocessor.class_names,
        regression=preprocessor.class_names is None,
        label_delimiter=trained_on.get("label_delimiter"),
    )


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
        from mmzoo.training.distribution.hosts import end_process

        print(f"Error: {error}", file=sys.stderr)
        end_process(1)
