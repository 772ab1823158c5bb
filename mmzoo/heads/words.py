"""A text that is written word by word."""

from typing import ClassVar

import keras
from keras import ops

from mmzoo import decoders
from mmzoo.decoders import Sampling, generate
from mmzoo.heads.head import Head, one_vector
from mmzoo.heads.logits import remember_logits
from mmzoo.heads.token_accuracy import TokenAccuracy
from mmzoo.heads.token_crossentropy import TokenCrossentropy
from mmzoo.targets.text_target import TextTarget
from mmzoo.tokenizers.vocabulary import SPECIAL
from mmzoo.utils.checks import check_positive_integers


@keras.saving.register_keras_serializable(package="mmzoo")
class Words(Head):
    """Writes the answer: a decoder that reads the tokens of all inputs, and the fused vector.

    Labels are texts. In training every word is told from those before it, all at once: the model
    has one more input, `<answer>_previous`, which `records.to_dataset(preprocessor)` fills in.
    `mmzoo.predict`, `mmzoo.generate` and an exported model write, one word after another. Give the
    preprocessor the head, too, so that it learns the words of the training rows; and the head of
    the model these words:

        preprocessor = mmzoo.Preprocessor(inputs, head=mmzoo.heads.Words(length=12))
        preprocessor.adapt(train)
        head = mmzoo.heads.Words(length=12, vocabulary=preprocessor.targets["head"].vocabulary)

    All of it computes in float32. The weights that embed words also tell the next one.

    Args:
        vocabulary: the words, as `mmzoo.targets.TextTarget.vocabulary` has them; `None`: those
            that the preprocessor learns.
        vocabulary_size: number of ids where `vocabulary` is not given, the 4 included that stand
            for padding, an unknown word, start and end.
        length: the most words of an answer, or characters, or pieces.
        unit: `"word"`, of any language: punctuation marks and characters of scripts without spaces
            are words of their own; `"character"`; or `"wordpiece"`: parts of words that are
            learned from the answers, of which the model makes words that it never met.
        lowercase: whether texts are read, and answered, in lower case.
        decoder: a name of `mmzoo.decoders.names()`, a config dict or an instance.
        label_smoothing: see `mmzoo.heads.TokenCrossentropy`.
        sampling: dict of arguments of `mmzoo.decoders.Sampling`: how `predict`, `evaluate` and an
            exported model write. `None`: greedily.

    Call arguments:
        fused: `(B, D)` float, or `(B, M, D)`, whose mean over `M` is taken.
        tokens: dict from modality name to `(B, T, D)` float, see `Fusion.contextualized`.
        mask: dict from modality name to `(B, T)` bool.
        previous: `(B, L)` int32, the answer so far: 2 in front, then all words but the last.

    Returns:
        `(B, L, V)` float32, the probabilities of the next word.

    Raises:
        ValueError: for both `vocabulary` and another `vocabulary_size`, a length or size that is
            not positive, an unknown unit, decoder or sampling.

    Example:

    >>> import numpy as np
    >>> head = Words(vocabulary=["a", "circle", "red"], length=4)
    >>> tokens, mask = {"image": np.ones((2, 6, 8), "float32")}, {"image": np.ones((2, 6), bool)}
    >>> previous = np.array([[2, 4, 6, 5, 3]] * 2)
    >>> tuple(head(np.ones((2, 8), "float32"), tokens, mask, previous).shape)
    (2, 5, 7)
    >>> head.generate(np.ones((2, 8), "float32"), tokens, mask).ids.shape
    TensorShape([2, 1, 5])

    Reference: Vaswani et al. 2017, arXiv 1706.03762; tied weights: Press and Wolf 2016, 1608.05859.
    """

    reads_tokens = True
    generates = True
    learned_argument = "vocabulary"
    input_dtypes: ClassVar = {**Head.input_dtypes, "previous": "int32"}

    def __init__(
        self,
        vocabulary=None,
        vocabulary_size=None,
        length=32,
        unit="word",
        lowercase=False,
        decoder="transformer",
        label_smoothing=0.0,
        sampling=None,
        **kwargs,
    ):
        if vocabulary is not None:
            vocabulary = [str(word) for word in vocabulary]
            size = len(vocabulary) + SPECIAL
            if vocabulary_size not in (None, size):
                raise ValueError(
                    f"The vocabulary of {len(vocabulary)} words has {size} ids; received: "
                    f"vocabulary_size={vocabulary_size}. Leave one of both out."
                )
        else:
            size = 5000 if vocabulary_size is None else vocabulary_size
        super().__init__(size, **kwargs)
        check_positive_integers("length", length)
        # Config
        self.vocabulary = vocabulary
        self.length = length
        self.unit = unit
        self.lowercase = lowercase
        self.label_smoothing = label_smoothing
        self.sampling = dict(sampling or {})
        Sampling(**self.sampling)  # raises where something is wrong
        self.target()
        # Layers
        self.decoder = decoders.get(decoder, dtype=self.dtype_policy, name="decoder")

    def learned_from(self, target):
        return super().learned_from(target, vocabulary_size=None)

    def make_dense(self, units):
        """None: the embedding of the words is used the other way, too."""

    def build(self, fused_shape, tokens_shape):
        # A decoder is as wide as the tokens it reads.
        widths = {name: shape[-1] for name, shape in tokens_shape.items()}
        dim = widths[min(widths)]
        self.memory_maps = {
            name: keras.layers.Dense(dim, dtype=self.dtype_policy, name=f"{name}_map")
            for name in sorted(widths)
        }
        self.vector_map = keras.layers.Dense(dim, dtype=self.dtype_policy, name="vector_map")
        # Of unit length, so that logits begin at about 1.
        self.embedding = self.add_weight(
            (self.units, dim),
            initializer=keras.initializers.RandomNormal(stddev=dim**-0.5),
            name="embedding",
        )
        self.bias = self.add_weight((self.units,), initializer="zeros", name="bias")

    def call(self, fused, tokens, mask, previous):
        memory, memory_mask = self._memory(fused, tokens, mask)
        x = self._embedded(previous) + memory[:, :1]
        logits = self._logits(self.decoder(x, memory, memory_mask))
        return remember_logits(ops.softmax(logits, axis=-1), logits)

    def generate(self, fused, tokens, mask, prefix=None, **sampling):
        """Writes the answers.

        Args:
            fused: as for a call; likewise
            tokens: and
            mask: .
            prefix: `(B, P)` int32, ids that answers begin with, padded with 0; `None`: none.
            **sampling: arguments of `mmzoo.decoders.Sampling` that differ from the head's own.

        Returns:
            `mmzoo.decoders.Generated`: `ids`, `(B, K, length + 1)`, and `scores`, `(B, K)`.
        """
        sampling = Sampling(**{**self.sampling, **sampling})
        rows = ops.shape(fused)[0]
        read, state = self.start(fused, tokens, mask, sampling.texts)

        def step(ids, position, state):
            return self.step(ids, position, read, state)

        return generate(step, state, rows, self.length, sampling, prefix)

    def start(self, fused, tokens, mask, texts=1):
        """What writing begins with.

        Args:
            fused: as for a call; likewise
            tokens: and
            mask: .
            texts: how many texts a row has, which are neighbours.

        Returns:
            `(read, state)`, see `mmzoo.decoders.Decoder.start`.
        """
        memory, memory_mask = self._memory(fused, tokens, mask)
        if texts > 1:
            memory = ops.repeat(memory, texts, axis=0)
            memory_mask = ops.repeat(memory_mask, texts, axis=0)
        read, state = self.decoder.start(memory, memory_mask, self.length + 1)
        return {"decoder": read, "vector": memory[:, 0]}, state

    def step(self, ids, position, read, state):
        """One step of writing: `(R,)` int32, the tokens before a position -> `(logits, state)`."""
        x = self._embedded(ids) + read["vector"]
        hidden, state = self.decoder.step(x, position, read["decoder"], state)
        return self._logits(hidden), state

    def _memory(self, fused, tokens, mask):
        """`(B, 1 + S, D)` and its mask: first the fused vector, which is always there, then tokens.

        The vector is added to every word, too, so that what it says need not be looked for.
        """
        fused = ops.cast(one_vector(fused), self.compute_dtype)
        vector = self.vector_map(fused)[:, None]
        names = sorted(tokens)
        read = [
            self.memory_maps[name](ops.cast(tokens[name], self.compute_dtype)) for name in names
        ]
        always = ops.ones_like(mask[names[0]][:, :1])
        memory = ops.concatenate([vector, *read], axis=1)
        return memory, ops.concatenate([always, *(mask[name] for name in names)], axis=1)

    def _embedded(self, ids):
        embedded = ops.take(ops.convert_to_tensor(self.embedding), ids, axis=0)
        return ops.cast(embedded, self.compute_dtype) * self.embedding.shape[1] ** 0.5

    def _logits(self, hidden):
        hidden, embedding, bias = (
            ops.cast(x, "float32") for x in (hidden, self.embedding, self.bias)
        )
        return ops.matmul(hidden, ops.transpose(embedding)) + bias

    def input_tensors(self):
        return {"previous": ((self.length + 1,), "int32")}

    def target(self):
        return TextTarget(self.length, self.unit, self.lowercase, self.units, self.vocabulary)

    def make_loss(self):
        return TokenCrossentropy(self.label_smoothing)

    def make_metrics(self):
        return [TokenAccuracy()]

    def get_config(self):
        config = super().get_config()
        del config["units"], config["class_names"]
        return {
            **config,
            "vocabulary": self.vocabulary,
            "vocabulary_size": self.units,
            "length": self.length,
            "unit": self.unit,
            "lowercase": self.lowercase,
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "label_smoothing": self.label_smoothing,
            "sampling": self.sampling,
        }
