"""A language model of KerasHub that writes, told what was read."""

import os

import keras
import numpy as np
from keras import ops

from mmzoo.decoders.gated_reading import GatedReading
from mmzoo.decoders.prefix import Prefix
from mmzoo.decoders.writer import Writer
from mmzoo.keras_compat import call_with_vectors, empty_cache
from mmzoo.layers.masking import IMPOSSIBLE
from mmzoo.tokenizers.token_vocabulary import TokenVocabulary, special_ids
from mmzoo.tokenizers.vocabulary import END, SPECIAL
from mmzoo.utils.checks import check_positive_integers
from mmzoo.utils.optional_packages import require
from mmzoo.utils.safe_mode import check_nothing_fetched

CONNECTORS = ("prefix", "gated_cross_attention")


@keras.saving.register_keras_serializable(package="mmzoo")
class LanguageModel(Writer):
    """Connects a causal language model (GPT-2, Gemma, Llama, ...) to what was read.

    Needs the extra `mmzoo[keras-hub]`. `connector="prefix"`: a few vectors, made of the memory by
    attention of as many learned queries, stand before the text, as in ClipCap and LLaVA.
    `connector="gated_cross_attention"`: before each block of the language model its tokens attend
    to the memory, through gates that start closed, as in Flamingo: it starts as the language model
    alone, and in a row with nothing to read it is that forever.

    Ids are those of mmzoo's other decoders: 0 padding, 2 start, 3 end, and from 4 on the tokens of
    the language model. Its special tokens, but for the end, are never written.

    Args:
        language_model: what `keras_hub.models.CausalLM.from_preset` takes, or such a model.
        connector: `"prefix"` or `"gated_cross_attention"`.
        prefix_length: number of vectors of a prefix; 0: none, so that nothing is told.
        num_heads: attention heads of the connector; divides the width of the language model.
        every: gates stand before every so-many-th block.
        trainable: whether the language model is trained; `None`: not if it comes from a preset, and
            else as it is. The connector is trained in any case. For LoRA, see
            `mmzoo.enable_lora(model, rank, branches="language_model")`.
        special: ids that the tokenizer has for `start`, `end` and `padding`, and the list `never`
            of those that are not written; `None`: asked of the tokenizer of the language model.

    Call arguments:
        ids: `(B, L)` int32, 2 in front.
        memory: `(B, S, D)` float.
        memory_mask: `(B, S)` bool, `True` where there is something to read.

    Returns:
        `(B, L, 4 + V)` float32, the logits of the next token.

    Raises:
        ImportError: when KerasHub is not installed.
        ValueError: for an unknown connector, a model without `call_with_cache` or without a
            tokenizer, GPT-NeoX, a text that is longer than its positions.

    Example:

    >>> import keras_hub, numpy as np
    >>> backbone = keras_hub.models.GPT2Backbone(
    ...     vocabulary_size=20, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
    ... )
    >>> special = {"start": 19, "end": 19, "padding": 0, "never": [0]}
    >>> decoder = LanguageModel(keras_hub.models.GPT2CausalLM(backbone), special=special)
    >>> ids, memory = np.array([[2, 4, 9]]), np.ones((1, 3, 6), "float32")
    >>> tuple(decoder(ids, memory, np.ones((1, 3), bool)).shape)
    (1, 3, 24)

    Reference: Mokady et al. 2021, arXiv 2111.09734 (ClipCap); Liu et al. 2023, 2304.08485 (LLaVA);
    Alayrac et al. 2022, 2204.14198 (Flamingo).
    """

    def __init__(
        self,
        language_model,
        connector="prefix",
        prefix_length=8,
        num_heads=4,
        every=1,
        trainable=None,
        special=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        keras_hub = require("keras_hub", "keras-hub")
        if connector not in CONNECTORS:
            raise ValueError(
                f"`connector` must be one of {', '.join(CONNECTORS)}; received: {connector!r}."
            )
        if prefix_length != 0:
            check_positive_integers("prefix_length", prefix_length)
        check_positive_integers("num_heads", num_heads)
        check_positive_integers("every", every)
        if not isinstance(language_model, keras.Model):
            preset = os.fspath(language_model)
            check_nothing_fetched(f"The config of {self.name!r} names the preset {preset!r}")
            language_model = keras_hub.models.CausalLM.from_preset(preset)
            trainable = bool(trainable)
        if not hasattr(language_model, "call_with_cache"):
            raise ValueError(
                "`language_model` must be a causal language model of KerasHub, with "
                f"`call_with_cache`; received a {type(language_model).__name__}."
            )
        if type(language_model).__name__ == "GPTNeoXCausalLM":
            raise ValueError(
                "GPT-NeoX of KerasHub computes a step at any position as if it were the first, so "
                "it writes other texts than it was trained to. Take another language model."
            )
        tokenizer = getattr(language_model.preprocessor, "tokenizer", None)
        units = language_model.backbone.vocabulary_size
        self.special = special_of(tokenizer, units) if special is None else special
        #: What its tokens stand for, a `mmzoo.tokenizers.TokenVocabulary`; `None`: not known.
        self.tokenizer = tokenizer and TokenVocabulary(tokenizer)
        # Not the model itself, which is compiled: its metrics would become those of ours.
        self.kind = type(language_model)
        self.backbone = backbone = language_model.backbone
        train = backbone.trainable if trainable is None else trainable
        if not (train and backbone.trainable):  # that would free what is frozen inside
            for layer in (backbone, *backbone.layers):
                layer.trainable = train
        # Layers
        dtype = self.dtype_policy
        self.gates, self.prefix = [], None
        if connector == "prefix" and prefix_length:
            dim = backbone.token_embedding.output_dim
            self.prefix = Prefix(prefix_length, dim, num_heads, dtype=dtype, name="prefix")
        if connector == "gated_cross_attention":
            self.gates = [
                GatedReading(num_heads, dtype=dtype, name=f"gate_{number}")
                for number in range(0, len(backbone.transformer_layers), every)
            ]
        # Config
        self.connector = connector
        self.prefix_length = int(prefix_length)
        self.num_heads = num_heads
        self.every = every

    @property
    def _before(self):
        """Number of vectors that stand before the text."""
        return self.prefix.length if self.prefix else 0

    @property
    def units(self):
        """Number of ids, the four that stand for no token included."""
        return SPECIAL + self.backbone.vocabulary_size

    def call(self, ids, memory, memory_mask, training=None):
        vectors = self._embedded(ids)
        prefix = self._prefix(memory, memory_mask, vectors.dtype)
        if prefix is not None:
            vectors = ops.concatenate([prefix, vectors], axis=1)
        self._check_length(vectors.shape[1])

        def gate(number, x):
            return self.gates[number](x, memory, memory_mask)

        logits, _ = self._call(vectors, None, 0, gate, training)
        return self._own_logits(logits[:, self._before :])

    def start(self, memory, memory_mask, length):
        """What writing begins with, as of `Decoder.start`."""
        prefix = self._prefix(memory, memory_mask, self.backbone.compute_dtype)
        self._check_length(self._before + length)
        ids = ops.zeros((ops.shape(memory)[0], self._before + length), "int32")
        cache = empty_cache(self.kind, self.backbone, ids)
        read = [gate.read(memory) for gate in self.gates]
        if prefix is not None:  # in as many positions as the cache has, as KerasHub itself fills it
            later = ops.zeros((ops.shape(prefix)[0], length, prefix.shape[-1]), prefix.dtype)
            _, cache = self._call(ops.concatenate([prefix, later], axis=1), cache, 0)
        return {"gates": read, "mask": memory_mask}, cache

    def step(self, ids, position, read, state):
        """One step of writing: `(R,)` int32, the tokens before a position -> `(logits, state)`."""
        vectors = self._embedded(ids[:, None])

        def gate(number, x):
            return self.gates[number].with_read(x, read["gates"][number], read["mask"])

        logits, state = self._call(vectors, state, position + self._before, gate)
        return self._own_logits(logits)[:, 0], state

    def _call(self, vectors, cache, index, gate=None, training=None):
        frozen = not self.backbone.trainable
        training = False if frozen or training is None else training

        def around(number, block):
            def called(x, *args, **kwargs):
                if self.gates and number % self.every == 0:
                    x = gate(number // self.every, x)
                return block(x, *args, training=training, **kwargs)

            return called

        return call_with_vectors(self.kind, self.backbone, vectors, cache, index, around, training)

    def _embedded(self, ids):
        """`(R, L)` ids -> `(R, L, D)`, as the language model embeds them."""
        special = self.special
        table = [special["padding"], special["padding"], special["start"], special["end"]]
        of_special = ops.take(ops.convert_to_tensor(table, "int32"), ops.minimum(ids, SPECIAL - 1))
        ids = ops.where(ids < SPECIAL, of_special, ops.cast(ids, "int32") - SPECIAL)
        return self.backbone.token_embedding(ids)

    def _prefix(self, memory, memory_mask, dtype):
        """What stands before the text, `(R, P, D)`, or `None`."""
        return self.prefix and ops.cast(self.prefix(memory, memory_mask), dtype)

    def _own_logits(self, logits):
        """Logits of the language model's tokens -> of ids."""
        logits = ops.cast(logits, "float32")
        never = [self.special["end"], *self.special["never"]]
        can_be = ~np.isin(np.arange(logits.shape[-1]), never)  # a constant of the graph
        end = logits[..., self.special["end"]][..., None]
        nothing = ops.full_like(end, IMPOSSIBLE)
        words = ops.where(can_be, logits, IMPOSSIBLE)
        return ops.concatenate([nothing] * END + [end, words], axis=-1)

    def _check_length(self, length):
        most = getattr(self.backbone, "max_sequence_length", None)
        if None not in (most, length) and length > most:
            raise ValueError(
                f"{self.backbone.name!r} has positions for {most} tokens; received "
                f"{length}, a prefix of {self._before} and the end of the text included. Give "
                "the head a smaller `length`."
            )

    def get_config(self):
        language_model = self.kind(backbone=self.backbone, preprocessor=None)
        language_model = keras.saving.serialize_keras_object(language_model)
        language_model.pop("compile_config", None)  # which KerasHub made up
        return {
            **super().get_config(),
            "language_model": language_model,
            "connector": self.connector,
            "prefix_length": self.prefix_length,
            "num_heads": self.num_heads,
            "every": self.every,
            "trainable": None if self.backbone.trainable else False,
            "special": self.special,
        }

    @classmethod
    def from_config(cls, config):
        require("keras_hub", "keras-hub")  # registers its layers
        model = keras.saving.deserialize_keras_object(config["language_model"])
        return cls(**{**config, "language_model": model})


def special_of(tokenizer, units):
    """The ids that a language model has for what is no token of a text.

    Args:
        tokenizer: a `keras_hub.tokenizers.Tokenizer`.
        units: number of tokens that the language model has.

    Returns:
        Dict of `start`, `end`, `padding`, and the list `never` of those that are not written.

    Raises:
        ValueError: where there is no tokenizer, it has no token for the end, or too many tokens.
    """
    end = getattr(tokenizer, "end_token_id", None)
    if end is None:
        raise ValueError(
            "The language model has no tokenizer with a token for the end of a text: load it with "
            "`keras_hub.models.CausalLM.from_preset`, or make it with "
            "`preprocessor=keras_hub.models.CausalLMPreprocessor(tokenizer)`."
        )
    known = tokenizer.vocabulary_size()
    if known > units:
        raise ValueError(
            f"The tokenizer has {known} tokens, the language model {units}: they do not belong "
            "together."
        )
    start = getattr(tokenizer, "start_token_id", None)
    never = {*special_ids(tokenizer), *range(known, units), start} - {end, None}
    return {
        "start": int(end if start is None else start),
        "end": int(end),
        "padding": int(getattr(tokenizer, "pad_token_id", None) or 0),
        "never": sorted(int(token) for token in never),
    }
