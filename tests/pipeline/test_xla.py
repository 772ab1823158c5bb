"""XLA: the compiled train step gives the same losses, compiles once, and the report says so."""

import itertools

import keras
import numpy as np
import pytest

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
