"""Unicode normal forms in TensorFlow ops, which have none: tables out of Python's `unicodedata`."""

import functools
import unicodedata

import numpy as np
import tensorflow as tf

#: No code point from here on has a decomposition, a case or a combining class.
END = 0x30000
#: What case folding drops: the property Default_Ignorable_Code_Point, which `unicodedata` lacks.
IGNORABLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip


def decompose(texts):
    """Normal form D: accents become characters of their own.

    Args:
        texts: `(N,)` string tensor, valid UTF-8.

    Returns:
        `(N,)` string tensor.

    Example:

    >>> decompose(tf.constant(["é"])).numpy()[0].decode() == "e\u0301"
    True
    """
    return _encoded(*_ordered(*_mapped(texts, _canonical)), texts)


def case_fold(texts):
    """Lower case for comparisons: NFKC_Casefold, as `tensorflow_text.case_fold_utf8` does it.

    Args:
        texts: `(N,)` string tensor, valid UTF-8.

    Returns:
        `(N,)` string tensor.

    Example:

    >>> case_fold(tf.constant(["ＳＴＲＡẞＥ"])).numpy()[0].decode()
    'strasse'

    Reference: https://www.unicode.org/reports/tr31/#NFKC_Modifications
    """
    return _encoded(*_composed(*_ordered(*_mapped(texts, _folded))), texts)


def _canonical(character):
    return unicodedata.normalize("NFD", character)


def _folded(character):
    """NFKC_Casefold of a character, decomposed."""
    if any(first <= ord(character) <= last for first, last in IGNORABLE):
        return ""
    folded = unicodedata.normalize("NFKC", character).casefold()
    folded = unicodedata.normalize("NFKD", folded)
    return "".join(c for c in folded if not any(a <= ord(c) <= b for a, b in IGNORABLE))


@functools.cache
def _mapping(change):
    """The characters that `change` changes, as sorted code points, and what they become."""
    points = [*range(0xD800), *range(0xE000, END), *range(0xE0000, 0xE1000)]
    changed = {point: change(chr(point)) for point in points}
    changed = {point: new for point, new in changed.items() if new != chr(point)}
    flat = np.array([ord(c) for new in changed.values() for c in new], "int32")
    splits = np.cumsum([0, *map(len, changed.values())]).astype("int32")
    return np.array(list(changed), "int32"), flat, splits


@functools.cache
def _classes():
    """The characters that combine with what stands before them, and their combining class."""
    points = [point for point in range(END) if unicodedata.combining(chr(point))]
    classes = [unicodedata.combining(chr(point)) for point in points]
    return np.array(points, "int32"), np.array(classes, "int32")


@functools.cache
def _pairs():
    """The pairs of characters that are composed, `first << 32 | second`, and into what."""
    pairs = {}
    for point in [*range(0xD800), *range(0xE000, END)]:
        parts = unicodedata.normalize("NFD", chr(point))
        if len(parts) > 1 and unicodedata.normalize("NFC", parts) == chr(point):
            first = unicodedata.normalize("NFC", parts[:-1])
            pairs[ord(first) << 32 | ord(parts[-1])] = point
    keys = sorted(pairs)
    return np.array(keys, "int64"), np.array([pairs[key] for key in keys], "int32")


def _find(keys, values):
    """Positions of `values` in the sorted `keys`, and whether they are there."""
    positions = tf.minimum(tf.searchsorted(keys, values), len(keys) - 1)
    return positions, tf.equal(tf.gather(keys, positions), values)


def _mapped(texts, change):
    """`(codes, rows)`, `(M,)` each: the changed characters, and the texts they belong to."""
    keys, flat, splits = _mapping(change)
    codes = tf.strings.unicode_decode(texts, "UTF-8")
    ends, codes = codes.row_splits[1:], codes.flat_values
    # Not `value_rowids`, whose memory is the number of texts times the longest of them.
    rows = tf.searchsorted(ends, tf.range(tf.size(codes, tf.int64)), "right", tf.int64)
    positions, found = _find(keys, codes)
    starts = tf.gather(splits, positions)
    counts = tf.where(found, tf.gather(splits, positions + 1) - starts, 1)
    source = tf.repeat(tf.range(tf.size(codes)), counts)
    offsets = tf.range(tf.size(source)) - tf.gather(tf.cumsum(counts, exclusive=True), source)
    indices = tf.where(tf.gather(found, source), tf.gather(starts, source) + offsets, 0)
    new = tf.where(tf.gather(found, source), tf.gather(flat, indices), tf.gather(codes, source))
    return new, tf.gather(rows, source)


def _class(codes):
    keys, classes = _classes()
    positions, found = _find(keys, codes)
    return tf.where(found, tf.gather(classes, positions), 0)


def _ordered(codes, rows):
    """Combining characters in canonical order: sorted by class, between those of class 0."""
    classes = _class(codes)
    group = tf.cumsum(tf.cast(classes == 0, tf.int64)) + rows  # grows with every row, too
    order = tf.argsort(group * 256 + tf.cast(classes, tf.int64), stable=True)
    return tf.gather(codes, order), rows


def _composed(codes, rows):
    """Canonical composition: a round joins each base to the first character it can take."""
    keys, composites = _pairs()

    def join(codes, rows, _):
        classes, index = _class(codes), tf.range(tf.size(codes))
        bases = tf.where(classes == 0)[:, 0]
        count = tf.cumsum(tf.cast(classes == 0, tf.int32), exclusive=True)  # of bases before
        base = tf.gather(tf.concat([[-1], tf.cast(bases, tf.int32)], 0), count)
        before = tf.maximum(base, 0)
        pair = tf.bitwise.left_shift(tf.cast(tf.gather(codes, before), tf.int64), 32)
        position, found = _find(keys, pair + tf.cast(codes, tf.int64))
        previous = tf.concat([[0], classes[:-1]], 0)
        reachable = (base == index - 1) | (previous < classes)
        same_row = tf.gather(rows, before) == rows
        joins = found & reachable & same_row & (base >= 0)
        first = tf.math.unsorted_segment_min(
            tf.where(joins, index, index.dtype.max), before, tf.size(codes)
        )
        joins &= tf.gather(first, before) == index
        at = tf.boolean_mask(before, joins)
        new = tf.boolean_mask(tf.gather(composites, position), joins)
        codes = tf.tensor_scatter_nd_update(codes, at[:, None], new)
        return tf.boolean_mask(codes, ~joins), tf.boolean_mask(rows, ~joins), tf.size(at) > 0

    shapes = tf.TensorShape([None]), tf.TensorShape([None]), tf.TensorShape([])
    return tf.while_loop(lambda *state: state[2], join, (codes, rows, tf.size(codes) > 0), shapes)[
        :2
    ]


def _encoded(codes, rows, texts):
    codes = tf.RaggedTensor.from_value_rowids(codes, rows, nrows=tf.size(texts, tf.int64))
    return tf.strings.unicode_encode(codes, "UTF-8")
