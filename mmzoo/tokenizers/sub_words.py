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

        rows = tf.shape(texts)[:1]
        start, end = (
            tf.zeros([rows[0], 0], tf.int32) if piece is None else tf.fill([rows[0], 1], piece)
            for piece in (self.start_id, self.end_id)
        )
        most = self.max_length if length is None else length
        pieces = self.pieces(texts)
        if most is not None:
            pieces = pieces[:, : max(most - start.shape[1] - end.shape[1], 0)]
        ids = tf.concat([start, pieces, end], axis=1)
        mask = tf.ones_like(ids)
        return {
            "ids": ids.to_tensor(self.padding_id, shape=(None, length)),
            "mask": mask.to_tensor(shape=(None, length)),
        }
