"""check_fusion(): what a fusion block promises."""

import math

import keras
import numpy as np

from mmzoo.testing.properties import (
    answer,
    assert_config_round_trips,
    assert_gradients,
    assert_half_precision,
    assert_saved_and_loaded,
    build_with,
    copy_of,
    disturb,
    gradients,
    run_properties,
    weighted_sum,
)

ROWS = 3
#: Numbers of tokens, where the block does not know of a grid.
LENGTHS = (4, 3, 2)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


class FusionCase:
    """A fusion block with something to fuse.

    Args:
        fusion: a `mmzoo.fusion.Fusion` with a `dim`.
        names: names of the modalities.
        without_gradient: ends of the paths of weights that need no gradient.
    """

    def __init__(self, fusion, names=("image", "text"), without_gradient=()):
        if not fusion.dim:
            raise ValueError("Give the block its `dim`, such as Block(dim=8).")
        self.fusion = fusion
        self.names = tuple(names)
        self.without_gradient = without_gradient
        grids = getattr(fusion, "grids", None) or {}
        lengths = zip(self.names, LENGTHS * len(self.names), strict=False)
        self.lengths = {
            name: math.prod(grids[name]) if name in grids else length for name, length in lengths
        }
        # Where nothing is projected before the block, widths differ.
        differ = fusion.projects == "never"
        self.widths = {
            name: 5 + place if differ else fusion.dim for place, name in enumerate(self.names)
        }
        keras.utils.set_random_seed(0)
        self.block = copy_of(fusion)
        build_with(self.block, *self.batch())  # for its vector alone
        self.has_tokens = False
        disturb(self.block, scale=0.3)

    def __str__(self):
        return f"{type(self.fusion).__name__} {self.fusion.name!r}"

    def batch(self):
        """`(tokens, mask)`, the last token of the second row being padding."""
        generator = np.random.default_rng(0)
        tokens, mask = {}, {}
        for name, length in self.lengths.items():
            shape = (ROWS, length, self.widths[name])
            tokens[name] = generator.normal(size=shape).astype("float32")
            mask[name] = np.ones(shape[:2], bool)
            mask[name][1, -1] = False
        return tokens, mask

    def __call__(self, tokens, mask):
        """`(vector, tokens, mask)` as arrays."""
        if not self.has_tokens:
            build_with(self.block, *self.batch(), method="contextualized")
            self.has_tokens = True
        return answer(self.block, tokens, mask, method="contextualized")

    def model(self):
        """A functional model around a copy of the block, with the same weights."""
        tokens = {n: keras.Input((self.lengths[n], self.widths[n]), name=n) for n in self.names}
        mask = {n: keras.Input((self.lengths[n],), dtype="bool", name=f"{n}_mask") for n in tokens}
        vector, streams, _ = copy_of(self.fusion).contextualized(tokens, mask)
        inputs = {**tokens, **{f"{n}_mask": valid for n, valid in mask.items()}}
        return keras.Model(inputs, {"vector": vector, **streams})


def noisy(tokens, where):
    """`tokens` with other values at the places `where`, a dict from modality name to `(B, T)`."""
    generator = np.random.default_rng(7)
    changed = {}
    for name, stream in tokens.items():
        noise = generator.normal(scale=9, size=stream.shape).astype("float32")
        changed[name] = np.where(where[name][..., None], noise, stream)
    return changed


def model_inputs(tokens, mask):
    return {**tokens, **{f"{name}_mask": valid for name, valid in mask.items()}}


def returns_one_vector_a_row(case):
    tokens, mask = case.batch()
    alone = answer(case.block, tokens, mask)
    assert len(alone.shape) in (2, 3) and alone.shape[0] == ROWS, (
        f"the vector has the shape {tuple(alone.shape)}; expected: (B, D), or (B, M, D)"
    )
    weights = [weight.path for weight in case.block.weights]
    vector, streams, valid = case(tokens, mask)
    np.testing.assert_array_equal(vector, alone)
    # Maps of tokens that are not as wide as the vector may come along; all else is shared.
    assert {*weights} <= {weight.path for weight in case.block.weights}
    for name, length in case.lengths.items():
        assert tuple(streams[name].shape[:2]) == (ROWS, length)
        np.testing.assert_array_equal(valid[name], mask[name])


def config_round_trips(case):
    assert_config_round_trips(case.block)
    again = copy_of(case.block)
    tokens, mask = case.batch()
    build_with(again, tokens, mask, method="contextualized")  # this way round
    build_with(again, tokens, mask)
    again.set_weights(case.block.get_weights())
    expected = keras.tree.flatten(case(tokens, mask))
    found = keras.tree.flatten(answer(again, tokens, mask, method="contextualized"))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def is_saved_and_cloned(case):
    model = case.model()
    disturb(model)
    x = model_inputs(*case.batch())
    assert_saved_and_loaded(model, x)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    expected = answer(model, x)
    for key, value in answer(clone, x).items():
        np.testing.assert_array_equal(value, expected[key], err_msg=key)


