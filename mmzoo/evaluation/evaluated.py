"""What a report was made of."""

import weakref


class Evaluated:
    """The rows that a report is about, and who answered them; for a page that shows rows.

    It keeps no model alive, and is not part of what is pickled or copied: `None` stands there.

    Args:
        model: the model.
        records: the `mmzoo.data.Records`.
        preprocessor: the `mmzoo.Preprocessor` that read them.
    """

    def __init__(self, model, records, preprocessor):
        self._model = weakref.ref(model)
        self.records = records
        self.preprocessor = preprocessor

    @property
    def model(self):
        """The model; `None` where it is gone."""
        return self._model()

    def __reduce__(self):
        return type(None), ()
