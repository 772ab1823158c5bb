"""What the numbers of a map belong to: words, cells, frames, patches."""

import dataclasses

import numpy as np

from mmzoo.raw.cells import category, number
from mmzoo.raw.words import word_offsets


@dataclasses.dataclass(frozen=True, eq=False)
class Elements:
    """What the entries of an array belong to, in one row and one modality.

    Args:
        kind: `"pixels"`, `"frame pixels"` (of a video), `"words"`, `"cells"`, `"mel frames"`,
            `"segments"` (of a sound), `"numbers"` or `"vectors"` (of `mmzoo.Features`), `"tokens"`.
        names: words or pieces as the model knows them, names of columns; `None`: numbered.
        offsets: list of `(start, end)` in characters of the text as sent, a word each; `None` where
            that is not known.
        text: the text as sent, or `None`.
        cells: the cells of a table as sent, or `None`.
        seconds: `(N + 1,)`: where frames or segments begin, and the last one ends; or `None`.
    """

    kind: str
    names: tuple | None = None
    offsets: list | None = None
    text: str | None = None
    cells: tuple | None = None
    seconds: np.ndarray | None = None


def words_of(part, ids, valid, value):
    """The `Elements` of the tokens of a text.

    Args:
        part: the `Preprocessing` of the text.
        ids: `(T,)` int, the ids that the model got; `None` where there are none.
        valid: `(T,)` bool: which of them are tokens.
        value: the raw text.

    Returns:
        `Elements` of the valid tokens.
    """
    modality = part.modality
    count = int(valid.sum())
    text = _as_sent(part, value)
    if modality.tokenizer is not None:
        names = None if ids is None else _pieces(modality.tokenizer, ids[valid])
        return Elements("words", names, text=text)
    if modality.words is not None:
        offsets = word_offsets(text, modality.words)[:count]
        names = tuple(text[start:end] for start, end in offsets)
    else:
        names = tuple(part.words_of(text)[:count])
        offsets = _searched(names, text)
    if len(names) != count:  # a text without a word is one unknown word
        names, offsets = (*names, *["?"] * (count - len(names))), None
    return Elements("words", names, offsets, text)


def _as_sent(part, value):
    (text,) = part.texts([value])
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _searched(words, text):
    """Where words that were cleaned lie in a text, one behind the other; `None` if they do not."""
    text_lower = text.lower()
    if len(text_lower) != len(text):
        return None
    offsets, end = [], 0
    for word in words:
        start = text_lower.find(word, end)
        if start < 0:
            return None
        end = start + len(word)
        offsets.append((start, end))
    return offsets


def _pieces(tokenizer, ids):
    """The pieces that ids stand for."""
    known = getattr(tokenizer, "vocabulary", None)
    if known is not None:
        return tuple(known[i] for i in ids)
    inner = getattr(tokenizer, "tokenizer", None)
    if hasattr(inner, "id_to_token"):
        return tuple(str(inner.id_to_token(int(i))) for i in ids)
    return tuple(map(str, ids))


def cells_of(modality, value):
    """The `Elements` of a row of a table."""
    row = value or {}
    shown = [f"{number(row.get(column)):.6g}" for column in modality.numeric]
    shown += [category(row.get(column)) for column in modality.categorical]
    return Elements("cells", modality.columns, cells=tuple(shown))
