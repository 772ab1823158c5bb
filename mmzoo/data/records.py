"""Rows of raw values, and the tf.data pipeline made of them."""

import functools
import warnings

import numpy as np

from mmzoo.data import bad_rows
from mmzoo.data.pipeline.on_error import may_fail
from mmzoo.data.row_names import RowNames, TakenRowNames
from mmzoo.data.splitting import split_groups, split_labelled_rows, split_rows
from mmzoo.data.table_columns import check_columns, column_cells
from mmzoo.raw.absent import is_absent
from mmzoo.raw.cells import number
from mmzoo.raw.plain_value import plain_value
from mmzoo.targets.label_column import ONLY, LabelColumn
from mmzoo.targets.labels import balanced_weights, plain_labels
from mmzoo.targets.of_dataset import remember_source, remember_targets

#: Methods that are functions now.
MOVED = {
    "listed": bad_rows.listed,
    "named": bad_rows.describe_rows,
    "unreadable_message": bad_rows.unreadable_message,
}
ROWS = RowNames()


class Records:
    """Rows of mixed raw data: paths, encoded bytes, strings, numbers. Never decoded pixels.

    Made by the functions `mmzoo.data.from_...`.

    Args:
        columns: dict from modality name to a sequence of raw values, all of one length. Those of a
            table are dicts from column to cell, or together one dict of columns.
        labels: sequence of labels: strings, booleans or integers (classes), lists of strings
            (several labels a row, or none), floats (numbers), or rows of numbers `(rows, units)`;
            as arrays or tensors, too. Integers as targets of a regression: give them as floats.
            `None`: unlabelled. A dict of such by the name of an answer, where there are several
            answers: a row may then lack some of them (`None` or NaN).
        class_names: names of the classes in the order of their indices; `None`: those that occur,
            sorted. Beside them integers are names if they are among these, else indices; so are
            those in lists. For rows of numbers: the names of their columns. Lists of strings are
            kept as rows of zeros and ones, `(rows, classes)`. With several answers a dict.
        sample_weight: sequence of finite floats, not negative, or `None`. Needs labels.
        root: folder that relative paths start from.
        describe: function from a position to what a message should call that row.
        label_sources: dict from the name of an answer (`"head"`, where there is only one) to
            `(column, name)`: the column of its labels, and what messages call the file it is in.

    Raises:
        ValueError: for no rows, columns of different lengths, labels that are absent or NaN,
            labels outside `class_names`, one class only, or impossible weights.
        TypeError: where a column is one value rather than a sequence.
    """

    def __init__(
        self,
        columns,
        labels=None,
        class_names=None,
        sample_weight=None,
        root=None,
        describe=ROWS,
        label_sources=None,
    ):
        for name, values in columns.items():
            if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
                raise TypeError(
                    f"Column {name!r} must be a sequence of values, one a row; received one value: "
                    f"{values!r}."
                )
        self.columns = {
            name: _plain_column(name, values, describe) for name, values in columns.items()
        }
        self.root = root
        self.describe = describe
        self.several_answers = isinstance(labels, dict)
        of_answers = labels if self.several_answers else {ONLY: labels}
        of_answers = {name: _sized(raw) for name, raw in of_answers.items() if raw is not None}
        lengths = {name: len(values) for name, values in self.columns.items()}
        for name, raw in of_answers.items():
            lengths[f"labels of {name}" if self.several_answers else "labels"] = len(raw)
        if sample_weight is not None:
            lengths["sample_weight"] = len(sample_weight)
        if len(set(lengths.values())) > 1:
            raise ValueError(f"Columns must have one length; received: {lengths}.")
        if not self.columns or not all(lengths.values()):
            raise ValueError("There are no rows.")
        #: What a source says of rows that it left out, for they have no label; or `None`.
        self.left_out = None
        sources = label_sources or {}
        self.label_columns = self._checked_labels(of_answers, class_names, sources)
        self.sample_weight = self._checked_weights(sample_weight)

    def _checked_labels(self, of_answers, class_names, sources):
        """Dict from the name of an answer to its `LabelColumn`."""
        if not self.several_answers:
            return {
                name: raw
                if isinstance(raw, LabelColumn)
                else LabelColumn(raw, class_names, self.describe, source=sources.get(name))
                for name, raw in of_answers.items()
            }
        class_names = class_names or {}
        unknown = sorted({*class_names} - {*of_answers}) if isinstance(class_names, dict) else None
        if unknown is None or unknown:
            raise ValueError(
                "With several answers `class_names` is a dict from the name of an answer, one of "
                f"{', '.join(of_answers)}, to the names of its classes; received: {class_names!r}."
            )
        columns = {}
        for name, raw in of_answers.items():
            if isinstance(raw, LabelColumn):
                columns[name] = raw
                continue
            try:
                source = sources.get(name, (name, "the labels"))
                columns[name] = LabelColumn(raw, class_names.get(name), self.describe, True, source)
            except ValueError as error:
                raise ValueError(f"Labels of {name!r}: {error}") from None
        return columns

    @property
    def labels(self):
        """The labels: a list of class names or files, or an array; `None` where there are none.

        With several answers a dict of these by the name of the answer; where a row lacks a label it
        is `None`, or NaN in an array.
        """
        labels = {name: column.labels for name, column in self.label_columns.items()}
        return labels if self.several_answers else labels.get(ONLY)

    @property
    def class_names(self):
        """The names of the classes, `None` where labels are none; with several answers a dict."""
        names = {name: column.class_names for name, column in self.label_columns.items()}
        return names if self.several_answers else names.get(ONLY)

    def _checked_weights(self, sample_weight):
        """Weights as float32, or `None`."""
        if sample_weight is None:
            return None
        if not self.label_columns:
            raise ValueError("`sample_weight` needs labels: it weighs their loss.")
        try:
            weights = np.asarray(sample_weight, "float32")
        except (TypeError, ValueError):
            weights = np.array([self._weight(row, x) for row, x in enumerate(sample_weight)])
        if weights.shape != (len(self),):
            raise ValueError(
                f"`sample_weight` must be one number a row; received the shape {weights.shape}."
            )
        bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if bad.size:
            raise ValueError(
                f"{self.describe(int(bad[0]))}: the sample weight {weights[bad[0]]} is not "
                "a finite number from 0 on."
            )
        return weights

    def _weight(self, row, cell):
        try:
            return number(cell)
        except ValueError as error:
            raise ValueError(f"{self.describe(row)}: the sample weight {error}.") from None

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __repr__(self):
        classes = ""
        if self.several_answers:
            classes = f"; answers: {', '.join(self.label_columns)}"
        elif self.class_names:
            classes = f", {len(self.class_names)} classes"
        return f"<Records: {len(self)} rows, {', '.join(self.columns)}{classes}>"

    def column(self, name):
        """The raw values of one column, `None` where one is absent.

        Args:
            name: modality name.

        Returns:
            A list.

        Raises:
            ValueError: when there is no such column.
        """
        if name not in self.columns:
            raise ValueError(f"The records have no column {name!r}; they have: "
                             f"{', '.join(self.columns)}.")  # fmt: skip
        return self.columns[name]

    def take(self, rows):
        """The records of some rows.

        Args:
            rows: sequence of positions, counted from 0.

        Returns:
            `Records` with the same classes.
        """
        rows = [int(row) for row in rows]
        taken = object.__new__(Records)
        taken.columns = {
            name: [values[row] for row in rows] for name, values in self.columns.items()
        }
        taken.root, taken.left_out = self.root, None
        taken.describe = TakenRowNames(self.describe, rows)
        taken.several_answers = self.several_answers
        taken.label_columns = {
            name: column.take(rows) for name, column in self.label_columns.items()
        }
        taken.sample_weight = None if self.sample_weight is None else self.sample_weight[rows]
        return taken

    def unlabelled(self):
        """The same rows without labels, as for a prediction."""
        return Records(self.columns, root=self.root, describe=self.describe)

    def class_weight(self, answer=None):
        """Weights for `model.fit(class_weight=...)` that make every class count the same.

        Args:
            answer: name of the answer, where there are several. `fit` then takes a dict:
                `{"category": records.class_weight("category")}`.

        Returns:
            Dict from class index to `rows / (classes * rows of the class)`; 1 for a class without
            rows.

        Raises:
            ValueError: where the rows do not have one class each.

        Example:

        >>> import mmzoo
        >>> records = mmzoo.data.from_arrays({"text": ["a", "b", "c", "d"]}, labels=list("xxxy"))
        >>> records.class_weight()
        {0: 0.6666666666666666, 1: 2.0}
        """
        if answer is None and self.several_answers:
            raise ValueError(
                f"`answer` must name the answer, one of: {', '.join(self.label_columns)}."
            )
        column = self.label_columns.get(ONLY if answer is None else answer)
        if column is None or not column.is_classes:
            found = "none" if column is None else f"labels of shape {np.shape(column.labels)}"
            raise ValueError(f"Class weights need one class a row; the records have {found}.")
        return balanced_weights(column.labels, column.class_names)

    def content_groups(self, *names):
        """Groups of rows that share a value: for `split(groups=...)`, so that no copy straddles it.

        Files are compared by their bytes, whatever their names, all other values as they are. Rows
        that share a value with the same row are in one group, too; absent values are not shared.
        Every file is read once.

        Args:
            *names: the columns to compare; none: all.

        Returns:
            A list with the number of the group of each row.

        Raises:
            ValueError: when there is no such column.
            FileNotFoundError: for a path that does not exist; names the row.

        Example:

        >>> import mmzoo
        >>> records = mmzoo.data.from_arrays({"text": ["a", "b", "a"], "image": [b"1", b"2", b"2"]})
        >>> records.content_groups("text"), records.content_groups()
        ([0, 1, 0], [0, 0, 0])
        """
        from mmzoo.data.content import content_groups

        return content_groups(self, names or tuple(self.columns))

    def write_tfrecords(self, folder, shards=1, paths=None):
        """Writes the rows, with the bytes of their files, to TFRecord files.

        `mmzoo.data.from_tfrecords(folder)` reads them back. Every file is written under another
        name first and then renamed; a call that was interrupted goes on with the files that lack
        when it is repeated. Lists stay lists: of files, of words, and in labels of classes, tags,
        texts and spans.

        Args:
            folder: where to write; a local path or a URL that `tf.io.gfile` knows.
            shards: number of files.
            paths: names of the columns whose strings are paths of files; `None`: those whose first
                value is the path of a file that exists.

        Raises:
            ValueError: for an impossible number of shards, values that can't be written, or a
                folder with shards of other rows.
            FileNotFoundError: for a path that does not exist; names the row.
        """
        from mmzoo.data.tfrecords.write_tfrecords import write_tfrecords

        write_tfrecords(self, folder, shards, paths)

    def split(self, *fractions, seed=0, stratify=True, groups=None):
        """Splits the rows at random, class by class.

        Args:
            *fractions: shares of the rows, at most 1 in sum.
            seed: the same seed gives the same split.
            stratify: whether every part gets its share of every class; with groups, or several
                labels a row, as nearly as they allow.
            groups: what must stay together in one part, such as the pictures of one product: the
                name of a column, or a sequence of one value a row, such as
                `records.content_groups("image")`. `None`: each row is on its own.

        Returns:
            A list of `Records`, one a fraction, each in the order of the rows.

        Raises:
            ValueError: for impossible fractions, a part that would be empty, or groups of another
                number than there are rows.

        Example:

        >>> import mmzoo
        >>> texts = [f"text {i}" for i in range(10)]
        >>> records = mmzoo.data.from_arrays({"text": texts}, labels=["a", "b"] * 5)
        >>> [len(part) for part in records.split(0.8, 0.2)]
        [8, 2]
        """
        if not fractions or min(fractions) <= 0 or sum(fractions) > 1 + 1e-6:
            raise ValueError(
                f"Fractions must be positive and at most 1 in sum; received: {fractions}."
            )
        membership = self._membership() if stratify else np.zeros(len(self), int)
        generator = np.random.default_rng(seed)
        if groups is None:
            split = split_rows if membership.ndim == 1 else split_labelled_rows
            parts = split(membership, fractions, generator)
        else:
            groups = self.column(groups) if isinstance(groups, str) else list(groups)
            if len(groups) != len(self):
                raise ValueError(f"There are {len(self)} rows, but {len(groups)} in `groups`.")
            index = {value: i for i, value in enumerate(dict.fromkeys(groups))}
            groups = np.array([index[value] for value in groups])
            parts = split_groups(membership, groups, fractions, generator)
        if not all(parts):
            raise ValueError(
                f"Splitting {len(self)} rows by {fractions} leaves a part without rows."
            )
        return [self.take(rows) for rows in parts]

    def _membership(self):
        """What to stratify by: the classes of the first answer that has some.

        Indices `(rows,)`, or where a row may have several, zeros and ones by class.
        """
        for column in self.label_columns.values():
            labels = column.labels
            if column.is_classes:
                index = {name: i for i, name in enumerate([None, *column.class_names])}
                return np.array([index[label] for label in labels])
            if (
                isinstance(labels, np.ndarray)
                and labels.ndim == 2
                and np.isin(labels, (0, 1)).all()
            ):
                return labels
        return np.zeros(len(self), int)

    def without_values(self, places):
        """The records with some values absent.

        Args:
            places: pairs of a position and a modality name.

        Returns:
            `Records` with the same rows.
        """
        changed = self.take(range(len(self)))
        for row, name in places:
            changed.columns[name][row] = None
        return changed

    def check(self, inputs):
        """Checks what needs no file to be read: columns, cells, vectors, whether files exist.

        Args:
            inputs: dict from modality name to modality.

        Raises:
            ValueError: for a missing column, an absent value of a modality that is not optional, a
                cell that is no number, or a vector of another width; names the rows.
            FileNotFoundError: for a path that does not exist; names the rows.
        """
        bad_rows.check_usable(self, inputs)

    def __getattr__(self, name):
        function = MOVED.get(name)
        if function is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        warnings.warn(
            f"`Records.{name}` is now the function `mmzoo.data.bad_rows.{function.__name__}`.",
            DeprecationWarning,
            stacklevel=2,
        )
        return functools.partial(function, self)

    def validate(self, inputs, preprocessor=None, verbose=False, head=None):
        """Reads and decodes every value, in parallel, and says what is wrong or suspicious.

        What can't be read is what `to_dataset` can't read: the values go through the same
        preprocessing. A file that is named in several rows is read once.

        Args:
            inputs: dict from modality name to modality.
            preprocessor: an adapted `mmzoo.Preprocessor`, whose vocabulary texts are held against;
                `None`: one is learned from these rows.
            verbose: whether to show the progress.
            head: the head, or the dict of heads, that is to learn the labels, as for
                `mmzoo.build_model`. A label that it can't be taught is an error then: a box that is
                not in its picture, a mask of another size, tags of another number than words.
                `None`: labels are what they look like.

        Returns:
            A `mmzoo.data.ValidationReport`: errors (absent, missing, empty, truncated, too large,
            unreadable, label), warnings (tiny, narrow, one colour, silent, not UTF-8, duplicate,
            contradiction), and figures (sizes, numbers of tokens, classes). `report.check()` raises
            an error that names the rows, if there are errors.

        Raises:
            ValueError: when there is no such column, nothing to learn a vocabulary from, or
                something is wrong with labels as a whole.

        Example:

        >>> import mmzoo
        >>> texts = ["a cat", "a dog", "", "a cat"]
        >>> records = mmzoo.data.from_arrays({"text": texts}, labels=["x", "y", "x", "y"])
        >>> report = records.validate({"text": mmzoo.Text(length=4, vocabulary_size=10)})
        >>> [(finding.row, finding.severity, finding.kind) for finding in report.findings]
        [(2, 'error', 'absent'), (3, 'warning', 'duplicate'), (3, 'warning', 'contradiction')]
        >>> prices = mmzoo.data.from_arrays({"text": ["a cat", "a dog"]}, labels=[0.0, 9.5])
        >>> head = mmzoo.heads.Regression(scale="log")
        >>> prices.validate(report.inputs, head=head).errors[0].message
        "the label 0.0 is not positive, and scale='log' takes logarithms..."
        """
        from mmzoo.data.validation.validation import validate

        return validate(self, inputs, preprocessor, verbose, head)

    def to_dataset(
        self,
        preprocessor,
        batch_size=32,
        training=False,
        seed=0,
        cache=False,
        on_error="raise",
        shard=(0, 1),
        epoch=None,
        first_step=0,
    ):
        """A `tf.data.Dataset` of batches for `fit`, `evaluate` and `predict`.

        Decoding runs in parallel and after the shuffle, text a batch at a time. The same seed
        gives the same batches.

        Args:
            preprocessor: an adapted `mmzoo.Preprocessor`.
            batch_size: rows a batch.
            training: shuffles anew every epoch, augments, and drops the last short batch (unless
                it is the only one), so that all batches have one static shape.
            seed: of shuffling and augmentation.
            cache: `True` or `"memory"` decodes every row once, now, and keeps the result in
                memory; augmentation still differs from epoch to epoch. A path of a folder: keeps it
                there, also for later runs. What was decoded from other files or by another
                preprocessing is then noticed, and decoded anew.
            on_error: what happens to a row with a value that can't be used: absent where it has to
                be there, invalid, in a file that is missing or can't be read. `"raise"`: an error
                names it. `"skip"`: it is left out, and the batches are filled up with those behind
                it. `"missing"`: the value is absent, where the modality is optional; elsewhere it
                is an error. What was skipped or missing is logged at the end of every pass.
            shard: `(index, count)`: one of `count` workers' share of the rows. In training, the
                batches that all workers have at a step are, one behind the other, the batch that
                one would have with `count` times the `batch_size`; so all have the same number of
                batches.
                Otherwise all rows come, and a worker may have a batch more than another.
            epoch: which epoch it is, for the order of the rows and the augmentation: an integer, or
                a scalar int64 `tf.Variable` that is read when a pass begins. `None`: every pass is
                the next one.
            first_step: batches to leave out, so that an epoch that was interrupted goes on.

        Returns:
            Dataset of `inputs`, `(inputs, labels)` or `(inputs, labels, sample_weight)`; `inputs`
            is a dict of tensors, `labels` are int32 classes `(B,)` or float32 numbers. With several
            answers `labels` is a dict by the name of an answer; so are the weights, where a row may
            lack a label: its weight for that answer is 0.

        Raises:
            ValueError: for a missing column, an absent value of a modality that is not optional,
                a label the preprocessor does not know, an unknown `on_error`, `"missing"` without
                an optional modality, an impossible shard; with `cache`, when a value can't be
                decoded.
            FileNotFoundError: for a path that does not exist.
            tf.errors.InvalidArgumentError: while reading, when a value can't be decoded; names
                the row and the file.
        """
        preprocessor.check_adapted()
        inputs = preprocessor.inputs
        forgiven = may_fail(on_error, inputs)
        self._check_shard(shard, training, on_error, inputs)
        self.check({name: inputs[name] for name in inputs if name not in forgiven})

        from mmzoo.data.pipeline.pipeline import Pipeline

        pipeline = Pipeline(self, preprocessor, batch_size, training, seed, cache, on_error, shard)
        dataset = pipeline.dataset(epoch, first_step)
        if not training and shard == (0, 1):
            remember_source(dataset, self, preprocessor)
        return remember_targets(dataset, preprocessor.targets)

    def _check_shard(self, shard, training, on_error, inputs):
        index, count = shard
        if not 0 <= index < count <= len(self):
            raise ValueError(
                "`shard` must be (index, count), the index from 0 to count - 1, and no more shards "
                f"than the {len(self)} rows; received: {shard!r}."
            )
        if count > 1 and training and on_error == "skip":
            raise ValueError(
                "With on_error='skip' shards would have different numbers of batches, and workers "
                "would wait for each other for ever. Leave the bad rows out before: "
                "records.validate(inputs).usable_records('skip')."
            )
        variable = [
            name
            for name, modality in inputs.items()
            if any(None in shape for shape, _ in modality.tensors().values())
        ]
        if count > 1 and training and variable:
            raise ValueError(
                f"The length of {', '.join(variable)} varies from batch to batch, so shards would "
                "have batches of different shapes at the same step. Give it a length."
            )


