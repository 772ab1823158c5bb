"""Every fusion block against its published equation, written out in NumPy and float64."""

import itertools
import math

import numpy as np
import pytest

import mmzoo
from mmzoo.testing.properties import answer, build_with, disturb
from tests.parts import tiny

ROWS, DIM = 3, 8
LENGTHS = {"image": 4, "text": 3, "voice": 2}
GRIDS = {"image": (2, 2)}


def weights(layer):
    """The kernel and bias of a dense layer, in float64."""
    bias = 0.0 if layer.bias is None else np.float64(layer.bias)
    return np.float64(layer.kernel), bias


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
}


def dense(layer, x):
    kernel, bias = weights(layer)
    return ACTIVATIONS[layer.activation.__name__](x @ kernel + bias)


def softmax(x):
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def layer_norm(layer, x):
    x = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)
    scale = np.float64(layer.gamma) if layer.scale else 1.0
    return x * scale + (np.float64(layer.beta) if layer.center else 0.0)


def attention(layer, query, value, valid):
    """`softmax(Q K^T / sqrt(d)) V`, head by head, of one row; padding has no weight."""
    heads = []
    q_map, k_map, v_map = layer.query_dense, layer.key_dense, layer.value_dense
    for h in range(layer.num_heads):
        q, k, v = (
            x @ np.float64(m.kernel)[:, h] + np.float64(m.bias)[h]
            for m, x in ((q_map, query), (k_map, value), (v_map, value))
        )
        scores = np.where(valid[None], q @ k.T / math.sqrt(q.shape[-1]), -np.inf)
        heads.append(softmax(scores) @ v @ np.float64(layer.output_dense.kernel)[h])
    return sum(heads) + np.float64(layer.output_dense.bias)


def transformer(block, x, valid, context=None):
    """Pre-norm attention and feed-forward network of one row, each with its residual."""
    gates = (1.0, 1.0)
    if block.gated:
        gates = (
            np.tanh(np.float64(block.attention_gate)),
            np.tanh(np.float64(block.feedforward_gate)),
        )
    query = layer_norm(block.attention_norm, x)
    value = query if context is None else layer_norm(block.context_norm, context)
    x = x + gates[0] * attention(block.attention, query, value, valid)
    hidden = dense(block.feedforward_hidden, layer_norm(block.feedforward_norm, x))
    return x + gates[1] * dense(block.feedforward_output, hidden)


def means(tokens, mask):
    """The mean valid token of each modality of one row; zeros where there is none."""
    return [
        tokens[name][mask[name]].mean(axis=0) if mask[name].any() else 0.0 * tokens[name][0]
        for name in tokens
    ]


def over_present(logits, mask):
    present = np.array([valid.any() for valid in mask.values()])
    scores = np.exp(np.float64(logits)) * present
    return scores / max(scores.sum(), 1e-30)


def concat(block, tokens, mask):
    return np.concatenate(means(tokens, mask))


def add(block, tokens, mask):
    return sum(means(tokens, mask))


def weighted_sum(block, tokens, mask):
    shares = over_present(block.modality_logits, mask)
    return sum(a * x for a, x in zip(shares, means(tokens, mask), strict=True))


def maximum(block, tokens, mask):
    return np.max(means(tokens, mask), axis=0)


def product(block, tokens, mask):
    return np.prod(np.tanh(means(tokens, mask)), axis=0)


def late(block, tokens, mask):
    """What a linear head makes of it: the weighted average."""
    shares = over_present(block.modality_logits, mask)
    vectors = [
        dense(tower[0], x) for tower, x in zip(block.towers, means(tokens, mask), strict=True)
    ]
    return sum(a * x for a, x in zip(shares, vectors, strict=True))


def gated(block, tokens, mask):
    vectors = means(tokens, mask)
    hidden = [dense(t, x) for t, x in zip(block.transforms, vectors, strict=True)]
    if len(vectors) == 1:
        return hidden[0]
    gate = dense(block.gate, np.concatenate(vectors))
    if len(vectors) == 2:
        z = 1 / (1 + np.exp(-gate))
        return z * hidden[0] + (1 - z) * hidden[1]
    z = softmax(gate.reshape(len(vectors), DIM).T).T
    return (z * hidden).sum(axis=0)


