"""predict_file(): the rows of a file or a folder in, a file with predictions out."""

import collections
import contextlib
import dataclasses
import io
import itertools
import json
import os
import pickle
import re
import shutil
import zlib

import keras
import numpy as np

from mmzoo.data import Records, from_dataframe
from mmzoo.data.row_names import ListedRowNames, RowNames
from mmzoo.data.sources.columns import wanted_columns
from mmzoo.data.sources.csv_file import csv_tables
from mmzoo.heads import targets_of
from mmzoo.prediction.answers import answer_columns
from mmzoo.prediction.good_rows import predict_good_rows
from mmzoo.raw.paths import exists, resolve_path, shown_path
from mmzoo.saving import check_pair
from mmzoo.utils.optional_packages import require
from mmzoo.utils.resumable_parts import ResumableParts

#: Rows that are in memory at a time, and that a run which is killed may lose.
PART_ROWS = 8192
#: How many bad rows are listed at the end.
LISTED = 5
#: Rows whose files show from which folder paths start.
FIRST_ROWS = 100
#: The column of a folder's files, and the one that says why a row has no prediction.
FILE, ERROR = "file", "error"


@dataclasses.dataclass
class PredictedFile:
    """What `predict_file` wrote.

    Args:
        rows: number of rows.
        bad: number of rows without a prediction.
        listed: what is wrong with the first of them.
        resumed: number of rows that an earlier run had done.
        reasons: dict from a reason to the number of rows without a prediction for it.
        root: folder that relative paths started from.
    """

    rows: int = 0
    bad: int = 0
    listed: list = dataclasses.field(default_factory=list)
    resumed: int = 0
    reasons: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    root: str | None = None


def predict_file(
    model,
    preprocessor,
    source,
    output,
    columns=None,
    root=None,
    batch_size=64,
    part_rows=PART_ROWS,
    delimiter="|",
    encoding=None,
    separator=None,
    all_scores=False,
    verbose=True,
):
    """Predicts the rows of a CSV file, of a folder or of records, in bounded memory.

    The output has the rows of the source in their order, and beside their cells what
    `mmzoo.prediction.answers.answer_columns` makes: `predicted` and `score`, or `value`. A row with
    a value that can't be used has none of these but an `error`.

    Rows are done in parts, which lie in the folder `<output>.parts` until all are there. A run that
    was killed goes on behind the last one when it is started again with the same arguments; the
    output is then the same, to the byte, as that of a run in one go.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        source: CSV file with a header line, read as `mmzoo.data.from_csv` does; or a folder, for
            a model of which one modality reads files and no other has to be there. All files below
            it but hidden ones are rows, in alphabetical order, and their paths the column `file`.
            Or `mmzoo.data.Records`, of which the output says only which `row` each is.
        output: `.csv`, `.tsv` or `.parquet` file to write.
        columns: dict from modality name to column, as in `mmzoo.data.from_csv`; for a CSV file.
        root: folder that relative paths start from; `None`: the file's own. A list of them: the one
            below which most of the first files exist.
        batch_size: rows a batch.
        part_rows: rows a part.
        delimiter: what stands between the labels of a row, where there may be several.
        encoding: of a CSV file; `None`: UTF-8.
        separator: what stands between the cells of a CSV file; `None`: a tab in `.tsv`, else a
            comma.
        all_scores: whether to add the probability of every class, `score_<class>`.
        verbose: whether to show the progress, where there is a terminal.

    Returns:
        A `PredictedFile`.

    Raises:
        FileNotFoundError: when there is no such file or folder.
        FileExistsError: when the output exists, or parts of another run do.
        ValueError: for a file that is no CSV or has no rows, an unknown column, columns that would
            be overwritten, an unknown ending, a folder for a model that needs more than files, or
            when not one row can be predicted; says why.
        ImportError: when pandas is missing, or for Parquet pyarrow.

    Example:

    >>> import mmzoo, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "rows.csv").write_text('title\\na red one\\n""\\na blue one\\n')
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "blue"])}
    >>> model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(class_names=["a", "b"]))
    >>> pair = model, mmzoo.Preprocessor(inputs)
    >>> result = predict_file(*pair, folder / "rows.csv", folder / "out.csv", {"text": "title"})
    >>> result.rows, result.listed
    (3, ["row 3: 'text' has no value, and is not optional"])
    """
    check_pair(model, preprocessor)
    output = os.fspath(output)
    as_bytes, join = _format_of(output)
    if isinstance(source, Records):
        records, columns = source, None
        root = chosen_root(source, preprocessor.inputs, root or source.root)
        if root != source.root:
            records = source.take(range(len(source)))
            records.root = root
        root, pieces = root or "", _of_records(records, part_rows)
    elif os.path.isdir(source):
        columns, root = {_only_files(preprocessor.inputs): FILE}, os.fspath(source)
        pieces = _of_folder(source, columns, preprocessor.inputs, part_rows)
    else:
        source = os.fspath(source)
        root = os.path.dirname(os.path.abspath(source)) if root is None else root
        if isinstance(root, list):
            first = _of_csv(source, columns, None, FIRST_ROWS, encoding, separator)
            _, records = next(first, (None, None))
            root = root[0] if records is None else chosen_root(records, preprocessor.inputs, root)
        pieces = _of_csv(source, columns, root, part_rows, encoding, separator)
    job = {
        "source": _fingerprint(source),
        "model": _model_fingerprint(model, preprocessor),
        "columns": columns,
        "root": os.path.abspath(root),
        "batch_size": batch_size,
        "part_rows": part_rows,
        "delimiter": delimiter,
        "encoding": encoding,
        "separator": separator,
        "all_scores": all_scores,
    }
    first = next(pieces, None)  # raises if it lacks a column, before anything is written
    if first is None:
        raise ValueError(f"{source} has no rows.")
    targets = targets_of(model, preprocessor)
    nothing = {name: target.stacked([None]) for name, target in targets.items()}
    new = answer_columns(targets, nothing, delimiter, all_scores)
    taken = {*new, ERROR} & set(first[0].columns)
    if taken:
        raise ValueError(f"{source} has columns that would be overwritten: {sorted(taken)}.")
    parts = ResumableParts(output, job)
    result = PredictedFile(root=root)
    with _progress(verbose) as show:
        for number, (table, records) in enumerate(itertools.chain([first], pieces)):
            note = parts.note(number)
            if note is None:
                answers, errors = predict_good_rows(model, preprocessor, records, batch_size)
                new = answer_columns(targets, answers, delimiter, all_scores)
                table = table.assign(**new, **{ERROR: errors})
                bad = [error for error in errors if error is not None]
                reasons = collections.Counter(map(_reason, bad))
                note = {"bad": len(bad), "listed": bad[:LISTED], "reasons": reasons}
                parts.write(number, as_bytes(table, number == 0), note)
            else:
                result.resumed += len(table)
            result.rows += len(table)
            result.bad += note["bad"]
            result.listed = (result.listed + note["listed"])[:LISTED]
            result.reasons.update(note.get("reasons", {}))
            show(result)
    if result.bad == result.rows:
        parts.discard()
        raise ValueError(
            f"Not one of the {result.rows:,} rows of {source} can be predicted: "
            f"{described_reasons(result.reasons)}. The first: {'; '.join(result.listed)}. Relative "
            f"paths started from {root or 'the current folder'}."
        )
    parts.finish(join, number + 1)
    return result


