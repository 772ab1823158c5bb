"""Texts and the frames they are read from: connectionist temporal classification.

A text is a row of ids from 1 on, zeros behind it. A prediction is a distribution over the ids and
the blank, 0, for each frame; where a row has no frame any more it has zeros instead. So it says
itself how long it is, wherever it goes.

Reference: Graves et al. 2006, "Connectionist Temporal Classification".
"""

from keras import ops

BLANK = 0
#: In the place of a part of a text that the alphabet lacks.
UNKNOWN = -1
#: Stands between the texts of a row that has several right ones.
NEXT = -2
#: The least probability whose logarithm is taken.
LEAST = 1e-37


def frames_of(prediction):
    """How many frames each row has.

    Args:
        prediction: `(B, T, K)` float, probabilities; zeros where there is no frame.

    Returns:
        `(B,)` int32.
    """
    return ops.sum(ops.cast(ops.any(prediction > 0, axis=-1), "int32"), axis=1)


def frames_needed(ids):
    """How many frames a text needs: one a part, and one between two that are the same.

    Args:
        ids: `(B, L)` int.

    Returns:
        `(B,)` int32.

    Example:

    >>> frames_needed([[3, 3, 5, 0], [1, 0, 0, 0]]).numpy().tolist()
    [4, 1]
    """
    ids = ops.convert_to_tensor(ids)
    repeated = ops.equal(ids[:, 1:], ids[:, :-1]) & ops.not_equal(ids[:, 1:], 0)
    return sum(
        ops.sum(ops.cast(found, "int32"), axis=1) for found in (ops.not_equal(ids, 0), repeated)
    )


def first_texts(ids):
    """The texts that are learned: where rows have several right ones, the first of each.

    Args:
        ids: `(B, L)` int, -2 before each further text.

    Returns:
        `(B, L)` int32.

    Example:

    >>> first_texts([[1, 2, -2, 2, 0], [3, 3, 0, 0, 0]]).numpy().tolist()
    [[1, 2, 0, 0, 0], [3, 3, 0, 0, 0]]
    """
    ids = ops.cast(ids, "int32")
    further = ops.cumsum(ops.cast(ops.equal(ids, NEXT), "int32"), axis=1) > 0
    return ops.where(further, ops.zeros_like(ids), ids)


def of_width(ids, width):
    """Rows of ids of a width that is known, whatever theirs is: cut, or with zeros behind.

    Args:
        ids: `(B, L)` int.
        width: integer.

    Returns:
        `(B, width)`.

    Example:

    >>> of_width([[1, 2], [3, 0]], 3).numpy().tolist(), of_width([[1, 2]], 1).numpy().tolist()
    ([[1, 2, 0], [3, 0, 0]], [[1]])
    """
    ids = ops.convert_to_tensor(ids)
    return ops.reshape(ops.pad(ids, [(0, 0), (0, width)])[:, :width], (-1, width))


def can_be_learned(ids, frames):
    """Whether a row has a text, all of it in the alphabet, and frames enough for it.

    Args:
        ids: `(B, L)` int.
        frames: `(B,)` int32.

    Returns:
        `(B,)` bool.
    """
    needed = frames_needed(ids)
    return (needed > 0) & (needed <= frames) & ops.all(ops.not_equal(ids, UNKNOWN), axis=1)


def to_the_left(values, kept):
    """Moves what is kept to the left, in its order.

    Args:
        values: `(B, T)` or `(B, T, K)`.
        kept: `(B, T)` bool.

    Returns:
        As `values`; behind what is kept is what is not.
    """
    count = ops.shape(kept)[1]
    places = ops.arange(count, dtype="int32")[None]
    order = ops.argsort(ops.where(kept, places, places + count), axis=1)
    if len(values.shape) == 3:
        order = order[..., None]
    # On TensorFlow nothing would be known of the shape.
    return ops.reshape(ops.take_along_axis(values, order, axis=1), ops.shape(values))


def best_alignment(prediction):
    """The text of the best id in every frame: without repetitions, then without blanks.

    Args:
        prediction: `(B, T, K)` float.

    Returns:
        `(ids, score)`: `(B, T)` int32, and `(B,)` float32, the logarithm of the probability of that
        alignment.

    Example:

    >>> import numpy as np
    >>> frames = np.eye(3, dtype="float32")[[1, 1, 0, 1, 2]]
    >>> best_alignment(ops.convert_to_tensor(frames[None]))[0].numpy().tolist()
    [[1, 1, 2, 0, 0]]
    """
    ids = ops.cast(ops.argmax(prediction, axis=-1), "int32")
    before = ops.pad(ids[:, :-1], [(0, 0), (1, 0)])
    kept = ops.not_equal(ids, BLANK) & ops.not_equal(ids, before)
    best = ops.max(prediction, axis=-1)
    score = ops.sum(ops.log(ops.where(best > 0, best, 1.0)), axis=1)
    return to_the_left(ops.where(kept, ids, BLANK), kept), score