def mixture_of_experts(block, tokens, mask):
    vectors = means(tokens, mask)
    count = block.num_experts
    logits = dense(block.gate, np.concatenate(vectors))
    repeated = dict(enumerate(valid for valid in mask.values() for _ in range(count)))
    shares = over_present(logits, repeated).reshape(-1, count)
    fused = 0.0
    for m, x in enumerate(vectors):
        hidden = dense(block.hidden[m], x).reshape(count, DIM)
        kernel, bias = weights(block.outputs[m])
        fused = fused + sum(shares[m, k] * (hidden[k] @ kernel[k] + bias[k]) for k in range(count))
    return fused


def bilinear(block, tokens, mask):
    """`x^T W_i y + b_i` with the full matrices, a 1 appended to both vectors for the biases."""
    x, y = (np.append(vector, 1) for vector in means(tokens, mask))
    u, v = (np.vstack(weights(factor)) for factor in block.factors)
    kernel, bias = weights(block.output_map)
    return np.array([x @ (u * kernel[:, i]) @ v.T @ y for i in range(DIM)]) + bias


def low_rank(block, tokens, mask):
    """The full weight tensor, contracted with the outer product of the vectors and their 1."""
    vectors = [np.append(x, 1) for x in means(tokens, mask)]
    factors = [np.vstack(weights(f)).reshape(-1, block.rank, DIM) for f in block.factors]
    outer = vectors[0]
    for x in vectors[1:]:
        outer = np.multiply.outer(outer, x)
    fused = np.float64(block.bias).copy()
    for r, d in itertools.product(range(block.rank), range(DIM)):
        tensor = factors[0][:, r, d]
        for factor in factors[1:]:
            tensor = np.multiply.outer(tensor, factor[:, r, d])
        fused[d] += (tensor * outer).sum()
    return fused


def mfb(block, tokens, mask):
    maps = [dense(m, x) for m, x in zip(block.maps, means(tokens, mask), strict=True)]
    z = np.prod(maps, axis=0).reshape(DIM, block.factors).sum(axis=1)
    z = np.sign(z) * np.sqrt(np.abs(z))
    return z / np.linalg.norm(z)


def tensor(block, tokens, mask):
    fused = np.ones(1)
    for subspace, x in zip(block.subspaces, means(tokens, mask), strict=True):
        fused = np.kron(fused, np.append(dense(subspace, x), 1))
    return fused


def coordinates(name, length):
    if name not in GRIDS:
        return np.arange(length)[:, None] / 100
    height, width = GRIDS[name]
    return np.array([[2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1]
                     for y in range(height) for x in range(width)])  # fmt: skip


def placed(name, x):
    return np.concatenate([x, coordinates(name, len(x))], axis=-1)


