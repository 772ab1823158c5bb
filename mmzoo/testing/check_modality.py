"""check_modality(): what a modality and its preprocessing promise."""

import dataclasses
import json
import tempfile

import keras
import numpy as np

from mmzoo.data import from_arrays
from mmzoo.export import export_savedmodel
from mmzoo.heads import Softmax
from mmzoo.model import build_model
from mmzoo.prediction.predict import predict
from mmzoo.preprocessor import Preprocessor
from mmzoo.saving import load, save
from mmzoo.testing.properties import run_properties

#: The key of the modality in what is built here.
NAME = "x"


class ModalityCase:
    """A modality with raw values of it.

    Args:
        modality: a `mmzoo.Modality`.
        values: raw values that can be used, two or more, none absent.
        root: folder that relative paths start from.
        broken: raw values that can't be used, though nothing shows before they are read.
    """

    def __init__(self, modality, values, root=None, broken=()):
        if len(values) < 2:
            raise ValueError("Give two values or more, so that one can be another's neighbour.")
        self.modality, self.values, self.root, self.broken = modality, list(values), root, broken
        self._variants = {}
        self.preprocessor = Preprocessor({NAME: modality})
        self.preprocessor.adapt(self.records(self.values))
        self.preprocessing = self.preprocessor.preprocessings[NAME]

    def __str__(self):
        return f"{type(self.modality).__name__} with {type(self.preprocessing).__name__}"

    def records(self, values):
        return from_arrays({NAME: values}, root=self.root)

    def read(self, values, preprocessing=None):
        """`(tensors, ok)` of raw values as training makes them, as arrays."""
        import tensorflow as tf

        from mmzoo.preprocessing.prepared import prepared_decode

        preprocessing = preprocessing or self.preprocessing
        values = self.records(values).column(NAME)
        column, read = preprocessing.column(values, self.root)
        if preprocessing.works_on_elements:  # as pipelines decode: by a function traced once
            decoded, readable = prepared_decode(preprocessing, column, read)(column)
        else:
            decoded, readable = preprocessing.decode(column, read)
        tensors, ok = preprocessing.batch(decoded)
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), (tensors, readable & ok))

    def variant(self, optional):
        """A `Preprocessing` of the modality that is optional or not, which has learned as much."""
        if optional not in self._variants:
            modality = dataclasses.replace(self.modality, optional=optional)
            preprocessing = self._variants[optional] = modality.preprocessing(NAME)
            preprocessing.set_state(json.loads(json.dumps(self.preprocessing.get_state())))
        return self._variants[optional]


def same(found, expected, rows=slice(None), **tolerance):
    """Asserts that two batches are equal, in the dimensions that both have."""
    compare = np.testing.assert_allclose if tolerance else np.testing.assert_array_equal
    assert set(found) == set(expected), f"{sorted(found)} in place of {sorted(expected)}"
    for name, tensor in expected.items():
        tensor, other = tensor[rows], found[name]
        if tensor.shape != other.shape:  # of no length of its own: padded to the longest
            shape = [slice(min(sizes)) for sizes in zip(tensor.shape, other.shape, strict=True)]
            tensor, other = tensor[tuple(shape)], other[tuple(shape)]
        compare(other, tensor, err_msg=name, **tolerance)


def is_configuration(case):
    """A frozen dataclass, whose config is JSON and round-trips."""
    modality = case.modality
    parameters = type(modality).__dataclass_params__
    assert parameters.frozen, "a modality is a frozen dataclass"
    names = {field.name for field in dataclasses.fields(modality)}
    assert {"encoder", "optional"} <= names, f"the fields are {sorted(names)}"
    assert modality.kind and modality.served, "`kind` and `served` say what it is"
    registered = keras.saving.get_registered_object(
        keras.saving.get_registered_name(type(modality))
    )
    assert registered is type(modality), "it is not registered with Keras"
    if not isinstance(modality.encoder, keras.layers.Layer):
        config = json.loads(json.dumps(modality.get_config()))
        again = type(modality).from_config(config)
        assert again.get_config() == modality.get_config(), "the config of a copy differs"


