"""Several hosts train as one does: here processes on loopback, with JAX's gloo collectives."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pandas
import pytest

import mmzoo
from mmzoo.training.distribution.hosts import checked_index
from tests.pipeline.raw import raw_columns

pytest.importorskip("jax", reason="the extra `jax` is not installed")

ROOT = pathlib.Path(__file__).parent.parent.parent
#: Seconds within which the others must end when one host has.
SOON = 60


def launched(folder, hosts, arguments, devices=1):
    """The processes of all hosts, or of one alone.

    Args:
        folder: where their `errors-INDEX.txt` go.
        hosts: how many.
        arguments: function from `(addresses, index)` to the arguments of Python.
        devices: of each.
    """
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    addresses = ",".join([f"127.0.0.1:{port}"] * hosts) if hosts > 1 else ""
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    processes = []
    for index in range(hosts):
        command = [sys.executable, "-m", *arguments(addresses, str(index))]
        with (folder / f"errors-{index}.txt").open("w") as file:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=file)
        processes.append(process)
    return processes


def started(folder, hosts=2, devices=1, **options):
    """The processes of a training that writes to `folder`; see `host_process`."""

    def arguments(addresses, index):
        options_text = json.dumps(options)
        return "tests.pipeline.host_process", addresses, index, str(folder), options_text

    return launched(folder, hosts, arguments, devices)


def results(folder, processes):
    """What all hosts came to; they must have ended well."""
    for index, process in enumerate(processes):
        assert process.wait() == 0, (folder / f"errors-{index}.txt").read_text()
    return [dict(np.load(folder / f"result-{index}.npz")) for index in range(len(processes))]


def assert_close(result, expected):
    assert result.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(result[name], expected[name], rtol=1e-5, atol=1e-5, err_msg=name)


def assert_same(result, expected):
    assert result.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(result[name], expected[name], err_msg=name)


def errors(folder, index):
    """What a host wrote to stderr; the last word may come when it has already ended."""
    time.sleep(1)
    return (folder / f"errors-{index}.txt").read_text()


@pytest.mark.end_to_end
def test_two_hosts_train_as_one(tmp_path):
    """Dropout too, since batches are the same; 46 rows and 7 to validate can't be shared evenly."""
    folders = tmp_path / "one", tmp_path / "two"
    one, two = started(folders[0], hosts=1, epochs=2), started(folders[1], hosts=2, epochs=2)
    (expected,) = results(folders[0], one)
    first, second = results(folders[1], two)
    assert_close(first, expected)
    assert_same(second, first)
    model, _ = mmzoo.load(folders[1] / "model")
    assert_close(
        {v.path: np.asarray(v) for v in model.weights},
        {v.path: first[v.path] for v in model.weights},
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "how", "hosts"),
    [(0, signal.SIGKILL, 2), (1, signal.SIGKILL, 2), (1, signal.SIGSTOP, 1)],
    ids=["first", "second", "silent"],
)
def test_one_host_is_lost(tmp_path, lost, how, hosts):
    """The other one ends soon, and says why; begun again, they end as if nothing had been.

    A process that is halted is as silent as a machine that has lost its network. On another number
    of hosts, the sums are those of another order.
    """
    whole = results(tmp_path / "whole", started(tmp_path / "whole"))
    folder, checkpoints = tmp_path / "parts", tmp_path / "checkpoints"
    options = {"checkpoints": str(checkpoints), "save_every": 3}
    processes = started(folder, **options, lag=0.2)
    while not list(checkpoints.glob("checkpoint-*")):
        assert processes[0].poll() is None, errors(folder, 0)
        time.sleep(0.1)
    processes[lost].send_signal(how)
    begin = time.monotonic()
    try:
        assert processes[1 - lost].wait(timeout=2 * SOON) != 0
        assert time.monotonic() - begin < SOON
    finally:
        processes[lost].kill()
        processes[lost].wait()
    said = errors(folder, 1 - lost)
    assert re.search(rf"Host {1 - lost} of 2 .*lost .*host.*Start all hosts again", said), said
    assert not list(folder.glob("result-*"))
    for result in results(folder, started(folder, hosts, **options)):
        compare = assert_same if hosts == 2 else assert_close
        compare(result, whole[0])


