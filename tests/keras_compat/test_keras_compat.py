"""One test for each name of `mmzoo.keras_compat`: that Keras, KerasHub and TensorFlow still have
what it stands for, and that it still means the same.

`newest.py` runs these with the newest Keras there is.
"""

import functools
import logging

import keras
import numpy as np
import pytest
from keras import ops

from mmzoo import keras_compat
from tests.keras_compat.private_names import private_touches

CHECKS = {}


def check(library="Keras", needs=None, backend=None):
    """Makes a function the test of the name that it has in `mmzoo.keras_compat`."""

    def wrap(function):
        @functools.wraps(function)
        def checked():
            if backend and keras.backend.backend() != backend:
                pytest.skip(f"is about {backend}")
            if needs:
                pytest.importorskip(needs)
            try:
                function(getattr(keras_compat, function.__name__))
            except Exception as error:
                pytest.fail(f"{library} changed {function.__name__}: {error!r}")

        CHECKS[function.__name__] = checked
        return function

    return wrap


@pytest.mark.parametrize("name", keras_compat.__all__)
def test_it_is_still_so(name):
    CHECKS[name]()


def test_nothing_private_is_touched_elsewhere():
    found = private_touches()
    assert not found, "These belong into mmzoo/keras_compat:\n" + "\n".join(found)


def dense(units=2, **options):
    layer = keras.layers.Dense(units, **options)
    layer.build((None, 3))
    return layer


class Pair(keras.layers.Layer):
    """A layer with two layers inside, one of which has one inside."""

    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(2)
        self.second = keras.layers.TimeDistributed(self.first)
        self.third = keras.layers.TimeDistributed(keras.layers.Dense(1))


@check()
def all_layers(function):
    pair = Pair()
    assert function(pair) == [pair, pair.first, pair.second, pair.third, pair.third.layer]


@check()
def inner_layers(function):
    pair = Pair()
    assert function(pair) == [pair.first, pair.second, pair.third]


@check()
def own_variables(function):
    layer = keras.layers.BatchNormalization()
    layer.build((None, 3))
    layer.trainable = False
    trainable, others = function(layer)
    assert [v.name for v in trainable] == ["gamma", "beta"]
    assert [v.name for v in others] == ["moving_mean", "moving_variance"]
    assert function(Pair()) == ([], [])


@check()
def set_trainable(function):
    pair = Pair()
    pair.first.trainable = False
    function(pair, True)  # which `pair` is already
    assert pair.first.trainable
    function(pair, False)
    assert not pair.third.layer.trainable


@check()
def track_variable(function):
    layer, variable = keras.layers.Layer(), keras.Variable(1.0)
    function(layer, variable)
    layer.built = True
    assert layer.weights == [variable] and layer.trainable_weights == [variable]


@check()
def attached_mask(function):
    embedding = keras.layers.Embedding(4, 2, mask_zero=True)
    for ids in (keras.Input((3,), dtype="int32"), np.array([[1, 0, 2]])):
        mask = function(embedding(ids))
        assert tuple(mask.shape)[1:] == (3,) and mask.dtype == ops.not_equal(ids, 0).dtype
    assert function(keras.Input((3,))) is None


@check()
def call_arguments(function):
    one, two = keras.Input((3,)), keras.Input((3,))
    layer = keras.layers.MultiHeadAttention(1, 2)
    layer(one[:, None], value=two[:, None])
    assert [*function(layer)] == ["query", "value"]
    assert function(layer)["value"].shape == (None, 1, 3)


@check(backend="tensorflow")
def attach_logits(function):
    prediction, logits = ops.convert_to_tensor([[0.5]]), ops.convert_to_tensor([[7.0]])
    assert function(prediction, logits)
    loss = keras.losses.binary_crossentropy([[1.0]], prediction)  # finds them itself
    np.testing.assert_allclose(loss, [np.log1p(np.exp(-7))], rtol=1e-4)


