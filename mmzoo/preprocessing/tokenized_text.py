"""Texts with the tokenizer of a pretrained encoder."""

import tensorflow as tf

from mmzoo.preprocessing.text import TextPreprocessing


class TokenizedTextPreprocessing(TextPreprocessing):
    """Leaves the texts to a tokenizer; there is nothing to learn.

    Args:
        modality: a `mmzoo.Text` with a tokenizer.
        name: its key.
    """

    def adapt(self, values):
        self._texts(values)  # checks them

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

    def resources(self):
        return self.modality.tokenizer.resources()

    def count_tokens(self, values):
        return self.modality.tokenizer.count_tokens(_valid(values))

    def tensors(self, values):
        parts = self.modality.tokenizer.tokenize(_valid(values), self.modality.longest)
        return self.static(parts)


def _valid(texts):
    """Texts in which U+FFFD stands for what is not UTF-8; tokenizers differ in what they bear."""
    return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")
