"""The base class of targets: raw label -> y, and prediction -> answer."""

import numpy as np

from mmzoo.targets.compared import Compared


class Target:
    """What a raw label is and what a prediction becomes: the mirror image of a modality.

    A target checks raw labels, learns from those of the training rows, and encodes them as the `y`
    of a batch. The other way it turns predictions into named outputs of an exported model, columns
    of a table, figures of a report and lines of a model card. A head makes a new one by
    `head.target()`; `mmzoo.Preprocessor` keeps one an answer, with what it learned.

    A subclass sets `kind` and `main_output`, and overrides what differs from numbers that are
    answered as they are.
    """

    #: What it is called in `mmzoo.targets.names()` and in reports.
    kind = None
    #: Name of the served output that is the prediction itself.
    main_output = "values"
    #: Name of the picture that answers are places in, so that its placement is at hand.
    picture = None
    #: Name of the text that answers are about, so that its words are at hand.
    text_name = None
    #: Whether raw labels that are strings are paths of files.
    strings_are_paths = False
    #: The ways in which `mmzoo.calibrate` can do it, the default first.
    calibration_methods = ()
    #: What `mmzoo.calibrate` found of the head, or `None`; `mmzoo.heads.targets_of` hands it over.
    calibration = None

    # --- Raw labels ---

    def check(self, labels, describe="row {}".format):
        """Raw labels as this target keeps them.

        Args:
            labels: sequence of raw labels, `None` where one is missing.
            describe: function from a position to how a message should call that row.

        Returns:
            A list or an array, one item a row; `None`, or NaN in an array, where one is missing.

        Raises:
            ValueError: for a label that is none of this kind; names the row.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `check`.")

    def check_beside(self, labels, texts, describe="row {}".format):
        """As `check`, where `text_name` names a text, of which the labels say something.

        Args:
            labels: sequence of raw labels, `None` where one is missing.
            texts: as many raw texts, `None` where one is absent.
            describe: function from a position to how a message should call that row.
        """
        return self.check(labels, describe)

    def learn(self, class_names):
        """Takes over the class table of records, where this target has classes and no table.

        Args:
            class_names: names of the classes, or `None`.
        """

    def notes(self, labels, class_names):
        """Warnings on the training labels as a whole.

        Args:
            labels: labels as `mmzoo.data.Records` keeps them.
            class_names: likewise.

        Returns:
            A list of sentences.
        """
        return []

    def validation_notes(self, labels, class_names):
        """As `notes`, where `Records.validate` looks at the labels; may say more."""
        return self.notes(labels, class_names)

    def adapt(self, labels):
        """Learns from the labels of the training rows.

        Args:
            labels: what `check` returned.
        """

    def get_config(self):
        """The arguments as JSON-able values."""
        return {}

    @classmethod
    def from_config(cls, config):
        """The target with these arguments."""
        return cls(**config)

    def get_state(self):
        """What was learned, as JSON-able values."""
        return {}

    def set_state(self, state):
        """Takes over what `get_state` returned."""

    def present(self, labels):
        """Which rows have a label.

        Args:
            labels: what `check` returned.

        Returns:
            `(rows,)` bool array.
        """
        if isinstance(labels, np.ndarray) and labels.dtype.kind == "f":
            return ~np.isnan(labels.reshape(len(labels), -1)).any(axis=1)
        return np.array([label is not None for label in labels], bool)

    def encode(self, labels, describe="row {}".format):
        """Labels -> what a pipeline takes rows out of.

        Args:
            labels: what `check` returned.
            describe: function from a position to how a message should call that row.

        Returns:
            An array, `(rows, ...)`, or a structure of them. A row without a label has any value
            that the loss can be computed for: its weight is 0.

        Raises:
            ValueError: for a label that was not learned.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `encode`.")

    def batch(self, y, decoded):
        """The last step in the pipeline, for what depends on the inputs of the row.

        Args:
            y: a batch of what `encode` returned, as tensors.
            decoded: dict from modality name to what `Preprocessor.element` made of the batch.

        Returns:
            The `y` that the model is trained with.
        """
        return y

    def inputs(self, y):
        """What the head is called with besides in training, see `mmzoo.heads.Head.input_tensors`.

        Args:
            y: a batch of what `batch` returned.

        Returns:
            Dict from the name of an argument to `(B, ...)` tensor.
        """
        return {}

    # --- Predictions ---

    def prediction_itself(self, prediction):
        """The prediction as the one tensor that is served as `main_output`."""
        return prediction

    def answers(self, prediction, decoded=None):
        """What `mmzoo.predict` returns.

        Args:
            prediction: array, as the model predicts it.
            decoded: dict from modality name to what `Preprocessor.element` made of these rows.

        Returns:
            An array or a list, one item a row.
        """
        return prediction

    def stacked(self, rows):
        """The answers of several batches in one.

        Args:
            rows: list of the answers of single rows; `None` where there is none.

        Returns:
            An array with NaN where there is none, or a list.
        """
        shape = next((np.shape(row) for row in rows if row is not None), ())
        nothing = np.full(shape or self.answer_shape(), np.nan, "float32")
        return np.stack([nothing if row is None else row for row in rows])

    def answer_shape(self):
        """The shape of an answer, for a table without any."""
        return (1,)

    def outputs(self, prediction, decoded=None):
        """The named outputs of an exported model, in its graph.

        Args:
            prediction: tensor, as the model predicts it.
            decoded: dict from modality name to what `Preprocessor.element` made of these rows;
                `None` where the model is called with tensors instead of raw rows.

        Returns:
            Dict from name to `(B, ...)` tensor.
        """
        return {self.main_output: prediction}

    def describe_outputs(self):
        """What a model card says of the outputs.

        Returns:
            Dict from the name of an output to `(shape, meaning)`, two strings, in their order.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `describe_outputs`.")

    def card_lines(self):
        """Further lines of a model card, such as the classes."""
        return []

    def card_facts(self):
        """The same for programs: JSON-able values by name."""
        return {}

    def columns(self, prediction, delimiter="|"):
        """What a table says of predictions.

        Args:
            prediction: array, as the model predicts it; NaN in rows without a prediction.
            delimiter: what stands between the labels of a row, where there may be several.

        Returns:
            Dict from name to a column, without a value where there is no prediction.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `columns`.")

    def score_columns(self, prediction):
        """What a table says of predictions, where the scores of all classes are wanted.

        Args:
            prediction: as for `columns`.

        Returns:
            Dict from name to a column, `score_<class>`; none by default.
        """
        return {}

    # --- Figures ---

    def check_y(self, y):
        """The `y` of a batch, in the one shape that `figures` takes.

        Args:
            y: array in any shape that the head trains with.

        Returns:
            An array, `(B, ...)`.

        Raises:
            ValueError: for another shape, or values that are no labels.
        """
        return np.asarray(y)

    def check_prediction(self, prediction, rows):
        """Raises a `ValueError` unless the predictions of a batch are finite and of that many rows.

        Args:
            prediction: array, as the model predicts it.
            rows: number of labels in the batch.
        """
        units = getattr(self, "units", None)
        shape = (rows, *prediction.shape[1:]) if units is None else (rows, units)
        if prediction.shape != shape:
            raise ValueError(
                f"The model must predict one array of shape {shape} for a batch of {rows} labels; "
                f"received the shape {prediction.shape}."
            )
        broken = ~np.isfinite(prediction.reshape(rows, -1)).all(axis=1)
        if broken.any():
            raise ValueError(
                f"The predictions are NaN or infinite in {int(broken.sum())} rows of a batch of "
                f"{rows}; the first is its row {int(broken.argmax())}. Check its inputs, and "
                "whether the training diverged."
            )

    def condensed(self, prediction):
        """What `figures` needs to know of the predictions of a batch; by default all.

        Args:
            prediction: array, as the model predicts it.

        Returns:
            An array of as many rows, and of one shape in all batches.
        """
        return prediction

    def judged(self, y, prediction, answer):
        """What a report needs of a batch where the head writes: of an answer, and of a prediction.

        Args:
            y: what `check_y` returned.
            prediction: array, as the model predicts it from the labels so far.
            answer: what the head wrote, structure of arrays `(B, ...)`.

        Returns:
            A structure of arrays `(B, ...)`, which `figures` takes as the prediction.
        """
        return answer

    def figures(self, y, prediction, sample_weight=None):
        """How good predictions are.

        Args:
            y: what `check_y` returned, of all rows.
            prediction: what `condensed` returned, of as many rows.
            sample_weight: `(rows,)` positive floats, or `None`.

        Returns:
            Dict of arguments of `mmzoo.Report`; what is none goes to `Report.figures`.
        """
        return {}

    def figures_by_row(self, y, prediction):
        """The figures that are means over rows, row by row, for intervals and for slices.

        Args:
            y: as for `figures`.
            prediction: likewise.

        Returns:
            Dict from the name of a figure, the foremost first, to `(amounts, counts)`, two
            `(rows,)` float arrays: the figure is the sum of amounts over the sum of counts. Empty
            by default.
        """
        return {}

    def traits(self, y):
        """What rows can be told apart by, such as their class, for `mmzoo.slices`.

        Args:
            y: what `check_y` returned, of all rows.

        Returns:
            Dict from a name to a sequence of one string or number a row. Empty by default.
        """
        return {}

    # --- Rows to look at ---

    #: What `Compared.loss` is, in words.
    loss_name = None

    def compared(self, labels, answers, beside=None):
        """What is right beside what was answered, for whoever looks at rows.

        Args:
            labels: what `check` returned; `None` or NaN where one is missing.
            answers: what `stacked` returned, of as many rows; `None` or NaN where there is none.
            beside: raw values of the input that answers are about, where that is a text.

        Returns:
            List of `mmzoo.targets.compared.Compared`. By default it has what `columns` says.
        """
        there, given = self.present(labels), self.present(answers)
        columns = self.columns(answers)
        rows = []
        for row, label in enumerate(labels):
            said = [values[row] for values in columns.values()]
            rows.append(
                Compared(
                    truth=str(label) if there[row] else None,
                    answer=", ".join(map(str, said)) if given[row] else None,
                )
            )
        return rows

    def said_at(self, labels, answers):
        """How often each class would be said, and be right, from a probability on.

        Args:
            labels: as for `compared`.
            answers: likewise.

        Returns:
            `(names, is_class, probabilities)`: those of the classes, `(rows, K)` bool and
            `(rows, K)` float, NaN where there is no label or no answer; `None` where answers have
            no probabilities.
        """

    # --- The model that it fits ---

    def complete(self, other):
        """Takes what this target lacks from one that learned from labels.

        Args:
            other: a target, or `None`.

        Returns:
            This target.
        """
        return self

    def check_fits(self, other):
        """Raises a `ValueError` where labels were read as something else than the head answers.

        Args:
            other: the target that learned from the labels, or `None`.
        """
