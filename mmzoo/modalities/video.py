"""Pictures in a row: a video's frames, or all pictures of a thing."""

import dataclasses
import os
from typing import Any, ClassVar

import keras

from mmzoo.modalities.image import Image
from mmzoo.modalities.modality import Modality
from mmzoo.raw.lists import parsed_strings
from mmzoo.utils.checks import check_positive_integers


@keras.saving.register_keras_serializable(package="mmzoo")
@dataclasses.dataclass(frozen=True)
class Video(Modality):
    """A few pictures in a row: the frames of a video, or several pictures of one thing.

    A raw value is a list of pictures, each as for a `mmzoo.Image`: encoded bytes or a path; or one
    array, `(frames, height, width)` or with channels behind, of values 0-255; or a list of paths as
    JSON, such as a cell of a CSV file. It may have any number of frames: of more than `frames` so
    many are taken, evenly over the whole; fewer are padded. An empty frame is none. A frame that
    can't be read makes the value one that can't be read.

    Enters the model as `(frames, height, width, channels)` float32, 0-255, and `<name>_mask`,
    `(frames,)` bool, `True` where there is a frame.

    Args:
        frames: the most frames that enter the model.
        size: `(height, width)` of a frame in pixels.
        channels: 3 (colour) or 1 (gray).
        encoder: what reads a frame: anything that is the encoder of a `mmzoo.Image`. It becomes the
            `frame_encoder` of a `mmzoo.encoders.VideoFrames`, which adds positions in time; give
            one of these for other options, such as no positions, where the order means nothing. A
            layer that takes whole videos: inside a `mmzoo.encoders.Adapter`.
        optional: whether the video may be absent (raw value `[]`, or no frame that is not empty).
        augmentation: as in `mmzoo.Image`; the same change for all frames of a video.
        resize: as in `mmzoo.Image`.
        max_pixels: as in `mmzoo.Image`, of one frame.

    Raises:
        ValueError: for impossible sizes or channels, an unknown augmentation or way to resize.

    Example:

    >>> Video(frames=8, size=(64, 64)).tensors()
    {'frames': ((8, 64, 64, 3), 'float32'), 'mask': ((8,), 'bool')}
    """

    frames: int = 8
    size: Any = None
    channels: int = 3
    encoder: Any = "cnn"
    optional: bool = False
    augmentation: Any = None
    resize: str = "stretch"
    max_pixels: int = Image.max_pixels

    kind: ClassVar[str] = "video"
    served: ClassVar[str] = "bytes of the encoded frames; an empty string is no frame"
    main_part: ClassVar[str] = "frames"

    def __post_init__(self):
        check_positive_integers("frames", self.frames)
        if self.size is None:
            raise ValueError("`size` is missing: height and width of a frame, such as (64, 64).")
        object.__setattr__(self, "size", self.picture.size)
        object.__setattr__(self, "augmentation", self.picture.augmentation)
        object.__setattr__(self, "encoder", _of_frames(self.encoder))

    @property
    def picture(self):
        """A frame, as the `mmzoo.Image` it is."""
        return Image(
            self.size,
            self.channels,
            augmentation=self.augmentation,
            resize=self.resize,
            max_pixels=self.max_pixels,
        )

    def tensor(self):
        return (self.frames, *self.size, self.channels), "float32"

    def tensors(self):
        return {"frames": self.tensor(), "mask": ((self.frames,), "bool")}

    def parse(self, value):
        """A raw value as its frames: a list as it is, JSON as the list it holds.

        Args:
            value: list, array, or string.

        Returns:
            A list without the empty frames, or the array.

        Raises:
            ValueError: when it is a string, but no list of strings as JSON.

        Example:

        >>> Video(2, (8, 8)).parse('["1.jpg", "2.jpg"]')
        ['1.jpg', '2.jpg']
        """
        if isinstance(value, str):
            value = _from_json(value)
        if isinstance(value, (list, tuple)):
            return [frame for frame in value if not (frame is None or _is_empty(frame))]
        return value

    def paths(self, value):
        frames = self.parse(value)
        return frames if isinstance(frames, list) and _are_paths(frames) else []

    def check_values(self, name, values, describe):
        for row, value in enumerate(values):
            try:
                frames = [] if value is None else self.parse(value)
            except ValueError as error:
                raise ValueError(f"{describe(row)}: {name!r}: {error}.") from None
            if value is not None and not hasattr(frames, "__len__"):
                raise TypeError(
                    f"{describe(row)}: {name!r} takes a list of frames or an array; received: "
                    f"{value!r}."
                )

    def preprocessing(self, name):
        from mmzoo.preprocessing.video import VideoPreprocessing

        return VideoPreprocessing(self, name)


def _of_frames(encoder):
    """The encoder of a video whose frames `encoder` reads; one of videos as it is."""
    from mmzoo.encoders import Adapter, VideoFrames

    if isinstance(encoder, keras.layers.Layer):
        return encoder if isinstance(encoder, (Adapter, VideoFrames)) else VideoFrames(encoder)
    names = ("frames", "VideoFrames", "Adapter")
    if encoder is None or encoder == "frames":
        return encoder
    if isinstance(encoder, dict) and encoder.get("class_name") in names:
        return encoder
    return {"class_name": "frames", "config": {"frame_encoder": encoder}}


def _from_json(text):
    value = parsed_strings(text)
    if value is None:
        raise ValueError(f'{text[:50]!r} is not a list of paths, such as ["1.jpg", "2.jpg"]')
    return value


def _is_empty(frame):
    return isinstance(frame, (str, bytes)) and not frame


def _are_paths(frames):
    return all(isinstance(frame, (str, os.PathLike)) for frame in frames)
