"""Records of a folder: one folder a class, or a metadata file beside the files."""

import collections
import io
import json
import os
import warnings

from mmzoo.data.records import Records
from mmzoo.data.row_names import ListedRowNames
from mmzoo.data.sources.csv_file import csv_header
from mmzoo.data.sources.from_csv import from_csv
from mmzoo.data.sources.from_jsonl import from_jsonl
from mmzoo.data.sources.from_parquet import from_parquet
from mmzoo.modalities import MODALITIES
from mmzoo.raw.compressed import ENDINGS as COMPRESSED
from mmzoo.raw.compressed import open_uncompressed, plain_ending
from mmzoo.raw.encodings import decoding, wrong_encoding
from mmzoo.raw.paths import exists, open_bytes
from mmzoo.utils.optional_packages import require

#: Files that describe those beside them, and what reads them.
METADATA = {
    "metadata.csv": from_csv,
    "metadata.tsv": from_csv,
    "metadata.jsonl": from_jsonl,
    "metadata.parquet": from_parquet,
}
#: What folders of one part of the rows are called.
SPLITS = ("train", "validation", "val", "valid", "dev", "test")
#: The label that is the name of the class folder.
FOLDER = "folder"


def from_directory(path, columns=None, label=FOLDER, split=None, root=None, **options):
    """Records of a folder, in one of two layouts, which may be below `train/`, `test/` and so on.

    **One folder a class**: `cat/1.jpg`, with side-cars of the same name, `cat/1.txt` and
    `cat/1.wav`. A side-car that is missing is an absent value. `.txt` files are read as texts,
    `.json` files as cells or vectors, all others stay paths. Folders within that of a class belong
    to it.

    **A metadata file beside the files**, as Hugging Face has it: `metadata.csv`, `.tsv`, `.jsonl`
    or `.parquet`, whose columns `file_name` and `*_file_name` are paths from its folder.

    Args:
        path: the folder, local or any URL of `tf.io.gfile`.
        columns: class folders: dict from modality name to the endings of its files, such as
            `{"image": (".jpg", ".png"), "caption": ".txt"}`; `None`: `image`, `text`, `audio` and
            what else was registered with `mmzoo.modalities.register`, as far as there are such
            files. Metadata: dict from modality name to the name of a
            column; `None`: `image` from `file_name`, and each `name` from `name_file_name`.
        label: class folders: `"folder"`, or `None` for no labels. Metadata: name of a column.
        split: the folder within `path` to read, such as `"train"`; classes are those of all splits.
        root: metadata: folder that relative paths start from; `None`: the file's own.
        **options: class folders: `class_names`, and `encoding` of texts. Metadata: as in the
            function for the file.

    Returns:
        `Records`, in the order of the files' names.

    Raises:
        FileNotFoundError: when there is no such folder.
        ValueError: for a folder with neither layout, an unknown split, files that could both be the
            value of a row, or a side-car that can't be read; names them.

    Example:

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("cat/1.png", "cat/1.txt", "dog/1.png"):
    ...     (folder / name).parent.mkdir(exist_ok=True)
    ...     _ = (folder / name).write_text("a text")
    >>> records = from_directory(folder)
    >>> records, records.labels, records.column("text")
    (<Records: 2 rows, image, text, 2 classes>, ['cat', 'dog'], ['a text', None])
    """
    import tensorflow as tf

    path = os.fspath(path).rstrip("/")
    if not tf.io.gfile.isdir(path):
        raise FileNotFoundError(f"No such folder: {path}")
    splits = [name for name in _folders(path) if name in SPLITS]
    if split is None and splits and len(splits) == len(_folders(path)):
        raise ValueError(f"{path} has splits: choose one with split=, of {', '.join(splits)}.")
    if split is not None and split not in _folders(path):
        raise ValueError(f"{path} has no split {split!r}; it has: {', '.join(_folders(path))}.")
    folder = path if split is None else f"{path}/{split}"
    metadata = _metadata(folder)
    if metadata is not None:
        path, read = metadata
        if columns is None:
            reading = {x: options[x] for x in ("encoding", "separator") if x in options}
            columns = _file_columns(path, **reading)
        return read(path, columns, None if label == FOLDER else label, root=root, **options)
    if label not in (FOLDER, None):
        raise ValueError(
            f"{folder} has no metadata file, so its labels are the names of folders: label="
            f"{FOLDER!r}; received: {label!r}."
        )
    if split is not None and splits:
        classes = {name for each in splits for name in _folders(f"{path}/{each}")}
        options = {"class_names": sorted(classes), **options}
    return _from_class_folders(folder, columns, label, **options)


