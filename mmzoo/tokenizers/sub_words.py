"""What tokenizers share that cut texts into the pieces of a vocabulary."""

from mmzoo.tokenizers.tokenizer import Tokenizer


class SubWords(Tokenizer):
    """A tokenizer whose texts are pieces between a first and a last one, and padding.

    A subclass implements `pieces(texts)` and sets `start_id`, `end_id`, `padding_id` and
    `max_length`.
    """

    #: Ids that a text begins and ends with; `None`: none.
    start_id = None
    end_id = None
    #: Id that fills up short texts.
    padding_id = 0
    #: Id of what has no pieces; `None`: everything has some.
    unknown_id = None
    #: The most tokens that the encoder takes; `None`: any number.
    max_length = None

    def tensors(self, length):
        if None not in (length, self.max_length) and length > self.max_length:
            raise ValueError(
                f"The encoder takes texts of at most {self.max_length} tokens; received: length="
                f"{length}."
            )
        return {"ids": ((length,), "int32"), "mask": ((length,), "int32")}

    def pieces(self, texts):
        """Texts -> ids, without the first and the last.

        Args:
            texts: `(B,)` string tensor.

        Returns:
            Ragged `(B, None)` int32.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `pieces`.")

    def count_tokens(self, texts):
        import tensorflow as tf

        pieces = self.pieces(texts)
        around = (self.start_id is not None) + (self.end_id is not None)
        unknown = -1 if self.unknown_id is None else self.unknown_id
        return pieces.row_lengths() + around, tf.math.count_nonzero(pieces.flat_values == unknown)

    def tokenize(self, texts, length):
        import tensorflow as tf

        ids = self._framed(self.pieces(texts), length, self.start_id, self.end_id)
        mask = tf.ones_like(ids)
        return {
            "ids": ids.to_tensor(self.padding_id, shape=(None, length)),
            "mask": mask.to_tensor(shape=(None, length)),
        }

    def tokenize_words(self, words, length):
        """As `tokenize`, of texts that are divided into words: says which tokens begin a word.

        Args:
            words: ragged `(B, None)` strings; each has at least one token.
            length: the modality's number of tokens, or `None`.

        Returns:
            Dict of `ids`, `mask` and `starts`, `(B, length)`; the last bool.
        """
        import tensorflow as tf

        pieces = self.pieces(words.flat_values)
        nothing = self.padding_id if self.unknown_id is None else self.unknown_id
        empty = tf.cast(pieces.row_lengths() == 0, pieces.row_splits.dtype)
        pieces = tf.concat([pieces, tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.reduce_sum(empty)], nothing), empty
        )], axis=1)  # fmt: skip
        first = tf.cast(tf.ragged.range(pieces.row_lengths()).flat_values == 0, tf.int32)
        starts = pieces.with_flat_values(first)
        of_texts = [
            tf.RaggedTensor.from_row_splits(
                ragged.flat_values, tf.gather(ragged.row_splits, words.row_splits)
            )
            for ragged in (pieces, starts)
        ]
        ids = self._framed(of_texts[0], length, self.start_id, self.end_id)
        zero_or_none = [None if piece is None else 0 for piece in (self.start_id, self.end_id)]
        starts = self._framed(of_texts[1], length, *zero_or_none)
        return {
            "ids": ids.to_tensor(self.padding_id, shape=(None, length)),
            "mask": tf.ones_like(ids).to_tensor(shape=(None, length)),
            "starts": tf.cast(starts.to_tensor(shape=(None, length)), tf.bool),
        }

    def _framed(self, pieces, length, start, end):
        """Ragged values between a first and a last one, where these are not `None`, and cut."""
        import tensorflow as tf

        rows = pieces.nrows(tf.int32)
        around = [
            tf.zeros([rows, 0], tf.int32) if value is None else tf.fill([rows, 1], value)
            for value in (start, end)
        ]
        most = self.max_length if length is None else length
        if most is not None:
            pieces = pieces[:, : max(most - around[0].shape[1] - around[1].shape[1], 0)]
        return tf.concat([around[0], pieces, around[1]], axis=1)
