"""A training that was killed and begun again ends as if it had not been."""

import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.training.checkpoints.checkpoint_folder import CheckpointFolder
from tests.pipeline.training_process import AUGMENTED, BATCH_SIZE, prepared

ROOT = pathlib.Path(__file__).parent.parent.parent


def started(folder, save_every=None):
    """The training in a process of its own, with TensorFlow's own number of threads."""
    environment = {k: v for k, v in os.environ.items() if k != "TF_NUM_INTRAOP_THREADS"}
    arguments = [str(folder / "checkpoints"), str(folder / "result.npz"), str(save_every or "")]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.pipeline.training_process", *arguments],
        cwd=ROOT,
        env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def uninterrupted(folder):
    """The result of the training where nobody kills it."""
    folder.mkdir()
    assert started(folder).wait() == 0
    return folder / "result.npz"


def assert_same(first, second):
    with np.load(first) as one, np.load(second) as other:
        assert one.files == other.files
        for name in one.files:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.slow
def test_killed_while_a_checkpoint_is_written(tmp_path):
    """SIGKILL to a real process, as soon as the temporary file of its third checkpoint is there."""
    whole = uninterrupted(tmp_path / "uninterrupted")
    process = started(tmp_path, save_every=3)
    folder = tmp_path / "checkpoints"
    seen = set()
    while len(seen) < 3 and process.poll() is None:
        seen |= {path.name for path in folder.glob(".checkpoint-*")}
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "result.npz").exists()
    assert started(tmp_path, save_every=3).wait() == 0
    assert_same(whole, tmp_path / "result.npz")
    assert not list(folder.glob(".checkpoint-*"))


@pytest.mark.slow
def test_killed_at_twenty_random_points(tmp_path):
    whole = uninterrupted(tmp_path / "uninterrupted")
    generator = np.random.default_rng(0)
    folder = tmp_path / "checkpoints"
    kills = 0
    while kills < 20:
        process = started(tmp_path, save_every=1)
        reached = CheckpointFolder(folder).files()[:1]
        while CheckpointFolder(folder).files()[:1] == reached and process.poll() is None:
            time.sleep(0.001)
        time.sleep(generator.uniform(0, 0.1))  # some steps further, somewhere in a step or a write
        process.kill()
        if process.wait() == 0:  # it was done before; from the beginning
            for path in folder.iterdir():
                path.unlink()
            assert_same(whole, tmp_path / "result.npz")
            continue
        kills += 1
    assert started(tmp_path, save_every=1).wait() == 0
    assert_same(whole, tmp_path / "result.npz")


class KilledError(Exception):
    """Stands for SIGKILL within one process."""


def fitted(folder, callbacks=(), kill_at=None, epochs=3, optimizer=None, **options):
    """`(weights, history)` of a training; `None` if it was killed, after so many steps."""
    model, records, validation, preprocessor = prepared(**optimizer or {})
    steps = iter(range(1, 10_000))

    def count(batch, logs):
        if next(steps) == kill_at:
            raise KilledError

    killer = keras.callbacks.LambdaCallback(on_train_batch_end=count)
    try:
        history = mmzoo.training.fit(
            model, records, preprocessor, validation, epochs=epochs, batch_size=BATCH_SIZE,
            checkpoints=folder, callbacks=[*callbacks, killer], verbose=0, **options,
        )  # fmt: skip
    except KilledError:
        return None
    return model.get_weights(), history.history


