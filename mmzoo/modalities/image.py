"""Pictures."""

import dataclasses
from typing import Any, ClassVar

import keras

from mmzoo.modalities.modality import Modality, augmentation_names
from mmzoo.utils.checks import check_positive_integers


@keras.saving.register_keras_serializable(package="mmzoo")
@dataclasses.dataclass(frozen=True)
class Image(Modality):
    """A picture: encoded bytes, a path, or an array with values 0-255. Of a list, the first file.

    Encoded are JPEG, PNG, GIF and WebP (of animations, the first frame) and BMP. Their EXIF
    orientation is heeded, and what is transparent is laid on white. The same runs in the exported
    model.

    Enters the model as `(height, width, channels)` float32, 0-255; datasets yield uint8, a quarter
    of the bytes. Encoders rescale.

    Args:
        size: `(height, width)` in pixels.
        channels: 3 (colour) or 1 (gray).
        encoder: `"cnn"`, `"resnet"`, `"vit"`, a config dict, a `mmzoo.encoders.Applications`,
            `KerasHub` or `TFHub`, or any Keras layer or model.
        optional: whether the picture may be absent (raw value `b""`, or an empty path).
        augmentation: what training batches go through: `None`, a name or a list of names out of
            `"flip"`, `"crop"`, `"color"`, `"randaugment"`.
        resize: how pictures of other sizes are brought to `size`: `"stretch"`; `"fit"`, whole and
            in proportion, on white; or `"crop"`, in proportion, without what is too much on two
            sides.
        max_pixels: the most pixels to decode. A file whose header announces more counts as one that
            can't be read. What takes longer counts more than once: a GIF's pixels twice, a WebP's
            three times (not those of a plain lossy one), a PNG's three times for transparency and
            twice each for 16 bits and for being interlaced; and the scans of a progressive JPEG may
            have 8 times as many all together. The default, Pillow's, is 89 million: at most 256 MB
            of colours and a second to decode, and up to 1.1 GB (12 bytes a pixel) meanwhile, for
            each that is decoded at the same time. TensorFlow keeps what memory it once had.

    Raises:
        ValueError: for impossible sizes or channels, an unknown augmentation or way to resize.

    Example:

    >>> Image(size=(64, 64)).tensor()
    ((64, 64, 3), 'float32')
    """

    size: Any
    channels: int = 3
    encoder: Any = "cnn"
    optional: bool = False
    augmentation: Any = None
    resize: str = "stretch"
    max_pixels: int = 2**28 // 3

    kind: ClassVar[str] = "image"
    served: ClassVar[str] = "bytes of an encoded picture"
    endings: ClassVar[tuple] = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
    AUGMENTATIONS: ClassVar[tuple] = ("flip", "crop", "color", "randaugment")
    RESIZE: ClassVar[tuple] = ("stretch", "fit", "crop")

    def __post_init__(self):
        size = (self.size, self.size) if isinstance(self.size, int) else tuple(self.size)
        if len(size) != 2:
            raise ValueError(f"`size` must be (height, width); received: {self.size!r}.")
        check_positive_integers("size", *size)
        if self.channels not in (1, 3):
            raise ValueError(f"`channels` must be 1 or 3; received: {self.channels!r}.")
        if self.resize not in self.RESIZE:
            raise ValueError(
                f"`resize` must be one of {', '.join(self.RESIZE)}; received: {self.resize!r}."
            )
        check_positive_integers("max_pixels", self.max_pixels)
        augmentation = augmentation_names(self.augmentation, self.AUGMENTATIONS)
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "augmentation", augmentation)

    def tensor(self):
        return (*self.size, self.channels), "float32"

    def encoder_defaults(self):
        return {"value_range": (0.0, 1.0)}  # where modules of TF-Hub expect pixels to lie

    def paths(self, value):
        if not isinstance(value, (list, tuple)):
            return super().paths(value)
        return [path for each in value if each for path in self.paths(each)]

    def check_values(self, name, values, describe):
        for row, value in enumerate(values):
            if getattr(value, "ndim", 2) not in (2, 3):
                raise ValueError(
                    f"{describe(row)}: {name!r} is an array of shape {value.shape}; a picture is "
                    "(height, width) or (height, width, channels)."
                )

    def preprocessing(self, name):
        from mmzoo.preprocessing.image import ImagePreprocessing

        return ImagePreprocessing(self, name)
