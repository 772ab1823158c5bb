"""Records of a dataset of tensorflow_datasets, or of any `tf.data.Dataset` of dicts."""

import numpy as np

from mmzoo.data.pipeline.parallel_map import parallel_map, without_tuner
from mmzoo.data.row_names import RowNames
from mmzoo.data.sources.batched import check_spec_not_batched
from mmzoo.data.sources.columns import wanted_columns
from mmzoo.data.sources.label_columns import ONLY, label_columns
from mmzoo.data.sources.rows import records_of_rows
from mmzoo.raw.stored_bytes import FRAME, StoredBytes
from mmzoo.raw.wav_bytes import wav_bytes

#: So far at least the first zero byte of a file is looked for; a text has none.
BEGINNING = 64


def from_tfds(dataset, columns, label=None, split=None, data_dir=None, **options):
    """Records of a dataset of `tensorflow_datasets`, or of any `tf.data.Dataset` of dicts.

    It is run through once, now, without decoding a picture. Texts, numbers and names are then in
    memory. The bytes of pictures stay in the TFRecord files of the dataset and are read with their
    rows; those of other formats, and of a `tf.data.Dataset`, go to a temporary file (see
    `mmzoo.data.from_generator`). Pictures that come decoded, as uint8, become PNG, which loses
    nothing.

    Args:
        dataset: name of a dataset, such as `"mnist"` (downloaded and prepared if needed), a
            `tfds.core.DatasetBuilder`, or a `tf.data.Dataset` of dicts that is not batched.
        columns: dict from modality name to the name of a feature, such as `{"image": "image"}`;
            `"objects/label"` is one inside another. For a `mmzoo.Tabular`: a list of names, or a
            dict from its columns to features.
        label: name of the feature of labels, or `None`. A `ClassLabel` brings its names, in its
            order; a `Sequence` of them is several labels a row.
        split: which rows, such as `"train"` or `"train[:10%]"`; `None` for a `tf.data.Dataset`.
        data_dir: where prepared datasets lie; `None`: where tensorflow_datasets has them.
        **options: `class_names`, `sample_weight`, `root`, `regression`, `label_delimiter`,
            `list_columns` and `missing_labels`, as in `mmzoo.data.from_dataframe`.

    Returns:
        `Records`.

    Raises:
        ValueError: for a dataset that is batched, an unknown feature, a missing split, or a text
            that is not UTF-8; names the row. Else see `Records`.
        TypeError: for a `tf.data.Dataset` of anything but dicts.

    Example:

    >>> import tensorflow as tf
    >>> dataset = tf.data.Dataset.from_tensor_slices({"title": ["a", "b"], "kind": ["x", "y"]})
    >>> from_tfds(dataset, {"text": "title"}, label="kind").column("text")
    ['a', 'b']

    ```python
    records = mmzoo.data.from_tfds("mnist", {"image": "image"}, label="label", split="train")
    ```
    """
    import tensorflow as tf

    if isinstance(dataset, tf.data.Dataset):
        if split is not None:
            raise ValueError("A `tf.data.Dataset` has no splits: leave `split` out.")
        name, describe, features = "the dataset", RowNames(), {}
        if not isinstance(dataset.element_spec, dict):
            raise TypeError(
                "A `tf.data.Dataset` must be of dicts from feature to tensor; received: "
                f"{dataset.element_spec}."
            )
        check_spec_not_batched(dataset.element_spec, name)
        elements = ((element, None) for element in dataset.as_numpy_iterator())
    else:
        builder = _prepared(dataset, data_dir, split)
        name = f"{builder.info.full_name}, {split}"
        describe, features = RowNames(f"{name}, row "), _leaves(builder.info.features)
        elements = _elements(builder, split)
    names = {
        answer: names
        for answer, column in label_columns(label).items()
        if column in features
        and (names := getattr(_inner(features[column]), "names", None)) is not None
    }
    if names:
        options = {"class_names": names.get(ONLY, names), **options}
    wanted = {*wanted_columns(columns), *label_columns(label).values()}
    wanted |= {options.get("sample_weight")}
    read = _Reader(features, wanted, describe)
    return records_of_rows(
        (read(number, *element) for number, element in enumerate(elements)),
        columns,
        label,
        describe=describe,
        name=name,
        **options,
    )


def _prepared(dataset, data_dir, split):
    """The builder of a dataset whose files are there."""
    import tensorflow_datasets as tfds

    builder = tfds.builder(dataset, data_dir=data_dir) if isinstance(dataset, str) else dataset
    builder.download_and_prepare()
    if split is None:
        raise ValueError(
            f"`split` is missing; {builder.info.full_name} has: {', '.join(builder.info.splits)}."
        )
    return builder


def _leaves(features, prefix=""):
    """The features of a dataset by name, those inside others as `objects/label`."""
    import tensorflow_datasets as tfds

    leaves = {}
    for name, feature in features.items():
        inside = feature.feature if isinstance(feature, tfds.features.Sequence) else feature
        if isinstance(inside, tfds.features.FeaturesDict):
            leaves |= _leaves(inside, f"{prefix}{name}/")
        else:
            leaves[f"{prefix}{name}"] = feature
    return leaves