@pytest.mark.slow
def test_an_error_on_one_host_stops_the_others(tmp_path):
    processes = started(tmp_path, fault="error")
    assert processes[1].wait() != 0
    assert processes[0].wait(timeout=SOON) != 0
    assert "something is wrong with igloo.jpg" in errors(tmp_path, 1)
    assert "lost another host" not in errors(tmp_path, 1)
    assert "lost another host" in errors(tmp_path, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "differs"), [("rows", "arguments"), ("validation", "validation rows")]
)
def test_hosts_with_other_rows(tmp_path, fault, differs):
    """Otherwise they would wait for each other for ever."""
    processes = started(tmp_path, fault=fault)
    assert [process.wait() == 0 for process in processes] == [False, False]
    for index in (0, 1):
        assert f"All hosts must have the same {differs}" in errors(tmp_path, index)


@pytest.mark.slow
def test_a_batch_that_devices_cannot_share(tmp_path):
    (process,) = started(tmp_path, hosts=1, devices=3)
    assert process.wait() != 0
    assert "A batch of 4 rows can't be shared out to 3 devices evenly" in errors(tmp_path, 0)


@pytest.mark.slow
def test_divergence_is_named_on_all_hosts(tmp_path):
    processes = started(tmp_path, fault="rate")
    assert [process.wait() == 0 for process in processes] == [False, False]
    said = [errors(tmp_path, index) for index in (0, 1)]
    found = [re.search(r"NonFiniteError: (.*the training has diverged.*)", text) for text in said]
    assert found[0].group(1) == found[1].group(1)


def test_impossible_scopes(monkeypatch):
    with (
        pytest.raises(ValueError, match="set the environment variable KERAS_BACKEND=jax"),
        mmzoo.training.scope(hosts="a:1,b:1", host_index=0),
    ):
        pass
    with (
        pytest.raises(NotImplementedError, match="`model_parallel` is for JAX"),
        mmzoo.training.scope(model_parallel=2),
    ):
        pass
    with pytest.raises(ValueError, match="must divide the number of devices, 3; received: 2"):
        mmzoo.training.layout_map(["cpu:0", "cpu:1", "cpu:2"], model_parallel=2)
    for hosts, index in ((["a:1", "b:1"], None), (["a:1", "b:1"], 2), (["a", "b"], 0)):
        with pytest.raises(ValueError, match="`hosts` are addresses with ports"):
            checked_index(hosts, index)
    monkeypatch.setenv("KERAS_DISTRIBUTION_PROCESS_ID", "1")
    assert checked_index(["a:1", "b:1"], None) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("hosts", "devices"), [(1, 4), (2, 1), (2, 2)])
def test_a_model_on_several_devices(tmp_path, hosts, devices):
    """Split over two devices, of one host or two, with as many copies as there are pairs."""
    folders = tmp_path / "one", tmp_path / "several"
    one = started(folders[0], hosts=1, large=True)
    several = started(folders[1], hosts, devices, large=True, model_parallel=2)
    (expected,) = results(folders[0], one)
    for result in results(folders[1], several):
        for name in [name for name in expected if name.endswith("attention/key/bias")]:
            # Its gradient is zero but for rounding, which Adam takes for a direction.
            np.testing.assert_allclose(result.pop(name), expected[name], atol=1e-2)
        assert_close(result, {name: expected[name] for name in result})
        assert any("attention/query" in name for name in result)


@pytest.mark.slow
def test_command_line(tmp_path):
    """The first host writes everything, and what it measures is what one host measures."""
    columns, labels = raw_columns(60)
    table = {"title": columns["text"], "label": labels}
    pandas.DataFrame(table).to_csv(tmp_path / "rows.csv", index=False)

    def arguments(addresses, index):
        output = tmp_path / (f"several-{index}" if addresses else "one")
        hosts = ["--hosts", addresses, "--host-index", index] if addresses else []
        return (
            "mmzoo", "train", "--csv", str(tmp_path / "rows.csv"), "--text", "title", "--label",
            "label", "--text-encoder", "bag", "--text-length", "6", "--fusion", "sum", "--dim", "8",
            "--epochs", "2", "--batch-size", "8", "--output", str(output), *hosts,
        )  # fmt: skip

    one = launched(tmp_path / "errors-of-one", 1, arguments)
    several = launched(tmp_path / "errors-of-several", 2, arguments)
    for process in one + several:
        assert process.wait() == 0, list(map(errors, tmp_path.glob("errors-*"), (0, 0)))
    assert not (tmp_path / "several-1").exists()
    expected, found = tmp_path / "one", tmp_path / "several-0"
    assert {path.name for path in found.iterdir()} == {path.name for path in expected.iterdir()}
    reports = [json.loads((folder / "report.json").read_text()) for folder in (found, expected)]
    assert reports[0]["accuracy"] == pytest.approx(reports[1]["accuracy"])
    models = [mmzoo.load(folder / "model")[0] for folder in (found, expected)]
    for weight, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(weight, other, atol=1e-5)
