"""Calls of Python from the graphs of datasets."""

import atexit
import threading
import time

import tensorflow as tf

#: Seconds without a call after which none is taken to be on its way, and most seconds to wait.
QUIET, PATIENCE = 0.1, 5.0


def python_call(function, inputs, dtypes):
    """`tf.py_function`, which would keep an interpreter from ending.

    Datasets work ahead in threads of their own. A thread that comes back to Python while the
    interpreter ends is killed by it, and the dataset, which is deleted then, waits for that thread
    for ever. So no call is begun once the interpreter is about to end, and it waits for those that
    are on their way.

    Args:
        function: takes and returns eager tensors.
        inputs: tensors.
        dtypes: of what it returns: one, or a list.

    Returns:
        A tensor, or a list of them.

    Example:

    >>> python_call(lambda x: x + 1, [tf.constant(1)], tf.int32).numpy().item()
    2
    """

    def call(*arguments):
        with _CALLS:
            return function(*arguments)

    return tf.py_function(call, inputs, dtypes)


class _Calls:
    """Counts calls, until there are to be no more."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running, self.latest, self.ended = 0, None, False
        atexit.register(self.end)

    def __enter__(self):
        with self.lock:
            self.latest = time.monotonic()
            if self.ended:
                raise RuntimeError("Python is about to end.")
            self.running += 1

    def __exit__(self, *error):
        with self.lock:
            self.latest = time.monotonic()
            self.running -= 1

    def end(self):
        """Refuses further calls, and waits until those that there are have returned."""
        self.ended = True
        last = time.monotonic() + PATIENCE
        while self.latest is not None and time.monotonic() < last:
            if not self.running and time.monotonic() > self.latest + QUIET:
                break
            time.sleep(QUIET / 10)


_CALLS = _Calls()
