"""Runs to compare, with the rows that they are compared on."""

import json
import os

from mmzoo.commands.readable_records import readable_records
from mmzoo.commands.trained_run import CONFIG_FILE, METADATA_FILE, SPLIT_FILE, TrainedRun


def compared_runs(folders, csv=None, root=None, encoding=None, separator=None, on_error="raise"):
    """The models of runs, each with its own columns of the same rows.

    Args:
        folders: of the runs.
        csv: file or folder of labelled rows; `None`: the test rows of the runs.
        root: as for `mmzoo evaluate`.
        encoding: likewise.
        separator: likewise.
        on_error: likewise.

    Returns:
        Dict from folder to `(model, preprocessor, records)`.

    Raises:
        FileNotFoundError: for a folder that is no run, or a file of rows that is not there.
        ValueError: for fewer than two runs, or one that is named twice; and, where `csv` is `None`,
            for runs that were tested on different rows, or do not say on which.
    """
    if len(folders) < 2:
        raise ValueError(f"Name two runs or more; received {len(folders)}.")
    if len({*map(os.path.abspath, folders)}) < len(folders):
        raise ValueError(f"A run is named twice: {', '.join(folders)}.")
    runs = {folder: TrainedRun.load(folder) for folder in folders}
    tested = None
    if csv is None:
        csv, tested = _test_rows(runs)
    records = {}
    for folder, run in runs.items():
        if tested is not None:  # the file is read as it was then
            config = run.config()
            encoding = encoding or config.get("encoding")
            separator = separator or config.get("separator")
        found = run.labelled_records(csv, root, encoding, separator, on_error)
        if tested is not None:
            found = found.take(_places(found, csv, tested, folder))
        records[folder] = found
    if on_error != "raise":
        records = _readable_in_all(runs, records, on_error)
    return {folder: (run.model, run.preprocessor, records[folder]) for folder, run in runs.items()}


def run_costs(folder):
    """What a run cost besides what its model does.

    Args:
        folder: of the run.

    Returns:
        Dict of `megabytes`, the size of its model on disk, and `training_seconds`, `None` where
        that was not noted.
    """
    sizes = (
        os.path.getsize(os.path.join(path, name))
        for path, _, names in os.walk(os.path.join(folder, "model"))
        for name in names
    )
    with open(os.path.join(folder, METADATA_FILE), encoding="utf-8") as file:
        seconds = json.load(file).get("training_seconds")
    return {"megabytes": sum(sizes) / 1e6, "training_seconds": seconds}


def _test_rows(runs):
    """`(path, names)`: the file that all runs were made of, and the names of their test rows."""
    tested = {folder: _test_rows_of(folder, run) for folder, run in runs.items()}
    first, *others = runs
    path, names = tested[first]
    for folder in others:
        other_path, other_names = tested[folder]
        if os.path.abspath(other_path) != os.path.abspath(path) or other_names != names:
            raise ValueError(
                f"The runs were tested on different rows: {first} on {len(names):,} of {path}, "
                f"{folder} on {len(other_names):,} of {other_path}"
                f"{', others of it' if other_path == path else ''}. Give labelled rows that none "
                "of them was trained on: --csv."
            )
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"{path}, whose rows the runs were tested on, is not there (seen from "
            f"{os.getcwd()}). Give labelled rows that none of them was trained on: --csv."
        )
    return path, names


def _test_rows_of(folder, run):
    """The file that a run was made of, and the names of its test rows without that of the file."""
    path, names = run.config().get("csv"), run.test_rows()
    if path is None or not names:
        raise ValueError(
            f"{folder} does not say which rows it was tested on: {CONFIG_FILE} and {SPLIT_FILE} of "
            "`mmzoo train` do. Give labelled rows that none of the runs was trained on: --csv."
        )
    return path, [name.removeprefix(path) for name in names]


def _places(records, path, names, folder):
    """The positions of rows by their names."""
    known = {records.describe(row).removeprefix(path): row for row in range(len(records))}
    missing = [name for name in names if name not in known]
    if missing:
        raise ValueError(
            f"{path} has no row{missing[0]} any more, which {folder} was tested on: it has changed "
            "since. Give labelled rows that none of the runs was trained on: --csv."
        )
    return [known[name] for name in names]


def _readable_in_all(runs, records, on_error):
    """The rows that `on_error` leaves for every run: what one can't read, no other answers."""
    readable = {}
    for folder, run in runs.items():
        readable[folder] = readable_records(
            records[folder], run.preprocessor.inputs, on_error, run.preprocessor
        )
    names = [[found.describe(row) for row in range(len(found))] for found in readable.values()]
    common = set(names[0]).intersection(*names[1:])
    return {
        folder: found.take([row for row, name in enumerate(of_run) if name in common])
        for (folder, found), of_run in zip(readable.items(), names, strict=True)
    }