def _sized(labels):
    """Labels as a sequence with a length."""
    if isinstance(labels, (list, tuple, LabelColumn)):
        return labels
    if isinstance(labels, np.ndarray) and labels.ndim:
        return labels
    return plain_labels(labels, "row {}".format)


def _plain_column(name, values, describe):
    """The values of a column in their plain form, `None` where one is absent.

    A table may come by columns, as a dict or a DataFrame; it becomes a list of dicts, one a row.
    """

    def plain(values):
        for row, value in enumerate(values):
            try:
                yield plain_value(value)
            except ValueError as error:
                raise ValueError(f"{describe(row)}: {name!r}: {error}.") from None

    if hasattr(values, "columns"):
        check_columns(f"The table {name!r}", list(values.columns), list(values.columns))
        values = {column: column_cells(values[column]) for column in values.columns}
    if not isinstance(values, dict):
        return list(map(_without_absent, plain(values)))
    lengths = {column: len(cells) for column, cells in values.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"The columns of {name!r} must have one length; received: {lengths}.")
    rows = zip(*map(plain, values.values()), strict=True)
    return [_without_absent(dict(zip(values, cells, strict=True))) for cells in rows]


def _without_absent(value):
    """The value, or `None` where it is absent; so with the cells of a row of a table."""
    if is_absent(value):
        return None
    if isinstance(value, dict):
        return {column: None if is_absent(cell) else cell for column, cell in value.items()}
    return value
