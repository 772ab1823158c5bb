"""Vectors computed elsewhere -> tensors of one shape, and which vectors are there."""

import numpy as np
import tensorflow as tf

from mmzoo.preprocessing.corruption import Corruption, noisy_numbers
from mmzoo.preprocessing.preprocessing import Preprocessing

#: So many constant dimensions are named, and of more only the first.
NAMED = 10
#: Ratios of signal to noise that are tried, in dB.
NOISE = (20, 10, 0)


class FeaturesPreprocessing(Preprocessing):
    """Pads and cuts sequences; a value with a number that is not finite is absent.

    Args:
        modality: a `mmzoo.Features`.
        name: its key.
    """

    def notes(self, values):
        """Names the dimensions that are the same in all vectors."""
        count, smallest, largest = 0, np.inf, -np.inf
        for value in values:
            vectors = np.empty(0) if value is None else self.modality.array(value)
            vectors = vectors.reshape(-1, self.modality.shape[-1])
            vectors = vectors[~np.isnan(vectors).all(axis=1)]
            if len(vectors):
                count += len(vectors)
                smallest = np.minimum(smallest, vectors.min(axis=0))
                largest = np.maximum(largest, vectors.max(axis=0))
        constant = np.flatnonzero(smallest == largest).tolist() if count > 1 else []
        if not constant:
            return []
        named = ", ".join(map(str, constant[:NAMED])) + (", ..." if constant[NAMED:] else "")
        return [
            f"{len(constant)} of the {self.modality.shape[-1]} dimensions of {self.name!r} "
            f"{'is' if len(constant) == 1 else 'are'} constant, the same in all {count:,} vectors: "
            f"{named} (counted from 0). A model learns nothing from such a dimension."
        ]

    def column(self, values, root):
        arrays = [None if value is None else self.modality.array(value) for value in values]
        shape = self.modality.shape
        if len(shape) == 2:
            longest = max((len(array) for array in arrays if array is not None), default=1)
            shape = (longest if shape[0] is None else min(longest, shape[0]), shape[1])
        padded = np.full((len(arrays), *shape), np.nan, "float32")
        for row, array in zip(padded, arrays, strict=True):
            if array is None:
                continue
            if array.ndim == 1:
                row[:] = array
            else:
                row[: len(array)] = array[: len(row)]
        return tf.constant(padded), tf.identity

    def raw_spec(self):
        shape = self.modality.shape
        return tf.TensorSpec((None,) * len(shape) + shape[-1:], tf.float32, name=self.name)

    def _vectors(self, values):
        """A batch of raw values as vectors of the model's shape; NaN is padding."""
        shape = self.modality.shape
        vectors = tf.cast(values, tf.float32)
        if len(shape) == 2:
            missing = tf.maximum((shape[0] or 1) - tf.shape(vectors)[1], 0)
            vectors = tf.pad(vectors, [[0, 0], [0, missing], [0, 0]], constant_values=np.nan)
            vectors = vectors[:, : shape[0]]
        return tf.ensure_shape(vectors, (None, *shape))

    def usable(self, values):
        vectors = self._vectors(values)
        finite = tf.reduce_all(tf.math.is_finite(vectors), axis=-1) | ~_is_vector(vectors)
        return finite if len(finite.shape) == 1 else tf.reduce_all(finite, axis=1)

    def present(self, values):
        mask = _is_vector(self._vectors(values))
        return mask if len(mask.shape) == 1 else tf.reduce_any(mask, axis=1)

    def corruptions(self):
        return {"noise": Corruption(noisy_numbers, NOISE, "{:g} dB")}

    def tensors(self, values):
        vectors, usable = self._vectors(values), self.usable(values)
        mask = _is_vector(vectors)
        mask &= usable if len(mask.shape) == 1 else usable[:, None]
        parts = {"vectors": tf.where(mask[..., None], vectors, 0.0), "mask": mask}
        return {part: parts[part] for part in self.modality.tensors()}


def _is_vector(vectors):
    """Where there is a vector, and not padding."""
    return ~tf.reduce_all(tf.math.is_nan(vectors), axis=-1)