def _inner(feature):
    """What a sequence is of; any other feature itself."""
    import tensorflow_datasets as tfds

    return feature.feature if isinstance(feature, tfds.features.Sequence) else feature


def _elements(builder, split):
    """`(element, place)` of each row: nested arrays, and the path, offset and bytes of its record,
    or `None` where the dataset is not in TFRecord files."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    features = builder.info.features
    decoders = _decoders(features)
    files = _tfrecord_files(builder, split)
    if not files:
        dataset = builder.as_dataset(
            split=split,
            decoders=decoders,
            shuffle_files=False,
            read_config=tfds.ReadConfig(interleave_cycle_length=1),  # in the order of the files
        )
        for element in tfds.as_numpy(dataset):
            yield element, None
    for file in files:
        records = parallel_map(
            tf.data.TFRecordDataset(file.filename),
            lambda record: (record, features.deserialize_example(record, decoders=decoders)),
        )
        offset = 0
        records = tfds.as_numpy(without_tuner(records.take(file.skip + file.take)))
        for number, (record, element) in enumerate(records):
            if number >= file.skip:
                yield element, (file.filename, offset, record)
            offset += FRAME + len(record)


def _tfrecord_files(builder, split):
    """What to read of which files; nothing where they are of another format, or not there."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    if builder.info.file_format != tfds.core.FileFormat.TFRECORD or not builder.info.splits:
        return []
    files = builder.info.splits[split].file_instructions
    return files if all(tf.io.gfile.exists(file.filename) for file in files) else []


def _decoders(features):
    """Leaves pictures as they were encoded, and so sounds, where they were."""
    import tensorflow_datasets as tfds

    decoders = {}
    for name, feature in features.items():
        inside = _inner(feature)
        if isinstance(inside, tfds.features.FeaturesDict):
            decoders[name] = _decoders(inside)
        elif _is_encoded(inside):
            decoders[name] = tfds.decode.SkipDecoding()
    return {name: decoder for name, decoder in decoders.items() if decoder}


def _is_encoded(feature):
    """Whether a feature is stored as the bytes of a picture or sound."""
    import tensorflow_datasets as tfds

    if isinstance(feature, tfds.features.Image):
        return feature.np_dtype == np.uint8  # other numbers are stored as if they were colours
    return isinstance(feature, tfds.features.Audio) and feature.get_serialized_info().shape == ()


class _Reader:
    """Turns an element into a flat row of raw values, `None` for those that are not wanted."""

    def __init__(self, features, wanted, describe):
        self.features = features
        self.wanted = wanted
        self.describe = describe
        self.is_file = {}  # by name: whether strings of unknown meaning are files

    def __call__(self, number, element, place):
        return {
            name: self._value(name, value, number, place) if name in self.wanted else None
            for name, value in _flat(element).items()
        }

    def _value(self, name, value, number, place):
        import tensorflow_datasets as tfds

        feature = _inner(self.features.get(name))
        if isinstance(feature, tfds.features.ClassLabel):
            if np.ndim(value):
                return [feature.int2str(int(each)) for each in value if each >= 0]
            return feature.int2str(int(value)) if value >= 0 else None
        if isinstance(feature, tfds.features.Audio) and not isinstance(value, bytes):
            return _sound(value, feature.sample_rate)
        if isinstance(value, np.ndarray) and value.dtype.kind == "O":
            return [self._string(name, feature, each, number, place) for each in value]
        if isinstance(value, bytes):
            return self._string(name, feature, value, number, place)
        return value

    def _string(self, name, feature, value, number, place):
        """A file, as bytes or by where it is stored, or a text."""
        import tensorflow_datasets as tfds

        if isinstance(feature, tfds.features.Text):
            is_file = False
        elif isinstance(feature, (tfds.features.Image, tfds.features.Audio)):
            is_file = True
        else:
            if value:
                self.is_file.setdefault(name, b"\0" in value[:BEGINNING])
            is_file = self.is_file.get(name, False)
        if is_file and place and value:
            path, offset, record = place
            return StoredBytes(path, offset, record.index(value), len(value))
        if is_file:
            return value
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.describe(number)}: {name!r} is not UTF-8: {error}.") from None


def _flat(element, prefix=""):
    """A nested dict with names such as `objects/label`."""
    flat = {}
    for name, value in element.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}/")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _sound(samples, sample_rate):
    """Samples as the bytes of a WAV file, where their rate is known; else as an array.

    tensorflow_datasets keeps the integers of whatever file there was as int64.
    """
    samples = np.asarray(samples)
    if samples.dtype.kind == "i" and sample_rate:
        return wav_bytes(samples, sample_rate)
    if samples.dtype.kind != "i":
        return samples
    fits = not samples.size or max(-int(samples.min()), int(samples.max()) + 1) <= 2**15
    return samples.astype("<i2" if fits else "<i4")
