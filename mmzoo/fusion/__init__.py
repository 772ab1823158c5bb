"""Fusion blocks: tokens of several modalities -> one vector, in pure Keras."""

from mmzoo.fusion.concat import Concat
from mmzoo.fusion.cross_attention import CrossAttention
from mmzoo.fusion.fusion import Fusion
from mmzoo.fusion.merged_attention import MergedAttention
from mmzoo.fusion.product import Product
from mmzoo.fusion.sum import Sum
from mmzoo.fusion.weighted_sum import WeightedSum
from mmzoo.identifiers import resolve

#: The registered fusion blocks: name -> class.
FUSIONS = {
    "concat": Concat,
    "sum": Sum,
    "weighted_sum": WeightedSum,
    "product": Product,
    "cross_attention": CrossAttention,
    "merged_attention": MergedAttention,
}


def names():
    """The registered names, sorted.

    Example:

    >>> "cross_attention" in names()
    True
    """
    return sorted(FUSIONS)


def get(identifier, dim=256, query=None, dtype=None):
    """Turns a string, config dict or instance into a fusion block.

    Args:
        identifier: a name of `names()`, a config dict, or a `Fusion`.
        dim: width for a block that does not say its own.
        query: name of the modality that asks, for directed blocks that do not say.
        dtype: dtype or dtype policy of a block made here.

    Returns:
        A `Fusion`.

    Raises:
        ValueError: for an unknown name; the message lists the known ones and the nearest.
        TypeError: for anything that is not an identifier.

    Example:

    >>> get("sum", dim=32).dim
    32
    """
    return resolve(
        identifier, FUSIONS, "fusion", Fusion, name="fusion", dim=dim, query=query, dtype=dtype
    )


__all__ = [
    "FUSIONS",
    "Concat",
    "CrossAttention",
    "Fusion",
    "MergedAttention",
    "Product",
    "Sum",
    "WeightedSum",
    "get",
    "names",
]
