"""What stands around a training: taking a run up, searching a learning rate, showing progress."""

import csv
import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console

import mmzoo
from mmzoo.commands.train_run import train_run
from mmzoo.keras_compat import LossScaleOptimizer
from mmzoo.training import Progress, find_learning_rate

INPUTS = {"numbers": mmzoo.Features(4)}


def numbers(rows=96):
    """Records of two classes that are almost apart."""
    generator = np.random.default_rng(0)
    labels = np.arange(rows) % 2
    vectors = generator.normal(size=(rows, 4)) + 2.0 * labels[:, None]
    return mmzoo.data.from_arrays(
        {"numbers": list(vectors.astype("float32"))}, ["no" if label else "yes" for label in labels]
    )


def run(output, **options):
    parts = numbers().split(0.5, 0.25, 0.25)
    return train_run(
        *parts, output, inputs=INPUTS, fusion="concat", dim=8, epochs=3, batch_size=8, verbose=0,
        **options,
    )  # fmt: skip


class LightsOutError(Exception):
    """Ends a run in the middle."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"ema": 0.9, "gradient_accumulation": 2, "clip_norm": 1},
    ],
)
def test_resume(tmp_path, monkeypatch, options):
    """A run that was cut off is not overwritten, and goes on to the same weights and figures."""
    expected, _, _ = run(tmp_path / "whole", **options)
    seen = []

    def cut_off(self, epoch, logs=None):
        seen.append(epoch)
        if epoch == 1:
            raise LightsOutError

    with monkeypatch.context() as patched:
        patched.setattr(keras.callbacks.EarlyStopping, "on_epoch_end", cut_off)
        with pytest.raises(LightsOutError):
            run(tmp_path / "run", save_every=4, **options)
    assert seen == [0, 1]
    assert not (tmp_path / "run").exists()
    with pytest.raises(FileExistsError, match="--resume"):
        run(tmp_path / "run", **options)
    model, _, _ = run(tmp_path / "run", resume=True, save_every=4, tensorboard=True, **options)
    for one, other in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (tmp_path / "run" / "history.csv").read_text() == (
        tmp_path / "whole" / "history.csv"
    ).read_text()
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report == json.loads((tmp_path / "whole" / "report.json").read_text())
    assert list((tmp_path / "run" / "tensorboard").rglob("events.*"))
    assert not (tmp_path / "run.unfinished").exists()


@pytest.mark.slow
def test_skipped_rows_leave_the_training_as_it_is_without_them(tmp_path):
    good = numbers().split(0.5, 0.25, 0.25)
    columns = {"numbers": [*good[0].column("numbers"), None]}
    bad = mmzoo.data.from_arrays(columns, [*good[0].labels, "yes"])
    options = {"inputs": INPUTS, "fusion": "concat", "dim": 8, "epochs": 3, "batch_size": 7}
    models = [
        train_run(train, *good[1:], tmp_path / on_error, on_error=on_error, verbose=0, **options)[0]
        for train, on_error in ((good[0], "raise"), (bad, "skip"))
    ]
    assert [int(model.optimizer.iterations) for model in models] == [3 * (48 // 7)] * 2
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_dataset_that_does_not_know_its_length_has_no_step_more():
    """Keras on TensorFlow took one on nothing, which moved the weights and counted in the loss."""
    found = []
    for is_known in (True, False):
        keras.utils.set_random_seed(0)
        model, dataset = model_and_data(keras.optimizers.AdamW(0.1, weight_decay=0.5))
        dataset = dataset.take(5) if is_known else dataset.take(5).filter(lambda *batch: True)
        history = model.fit(dataset, epochs=2, verbose=0, validation_data=dataset).history
        found.append((int(model.optimizer.iterations), history, model.get_weights()))
    (steps, history, weights), (same_steps, same_history, same_weights) = found
    assert steps == same_steps == 10 and history == same_history
    for one, other in zip(weights, same_weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.end_to_end
def test_patience(tmp_path):
    """Without progress the training ends, and the history with it."""
    run(tmp_path, patience=1, learning_rate=0.0)
    with open(tmp_path / "history.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]


def model_and_data(optimizer):
    records = numbers()
    preprocessor = mmzoo.Preprocessor(INPUTS)
    preprocessor.adapt(records)
    head = mmzoo.heads.Softmax(units=2)
    model = mmzoo.build_model(inputs=INPUTS, fusion="concat", head=head, dim=8, optimizer=optimizer)
    return model, records.to_dataset(preprocessor, 16, training=True)


def test_learning_rate_finder(tmp_path):
    """It suggests a rate with which the loss falls, draws it, and leaves the model as it was."""
    model, dataset = model_and_data(keras.optimizers.SGD(1e-6))
    model.fit(dataset, verbose=0)
    before = [np.asarray(v) for v in [*model.variables, *model.optimizer.variables]]
    optimizer = model.optimizer
    search = find_learning_rate(model, dataset, low=1e-7, high=1e4, steps=60)
    assert model.optimizer is optimizer
    after = [np.asarray(v) for v in [*model.variables, *model.optimizer.variables]]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (np.diff(np.log(search.rates)) > 0).all()
    assert 1e-4 < search.suggestion < 1e2
    search.plot(tmp_path / "search.png")
    assert (tmp_path / "search.png").stat().st_size > 5000
    assert f"{search.suggestion:.1e}" in str(search)


def test_learning_rate_finder_arguments():
    model, dataset = model_and_data("sgd")
    with pytest.raises(ValueError, match="0 < low < high"):
        find_learning_rate(model, dataset, low=1.0, high=0.1)


def test_progress():
    """A line an epoch with its figures, and the speed in rows."""
    model, dataset = model_and_data("sgd")
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=120)
    progress = Progress(batch_size=16, console=console)
    history = model.fit(dataset, epochs=2, verbose=0, callbacks=[progress])
    text = output.getvalue()
    for epoch in (0, 1):
        assert f"epoch {epoch + 1}: " in text
        assert f"loss {history.history['loss'][epoch]:.4f}" in text
    assert "epoch 2/2" in text
    assert "rows/s" in text


def test_gradients_of_embeddings_that_overflow_are_noticed():
    optimizer = LossScaleOptimizer(keras.optimizers.SGD())
    for value, finite in ((1.0, True), (np.inf, False), (np.nan, False)):
        slices = tf.IndexedSlices(
            tf.constant([[1.0, value]]), tf.constant([1]), tf.constant([4, 2])
        )
        assert bool(optimizer.check_finite([tf.ones(2), None, slices])) is finite
