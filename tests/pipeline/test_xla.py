"""XLA: the compiled train step gives the same losses, compiles once, and the report says so."""

import itertools
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from tests.parts import PARTS, build, image, labels, slow_but_daily, tensors, text, tiny


def losses(model, jit_compile, rows=8, batch_size=4, epochs=2):
    """Losses of a short `fit`, and how often its train step was traced (and so compiled)."""
    head = model.get_layer("head")
    model.compile(keras.optimizers.SGD(0.05), loss=head.make_loss(), jit_compile=jit_compile)
    train_step, traces = model.train_step, []

    def counted(data):
        traces.append(1)
        return train_step(data)

    model.train_step = counted
    history = model.fit(
        tensors(model, rows), labels(model, rows), batch_size=batch_size, epochs=epochs,
        shuffle=False, verbose=0,
    ).history  # fmt: skip
    return history["loss"], len(traces)


@slow_but_daily
@pytest.mark.end_to_end
def test_compiled_training_is_the_same_and_compiles_once(part):
    model, _ = build(part)
    weights = model.get_weights()
    plain, _ = losses(model, jit_compile=False)
    model.set_weights(weights)
    compiled, compilations = losses(model, jit_compile=True)
    assert mmzoo.xla_report(model).compiled
    assert compilations == 1
    np.testing.assert_allclose(compiled, plain, rtol=1e-4, atol=1e-4)


CROSS = list(
    itertools.product(
        mmzoo.encoders.names("image"), mmzoo.encoders.names("text"), mmzoo.fusion.names()
    )
)


@pytest.mark.slow
@pytest.mark.parametrize(("image_encoder", "text_encoder", "fusion"), CROSS)
def test_every_combination_compiles(image_encoder, text_encoder, fusion):
    encoders = mmzoo.encoders.ENCODERS
    model = mmzoo.build_model(
        inputs={
            "image": image(tiny(image_encoder, encoders["image"][image_encoder])),
            "text": text(tiny(text_encoder, encoders["text"][text_encoder])),
        },
        fusion=tiny(fusion, mmzoo.fusion.FUSIONS[fusion]),
        head=mmzoo.heads.Softmax(3),
        dim=8,
    )
    weights = model.get_weights()
    plain, _ = losses(model, jit_compile=False)
    model.set_weights(weights)
    compiled, compilations = losses(model, jit_compile=True)
    assert compilations == 1
    np.testing.assert_allclose(compiled, plain, rtol=1e-4, atol=1e-4)


def test_report_on_a_cpu():
    model, _ = build(next(iter(PARTS)))
    report = mmzoo.xla_report(model)
    assert not report.compiled and report.blockers == () and report.device == "CPU"
    assert "jit_compile=True" in str(report)


def test_report_names_the_layer_that_prevents_it():
    model = mmzoo.build_model(
        inputs={
            "image": image(
                keras.Sequential([keras.layers.RandomRotation(0.1), keras.layers.Flatten()])
            ),
            "text": text(length=None),
        },
        head="sigmoid",
    )
    report = mmzoo.xla_report(model)
    assert [kind for _, kind in report.blockers] == ["RandomRotation"]
    assert "image_encoder" in report.blockers[0][0]
    assert report.variable_inputs == ("text",)
    with pytest.warns(UserWarning, match="jit_compile"):
        model.compile(loss="mse", jit_compile=True)
    assert not mmzoo.xla_report(model).compiled


def test_recurrent_encoders_keep_xla_possible():
    for name in ("lstm", "gru"):
        model = mmzoo.build_model(inputs={"text": text(name)}, head="sigmoid")
        assert mmzoo.xla_report(model).blockers == ()


def test_report_of_settings():
    model, _ = build(next(iter(PARTS)))
    model.compile(loss="mse", run_eagerly=True)
    assert "run_eagerly" in mmzoo.xla_report(model).reason
    with pytest.raises(ValueError, match="not compiled"):
        mmzoo.xla_report(mmzoo.build_model(inputs={"text": text()}, head="sigmoid", compile=False))


BUCKETS = """
import numpy as np
import mmzoo

words = [" ".join(["red", "blue", "a"][i % 3] for i in range(length)) for length in range(1, 17)]
records = mmzoo.data.from_arrays({"text": [words[i] for i in np.arange(48) % 16]}, ["x", "y"] * 24)
encoder = {"class_name": "bag", "config": {"embedding_dim": 4}}
inputs = {"text": mmzoo.Text(buckets=(4, 8, 16), vocabulary_size=9, encoder=encoder)}
preprocessor = mmzoo.Preprocessor(inputs)
preprocessor.adapt(records)
model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(2), dim=4)
head = model.get_layer("head")
model.compile("sgd", head.make_loss(), metrics=head.make_metrics(), jit_compile=True)
dataset = records.to_dataset(preprocessor, batch_size=1, training=True)
for _ in range(2):
    model.fit(dataset, epochs=2, verbose=0)
report = mmzoo.xla_report(model)
assert report.compiled
seen = [signature["text"][0] for signature in report.compilations]
assert sorted(seen) == [(1, 4), (1, 8), (1, 16)], seen
assert "compiled 3 times" in str(report) and f"then for text {seen[1]} int32" in str(report)
"""


def test_buckets_compile_once_a_bucket_and_the_report_says_which():
    exec(BUCKETS, {})


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_report_counts_what_xla_writes_down_when_it_compiles(backend, tmp_path):
    dump = f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text"
    subprocess.run(
        [sys.executable, "-c", BUCKETS],
        check=True,
        cwd=pathlib.Path(__file__).parent.parent.parent,
        env={
            **os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "XLA_FLAGS": dump,
        },
    )  # fmt: skip
    name = {"tensorflow": "one_step_on_data", "jax": "train_step"}[backend]
    programs = [path.name for path in tmp_path.glob("*before_optimizations.txt")]
    assert sum(name in program for program in programs) == 3, programs


def test_report_of_another_model_and_of_a_short_last_batch():
    inputs = keras.Input((3,), name="vector")
    model = keras.Model({"vector": inputs}, keras.layers.Dense(1)(inputs))
    model.compile(loss="mse", jit_compile=True)
    report = mmzoo.xla_report(model)
    assert report.compilations == () and "not run yet" in str(report)
    x, y = {"vector": np.ones((10, 3), "float32")}, np.ones((10, 1), "float32")
    model.fit(x, y, batch_size=4, verbose=0)
    report = mmzoo.xla_report(model)
    assert [signature["vector"] for signature in report.compilations] == [
        ((4, 3), "float32"), ((2, 3), "float32"),
    ]  # fmt: skip
    assert "compiled twice, first for vector (4, 3) float32, labels (4, 1)" in str(report)
    model.compile(loss="mse", jit_compile=False)
    model.fit(x, y, batch_size=4, verbose=0)
    assert "traced" in str(mmzoo.xla_report(model))


@pytest.mark.end_to_end
def test_steps_of_ones_own_are_not_counted():
    model = mmzoo.build_model(inputs={"features": mmzoo.Features(2)}, head="sigmoid")
    data = {"features": tf.ones((4, 2))}, tf.zeros((4, 1))
    tf.function(model.train_step)(data)
    model.train_step(data)
    assert mmzoo.xla_report(model).compilations == ()
    model.fit(*data, verbose=0)
    model.train_step(data)
    assert len(mmzoo.xla_report(model).compilations) == 1
