"""WordPiece, the tokenizer of BERT and its relatives."""

import keras

from mmzoo.tokenizers.sub_words import SubWords

# RE2 classes, those of KerasHub. Only ASCII knows `\s`; other spaces stay within their word.
_SPACE = r"\s\p{Cc}\p{Cf}"
_PUNCTUATION = r"!-/:-@\[-`{-~\p{P}"
_CHINESE_JAPANESE = (
    r"\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}"
    r"\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}"
)


@keras.saving.register_keras_serializable(package="mmzoo")
class WordPiece(SubWords):
    """Words, and parts of those that are not in the vocabulary.

    Gives the ids of `keras_hub.tokenizers.WordPieceTokenizer`, without `tensorflow_text`: an
    exported model needs TensorFlow alone. The rules are those of the Unicode version that Python
    has; characters younger than that are left as they are.

    Args:
        vocabulary: the pieces, in the order of their ids.
        lowercase: whether to fold case, which is more than lower case: `"ß"` becomes `"ss"`, `"①"`
            becomes `"1"`.
        strip_accents: whether `"é"` becomes `"e"`.
        split_on_cjk: whether a Chinese character is a word of its own.
        prefix: what a piece begins with that continues a word.
        unknown: piece that stands for a word that has no pieces, or more than 100 bytes.
        start: piece that a text begins with, or `None`.
        end: piece that a text ends with, or `None`.
        padding: piece that fills up short texts.
        max_length: the most tokens that the encoder takes, or `None`.

    Raises:
        ValueError: when the vocabulary lacks one of those pieces.

    Example:

    >>> import tensorflow as tf
    >>> vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "play", "##ing", "!"]
    >>> tokens = WordPiece(vocabulary, lowercase=True).tokenize(tf.constant(["Playing!"]), 6)
    >>> tokens["ids"].numpy().tolist(), tokens["mask"].numpy().tolist()
    ([[2, 4, 5, 6, 3, 0]], [[1, 1, 1, 1, 1, 0]])

    Reference: https://arxiv.org/abs/1609.08144
    """

    #: Longer words are unknown, as for `tensorflow_text.FastWordpieceTokenizer`.
    MAX_BYTES = 100

    def __init__(
        self,
        vocabulary,
        lowercase=False,
        strip_accents=False,
        split_on_cjk=True,
        prefix="##",
        unknown="[UNK]",
        start="[CLS]",
        end="[SEP]",
        padding="[PAD]",
        max_length=None,
    ):
        self.vocabulary = list(vocabulary)
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        self.split_on_cjk = split_on_cjk
        self.prefix = prefix
        self.unknown = unknown
        self.start = start
        self.end = end
        self.padding = padding
        self.max_length = max_length
        self.vocabulary_size = len(self.vocabulary)
        self._ids = {piece: index for index, piece in enumerate(self.vocabulary)}
        missing = [x for x in (unknown, start, end, padding) if x not in (None, *self._ids)]
        if missing:
            raise ValueError(
                f"The vocabulary of {len(self._ids)} pieces lacks {', '.join(missing)}. Tell what "
                "it has instead: `unknown`, `start`, `end`, `padding`."
            )
        self.unknown_id = self._ids[unknown]
        self.start_id, self.end_id = self._ids.get(start), self._ids.get(end)
        self.padding_id = self._ids[padding]
        self._table = None

    def pieces(self, texts):
        import tensorflow as tf

        words = self._words(texts)
        unique, positions = tf.unique(words.flat_values)
        pieces = words.with_flat_values(tf.gather(self._pieces(unique), positions))
        return pieces.merge_dims(1, 2)

    def _words(self, texts):
        """`(N,)` strings -> ragged `(N, words)`, split and without case."""
        import tensorflow as tf

        from mmzoo.preprocessing import unicode

        replace = tf.strings.regex_replace
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")
        chinese = _CHINESE_JAPANESE if self.split_on_cjk else ""
        if chinese:  # before accents, which some of these characters lose
            texts = replace(texts, f"([{chinese}])", r" \1 ")
        if self.strip_accents:
            texts = replace(unicode.decompose(texts), r"\p{Mn}", "")
        texts = replace(texts, f"[{_SPACE}]", " ")
        words = tf.strings.split(replace(texts, f"([{_PUNCTUATION}{chinese}])", r" \1 "))
        return words.with_flat_values(
            unicode.case_fold(words.flat_values) if self.lowercase else words.flat_values
        )

    def _pieces(self, words):
        """`(N,)` words -> ragged `(N, pieces)` ids: the longest that fits, again and again."""
        import tensorflow as tf

        unit = "UTF8_CHAR"
        lengths = tf.strings.length(words, unit)
        longest = max(len(piece) for piece in self.vocabulary)
        known = tf.strings.length(words) <= self.MAX_BYTES
        table = self._lookup()

        def step(starts, known, found, owners):
            """Finds the next piece of each word that is not at its end."""
            active = tf.cast(tf.where(known & (starts < lengths))[:, 0], tf.int32)
            start = tf.gather(starts, active)
            left = tf.gather(lengths, active) - start
            sizes = tf.range(1, tf.minimum(longest, tf.reduce_max(left)) + 1)
            shape = [tf.size(active), tf.size(sizes)]
            parts = tf.strings.substr(
                tf.broadcast_to(tf.gather(words, active)[:, None], shape),
                tf.broadcast_to(start[:, None], shape),
                tf.broadcast_to(sizes, shape),
                unit=unit,
            )
            within = tf.where(start > 0, self.prefix, "")[:, None]
            ids = tf.where(sizes <= left[:, None], table.lookup(within + parts), -1)
            size = tf.reduce_max(tf.where(ids >= 0, sizes, 0), axis=1)
            has_piece = size > 0
            piece = tf.gather(ids, tf.maximum(size - 1, 0), batch_dims=1)
            known = tf.tensor_scatter_nd_update(known, active[:, None], has_piece)
            starts = tf.tensor_scatter_nd_add(starts, active[:, None], size)
            found = tf.concat([found, tf.boolean_mask(piece, has_piece)], 0)
            owners = tf.concat([owners, tf.boolean_mask(active, has_piece)], 0)
            return starts, known, found, owners

        line = tf.TensorShape([None])
        nothing = tf.zeros([0], tf.int32)
        _, known, found, owners = tf.while_loop(
            lambda starts, known, *_: tf.reduce_any(known & (starts < lengths)),
            step,
            (tf.zeros_like(lengths), known, nothing, nothing),
            (line, line, line, line),
        )
        strange = tf.cast(tf.where(~known)[:, 0], tf.int32)
        whole = tf.gather(known, owners)
        found = tf.concat(
            [tf.boolean_mask(found, whole), tf.fill([tf.size(strange)], self.unknown_id)], 0
        )
        owners = tf.concat([tf.boolean_mask(owners, whole), strange], 0)
        order = tf.argsort(owners, stable=True)
        return tf.RaggedTensor.from_value_rowids(
            tf.gather(found, order),
            tf.cast(tf.gather(owners, order), tf.int64),
            nrows=tf.size(words, tf.int64),
        )

    def resources(self):
        return [self._lookup()]

    def _lookup(self):
        """Table from piece to id; -1 for anything else."""
        if self._table is None:
            import tensorflow as tf

            with tf.init_scope():
                self._table = tf.lookup.StaticHashTable(
                    tf.lookup.KeyValueTensorInitializer(
                        tf.constant(list(self._ids), tf.string),
                        tf.constant(list(self._ids.values()), tf.int32),
                    ),
                    default_value=-1,
                )
        return self._table

    def get_config(self):
        return {
            "vocabulary": self.vocabulary,
            "lowercase": self.lowercase,
            "strip_accents": self.strip_accents,
            "split_on_cjk": self.split_on_cjk,
            "prefix": self.prefix,
            "unknown": self.unknown,
            "start": self.start,
            "end": self.end,
            "padding": self.padding,
            "max_length": self.max_length,
        }
