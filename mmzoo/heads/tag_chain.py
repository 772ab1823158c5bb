"""The recurrences of a linear chain of tags: log-partition, best path, score of a path.

`u` are potentials of words, `(B, T, K)`; `A[i, j]` is that of tag `j` behind tag `i`, with a last
row for `j` as the first tag of a text; `end[j]` that of `j` as the last one. A text is

    score(y) = A[K, y_1] + u_1[y_1] + sum_t (A[y_t-1, y_t] + u_t[y_t]) + end[y_L].

All loops are Keras's recurrent layer over a cell without weights: it compiles under XLA, takes any
length, and has a gradient on every backend, which a `while_loop` has not on JAX.
"""

import keras
from keras import ops

#: What a tag costs that may not stand there. Minus infinity would make gradients NaN.
FORBIDDEN = -1e4
#: The smallest sum of exponentials whose logarithm is taken.
TINY = 1e-37


def log_partition(u, transitions, end, mask):
    """The logarithm of the sum over all `K ** L` paths of `exp(score)`.

    Args:
        u: `(B, T, K)` float32.
        transitions: `(K + 1, K)` float32, the last row for the first word.
        end: `(K,)` float32.
        mask: `(B, T)` bool, whose valid words come first.

    Returns:
        `(B,)` float32; 0 for a text without words.

    Example:

    >>> import numpy as np
    >>> u, free = np.zeros((1, 3, 2), "float32"), np.zeros((3, 2), "float32")
    >>> partition = log_partition(u, free, free[0], np.ones((1, 3), bool))
    >>> round(float(np.exp(partition[0])))
    8
    """
    # Their largest entry a column is taken out before the exponential.
    largest = ops.stop_gradient(ops.max(transitions, axis=0, keepdims=True))
    weights = ops.exp(transitions - largest)

    def step(scores, u):
        largest_score = ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True))
        sums = ops.matmul(ops.exp(scores - largest_score), weights)
        new = ops.log(ops.maximum(sums, TINY)) + largest + largest_score + u
        return _with_start(new)

    scores = _recur(step, u, mask, _start_of(u), last_only=True)[:, :-1]
    return ops.where(ops.any(mask, axis=1), ops.logsumexp(scores + end, axis=-1), 0.0)


def best_path(u, transitions, end, mask):
    """The path with the highest score, by Viterbi's algorithm.

    Args:
        u: as for `log_partition`; so are `transitions`, `end` and `mask`.

    Returns:
        `(B, T)` int32; 0 behind the last word.

    Example:

    >>> import numpy as np
    >>> u = np.array([[[2.0, 0.0], [1.0, 0.0]]], "float32")
    >>> stay = np.array([[-5.0, 0.0], [0.0, 0.0], [0.0, 0.0]], "float32")
    >>> best_path(u, stay, np.zeros(2, "float32"), np.ones((1, 2), bool)).numpy().tolist()
    [[0, 1]]
    """

    def forward(scores, u):
        new = ops.max(scores[:, :, None] + transitions, axis=1) + u
        return _with_start(new - ops.max(new, axis=-1, keepdims=True))

    def backward(following, scores):
        scores = scores + ops.take(onward, ops.cast(following[:, 0], "int32"), axis=0)
        return ops.cast(best_tag(scores), "float32")[:, None]

    tags = u.shape[-1]
    # Row `j`: what each tag gains if `j` follows it; the last one: if nothing does.
    onward = ops.concatenate([ops.transpose(transitions[:-1]), end[None]], axis=0)
    scores = _recur(forward, u, mask, _start_of(u))[:, :, :-1]
    nothing = ops.full_like(u[:, 0, :1], tags)
    reached = _recur(backward, ops.flip(scores, axis=1), ops.flip(mask, axis=1), nothing)
    path = ops.cast(ops.flip(reached, axis=1)[:, :, 0], "int32")
    return ops.where(mask, path, 0)


def best_tag(scores):
    """The first of the best tags, `(..., K)` -> `(...)` int32.

    `ops.argmax` of floats tells 0.0 from -0.0 by their bits, and ONNX and LiteRT have no such op.
    """
    is_best = scores == ops.max(scores, axis=-1, keepdims=True)
    return ops.cast(ops.argmax(ops.cast(is_best, "int32"), axis=-1), "int32")


def path_score(u, transitions, end, path, mask):
    """The score of a path, see above.

    Args:
        u: as for `log_partition`; so are `transitions`, `end` and `mask`.
        path: `(B, T)` int32.

    Returns:
        `(B,)` float32.
    """
    tags = u.shape[-1]
    before = _before(path, tags)
    of_words = ops.take_along_axis(u, path[:, :, None], axis=2)[:, :, 0]
    pairs = ops.take(ops.reshape(transitions, (-1,)), before * tags + path)
    at_end = ops.where(is_last(mask), ops.take(end, path), 0.0)
    return ops.sum(ops.where(mask, of_words + pairs, 0.0) + at_end, axis=1)


def odds(u, transitions, end, path, mask):
    """How much less probable a path would be, were one of its tags another.

    Args:
        u: as for `log_partition`; so are `transitions`, `end` and `mask`.
        path: `(B, T)` int32.

    Returns:
        `(B, T, K)` float32: `exp(score with tag k at t - score)`.
    """
    tags = u.shape[-1]
    onward = ops.concatenate([ops.transpose(transitions[:-1]), end[None]], axis=0)
    behind = ops.concatenate([path[:, 1:], ops.zeros_like(path[:, :1])], axis=1)
    behind = ops.where(is_last(mask), tags, behind)
    scores = (
        u + ops.take(transitions, _before(path, tags), axis=0) + ops.take(onward, behind, axis=0)
    )
    chosen = ops.take_along_axis(scores, path[:, :, None], axis=2)
    return ops.exp(ops.minimum(scores - chosen, 0.0))


def is_last(mask):
    """`(B, T)` bool: which word is the last one of its text."""
    behind = ops.concatenate([mask[:, 1:], ops.zeros_like(mask[:, :1])], axis=1)
    return ops.logical_and(mask, ops.logical_not(behind))


def _before(path, tags):
    """The tag before each word's; of the first word, that of the beginning, `tags`."""
    return ops.concatenate([ops.full_like(path[:, :1], tags), path[:, :-1]], axis=1)


def _start_of(u):
    """`(B, K + 1)`: nothing but the beginning, the last tag, was there before the first word."""
    nothing = ops.full_like(u[:, 0], FORBIDDEN)
    return ops.concatenate([nothing, ops.zeros_like(nothing[:, :1])], axis=1)


def _with_start(scores):
    """`(B, K + 1)`: no word comes at the beginning."""
    return ops.concatenate([scores, ops.full_like(scores[:, :1], FORBIDDEN)], axis=1)


class _Cell(keras.layers.Layer):
    """A step from `(state, input)` to the next state, which is also the output."""

    def __init__(self, step, size):
        super().__init__(dtype="float32", name="cell")
        self.step = step
        self.state_size = self.output_size = size

    def call(self, inputs, states):
        state = self.step(states[0], inputs)
        return state, [state]


def _recur(step, inputs, mask, state, last_only=False):
    """The states `(B, T, S)` of a recurrence, or the last one; where masked, the one before."""
    cell = _Cell(step, state.shape[-1])
    layer = keras.layers.RNN(cell, return_sequences=not last_only, dtype="float32", name="chain")
    return layer(inputs, mask=mask, initial_state=[state])
