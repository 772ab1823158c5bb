"""CheckpointFolder: the state of a training on disk, written atomically."""

import json
import os
import re
import warnings
import zipfile

import numpy as np

from mmzoo.utils.atomic_files import atomic_file
from mmzoo.utils.checks import check_format_version

FORMAT_VERSION = 1
#: How many checkpoints are kept: the newest, and one in case it gets damaged.
KEPT = 2
NAME = "checkpoint-{:010d}.npz"
#: What reading a file that was cut off or altered may raise.
DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


class CheckpointFolder:
    """A folder with the newest checkpoints of one training.

    A checkpoint is one `.npz` file of arrays and a JSON text. It is written to a temporary name,
    flushed to the disk and renamed, so a process or a machine that stops while it writes leaves
    the one before. Every array has a checksum; a file that fails it is passed over.

    Args:
        path: the folder; made when the first checkpoint is written.

    Example:

    >>> import tempfile
    >>> folder = CheckpointFolder(tempfile.mkdtemp())
    >>> folder.save(7, {"weights": np.ones(3, "float32")}, {"epoch": 1})
    >>> arrays, facts = folder.latest()
    >>> arrays["weights"].tolist(), facts["epoch"]
    ([1.0, 1.0, 1.0], 1)
    """

    def __init__(self, path):
        self.path = os.path.abspath(os.fspath(path))

    def save(self, number, arrays, facts):
        """Writes a checkpoint, and removes those that are no longer needed.

        Args:
            number: its place in the training; higher is newer.
            arrays: dict from name to NumPy array.
            facts: JSON-able dict.

        Raises:
            OSError: when it can't be written, such as on a full disk; those there are stay.
        """
        os.makedirs(self.path, exist_ok=True)
        text = json.dumps({"format_version": FORMAT_VERSION, **facts})
        file_path = os.path.join(self.path, NAME.format(number))
        try:
            with atomic_file(file_path) as file:
                np.savez(file, json=np.frombuffer(text.encode(), "uint8"), **arrays)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            last = (self.files() or ["none"])[0]
            raise OSError(
                error.errno,
                f"The checkpoint {file_path} could not be written ({error.strerror or error}). "
                f"The last good one: {last}",
            ) from error
        for old in self.files()[KEPT:]:
            os.remove(old)

    def latest(self):
        """The newest checkpoint that is whole; warns of those that are not.

        Returns:
            `(arrays, facts)`, or `None` if there is none.

        Raises:
            ValueError: for a checkpoint of another format version.
        """
        for path in self.files():
            try:
                with np.load(path, allow_pickle=False) as stored:
                    arrays = {name: stored[name] for name in stored.files}
                facts = json.loads(arrays.pop("json").tobytes())
            except DAMAGE as error:
                warnings.warn(
                    f"{path} is damaged ({error}); the checkpoint before it is used, if any.",
                    stacklevel=2,
                )
                continue
            check_format_version(path, facts["format_version"], FORMAT_VERSION)
            return arrays, facts
        return None

    def files(self):
        """Paths of the checkpoints, the newest first."""
        if not os.path.isdir(self.path):
            return []
        names = [n for n in os.listdir(self.path) if re.fullmatch(r"checkpoint-\d{10}\.npz", n)]
        return [os.path.join(self.path, name) for name in sorted(names, reverse=True)]

    def remove_unfinished(self):
        """Removes what a process left that was killed while it wrote."""
        if os.path.isdir(self.path):
            for name in os.listdir(self.path):
                if name.startswith(".checkpoint-"):
                    os.remove(os.path.join(self.path, name))
