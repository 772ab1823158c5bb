"""A model's file, looked at before anything in it is read."""

import collections
import os
import stat
import zipfile

#: A file that is smaller may unpack to so many bytes all the same.
LEAST_BOUND = 2**30
#: How many times the size of its file a model may take in memory: its weights, and an optimizer's
#: estimates of them that the file does not have yet.
TIMES_FILE = 4
#: The share of the bound that is for descriptions: what is parsed takes many times its size.
DESCRIPTION_SHARE = 1 / 16


def check_model_file(path, max_bytes=None):
    """Raises a `ValueError` for a `.keras` file with members that no model has.

    Args:
        path: the file.
        max_bytes: the most bytes that it may unpack to; `None`: 1 GiB, or four times the file.

    Returns:
        That bound.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: for a file that is no archive, for names that lead out of it or come twice, and
            for more bytes than that.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no file {path}.")
    if max_bytes is None:
        max_bytes = max(LEAST_BOUND, TIMES_FILE * os.path.getsize(path))
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is damaged, or no model: {error}.") from None
    names = collections.Counter(member.filename for member in members)
    for member in members:
        _check_name(path, member, names[member.filename])
    if "config.json" not in names:
        raise ValueError(f"{path} is no model of Keras: it has no config.json.")
    for member in members:
        if member.filename.endswith(".json"):
            check_description(f"{path}: {member.filename}", member.file_size, max_bytes)
    total = sum(member.file_size for member in members)
    if total > max_bytes:
        raise ValueError(
            f"{path} would unpack to {total:,} bytes, more than {max_bytes:,}. If you trust where "
            f"it comes from, load it with max_bytes={total}."
        )
    return max_bytes


def check_description(name, size, max_bytes):
    """Raises a `ValueError` for JSON that is too large to be parsed.

    Args:
        name: of the file, for the message.
        size: bytes it has, unpacked.
        max_bytes: the bound for the whole model.
    """
    if size > max_bytes * DESCRIPTION_SHARE:
        needed = int(size / DESCRIPTION_SHARE)
        raise ValueError(
            f"{name} has {size:,} bytes, more than the {int(max_bytes * DESCRIPTION_SHARE):,} that "
            "a description may have. If you trust where it comes from, load it with "
            f"max_bytes={needed}."
        )


def _check_name(path, member, times):
    parts = member.filename.replace("\\", "/").split("/")
    leads_out = parts[0] == "" or ":" in parts[0] or ".." in parts
    if leads_out or stat.S_ISLNK(member.external_attr >> 16):
        raise ValueError(f"{path} has a member that leads out of it: {member.filename!r}.")
    if times > 1:
        raise ValueError(f"{path} has {times} members called {member.filename!r}.")
