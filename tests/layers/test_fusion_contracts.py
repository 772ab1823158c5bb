"""What single fusion blocks promise beyond their equation: where they start, what they refuse."""

import numpy as np
import pytest
from keras import ops

import mmzoo
from tests.layers.test_fusion_equations import batch, made
from tests.layers.test_properties import gradients
from tests.parts import build, labels, tensors


def changes(block, name):
    """Whether a freshly built block's output depends on the tokens of a modality."""
    tokens, mask = batch(["image", "text"])
    fused = ops.convert_to_numpy(block(tokens, mask))
    other = ops.convert_to_numpy(block({**tokens, name: 1 - tokens[name]}, mask))
    return not np.array_equal(fused, other)


def test_gates_start_closed():
    block = made("gated_cross_attention")
    assert changes(block, "text") and not changes(block, "image")


def test_modulation_starts_as_none():
    block = made("film")
    assert changes(block, "image") and not changes(block, "text")


def test_signed_square_root_has_a_gradient_at_zero():
    model, _ = build("fusion-mfb")
    x = tensors(model)
    model(x)
    for linear in model.get_layer("fusion").maps:
        linear.kernel.assign(np.zeros(linear.kernel.shape))
    slopes = gradients(model, x, labels(model))
    assert all(np.isfinite(slope).all() for slope in slopes.values())


def test_every_low_rank_factor_is_trained():
    block = made("low_rank", rank=3)
    tokens, mask = batch(["image", "text"])
    block(tokens, mask)
    names = ["image_factors", "text_factors"]
    kernels = {
        w.path.split("/")[-2]: w.shape for w in block.trainable_variables if "kernel" in w.path
    }
    assert kernels == dict.fromkeys(names, (8, 3 * block.dim))


def test_an_outer_product_that_is_too_large_is_refused_with_its_size():
    block = made("tensor", subspace_dim=9, max_size=999)
    with pytest.raises(ValueError, match=r"1,?000"):
        block(*batch(["image", "text", "voice"]))


@pytest.mark.parametrize("name", ["film", "relation", "gated_cross_attention"])
@pytest.mark.parametrize("query", [None, "voice"])
def test_directed_blocks_must_know_who_asks(name, query):
    block = mmzoo.fusion.FUSIONS[name](dim=8, query=query)
    with pytest.raises(ValueError, match="must name the modality that asks"):
        block(*batch(["image", "text"]))


def test_grids_that_do_not_fit_are_refused():
    for name in ("film", "relation"):
        block = mmzoo.fusion.FUSIONS[name](dim=8, query="text", grids={"image": (3, 3)})
        with pytest.raises(ValueError, match="3 x 3 does not have 4 tokens"):
            block(*batch(["image", "text"]))


def test_late_fusion_has_no_joint_layers():
    with pytest.raises(ValueError, match="tower_units"):
        mmzoo.fusion.Late(dim=8, hidden_units=[8])


def test_a_bottleneck_of_one_layer_is_refused():
    with pytest.raises(ValueError, match="depth >= 2"):
        mmzoo.fusion.Bottleneck(dim=8, depth=1)


def test_a_block_without_context_weights_refuses_context():
    block = mmzoo.layers.TransformerBlock(8)
    with pytest.raises(ValueError, match="cross_attention=True"):
        block(np.ones((1, 2, 8)), context=np.ones((1, 3, 8)))
