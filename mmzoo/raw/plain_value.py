"""Raw values as Python has them, whatever library they came from."""

import numbers

import numpy as np

from mmzoo.raw.picture_array import is_picture, picture_array
from mmzoo.raw.wav_bytes import wav_bytes

_PLAIN = frozenset((str, bytes, int, float, bool, type(None)))
#: The keys of a cell with a file, as Hugging Face stores them in Parquet; and, at least, with a
#: sound.
FILE, SOUND = {"bytes", "path"}, {"array", "sampling_rate"}


def plain_value(value):
    """A raw value in the one form that the rest of mmzoo knows.

    Strings, numbers and bytes of NumPy, TensorFlow and PyTorch become Python's own; tensors become
    arrays, and so do pictures of Pillow, whatever their mode. What Hugging Face has for a file,
    `{"bytes": ..., "path": ...}`, becomes its bytes, or where there are none its path; a sound with
    its rate, `{"array": ..., "sampling_rate": ...}`, the bytes of a WAV file, so that the rate
    stays with it.

    Args:
        value: any raw value, or a list of them.

    Returns:
        The value.

    Raises:
        ValueError: for a sound that is none, or a picture that can't be read.

    Example:

    >>> plain_value(np.float32(0.1)), plain_value({"bytes": None, "path": "a.png"})
    (0.1, 'a.png')
    >>> plain_value({"array": [0.0, 0.5], "sampling_rate": 8000})[:4]
    b'RIFF'
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.generic):
        return _plain_scalar(value)
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return plain_value(value[()])
        return plain_value(value.tolist()) if value.dtype.kind in "OSU" else value
    if isinstance(value, (list, tuple)):
        if all(type(each) is int or type(each) is float for each in value):
            return value
        return [plain_value(each) for each in value]
    if isinstance(value, dict):
        return _plain_dict(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if is_picture(value):
        return picture_array(value)
    if hasattr(value, "get_all_samples"):  # a decoder of torchcodec, as Hugging Face gives
        sound = value.get_all_samples()
        return wav_bytes(_array_of_tensor(sound.data), sound.sample_rate)
    array = _array_of_tensor(value)
    return value if array is value else plain_value(array)


def is_plain_file(value):
    """Whether a dict is a file or a sound as Hugging Face has it, rather than a row of a table.

    Example:

    >>> is_plain_file({"bytes": b"PNG", "path": None}), is_plain_file({"bytes": 3, "path": "a"})
    (True, False)
    """
    if value.keys() == FILE:
        encoded, path = value["bytes"], value["path"]
        is_file = encoded is None or isinstance(encoded, (bytes, bytearray, memoryview))
        return is_file and (path is None or isinstance(path, str))
    return value.keys() >= SOUND and not isinstance(value["array"], (str, numbers.Number))


def _plain_scalar(value):
    if isinstance(value, np.floating) and not isinstance(value, float):
        return float(str(value))  # the shortest digits, as files have them: 0.1, not 0.10000000149
    if value.dtype.kind in "mM":
        return value
    return value.item()


def _plain_dict(value):
    if not is_plain_file(value):
        return {key: plain_value(each) for key, each in value.items()}
    if value.keys() == FILE:
        encoded = value["bytes"]
        return value["path"] if not encoded else bytes(encoded)
    if value["array"] is None:
        return value.get("path")
    return wav_bytes(_array_of_tensor(value["array"]), value["sampling_rate"])


def _array_of_tensor(value):
    """A tensor of TensorFlow or PyTorch as an array; any other value as it is."""
    if hasattr(value, "detach"):  # PyTorch's
        value = value.detach().cpu()
    return np.asarray(value.numpy()) if hasattr(value, "numpy") else value
