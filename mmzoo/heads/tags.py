"""A tag for each word of a text."""

import keras
from keras import ops

from mmzoo.heads.head import Head, one_vector
from mmzoo.heads.tag_accuracy import TagAccuracy
from mmzoo.heads.tag_chain import best_path, best_tag, log_partition, odds, path_score
from mmzoo.heads.tags_loss import CHAINS, TagsLoss
from mmzoo.targets.tag_scheme import costs
from mmzoo.targets.tags_of_words import TagsOfWords


@keras.saving.register_keras_serializable(package="mmzoo")
class Tags(Head):
    """A tag for each word of one text: parts of speech, names, the words of Chinese.

    The text is an `mmzoo.Text(words=...)`, which says what its words are. Labels are lists of tags,
    one a word, or spans, `[start, end, type]`, in characters of the text. The other inputs are
    context: the text's tokens come out of the fusion block, see `Fusion.contextualized`. Of a word
    that a tokenizer cuts into pieces the first piece answers.

    Tags are learned from the training rows: `preprocessor = mmzoo.Preprocessor(inputs,
    head=Tags())`, `preprocessor.adapt(records)`, and then
    `Tags(tags=preprocessor.targets["head"].tags)` for the model.

    Args:
        tags: the tags; `None`: not known yet.
        crf: whether the tags of a text are a linear chain, in which it counts which tag follows
            which (a conditional random field); else each word has its own softmax.
        text: name of the text; `None`: the first that says what its words are.
        dropout: dropout rate of the text's tokens.
        scheme: how tags write spans: `"BIO"` (`B-type`, `I-type`, `O`), `"BIOES"` (also with the
            letters of BMES and BILOU, and without types), or `None`, not at all; `"auto"`: by the
            tags. A sequence that breaks the rules is an error in labels, and never an answer.
        words: how the text divides into words, and
        length: tokens it is cut to, and
        pieces: whether words may have several tokens; `build_model` fills them in.

    Call arguments:
        fused: `(B, D)` float, or `(B, M, D)`, whose mean over `M` is taken.
        tokens: dict from modality name to `(B, T, D)` float.
        mask: dict from modality name to `(B, T)` bool; for the text, which tokens begin a word.

    Returns:
        `(B, T, K)` float32, by words. The answer is the sequence of the largest of each word, by
        Viterbi's algorithm. Its entries are all the same: the probability of the sequence, its
        geometric mean over the words. Those of another tag are smaller, as much as that tag there
        would make the sequence less probable. Zeros behind the last word.

    Raises:
        ValueError: when the tags are not known, there is no such text, it does not say what its
            words are, or its encoder keeps no tokens.

    Example:

    >>> import numpy as np
    >>> head = Tags(tags=["B-place", "I-place", "O"], text="text")
    >>> tokens, mask = {"text": np.ones((2, 5, 8), "float32")}, {"text": np.ones((2, 5), bool)}
    >>> tuple(head(np.ones((2, 8), "float32"), tokens, mask).shape)
    (2, 5, 3)

    Reference: Lample et al. 2016, arXiv 1603.01360, section 2.2.
    """

    reads_tokens = True
    score_names = None
    learned_argument = "tags"

    def __init__(
        self,
        tags=None,
        crf=True,
        text=None,
        scheme="auto",
        words=None,
        length=None,
        pieces=False,
        dropout=0.0,
        **kwargs,
    ):
        tags = None if tags is None else [str(tag) for tag in tags]
        super().__init__(len(tags or "?"), tags, **kwargs)
        # Layers
        self.vector_map = keras.layers.Dense(
            self.units, use_bias=False, dtype=self.dtype_policy, name="vector_map"
        )
        self.dropout_layer = (
            keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")
            if dropout
            else None
        )
        # Config
        self.dropout = dropout
        self.tags = tags
        self.crf = crf
        self.text = text
        self.scheme = scheme
        self.words = words
        self.length = length
        self.pieces = pieces
        self._costs = costs(tags or ["?"], scheme)
        # Weights
        if crf:
            self.transitions = self._weight((self.units + 1, self.units), "transitions")
            self.end = self._weight((self.units,), "end")

    def _weight(self, shape, name):
        return self.add_weight(shape=shape, initializer="zeros", dtype="float32", name=name)

    def build(self, *args, **shapes):
        """Nothing to build here: the layers inside get their weights as they are called."""

    def fitted_to(self, inputs, grids):
        divided = {
            name: modality
            for name, modality in inputs.items()
            if modality.kind == "text" and getattr(modality, "words", None) is not None
        }
        text = next(iter(divided), None) if self.text is None else self.text
        if text not in divided:
            named = "there is none" if text is None else f"received text={text!r}"
            raise ValueError(
                "Tags answers about the words of a text that says what they are, an "
                f"mmzoo.Text(words='spaces'), 'punctuation' or 'characters': {named}; the inputs "
                f"are {', '.join(inputs)}."
            )
        modality = inputs[text]
        settings = {
            "text": text,
            "words": modality.words,
            "length": modality.longest,
            "pieces": "starts" in modality.tensors(),
        }
        return type(self).from_config({**self.get_config(), **settings})

    def token_mask(self, mask, inputs):
        of_text = mask[self.text]
        if of_text.shape[1] != inputs[self.text].shape[1]:
            raise ValueError(
                f"Tags needs the tokens of {self.text!r}, one a word, but its encoder gives "
                f"{of_text.shape[1]}. Let it keep them: pooling=None."
            )
        if self.pieces:
            starts = ops.cast(inputs[f"{self.text}_starts"], "bool")
            of_text = ops.logical_and(of_text, starts)
        return {**mask, self.text: of_text}

    def call(self, fused, tokens, mask):
        if self.tags is None or self.text is None:
            raise ValueError(
                "Tags does not know its tags or its text. Learn them, `preprocessor = "
                "mmzoo.Preprocessor(inputs, head=mmzoo.heads.Tags())`, `preprocessor.adapt("
                'records)`, and give `mmzoo.build_model` Tags(tags=preprocessor.targets["head"]'
                ".tags)."
            )
        fused = one_vector(fused)
        tokens, mask = tokens[self.text], mask[self.text]
        tokens = ops.where(mask[..., None], tokens, ops.zeros_like(tokens))
        if self.dropout_layer is not None:
            tokens = self.dropout_layer(tokens)
        u = self.dense(tokens) + self.vector_map(fused)[:, None]
        if self.pieces:
            u, mask = _starts_first(u, mask)
        # The same for all tags of a word, so that nothing changes; but sums stay small, and exact.
        u = ops.log_softmax(ops.cast(u, "float32"), axis=-1)
        u = ops.where(mask[..., None], u, 0.0)
        if self.crf:
            transitions = ops.convert_to_tensor(self.transitions)
            end = ops.convert_to_tensor(self.end)
            partition = log_partition(u, transitions, end, mask)
        else:
            transitions = ops.zeros((self.units + 1, self.units), "float32")
            end = ops.zeros((self.units,), "float32")
            partition = ops.zeros_like(u[:, 0, 0])
        known = u, transitions, end, partition, mask
        return CHAINS.remember(self._answer(*map(ops.stop_gradient, known[:4]), mask), known)

    def _answer(self, u, transitions, end, partition, mask):
        """The prediction of potentials: the best sequence, its score, and other tags' scores."""
        between, at_end = (ops.convert_to_tensor(cost, "float32") for cost in self._costs)
        allowed, allowed_end = transitions + between, end + at_end
        if self.crf or self.has_rules:
            path = best_path(u, allowed, allowed_end, mask)
        else:
            path = ops.where(mask, best_tag(u), 0)
        words = ops.maximum(ops.sum(ops.cast(mask, "float32"), axis=1), 1.0)
        score = ops.exp((path_score(u, transitions, end, path, mask) - partition) / words)
        # Strictly less, so that of sequences that are as good the answer is the largest.
        others = ops.minimum(odds(u, allowed, allowed_end, path, mask), 1.0 - 1e-6)
        chosen = path[..., None] == ops.arange(self.units, dtype="int32")
        shares = ops.where(chosen, 1.0, others) * score[:, None, None]
        return ops.where(mask[..., None], shares, 0.0)

    @property
    def has_rules(self):
        """Whether there are sequences of tags that can't be."""
        return any(bool((cost < 0).any()) for cost in self._costs)

    def target(self):
        return TagsOfWords(self.text, self.words, self.tags, self.scheme, self.length)

    def make_loss(self):
        return TagsLoss()

    def make_metrics(self):
        return [TagAccuracy()]

    def get_config(self):
        config = super().get_config()
        del config["units"], config["class_names"]
        return {
            **config,
            "tags": self.tags,
            "crf": self.crf,
            "dropout": self.dropout,
            "text": self.text,
            "scheme": self.scheme,
            "words": self.words,
            "length": self.length,
            "pieces": self.pieces,
        }


def _starts_first(u, mask):
    """Potentials of the tokens that begin a word, in front, and which they are now."""
    mask = ops.cast(mask, "int32")
    positions = ops.cumsum(ops.ones_like(mask), axis=1)
    # Whole numbers in the order wanted: those that begin a word, then the others.
    order = ops.argsort(positions + (1 - mask) * ops.max(positions), axis=1)
    u = ops.take_along_axis(u, order[:, :, None], axis=1)
    return u, positions <= ops.sum(mask, axis=1, keepdims=True)