@check(backend="tensorflow")
def attached_logits(function):
    logits = ops.convert_to_tensor([[7.0, 0.0]])
    prediction = keras.activations.softmax(logits)
    np.testing.assert_array_equal(function(prediction), logits)
    assert function(logits) is None


ADAPTABLE = {
    "dense": (lambda: keras.layers.Dense(4), (2, 3)),
    "einsum_dense": (lambda: keras.layers.EinsumDense("abc,cd->abd", (None, 4)), (2, 5, 3)),
    "convolution": (lambda: keras.layers.Conv2D(4, 3), (1, 4, 4, 3)),
    "embedding": (lambda: keras.layers.Embedding(5, 4), (2, 3)),
}


def adaptable():
    """Layers with LoRA and something to give them."""
    for make, shape in ADAPTABLE.values():
        layer, x = make(), np.ones(shape, "float32")
        layer(x)
        yield layer, x


@check()
def base_weight(function):
    for layer, _ in adaptable():
        before = function(layer)
        assert before is layer.weights[0]
        layer.enable_lora(2)
        assert function(layer) is before and not before.trainable
    assert function(keras.layers.ReLU()) is None


@check()
def lora_matrices(function):
    for layer, x in adaptable():
        layer.enable_lora(2, lora_alpha=6)
        first, second = function(layer)
        second.assign(np.random.default_rng(0).normal(size=second.shape))
        base = keras_compat.base_weight(layer)
        expected = ops.convert_to_numpy(layer(x))
        update = ops.matmul(first, second) * 6 / 2
        keras_compat.remove_lora(layer)
        base.assign(base + update)
        np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@check()
def remove_lora(function):
    for layer, x in adaptable():
        expected = ops.convert_to_numpy(layer(x))
        weights = [id(weight) for weight in layer.weights]
        layer.enable_lora(2)
        keras_compat.lora_matrices(layer)[1].assign(
            np.ones(keras_compat.lora_matrices(layer)[1].shape)
        )
        function(layer)
        assert [id(weight) for weight in layer.weights] == weights
        assert not layer.lora_enabled and "lora_rank" not in layer.get_config()
        np.testing.assert_array_equal(layer(x), expected)


@check()
def restore_lora(function):
    for layer, x in adaptable():
        layer.enable_lora(2)
        matrices = keras_compat.lora_matrices(layer)
        matrices[1].assign(np.ones(matrices[1].shape))
        expected, weights = ops.convert_to_numpy(layer(x)), {id(w) for w in layer.weights}
        keras_compat.remove_lora(layer)
        function(layer, 2, matrices)
        assert {id(weight) for weight in layer.weights} == weights
        np.testing.assert_array_equal(layer(x), expected)
        assert {id(w) for w in layer.trainable_weights} >= {id(m) for m in matrices}


@check()
def rate_or_schedule(function):
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    assert function(keras.optimizers.AdamW(schedule)) is schedule
    assert float(function(keras.optimizers.SGD(0.25))) == 0.25


@check()
def copy_decay_exclusions(function):
    source, target = keras.optimizers.AdamW(), keras.optimizers.AdamW()
    source.exclude_from_weight_decay(var_names=["bias"])
    function(source, target)
    kernel, bias = dense().weights
    target.build([kernel, bias])
    for weight in (kernel, bias):
        weight.assign(np.ones(weight.shape))
    target.apply([ops.zeros(weight.shape) for weight in (kernel, bias)], [kernel, bias])
    decayed = [float(ops.max(weight)) < 1 for weight in (kernel, bias)]
    assert decayed == [True, False]


