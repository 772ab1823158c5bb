"""What language models of KerasHub do not promise: to go on from vectors in place of token ids."""

import functools
import inspect

import keras
from keras import ops


class _Seen:
    """An object as it is, but for some attributes; the object itself stays untouched."""

    def __init__(self, seen, **attributes):
        self.__dict__.update(attributes, _seen=seen)

    def __getattr__(self, name):
        return getattr(self._seen, name)


class _Embedding(_Seen):
    """A token embedding that answers with given vectors; the other way, from vectors to logits, it
    is as it was."""

    def __call__(self, inputs, *args, reverse=False, start_index=0, **kwargs):
        if reverse:
            return self._seen(inputs, *args, reverse=True, **kwargs)
        if hasattr(self._seen, "position_embedding"):  # OPT has one layer for both
            positions = self._seen.position_embedding(self.vectors, start_index=start_index)
            return self.vectors + positions
        return self.vectors


class _Backbone(_Seen):
    """A backbone whose own dropout is told whether this is training; its blocks are elsewhere."""

    def __getattr__(self, name):
        found = getattr(self._seen, name)
        if isinstance(found, keras.layers.Dropout):
            return functools.partial(found, training=self.training)
        return found


class _NoCache:
    """Stands for a cache where none is kept."""

    def __getitem__(self, index):
        return None


def _without_cache(block):
    """A block that keeps nothing, called as if it did: an update of a cache has no gradient."""

    def called(x, training=None, **kwargs):
        others = {name: value for name, value in kwargs.items() if "cache" not in name}
        return block(x, training=training, **others), ops.zeros((1,))

    return called


def call_with_vectors(kind, backbone, vectors, cache, index, around, training=False):
    """`call_with_cache` of a language model, from embedded tokens.

    Args:
        kind: a subclass of `keras_hub.models.CausalLM` that has `call_with_cache`.
        backbone: its backbone.
        vectors: `(R, T, D)` float, in place of embedded tokens.
        cache: what `empty_cache` or the call before returned; `None`: nothing is kept, and there
            are gradients.
        index: position of the first of them, an integer or a scalar int32 tensor.
        around: function from the number of a block and the block to what is called in its place.
        training: whether the dropout of the embedded tokens works.

    Returns:
        `(logits, cache)`: `(R, T, V)`, and the cache with these tokens.
    """
    seen = {
        name: _Embedding(getattr(backbone, name), vectors=vectors)
        for name in ("token_embedding", "embeddings")
        if hasattr(backbone, name)
    }
    blocks = backbone.transformer_layers
    if cache is None:
        cache, blocks = _NoCache(), [_without_cache(block) for block in blocks]
    blocks = [around(number, block) for number, block in enumerate(blocks)]
    seen_backbone = _Backbone(backbone, transformer_layers=blocks, training=training, **seen)
    # Token ids of the right shape, for whoever looks at them.
    ids = vectors[..., 0]
    model = _Seen(backbone, backbone=seen_backbone)
    logits, _, cache = kind.call_with_cache(model, ids, cache, index)
    return logits, cache


def empty_cache(kind, backbone, ids):
    """The cache of a language model before any token.

    Args:
        kind: a subclass of `keras_hub.models.CausalLM` that has `call_with_cache`.
        backbone: its backbone.
        ids: `(R, L)` int32, of as many rows and positions as the cache is to have.

    Returns:
        A structure of tensors `(R, ...)`.
    """

    def nothing(token_ids, cache, *args, **kwargs):
        return None, None, cache

    # What also reads pictures takes more; of texts it is `None`.
    others = list(inspect.signature(kind._build_cache).parameters)[2:]
    model = _Seen(backbone, backbone=backbone, call_with_cache=nothing)
    return kind._build_cache(model, ids, *(None for _ in others))[-1]
