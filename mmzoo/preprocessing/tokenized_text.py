"""Texts with the tokenizer of a pretrained encoder."""

import tensorflow as tf

from mmzoo.preprocessing.text import TextPreprocessing
from mmzoo.preprocessing.words import split_words


class TokenizedTextPreprocessing(TextPreprocessing):
    """Leaves the texts to a tokenizer; there is nothing to learn.

    Args:
        modality: a `mmzoo.Text` with a tokenizer.
        name: its key.
    """

    def adapt(self, values):
        self.texts(values)  # checks them

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

    def resources(self):
        return self.modality.tokenizer.resources()

    def count_tokens(self, values):
        return self.modality.tokenizer.count_tokens(_valid(values))

    def tensors(self, values):
        tokenizer, longest = self.modality.tokenizer, self.modality.longest
        if self.modality.words is None:
            return self.static(tokenizer.tokenize(_valid(values), longest))
        words, _, _ = split_words(values, self.modality.words)
        # Behind a space, as in the text, which some tokenizers heed.
        space = "" if self.modality.words == "characters" else " "
        first = tf.ragged.range(words.row_lengths()).flat_values == 0
        words = words.with_flat_values(tf.where(first, "", space) + words.flat_values)
        return self.static(tokenizer.tokenize_words(words, longest))


def _valid(texts):
    """Texts in which U+FFFD stands for what is not UTF-8; tokenizers differ in what they bear."""
    return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")
