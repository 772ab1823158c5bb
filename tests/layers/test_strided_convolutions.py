"""1x1 convolutions with strides, which TensorFlow can't train on every processor."""

import pathlib
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.encoders.foreign_networks import faulty_convolutions
from tests.parts import tiny

SCRIPT = pathlib.Path(__file__).parent / "strided_convolutions.py"
tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a fault of TensorFlow"
)


@pytest.mark.parametrize("strides", [1, 2, 3, (2, 1)])
@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_it_computes_what_keras_computes(strides, kernel_size, padding):
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 3)).astype("float32")
    arguments = {"strides": strides, "padding": padding, "activation": "relu", "name": "same"}
    theirs = keras.layers.Conv2D(4, kernel_size, **arguments)
    ours = mmzoo.layers.Conv2D(4, kernel_size, **arguments)
    expected = theirs(x)
    ours.build(x.shape)
    assert [(w.path, w.shape) for w in ours.weights] == [(w.path, w.shape) for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(*map(ops.convert_to_numpy, (ours(x), expected)), atol=1e-6)
    assert ours.compute_output_shape(x.shape) == tuple(expected.shape)


@tensorflow_only
@pytest.mark.parametrize("options", [[], pytest.param(["train"], marks=pytest.mark.slow)])
@pytest.mark.end_to_end
def test_no_memory_is_overwritten(options):
    command = [sys.executable, SCRIPT, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "still alive" in done.stdout, done.stderr[-3000:]


def test_encoders_of_mmzoo_have_none():
    for name in mmzoo.encoders.names("image"):
        cls = mmzoo.encoders.ENCODERS["image"][name]
        config = tiny(name, cls)["config"]
        encoder = cls(**(config | {"patch_size": 1} if name == "vit" else config))
        encoder.build((None, 8, 8, 3))
        assert not faulty_convolutions(encoder)
    encoder = mmzoo.encoders.ImageCNN(filters=[4, 8], kernel_size=1, strides=2)
    encoder.build((None, 8, 8, 3))
    assert not faulty_convolutions(encoder)


def network(channels, **options):
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(channels, 3, padding="same"),
            keras.layers.Conv2D(4, name="shortcut", **options),
        ]
    )


def build(encoder):
    image = mmzoo.Image(size=(8, 8), encoder=encoder)
    return mmzoo.build_model(inputs={"image": image}, head="sigmoid", dim=4, compile=False)


@tensorflow_only
def test_foreign_networks_are_warned_of(monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    with pytest.warns(UserWarning, match="'image_encoder' has 1x1 conv.*shortcut.*ONEDNN_OPTS=0"):
        build(network(15, kernel_size=1, strides=2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(network(16, kernel_size=1, strides=2))
        build(network(8, kernel_size=3, strides=2))
        build(network(8, kernel_size=1, strides=3))
        build(network(8, kernel_size=1, strides=1))
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
        build(network(8, kernel_size=1, strides=2))


def test_channels_first_is_warned_of():
    layer = keras.layers.Conv2D(4, 1, data_format="channels_first", name="first")
    with pytest.warns(UserWarning, match="'image_encoder' has layers .*channels_first': first"):
        build(layer)
