"""The folder that is served: a SavedModel, or numbered versions of one."""

import os

#: What a SavedModel has.
FILE = "saved_model.pb"
#: Other things that mmzoo writes -> what to do with them.
OTHERS = {
    "model.tflite": "a LiteRT file, which its own runtime reads; export with `--format savedmodel`",
    "model.onnx": "an ONNX file, which its own runtime reads; export with `--format savedmodel`",
    "read.onnx": "ONNX files, which their own runtime reads; export with `--format savedmodel`",
    "mmzoo.json": "a model saved by `mmzoo.save`; export it with `mmzoo.export_savedmodel`",
}


def is_savedmodel(folder):
    """Whether a folder holds a SavedModel."""
    return os.path.isfile(os.path.join(folder, FILE))


def versions_in(path):
    """The versions of a model, as TensorFlow Serving finds them.

    Args:
        path: folder of a SavedModel, or one with a subfolder for each version, called by its
            number. A SavedModel by itself is version 1, or the number that its folder is called by.

    Returns:
        Dict from number to folder, in order. A numbered subfolder in which there is no SavedModel
        (yet) is left out.

    Raises:
        FileNotFoundError: when there is no such folder.
        ValueError: when there is no SavedModel in it.

    Example:

    >>> import tempfile
    >>> path = tempfile.mkdtemp()
    >>> for version in ("1", "12"):
    ...     os.makedirs(os.path.join(path, version))
    ...     _ = open(os.path.join(path, version, "saved_model.pb"), "w").close()
    >>> list(versions_in(path))
    [1, 12]
    """
    path = os.path.abspath(os.fspath(path))
    if not os.path.isdir(path):
        raise FileNotFoundError(f"{path} is not a folder: give that of an exported model.")
    if is_savedmodel(path):
        name = os.path.basename(path)
        return {int(name) if _is_number(name) else 1: path}
    numbered = sorted((int(name), name) for name in os.listdir(path) if _is_number(name))
    found = {
        number: os.path.join(path, name)
        for number, name in numbered
        if is_savedmodel(os.path.join(path, name))
    }
    if not found:
        raise ValueError(_why_none(path, [name for _, name in numbered]))
    return found


def model_name(path):
    """What a model is called if nobody says so: its folder's name, not that of a version.

    Example:

    >>> model_name("models/shop/3/"), model_name("run/serving"), model_name("models/shop")
    ('shop', 'run', 'shop')
    """
    parts = os.path.abspath(os.fspath(path)).split(os.sep)
    while len(parts) > 2 and (_is_number(parts[-1]) or parts[-1] == "serving"):
        parts.pop()
    return parts[-1] or "model"


def _is_number(name):
    return name.isascii() and name.isdigit()


def _why_none(path, numbered):
    for folder in (path, *(os.path.join(path, name) for name in numbered)):
        for other, what in OTHERS.items():
            if os.path.isfile(os.path.join(folder, other)):
                return f"{folder} is no SavedModel, but has {what}."
    if numbered:
        return f"{path} has the versions {', '.join(numbered)}, but in none of them {FILE}."
    return (
        f"{path} is no SavedModel: it has neither {FILE} nor subfolders called by the number "
        "of a version, such as 1. `mmzoo export` writes one."
    )