def every_weight_gets_a_gradient(case):
    model = case.model()
    disturb(model, scale=0.3)
    x = model_inputs(*case.batch())
    assert_gradients(gradients(model, x, weighted_sum), case.without_gradient)


def padding_has_no_influence(case):
    tokens, mask = case.batch()
    mask[case.names[0]][0, 2:] = False
    vector, streams, _ = case(tokens, mask)
    padding = {name: ~valid for name, valid in mask.items()}
    vector_again, again, _ = case(noisy(tokens, padding), mask)
    np.testing.assert_array_equal(vector_again, vector)
    for name, valid in mask.items():
        np.testing.assert_array_equal(again[name][valid], streams[name][valid])


def longer_padding_changes_nothing(case):
    tokens, mask = case.batch()
    vector, streams, _ = case(tokens, mask)
    last = case.names[-1]  # the first may have a grid
    more = [(0, 0), (0, 3)]
    padded = {**tokens, last: np.pad(tokens[last], [*more, (0, 0)], constant_values=5)}
    longer = {**mask, last: np.pad(mask[last], more)}
    vector_again, again, _ = case(padded, longer)
    np.testing.assert_allclose(vector_again, vector, **CLOSE)
    again[last] = again[last][:, : case.lengths[last]]
    for name, valid in mask.items():
        np.testing.assert_allclose(again[name][valid], streams[name][valid], **CLOSE)


def an_absent_modality_has_no_influence(case):
    for absent in case.names:
        tokens, mask = case.batch()
        mask[absent][:2] = False
        vector, streams, valid = case(tokens, mask)
        assert not valid[absent][:2].any() and valid[absent][2].any()
        nothing = {name: np.zeros_like(valid) for name, valid in mask.items()}
        nothing[absent] = ~mask[absent]
        vector_again, again, _ = case(noisy(tokens, nothing), mask)
        np.testing.assert_array_equal(vector_again, vector, err_msg=f"without {absent}")
        assert np.isfinite(vector).all(), f"without {absent} the vector is not finite"
        for name in case.names:
            assert np.isfinite(streams[name]).all()
            np.testing.assert_array_equal(again[name][mask[name]], streams[name][mask[name]])


def rows_do_not_see_their_neighbours(case):
    tokens, mask = case.batch()
    vector, streams, _ = case(tokens, mask)
    first = {name: np.arange(ROWS)[:, None] > 0 for name in case.names}
    vector_again, again, _ = case(noisy(tokens, first), mask)
    alone = [{name: value[:1] for name, value in part.items()} for part in (tokens, mask)]
    vector_alone, single, _ = case(*alone)
    for other, others in ((vector_again, again), (vector_alone, single)):
        np.testing.assert_allclose(other[0], vector[0], **CLOSE)
        for name in case.names:
            np.testing.assert_allclose(others[name][0], streams[name][0], **CLOSE)


def half_precision_is_finite(case):
    keras.utils.set_random_seed(0)
    block = copy_of(case.fusion, dtype="mixed_bfloat16")
    tokens, mask = case.batch()
    mask[case.names[0]][0] = False
    build_with(block, tokens, mask, method="contextualized")
    vector, streams, _ = answer(block, tokens, mask, method="contextualized")
    assert_half_precision(block, [vector, *streams.values()])
    wide = "float32" if block.precise else "bfloat16"
    found = {keras.backend.standardize_dtype(stream.dtype) for stream in streams.values()}
    assert found <= {wide, "bfloat16"}, f"tokens are {sorted(found)}"


#: What every fusion block is held to: name -> function of a `FusionCase`.
FUSION_PROPERTIES = {
    function.__name__: function
    for function in (
        returns_one_vector_a_row,
        config_round_trips,
        is_saved_and_cloned,
        every_weight_gets_a_gradient,
        padding_has_no_influence,
        longer_padding_changes_nothing,
        an_absent_modality_has_no_influence,
        rows_do_not_see_their_neighbours,
        half_precision_is_finite,
    )
}


def check_fusion(fusion, names=("image", "text"), without_gradient=(), leave_out=()):
    """Asserts that a fusion block has every property of mmzoo's own blocks.

    A vector a row, and tokens for heads that read them; a config that round-trips; saved, loaded
    and cloned models that answer alike; a gradient for every weight; no influence of padding, of
    an absent modality, or of other rows, to the bit where that can be; half precision.

    Args:
        fusion: a `mmzoo.fusion.Fusion` with a `dim`; it is copied, never called.
        names: names of the modalities to fuse, such as those of `query=`.
        without_gradient: ends of the paths of weights whose gradient may be zero.
        leave_out: names of properties, out of `FUSION_PROPERTIES`, that do not hold on purpose.

    Raises:
        AssertionError: names the property that does not hold.
        ValueError: where the block has no `dim`.

    Example:

    >>> import mmzoo
    >>> check_fusion(mmzoo.fusion.Sum(dim=8))
    """
    case = FusionCase(fusion, names, without_gradient)
    run_properties(FUSION_PROPERTIES, case, leave_out)
