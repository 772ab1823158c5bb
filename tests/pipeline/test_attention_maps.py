"""What layers of attention attend to, by name, and where a fused vector comes from."""

import inspect

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.evaluation.attribution.rollout import rollout
from mmzoo.fusion.attention_fusion import AttentionFusion
from tests.pipeline.test_attributions import INPUTS, ROWS, built

#: Blocks of attention, with the number of learned tokens that the vector comes from in part.
BLOCKS = [
    "bottleneck", {"class_name": "bottleneck", "config": {"self_attention": False}},
    "cross_attention", "gated_cross_attention", "merged_attention", "pairwise_attention",
    "perceiver",
]  # fmt: skip
LEARNED = ("bottleneck", "merged_attention", "perceiver")


def name_of(block):
    return block if isinstance(block, str) else block["class_name"]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_weights_and_rollout_of_every_block(block):
    inputs = {name: INPUTS[name] for name in ("image", "text")}
    rows = {name: ROWS[name] for name in inputs}
    model, preprocessor = built(inputs, fusion=block)
    found = mmzoo.attention(model, preprocessor, rows)
    assert "text_encoder/block_0" in found.layers
    assert any(path.startswith("fusion/") for path in found.layers)
    for layers in found.rows:
        for path, layer in layers.items():
            assert layer.queries is not None, path
            expected = (sum(layer.queries.values()), sum(layer.keys.values()))
            assert layer.weights.shape[1:] == expected, path
            np.testing.assert_allclose(layer.weights.sum(axis=-1), 1.0, atol=1e-5)
    for shares in found.rollouts:
        assert {*shares} == {"image", "text"}
        total = sum(share.sum() for share in shares.values())
        assert all((share >= 0).all() for share in shares.values())
        if name_of(block) in LEARNED:
            assert 0 < total < 1
        else:
            assert total == pytest.approx(1.0, abs=1e-5)
    assert found.tokens[0]["text"].elements.names == ("a", "red", "red", "circle")
    grid = found.tokens[0]["image"].grid
    assert found.rollout(0, "image").shape == grid
    assert found.rollouts[1]["text"].shape == (1,)  # the token of absence


def test_every_block_of_attention_is_tested():
    known = {name_of(block) for block in BLOCKS}
    for name in mmzoo.fusion.names():
        block = mmzoo.fusion.get(name, dim=8)
        if isinstance(block, AttentionFusion):
            assert name in known
            assert "reading_order" in vars(type(block)), inspect.getfile(type(block))


@pytest.mark.parametrize("dtype", [None, "mixed_bfloat16"])
def test_recording_changes_nothing_and_says_what_is_computed(dtype):
    inputs = {name: INPUTS[name] for name in ("image", "text")}
    rows = {name: ROWS[name][:1] for name in inputs}
    model, preprocessor = built(inputs, fusion="gated_cross_attention", dtype=dtype)
    before = mmzoo.predict(model, preprocessor, rows)
    found = mmzoo.attention(model, preprocessor, rows)
    np.testing.assert_array_equal(mmzoo.predict(model, preprocessor, rows), before)
    of_layers = [found.map(0, "text", "image", layer=f"fusion/block_{i}") for i in range(2)]
    words, height, width = of_layers[0].shape
    assert (words, (height, width)) == (4, found.tokens[0]["image"].grid)
    np.testing.assert_allclose(of_layers[0].sum(axis=(1, 2)), 1.0, atol=1e-5)
    np.testing.assert_allclose(found.map(0, "text", "image"), np.mean(of_layers, axis=0))
    head = found.map(0, "text", "image", layer="fusion/block_0", head=1)
    assert not np.allclose(head, of_layers[0])
    with pytest.raises(ValueError, match="text to image"):
        found.map(0, "image", "text")
    with pytest.raises(ValueError, match="fusion/block_0, fusion/block_1"):
        found.map(0, "text", "image", layer="block_0")


def test_a_key_that_all_look_at_is_found():
    """A picture's token whose key is as the query is what the words attend to."""
    inputs = {
        "vectors": mmzoo.Features((3, 8), encoder={"class_name": "linear", "config": {}}),
        "text": INPUTS["text"],
    }
    model, preprocessor = built(inputs, fusion="gated_cross_attention")
    rows = {"vectors": [np.eye(8)[[0, 1, 2]].tolist()], "text": ROWS["text"][:1]}
    attention = model.fusion.blocks[0].attention
    # Queries are one vector, whatever the words; keys are the vectors, that of the second larger.
    for layer in (attention.query_dense, attention.key_dense):
        layer.kernel.assign(keras.ops.zeros_like(layer.kernel))
    attention.query_dense.bias.assign(keras.ops.ones_like(attention.query_dense.bias))
    vectors = {"vectors": np.eye(8, dtype="float32")[None, :3], "mask": np.ones((1, 3), bool)}
    token = model.get_layer("vectors_projection")(model.encoders["vectors"](vectors)[0])
    token = model.fusion.blocks[0].context_norm(token)[0, 1]
    kernel = np.zeros(attention.key_dense.kernel.shape, "float32")
    kernel += 100 * np.asarray(token)[:, None, None]
    attention.key_dense.kernel.assign(kernel)
    found = mmzoo.attention(model, preprocessor, rows)
    weights = found.map(0, "text", "vectors", layer="fusion/block_0")
    assert (weights.argmax(axis=1) == 1).all() and (weights[:, 1] > 0.9).all()


def test_rollout_of_two_layers_is_the_product_of_both():
    generator = np.random.default_rng(0)
    layers = [generator.dirichlet(np.ones(3), size=(2, 3)) for _ in range(2)]
    mixed = [np.eye(3) / 2 + layer.mean(axis=0) / 2 for layer in layers]
    np.testing.assert_allclose(rollout(layers), mixed[1] @ mixed[0])


def test_a_model_without_attention_says_what_else_there_is():
    inputs = {"a": mmzoo.Features(2), "b": mmzoo.Features(2)}
    model, preprocessor = built(inputs, fusion="concat")
    with pytest.raises(ValueError, match=r"mmzoo\.attributions.*gated_cross_attention"):
        mmzoo.attention(model, preprocessor, {"a": [[1.0, 2.0]], "b": [[1.0, 2.0]]})