@check()
def DecayByWeight(cls):  # noqa: N802
    class Optimizer(cls, keras.optimizers.AdamW):
        def update_step(self, gradient, variable, learning_rate):
            seen.append((self.index_of(variable), self.decays(variable)))

    seen, (kernel, bias) = [], dense().weights
    optimizer = Optimizer(weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build([kernel, bias])
    before = ops.convert_to_numpy(kernel).copy()
    optimizer.apply([ops.ones(w.shape) for w in (kernel, bias)], [kernel, bias])
    assert seen == [(0, True), (1, False)]
    np.testing.assert_array_equal(kernel, before)  # Keras decayed nothing itself


@check()
def NOT_MEMORY(names):  # noqa: N802
    callback = keras.callbacks.EarlyStopping("loss", patience=5)
    model = keras.Sequential([keras.Input((3,)), dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    before = set(vars(callback))
    model.fit(np.ones((2, 3)), np.ones((2, 1)), callbacks=[callback], verbose=0)
    assert "_model" in vars(callback) and callback.model is model
    memory = {"wait", "stopped_epoch", "best_weights", "best_epoch", "best", "monitor_op"}
    assert set(vars(callback)) - before <= memory | set(names)


@check()
def set_optimizer(function):
    for policy in ("float32", "mixed_float16"):
        model = keras.Sequential([keras.Input((3,)), dense(1)])
        model.dtype_policy = policy
        model.compile("sgd", "mse", metrics=["mae"])
        other = keras.optimizers.AdamW(0.5)
        if policy == "mixed_float16":
            other = keras.optimizers.LossScaleOptimizer(other)
        function(model, other)
        assert model.optimizer is other
        again = keras.models.clone_model(model)
        inner = getattr(again.optimizer, "inner_optimizer", again.optimizer)
        assert type(inner) is keras.optimizers.AdamW


class Noting(keras.Sequential):
    """Notes its compilations itself."""

    def train_step(self, *state_and_data):
        keras_compat.note_compilation(self, state_and_data[-1])
        return super().train_step(*state_and_data)


def compiled_for(model, rows):
    """The rows of the batches that the train step was compiled for, after some of `rows`."""
    model.compile("sgd", "mse", jit_compile=True)
    for count in rows:
        model.fit(np.ones((count, 3)), np.ones((count, 1)), batch_size=count, verbose=0)
    return [seen["inputs"][0][0] for seen in keras_compat.compilations(model)]


@check()
def note_compilation(function):
    assert compiled_for(Noting([keras.Input((3,)), dense(1)]), [4, 4, 2, 4]) == [4, 2]


@check()
def watch_compilations(function):
    model = keras.Sequential([keras.Input((3,)), dense(1)])
    function(model)
    assert compiled_for(model, [4, 4, 2, 4]) == [4, 2]


@check()
def compilations(function):
    model = Noting([keras.Input((3,)), dense(1)])
    assert function(model) == []
    compiled_for(model, [4])
    assert function(model) == [{"inputs": ((4, 3), "float32"), "labels": ((4, 1), "float32")}]


@check(backend="tensorflow")
def LossScaleOptimizer(cls):  # noqa: N802
    import tensorflow as tf

    for value, finite in ((1.0, True), (np.inf, False)):
        gradient = tf.IndexedSlices(tf.constant([[value]]), tf.constant([0]), tf.constant([2, 1]))
        assert bool(cls(keras.optimizers.SGD()).check_finite([gradient])) is finite


@check(backend="tensorflow")
def made_under_strategy(function):
    import tensorflow as tf

    assert not function(keras.Sequential([keras.Input((3,)), dense(1)]))
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        assert function(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]))


@check(backend="tensorflow")
def BuiltBeforeTraining(cls):  # noqa: N802
    # Two devices, with which Keras itself fails, are in tests/pipeline/test_words.py.
    import tensorflow as tf

    class Counting(cls):
        traced = 0

        def train_step(self, data):
            self.traced += 1
            return super().train_step(data)

    inputs = keras.Input((3,))
    model = Counting(inputs, {"a": dense(1)(inputs), "b": dense(1)(inputs)})
    model.compile("adam", {"a": "mse", "b": "mae"}, weighted_metrics={"a": ["mae"], "b": ["mse"]})
    y = {name: np.ones((4, 1), "float32") for name in "ab"}
    model.evaluate(np.ones((4, 3)), y, verbose=0)
    assert not model.optimizer.built  # whoever only evaluates needs no room for it
    model.fit(np.ones((4, 3)), y, verbose=0)
    assert model.traced == 1
    model.compile("adam", {"a": "mse", "b": "mae"}, metrics={"a": ["mae"], "b": ["mse"]})
    model.fit(tf.data.Dataset.from_tensors((np.ones((4, 3)), y)), verbose=0)
    assert model.traced == 2

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        there = keras.Input((), dtype="bool")
        model = cls(there, dense(1)(ops.cast(there, "float32")[:, None] * ops.ones((1, 3))))
        model.compile(loss="mse")
    batch = np.array([True, False]), np.array([[1.0], [0.0]])
    model.fit(tf.data.Dataset.from_tensors(batch), verbose=0)
    assert keras.Model._maybe_symbolic_build is not cls._maybe_symbolic_build


@check(library="TensorFlow", backend="tensorflow")
def traced_apart(function):
    import tensorflow as tf

    def warnings_of(made):
        def twice(x):
            return 2 * x

        found = []
        handler = logging.Handler()
        handler.emit = lambda record: found.append(record.getMessage())
        tf.get_logger().addHandler(handler)
        try:
            for number in range(6):
                doubled = made(tf.function(twice))
                assert doubled(tf.constant(number)).numpy() == 2 * number
                assert doubled.experimental_get_tracing_count() == 1
        finally:
            tf.get_logger().removeHandler(handler)
        return sum("triggered tf.function retracing" in message for message in found)

    assert warnings_of(lambda each: each) > 0  # or it is needed no more
    assert warnings_of(function) == 0


@check(library="TensorFlow", backend="tensorflow")
def is_op_determinism_enabled(function):
    from tensorflow.python.framework import config

    assert function() is False
    config.enable_op_determinism()
    try:
        assert function() is True
    finally:
        config.disable_op_determinism()


@check(library="TensorFlow", backend="tensorflow")
def function_called(function):
    import tensorflow as tf

    inner = tf.function(lambda x: x + 1)
    outer = tf.function(lambda x: inner(x) * 2)
    graph = outer.get_concrete_function(tf.TensorSpec((2,))).graph
    call = next(op for op in graph.get_operations() if "PartitionedCall" in op.type)
    called = function(graph, call)
    assert len(called.inputs) == 1 and called.outputs[0].shape == (2,)


@check(library="TensorFlow", backend="tensorflow")
def input_datasets(function):
    import tensorflow as tf

    dataset = tf.data.Dataset.range(4)
    mapped = dataset.map(lambda x: x + 1)
    assert function(mapped) == [dataset]
    assert function(tf.data.Dataset.zip(dataset, mapped)) == [dataset, mapped]
    assert function(dataset) == function([1, 2]) == []


@keras.saving.register_keras_serializable(package="mmzoo_tests")
class Remembering(keras.layers.Layer):
    """Remembers the mode it was made in."""

    seen = ()

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        Remembering.seen += (keras_compat.in_safe_mode(),)


@check()
def in_safe_mode(function):
    assert function() is None
    config = keras.saving.serialize_keras_object(Remembering())
    Remembering.seen = ()
    keras.saving.deserialize_keras_object(config, safe_mode=True)
    keras.saving.deserialize_keras_object(config, safe_mode=False)
    assert Remembering.seen == (True, False)


@check()
def safe_mode(function):
    for enabled in (True, False):
        with function(enabled):
            assert keras_compat.in_safe_mode() is enabled
        assert keras_compat.in_safe_mode() is None


@check()
def mark_as_shared(function):
    layer = keras.layers.Dense(2)
    config = keras.saving.serialize_keras_object(layer)
    function(layer, config)
    assert "shared_object_id" not in config  # nothing is written
    with keras_compat.keeping_shared_objects():
        config = keras.saving.serialize_keras_object(layer)
        function(layer, config)
        copies = [keras.saving.deserialize_keras_object(config) for _ in range(2)]
    assert copies[0] is copies[1] is not layer


@check()
def keeping_shared_objects(function):
    for _ in range(2):  # one after the other
        with function():
            layer = keras.layers.Dense(2)
            config = keras.saving.serialize_keras_object([layer, layer])
            first, second = keras.saving.deserialize_keras_object(config)
            assert first is second
    config = keras.saving.serialize_keras_object([layer, layer])
    first, second = keras.saving.deserialize_keras_object(config)
    assert first is not second


@check()
def AttentionStep(cls):  # noqa: N802
    class Attention(cls):
        def attend(self, query, key, value, mask):
            seen.append([tuple(x.shape) for x in (query, key, value, mask)])
            return query

    seen, x = [], np.ones((2, 5, 8), "float32")
    attention = Attention(num_heads=2, key_dim=4)
    mask = np.ones((2, 5, 5), "bool")
    assert tuple(attention(x, x, attention_mask=mask).shape) == (2, 5, 8)
    assert seen[-1][:3] == [(2, 5, 2, 4)] * 3 and seen[-1][3] in [(2, 5, 5), (2, 1, 5, 5)]
    calls = len(seen)
    plain = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    plain(x, x)
    plain.set_weights(attention.get_weights())
    _, scores = attention(x, x, return_attention_scores=True)
    _, expected = plain(x, x, return_attention_scores=True)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    assert len(seen) == calls


@check()
def attention_weights(function):
    query, key = np.random.default_rng(0).normal(size=(2, 2, 5, 2, 4)).astype("float32")
    mask = np.ones((2, 1, 5), bool)
    mask[0, :, 3:], mask[1] = False, False
    weights = ops.convert_to_numpy(function(query, key, mask))
    scores = np.exp(np.einsum("btnd,bsnd->bnts", query, key) / 2) * mask[:, None]
    np.testing.assert_allclose(
        weights[0], scores[0] / scores[0].sum(axis=-1, keepdims=True), atol=1e-6
    )
    assert not weights[1].any()  # nothing may be attended to
    np.testing.assert_allclose(ops.sum(function(query, key), axis=-1), 1.0, atol=1e-6)


@check()
def recorded_attention(function):
    x, mask = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32"), np.ones((2, 5, 5))
    mask = np.tril(mask).astype(bool)
    layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    before, scores = layer(x, x, attention_mask=mask, return_attention_scores=True)
    found = []
    with function([layer, keras.layers.Dense(1)], lambda *seen: found.append(seen)):
        result = layer(x, x, attention_mask=mask)
    layer(x, x)
    ((which, weights),) = found
    assert which is layer
    np.testing.assert_allclose(weights, scores, atol=1e-6)
    np.testing.assert_array_equal(result, layer(x, x, attention_mask=mask))
    np.testing.assert_allclose(result, before, atol=1e-6)


@check()
def replaced_calls(function):
    inner, x = dense(kernel_initializer="ones"), np.ones((2, 3), "float32")
    inputs = keras.Input((3,))
    model = keras.Model(inputs, inner(inputs))
    before = np.asarray(model(x))
    with pytest.raises(KeyError), function({inner: lambda call, x: 2 * call(x)}):
        np.testing.assert_array_equal(model(x), 2 * before)
        raise KeyError
    np.testing.assert_array_equal(model(x), before)
    assert "call" not in vars(inner)


def byte_pairs():
    import keras_hub

    vocabulary = {"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}
    return keras_hub.tokenizers.BytePairTokenizer(vocabulary, ["a b"])


@check(library="KerasHub", needs="keras_hub", backend="tensorflow")
def make_tables(function):
    import tensorflow as tf

    tokenizer = byte_pairs()
    function(tokenizer)
    tokenize = tf.function(keras_compat.tokenize_in_graph(tokenizer))
    assert tokenize(tf.constant(["ab"])).to_list() == [[2]]


@check(library="KerasHub", needs="keras_hub", backend="tensorflow")
def tokenize_in_graph(function):
    import tensorflow as tf

    tokenizer = byte_pairs()
    keras_compat.make_tables(tokenizer)
    ids = tf.function(function(tokenizer))(tf.constant(["ab", "aab"]))
    assert isinstance(ids, tf.RaggedTensor) and ids.to_list() == [[2], [0, 2]]


@check()
def bounded_variables(function):
    with function(10**6, 100) as bound:
        keras.layers.Dense(3).build((None, 10))
        x = keras.Input((10,))
        keras.layers.TimeDistributed(keras.layers.Dense(5))(keras.Input((2, 10)))
    assert bound.bytes == 4 * (33 + 55) and bound.exceeded is None
    for make in (lambda: keras.layers.Dense(10**9)(x), lambda: Deferred()(x)):
        with pytest.raises(Exception, match="Too large"), function(10**6, 100) as bound:
            make()
        assert "kernel of shape (10, 1000000000) float32" in bound.exceeded
        keras.layers.Dense(3)(x)  # with nothing left to be made before
    with pytest.raises(Exception, match="Too large"), function(10**6, 3) as bound:
        [keras.layers.Dense(1) for _ in range(4)]
    assert "more than 3 layers" in bound.exceeded
    [keras.layers.Dense(1) for _ in range(4)]
    assert "counted" not in keras.Variable._validate_shape.__name__
    assert "counted" not in keras.layers.Layer.__new__.__name__


class Deferred(keras.layers.Layer):
    """A layer whose sublayers Keras builds by tracing its call, the good one first."""

    def __init__(self):
        super().__init__()
        self.small, self.large = keras.layers.Dense(10), keras.layers.Dense(10**9)

    def call(self, x):
        return self.large(self.small(x))


@check(backend="tensorflow")
def data_dependencies(function):
    import tensorflow as tf

    class Model(keras.Sequential):
        def train_step(self, data):
            with function(self, data):
                return super().train_step(data)

    model = Model([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(), "mse", jit_compile=False)
    batches = tf.data.Dataset.from_tensors((tf.ones((2, 3)), tf.ones((2, 1)))).repeat(3)
    model.fit(batches.filter(lambda x, y: True), verbose=0)  # of a length that is not known
    assert int(model.optimizer.iterations) == 3


def tiny_gpt2():
    from tests.tiny_language_models import language_model

    return language_model()


@check(library="KerasHub", needs="keras_hub")
def empty_cache(function):
    model = tiny_gpt2()
    ids = np.zeros((2, 6), "int32")
    cache = function(type(model), model.backbone, ids)
    assert cache.shape == (2, 2, 2, 6, 4, 4) and not ops.any(cache)


@check(library="KerasHub", needs="keras_hub")
def call_with_vectors(function):
    model = tiny_gpt2()
    ids = np.random.default_rng(0).integers(1, 20, (2, 6))
    kind, backbone = type(model), model.backbone
    seen = []

    def around(number, block):
        seen.append(number)
        return block

    expected = model({"token_ids": ids, "padding_mask": np.ones_like(ids)})
    vectors = backbone.token_embedding(ids)
    logits, _ = function(kind, backbone, vectors, None, 0, around)
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    cache = keras_compat.empty_cache(kind, backbone, ids)
    for position in range(6):
        here = vectors[:, position : position + 1]
        logits, cache = function(kind, backbone, here, cache, position, around)
        np.testing.assert_allclose(logits[:, 0], expected[:, position], atol=1e-5)
    assert seen == [0, 1] * 7
    assert type(backbone.token_embedding).__name__ == "ReversibleEmbedding"  # untouched
