"""Encoders of tables and of features: equations, missing cells, padding, absence, learning."""

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from tests.layers.test_properties import gradients
from tests.parts import (
    disturb,
    features,
    labels,
    predict,
    slow_among,
    tabular,
    tensors,
    text,
    tiny,
)

ENCODERS = mmzoo.encoders.ENCODERS
MISSING = np.nan

every_tabular = pytest.mark.parametrize("name", mmzoo.encoders.names("tabular"))
every_features = pytest.mark.parametrize("name", mmzoo.encoders.names("features"))


def encoded(encoder, numbers, categories):
    x = {"numbers": np.array([numbers], "float32"), "categories": np.array([categories], "int32")}
    return ops.convert_to_numpy(encoder(x)[0])[0]


def normalized(x):
    centered = x - x.mean(axis=-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-6)


def test_ft_transformer_tokens_are_those_of_the_paper():
    encoder = mmzoo.encoders.TabularFTTransformer(2, [3, 4], embedding_dim=4, depth=0)
    tokens = encoded(encoder, [0.5, MISSING], [2, 0])
    scales, biases, missing, category_biases, last = (
        ops.convert_to_numpy(weight)
        for weight in (
            encoder.number_scales, encoder.number_biases, encoder.missing_tokens,
            encoder.category_biases, encoder.class_token,
        )
    )  # fmt: skip
    embeddings = ops.convert_to_numpy(encoder.embedding.embeddings)
    expected = [
        0.5 * scales[0] + biases[0],
        missing[1],
        embeddings[2] + category_biases[0],
        embeddings[3 + 0] + category_biases[1],  # the second column's ids follow the first's
        last[0],
    ]
    np.testing.assert_allclose(tokens, normalized(np.stack(expected)), atol=1e-5)


def test_mlp_sees_numbers_gaps_and_embeddings():
    encoder = mmzoo.encoders.TabularMLP(2, [3], embedding_dim=4, hidden_units=(8,))
    tokens = encoded(encoder, [MISSING, -2.0], [1])
    embeddings = ops.convert_to_numpy(encoder.embedding.embeddings)
    kernel, bias = (ops.convert_to_numpy(weight) for weight in encoder.mlp.hidden_layers[0].weights)
    x = np.concatenate([[0, -2, 1, 0], embeddings[1]])
    np.testing.assert_allclose(tokens[0], np.maximum(x @ kernel + bias, 0), atol=1e-6)


@every_tabular
def test_a_table_given_to_attention_is_its_columns(name):
    inputs = {"tabular": tabular(tiny(name, ENCODERS["tabular"][name])), "text": text()}
    model = mmzoo.build_model(inputs=inputs, fusion="cross_attention", head="sigmoid", dim=8)
    tokens, _ = model.get_layer("tabular_encoder").output
    assert tokens.shape[1] == {"mlp": 1, "ft_transformer": 5}[name]


@every_features
def test_what_is_masked_changes_nothing(name):
    inputs = {"features": features(tiny(name, ENCODERS["features"][name])), "text": text()}
    model = mmzoo.build_model(
        inputs=inputs, fusion="cross_attention", head=mmzoo.heads.Softmax(3), dim=8
    )
    x, y = tensors(model, rows=6), labels(model, 6)
    changed = {**x, "features": np.where(x["features_mask"][..., None], x["features"], 99.0)}
    np.testing.assert_array_equal(predict(model, changed), predict(model, x))
    slopes = gradients(model, x, y)
    for path, slope in gradients(model, changed, y).items():
        np.testing.assert_allclose(slope, slopes[path], atol=1e-6, err_msg=path)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param(
            kind, name, marks=[] if name in ("mlp", "ft_transformer") else pytest.mark.slow
        )
        for kind in ("tabular", "features")
        for name in mmzoo.encoders.names(kind)
    ],
)
def test_content_of_an_absent_modality_changes_nothing(kind, name):
    make = {"tabular": tabular, "features": features}[kind]
    modality = make(tiny(name, ENCODERS[kind][name]), optional=True)
    model = mmzoo.build_model(
        inputs={kind: modality, "text": text(optional=True)},
        fusion="cross_attention",
        head=mmzoo.heads.Softmax(3),
        dim=8,
    )
    disturb(model)
    x, y = tensors(model, rows=6), labels(model, 6)
    absent = ~x[f"{kind}_present"]
    prediction, slopes = predict(model, x), gradients(model, x, y)
    assert np.isfinite(prediction).all()
    for value in (np.nan, 1.0):
        changed = {key: np.array(values) for key, values in x.items()}
        changed[kind][absent] = value
        other = {"tabular": "tabular_categories", "features": "features_mask"}[kind]
        changed[other][absent] = 1
        np.testing.assert_array_equal(predict(model, changed), prediction)
        for path, slope in gradients(model, changed, y).items():
            np.testing.assert_array_equal(slope, slopes[path], err_msg=f"{value}: {path}")
    there = {**x, f"{kind}_present": np.ones(6, bool)}
    assert not np.allclose(predict(model, there)[absent], prediction[absent])


def accuracy(name, numbers, categories, y):
    """Of a model of one table, on the second half of the rows after training on the first."""
    encoder = tiny(name, ENCODERS["tabular"][name])
    table = tabular(encoder, numeric={"x": (0, 1)}, categorical={"c": ["no", "yes"]})
    model = mmzoo.build_model(
        inputs={"tabular": table}, head=mmzoo.heads.Softmax(2), dim=16, compile=False
    )
    model.compile(keras.optimizers.Adam(0.01), loss=model.get_layer("head").make_loss())
    x = {
        "tabular": numbers[:, None].astype("float32"),
        "tabular_categories": categories[:, None].astype("int32"),
    }
    half = len(y) // 2
    first, second = ({key: v[part] for key, v in x.items()} for part in np.s_[:half, half:])
    model.fit(first, y[:half], batch_size=32, epochs=12, verbose=0)
    return np.mean(predict(model, second).argmax(axis=1) == y[half:])


@pytest.mark.parametrize("name", slow_among(ENCODERS["tabular"], slow=["ft_transformer"]))
def test_xor_of_a_category_and_a_thresholded_number_is_learned(name):
    generator = np.random.default_rng(0)
    numbers, bits = generator.normal(size=1280), generator.integers(0, 2, 1280)
    assert accuracy(name, numbers, 2 + bits, bits ^ (numbers > 0)) > 0.95


@pytest.mark.slow
@every_tabular
def test_that_a_number_is_missing_is_learned_from(name):
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 1280)
    missing = y ^ (generator.random(1280) < 0.05)
    numbers = np.where(missing, MISSING, generator.normal(size=1280))
    categories = generator.integers(1, 4, 1280)  # says nothing
    assert accuracy(name, numbers, categories, y) > 0.92


@pytest.mark.parametrize("name", ["mlp", "ft_transformer"])
def test_an_encoder_of_a_table_alone_says_what_it_lacks(name):
    with pytest.raises(ValueError, match="no `numbers` or no `cardinalities`"):
        ENCODERS["tabular"][name]()(np.zeros((1, 2), "float32"))
