"""TrainedRun: what `mmzoo train` left in a folder."""

import csv
import dataclasses
import json
import os
from typing import Any

import numpy as np

#: What a run's columns and labels are written to.
METADATA_FILE = "metadata.json"
#: What it was called with, and which row was in which part.
CONFIG_FILE, SPLIT_FILE = "config.yaml", "split.csv"


@dataclasses.dataclass
class TrainedRun:
    """A trained model, and the columns it was trained on.

    Args:
        model: the model.
        preprocessor: its `mmzoo.Preprocessor`.
        metadata: dict of `columns`, `label`, `label_delimiter` and `root`.
        folder: where it is.
    """

    model: Any
    preprocessor: Any
    metadata: dict
    folder: str | None = None

    @classmethod
    def load(cls, folder):
        """Reads a folder that `mmzoo train` made.

        Raises:
            FileNotFoundError: when it is none.
        """
        path = os.path.join(folder, METADATA_FILE)
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f"{folder} is not a folder made by `mmzoo train`: no {METADATA_FILE}."
            )
        from mmzoo.saving import load

        with open(path, encoding="utf-8") as file:
            metadata = json.load(file)
        return cls(*load(os.path.join(folder, "model")), metadata, folder)

    def history(self):
        """Dict from the name of a figure to its values by epoch; `None` where they are not kept."""
        from mmzoo.training.history_file import read_history

        path = os.path.join(self.folder, "history.csv")
        return read_history(path) if os.path.isfile(path) else None

    @property
    def columns(self):
        """Dict from modality name to column."""
        return self.metadata["columns"]

    @property
    def delimiter(self):
        """What stands between several labels of a row in what is written."""
        delimiter = self.metadata.get("label_delimiter")
        return delimiter if isinstance(delimiter, str) else "|"

    def roots(self, own):
        """Where relative paths may start from, if nobody says so.

        Args:
            own: the folder that the rows themselves suggest, or `None`.

        Returns:
            A list of it and of the one that the training had.
        """
        return [root for root in (own, self.metadata.get("root")) if root is not None]

    def labelled_records(
        self, path, root=None, encoding=None, separator=None, on_error="raise", further=()
    ):
        """Records of a file with the columns that the model was trained on, and the labels.

        Args:
            path: the file or folder.
            root: folder that relative paths start from; `None`: the file's own, or that of the
                training, whichever has the files.
            encoding: of a CSV file; `None`: UTF-8.
            separator: what stands between the cells of a CSV file.
            on_error: as for `labelled_records`.
            further: names of columns that the model does not read, and that the records are to
                have under the same names.

        Raises:
            ValueError: for a further column that is called as an input that is another column, and
                as `labelled_records`.
        """
        from mmzoo.commands.labelled_records import labelled_records
        from mmzoo.commands.predict_file import chosen_root

        targets = self.preprocessor.targets
        are_numbers = {name: _are_numbers(target) for name, target in targets.items()}
        records, note = labelled_records(
            path,
            self._with_further(further),
            self.metadata["label"],
            root,
            on_error,
            class_names=self.preprocessor.class_names,
            regression=are_numbers["head"] if {*are_numbers} == {"head"} else are_numbers,
            label_delimiter=self.metadata.get("label_delimiter"),
            encoding=encoding,
            separator=separator,
        )
        if note:
            print(note)
        if root is None and records.root is not None:
            roots = self.roots(records.root)
            records.root = chosen_root(records, self.preprocessor.inputs, roots)
            say_root(records.root, roots)
        return records

    def _with_further(self, names):
        """`columns`, and further ones under their own names."""
        for name in names:
            if self.columns.get(name, name) != name:
                raise ValueError(
                    f"The column {name!r} is called as the input {name!r}, which is the column "
                    f"{self.columns[name]!r}. Give it another name in the file."
                )
        return {**dict(zip(names, names, strict=True)), **self.columns}

    def readable_records(
        self, path, root=None, encoding=None, separator=None, on_error="raise", further=()
    ):
        """`labelled_records` that `on_error` leaves, after every file was read once."""
        from mmzoo.commands.readable_records import readable_records

        records = self.labelled_records(path, root, encoding, separator, on_error, further)
        return readable_records(records, self.preprocessor.inputs, on_error, self.preprocessor)

    def example_records(self, count, path=None, root=None, encoding=None, separator=None):
        """A few labelled rows: test rows of the training, or rows of another file.

        Args:
            count: how many, at most; they are taken evenly from all.
            path: as for `labelled_records`; `None`: the file of the training, of which only the
                test rows count. Where it is no longer there, that is said.
            root: as for `labelled_records`.
            encoding: likewise.
            separator: likewise.

        Returns:
            `mmzoo.data.Records`, or `None` where there are none.
        """
        names = None
        if path is None:
            config = self.config()
            path = trained_on = config.get("csv") or "of no file"
            if not os.path.exists(path):  # it was relative to where the training was started
                path = os.path.join(self.metadata.get("root") or "", os.path.basename(path))
            if not os.path.exists(path):
                print(f"No examples: the rows of the training, {trained_on}, are not there.")
                return None
            names = {name.removeprefix(trained_on) for name in self.test_rows()}
            encoding, separator = config.get("encoding"), config.get("separator")
            root = root or config.get("root")
        records = self.labelled_records(path, root, encoding, separator, on_error="skip")
        rows = range(len(records))
        if names is not None:
            rows = [row for row in rows if records.describe(row).removeprefix(path) in names]
        if not rows:
            print(f"No examples: {path} no longer has the test rows of the training.")
            return None
        places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
        return records.take([rows[place] for place in places])

    def config(self):
        """Dict of the arguments that the run was called with; empty, if it does not say."""
        path = os.path.join(self.folder, CONFIG_FILE)
        if not os.path.isfile(path):
            return {}
        with open(path, encoding="utf-8") as file:  # every line is a name and JSON
            pairs = (line.partition(": ") for line in file if line.strip())
            return {name: json.loads(value) for name, _, value in pairs if name != "mmzoo"}

    def test_rows(self):
        """List of the names of the test rows; empty, if the run does not say."""
        path = os.path.join(self.folder, SPLIT_FILE)
        if not os.path.isfile(path):
            return []
        with open(path, encoding="utf-8", newline="") as file:
            return [line["row"] for line in csv.DictReader(file) if line["part"] == "test"]


def _are_numbers(target):
    """Whether labels are numbers to predict; `None`: neither they nor classes, but texts, tags."""
    if hasattr(target, "class_names"):
        return target.class_names is None
    return True if target.main_output == "values" else None


def say_root(root, roots):
    """Prints where files are taken from, if it is not from beside the rows."""
    if isinstance(roots, list) and roots and root != roots[0]:
        print(f"Files are taken from {root}, as in the training: they are not beside the rows.")