def convolved(layer, x, valid, grid):
    """A 3x3 (on a line: 3) convolution with zeros beyond the border and in the padding."""
    x = np.where(valid[:, None], x, 0.0)
    kernel = np.float64(layer.kernel)
    height, width = grid or (1, len(x))
    kernel = kernel if grid else kernel[None]
    around = np.pad(x.reshape(height, width, -1), [(len(kernel) // 2,) * 2, (1, 1), (0, 0)])
    return np.array([
        np.einsum("hwc,hwcd->d", around[i : i + len(kernel), j : j + 3], kernel)
        for i in range(height) for j in range(width)
    ])  # fmt: skip


def others_of(block, tokens):
    return [name for name in tokens if name != block.query] or [block.query]


def film(block, tokens, mask):
    question = means(tokens, mask)[list(tokens).index(block.query)]
    others = others_of(block, tokens)
    generated = dense(block.generator, question).reshape(len(others), block.depth, 2, DIM)
    vectors = []
    for s, name in enumerate(others):
        x = np.maximum(dense(block.stems[s], placed(name, tokens[name])), 0)
        for i, residual in enumerate(block.blocks[s]):
            gamma, beta = generated[s, i]
            x = dense(residual.pointwise, placed(name, x))
            y = layer_norm(
                residual.norm, convolved(residual.convolution, x, mask[name], GRIDS.get(name))
            )
            x = x + np.maximum((1 + gamma) * y + beta, 0)
        vectors.append(dense(block.outputs[s], placed(name, x))[mask[name]].max(axis=0))
    return vectors[0] if block.joint is None else dense(block.joint, np.concatenate(vectors))


def relation(block, tokens, mask):
    """`sum_ij g([o_i; o_j; q])`, a pair at a time."""
    question = means(tokens, mask)[list(tokens).index(block.query)]
    fused = 0.0
    objects = [
        (m, o, ok)
        for m, name in enumerate(others_of(block, tokens))
        for o, ok in zip(placed(name, tokens[name]), mask[name], strict=True)
    ]
    kernel, bias = weights(block.question)
    for (m, first, ok), (n, second, also) in itertools.product(objects, objects):
        if ok and also:
            pair = np.concatenate([first, second, question])
            kernels = block.first_of_pair[m].kernel, block.second_of_pair[n].kernel, kernel
            matrix = np.concatenate([np.float64(part) for part in kernels])
            x = np.maximum(pair @ matrix + bias, 0)
            for layer in block.pair_layers:
                x = dense(layer, x)
            fused = fused + x
    return fused


def at_one_scale(block, tokens):
    pairs = zip(tokens.items(), block.input_norms, strict=True)
    return {name: layer_norm(norm, x) for (name, x), norm in pairs}


def cross_attention(block, tokens, mask):
    tokens = at_one_scale(block, tokens)
    names = list(tokens)
    for blocks in block.blocks:
        before = dict(tokens)
        for name, layer in zip(names, blocks, strict=True):
            others = [o for o in names if o != name] or [name]
            context = np.concatenate([before[o] for o in others])
            valid = np.concatenate([mask[o] for o in others])
            tokens = {**tokens, name: transformer(layer, before[name], valid, context)}
    tokens = {n: layer_norm(norm, tokens[n]) for n, norm in zip(names, block.norms, strict=True)}
    return dense(block.joint, np.concatenate(means(tokens, mask)))


def gated_cross_attention(block, tokens, mask):
    others = others_of(block, tokens)
    context = np.concatenate([tokens[name] for name in others])
    valid = np.concatenate([mask[name] for name in others])
    x = tokens[block.query]
    for layer in block.blocks:
        x = transformer(layer, x, valid, context)
    return layer_norm(block.norm, x)[mask[block.query]].mean(axis=0)


def pairwise_attention(block, tokens, mask):
    tokens = at_one_scale(block, tokens)
    names, streams = list(tokens), {}
    for m, name in enumerate(names):
        read = []
        for s, source in enumerate([o for o in names if o != name] or [name]):
            x = tokens[name]
            for layer in block.pair_blocks[m][s]:
                x = transformer(layer, x, mask[source], tokens[source])
            read.append(x)
        x = transformer(block.own_blocks[m], np.concatenate(read, axis=-1), mask[name])
        streams[name] = layer_norm(block.norms[m], x)
    return dense(block.joint, np.concatenate(means(streams, mask)))


def in_one_sequence(block, tokens, mask):
    vectors = np.float64(block.modality_vectors)
    tokens = at_one_scale(block, tokens)
    streams = [x + vector for x, vector in zip(tokens.values(), vectors, strict=True)]
    return np.concatenate(streams), np.concatenate(list(mask.values()))


def merged_attention(block, tokens, mask):
    sequence, valid = in_one_sequence(block, tokens, mask)
    sequence = np.concatenate([np.float64(block.class_token)[None], sequence])
    for layer in block.blocks:
        sequence = transformer(layer, sequence, np.append(True, valid))
    return layer_norm(block.norm, sequence[0])


def bottleneck(block, tokens, mask):
    tokens = at_one_scale(block, tokens)
    classes = list(np.float64(block.class_tokens)[:, None])
    shared = np.float64(block.bottleneck_tokens)
    for layers in block.blocks:
        copies = []
        for m, (name, layer) in enumerate(zip(tokens, layers, strict=True)):
            sequence = np.concatenate([classes[m], tokens[name], shared])
            valid = np.concatenate([[True], mask[name], np.ones(len(shared), bool)])
            sequence = transformer(layer, sequence, valid)
            classes[m] = sequence[:1]
            tokens = {**tokens, name: sequence[1 : -len(shared)]}
            copies.append(sequence[-len(shared) :])
        shared = np.mean(copies, axis=0)
    return layer_norm(block.norm, np.mean(classes, axis=0)[0])


def bottleneck_without_self_attention(block, tokens, mask):
    """The latents read the tokens and themselves; then the tokens read these latents."""
    tokens = at_one_scale(block, tokens)
    classes = list(np.float64(block.class_tokens)[:, None])
    shared = np.float64(block.bottleneck_tokens)
    everyone = np.ones(1 + len(shared), bool)
    for layers, token_layers in itertools.zip_longest(block.blocks, block.token_blocks):
        copies = []
        for m, name in enumerate(tokens):
            latents = np.concatenate([classes[m], shared])
            sequence = np.concatenate([latents, tokens[name]])
            valid = np.concatenate([everyone, mask[name]])
            latents = transformer(layers[m], latents, valid, sequence)
            if token_layers:  # nothing reads the tokens of the last layer
                read = transformer(token_layers[m], tokens[name], everyone, latents)
                tokens = {**tokens, name: read}
            classes[m] = latents[:1]
            copies.append(latents[1:])
        shared = np.mean(copies, axis=0)
    return layer_norm(block.norm, np.mean(classes, axis=0)[0])


def perceiver(block, tokens, mask):
    sequence, valid = in_one_sequence(block, tokens, mask)
    latents = np.float64(block.latents)
    everyone = np.ones(len(latents), bool)
    for read, think in zip(block.reading_blocks, block.latent_blocks, strict=True):
        latents = transformer(think, transformer(read, latents, valid, sequence), everyone)
    return layer_norm(block.norm, latents).mean(axis=0)


#: name -> function of the block (for its weights), and one row's tokens and masks.
REFERENCES = {
    "bilinear": bilinear,
    "bottleneck": bottleneck,
    "concat": concat,
    "cross_attention": cross_attention,
    "film": film,
    "gated": gated,
    "gated_cross_attention": gated_cross_attention,
    "late": late,
    "low_rank": low_rank,
    "max": maximum,
    "merged_attention": merged_attention,
    "mfb": mfb,
    "mixture_of_experts": mixture_of_experts,
    "pairwise_attention": pairwise_attention,
    "perceiver": perceiver,
    "product": product,
    "relation": relation,
    "sum": add,
    "tensor": tensor,
    "weighted_sum": weighted_sum,
}


def made(name, **options):
    """The tiny block of a name, as `build_model` would fill it in."""
    config = tiny(name, mmzoo.fusion.FUSIONS[name])
    config["config"] |= options
    return mmzoo.fusion.get(config, dim=DIM, query="text", grids=GRIDS)


def batch(names, seed=0):
    """Random tokens of some modalities; every row but the first ends in padding."""
    generator = np.random.default_rng(seed)
    tokens = {n: generator.normal(size=(ROWS, LENGTHS[n], DIM)).astype("float32") for n in names}
    mask = {n: np.ones((ROWS, LENGTHS[n]), bool) for n in names}
    for name in set(names) - set(GRIDS):
        mask[name][1:, -1] = False
    return tokens, mask


def test_every_block_has_its_equation():
    assert sorted(REFERENCES) == mmzoo.fusion.names()


@pytest.mark.parametrize("name", mmzoo.fusion.names())
@pytest.mark.parametrize("modalities", [["text"], ["image", "text"], ["image", "text", "voice"]])
def test_block_is_its_equation(name, modalities):
    if name == "bilinear" and len(modalities) != 2:
        with pytest.raises(ValueError, match="joins two modalities"):
            made(name)(*batch(modalities))
        return
    options = {"hidden_units": []} if name in ("relation", "tensor", "concat") else {}
    check(made(name, **options), REFERENCES[name], modalities)


@pytest.mark.parametrize("modalities", [["text"], ["image", "text", "voice"]])
def test_bottleneck_without_self_attention(modalities):
    block = made("bottleneck", self_attention=False)
    check(block, bottleneck_without_self_attention, modalities)


def check(block, reference, modalities):
    """Compares a block with its equation, row by row."""
    tokens, mask = batch(modalities)
    if block.masks_absent and len(modalities) > 1:
        mask["text"][2] = False
    build_with(block, tokens, mask)
    disturb(block, scale=0.3)
    fused = np.float64(answer(block, tokens, mask))
    if fused.ndim == 3:
        fused = fused.mean(axis=1)  # what a head, linear and averaging, makes of it
    for row in range(ROWS):
        expected = reference(
            block,
            {n: np.float64(tokens[n][row]) for n in sorted(modalities)},
            {n: mask[n][row] for n in sorted(modalities)},
        )
        scale = max(1.0, np.abs(expected).max())
        np.testing.assert_allclose(fused[row] / scale, expected / scale, atol=1e-5)


@pytest.mark.parametrize("name", mmzoo.fusion.names())
def test_order_of_tokens_counts_only_where_they_have_places(name):
    block = made(name)
    tokens, mask = batch(["image", "text"])
    order = {"image": [2, 0, 3, 1], "text": [1, 2, 0]}
    build_with(block, tokens, mask)
    disturb(block, scale=0.3)
    expected = answer(block, tokens, mask)
    permuted = [{n: part[n][:, order[n]] for n in order} for part in (tokens, mask)]
    fused = answer(block, *permuted)
    if name in ("film", "relation"):  # whose tokens carry coordinates
        assert not np.allclose(fused, expected, atol=1e-3)
    else:
        np.testing.assert_allclose(fused, expected, atol=1e-5)


@pytest.mark.parametrize("name", mmzoo.fusion.names())
@pytest.mark.parametrize("empty", ["image", "text"])
def test_a_modality_without_valid_tokens_has_no_influence(name, empty):
    block = made(name)
    tokens, mask = batch(["image", "text"])
    mask[empty][:] = False
    build_with(block, tokens, mask)
    disturb(block, scale=0.3)
    expected = answer(block, tokens, mask)
    assert np.isfinite(expected).all()
    fused = answer(block, {**tokens, empty: 9 - tokens[empty]}, mask)
    np.testing.assert_array_equal(fused, expected)


@pytest.mark.parametrize("name", mmzoo.fusion.names())
def test_dropout_is_not_ignored(name):
    block = made(name, dropout=0.5)
    tokens, mask = batch(["image", "text"])
    build_with(block, tokens, mask)
    disturb(block, scale=0.3)
    evaluated, trained = (
        answer(block, tokens, mask, training=training) for training in (False, True)
    )
    assert not np.allclose(evaluated, trained)


@pytest.mark.parametrize("name", ["low_rank", "mfb", "relation"])
def test_sums_and_products_leave_half_precision_unharmed(name):
    """Of 256 objects there are 65,536 pairs; the products of three vectors exceed 65,504, too."""
    names, side, dim = ["image", "table", "text"], 16, 32
    grids = {"image": (side, side)} if name == "relation" else {}
    block = mmzoo.fusion.get(
        {"class_name": name, "config": {"dtype": "mixed_float16", "hidden_units": [8]}},
        dim=dim, query="text", grids=grids,
    )  # fmt: skip
    names = ["image", "text"] if name == "relation" else names
    generator = np.random.default_rng(0)
    scale = 1 if name == "relation" else 40
    shapes = {n: (2, side**2 if n in grids else 1, dim) for n in names}
    tokens = {n: generator.normal(scale=scale, size=shapes[n]).astype("float16") for n in names}
    mask = {n: np.ones(shapes[n][:2], bool) for n in names}
    build_with(block, tokens, mask)
    assert np.isfinite(answer(block, tokens, mask)).all()
