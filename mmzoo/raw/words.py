"""What the words of a text are: where they begin and end, in Python and as a table for graphs."""

import functools
import unicodedata

import numpy as np

#: Where words end; see `mmzoo.Text`.
RULES = ("spaces", "punctuation", "characters")
#: Kinds of characters: part of a word, between words, a word of its own.
PART, BETWEEN, ALONE = 0, 1, 2
#: All code points from here on are of one kind, that of the last entry of a table.
END = 0x30000
#: Written without spaces between words, or with few.
_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")


@functools.cache
def character_kinds(rule):
    """The kind of every character, by its code point.

    Args:
        rule: one of `RULES`.

    Returns:
        `(END,)` uint8 array.

    Example:

    >>> kinds = character_kinds("punctuation")
    >>> [int(kinds[ord(character)]) for character in "a !"]
    [0, 1, 2]
    """
    kinds = np.full(END, ALONE if rule == "characters" else PART, "uint8")
    if rule == "punctuation":
        for point in range(END):
            character = chr(point)
            if unicodedata.category(character)[0] in "PS" or unicodedata.name(
                character, ""
            ).startswith(_WITHOUT_SPACES):
                kinds[point] = ALONE
    kinds[[point for point in range(END) if chr(point).isspace()]] = BETWEEN
    return kinds


def word_offsets(text, rule):
    """Where the words of a text begin and end.

    Args:
        text: a string.
        rule: one of `RULES`.

    Returns:
        List of `(start, end)`, counted in characters (code points) from 0; `text[start:end]` is
        the word.

    Example:

    >>> word_offsets("to New York!", "spaces"), word_offsets("Rio!", "punctuation")
    ([(0, 2), (3, 6), (7, 12)], [(0, 3), (3, 4)])
    """
    kinds = character_kinds(rule)
    offsets, start = [], None
    for position, character in enumerate(text):
        kind = kinds[min(ord(character), END - 1)]
        if start is not None and kind != PART:
            offsets.append((start, position))
            start = None
        if kind == ALONE:
            offsets.append((position, position + 1))
        elif kind == PART and start is None:
            start = position
    if start is not None:
        offsets.append((start, len(text)))
    return offsets


def count_words(text, rule):
    """How many words a text has, quicker than `word_offsets`.

    Example:

    >>> count_words("to New York!", "spaces"), count_words("東京 タワー", "characters")
    (3, 5)
    """
    if rule == "punctuation":
        return len(word_offsets(text, rule))
    words = text.split()
    return len(words) if rule == "spaces" else sum(map(len, words))


def is_word(value, rule):
    """Whether a string is one word by a rule, and nothing else.

    Example:

    >>> is_word("York", "spaces"), is_word("New York", "spaces"), is_word("", "spaces")
    (True, False, False)
    """
    return value != "" and count_words(value, rule) == 1 and not (value[0] + value[-1]).isspace()


def join_words(value, rule):
    """A text that is given as the list of its words, as one string; a string as it is.

    Example:

    >>> join_words(["New", "York"], "spaces"), join_words(["東", "京"], "characters")
    ('New York', '東京')
    """
    if not isinstance(value, (list, tuple)):
        return value
    return ("" if rule == "characters" else " ").join(value)
