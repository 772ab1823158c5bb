"""ColumnOptions: the columns of a file, and what a model reads of them."""

import dataclasses
import functools
import keyword
import re
from typing import Annotated

import typer

from mmzoo.commands.names import head_names
from mmzoo.commands.options import Encoding, Root, Separator

Columns = list[str] | None
#: Options that name columns, by what they are read as.
KINDS = ("image", "text", "audio", "video", "numeric", "categorical", "features")
#: What sizes are where neither an option nor the data says.
IMAGE_SIZE, TEXT_LENGTH = 64, 64
#: The longest text that is read whole where its length is found in the data.
LONGEST_TEXT = 256


def _column(what):
    """An option that names a column of a file."""
    return typer.Option(metavar="COLUMN", help=f"Column of {what}; repeatable.")


@dataclasses.dataclass(kw_only=True)
class ColumnOptions:
    """Which columns of a file are what, how large a model's inputs are, and what answers.

    Every field is an option of `mmzoo train` and of `mmzoo check`.
    """

    image: Annotated[Columns, _column("picture paths")] = None
    text: Annotated[Columns, _column("texts")] = None
    audio: Annotated[Columns, _column("paths of sounds")] = None
    video: Annotated[Columns, _column('paths of frames, ["1.jpg", "2.jpg"]')] = None
    numeric: Annotated[Columns, _column("numbers")] = None
    categorical: Annotated[Columns, _column("categories")] = None
    features: Annotated[Columns, _column("vectors, [0.1, 0.2]")] = None
    root: Root = None
    encoding: Encoding = None
    separator: Separator = None
    image_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Side of the pictures and frames, in pixels; 64, of smaller ones less where no "
            "column is named.",
        ),
    ] = None
    text_length: Annotated[
        int | None,
        typer.Option(
            min=1, help="Tokens a text is cut to; 64, or by the texts where no column is named."
        ),
    ] = None
    vocabulary_size: Annotated[int, typer.Option(min=3, help="Most words to know.")] = 10_000
    frames: Annotated[int, typer.Option(min=1, help="Most frames of a video to look at.")] = 8
    sample_rate: Annotated[int, typer.Option(min=1, help="Samples a second of sounds.")] = 16_000
    seconds: Annotated[float, typer.Option(help="Length that sounds are cut or padded to.")] = 5.0
    optional: Annotated[
        Columns,
        typer.Option(
            metavar="INPUT",
            help="Input that may be absent, or its column, such as `image`; repeatable.",
        ),
    ] = None
    regression: Annotated[
        Columns,
        typer.Option(
            "--regression",
            metavar="[LABEL]",
            help="The labels, or those of one column, are numbers to predict; otherwise they are "
            "if one has a decimal point.",
        ),
    ] = None
    classes: Annotated[
        Columns,
        typer.Option(
            "--classes",
            metavar="[LABEL]",
            help="The labels, or those of one column, are classes, whatever they look like.",
        ),
    ] = None
    label_delimiter: Annotated[
        Columns,
        typer.Option(
            metavar="TEXT",
            help="What stands between several labels of a row, such as '|'; with several --label "
            "that of one, 'tags=|'; repeatable.",
        ),
    ] = None
    head: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[LABEL=]NAME",
            help="What answers, where it is no class and no number: words (a text that is "
            "written), transcript, tags, box, mask; with several --label of one, caption=words; "
            "repeatable.",
            autocompletion=head_names,
        ),
    ] = None

    def inferred(self, path, label):
        """These options, with columns by what the file holds where none is named.

        Args:
            path: the file.
            label: names of the columns of labels.

        Returns:
            `(options, inferred)`: `inferred` is a `mmzoo.data.inference.InferredColumns`, or `None`
            where columns are named.

        Raises:
            ValueError: as `mmzoo.data.inference.infer_columns`.
        """
        if any(getattr(self, kind) for kind in KINDS):
            return self, None
        from mmzoo.data.inference import infer_columns

        found = infer_columns(path, label, self.root, self.encoding, self.separator)
        sizes = [kind.sizes for kind in found.kinds]
        sides = [each["side"] for each in sizes if "side" in each]
        lengths = [each["length"] for each in sizes if "length" in each]
        chosen = {kind: found.of(kind) or None for kind in KINDS}
        if sides and self.image_size is None:
            chosen["image_size"] = min(_rounded_up(max(sides)), IMAGE_SIZE)
        if lengths and self.text_length is None:
            chosen["text_length"] = min(_rounded_up(max(lengths)), LONGEST_TEXT)
        return dataclasses.replace(self, **chosen), found

    @functools.cached_property
    def _inputs(self):
        """Dict from the name of an input to its kind and its column, or the columns of a table."""
        files = {
            kind: getattr(self, kind) or []
            for kind in ("image", "text", "audio", "video", "features")
        }
        cells = [*(self.numeric or []), *(self.categorical or [])]
        if not cells and not any(files.values()):
            raise ValueError(
                "Give at least one column: --image, --text, --audio, --video, --numeric, "
                "--categorical or --features."
            )
        inputs = {kind: (kind, columns[0]) for kind, columns in files.items() if len(columns) == 1}
        if cells:
            inputs["tabular"] = "tabular", cells
        several = {kind: columns for kind, columns in files.items() if len(columns) > 1}
        for kind, columns in several.items():
            for number, column in enumerate(columns, start=1):
                own = column not in inputs and _can_be_a_name(column)
                inputs[column if own else f"{kind}_{number}"] = kind, column
        order = [*files, "tabular"]
        return dict(sorted(inputs.items(), key=lambda each: order.index(each[1][0])))

    @property
    def columns(self):
        """Dict from the name of an input to the column, or the columns of a table, it comes from.

        The one column of a kind is called as the kind, `image`. Of several each keeps its own name
        where that can be the name of an input, and is else `image_1`, `image_2`, ...

        Raises:
            ValueError: when there is no column.
        """
        return {name: column for name, (_, column) in self._inputs.items()}

    def records(self, path, label, on_error="raise"):
        """The rows of a file.

        Args:
            path: the file or folder, as for `mmzoo.data.from_file`.
            label: names of the columns of labels, or `None`.
            on_error: as for `labelled_records`.

        Returns:
            `(records, note)`, as `labelled_records`.
        """
        from mmzoo.commands.labelled_records import labelled_records

        return labelled_records(
            path,
            self.columns,
            label[0] if label and len(label) == 1 else label,
            self.root,
            on_error,
            regression=self._regression(label or []),
            label_delimiter=self.delimiter(label or []),
            encoding=self.encoding,
            separator=self.separator,
        )

    def delimiter(self, labels):
        """What stands between several labels of a row; of several answers a dict by their name."""
        found = {}
        for text in self.label_delimiter or ():
            name, is_named, delimiter = text.partition("=")
            if len(labels) == 1:
                name, delimiter = labels[0], text
            elif not is_named or name not in labels or not delimiter:
                raise ValueError(
                    f"--label-delimiter {text}: with several --label it has to be NAME=TEXT, the "
                    f"name one of {', '.join(labels)}."
                )
            found[name] = delimiter
        return (found or None) if len(labels) > 1 else next(iter(found.values()), None)

    def heads(self, labels, length=32):
        """The heads that are named.

        Args:
            labels: names of the columns of labels.
            length: most words of an answer that is written.

        Returns:
            Dict from the name of an answer, `"head"` where there is one, to a head's config.

        Raises:
            ValueError: for a name that is no head's, or a label that is none.
        """
        from mmzoo.utils.identifiers import unknown

        if self.head and not labels:
            raise ValueError("--head needs --label, the column of the labels that it answers with.")
        found = {}
        for text in self.head or ():
            label, is_named, name = text.rpartition("=")
            if (is_named or len(labels) > 1) and label not in labels:
                raise ValueError(
                    f"--head {text}: it has to be LABEL=NAME, the label one of {', '.join(labels)}."
                )
            if name not in head_names():
                raise unknown("head", name, head_names())
            config = {"length": length} if name == "words" else {}
            answer = label if len(labels) > 1 else "head"
            found[answer] = {"class_name": name, "config": config}
        return found

    def _regression(self, labels):
        """Whether labels are numbers to predict; of several a dict by the name of the column."""
        kinds = dict.fromkeys(labels)
        for option, is_number in (("regression", True), ("classes", False)):
            for name in getattr(self, option) or ():
                if name not in ("", *labels):
                    raise ValueError(
                        f"--{option} {name}: that is no --label; these are: {', '.join(labels)}."
                    )
                for label in [name] if name else labels:
                    if kinds[label] not in (None, is_number):
                        raise ValueError(f"--label {label} can't be --regression and --classes.")
                    kinds[label] = is_number
        return kinds if len(labels) > 1 else next(iter(kinds.values()), None)

    def inputs(self, records=None, **more):
        """The modalities that the columns become.

        Args:
            records: the rows, which show how wide vectors are; `None`: before they were read, to
                find mistakes in the other arguments.
            **more: dict from a kind of modality to further arguments of it.

        Returns:
            Dict from the name of an input to its modality.

        Raises:
            ValueError: for an input that does not exist, or impossible arguments.
        """
        from mmzoo import modalities

        makers = {
            "image": modalities.Image,
            "text": modalities.Text,
            "audio": modalities.Audio,
            "video": modalities.Video,
            "features": modalities.Features,
            "tabular": modalities.Tabular,
        }
        arguments = {
            "image": {"size": self.image_size or IMAGE_SIZE},
            "text": {
                "length": self.text_length or TEXT_LENGTH,
                "vocabulary_size": self.vocabulary_size,
            },
            "audio": {"sample_rate": self.sample_rate, "seconds": self.seconds},
            "video": {"frames": self.frames, "size": self.image_size or IMAGE_SIZE},
            "features": {},
            "tabular": {"numeric": self.numeric or [], "categorical": self.categorical or []},
        }
        may_be_absent = self._optional()
        inputs = {}
        for name, (kind, _) in self._inputs.items():
            options = {**arguments[kind], **more.get(kind, {}), "optional": name in may_be_absent}
            if kind == "features":
                options["dim"] = 1 if records is None else _width(records.column(name))
            inputs[name] = makers[kind](**options)
        return inputs

    def _optional(self):
        """The names of the inputs that may be absent."""
        names = {column: name for name, column in self.columns.items() if isinstance(column, str)}
        names |= {name: name for name in self.columns}
        unknown = [name for name in self.optional or [] if name not in names]
        if unknown:
            raise ValueError(
                f"No such input: --optional {', '.join(sorted(unknown))}. There are: "
                f"{', '.join(self.columns)}."
            )
        return {names[name] for name in self.optional or []}


def _rounded_up(number):
    return -(-number // 8) * 8


def _can_be_a_name(column):
    """Whether an input of a model can be called as a column is."""
    from mmzoo.modalities.check_inputs import RESERVED_NAMES, RESERVED_SUFFIXES

    return (
        re.fullmatch("[a-z][a-z0-9_]*", column) is not None
        and not keyword.iskeyword(column)
        and column not in RESERVED_NAMES
        and not column.endswith(RESERVED_SUFFIXES)
    )


def _width(cells):
    """How many numbers the first cell has, such as `[0.1, 0.2]`; of a list of lists, how wide."""
    from mmzoo.raw.lists import parsed_numbers

    cell = next((cell for cell in cells if cell is not None), [0.0])
    try:
        cell = parsed_numbers(cell) if isinstance(cell, str) else cell
        return (None, len(cell[0])) if hasattr(cell[0], "__len__") else len(cell)
    except (ValueError, IndexError):
        return 1  # which is no width of what is there, so that the error names the row
