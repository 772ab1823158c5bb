"""ColumnKind: what one column seems to hold, and why."""

import collections
import dataclasses
import math
import os
import re

import numpy as np

from mmzoo.raw.absent import is_absent
from mmzoo.raw.cells import MISSING, category, number
from mmzoo.raw.file_heads import format_name, picture_size
from mmzoo.raw.lists import parsed_numbers, parsed_strings
from mmzoo.raw.paths import exists, open_bytes, resolve_path
from mmzoo.raw.words import count_words

#: How many files of a column are opened.
FILES_OPENED = 32
#: How much of a file tells what it is.
HEAD = 2**16
PICTURES, SOUNDS = ("JPEG", "PNG", "GIF", "BMP", "WebP"), ("WAV", "FLAC", "Ogg", "MP3")
ENDINGS = {
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "bmp", "webp"), "picture"),
    **dict.fromkeys(("wav", "flac", "ogg", "mp3"), "sound"),
}
#: A category has so few values: at most these, or at most this share of the rows.
FEW_VALUES, FEW_SHARE, MOST_CATEGORIES = 20, 0.1, 1000
#: A text has so many words, in the mean, or so many different values and at least two words.
WORDS_OF_A_TEXT, SHARE_OF_A_TEXT = 4.0, 0.3
#: An identifier is another one in so many rows.
SHARE_OF_AN_ID = 0.95
#: Fewer rows don't tell identifiers from measurements.
FEWEST_ROWS = 20
_ID_NAME = re.compile(r"(^|[\W_])(id|ids|idx|index|key|uuid|guid|nr|unnamed.*)$|^unnamed", re.I)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")


@dataclasses.dataclass(frozen=True)
class ColumnKind:
    """What a column seems to hold.

    Args:
        column: its name.
        kind: `"image"`, `"audio"`, `"text"`, `"numeric"`, `"categorical"`, `"features"`; `None`:
            it is left out.
        reason: why, in a few words.
        sizes: dict of what its values ask for, such as `{"length": 24}` of a text, in words.
    """

    column: str
    kind: str | None
    reason: str
    sizes: dict = dataclasses.field(default_factory=dict)


def column_kind(column, cells, root=None):
    """Tells what a column holds by its cells.

    Args:
        column: its name.
        cells: list of raw cells, as they stand in the file.
        root: folder that relative paths start from.

    Returns:
        A `ColumnKind`.

    Raises:
        ValueError: for a column of paths of which no file is there.

    Example:

    >>> column_kind("price", ["9.5", "12", "", "7"]).kind
    'numeric'
    >>> column_kind("shop", ["north", "south", "north", "north"]).reason
    '2 values in 4 rows'
    """
    cells = [None if _is_missing(cell) else cell for cell in cells]
    filled = [cell for cell in cells if cell is not None]
    if not filled:
        return ColumnKind(column, None, "every cell is empty")
    for tell in (_files, _vectors, _one_value, _dates, _numbers):
        found = tell(column, filled, root)
        if found is not None:
            return found
    return _words(column, filled)


def _is_missing(cell):
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return is_absent(cell)


def _first_file(cell):
    """The first file of a cell, a path or bytes, and whether it is one of a list."""
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        cell = parsed_strings(cell) or cell
    is_list = isinstance(cell, (list, tuple))
    return (cell[0] if is_list and cell else cell), is_list


