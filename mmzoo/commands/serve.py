"""`mmzoo serve`."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from mmzoo.serving.limits import Limits
from mmzoo.serving.model_folder import model_name
from mmzoo.utils.optional_packages import require

#: What `mmzoo train` leaves in a folder, and where its exported model is.
RUN_FILES = ("metadata.json", "model")
EXPORTED = "serving"


def serve(
    model: Annotated[
        str,
        typer.Argument(
            help="Folder that `mmzoo train` made, or `mmzoo export`; the latter with or without a "
            "subfolder for each version."
        ),
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0: all of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8501,
    name: Annotated[
        str | None, typer.Option(help="Name of the model in URLs; that of the folder.")
    ] = None,
    versions: Annotated[
        str, typer.Option(help="latest, all, or numbers such as 3,4: the versions that answer.")
    ] = "latest",
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=VERSION", help="Another name of a version, in URLs; repeatable."
        ),
    ] = None,
    poll_s: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two looks for new versions.")
    ] = 2.0,
    max_batch_size: Annotated[
        int, typer.Option(min=1, help="Rows that are computed together at most.")
    ] = Limits.max_batch_size,
    max_delay_ms: Annotated[
        float, typer.Option(min=0, help="How long a row waits for others.")
    ] = Limits.max_delay_ms,
    batch_threads: Annotated[
        int, typer.Option(min=1, help="Batches that are computed at once.")
    ] = Limits.batch_threads,
    max_queued_rows: Annotated[
        int, typer.Option(min=1, help="Rows that wait at most; more are refused with 503.")
    ] = Limits.max_queued_rows,
    max_request_mb: Annotated[
        float, typer.Option(min=0.001, help="Largest request, in MiB; larger: 413.")
    ] = Limits.max_request_mb,
    max_requests: Annotated[
        int, typer.Option(min=1, help="Requests at once; more are refused with 503.")
    ] = Limits.max_requests,
    timeout_s: Annotated[
        float, typer.Option(min=0.001, help="Seconds for a request; more: 504.")
    ] = Limits.timeout_s,
):
    """Serve a trained or exported model over HTTP.

    In the form of TensorFlow Serving's REST API. New versions beside the one that is
    served are loaded while it goes on answering.
    """
    require("fastapi", "serve")
    require("uvicorn", "serve")
    require("prometheus_client", "serve")
    name = model_name(model) if name is None else name
    _check_name(name)
    chosen, labels = _versions(versions), _labels(label or [])
    folder = _exported(model)
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow("mmzoo.serving.server")  # without Keras: serving needs TensorFlow alone
    from mmzoo.serving.server import serve as serve_folder

    serve_folder(
        folder,
        name,
        host=host,
        port=port,
        versions=chosen,
        labels=labels,
        poll_seconds=poll_s,
        limits=Limits(
            max_batch_size=max_batch_size,
            max_delay_ms=max_delay_ms,
            batch_threads=batch_threads,
            max_queued_rows=max_queued_rows,
            max_request_mb=max_request_mb,
            max_requests=max_requests,
            timeout_s=timeout_s,
        ),
        log=lambda line: print(line, flush=True),
    )


def _check_name(name):
    if not name or any(character in "/:" or character.isspace() for character in name):
        raise ValueError(
            f"{name!r} can't be the name of a model in a URL: it must have no `/`, `:` or space. "
            "Give another `--name`."
        )


def _versions(text):
    """`latest`, `all`, or a list of numbers."""
    if text in ("latest", "all"):
        return text
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise ValueError(
            f"`--versions` takes `latest`, `all` or numbers such as 3,4; received: {text!r}."
        )
    return sorted({int(part) for part in parts})


def _labels(texts):
    """Dict from a label to the number of a version, of such as `stable=3`."""
    labels = {}
    for text in texts:
        label, _, number = text.partition("=")
        if not label.isidentifier() or not number.isdecimal():
            raise ValueError(f"`--label` takes such as stable=3; received: {text!r}.")
        labels[label] = int(number)
    return labels


def _exported(model):
    """The exported model of a folder: itself, or, of a run, what is in it, or is now written."""
    if not all(os.path.exists(os.path.join(model, name)) for name in RUN_FILES):
        return model
    exported = os.path.join(model, EXPORTED)
    if os.path.isdir(exported):
        print(f"Serves {exported}.", flush=True)
        return exported
    print(f"{model} has no exported model yet: writes {exported}/1.", flush=True)
    # In a process of its own, so that the server's memory holds TensorFlow and the model alone.
    command = ["export", model, exported, "--version", "1", "--warmup"]
    result = subprocess.run([sys.executable, "-m", "mmzoo", *command], check=False)
    if result.returncode:
        raise typer.Exit(result.returncode)
    return exported