def chosen_root(records, inputs, roots):
    """The folder below which most of the first files of some rows exist.

    Args:
        records: `mmzoo.data.Records`.
        inputs: dict from modality name to modality.
        roots: a folder, or a list of them; `None` is one, too: the current one.

    Returns:
        One of them, the first where they have as many.
    """
    if not isinstance(roots, list):
        return roots
    files = []
    for name, modality in inputs.items():
        for value in records.column(name)[:FIRST_ROWS]:
            with contextlib.suppress(TypeError, ValueError):  # no path, which is said elsewhere
                files += [] if value is None else modality.paths(value)
    return max(roots, key=lambda root: sum(exists(resolve_path(root, path)) for path in files))


def described_reasons(reasons):
    """How many rows have which reason, the most frequent first.

    Example:

    >>> described_reasons(collections.Counter({"no such file": 3}))
    'no such file (3 rows)'
    """
    return "; ".join(
        f"{reason} ({count:,} row{'s' * (count > 1)})"
        for reason, count in reasons.most_common(LISTED)
    )


def _reason(error):
    """What is wrong with a row, without its number, its file and its value.

    Example:

    >>> _reason("rows.csv, row 3: 'image': no such file: photos/1.png")
    "'image': no such file"
    >>> _reason("row 3: 'image' can't be read (a.png): truncated: It breaks off")
    "'image' can't be read"
    >>> _reason("row 3: column 'price' of 'item': 'dear' is not a number")
    "column 'price' of 'item': a value is not a number"
    """
    _, _, text = error.partition(": ")
    text = re.sub(r"(no such file|can't be read).*", r"\1", text, flags=re.DOTALL)
    text = re.sub(r" \(.*\)", "", text, flags=re.DOTALL)
    return re.sub(r": ('.*'|\".*\") is ", ": a value is ", text, flags=re.DOTALL)


def _of_records(records, part_rows):
    """`(table, records)` of each part of some records: the table says which rows they are."""
    pandas = require("pandas", "report")
    for start in range(0, len(records), part_rows):
        part = records.take(range(start, min(start + part_rows, len(records))))
        yield pandas.DataFrame({"row": [part.describe(row) for row in range(len(part))]}), part