def _files(column, filled, root):
    """Pictures or sounds, told by a sample of the files themselves."""
    step = -(-len(filled) // FILES_OPENED)
    sample = [_first_file(cell) for cell in filled[::step]]
    files = [file for file, _ in sample]
    if not all(isinstance(file, (str, bytes, os.PathLike)) for file in files):
        return None
    if any(isinstance(file, str) for file in files):
        endings = collections.Counter(_by_ending(file) for file in files)
        kind, count = endings.most_common(1)[0]
        if kind is None or count < 0.9 * len(files):
            return None
        paths = [resolve_path(root, file) for file in files]
        there = [path for path in paths if exists(path)]
        if not there:
            raise ValueError(
                f"Column {column!r} seems to hold paths of {kind}s, but none of {len(paths)} that "
                f"were looked for is there; the first is {paths[0]}. Say where the files are: "
                "root= (on the command line --root)."
            )
        heads = [_head(path) for path in there]
    else:
        heads = [bytes(file[:HEAD]) for file in files]
    formats = collections.Counter(filter(None, map(format_name, heads)))
    shown = ", ".join(name for name, _ in formats.most_common(3))
    listed = "lists of files, the first of which is taken: " if sample[0][1] else ""
    if formats and all(name in PICTURES for name in formats):
        sides = [max(size) for size in map(picture_size, heads) if size is not None]
        sizes = {"side": int(np.median(sides))} if sides else {}
        seen = f", {sizes['side']} pixels at the longer side" if sizes else ""
        return ColumnKind(column, "image", f"{listed}pictures ({shown}){seen}", sizes)
    if formats and all(name in SOUNDS for name in formats):
        return ColumnKind(column, "audio", f"{listed}sounds ({shown})")
    if isinstance(files[0], str):
        return None
    return ColumnKind(column, None, f"files of no kind that is read ({shown or 'unknown'})")


def _head(path):
    with open_bytes(path) as file:
        return file.read(HEAD)


def _by_ending(file):
    """`"picture"` or `"sound"`, by the ending of a path."""
    if not isinstance(file, str):
        return None
    _, dot, ending = file.strip().rpartition(".")
    return ENDINGS.get(ending.lower()) if dot else None


def _vectors(column, filled, root):
    """Lists of numbers, all of one length."""
    lengths = set()
    for cell in filled:
        if isinstance(cell, str):
            if not cell.lstrip().startswith(("[", "array(")):
                return None
            try:
                cell = parsed_numbers(cell)
            except ValueError:
                return None
        is_list = isinstance(cell, (list, tuple, np.ndarray)) and len(cell)
        if not is_list or not isinstance(cell[0], (int, float, np.number)):
            return None
        lengths.add(len(cell))
    if len(lengths) > 1:
        reason = f"lists of {min(lengths)} to {max(lengths)} numbers, which are no vectors"
        return ColumnKind(column, None, reason)
    return ColumnKind(column, "features", f"vectors of {lengths.pop()} numbers")


def _one_value(column, filled, root):
    texts = {cell_text(cell) for cell in filled}
    if len(texts) > 1:
        return None
    (text,) = texts
    return ColumnKind(column, None, f"every cell is {text[:40]!r}")


def cell_text(cell):
    """A cell as text; `""` where it is absent."""
    if is_absent(cell):
        return ""
    try:
        return category(cell)
    except (TypeError, ValueError):
        return repr(cell)


def _dates(column, filled, root):
    if all(_DATE.fullmatch(cell_text(cell).strip()) for cell in filled):
        return ColumnKind(
            column, None, "dates: put year, month or weekday into columns of their own"
        )
    return None


def _numbers(column, filled, root):
    if any(isinstance(cell, (bool, np.bool_)) for cell in filled):
        return None
    try:
        values = [number(cell) for cell in filled]
    except (TypeError, ValueError):
        return None
    texts = [cell.strip() for cell in filled if isinstance(cell, str)]
    if any(len(text) > 1 and text[0] == "0" and text.isdigit() for text in texts):
        return None  # "007" is a code
    whole = all(value == math.floor(value) for value in values)
    different = len(set(values))
    is_unique = len(filled) >= FEWEST_ROWS and different >= SHARE_OF_AN_ID * len(filled)
    if whole and is_unique:
        steps = np.diff(values)
        if _ID_NAME.search(column) or np.all(steps == steps[0]):
            return ColumnKind(column, None, f"an identifier: {different} values, each another")
    kind = "whole numbers" if whole else "numbers"
    return ColumnKind(column, "numeric", f"{kind} from {min(values):g} to {max(values):g}")


def _words(column, filled):
    """A text, a category or an identifier."""
    if any(isinstance(cell, (list, tuple, dict)) for cell in filled):
        return ColumnKind(column, None, "lists, of neither files nor numbers")
    texts = [cell_text(cell) for cell in filled]
    different, rows = len(set(texts)), len(texts)
    sample = texts[:: -(-rows // 2000)]
    counts = [count_words(text, "punctuation") for text in sample]
    mean, long = float(np.mean(counts)), int(np.percentile(counts, 99))
    is_text = mean >= WORDS_OF_A_TEXT or (mean >= 2 and different > SHARE_OF_A_TEXT * rows)
    few = different <= max(FEW_VALUES, FEW_SHARE * rows) and different <= MOST_CATEGORIES
    if few and not (is_text and different > FEW_VALUES):
        return ColumnKind(column, "categorical", f"{different} values in {rows} rows")
    codes = sum(text.isascii() and " " not in text.strip() for text in sample)
    is_unique = rows >= FEWEST_ROWS and different >= SHARE_OF_AN_ID * rows
    if is_unique and codes > 0.9 * len(sample):
        return ColumnKind(column, None, f"an identifier: {different} values, each another")
    if is_text or mean >= 1.5 or different > MOST_CATEGORIES:
        reason = f"texts of {mean:.0f} words in the mean, {long} at most in 99 %"
        return ColumnKind(column, "text", reason, {"length": long})
    return ColumnKind(column, "categorical", f"{different} values in {rows} rows")