def assert_equal(first, second):
    for one, other in zip(first[0], second[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert first[1] == second[1]


@pytest.mark.parametrize(
    ("save_every", "optimizer"),
    [
        pytest.param(None, {}, marks=pytest.mark.slow),
        pytest.param(5, {}, marks=pytest.mark.end_to_end),
        pytest.param(
            5, {"gradient_accumulation_steps": 3, "global_clipnorm": 1.0}, marks=pytest.mark.slow
        ),
    ],
    ids=["epochs", "steps", "accumulation"],
)
def test_interrupted_again_and_again(tmp_path, save_every, optimizer):
    """12 steps an epoch; a run of three epochs that never gets further than 13 steps."""
    whole = fitted(tmp_path / "whole", optimizer=optimizer)
    parts = 0
    arguments = {"save_every": save_every, "optimizer": optimizer, "kill_at": 13}
    while (result := fitted(tmp_path / "parts", **arguments)) is None:
        parts += 1
    assert parts == 2
    assert_equal(result, whole)
    assert len(whole[1]["val_loss"]) == 3


@pytest.mark.slow
def test_memory_of_callbacks(tmp_path):
    """The learning rate that a plateau lowered, and the best weights, outlive a restart."""

    def callbacks():
        return [
            keras.callbacks.EarlyStopping("loss", patience=2, min_delta=9.0, verbose=0),
            keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
        ]

    whole = fitted(tmp_path / "whole", callbacks(), epochs=9)
    assert len(whole[1]["loss"]) == 3  # it was patient for two epochs
    assert fitted(tmp_path / "parts", callbacks(), epochs=9, kill_at=30) is None
    assert_equal(fitted(tmp_path / "parts", callbacks(), epochs=9), whole)


@pytest.mark.slow
def test_gradual_unfreezing(tmp_path):
    """Stages make the optimizer anew, and the schedule goes on."""

    def stages():
        return [mmzoo.training.GradualUnfreezing({1: {"text": None}, 2: {"image_features": None}})]

    whole = fitted(tmp_path / "whole", stages())
    for kill_at in (15, 15):
        assert fitted(tmp_path / "parts", stages(), kill_at=kill_at, save_every=4) is None
    assert_equal(fitted(tmp_path / "parts", stages()), whole)


@pytest.mark.end_to_end
def test_finished(tmp_path):
    """Begun again after its end, a training returns what it came to; longer is another one."""
    whole = fitted(tmp_path)
    assert_equal(fitted(tmp_path, kill_at=1), whole)
    with pytest.raises(ValueError, match=r"finished after 3 epochs; received: epochs=4"):
        fitted(tmp_path, epochs=4)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_damaged_file(tmp_path, damage):
    """A file that was cut off, or in which a bit has changed, is passed over with a message."""
    folder = CheckpointFolder(tmp_path)
    for number in (1, 2):
        folder.save(number, {"weights": np.full(1000, number, "float32")}, {})
    newest = pathlib.Path(folder.files()[0])
    damaged(newest, damage)
    with pytest.warns(UserWarning, match=rf"{newest.name} is damaged"):
        arrays, _ = folder.latest()
    assert (arrays["weights"] == 1).all()


def damaged(path, damage):
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    else:
        del data[len(data) // 2 if damage == "cut" else 0 :]
    path.write_bytes(data)


@pytest.mark.slow
def test_damaged_checkpoint(tmp_path):
    whole = fitted(tmp_path / "whole")
    assert fitted(tmp_path / "parts", kill_at=30) is None
    damaged(pathlib.Path(CheckpointFolder(tmp_path / "parts").files()[0]), "cut")
    with pytest.warns(UserWarning, match="is damaged"):
        assert_equal(fitted(tmp_path / "parts"), whole)


@pytest.mark.slow
def test_full_disk(tmp_path):
    """What can't be written is an error; the last good checkpoint stays and is whole."""
    assert fitted(tmp_path, kill_at=15) is None
    before = CheckpointFolder(tmp_path).files()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        with pytest.raises(OSError, match=r"could not be written .*\. The last good one: "):
            fitted(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert CheckpointFolder(tmp_path).files() == before
    assert not list(tmp_path.glob(".checkpoint-*"))
    assert CheckpointFolder(tmp_path).latest()[1]["epoch"] == 1


@pytest.mark.slow
def test_other_arguments(tmp_path):
    assert fitted(tmp_path, kill_at=15) is None
    with pytest.raises(ValueError, match=r"'seed': 0.*received.*'seed': 1"):
        fitted(tmp_path, seed=1)
    with pytest.raises(ValueError, match=r"begun with the callback EarlyStopping"):
        assert fitted(tmp_path / "other", [keras.callbacks.EarlyStopping()], kill_at=15) is None
        fitted(tmp_path / "other")


@pytest.mark.end_to_end
def test_fewer_epochs_than_there_were(tmp_path):
    assert fitted(tmp_path, kill_at=15) is None  # in the second of three epochs
    with pytest.raises(ValueError, match=r"was to be longer, and has had 1 epochs.*epochs=1"):
        fitted(tmp_path, epochs=1)


@pytest.mark.slow
def test_checkpoint_of_another_model(tmp_path):
    assert fitted(tmp_path, kill_at=15) is None
    with pytest.raises(ValueError, match="of another model or optimizer"):
        fitted(tmp_path, optimizer={"use_ema": False})


@pytest.mark.slow
def test_rows_that_are_skipped(tmp_path):
    """Steps count batches of good rows, so a run goes on behind those that it has seen."""
    _, records, _, preprocessor = prepared(AUGMENTED)
    records.columns["image"][7] = b"no picture"
    batches = list(records.to_dataset(preprocessor, 4, training=True, on_error="skip", epoch=2))
    rest = records.to_dataset(
        preprocessor, 4, training=True, on_error="skip", epoch=2, first_step=5
    )
    for (x, y), (x_rest, y_rest) in zip(batches[5:], rest, strict=True):
        np.testing.assert_array_equal(x["image"], x_rest["image"])
        np.testing.assert_array_equal(y, y_rest)


def test_infinite_feature_is_named():
    """The layer, its input and the row; and the weights are those before the step."""
    columns = {"numbers": list(np.ones((12, 3), "float32"))}
    records = mmzoo.data.from_arrays(columns, [float(row) for row in range(12)])
    inputs = {"numbers": mmzoo.Features(3)}
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(records)
    records.columns["numbers"][5] = np.full(3, 3e38, "float32")
    model = mmzoo.build_model(inputs=inputs, fusion="sum", head="regression", dim=8)
    encoder = model.get_layer("numbers_encoder")
    encoder.set_weights([np.full_like(weight, 9.0) for weight in encoder.get_weights()])
    with pytest.raises(mmzoo.training.NonFiniteError) as caught:
        mmzoo.training.fit(model, records, preprocessor, batch_size=4, verbose=0)
    message = str(caught.value)
    assert "is that of the layer 'numbers_encoder'" in message
    assert "Rows: row 5." in message
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_divergence_is_named(tmp_path):
    model, records, _, preprocessor = prepared()
    model.compile(keras.optimizers.SGD(1e30), model.get_layer("head").make_loss())
    with pytest.raises(mmzoo.training.NonFiniteError, match=r"the training has diverged.*Rows: "):
        mmzoo.training.fit(
            model, records, preprocessor, epochs=2, batch_size=4, checkpoints=tmp_path, verbose=0
        )
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
