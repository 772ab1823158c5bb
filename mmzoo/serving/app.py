"""make_app(): the HTTP application."""

import asyncio
import contextlib
import json
import logging
import time

from mmzoo.serving.body import read_body
from mmzoo.serving.docs_page import docs_page, request_example
from mmzoo.serving.errors import RequestError
from mmzoo.serving.request import read_request
from mmzoo.serving.response import predictions_json
from mmzoo.utils.optional_packages import require
from mmzoo.version import __version__

#: From so many bytes on JSON is read and written in a thread, so that others need not wait.
LARGE = 1_000_000
#: Where Prometheus looks: by its own custom, and as TensorFlow Serving has it.
METRICS_PATHS = ("/metrics", "/monitoring/prometheus/metrics")


def make_app(model, limits, metrics, poll_seconds=2.0):
    """Makes the application that answers for a model.

    Args:
        model: a `ServedModel` that is loaded.
        limits: `Limits`.
        metrics: its `Metrics`.
        poll_seconds: seconds between two looks for new versions.

    Returns:
        A `fastapi.FastAPI`.

    Raises:
        ImportError: when `fastapi`, of the extra `serve`, is missing.
    """
    fastapi = require("fastapi", "serve")
    state = _State()

    @contextlib.asynccontextmanager
    async def lifespan(app):
        watching = asyncio.create_task(model.watch(poll_seconds))
        try:
            yield
        finally:
            watching.cancel()

    app = fastapi.FastAPI(
        title=f"mmzoo serve: {model.name}",
        version=__version__,
        description="Predictions in the form of TensorFlow Serving's REST API.",
        docs_url=None,  # FastAPI's own page loads its scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )

    def answer(content, status=200, **headers):
        body = content if isinstance(content, bytes) else json.dumps(content, indent=1).encode()
        return fastapi.Response(body, status, headers, "application/json")

    def refused(error):
        headers = {"Retry-After": "1"} if error.status == 503 else {}
        return answer({"error": error.message}, error.status, **headers)

    def check_name(name):
        if name != model.name:
            raise RequestError(
                404, f"Servable not found for request: Latest({name}). Served is: {model.name}."
            )

    async def predict(request, name, version=None, label=None):
        start = time.perf_counter()
        try:
            if state.requests >= limits.max_requests:
                raise RequestError(
                    503, f"Too busy: {state.requests} requests are being answered, and no more may."
                )
            with state.request():
                body = await _in_time(_predicted(request, name, version, label), limits.timeout_s)
            response = answer(body)
        except RequestError as error:
            response = refused(error)
        except Exception as error:
            metrics.observe_request(500, time.perf_counter() - start)
            logging.getLogger("uvicorn.error").error("A request failed", exc_info=error)
            return answer({"error": "The server failed; its log says why."}, 500)
        metrics.observe_request(response.status_code, time.perf_counter() - start)
        return response

    async def _predicted(request, name, number, label):
        body = await read_body(request, limits.max_request_bytes)
        check_name(name)
        version = model.get(_as_number(number), label)
        with version.in_use():
            asked = await _call(len(body), read_request, body, version.signatures)
            batches = await version.answer(asked)
            metrics.observe_rows(batches)
            size = sum(8 * array.size for batch in batches for array in batch.values())
            try:
                return await _call(size, predictions_json, batches, asked.in_rows)
            except ValueError as error:
                raise RequestError(400, str(error)) from None

    example = request_example(model)
    described = {
        "openapi_extra": {
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"type": "object"}, "example": example}},
            }
        },
        "responses": {
            400: {"description": "A request that can't be read: `error` says why."},
            404: {"description": "No such model or version."},
            413: {"description": "Too large, or too many rows."},
            503: {"description": "Too busy: try again later."},
            504: {"description": "Not answered in time."},
        },
    }

    @app.post("/v1/models/{name}:predict", summary="Predict, by the newest version", **described)
    async def predict_latest(request: fastapi.Request, name: str):
        return await predict(request, name)

    @app.post(
        "/v1/models/{name}/versions/{version}:predict",
        summary="Predict, by a version",
        **described,
    )
    async def predict_version(request: fastapi.Request, name: str, version: str):
        return await predict(request, name, version=version)

    @app.post(
        "/v1/models/{name}/labels/{label}:predict", summary="Predict, by a label", **described
    )
    async def predict_label(request: fastapi.Request, name: str, label: str):
        return await predict(request, name, label=label)

    @app.post("/v1/models/{name}:{method}", include_in_schema=False)
    @app.post("/v1/models/{name}/{of}/{which}:{method}", include_in_schema=False)
    async def other_method(method: str):
        if method in ("classify", "regress"):
            return refused(
                RequestError(501, f"`:{method}` reads `tf.Example`s, which no signature here does; "
                             "use `:predict`.")
            )  # fmt: skip
        return refused(RequestError(404, f"There is no `:{method}`; use `:predict`."))

    def status(name, number=None, label=None):
        check_name(name)
        return answer({"model_version_status": model.statuses(_as_number(number), label)})

    def metadata(name, number=None, label=None):
        check_name(name)
        version = model.get(_as_number(number), label)
        spec = {"name": name, "signature_name": "", "version": str(version.number)}
        signatures = {"signature_def": {"signature_def": version.metadata}}
        return answer({"model_spec": spec, "metadata": signatures})

    for suffix, describe, what in (("", status, "Status"), ("/metadata", metadata, "Metadata")):
        _add_get(app, suffix, describe, what)

    @app.get("/healthz", summary="Whether a version answers")
    async def healthz():
        good = bool(model.versions)
        return answer({"status": "ok" if good else "no version answers"}, 200 if good else 503)

    async def metrics_text():
        return fastapi.Response(metrics.text(), media_type=metrics.content_type)

    for path in METRICS_PATHS:
        app.get(path, summary="Metrics for Prometheus")(metrics_text)

    @app.get("/docs", include_in_schema=False)
    async def docs():
        page = docs_page(model, app.openapi(), example)
        return fastapi.Response(page, media_type="text/html")

    @app.exception_handler(RequestError)
    async def on_request_error(request, error):
        return refused(error)

    @app.exception_handler(404)
    @app.exception_handler(405)
    async def on_wrong_address(request, error):
        return answer(
            {"error": f"Malformed request: {request.method} {request.url.path}. See /docs."},
            error.status_code,
        )

    return app


