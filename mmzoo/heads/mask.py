"""The pixels of a picture, each of a class."""

import keras
from keras import ops

from mmzoo.heads.logits import remember_logits
from mmzoo.heads.mask_loss import MaskLoss
from mmzoo.heads.mean_overlap import MeanOverlap
from mmzoo.heads.place_head import PlaceHead
from mmzoo.targets.mask_of_picture import MaskOfPicture


@keras.saving.register_keras_serializable(package="mmzoo")
class Mask(PlaceHead):
    """A class a pixel: the silhouette of what the other inputs name, or a segmentation.

    Labels are masks of the size of the picture as it was sent, before its EXIF orientation turns
    it: PNG files of one channel, as bytes or paths, or arrays `(height, width)`. Answers of
    `mmzoo.predict` and of an exported model are PNG bytes of that size. Give the preprocessor the
    head, too: `mmzoo.Preprocessor(inputs, head=head)`.

    Every token of the picture answers for the block of pixels that is its share of the picture.

    Args:
        class_names: names of the classes; the first is the background.
        values: the number that stands for each class in a mask; `None`: 0, 1, 2, ...
        image: name of the picture; `None`: the first.
        hidden_units: width of the hidden layer over the tokens.
        grid: `(height, width)` of the picture's tokens, and
        size: `(height, width)` of the picture as the model sees it; `None`: `build_model` fills
            them in.
        crossentropy: weight of the cross-entropy in the loss, see `mmzoo.heads.MaskLoss`.
        dice: weight of the overlap.

    Call arguments:
        fused: `(B, D)` float.
        tokens: dict from modality name to `(B, T, D)` float, see `Fusion.contextualized`.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        Probabilities, float32: of two classes that of the second, `(B, H, W)`; else
        `(B, H, W, K)`.

    Raises:
        ValueError: for fewer than two classes, values that are no different bytes, and as `Box`.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 6, 8), "float32"), "text": np.ones((2, 3, 8), "float32")}
    >>> mask = {"image": np.ones((2, 6), bool), "text": np.ones((2, 3), bool)}
    >>> head = Mask(image="image", grid=(2, 3), size=(16, 24))
    >>> tuple(head(np.ones((2, 8), "float32"), tokens, mask).shape)
    (2, 16, 24)

    Reference: a linear map from a token to its pixels: Strudel et al. 2021, arXiv 2105.05633
        (Segmenter), section 3.2; pixels out of channels: Shi et al. 2016, arXiv 1609.05158.
    """

    score_names = None

    def __init__(
        self,
        class_names=("background", "object"),
        values=None,
        image=None,
        hidden_units=128,
        grid=None,
        size=None,
        crossentropy=1.0,
        dice=1.0,
        **kwargs,
    ):
        class_names = list(class_names)
        if len(class_names) < 2:
            raise ValueError(
                f"Mask needs at least two classes, the background first; received: {class_names}."
            )
        given = [*range(len(class_names))] if values is None else [*values]
        if len({*given}) != len(class_names) or not all(0 <= value <= 255 for value in given):
            raise ValueError(
                f"`values` must be {len(class_names)} different numbers from 0 to 255, one a "
                f"class; received: {values!r}."
            )
        super().__init__(
            len(class_names), image, hidden_units, grid, class_names=class_names, **kwargs
        )
        # Config
        self.values = None if values is None else [int(value) for value in values]
        self.size = None if size is None else tuple(size)
        self.crossentropy = crossentropy
        self.dice = dice
        # A token's numbers: one a pixel and class; of two classes, one a pixel.
        self.channels = 1 if self.units == 2 else self.units
        if self.grid is not None and self.size is not None:
            sides = zip(self.size, self.grid, strict=True)
            self.block = tuple(-(-side // cells) for side, cells in sides)
            self.dense.units = self.block[0] * self.block[1] * self.channels

    def placed(self, image, modality, grid):
        config = {**self.get_config(), "image": image, "grid": grid, "size": modality.size}
        return type(self).from_config(config)

    def call(self, fused, tokens, mask):
        hidden = self.hidden(fused, tokens, mask)
        (rows, columns), (height, width), channels = self.grid, self.block, self.channels
        logits = ops.reshape(self.dense(hidden), (-1, rows, columns, height, width, channels))
        logits = ops.transpose(logits, (0, 1, 3, 2, 4, 5))
        logits = ops.reshape(logits, (-1, rows * height, columns * width, channels))
        if (rows * height, columns * width) != self.size:
            logits = ops.image.resize(logits, self.size, "bilinear", data_format="channels_last")
        if channels == 1:
            logits = logits[..., 0]
            return remember_logits(ops.sigmoid(logits), logits)
        return remember_logits(ops.softmax(logits, axis=-1), logits)

    def target(self):
        return MaskOfPicture(self.image, self.class_names, self.values)

    def make_loss(self):
        return MaskLoss(self.crossentropy, self.dice)

    def make_metrics(self):
        return [MeanOverlap("mask")]

    def get_config(self):
        return {
            **super().get_config(),
            "values": self.values,
            "size": None if self.size is None else list(self.size),
            "crossentropy": self.crossentropy,
            "dice": self.dice,
        }
