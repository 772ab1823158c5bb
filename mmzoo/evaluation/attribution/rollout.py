"""Attention rollout: which tokens a vector is made of, over all layers."""

import numpy as np


def rollout(weights):
    """How much of each token after a stack of self-attention comes from each before it.

    Half of a token stays, and half is what it attends to, in every layer.

    Args:
        weights: list of `(heads, T, T)`, from the first layer on; rows sum to 1, or to 0 where
            nothing is attended to.

    Returns:
        `(T, T)` float64; rows sum to 1.

    Example:

    >>> rollout([np.array([[[0.0, 1.0], [0.0, 1.0]]])]).tolist()
    [[0.5, 0.5], [0.0, 1.0]]

    Reference: Abnar and Zuidema 2020, arXiv 2005.00928.
    """
    origin = np.eye(weights[0].shape[-1])
    for layer in weights:
        origin = read(origin, layer, origin)
    return origin


def rollout_of_fusion(order, weights, tokens):
    """How much of the fused vector comes from each token of each modality.

    Args:
        order: the `mmzoo.fusion.reading.ReadingOrder` of the block.
        weights: dict from the name of a block to `(heads, T, S)`.
        tokens: dict from modality to the number of its tokens.

    Returns:
        Dict from modality to `(T,)` float64. All together sum to 1, less what comes from learned
        tokens.
    """
    streams = {**tokens, **order.learned}
    starts = np.cumsum([0, *streams.values()])
    everything = np.eye(starts[-1])
    origins = {
        name: everything[start : start + count]
        for (name, count), start in zip(streams.items(), starts, strict=False)
    }
    for stage in order.stages:
        origins |= {copy: origins[name] for copy, name in stage.copies.items()}
        changed = {}
        for reading in stage.readings:
            before = np.concatenate([origins[name] for name in reading.queries])
            keys = np.concatenate([origins[name] for name in reading.keys])
            after = read(before, weights[reading.block], keys)
            start = 0
            for name in reading.queries:
                changed[name] = after[start : start + len(origins[name])]
                start += len(origins[name])
        origins |= changed
        origins |= {
            name: np.mean([origins[each] for each in means], axis=0)
            for name, means in stage.means.items()
        }
    share = np.mean(
        [origins[name].mean(axis=0) for name in order.fused if len(origins[name])], axis=0
    )
    return {
        name: share[start : start + count]
        for (name, count), start in zip(streams.items(), starts, strict=False)
        if name in tokens
    }


def read(before, weights, keys):
    """Where tokens come from after they attended to others.

    Args:
        before: `(T, N)`: where they came from.
        weights: `(heads, T, S)`.
        keys: `(S, N)`: where the others come from.

    Returns:
        `(T, N)`, rows that sum to 1.
    """
    after = before + weights.mean(axis=0, dtype="float64") @ keys
    return after / after.sum(axis=1, keepdims=True)
