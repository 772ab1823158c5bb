"""`mmzoo train`."""

import contextlib
import dataclasses
import os
from typing import Annotated

import typer

from mmzoo.commands.column_options import ColumnOptions
from mmzoo.commands.names import encoder_names, fusion_names
from mmzoo.commands.options import BatchSize, Label, OnError, OptionalCsv


def _encoders(kind):
    """Function that completes the names of encoders."""
    return lambda: encoder_names()[kind]


def train(
    label: Label,
    columns: ColumnOptions,
    path: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="The rows: as --csv.")
    ] = None,
    csv: OptionalCsv = None,
    output: Annotated[
        str, typer.Option(help="Folder to make; must not exist, or be empty.")
    ] = "run",
    answer_length: Annotated[
        int, typer.Option(min=1, help="Most words of an answer that is written.")
    ] = 32,
    fusion: Annotated[
        str | None,
        typer.Option(
            help="Fusion block, see `mmzoo list`; cross_attention if there is a text, else "
            "merged_attention.",
            autocompletion=fusion_names,
        ),
    ] = None,
    image_encoder: Annotated[
        str, typer.Option(help="Image encoder.", autocompletion=_encoders("image"))
    ] = "cnn",
    text_encoder: Annotated[
        str, typer.Option(help="Text encoder.", autocompletion=_encoders("text"))
    ] = "transformer",
    tabular_encoder: Annotated[
        str,
        typer.Option(
            help="Encoder of the columns of numbers and categories.",
            autocompletion=_encoders("tabular"),
        ),
    ] = "ft_transformer",
    features_encoder: Annotated[
        str, typer.Option(help="Encoder of vectors.", autocompletion=_encoders("features"))
    ] = "linear",
    audio_encoder: Annotated[
        str, typer.Option(help="Audio encoder.", autocompletion=_encoders("audio"))
    ] = "cnn",
    video_encoder: Annotated[
        str,
        typer.Option(
            help="Image encoder of the frames of videos.", autocompletion=_encoders("image")
        ),
    ] = "cnn",
    text_buckets: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            help="Instead of a length: each batch is padded to the smallest that fits; repeatable.",
        ),
    ] = None,
    augmentation: Annotated[
        list[str] | None, typer.Option(help="flip, crop, color, randaugment; repeatable.")
    ] = None,
    dim: Annotated[int, typer.Option(min=1, help="Width of the tokens in the fusion.")] = 128,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training rows.")] = 10,
    batch_size: BatchSize = 32,
    learning_rate: Annotated[float, typer.Option(min=0, help="Peak learning rate.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    on_error: OnError = "raise",
    dtype: Annotated[
        str | None, typer.Option(help="Precision: mixed_bfloat16, mixed_float16; float32.")
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="f1|precision=0.9|recall=0.9",
            help="From which probability on the answer is yes: chosen on the validation rows, for "
            "two classes or several labels a row; 0.5.",
        ),
    ] = None,
    calibration: Annotated[
        bool,
        typer.Option(
            "--calibration/--no-calibration",
            help="Make the probabilities of classes as high as they are right, on the validation "
            "rows, where at least 100 of them have a label.",
        ),
    ] = True,
    alpha: Annotated[
        float | None,
        typer.Option(
            help="Say which classes it may be, too, or between which numbers it lies: sets and "
            "intervals that lack the right one in at most this share of rows, such as 0.1, by the "
            "validation rows; none."
        ),
    ] = None,
    abstain: Annotated[
        float | None,
        typer.Option(
            help="Say where the model is not sure: so that of the other rows this share is "
            "answered rightly, such as 0.95, by the validation rows; nowhere."
        ),
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
    """Train a model on a file of rows.

    80 % of them are to train on, 10 % to choose the epoch by, 10 % to test on. Where no column is
    named, all are read that a model can read, as what they seem to hold. The labels of a CoNLL file
    are tags of its words, for the head `tags`.
    """
    csv = _one_file(path, csv)
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo.commands.inferred_table import print_inferred
    from mmzoo.commands.readable_records import validated_records
    from mmzoo.commands.train_run import head_for, train_run
    from mmzoo.data.sources.from_file import is_conll
    from mmzoo.targets.labels import label_summary
    from mmzoo.training import is_first_host, scope
    from mmzoo.utils.atomic_files import check_free

    encoders = {
        "image": image_encoder,
        "text": text_encoder,
        "audio": audio_encoder,
        "video": video_encoder,
        "features": features_encoder,
        "tabular": tabular_encoder,
    }
    more = {kind: {"encoder": encoder} for kind, encoder in encoders.items()}
    more["image"]["augmentation"] = more["video"]["augmentation"] = augmentation
    if text_buckets:
        more["text"] |= {"length": None, "buckets": text_buckets}
    on_several = hosts or model_parallel > 1
    threshold = _threshold(threshold)
    with (
        scope(hosts=hosts, host_index=host_index, model_parallel=model_parallel)
        if on_several
        else contextlib.nullcontext()
    ):
        # Mistakes are rather known before every file was read.
        check_free(output)
        _check_names(fusion, encoders)
        columns, inferred = columns.inferred(csv, label)
        if inferred is not None and is_first_host():
            print_inferred(inferred)
        fusion = fusion or ("cross_attention" if columns.text else "merged_attention")
        if not columns.head and is_conll(csv):
            columns.head = [f"{name}=tags" for name in label]
        heads = columns.heads(label, answer_length)
        if any(config["class_name"] == "tags" for config in heads.values()):
            more["text"]["words"] = "spaces"
        columns.inputs(**more)
        records, note = columns.records(csv, label, on_error)
        if note:
            print(note)
        for name, column in records.label_columns.items():
            summary = (
                f"Labels: for the head {heads[name]['class_name']}."
                if name in heads
                else label_summary(column.labels, column.class_names)
            )
            print(summary if len(label) == 1 else f"{name}: {summary}")
        inputs = columns.inputs(records, **more)
        head = head_for(records, threshold is not None, heads)
        records, report = validated_records(records, inputs, on_error, head=head if heads else None)
        train_run(
            *records.split(0.8, 0.1, 0.1, seed=seed),
            output,
            inputs=inputs,
            fusion=fusion,
            head=head,
            dim=dim,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
            on_error="raise" if on_error == "skip" else on_error,  # bad rows are out already
            dtype=dtype,
            patience=patience,
            gradient_accumulation=gradient_accumulation,
            clip_norm=clip_norm,
            ema=ema,
            save_every=save_every,
            resume=resume,
            tensorboard=tensorboard,
            threshold=threshold,
            calibration=calibration,
            alpha=alpha,
            abstain=abstain,
            validation_report=report,
            arguments={
                "csv": csv,
                "label": label,
                **dataclasses.asdict(columns),
                "fusion": fusion,
                **{f"{kind}_encoder": encoder for kind, encoder in encoders.items()},
                "answer_length": answer_length,
                "text_buckets": text_buckets,
                "augmentation": augmentation,
                "dim": dim,
            },
            metadata={
                "columns": columns.columns,
                "label": label[0] if len(label) == 1 else label,
                "label_delimiter": columns.delimiter(label),
                "root": _absolute(records.root),
            },
        )
        if is_first_host():
            print(f"Everything is in {output}/: {', '.join(sorted(os.listdir(output)))}")


def _one_file(path, csv):
    """The file of rows, which is given in one of two ways."""
    if (path is None) == (csv is None):
        raise ValueError(
            "Give the file of rows once, `mmzoo train rows.csv --label category`; received: "
            f"{path or 'none'} and --csv {csv}."
            if path
            else "Give the file of rows: `mmzoo train rows.csv --label category`."
        )
    return csv if path is None else path


def _threshold(text):
    """What thresholds are chosen by, as `mmzoo.choose_thresholds` takes it."""
    if text in (None, "f1"):
        return text
    name, _, share = text.partition("=")
    try:
        if name in ("precision", "recall") and 0 < float(share) <= 1:
            return {name: float(share)}
    except ValueError:
        pass
    raise ValueError(
        f"--threshold {text}: it must be f1, or a share to reach, precision=0.9 or recall=0.9."
    )


def _absolute(root):
    """The folder as it is reached from anywhere; a URL as it is."""
    from mmzoo.raw.paths import is_url

    return root if root is None or is_url(root) else os.path.abspath(root)


def _check_names(fusion, encoders):
    """Raises a `ValueError` for a fusion block or an encoder that does not exist."""
    from mmzoo.utils.identifiers import unknown

    if fusion is not None and fusion not in fusion_names():
        raise unknown("fusion", fusion, fusion_names())
    for kind, encoder in encoders.items():
        known = encoder_names()["image" if kind == "video" else kind]
        if encoder not in known:
            raise unknown(f"{kind} encoder", encoder, known)
