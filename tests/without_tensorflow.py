"""Makes `import tensorflow` fail, as where it is not installed. Also a pytest plugin."""

import sys


class _NotInstalled:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r} (hidden by the tests)", name=name)


sys.meta_path.insert(0, _NotInstalled)
