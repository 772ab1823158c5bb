"""Fusion blocks: tokens of several modalities -> one vector, in pure Keras."""

from mmzoo.fusion.bilinear import Bilinear
from mmzoo.fusion.bottleneck import Bottleneck
from mmzoo.fusion.concat import Concat
from mmzoo.fusion.cross_attention import CrossAttention
from mmzoo.fusion.film import FiLM
from mmzoo.fusion.fusion import Fusion
from mmzoo.fusion.gated import Gated
from mmzoo.fusion.gated_cross_attention import GatedCrossAttention
from mmzoo.fusion.late import Late
from mmzoo.fusion.low_rank import LowRank
from mmzoo.fusion.max import Max
from mmzoo.fusion.merged_attention import MergedAttention
from mmzoo.fusion.mfb import MFB
from mmzoo.fusion.mixture_of_experts import MixtureOfExperts
from mmzoo.fusion.pairwise_attention import PairwiseAttention
from mmzoo.fusion.perceiver import Perceiver
from mmzoo.fusion.product import Product
from mmzoo.fusion.relation import Relation
from mmzoo.fusion.sum import Sum
from mmzoo.fusion.tensor import Tensor
from mmzoo.fusion.weighted_sum import WeightedSum
from mmzoo.utils.identifiers import check_serializable, resolve
from mmzoo.utils.identifiers import register as add

#: The registered fusion blocks: name -> class, from the simplest to the most structured.
FUSIONS = {
    "concat": Concat,
    "sum": Sum,
    "weighted_sum": WeightedSum,
    "max": Max,
    "late": Late,
    "product": Product,
    "gated": Gated,
    "mixture_of_experts": MixtureOfExperts,
    "bilinear": Bilinear,
    "low_rank": LowRank,
    "mfb": MFB,
    "tensor": Tensor,
    "film": FiLM,
    "relation": Relation,
    "cross_attention": CrossAttention,
    "gated_cross_attention": GatedCrossAttention,
    "pairwise_attention": PairwiseAttention,
    "merged_attention": MergedAttention,
    "bottleneck": Bottleneck,
    "perceiver": Perceiver,
}


def names():
    """The registered names, sorted.

    Example:

    >>> "cross_attention" in names()
    True
    """
    return sorted(FUSIONS)


def register(name, fusion=None):
    """Gives a fusion block from outside a name, which `build_model(fusion=...)` then takes.

    Args:
        name: the name.
        fusion: a subclass of `Fusion`, registered with Keras; `None`: a decorator is returned.

    Returns:
        The class, or the decorator.

    Raises:
        TypeError: when it is no fusion block.
        ValueError: when the name is impossible or taken, or Keras could not load the block.

    Example:

    >>> register("sum", Sum) is FUSIONS["sum"]
    True
    """
    return add(
        FUSIONS, "fusion", name, fusion, lambda cls: check_serializable("fusion block", cls, Fusion)
    )


def get(identifier, dim=256, query=None, grids=None, dtype=None):
    """Turns a string, config dict or instance into a fusion block.

    Args:
        identifier: a name of `names()`, a config dict, or a `Fusion`.
        dim: width for a block that does not say its own.
        query: name of the modality that asks, for directed blocks that do not say.
        grids: dict from modality name to the `(height, width)` of its tokens, for blocks that
            want to know and do not say.
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
        identifier,
        FUSIONS,
        "fusion",
        Fusion,
        name="fusion",
        dim=dim,
        query=query,
        grids=grids,
        dtype=dtype,
    )


__all__ = [
    "FUSIONS",
    "MFB",
    "Bilinear",
    "Bottleneck",
    "Concat",
    "CrossAttention",
    "FiLM",
    "Fusion",
    "Gated",
    "GatedCrossAttention",
    "Late",
    "LowRank",
    "Max",
    "MergedAttention",
    "MixtureOfExperts",
    "PairwiseAttention",
    "Perceiver",
    "Product",
    "Relation",
    "Sum",
    "Tensor",
    "WeightedSum",
    "get",
    "names",
    "register",
]