def _of_folder(folder, columns, inputs, part_rows):
    """`(table, records)` of each part of the files below a folder."""
    pandas = require("pandas", "report")
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names = [os.path.join(place, name) for name in files if not name.startswith(".")]
        found += [os.path.relpath(name, folder) for name in names]
    found.sort()
    for start in range(0, len(found), part_rows):
        files = found[start : start + part_rows]
        values = {name: files if name in columns else [None] * len(files) for name in inputs}
        yield (
            pandas.DataFrame({FILE: files}),
            Records(values, root=folder, describe=ListedRowNames(files)),
        )


def _of_csv(path, columns, root, part_rows, encoding, separator):
    """`(table, records)` of each part of a CSV file; the table's cells are strings."""
    start = 2  # as a spreadsheet counts: the header is row 1
    wanted = wanted_columns(columns)
    for table in csv_tables(path, wanted, encoding, separator, rows=part_rows):
        records = from_dataframe(table, columns, root=root, name=path)
        records.describe = RowNames("row ", start)
        yield table, records
        start += len(table)


def _only_files(inputs):
    """The one modality that reads files, where no other has to be there."""
    files = [name for name, modality in inputs.items() if modality.strings_are_paths]
    needed = [name for name, modality in inputs.items() if not modality.optional]
    if len(files) != 1 or not set(needed) <= set(files):
        raise ValueError(
            "A folder of files will do for a model with one modality of files where all others are "
            f"optional; this one takes {', '.join(inputs)}, and needs {', '.join(needed)}. Give a "
            "CSV file."
        )
    return files[0]


def _format_of(output):
    """How a table becomes the bytes of a part, and how parts are joined."""
    ending = os.path.splitext(output)[1].lower()
    if ending == ".parquet":
        require("pyarrow.parquet", "parquet")
        return _as_parquet, _join_parquet
    if ending not in (".csv", ".tsv"):
        raise ValueError(f"{output} must end in .csv, .tsv or .parquet.")
    separator = _separator(output)

    def as_csv(table, is_first):
        text = table.to_csv(index=False, header=is_first, sep=separator, lineterminator="\n")
        return text.encode()

    return as_csv, _join_bytes


def _join_bytes(paths, file):
    for path in paths:
        with open(path, "rb") as part:
            shutil.copyfileobj(part, file)


def _as_parquet(table, is_first):
    arrow, parquet = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    pandas = require("pandas", "report")

    def kind(column):
        if column.dtype.kind == "f":
            return arrow.float32()
        are_flags = pandas.api.types.infer_dtype(column) == "boolean"  # beside missing ones
        return arrow.bool_() if are_flags else arrow.string()

    fields = [(name, kind(table[name])) for name in table.columns]
    content = io.BytesIO()
    rows = arrow.Table.from_pandas(table, arrow.schema(fields), preserve_index=False)
    parquet.write_table(rows.replace_schema_metadata(), content)
    return content.getvalue()


def _join_parquet(paths, file):
    parquet = require("pyarrow.parquet", "parquet")
    schema = parquet.read_schema(paths[0])
    with parquet.ParquetWriter(file, schema) as writer:
        for path in paths:  # in a part without any prediction no cell shows of which type they are
            writer.write_table(parquet.read_table(path).cast(schema))


def _separator(path):
    return "\t" if path.lower().endswith(".tsv") else ","


def _fingerprint(source):
    """What changes when a file or records do; of a folder, its path."""
    if isinstance(source, Records):
        checksum = 0
        for name, values in source.columns.items():
            for value in (name, *values):
                checksum = zlib.crc32(pickle.dumps(value), checksum)
        return checksum
    path = os.path.abspath(source)
    if os.path.isdir(source):
        return [path]
    if not os.path.isfile(source):
        raise FileNotFoundError(f"No such file or folder: {shown_path(source)}")
    status = os.stat(source)
    return [path, status.st_size, status.st_mtime_ns]


def _model_fingerprint(model, preprocessor):
    """A checksum of all weights and of the preprocessing."""
    states = [part.get_state() for part in preprocessor.preprocessings.values()]
    checksum = zlib.crc32(json.dumps([preprocessor.get_config()["inputs"], states]).encode())
    for variable in model.weights:
        values = np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
        checksum = zlib.crc32(values.tobytes(), checksum)
    return checksum


@contextlib.contextmanager
def _progress(verbose):
    """A function that shows how far a `PredictedFile` is, and how fast."""
    progress = require("rich.progress", "report")
    console = require("rich.console", "report").Console()
    columns = [
        progress.SpinnerColumn(),
        progress.TextColumn("{task.completed:,} rows, {task.fields[bad]:,} bad"),
        progress.TextColumn("{task.fields[rate]:,.0f} rows/s"),
        progress.TimeElapsedColumn(),
    ]
    shown = verbose and console.is_terminal
    with progress.Progress(*columns, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("", total=None, bad=0, rate=0.0)

        def show(result):
            seconds = max(bar.tasks[0].elapsed or 0.0, 1e-9)
            rate = (result.rows - result.resumed) / seconds
            bar.update(task, completed=result.rows, bad=result.bad, rate=rate)

        yield show
