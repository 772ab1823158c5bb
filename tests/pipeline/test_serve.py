"""`mmzoo serve`: TensorFlow Serving's form, batches, limits, versions, and the process."""

import asyncio
import base64
import concurrent.futures
import contextlib
import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import json_format

import mmzoo
from mmzoo.serving.app import make_app
from mmzoo.serving.batcher import Batcher
from mmzoo.serving.errors import RequestError
from mmzoo.serving.limits import Limits
from mmzoo.serving.metrics import Metrics
from mmzoo.serving.model_folder import versions_in
from mmzoo.serving.model_version import ModelVersion
from mmzoo.serving.response import predictions_json
from mmzoo.serving.served_model import ServedModel
from mmzoo.serving.signature import Signature
from tests.parts import features, image, tabular, text, video
from tests.pipeline.raw import raw_columns
from tests.pipeline.test_cli import mmzoo as command

#: A text for which the module below fails, as a graph does that has an assertion.
FAULTY = "fail"


class Module(tf.Module):
    """A few ops with the inputs and outputs of an exported model."""

    def __init__(self, number):
        super().__init__()
        self.number = tf.Variable(number)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.string, "text"),
            tf.TensorSpec((None,), tf.float32, "price"),
            tf.TensorSpec((None, None, 2), tf.float32, "vectors"),
        ]
    )
    def rows(self, text, price, vectors):
        with tf.control_dependencies([tf.debugging.assert_none_equal(text, FAULTY)]):
            there = tf.where(tf.math.is_nan(vectors), 0.0, vectors)
            return {
                "length": tf.strings.length(text),
                "price": price * 2,
                "sums": tf.reduce_sum(there, axis=1),
                "text_bytes": tf.identity(text),
                "ok": text != "",
                "version": tf.fill(tf.shape(text), self.number),
            }

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.string, "text"),
            tf.TensorSpec((), tf.int32, "seed"),
        ]
    )
    def drawn(self, text, seed):
        return {"drawn": tf.strings.length(text) + seed}


