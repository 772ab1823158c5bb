"""A text that is written word by word."""

from typing import ClassVar

import keras
from keras import ops

from mmzoo import decoders
from mmzoo.decoders import LanguageModel, Sampling, generate
from mmzoo.decoders.writer import repeated_rows
from mmzoo.heads.head import Head, one_vector
from mmzoo.heads.logits import remember_logits
from mmzoo.heads.token_accuracy import TokenAccuracy
from mmzoo.heads.token_crossentropy import TokenCrossentropy
from mmzoo.targets.text_target import TextTarget
from mmzoo.tokenizers.token_vocabulary import TokenVocabulary
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
        tokenizer: a `keras_hub.tokenizers.Tokenizer` of byte pairs or SentencePiece, whose tokens
            the answers are made of, in place of words that are learned; `None`: that of the
            language model, if there is one. Needs the extra `mmzoo[keras-hub]`.
        language_model: the decoder is a causal language model of KerasHub (GPT-2, Gemma, ...): the
            name of a preset, a `keras_hub.models.CausalLM`, or a `mmzoo.decoders.LanguageModel`,
            which has more options. One that comes from a preset is frozen: see there.
        connector: how it is told what was read: `"prefix"` or `"gated_cross_attention"`, see
            `mmzoo.decoders.LanguageModel`.
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
    score_names = None
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
        tokenizer=None,
        language_model=None,
        connector="prefix",
        **kwargs,
    ):
        if language_model is not None:
            language_model = _language_model(language_model, connector)
            tokenizer = language_model.tokenizer if tokenizer is None else tokenizer
        if tokenizer is not None:
            if not isinstance(tokenizer, TokenVocabulary):
                tokenizer = TokenVocabulary(tokenizer)
            if vocabulary is not None or unit not in ("word", "token") or lowercase:
                raise ValueError(
                    "The tokens are those of the tokenizer: leave `vocabulary`, `unit` and "
                    "`lowercase` out."
                )
            unit, vocabulary_size = "token", SPECIAL + len(tokenizer.words)
            if language_model is not None:
                vocabulary_size = language_model.units
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
        self.tokenizer = tokenizer
        Sampling(**self.sampling)  # raises where something is wrong
        self.target()
        # Layers
        self.language_model = language_model
        self.decoder = None
        if language_model is None:
            self.decoder = decoders.get(decoder, dtype=self.dtype_policy, name="decoder")

    def learned_from(self, target):
        if self.tokenizer is not None:
            return self
        return super().learned_from(target, vocabulary_size=None)

    def shared_parts(self):
        if self.language_model is None:
            return {}
        if self.language_model.built:
            raise ValueError(
                f"{self.language_model.name!r} is already part of a model. Make a new "
                "`mmzoo.decoders.LanguageModel`, of the same language model if you like."
            )
        return {"language_model": self.language_model}

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
        if not self._reads_tokens_alone:
            self.vector_map = keras.layers.Dense(dim, dtype=self.dtype_policy, name="vector_map")
        if self.language_model is not None:
            return
        # Of unit length, so that logits begin at about 1.
        self.embedding = self.add_weight(
            (self.units, dim),
            initializer=keras.initializers.RandomNormal(stddev=dim**-0.5),
            name="embedding",
        )
        self.bias = self.add_weight((self.units,), initializer="zeros", name="bias")

    def call(self, fused, tokens, mask, previous):
        memory, memory_mask = self._memory(fused, tokens, mask)
        if self.language_model is not None:
            logits = self.language_model(previous, memory, memory_mask)
        else:
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

        reorder = (self.language_model or self.decoder).reorder
        return generate(step, state, rows, self.length, sampling, prefix, reorder)

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
        writer = self.language_model or self.decoder
        read, state = writer.start_texts(memory, memory_mask, self.length + 1, texts)
        if self.language_model is not None:
            return read, state
        return {"decoder": read, "vector": repeated_rows(texts, memory[:, 0])[0]}, state

    def step(self, ids, position, read, state):
        """One step of writing: `(R,)` int32, the tokens before a position -> `(logits, state)`."""
        if self.language_model is not None:
            return self.language_model.step(ids, position, read, state)
        x = self._embedded(ids) + read["vector"]
        hidden, state = self.decoder.step(x, position, read["decoder"], state)
        return self._logits(hidden), state

    def _memory(self, fused, tokens, mask):
        """`(B, 1 + S, D)` and its mask: first the fused vector, which is always there, then tokens.

        The vector is added to every word, too, so that what it says need not be looked for. Gates
        of a language model read the tokens alone, so that there may be nothing to read.
        """
        names = sorted(tokens)
        read = [
            self.memory_maps[name](ops.cast(tokens[name], self.compute_dtype)) for name in names
        ]
        masks = [mask[name] for name in names]
        if not self._reads_tokens_alone:
            fused = ops.cast(one_vector(fused), self.compute_dtype)
            read.insert(0, self.vector_map(fused)[:, None])
            masks.insert(0, ops.ones_like(masks[0][:, :1]))
        return ops.concatenate(read, axis=1), ops.concatenate(masks, axis=1)

    @property
    def _reads_tokens_alone(self):
        return bool(self.language_model and self.language_model.gates)

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
        return TextTarget(
            self.length, self.unit, self.lowercase, self.units, self.vocabulary, self.tokenizer
        )

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
            "decoder": self.decoder and keras.saving.serialize_keras_object(self.decoder),
            "label_smoothing": self.label_smoothing,
            "sampling": self.sampling,
            "tokenizer": self.tokenizer and self.tokenizer.get_config(),
            "language_model": self.language_model
            and keras.saving.serialize_keras_object(self.language_model),
        }


def _language_model(identifier, connector):
    """What `Words(language_model=...)` takes -> a `LanguageModel`."""
    if isinstance(identifier, dict):
        identifier = keras.saving.deserialize_keras_object(identifier)
    if isinstance(identifier, LanguageModel):
        return identifier
    return LanguageModel(identifier, connector=connector, name="language_model")
