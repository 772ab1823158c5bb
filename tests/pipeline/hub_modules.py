"""Small TF-Hub modules of every kind, made on the spot."""

import tensorflow as tf

WORDS = ["red", "green", "blue", "circle", "square", "is", "it", "a"]


class Pictures(tf.Module):
    """Callable: pictures in [0, 1] -> features; BatchNorm, dropout, a regulariser, bad names."""

    def __init__(self, size=8, units=6):
        super().__init__()
        self.kernel = tf.Variable(tf.random.stateless_normal((size * size * 3, units), [1, 2]) / 9)
        self.bias = tf.Variable(tf.zeros(units), name="scope/bias")
        self.scale = tf.Variable(tf.ones(units), name="scope/bias")  # the same name twice
        self.elsewhere = tf.Variable(tf.ones(units), name="elsewhere")  # of another output
        self.mean = tf.Variable(tf.zeros(units), trainable=False, name="moving_mean")
        self.regularization_losses = [self.penalty]

    @tf.function(input_signature=[])
    def penalty(self):
        return 0.01 * tf.reduce_sum(self.kernel**2)

    @tf.function
    def __call__(self, x, training=False):
        x = tf.reshape(x, (-1, self.kernel.shape[0]))
        x = x @ self.kernel + self.bias
        if training:
            mean = tf.reduce_mean(x, axis=0)
            self.mean.assign(0.9 * self.mean + 0.1 * mean)
            x = tf.nn.dropout(x - mean, 0.25)
        else:
            x = x - self.mean
        x = x * self.scale
        return {
            "features": x,
            "other": x * self.elsewhere,
            "map": tf.reshape(tf.tile(x, (1, 4)), (-1, 2, 2, x.shape[1])),
        }


class Words(tf.Module):
    """Callable: `(B,)` strings -> an embedding each, through a lookup table."""

    def __init__(self, units=6):
        super().__init__()
        keys = tf.lookup.KeyValueTensorInitializer(WORDS, tf.range(1, len(WORDS) + 1))
        self.table = tf.lookup.StaticHashTable(keys, default_value=0)
        self.embeddings = tf.Variable(tf.random.stateless_normal((len(WORDS) + 1, units), [3, 4]))

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def __call__(self, texts):
        ids = self.table.lookup(tf.strings.split(texts).to_tensor())
        return tf.reduce_mean(tf.gather(self.embeddings, ids), axis=1)


class Tokens(tf.Module):
    """Callable preprocessing: strings -> the three tensors of BERT, of length 6."""

    length = 6

    def __init__(self):
        super().__init__()
        keys = tf.lookup.KeyValueTensorInitializer(WORDS, tf.range(3, len(WORDS) + 3))
        self.table = tf.lookup.StaticHashTable(keys, default_value=1)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def __call__(self, texts):
        ids = self.table.lookup(tf.strings.split(texts).to_tensor(shape=(None, self.length - 1)))
        padding = tf.strings.length(tf.strings.split(texts).to_tensor(shape=(None, 5))) == 0
        ids = tf.where(padding, 0, ids)
        ids = tf.pad(ids, [[0, 0], [1, 0]], constant_values=2)  # [CLS]
        return {
            "input_word_ids": ids,
            "input_mask": tf.cast(ids != 0, tf.int32),
            "input_type_ids": tf.zeros_like(ids),
        }


class Bert(tf.Module):
    """Callable: the three tensors -> `pooled_output` and `sequence_output`."""

    def __init__(self, units=6):
        super().__init__()
        self.embeddings = tf.Variable(tf.random.stateless_normal((32, units), [5, 6]))
        self.segments = tf.Variable(tf.random.stateless_normal((2, units), [7, 8]))

    @tf.function
    def __call__(self, inputs, training=False):
        x = tf.gather(self.embeddings, inputs["input_word_ids"])
        x += tf.gather(self.segments, inputs["input_type_ids"])
        x *= tf.cast(inputs["input_mask"], tf.float32)[..., None]
        return {"pooled_output": tf.tanh(x[:, 0]), "sequence_output": x}


def save_pictures(folder):
    module = Pictures()
    for training in (False, True):
        spec = tf.TensorSpec((None, 8, 8, 3), tf.float32)
        module.__call__.get_concrete_function(spec, training=training)
    tf.saved_model.save(module, folder)
    return folder


def save_words(folder):
    tf.saved_model.save(Words(), folder)
    return folder


def save_tokens(folder):
    tf.saved_model.save(Tokens(), folder)
    return folder


def save_bert(folder):
    module = Bert()
    names = ("input_word_ids", "input_mask", "input_type_ids")
    specs = {name: tf.TensorSpec((None, None), tf.int32, name=name) for name in names}
    for training in (False, True):
        module.__call__.get_concrete_function(specs, training=training)
    tf.saved_model.save(module, folder)
    return folder


def save_signature(folder):
    """Not callable: one signature, `vectors` (4) -> `scores` (3)."""
    module = tf.Module()
    module.kernel = tf.Variable(tf.random.stateless_normal((4, 3), [1, 1]), name="dense/kernel")

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="vectors")])
    def score(vectors):
        return {"scores": vectors @ module.kernel}

    tf.saved_model.save(module, folder, signatures={"default": score})
    return folder


def save_version_1(folder):
    """In TensorFlow 1's format, with a lookup table: one signature, `x` (4) -> `y` (3)."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, 4), name="x")
        kernel = v1.get_variable("dense/kernel", (4, 3))
        keys = tf.lookup.KeyValueTensorInitializer(["one", "two"], [1.0, 2.0])
        table = tf.lookup.StaticHashTable(keys, 0.0)
        y = x @ kernel + table.lookup(tf.constant("two"))
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        v1.saved_model.simple_save(
            session, folder, {"x": x}, {"y": y}, legacy_init_op=v1.tables_initializer()
        )
    return folder


def save_frozen(folder):
    """Callable, all constants: vectors (4) -> (3)."""
    module = tf.Module()
    kernel = tf.random.stateless_normal((4, 3), [2, 2])
    module.__call__ = tf.function(
        lambda x: x @ kernel, input_signature=[tf.TensorSpec((None, 4), tf.float32)]
    )
    tf.saved_model.save(module, folder)
    return folder


def save_sounds(folder, channel_axis):
    """Callable: sounds of 400 samples -> 4 tokens of 5, with an axis for the channel or without."""
    module = tf.Module()
    module.kernel = tf.Variable(tf.random.stateless_normal((100, 5), [4, 4]) / 10)
    shape = (None, 400, 1) if channel_axis else (None, 400)
    module.__call__ = tf.function(
        lambda x: tf.reshape(x, (-1, 4, 100)) @ module.kernel,
        input_signature=[tf.TensorSpec(shape, tf.float32)],
    )
    tf.saved_model.save(module, folder)
    return folder