def write_module(folder, number=1):
    module = Module(number)
    signatures = {"serving_default": module.rows, "generate": module.drawn}
    tf.saved_model.save(module, str(folder), signatures)
    (folder / "assets.extra").mkdir()
    about = {"versions": {"mmzoo": mmzoo.__version__}, "packages": []}
    (folder / "assets.extra" / "model.json").write_text(json.dumps(about))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with versions 1 and 2."""
    folder = tmp_path_factory.mktemp("written")
    for number in (1, 2):
        write_module(folder / str(number), number)
    return folder


@pytest.fixture
def folder(written, tmp_path):
    """A folder with version 1, that tests may change."""
    shutil.copytree(written / "1", tmp_path / "shop" / "1")
    return tmp_path / "shop"


@pytest.fixture(scope="module")
def loaded(written):
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        yield ModelVersion(1, str(written / "1"), Limits(), threads)


def served_model(path, limits=None, threads=None, **options):
    """A `ServedModel` that is loaded, and its `Metrics`."""
    limits, threads = limits or Limits(), threads or concurrent.futures.ThreadPoolExecutor(2)

    def load(number, folder):
        return ModelVersion(number, folder, limits, threads, metrics.observe_batch)

    options.setdefault("log", lambda line: None)
    model = ServedModel(path, "shop", load, **options)
    metrics = Metrics(model)
    model.load()
    return model, metrics


@contextlib.asynccontextmanager
async def client_of(path, limits=None, **options):
    """A client of the application, without a network."""
    limits = limits or Limits()
    model, metrics = served_model(path, limits, **options)
    transport = httpx.ASGITransport(make_app(model, limits, metrics))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        client.model = model
        yield client


def ask(path, *requests, limits=None, **options):
    """Sends requests at once, `(address, body)` each or an address; their answers."""

    async def send(client, request):
        if isinstance(request, str):
            return await client.get(request)
        address, body, *headers = request
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await client.post(address, content=content, headers=dict(*headers))

    async def main():
        async with client_of(path, limits, **options) as client:
            return await asyncio.gather(*(send(client, request) for request in requests))

    return asyncio.run(main())


PREDICT = "/v1/models/shop:predict"


# --- The form ---


def test_rows_columns_and_absent_values(folder):
    rows = [{"text": "ab", "price": 0.1, "vectors": [[1, 2], [3, 4]]}, {"price": None}]
    columns = {
        "text": ["ab", None],
        "price": [0.1, float("nan")],
        "vectors": [[[1, 2], [3, 4]], None],
    }
    in_rows, in_columns, drawn = ask(
        folder,
        (PREDICT, {"instances": rows}),
        (PREDICT, {"inputs": columns}),
        (PREDICT, {"signature_name": "generate", "inputs": {"text": ["abc"], "seed": 4}}),
    )
    assert in_rows.headers["content-type"] == "application/json"
    first, second = in_rows.json()["predictions"]
    assert first == {
        "length": 2, "price": 0.2, "sums": [4.0, 6.0], "text_bytes": {"b64": "YWI="}, "ok": True,
        "version": 1,
    }  # fmt: skip
    assert np.isnan(second.pop("price"))
    assert second == {
        "length": 0, "sums": [0.0, 0.0], "text_bytes": {"b64": ""}, "ok": False, "version": 1,
    }  # fmt: skip
    outputs = in_columns.json()["outputs"]
    assert outputs["sums"] == [[4.0, 6.0], [0.0, 0.0]] and outputs["length"] == [2, 0]
    assert drawn.json() == {"outputs": [7]}  # a single output goes without its name


def test_strings_of_json_and_bytes_of_base64(folder):
    for value in ("a b", {"b64": "YSBi"}, {"b64": "YSBi\n"}, "\u7d05\u0000"):
        expected = base64.b64decode(value["b64"]) if isinstance(value, dict) else value.encode()
        (answer,) = ask(folder, (PREDICT, {"instances": [{"text": value}]}))
        (prediction,) = answer.json()["predictions"]
        assert base64.b64decode(prediction["text_bytes"]["b64"]) == expected
    unpadded = {"instances": [{"text": {"b64": "YQ"}}]}
    (answer,) = ask(folder, (PREDICT, unpadded))
    assert answer.json()["predictions"][0]["text_bytes"] == {"b64": "YQ=="}


def test_numbers_are_written_as_short_as_they_are_exact():
    values = np.random.default_rng(0).normal(size=1000).astype("float32")
    special = np.float32([np.nan, np.inf, -np.inf, 1e30, 0.1])
    written = predictions_json([{"x": values}, {"x": special}], in_rows=True)
    read = np.float32(json.loads(written)["predictions"])
    np.testing.assert_array_equal(read, np.concatenate([values, special]))
    assert written.endswith(b"NaN, Infinity, -Infinity, 1e+30, 0.1]}")
    empty = {"x": np.zeros((2, 0), object)}
    assert json.loads(predictions_json([empty], in_rows=False)) == {"outputs": [[], []]}


def test_status_and_metadata_are_the_messages_of_tensorflow_serving(folder, written):
    apis = pytest.importorskip("tensorflow_serving.apis")
    del apis
    from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

    status, of_version, of_label, metadata = ask(
        folder,
        "/v1/models/shop",
        "/v1/models/shop/versions/1",
        "/v1/models/shop/labels/stable",
        "/v1/models/shop/metadata",
        labels={"stable": 1},
    )
    for answer in (status, of_version, of_label):
        message = json_format.Parse(answer.content, get_model_status_pb2.GetModelStatusResponse())
        (version,) = message.model_version_status
        assert (version.version, version.state, version.status.error_code) == (1, 30, 0)
        assert answer.json()["model_version_status"][0]["version"] == "1"
    content = metadata.json()
    assert content["model_spec"] == {"name": "shop", "signature_name": "", "version": "1"}
    signatures = json_format.ParseDict(
        content["metadata"]["signature_def"], get_model_metadata_pb2.SignatureDefMap()
    ).signature_def
    inputs = signatures["serving_default"].inputs
    assert {name: x.dtype for name, x in inputs.items()} == {"text": 7, "price": 1, "vectors": 1}
    assert [x.size for x in inputs["vectors"].tensor_shape.dim] == [-1, -1, 2]
    dims = content["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]
    assert dims["price"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]


#: Body of a request -> what its refusal says.
MALFORMED = {
    b"": "The document is empty",
    b'{"instances": [': "JSON Parse error: Expecting value: line 1",
    b"\xff\xfe": "JSON Parse error",
    b"[" * 100_000: "JSON Parse error",
    b"[1]": "must be a JSON object; it is a list",
    b"{}": "Missing 'inputs' or 'instances'",
    b'{"instances": [{}], "inputs": {}}': "not both",
    b'{"instances": []}': "No values in 'instances'",
    b'{"instances": {"text": "a"}}': "'instances' must be a list; it is an object",
    b'{"instances": ["a"]}': "row 0: the model takes several inputs, so a row must be an object",
    b'{"instances": [{}, {"txt": "a"}]}': "row 1: there is no input 'txt'. There are: price, text",
    b'{"instances": [{}, {"text": 3}]}': "Row 1, 'text': 3 is a number; it takes a string",
    b'{"instances": [{"price": "3"}]}': "Row 0, 'price': \"3\" is a string; it takes a number",
    b'{"instances": [{"price": true}]}': "Row 0, 'price': true is a boolean; it takes a number",
    b'{"instances": [{"text": {"b64": "*"}}]}': "Row 0, 'text': `b64` is not base64",
    b'{"instances": [{"text": "\\ud800"}]}': "has half of a surrogate pair",
    b'{"instances": [{"vectors": [1, 2]}]}': "it has the shape (2); it takes the shape (any, 2)",
    b'{"instances": [{"vectors": [[1, 2], [1]]}]}': "lists are not of one length",
    b'{"instances": [{"vectors": [[1, 2], [1, null]]}]}': "it is null; it takes a number",
    b'{"instances": [{}], "signature_name": "x"}': '"x" not found in signature def. There are',
    b'{"instances": [{}], "signature_name": 1}': "'signature_name' must be a string",
    b'{"instances": [{}], "signature_name": "generate"}': "takes seed once a request",
    b'{"inputs": ["a"]}': "'inputs' must be an object, as the model takes several",
    b'{"inputs": {"text": "a"}}': "'inputs', 'text': it must be a list of rows; it is a string",
    b'{"inputs": {"text": ["a"], "price": [1, 2]}}': "numbers of rows: 'price' 2, 'text' 1",
    b'{"inputs": {}}': "'inputs' has no column",
    b'{"inputs": {"text": ["a"], "seed": 1.5}, "signature_name": "generate"}': "1.5 is a number",
    b'{"inputs": {"text": ["a"], "seed": 9e9}, "signature_name": "generate"}': "takes an integer",
    b'{"inputs": {"text": ["a"], "seed": 9000000000}, "signature_name": "generate"}': "too large",
    b'{"inputs": {"text": ["a"]}, "signature_name": "generate"}': "'seed': it is missing, and",
}


def test_malformed_requests_are_refused_with_the_reason(folder):
    answers = ask(folder, *((PREDICT, body) for body in MALFORMED))
    for (body, reason), answer in zip(MALFORMED.items(), answers, strict=True):
        error = answer.json()["error"]
        assert answer.status_code == 400 and list(answer.json()) == ["error"]
        assert reason in error, (body[:60], error)


def test_other_refusals(folder):
    wanted = {
        ("/v1/models/other:predict", b"{}"): (404, "Latest(other). Served is: shop"),
        ("/v1/models/shop/versions/7:predict", b"{}"): (404, "Specific(shop, 7)"),
        ("/v1/models/shop/versions/x:predict", b"{}"): (400, "A version is a number"),
        ("/v1/models/shop/labels/x:predict", b"{}"): (400, "Unrecognized servable version label"),
        ("/v1/models/shop:classify", b"{}"): (501, "use `:predict`"),
        ("/v1/models/shop/versions/1:regress", b"{}"): (501, "use `:predict`"),
        ("/v1/models/shop:explain", b"{}"): (404, "There is no `:explain`"),
        (PREDICT, b" " * 70_000): (413, "larger than 0.0625 MiB"),
        (PREDICT, gzip.compress(b" " * 70_000), (("content-encoding", "gzip"),)): (413, "larger"),
        (PREDICT, b"{}", (("content-encoding", "gzip"),)): (400, "no gzip"),
        (PREDICT, gzip.compress(b"{}")[:-9], (("content-encoding", "gzip"),)): (400, "breaks off"),
        (PREDICT, b"{}", (("content-encoding", "br"),)): (415, "'br' is not known"),
        (PREDICT, b'{"instances": [{},{},{}]}'): (413, "has 3 rows; a request may have 2"),
        "/v1/models/shop/versions/7": (404, "Could not find version 7"),
        "/v1/models/other": (404, "Served is: shop"),
        "/v2/models": (404, "Malformed request: GET /v2/models"),
    }
    limits = Limits(max_request_mb=1 / 16, max_queued_rows=2)
    answers = ask(folder, *wanted, limits=limits)
    for answer, (code, reason) in zip(answers, wanted.values(), strict=True):
        assert answer.status_code == code and reason in answer.json()["error"], answer.text


def test_pages_and_metrics(folder):
    body = {"instances": [{"text": "a"}, {}]}
    packed = gzip.compress(json.dumps(body).encode())
    predicted, refused = ask(
        folder, (PREDICT, packed, (("content-encoding", "gzip"),)), (PREDICT, b"")
    )
    assert (predicted.status_code, refused.status_code) == (200, 400)

    async def main():
        async with client_of(folder) as client:
            await client.post(PREDICT, json=body)
            await client.post(PREDICT, content=b"")
            paths = ("/metrics", "/monitoring/prometheus/metrics", "/docs", "/openapi.json")
            return [await client.get(path) for path in (*paths, "/healthz")]

    metrics, same, docs, schema, health = asyncio.run(main())
    for line in (
        'mmzoo_serve_requests_total{code="200"} 1.0',
        'mmzoo_serve_requests_total{code="400"} 1.0',
        'mmzoo_serve_rows_total{ok="true"} 1.0',
        'mmzoo_serve_rows_total{ok="false"} 1.0',
        "mmzoo_serve_batch_rows_count 1.0",
        "mmzoo_serve_latest_version 1.0",
    ):
        assert line in metrics.text.splitlines() and line in same.text.splitlines()
    assert health.json() == {"status": "ok"}
    assert not re.search(r"(src|href)=['\"]?(https?:)?//", docs.text)  # nothing from elsewhere
    assert "<code>vectors</code></td><td>(B, ..., 2)</td><td>float32" in docs.text
    operation = schema.json()["paths"]["/v1/models/{name}:predict"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    (answer,) = ask(folder, (PREDICT, example))
    assert answer.status_code == 200


def test_foreign_savedmodels_take_all_their_inputs(folder):
    (folder / "1" / "assets.extra" / "model.json").unlink()
    row = {"text": "ab", "price": 1, "vectors": [[1, 2]]}
    good, missing, uneven = ask(
        folder,
        (PREDICT, {"instances": [row]}),
        (PREDICT, {"instances": [row, {**row, "price": None}]}),
        (PREDICT, {"instances": [row, {**row, "vectors": [[1, 2]] * 2}]}),
    )
    assert good.json()["predictions"][0]["sums"] == [1.0, 2.0]
    assert "Row 1, 'price': it is missing" in missing.json()["error"]
    assert "'vectors': all rows must have one shape" in uneven.json()["error"]


# --- Batches ---


def batched(signature, requests, limits=None, seconds=30):
    """Answers of requests that are made at once, or their errors; and the sizes of batches."""
    sizes = []

    async def main(threads):
        batcher = Batcher(signature, limits or Limits(), threads, sizes.append)
        answers = [
            asyncio.wait_for(batcher.answer(columns, len(columns["text"])), seconds)
            for columns in requests
        ]
        return await asyncio.gather(*answers, return_exceptions=True)

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        return asyncio.run(main(threads)), sizes


def columns_of(*texts, vectors=1):
    return {
        "text": np.array([text.encode() for text in texts], object),
        "price": np.arange(len(texts), dtype="float32"),
        "vectors": np.ones((len(texts), vectors, 2), "float32"),
    }


def test_rows_at_once_are_computed_together_and_answered_apart(loaded):
    signature = loaded.signatures["serving_default"]
    requests = [
        columns_of(*["x" * size] * (1 + size % 3), vectors=1 + size % 2) for size in range(20)
    ]
    answers, sizes = batched(signature, requests, Limits(max_batch_size=16, max_delay_ms=50))
    assert sum(sizes) == sum(len(r["text"]) for r in requests) and len(sizes) <= 4
    assert max(sizes) <= 16
    for size, (columns, answer) in enumerate(zip(requests, answers, strict=True)):
        alone = signature([columns])
        (outputs,) = answer
        assert outputs["length"].tolist() == [size] * len(columns["text"])
        for name in alone:
            np.testing.assert_array_equal(outputs[name], alone[name])


def test_a_faulty_row_fails_its_own_request_alone(loaded):
    signature = loaded.signatures["serving_default"]
    requests = [columns_of("a"), columns_of("b", FAULTY, "c"), columns_of("d", "e")]
    answers, sizes = batched(signature, requests, Limits(max_delay_ms=50))
    assert sizes == [6]
    assert answers[0][0]["length"].tolist() == [1] and answers[2][0]["length"].tolist() == [1, 1]
    assert isinstance(answers[1], RequestError) and answers[1].status == 400
    assert answers[1].message.startswith("The model can't answer row 1: ")


def test_a_large_request_is_divided_and_too_many_rows_are_refused(loaded):
    signature = loaded.signatures["serving_default"]
    texts = ["x" * number for number in range(20)]
    limits = Limits(max_batch_size=8, max_queued_rows=20, max_delay_ms=20)
    (answer, refused), sizes = batched(signature, [columns_of(*texts), columns_of(*texts)], limits)
    assert sizes == [8, 8, 4] and isinstance(refused, RequestError) and refused.status == 503
    assert [n for part in answer for n in part["length"]] == list(range(20))
    rows = json.loads(predictions_json(answer, in_rows=True))["predictions"]
    assert [row["length"] for row in rows] == list(range(20))
    faulty = columns_of(*texts[:18], FAULTY, FAULTY)
    ((error,), _) = batched(signature, [faulty], limits)
    assert "row 18: " in error.message and "row 19: " in error.message


def test_rows_nobody_waits_for_are_not_computed(loaded):
    signature = loaded.signatures["serving_default"]
    limits = Limits(max_delay_ms=200)
    (late, *_), sizes = batched(signature, [columns_of("a")], limits, seconds=0.01)
    assert isinstance(late, TimeoutError) and not sizes


def test_a_signature_of_scalars_answers_one_request_at_a_time(loaded):
    signature = loaded.signatures["generate"]
    assert not signature.is_batched
    requests = [{"text": np.array([b"ab"], object), "seed": np.int32(n)} for n in range(3)]
    answers, sizes = batched(signature, requests)
    assert sizes == [1, 1, 1]
    assert [answer[0]["drawn"].tolist() for answer in answers] == [[2], [3], [4]]


def test_a_request_that_takes_too_long_or_comes_beside_too_many(loaded, folder):
    body = {"instances": [{"text": "a"}]}
    late, *_ = ask(folder, (PREDICT, body), limits=Limits(timeout_s=0.05, max_delay_ms=1000))
    assert late.status_code == 504 and "within 0.05 s" in late.json()["error"]
    limits = Limits(max_requests=2, max_delay_ms=20)
    answers = ask(folder, *[(PREDICT, body)] * 5, limits=limits)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503, 503]
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert "Too busy" in busy.json()["error"] and busy.headers["retry-after"] == "1"


# --- Versions ---


def test_a_new_version_takes_over_while_the_old_one_finishes(folder, written):
    async def main():
        lines = []
        model, _ = served_model(folder, log=lines.append)
        old = model.get()
        with old.in_use():
            shutil.copytree(written / "2", folder / "2")
            await model.update()
            assert model.get().number == 2
            await asyncio.sleep(0.2)
            states = {s["version"]: s["state"] for s in model.statuses()}
            assert states == {"2": "AVAILABLE", "1": "UNLOADING"}
        for _ in range(200):
            await asyncio.sleep(0.05)
            if model.statuses(1)[0]["state"] == "END":
                break
        assert lines == ["Version 2 is served.", "Version 1 is no longer served."]
        with pytest.raises(RequestError, match=r"Specific\(shop, 1\)"):
            model.get(1)
        shutil.rmtree(folder)  # by mistake: what is loaded stays
        await model.update()
        assert model.get().number == 2

    asyncio.run(main())


def test_a_version_that_is_wanted_again_while_it_is_unloaded(folder, written):
    async def main():
        lines = []
        model, _ = served_model(folder, log=lines.append)
        with model.get().in_use():
            shutil.copytree(written / "2", folder / "2")
            await model.update()
            await asyncio.sleep(0.05)
            assert [*model.versions] == [2]
            shutil.rmtree(folder / "2")
            await model.update()
            await asyncio.sleep(0.05)
            assert [*model.versions] == [1]
        await asyncio.gather(*model._unloading)
        states = {s["version"]: s["state"] for s in model.statuses()}
        assert states == {"2": "END", "1": "AVAILABLE"}
        assert "Version 1 is no longer served." not in lines

    asyncio.run(main())


def test_a_version_that_cannot_be_loaded_leaves_the_old_one(folder, written):
    async def main():
        lines = []
        model, _ = served_model(folder, log=lines.append)
        (folder / "3").mkdir()
        await model.update()  # empty until now
        (folder / "3" / "saved_model.pb").write_bytes(b"junk")
        await model.update()
        await model.update()  # not again, as it is the same
        assert model.get().number == 1 and len(lines) == 1
        assert lines[0].startswith("Version 3 is not served: ") and lines[0].endswith("served: 1.")
        (status,) = model.statuses(3)
        assert status["state"] == "END" and "can't be loaded" in status["status"]["error_message"]
        shutil.rmtree(folder / "3")
        shutil.copytree(written / "2", folder / "3")
        await model.update()
        assert model.get().number == 3

    asyncio.run(main())


def test_several_versions_and_labels(written):
    body = {"instances": [{"text": "a"}]}
    newest, first, stable = ask(
        written,
        (PREDICT, body),
        ("/v1/models/shop/versions/1:predict", body),
        ("/v1/models/shop/labels/stable:predict", body),
        versions="all",
        labels={"stable": 1},
    )
    versions = [answer.json()["predictions"][0]["version"] for answer in (newest, first, stable)]
    assert versions == [2, 1, 1]
    model, _ = served_model(written, versions=[1])
    assert list(model.versions) == [1]
    with pytest.raises(ValueError, match=r"has no version 3. It has: 1, 2\."):
        served_model(written, versions=[1, 3])
    with pytest.raises(ValueError, match="'old' is for version 1, which is not served"):
        served_model(written, labels={"old": 1})


def test_warm_up_requests_are_answered_before_any_other(folder):
    from mmzoo.export.warmup import write_warmup

    request = {"text": np.array([b"abc"]), "seed": np.int32(1)}
    write_warmup(folder / "1", "shop", "generate", [request])
    asked = []

    class Noting(Signature):
        def __call__(self, batches):
            asked.append((self.name, *batches))
            return super().__call__(batches)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmzoo.serving.model_version.Signature", Noting)
        served_model(folder)
    assert [name for name, _ in asked] == ["serving_default", "generate"]
    assert asked[1][1]["text"].tolist() == [b"abc"] and asked[1][1]["seed"] == 1
    write_warmup(folder / "1", "shop", "other", [request])
    with pytest.raises(ValueError, match="asks for the signature 'other', which the model lacks"):
        served_model(folder)


# --- The command ---


def test_what_cannot_be_served_is_said(tmp_path, written, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "lite" / "2").mkdir(parents=True)
    (tmp_path / "lite" / "2" / "model.tflite").touch()
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "mmzoo.json").touch()
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        wanted = {
            (tmp_path / "nowhere",): "nowhere is not a folder",
            (tmp_path / "empty",): "no SavedModel: it has neither saved_model.pb nor subfolders",
            (tmp_path / "lite",): "lite/2 is no SavedModel, but has a LiteRT file",
            (tmp_path / "saved",): "a model saved by `mmzoo.save`; export it",
            (written, "--port", port): f"Can't listen on 127.0.0.1:{port}: Address already in use",
            (written, "--versions", "new"): "`--versions` takes `latest`, `all` or numbers",
            (written, "--label", "x"): "`--label` takes such as stable=3; received: 'x'",
            (written, "--name", "a/b"): "'a/b' can't be the name of a model",
        }
        for arguments, message in wanted.items():
            assert command("serve", *arguments) == 1
            assert message in capsys.readouterr().err
    assert versions_in(written / "2") == {2: str(written / "2")}


@pytest.mark.end_to_end
def test_it_needs_tensorflow_alone(written):
    code = (
        "import sys\n"
        "sys.argv[0] = 'mmzoo'\n"  # as the command line begins
        "sys.modules['keras'] = None\n"
        "import mmzoo.serving.server as server\n"
        "from mmzoo.serving.model_version import ModelVersion\n"
        "from mmzoo.serving.limits import Limits\n"
        f"print(sorted(ModelVersion(1, {str(written / '1')!r}, Limits(), None).signatures))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "['generate', 'serving_default']", result.stderr


class Process:
    """`mmzoo serve` as a process."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mmzoo", "serve", *map(str, arguments), "--port", "0"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"is served: (http://\S+:\d+)(/\S+) ", line)
            if found:
                self.address, self.predict = found[1], found[1] + found[2]
                break
        else:
            raise AssertionError("".join(self.lines))

    def stop(self):
        """Ends it with SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.lines += self.process.stdout.readlines()
        return self.process.wait(120)


def small_pair(seed):
    keras.utils.set_random_seed(seed)
    inputs = {"text": text(encoder="bag")}
    model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), dim=8)
    return model, mmzoo.Preprocessor(inputs)


@pytest.mark.end_to_end
def test_a_run_is_served_reloaded_and_stopped_without_losing_a_request(tmp_path):
    run = tmp_path / "run"
    mmzoo.save(*small_pair(1), run / "model")
    (run / "metadata.json").write_text('{"columns": {"text": "title"}, "label": "kind"}')
    other = mmzoo.export_savedmodel(*small_pair(2), tmp_path / "other")
    texts = ["is it red", "a blue square", "green", ""]
    # A batch is full with the rows of all eight clients, so none of them waits for the delay.
    server = Process(run, "--poll-s", "0.2", "--name", "shop", "--max-delay-ms", "5000")
    assert "has no exported model yet" in server.lines[0]
    body = {"instances": [{"text": value} for value in texts]}
    expected = [
        np.asarray(
            tf.saved_model.load(folder).signatures["serving_default"](text=tf.constant(texts))[
                "probabilities"
            ]
        )
        for folder in (str(run / "serving" / "1"), other)
    ]
    assert not np.allclose(*expected, atol=1e-3)
    answers, stop = [], threading.Event()

    def client():  # as users of TensorFlow Serving write it
        with httpx.Client(timeout=60) as session:
            while not stop.is_set():
                answers.append(session.post(server.predict, content=json.dumps(body)))

    clients = concurrent.futures.ThreadPoolExecutor(8)
    running = [clients.submit(client) for _ in range(8)]

    def get(path):
        return httpx.get(server.address + path, timeout=60)

    def wait_for(condition):
        deadline = time.monotonic() + 300
        while not condition():
            assert time.monotonic() < deadline and not server.process.poll()
            time.sleep(0.05)

    wait_for(lambda: len(answers) > 20)
    shutil.copytree(other, run / "serving" / ".2")
    os.rename(run / "serving" / ".2", run / "serving" / "2")
    status = "/v1/models/shop/versions/"
    wait_for(lambda: "END" in get(status + "1").text)
    after = len(answers)
    wait_for(lambda: len(answers) > after + 20)
    assert get(status + "2").json()["model_version_status"][0]["state"] == "AVAILABLE"
    stop.set()
    for future in running:
        future.result(60)  # raises what a client met
    # What waits when it is told to stop is still answered.
    waiting = clients.submit(httpx.post, server.predict, json=body, timeout=60)
    wait_for(lambda: "mmzoo_serve_waiting_rows 4.0" in get("/metrics").text)
    assert server.stop() == 0 and server.lines[-1] == "Stopped.\n"
    answers.append(waiting.result(60))
    with pytest.raises(httpx.ConnectError):
        get("/healthz")
    found = []
    for answer in answers:
        assert answer.status_code == 200, answer.text
        got = [row["probabilities"] for row in answer.json()["predictions"]]
        near = [np.allclose(got, of_version, atol=1e-5) for of_version in expected]
        assert sum(near) == 1
        found.append(near.index(True))
    assert {*found[:10]} == {0} and {*found[-10:]} == {1}


@pytest.mark.end_to_end
def test_served_rows_equal_those_of_the_signature_alone_or_together(tmp_path):
    keras.utils.set_random_seed(0)
    inputs = {
        "image": image(optional=True),
        "text": text(encoder="bag"),
        "tabular": tabular(optional=True),
        "features": features(optional=True),
        "video": video(optional=True),
    }
    head = mmzoo.heads.Softmax(class_names=["red", "green", "blue"])
    pair = mmzoo.build_model(inputs=inputs, head=head, dim=8), mmzoo.Preprocessor(inputs)
    folder = mmzoo.export_savedmodel(*pair, tmp_path / "shop", version=1)
    signature = tf.saved_model.load(folder).signatures["serving_default"]
    columns, _ = raw_columns(12)
    records = {key: columns[key] for key in inputs}
    batch = pair[1].raw_batch(mmzoo.data.from_arrays(records))
    expected = {key: x.numpy() for key, x in signature(**batch).items()}
    rows = [{key: as_json(x[row].numpy()) for key, x in batch.items()} for row in range(12)]
    for row, kept in enumerate(rows):  # absent in any way that JSON has
        for key in list(kept):
            if kept[key] in ("", {"b64": ""}) or kept[key] != kept[key]:
                del kept[key]
                kept.update({key: None} if row % 2 else {})
    answers = ask(
        tmp_path / "shop",
        *((PREDICT, {"instances": [row]}) for row in rows),
        (PREDICT, {"instances": rows}),
        limits=Limits(max_batch_size=7),
    )
    predictions = [answer.json()["predictions"] for answer in answers]
    for together in ([row for of_one in predictions[:-1] for row in of_one], predictions[-1]):
        for key, values in expected.items():
            served = [prediction[key] for prediction in together]
            if values.dtype == object:
                served = [[label.encode() for label in labels] for labels in served]
                assert served == values.tolist()
            else:
                np.testing.assert_allclose(served, values, atol=1e-5)


def as_json(value):
    """A raw value of the signature as a client sends it."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if value.dtype == object:
        return [as_json(part) for part in value]
    return value.tolist()