def _add_get(app, suffix, describe, what):
    """Adds the three addresses of what a model says of itself."""

    @app.get(f"/v1/models/{{name}}/versions/{{version}}{suffix}", summary=f"{what} of a version")
    async def of_version(name: str, version: str):
        return describe(name, number=version)

    @app.get(f"/v1/models/{{name}}/labels/{{label}}{suffix}", summary=f"{what} of a label")
    async def of_label(name: str, label: str):
        return describe(name, label=label)

    @app.get(f"/v1/models/{{name}}{suffix}", summary=f"{what} of the model")
    async def of_model(name: str):
        return describe(name)


class _State:
    """What the application counts of itself."""

    def __init__(self):
        self.requests = 0

    @contextlib.contextmanager
    def request(self):
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1


async def _in_time(work, seconds):
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise RequestError(504, f"The request was not answered within {seconds:g} s.") from None


async def _call(size, function, *arguments):
    """Calls a function, in a thread if what it works on is large."""
    if size < LARGE:
        return function(*arguments)
    return await asyncio.to_thread(function, *arguments)


def _as_number(version):
    """The number of a version in an address."""
    if version is None:
        return None
    if not (version.isascii() and version.isdigit()) or len(version) > 18:
        raise RequestError(400, f"A version is a number; received: {version!r}.")
    return int(version)
