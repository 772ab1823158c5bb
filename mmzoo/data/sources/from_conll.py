"""Records of a CoNLL file: a word a line, an empty line behind each text."""

import io
import os

from mmzoo.data.records import Records
from mmzoo.data.row_names import ListedRowNames
from mmzoo.data.sources.label_columns import label_columns
from mmzoo.raw.compressed import open_uncompressed
from mmzoo.raw.encodings import check_encoding, check_no_utf16, decoding, wrong_encoding

#: A line that begins so stands between documents.
DOCUMENT = "-DOCSTART-"
#: The number of columns of CoNLL-U, in which the first numbers the words.
UNIVERSAL = 10


def from_conll(
    path, columns=None, label=-1, separator=None, comment=None, encoding=None, **options
):
    """Records of a file with a word a line, and its tags in further columns.

    Each text is a row: the list of its words, for an `mmzoo.Text(words="spaces")`; its label is the
    list of its tags, for the head `mmzoo.heads.Tags`. An empty line ends a text, and lines that
    begin with `-DOCSTART-` do not count. In CoNLL-U, which has ten columns, of which the first
    numbers the words, so do comments, ranges (`1-2`) and empty nodes (`1.1`).

    Args:
        path: the file, local or any URL of `tf.io.gfile`; it may be compressed, as in `from_csv`.
        columns: dict from modality name to the column of the words, counted from 0, or from -1 for
            the last; `None`: `{"text": 0}`.
        label: column of the tags; `None`: unlabelled. Several answers: a dict from the name of an
            answer to its column.
        separator: what stands between columns; `None`: spaces and tabs.
        comment: what comments begin with, such as `"#"`; `None`: there are none.
        encoding: of the file; `None`: UTF-8.
        **options: `root` and `sample_weight`, as in `mmzoo.data.Records`.

    Returns:
        `Records`; messages name the file and the line that a text begins at.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: for a line with fewer columns than those asked for, an empty word or tag, a file
            without texts, or another encoding.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "train.conll"
    >>> _ = path.write_text("in O\\nNew B-place\\nYork I-place\\n. O\\n\\nhello O\\n")
    >>> records = from_conll(path)
    >>> records.column("text"), records.labels
    ([['in', 'New', 'York', '.'], ['hello']], [['O', 'B-place', 'I-place', 'O'], ['O']])
    """
    path = os.fspath(path)
    check_encoding(encoding)
    columns = {"text": 0} if columns is None else dict(columns)
    of_answers = label_columns(label)
    wanted = [*columns.values(), *of_answers.values()]
    strange = [column for column in wanted if not isinstance(column, int)]
    if strange:
        raise ValueError(
            f"Columns of CoNLL files are numbers, counted from 0; received: {strange[0]!r}."
        )
    needed = max(column + 1 if column >= 0 else -column for column in wanted)
    texts = {column: [[]] for column in {*wanted}}
    numbers = []

    def end_text():
        if next(iter(texts.values()))[-1]:
            for values in texts.values():
                values.append([])

    for number, line in _lines(path, encoding):
        cells = line.split(separator) if separator is None else line.strip("\r\n").split(separator)
        if not line.strip() or line.startswith(DOCUMENT):
            end_text()
            continue
        if comment is not None and line.startswith(comment):
            continue
        if line.startswith("# ") and len(cells) != needed and not texts[wanted[0]][-1]:
            continue  # a comment of CoNLL-U: they stand in front of a text
        if len(cells) == UNIVERSAL and cells[0][0].isdigit() and not cells[0].isdigit():
            continue
        if len(cells) < needed:
            raise ValueError(
                f"{path}, line {number}: {len(cells)} columns, {line.strip()!r:.80}, but {needed} "
                "are asked for. Give `separator`, or other `columns` and `label`."
            )
        if not next(iter(texts.values()))[-1]:
            numbers.append(number)
        for column, values in texts.items():
            if not cells[column].strip():
                raise ValueError(f"{path}, line {number}: column {column} is empty.")
            values[-1].append(cells[column].strip())
    end_text()
    if not numbers:
        raise ValueError(f"There are no texts in {path}.")
    labels = {answer: texts[column][:-1] for answer, column in of_answers.items()}
    return Records(
        {name: texts[column][:-1] for name, column in columns.items()},
        labels.get("head") if [*labels] == ["head"] else labels or None,
        describe=ListedRowNames(numbers, f"{path}, line "),
        **options,
    )


def _lines(path, encoding):
    """Pairs of the number of a line, from 1, and its text."""
    with open_uncompressed(path) as file:
        if encoding is not None:
            try:
                lines = io.StringIO(file.read().decode(decoding(encoding)))
            except UnicodeError as error:
                raise ValueError(
                    f"{path} is not {encoding}: {error}. Give another encoding=."
                ) from None
            yield from enumerate(lines, start=1)
            return
        check_no_utf16(f"{path}, line 1", file.peek(64)[:64])
        for number, line in enumerate(file, start=1):
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise wrong_encoding(f"{path}, line {number}", line) from None
