"""Runs the tests of `mmzoo.keras_compat` with the newest Keras there is.

    python tests/keras_compat/newest.py

In a new virtual environment, with mmzoo as it is here, and then the newest Keras and KerasHub, over
the bounds of `pyproject.toml`. Fails where they changed something; where they did not, the bounds
may be raised, once the whole suite has passed.
"""

import pathlib
import subprocess
import sys
import tempfile
import venv

ROOT = pathlib.Path(__file__).parent.parent.parent


def main():
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(pathlib.Path(folder) / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, "-e", f"{ROOT}[keras-hub]", "pytest"], check=True)
        # In spite of the bounds: pip says that they do not agree, and installs.
        subprocess.run([*install, "--upgrade", "keras", "keras-hub"], check=True)
        versions = "import keras, keras_hub; print(keras.__version__, keras_hub.__version__)"
        subprocess.run([python, "-c", versions], check=True)
        tests = [python, "-m", "pytest", "-o", "addopts=", "--import-mode=importlib", "-q"]
        return subprocess.run([*tests, str(ROOT / "tests/keras_compat")], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
