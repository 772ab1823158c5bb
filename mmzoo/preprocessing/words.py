"""The words of texts and where they are, in TensorFlow ops."""

import tensorflow as tf

from mmzoo.raw.words import ALONE, BETWEEN, END, character_kinds


def split_words(texts, rule):
    """The words of texts as they were sent, and where they begin and end.

    The same words as `mmzoo.raw.words.word_offsets` finds. Bytes that are not UTF-8 count as one
    character, U+FFFD.

    Args:
        texts: `(B,)` string tensor.
        rule: one of `mmzoo.raw.words.RULES`.

    Returns:
        `(words, starts, ends)`, each ragged `(B, None)`: strings, and int32 positions in
        characters (code points).

    Example:

    >>> words, starts, ends = split_words(tf.constant(["to New York", ""]), "spaces")
    >>> words.to_list(), starts.to_list(), ends.to_list()
    ([[b'to', b'New', b'York'], []], [[0, 3, 7], []], [[2, 6, 11], []])
    """
    codes = tf.strings.unicode_decode(texts, "UTF-8")
    flat = codes.flat_values
    kinds = tf.gather(tf.constant(character_kinds(rule)), tf.minimum(flat, END - 1))
    positions = tf.ragged.range(tf.cast(codes.row_lengths(), tf.int32)).flat_values
    nothing = tf.constant([BETWEEN], tf.uint8)
    before = tf.where(positions == 0, nothing, tf.concat([nothing, kinds[:-1]], 0))
    lasts = tf.concat([positions[1:], [0]], 0) == 0
    behind = tf.where(lasts, nothing, tf.concat([kinds[1:], nothing], 0))
    inside = kinds != BETWEEN
    alone = kinds == ALONE
    begins = inside & (alone | (before != 0))
    ends_here = inside & (alone | (behind != 0))
    starts = tf.ragged.boolean_mask(
        codes.with_flat_values(positions), codes.with_flat_values(begins)
    )
    ends = tf.boolean_mask(positions, ends_here) + 1
    words = tf.RaggedTensor.from_row_lengths(
        tf.boolean_mask(flat, inside), ends - starts.flat_values
    )
    words = tf.strings.unicode_encode(words, "UTF-8")
    return starts.with_flat_values(words), starts, starts.with_flat_values(ends)
