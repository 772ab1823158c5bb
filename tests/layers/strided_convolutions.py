"""Trains 1x1 convolutions with strides, in a process that would die where memory is overwritten.

With the argument `train` it trains a model, too.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

import mmzoo


def gradients(layer, x):
    """The gradients of the sum of a layer's output by its input and by its weights."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(x))
    return tape.gradient(total, [x, *(weight.value for weight in layer.trainable_weights)])


def convolve(channels, size, strides):
    """Some steps of one layer, whose gradients are compared with what they are by definition."""
    layer = mmzoo.layers.Conv2D(16, 1, strides)
    x = tf.random.normal((8, size, size, channels))
    layer.build(x.shape)
    for _ in range(3):
        by_x, by_kernel, by_bias = gradients(layer, x)
    taken = x[:, :: layer.strides[0], :: layer.strides[1]]
    count = taken.shape[1] * taken.shape[2] * 8
    expected = np.zeros(x.shape, "float32")
    expected[:, :: layer.strides[0], :: layer.strides[1]] = np.sum(layer.kernel, axis=(0, 1, 3))
    np.testing.assert_allclose(by_x, expected, atol=1e-4)
    sums = np.sum(taken, axis=(0, 1, 2))
    np.testing.assert_allclose(by_kernel[0, 0], np.tile(sums[:, None], 16), atol=0.05)
    np.testing.assert_allclose(by_bias, np.full(16, count))


def train():
    """An epoch of the model that the fault was found with."""
    network = {"class_name": "resnet", "config": {"filters": [8, 16], "blocks": 1}}
    model = mmzoo.build_model(
        inputs={"image": mmzoo.Image(size=(64, 64), encoder=network)}, head="sigmoid", dim=8
    )
    x = np.random.default_rng(0).uniform(0, 255, (32, 64, 64, 3)).astype("float32")
    model.fit({"image": x}, np.arange(32) % 2, batch_size=8, verbose=0)


def run(train_a_model):
    keras.utils.set_random_seed(0)
    for channels in range(1, 33):
        for size in (17, 60):
            convolve(channels, size, 2)
    for strides in ((2, 1), (1, 2), 3, 4):
        convolve(8, 64, strides)
    block = mmzoo.layers.ResidualBlock(16, strides=2)
    x = tf.random.normal((8, 60, 60, 8))
    block.build(x.shape)
    for _ in range(3):
        gradients(block, x)
    if train_a_model:
        train()
    print("still alive")


if __name__ == "__main__":
    run(sys.argv[1:] == ["train"])
