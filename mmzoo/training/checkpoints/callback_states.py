"""CallbackStates: what callbacks remember, such as the best loss so far, kept over a restart."""

import copy

import numpy as np

from mmzoo.keras_compat import NOT_MEMORY


class CallbackStates:
    """The attributes of callbacks that change while a model is trained.

    `EarlyStopping` counts the epochs without progress and keeps the best weights, `History` the
    figures of every epoch; Keras stores none of it. Taken are attributes made of numbers, strings,
    arrays, and lists and dicts of these; only those that are no longer as they were when this
    object was made, so that arguments may be changed between two runs.

    Args:
        callbacks: list of `keras.callbacks.Callback`, before the training.

    Example:

    >>> import keras
    >>> stopping = keras.callbacks.EarlyStopping()
    >>> states = CallbackStates([stopping])
    >>> stopping.wait = 3
    >>> state, arrays = states.capture()
    >>> stopping.wait = 0
    >>> states.restore(state, arrays)
    >>> stopping.wait
    3
    """

    def __init__(self, callbacks):
        self.callbacks = callbacks
        self._before = [copy.deepcopy(_memory(callback)) for callback in callbacks]

    def capture(self):
        """What has changed.

        Returns:
            `(state, arrays)`: a JSON-able list, and a dict of the arrays that it refers to.
        """
        arrays = {}

        def encode(value):
            if isinstance(value, np.ndarray):
                name = f"callback_{len(arrays)}"
                arrays[name] = value
                return {"array": name}
            if isinstance(value, np.generic):
                return value.item()
            if isinstance(value, dict):
                return {"dict": {key: encode(item) for key, item in value.items()}}
            if isinstance(value, (list, tuple)):
                return [encode(item) for item in value]
            return value

        state = []
        for callback, before in zip(self.callbacks, self._before, strict=True):
            changed = {
                name: encode(value)
                for name, value in _memory(callback).items()
                if name not in before or not _same(before[name], value)
            }
            if changed:
                state.append({"class": type(callback).__name__, "attributes": changed})
        return state, arrays

    def restore(self, state, arrays, partly=False):
        """Sets what was captured.

        Args:
            state: what `capture` returned, perhaps in another process.
            arrays: dict with the arrays it refers to.
            partly: whether callbacks that remembered something may be missing, as those that write
                files are on all hosts but the first.

        Raises:
            ValueError: when a callback that remembered something is missing, unless `partly`.
        """
        waiting = list(self.callbacks)
        found = []
        for entry in state:
            same = [c for c in waiting if type(c).__name__ == entry["class"]]
            if not same and partly:
                continue
            if not same:
                raise ValueError(
                    f"The training was begun with the callback {entry['class']}, which is missing "
                    f"now. Given: {', '.join(type(c).__name__ for c in self.callbacks)}."
                )
            waiting.remove(same[0])
            found.append((same[0], entry["attributes"]))

        def decode(value):
            if isinstance(value, list):
                return [decode(item) for item in value]
            if not isinstance(value, dict):
                return value
            if "array" in value:
                return arrays[value["array"]]
            return {key: decode(item) for key, item in value["dict"].items()}

        for callback, attributes in found:
            for name, value in attributes.items():
                setattr(callback, name, decode(value))


def _memory(callback):
    """The attributes of a callback that can be stored."""
    return {
        name: value
        for name, value in vars(callback).items()
        if name not in NOT_MEMORY and _is_plain(value)
    }


def _is_plain(value):
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biufV"
    return value is None or isinstance(value, (bool, int, float, str, np.generic))


def _same(first, second):
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(_same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_same(first[k], second[k]) for k in first)
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return np.array_equal(first, second)
    return type(first) is type(second) and first == second
