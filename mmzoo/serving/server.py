"""serve(): the process that answers, until it is told to stop."""

import concurrent.futures
import math
import signal
import socket
import sys

from mmzoo.serving.app import make_app
from mmzoo.serving.metrics import Metrics
from mmzoo.serving.model_folder import versions_in
from mmzoo.serving.model_version import ModelVersion
from mmzoo.serving.served_model import ServedModel
from mmzoo.utils.optional_packages import require


def serve(
    path, name, *, host, port, limits, versions="latest", labels=None, poll_seconds=2.0, log=print
):
    """Serves a model over HTTP until SIGTERM or SIGINT, which let it finish what it has begun.

    Args:
        path: folder of a SavedModel, or one with a subfolder a version; see `versions_in`.
        name: of the model, in URLs.
        host: address to listen on.
        port: port to listen on; 0: any that is free.
        limits: `Limits`.
        versions: `"latest"`, `"all"`, or the numbers to serve.
        labels: dict from a label to the number of a version.
        poll_seconds: seconds between two looks for new versions.
        log: function that is called with a line on what happened.

    Raises:
        FileNotFoundError: when there is no such folder.
        ImportError: when a package of the extra `serve` is missing.
        OSError: when it can't listen there, such as on a port in use.
        SystemExit: with 0, when it was told to stop.
        ValueError: when there is no SavedModel in the folder, or one can't be loaded.
    """
    uvicorn = require("uvicorn", "serve")
    require("fastapi", "serve")
    versions_in(path)  # a mistake is said before anything slow
    listening = _bound(host, port)
    # Uvicorn stops at these signals by itself, and then raises them once more.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    threads = concurrent.futures.ThreadPoolExecutor(limits.batch_threads, "batch")

    def load(number, folder):
        return ModelVersion(number, folder, limits, threads, metrics.observe_batch)

    model = ServedModel(path, name, load, versions, labels, log)
    metrics = Metrics(model)
    model.load()
    app = make_app(model, limits, metrics, poll_seconds)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=math.ceil(limits.timeout_s) + 1,
    )
    listening.listen(config.backlog)  # from here on connections wait for an answer
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    log(
        f"Version {', '.join(map(str, model.versions))} of {name!r} is served: "
        f"{address}/v1/models/{name}:predict ({address}/docs says how)"
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        log("Stopped.")


def _bound(host, port):
    """A socket that is bound to an address, so that nobody else gets it meanwhile."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise OSError(
            f"Can't listen on {host}:{port}: {error.strerror}. Choose another `--port` or `--host`."
        ) from error
    return listening


def _exit(number, frame):
    sys.exit(0)
