"""A loss that is NaN or infinite stops the training, and the message says where it began."""

import contextlib

import keras
import numpy as np

from mmzoo.training.distribution.hosts import host_array
from mmzoo.training.distribution.local_copy import local_copy, without_distribution

#: How many rows and weights a message lists.
LISTED = 5


class NonFiniteError(ArithmeticError):
    """The loss became NaN or infinite. The model has the last weights with which all was well."""


class LossNotFiniteError(Exception):
    """What ends `model.fit`, for `mmzoo.training.fit` to explain.

    Args:
        batch: position of the batch in this call of `model.fit`.
        loss: its loss.
    """

    def __init__(self, batch, loss):
        super().__init__(batch, loss)
        self.batch = batch
        self.loss = loss


class StopAtNonFinite(keras.callbacks.Callback):
    """Raises `LossNotFiniteError` after the step whose loss is not finite.

    Keras's `TerminateOnNaN` stops as well, but says no more than the number of the batch.
    """

    def on_train_batch_end(self, batch, logs=None):
        loss = float((logs or {}).get("loss", 0.0))
        if not np.isfinite(loss):
            raise LossNotFiniteError(batch, loss)


def explained(loss, model, train, preprocessor, options, at, last_good):
    """The error for a loss that is not finite; leaves the model as it was when all was well.

    Args:
        loss: the loss.
        model: the model, after the step.
        train: `Records` that were trained on.
        preprocessor: their `Preprocessor`.
        options: the arguments that `train.to_dataset` was called with.
        at: `(epoch, step)` of the batch.
        last_good: `(epoch, step, weights)` to go back to.

    Returns:
        A `NonFiniteError`.
    """
    from mmzoo.data.bad_rows import listed
    from mmzoo.data.pipeline.row_order import epoch_order

    epoch, step = at
    good_epoch, good_step, weights = last_good
    spoilt = [v.path for v in model.variables if _bad_rows(host_array(v)[None])]
    for variable, value in zip(model.variables, weights, strict=True):
        variable.assign(value)
    batch = next(iter(train.to_dataset(preprocessor, **options, epoch=epoch, first_step=step)))
    x = batch[0] if isinstance(batch, tuple) else batch
    if keras.distribution.distribution() is None:
        where, bad = where_not_finite(model, x)
    else:  # each host looks at the whole batch
        copy = local_copy(model, compile=False)
        with without_distribution():
            where, bad = where_not_finite(copy, keras.tree.map_structure(np.asarray, x))
    size = options["batch_size"]
    rows = epoch_order(len(train), options["seed"], epoch)[step * size : (step + 1) * size].numpy()
    said = [f"The loss became {loss} in step {step + 1} of epoch {epoch + 1}."]
    if where:
        said += [
            f"With the weights before, the first output that is not finite is that of {where}."
        ]
        rows = rows[bad]
    else:
        said += ["With the weights before, all outputs are finite: the training has diverged."]
        if spoilt:
            said += [f"Of the weights, {', '.join(spoilt[:LISTED])} are not finite after it."]
        said += ["A lower learning rate or gradient clipping may help."]
    said += [f"Rows: {listed(train, rows)}."]
    said += [f"The model has the weights of epoch {good_epoch + 1}, before step {good_step + 1}."]
    return NonFiniteError(" ".join(said))


def where_not_finite(model, x):
    """Says which layer is the first whose output is not finite for a batch.

    Args:
        model: a functional `keras.Model`.
        x: dict of input arrays.

    Returns:
        `(sentence, rows)`: the rows are the positions in the batch, a list; empty, and `None` as
        the sentence, when every output is finite.

    Example:

    >>> inputs = keras.Input((2,), name="numbers")
    >>> model = keras.Model(inputs, keras.layers.Rescaling(2.0, name="double")(inputs))
    >>> where_not_finite(model, np.array([[1.0, 2.0], [np.inf, 0.0]], "float32"))
    ("the layer 'double', whose input 'numbers' is not finite either", [1])
    """
    makers, layers = {}, []
    for layer in model.layers:
        with contextlib.suppress(ValueError, AttributeError):  # a layer that is called twice
            layers.append((layer, keras.tree.flatten(layer.output)))
            makers |= {id(tensor): layer.name for tensor in layers[-1][1]}
    values = keras.Model(model.inputs, [outputs for _, outputs in layers])(x)
    bad = {}
    for (layer, outputs), found in zip(layers, values, strict=True):
        rows = {row for value in keras.tree.flatten(found) for row in _bad_rows(value)}
        bad |= {id(tensor): rows for tensor in outputs}
        if not rows or isinstance(layer, keras.layers.InputLayer):
            continue
        inputs = [makers[id(t)] for t in keras.tree.flatten(layer.input) if bad.get(id(t))]
        also = (
            f", whose input {', '.join(map(repr, inputs))} is not finite either" if inputs else ""
        )
        return f"the layer {layer.name!r}{also}", sorted(rows)
    return None, []


def _bad_rows(value):
    """Positions with a NaN or an infinity in a tensor `(B, ...)`."""
    array = np.asarray(value)
    if array.dtype.kind in "biu":
        return []
    array = array.astype("float32").reshape(len(array), -1)
    return np.flatnonzero(~np.isfinite(array).all(axis=1)).tolist()
