"""Videos: lists of encoded pictures or of paths, or arrays -> uint8 frames and their number."""

import dataclasses
import itertools
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mmzoo.preprocessing.image import ImagePreprocessing
from mmzoo.preprocessing.preprocessing import Preprocessing


class VideoPreprocessing(Preprocessing):
    """Chooses frames evenly, decodes each as a picture, and pads.

    Args:
        modality: a `mmzoo.Video`.
        name: its key.
    """

    works_on_elements = True
    size_name = "height x width"

    def __init__(self, modality, name):
        super().__init__(modality, name)
        self.picture = ImagePreprocessing(modality.picture, name)

    def column(self, values, root):
        videos = [[] if value is None else self.modality.parse(value) for value in values]
        first = next((video[0] for video in videos if len(video)), b"")
        if not isinstance(first, (str, bytes, os.PathLike)):
            return self._array_column(videos)
        # Here rather than in the graph, so that the other files are not read at all.
        videos = [[video[i] for i in self._chosen(len(video))] for video in videos]
        frames, read = self.picture.file_column(list(itertools.chain(*videos)), root)
        column = tf.RaggedTensor.from_row_lengths(frames, [len(video) for video in videos])
        return column, _ReadFrames(read)

    def _array_column(self, videos):
        size = (*self.modality.size, self.modality.channels)
        arrays = []
        for video in videos:
            array = self._array(video)[self._chosen(len(video))] if len(video) else None
            arrays.append(np.zeros((0, *size), "uint8") if array is None else self._pixels(array))
        lengths = [len(array) for array in arrays]
        return tf.RaggedTensor.from_row_lengths(np.concatenate(arrays), lengths), tf.identity

    def _array(self, video):
        """An array as `(frames, height, width, channels)`."""
        array = np.asarray(video)
        if array.ndim not in (3, 4) or array.dtype.kind not in "uif":
            raise ValueError(
                f"Videos of {self.name!r} must be lists of bytes or of paths, or arrays (frames, "
                "height, width) or (frames, height, width, channels); received an array of shape "
                f"{array.shape} and dtype {array.dtype}."
            )
        array = array[..., None] if array.ndim == 3 else array
        self.picture.check_range([array])
        return array

    def _chosen(self, count):
        """Positions of the frames to take, of so many."""
        frames = self.modality.frames
        if count <= frames:
            return list(range(count))
        return spread(np.arange(frames), count, frames).tolist()

    def raw_spec(self):
        return tf.TensorSpec((None, None), tf.string, name=self.name)

    def sample(self):
        return self.picture.sample()[:, None]

    def raw_batch(self, values, root):
        column, read = self.column(values, root)
        if column.dtype != tf.string:
            raise ValueError(f"The exported model takes {self.modality.served} for {self.name!r}.")
        return tf.ragged.stack([read(video) for video in column]).to_tensor(b"")

    def to_tensors(self, values):
        if isinstance(values, (list, tuple)) and isinstance(
            next(iter(values), None), (list, tuple)
        ):
            values = tf.ragged.constant([list(video) for video in values], tf.string, ragged_rank=1)
            return values.to_tensor()
        return tf.convert_to_tensor(values)

    def blank(self):
        shape, _ = self.modality.tensor()
        return tf.zeros(shape, tf.uint8), 0

    def is_absent(self, value):
        if value.dtype == tf.string:
            return super().is_absent(value)
        return tf.shape(value)[0] == 0

    def decode_value(self, value):
        frames = self.modality.frames
        if value.dtype == tf.string:
            value = tf.boolean_mask(value, tf.strings.length(value) > 0)
        count = tf.shape(value)[0]
        with tf.control_dependencies([tf.debugging.Assert(count > 0, ["There is no frame."])]):
            value = tf.identity(value)
        chosen = tf.where(count > frames, spread(tf.range(frames), count, frames), tf.range(frames))
        count = tf.minimum(count, frames)
        pixels = self._pixels(tf.gather(value, chosen[:count]))
        padded = tf.pad(pixels, [[0, frames - count], [0, 0], [0, 0], [0, 0]])
        return tf.ensure_shape(padded, self.modality.tensor()[0]), count

    def _pixels(self, frames):
        """Encoded frames, or an array of them -> `(n, height, width, channels)` uint8."""
        spec = tf.TensorSpec((*self.modality.size, self.modality.channels), tf.uint8)
        return tf.map_fn(self.picture.decode_value, frames, fn_output_signature=spec)

    def augment(self, decoded, seeds):
        frames, counts = decoded
        flat = tf.reshape(frames, (-1, *frames.shape[2:]))
        flat = self.picture.augment(flat, tf.repeat(seeds, self.modality.frames, axis=0))
        return tf.reshape(flat, (-1, *frames.shape[1:])), counts

    def corruptions(self):
        """Those of pictures, in every frame."""
        of_pictures = self.picture.corruptions()

        def changing(change):
            return lambda decoded, *how: (change(decoded[0], *how), *decoded[1:])

        return {
            name: corruption._replace(change=changing(corruption.change))
            for name, corruption in of_pictures.items()
        }

    def tensors(self, decoded):
        frames, counts = decoded
        mask = tf.sequence_mask(counts, self.modality.frames)
        return {"frames": tf.where(mask[..., None, None, None], frames, 0), "mask": mask}

    def size(self, encoded):
        return self.picture.size(encoded)

    def diagnosis(self, encoded):
        return self.picture.diagnosis(encoded)

    def fault(self, value, root):
        """Which frame of a value can't be read."""
        video = self.modality.parse(value)
        frame = self._bad_frame(video, root)
        return "" if frame is None else f" (frame {frame}{self.picture.fault(video[frame], root)})"

    def explanation(self, value, root):
        video = [] if value is None else self.modality.parse(value)
        frame = self._bad_frame(video, root)
        if frame is None:
            return super().explanation(value, root)
        return self.picture.explanation(video[frame], root)

    def _bad_frame(self, video, root):
        """The number of the first frame that can't be read; `None` where there is none."""
        if not isinstance(video, list):
            return None
        for frame in self._chosen(len(video)):
            encoded, read = self.picture.file_column([video[frame]], root)
            try:
                self.picture.decode_value(read(encoded[0]))
            except tf.errors.OpError:
                return frame
        return None


@dataclasses.dataclass(frozen=True)
class _ReadFrames:
    read: Callable

    def __call__(self, row):
        return tf.map_fn(self.read, row, fn_output_signature=tf.string)


def spread(places, count, frames):
    """Positions of `frames` frames in the middle of as many equal parts of a video.

    Args:
        places: integers 0 to `frames - 1`, as an array or a tensor.
        count: number of frames of the video.
        frames: how many to take.

    Returns:
        Positions, of the type of `places`.

    Example:

    >>> spread(np.arange(3), 10, 3).tolist()
    [1, 5, 8]
    """
    return (2 * places + 1) * count // (2 * frames)