def gives_the_tensors_it_promises(case):
    """The names, shapes and dtypes of `tensors()`; integers in place of floats save memory."""
    names = case.modality.input_names(NAME)
    tensors, ok = case.read(case.values, case.variant(optional=False))
    assert ok.all(), f"rows {np.flatnonzero(~ok).tolist()} are not ok"
    assert set(tensors) == set(names.values()), f"the tensors are {sorted(tensors)}"
    assert names[next(iter(names))] == NAME, "the first part has the name of the modality"
    for part, (shape, dtype) in case.modality.tensors().items():
        found = tensors[names[part]]
        assert len(found) == len(case.values), f"{part!r} has {len(found)} rows"
        fits = len(found.shape) == 1 + len(shape) and all(
            size in (None, actual) for size, actual in zip(shape, found.shape[1:], strict=True)
        )
        assert fits, f"{part!r} has the shape {found.shape[1:]}; promised: {shape}"
        narrow = dtype.startswith("float") and found.dtype.kind in "iu"
        assert found.dtype.name == dtype or narrow, (
            f"{part!r} has the dtype {found.dtype}; promised: {dtype}"
        )


def serves_as_it_trains(case):
    """What a client sends gives the same tensors, in a graph traced for `raw_spec`."""
    import tensorflow as tf

    part = case.preprocessing
    raw = part.raw_batch(case.records(case.values).column(NAME), case.root)
    tf.nest.assert_same_structure(raw, part.raw_spec())

    @tf.function(input_signature=[part.raw_spec()], autograph=False)
    def serve(raw):
        decoded, readable = part.decode(part.to_tensors(raw))
        tensors, ok = part.batch(decoded)
        return tensors, readable & ok

    tensors, ok = tf.nest.map_structure(lambda tensor: tensor.numpy(), serve(raw))
    expected, _ = case.read(case.values)
    assert ok.all()
    same(tensors, expected, rtol=1e-5, atol=1e-6)  # clients send float32
    sample = part.sample()
    tf.nest.assert_same_structure(sample, part.raw_spec())
    for spec, tensor in zip(tf.nest.flatten(part.raw_spec()), tf.nest.flatten(sample), strict=True):
        assert spec.is_compatible_with(tensor), f"sample() gave {tensor!r}, {spec} is wanted"
    serve(sample)


def an_absent_value_is_absent(case):
    """It is not ok, or where it may be absent it is ok, not present, and nobody's business."""
    values = [case.values[0], None, *case.values[1:]]
    there = np.arange(len(values)) != 1
    needed, optional = case.variant(optional=False), case.variant(optional=True)
    tensors, ok = case.read(values, optional)
    assert ok.all(), "an absent value of an optional modality is ok"
    np.testing.assert_array_equal(tensors.pop(f"{NAME}_present"), there)
    expected, _ = case.read(case.values, needed)
    same({name: tensor[there] for name, tensor in tensors.items()}, expected)
    _, ok = case.read(values, needed)
    np.testing.assert_array_equal(ok, there)


def rows_do_not_see_their_neighbours(case):
    expected, _ = case.read(case.values)
    alone, _ = case.read(case.values[:1])
    same(alone, expected, slice(1))
    turned, _ = case.read(case.values[::-1])
    same({name: tensor[::-1] for name, tensor in turned.items()}, expected)


def what_was_learned_is_json(case):
    """A preprocessing that is given the state of another gives the same tensors."""
    config = json.loads(json.dumps(case.preprocessor.get_config()))
    again = type(case.preprocessor).from_config(config)
    again.check_adapted()
    expected, _ = case.read(case.values)
    found, _ = case.read(case.values, again.preprocessings[NAME])
    same(found, expected)


def broken_values_are_noticed_alone(case):
    """One that can't be read is not ok, `validate` finds it, and the others do not mind."""
    if not case.broken:
        return
    values = [*case.broken, *case.values]
    tensors, ok = case.read(values, case.variant(optional=False))
    expected, _ = case.read(case.values, case.variant(optional=False))
    first = len(case.broken)
    np.testing.assert_array_equal(ok, np.arange(len(values)) >= first)
    same({name: tensor[first:] for name, tensor in tensors.items()}, expected)
    report = case.records(values).validate({NAME: case.modality}, case.preprocessor)
    rows = sorted({finding.row for finding in report.errors})
    assert rows == list(range(first)), f"validate() finds errors in the rows {rows}"