def _metadata(folder):
    """The path of a folder's metadata file, and what reads it; `None` where there is none."""
    import tensorflow as tf

    there = {}
    for name in sorted(tf.io.gfile.listdir(folder)):
        plain = name.lower()
        for ending in COMPRESSED:
            plain = plain.removesuffix(ending)
        there.setdefault(plain, f"{folder}/{name}")
    found = next((name for name in METADATA if name in there and exists(there[name])), None)
    return None if found is None else (there[found], METADATA[found])


def _file_columns(path, encoding=None, separator=None):
    """Dict from modality name to the column of a metadata file that names its files."""
    suffix = "_file_name"
    try:
        names = _column_names(path, encoding, separator)
    except ValueError:  # damaged: what reads all of it says so
        names = []
    columns = {name.removesuffix(suffix): name for name in names if name.endswith(suffix)}
    return {"image": "file_name"} | columns if "file_name" in names or not columns else columns


def _column_names(path, encoding, separator):
    """The names of a metadata file's columns; JSON lines: those of the first."""
    ending = plain_ending(path)
    if ending == ".parquet":
        with open_bytes(path) as file:
            return require("pyarrow.parquet", "parquet").read_schema(file).names
    if ending != ".jsonl":
        return csv_header(path, encoding, separator)
    with open_uncompressed(path) as file:
        row = json.loads(io.TextIOWrapper(file, decoding(encoding)).readline())
        return list(row) if isinstance(row, dict) else []


def _from_class_folders(
    folder, columns, label, class_names=None, regression=None, encoding=None, **others
):
    if regression:
        others = {"regression": True, **others}
    if others:
        raise ValueError(
            f"{folder} has no metadata file, so its labels are the names of folders: "
            f"{', '.join(others)} does not apply."
        )
    rows, left_out = _rows(folder, columns)
    if not rows:
        found = ", ".join(f"{ending or 'no ending'} ({n})" for ending, n in left_out.most_common(5))
        raise ValueError(
            f"{folder} has neither a metadata file ({', '.join(METADATA)}) nor a folder for each "
            f"class with files in it, such as {folder}/cat/1.jpg. Files in other places or with "
            f"other endings: {found or 'none'}."
        )
    if left_out:
        warnings.warn(
            f"{folder}: {left_out.total()} files are not read, for their place or their endings: "
            f"{', '.join(f'{ending or None} ({n})' for ending, n in left_out.most_common(5))}.",
            stacklevel=3,
        )
    stems = sorted(rows)
    names = columns or [name for name in MODALITIES if any(name in row for row in rows.values())]
    return Records(
        {name: [_value(rows[stem].get(name), encoding) for stem in stems] for name in names},
        None if label is None else [stem[len(folder) + 1 :].split("/")[0] for stem in stems],
        None if label is None else class_names,
        describe=ListedRowNames(stems),
    )


def _rows(folder, columns):
    """`(rows, left_out)`: a dict from path without ending to a dict from modality to path; and how
    many files were no part of that, by ending."""
    import tensorflow as tf

    wanted = columns or {kind: modality.endings for kind, modality in MODALITIES.items()}
    modality_of = {ending: name for name, endings in wanted.items() for ending in _list(endings)}
    rows, left_out = collections.defaultdict(dict), collections.Counter()
    for parent, _, files in tf.io.gfile.walk(folder):
        parent = parent.rstrip("/")
        for file in sorted(file for file in files if not file.startswith(".")):
            stem, ending = os.path.splitext(f"{parent}/{file}")
            modality = modality_of.get(ending.lower())
            if modality is None or parent == folder:
                left_out[ending] += 1
            elif modality in rows[stem]:
                raise ValueError(
                    f"Two files could be the {modality} of one row: {rows[stem][modality]} and "
                    f"{parent}/{file}. Rename one, or give the endings wanted: columns="
                    f"{{{modality!r}: {ending!r}}}."
                )
            else:
                rows[stem][modality] = f"{parent}/{file}"
    return rows, left_out


def _list(endings):
    """Endings as a list: `".jpg,.png"` will do."""
    endings = endings.split(",") if isinstance(endings, str) else endings
    return [f".{ending.strip().lstrip('.').lower()}" for ending in endings]


def _value(path, encoding):
    """A path, or what is in the file where that is a text or JSON."""
    if path is None or not path.lower().endswith((".txt", ".json")):
        return path
    with open_bytes(path) as file:
        content = file.read()
    try:
        text = content.decode(decoding(encoding)).strip()
    except UnicodeError:
        raise wrong_encoding(f"{path} can't be read", content, encoding) from None
    try:
        return json.loads(text) if path.lower().endswith(".json") else text
    except ValueError as error:
        raise ValueError(f"{path} can't be read: {error}") from None


def _folders(path):
    """The names of the folders in a folder, hidden ones left out."""
    import tensorflow as tf

    names = sorted(name.rstrip("/") for name in tf.io.gfile.listdir(path))
    return [
        name for name in names if not name.startswith(".") and tf.io.gfile.isdir(f"{path}/{name}")
    ]
