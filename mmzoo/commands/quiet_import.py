"""import_tensorflow(): without the lines that TensorFlow logs on the way."""

import contextlib
import glob
import importlib
import os
import re
import sys
import tempfile

#: A line of TensorFlow's log: its level, date or process and time, and the file it comes from.
LOG_LINE = re.compile(
    rb"[IWEF]\d{4} \d\d:\d\d:\d+|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] |"
    rb"WARNING: All log messages before absl::InitializeLog|To enable the following instructions:"
)


def import_tensorflow(module="mmzoo.api"):
    """Imports TensorFlow and all of mmzoo, without TensorFlow's lines of log.

    The environment variable `TF_CPP_MIN_LOG_LEVEL` decides what TensorFlow says later, as ever;
    where it is not set, errors alone, and without a graphics card, whose absence would be one,
    nothing. With 0 it says all.

    Args:
        module: what to import; that registers every layer that a file may have.
    """
    if module in sys.modules:
        return
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if glob.glob("/dev/nvidia*") else "3")
    with contextlib.nullcontext() if level == "0" else _without_log_lines():
        importlib.import_module(module)


@contextlib.contextmanager
def _without_log_lines():
    """Holds back what the block writes to standard error, and then writes what is no log."""
    before = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            os.write(2, b"".join(line for line in file if not LOG_LINE.match(line)))