def corrupted_values_can_be_used(case):
    """They are such as were decoded, the same with the same seed; and there is a trait a row."""
    import tensorflow as tf

    part, values = case.preprocessing, case.records(case.values).column(NAME)
    column, read = part.column(values, case.root)
    decoded, _ = part.decode(column, read)
    assert part.batch(decoded)[1].numpy().all()
    for name, corruption in part.corruptions().items():
        assert corruption.strengths, f"{name!r} has no strength"
        for strength in corruption.strengths:
            assert isinstance(corruption.describe(strength), str)
            first, again = (
                part.corrupt_batch(
                    decoded,
                    corruption.change,
                    strength,
                    [np.random.default_rng([0, row]) for row in range(len(values))],
                )
                for _ in range(2)
            )
            tf.nest.assert_same_structure(decoded, first)
            tensors, ok = part.batch(first)
            assert ok.numpy().all(), f"{name!r}: rows {np.flatnonzero(~ok.numpy())} are not ok"
            same(_arrays(part.batch(again)[0]), _arrays(tensors))
    for name, found in part.traits(values).items():
        assert len(found) == len(values), f"the trait {name!r} has {len(found)} values"


def _arrays(tensors):
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def training_goes_all_the_way(case):
    """A model of it is trained, saved, loaded and exported, and what is exported answers alike."""
    import tensorflow as tf

    inputs = {NAME: case.modality}
    labels = ["a", "b"] * len(case.values)
    values = [value for value in case.values for _ in range(2)]
    records = from_arrays({NAME: values}, labels, root=case.root)
    preprocessor = Preprocessor(inputs)
    preprocessor.adapt(records)
    head = Softmax(class_names=records.class_names)
    model = build_model(inputs=inputs, head=head, dim=8)
    data = records.to_dataset(preprocessor, batch_size=len(labels), training=True)
    model.fit(data, steps_per_epoch=1, verbose=0)
    rows = [{NAME: value} for value in case.values]
    expected = predict(model, preprocessor, case.records(case.values))
    assert expected.shape == (len(rows), 2) and np.isfinite(expected).all()
    with tempfile.TemporaryDirectory() as folder:
        save(model, preprocessor, f"{folder}/model")
        loaded = load(f"{folder}/model")
        found = predict(*loaded, case.records(case.values))
        np.testing.assert_allclose(found, expected, atol=1e-6)
        served = tf.saved_model.load(export_savedmodel(*loaded, f"{folder}/served"))
        requests = preprocessor.raw_batch(case.records(case.values))
        outputs = served.signatures["serving_default"](**requests)
        np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
        assert outputs[f"{NAME}_ok"].numpy().all()
        with open(f"{folder}/served/model_card.md", encoding="utf-8") as file:
            assert case.modality.served in file.read(), "the model card does not say what it takes"


#: What every modality is held to: name -> function of a `ModalityCase`.
MODALITY_PROPERTIES = {
    function.__name__: function
    for function in (
        is_configuration,
        gives_the_tensors_it_promises,
        serves_as_it_trains,
        an_absent_value_is_absent,
        rows_do_not_see_their_neighbours,
        what_was_learned_is_json,
        broken_values_are_noticed_alone,
        corrupted_values_can_be_used,
        training_goes_all_the_way,
    )
}


def check_modality(modality, values, root=None, broken=(), leave_out=()):
    """Asserts that a modality and its preprocessing have every property of mmzoo's own.

    The tensors it promises; the same ones in training and when served; absence and broken values
    noticed, and without influence on other rows; what is learned as JSON; what is corrupted still
    a value; and the whole way, from `fit` to an exported model.

    Args:
        modality: a `mmzoo.Modality` with an encoder.
        values: raw values that can be used, two or more; what is learned is learned from them.
        root: folder that relative paths start from.
        broken: raw values that can't be used, though that shows only when they are read, such as
            the bytes of a damaged file.
        leave_out: names of properties, out of `MODALITY_PROPERTIES`, that do not hold on purpose,
            or, as `"training_goes_all_the_way"`, take long.

    Raises:
        AssertionError: names the property that does not hold.
        ValueError: for a single value.

    Example:

    >>> import mmzoo
    >>> modality = mmzoo.Features(2, encoder="linear")
    >>> check_modality(modality, [[1, 2], [3, 4]], leave_out=["training_goes_all_the_way"])
    """
    case = ModalityCase(modality, values, root, broken)
    run_properties(MODALITY_PROPERTIES, case, leave_out)
