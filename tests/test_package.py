"""The package as such: what importing it costs, and that it works without TensorFlow."""

import ast
import collections
import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
import tomllib

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.commands.predict_file import predict_file
from mmzoo.commands.train_run import train_run

ROOT = pathlib.Path(mmzoo.__file__).parent
PURE_KERAS = ("decoders", "encoders", "fusion", "heads", "layers", "modalities")

FIRST_IMPORT = """
import time
import keras
start = time.process_time()  # not how busy the machine is
import mmzoo
print(time.process_time() - start)
"""

HIDE_TENSORFLOW = (pathlib.Path(__file__).parent / "without_tensorflow.py").read_text()

WITHOUT_TENSORFLOW = (
    HIDE_TENSORFLOW
    + """
import numpy as np
import mmzoo

inputs = {
    "image": mmzoo.Image(size=(8, 8), encoder={"class_name": "cnn", "config": {"filters": [4]}}),
    "text": mmzoo.Text(length=4, vocabulary_size=9, vocabulary=["red"], encoder="bag"),
}
model = mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(class_names=["a", "b"]), dim=8)
x = {"image": np.random.rand(6, 8, 8, 3) * 255, "text": np.random.randint(0, 9, (6, 4))}
model.fit(x, np.arange(6) % 2, verbose=0)
preprocessor = mmzoo.Preprocessor(inputs)
mmzoo.save(model, preprocessor, sys.argv[1])
loaded, again = mmzoo.load(sys.argv[1])
assert again.get_config() == preprocessor.get_config()
np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)
"""
)


def run(code, *arguments, **environment):
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, env={**os.environ, **environment},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.end_to_end
def test_import_adds_little():
    # With bytecode, which the first of these writes, as whoever imports it twice has it.
    assert any(float(run(FIRST_IMPORT, PYTHONDONTWRITEBYTECODE="")) < 0.2 for _ in range(3))


@pytest.mark.slow
def test_works_on_jax_without_tensorflow(tmp_path):
    pytest.importorskip("jax", reason="the extra `jax` is not installed")
    run(WITHOUT_TENSORFLOW, str(tmp_path / "model"), KERAS_BACKEND="jax")


@pytest.mark.end_to_end
def test_model_trained_on_jax_predicts_the_same_on_tensorflow(tmp_path):
    pytest.importorskip("jax", reason="the extra `jax` is not installed")
    code = WITHOUT_TENSORFLOW + (
        "x = {'image': np.full((2, 8, 8, 3), 99.0), 'text': np.array([[2, 1, 0, 0]] * 2)}\n"
        "print(loaded.predict(x, verbose=0).tolist())"
    )
    expected = ast.literal_eval(run(code, str(tmp_path / "model"), KERAS_BACKEND="jax"))
    model, _ = mmzoo.load(tmp_path / "model")
    x = {"image": np.full((2, 8, 8, 3), 99.0), "text": np.array([[2, 1, 0, 0]] * 2)}
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-5)


def imports(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("folder", PURE_KERAS)
def test_the_trained_half_is_pure_keras(folder):
    for path in (ROOT / folder).glob("*.py"):
        names = {
            name
            for name in imports(path)
            if name.split(".")[0] in ("tensorflow", "jax") or name.startswith("keras.src")
        }
        assert not names, path


#: The rooms of mmzoo, floor by floor from the lowest. A room imports from lower floors alone: not
#: from those above it, nor from its neighbours.
FLOORS = (
    ("keras_compat", "version"),
    ("utils",),
    ("raw", "saved_model"),
    ("layers", "preprocessing"),
    ("fusion", "tokenizers"),
    ("decoders", "targets"),
    ("encoders", "heads"),
    ("modalities",),
    ("multimodal_model", "preprocessor", "recipes"),
    ("model",),
    ("data",),
    ("training",),
    ("saving",),
    ("prediction",),
    ("evaluation",),
    ("export",),
    ("demo_page", "testing"),
    ("api",),
    ("__init__",),
    ("serving",),
    ("commands",),
    ("__main__", "predict_file"),
)
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}


def room_of(module, root=ROOT):
    """The room of `mmzoo.data.records`, `data`; of a name that `mmzoo` itself has, `api`."""
    room = [*module.split("."), "__init__"][1]
    there = room == "__init__" or (root / room).is_dir() or (root / f"{room}.py").is_file()
    return room if there else "api"


def file_of(module, root=ROOT):
    """The file of `mmzoo.data.records`, or of a package its `__init__.py`; else `None`."""
    path = root.joinpath(*module.split(".")[1:])
    return next(filter(pathlib.Path.is_file, (path / "__init__.py", path.with_suffix(".py"))), None)


def modules_imported(path, root=ROOT):
    """`(line, module)` of every import of mmzoo's own in a file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}, line {node.lineno}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [
                name if node.module == "mmzoo" or file_of(name, root) else node.module
                for name in names
            ]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            modules = [node.args[0].value] if isinstance(node.args[0], ast.Constant) else []
        for module in dict.fromkeys(modules):
            if module.split(".")[0] == "mmzoo":
                yield node.lineno, module


def files_imported(root=ROOT):
    """File -> the files that it imports; of a package its `__init__.py`."""
    return {
        path: {file_of(module, root) for _, module in modules_imported(path, root)} - {None}
        for path in sorted(root.rglob("*.py"))
    }


def circles(imported):
    """The sets of files that all reach one another by imports, such as `[[a, b]]`."""
    reached = {}
    for start in imported:
        reached[start], waiting = set(), [start]
        while waiting:
            new = imported[waiting.pop()] - reached[start]
            reached[start] |= new
            waiting += new
    found = {
        frozenset(other for other in reached[file] if file in reached[other])
        for file in imported
        if file in reached[file]
    }
    return sorted(sorted(files) for files in found)


def wrong_imports(root=ROOT):
    """A sentence for every import that does not go to a lower floor."""
    for path in sorted(root.rglob("*.py")):
        room = path.relative_to(root).parts[0].removesuffix(".py")
        if room not in FLOOR_OF:
            yield f"mmzoo/{room} has no floor yet: give it one in FLOORS"
            continue
        for line, module in modules_imported(path, root):
            other = room_of(module, root)
            if other != room and FLOOR_OF.get(other, 0) >= FLOOR_OF[room]:
                where = "beside" if FLOOR_OF[other] == FLOOR_OF[room] else "above"
                yield (
                    f"{path.relative_to(root.parent)}, line {line}: {room} imports {module}, of "
                    f"{other}, which is {where} it"
                )


def test_every_room_imports_from_lower_floors_alone():
    wrong = list(wrong_imports())
    assert not wrong, "\n".join(wrong)
    gone = [room for room in FLOOR_OF if not list(ROOT.glob(f"{room}*"))]
    assert not gone, f"these rooms are gone, take them out of FLOORS: {gone}"


def test_an_import_that_goes_upwards_is_named(tmp_path):
    for room in ("data", "export", "utils", "attic"):
        (tmp_path / "mmzoo" / room).mkdir(parents=True)
    lazy = "def lazy():\n    from mmzoo.export.litert import write_litert\n"
    (tmp_path / "mmzoo" / "data" / "records.py").write_text("import mmzoo.utils.checks\n" + lazy)
    (tmp_path / "mmzoo" / "utils" / "checks.py").write_text("from mmzoo import data, Image\n")
    (tmp_path / "mmzoo" / "attic" / "box.py").write_text("")
    assert list(wrong_imports(tmp_path / "mmzoo")) == [
        "mmzoo/attic has no floor yet: give it one in FLOORS",
        "mmzoo/data/records.py, line 3: data imports mmzoo.export.litert, of export, which is "
        "above it",
        "mmzoo/utils/checks.py, line 1: utils imports mmzoo.data, of data, which is above it",
        "mmzoo/utils/checks.py, line 1: utils imports mmzoo.Image, of api, which is above it",
    ]


def test_no_files_import_each_other():
    """Imports inside functions count, too: who reads one file should not need the other first."""
    found = [
        " <-> ".join(str(file.relative_to(ROOT.parent)) for file in files)
        for files in circles(files_imported())
    ]
    assert not found, "\n".join(found)


def test_a_circle_of_imports_is_named(tmp_path):
    files = {
        "__init__.py": "",
        "data/__init__.py": "from mmzoo.data.records import Records\n",
        "data/records.py": "def write():\n    from mmzoo.data import rows\n    rows.write()\n",
        "data/rows.py": "import mmzoo.data.cells\n",
        "data/cells.py": "from mmzoo.data.records import Records\n",
        "data/itself.py": "def again():\n    import mmzoo.data.itself\n",
        "data/last.py": "from mmzoo.data import records, rows\nfrom mmzoo.data.cells import x\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    found = [
        [str(file.relative_to(tmp_path)) for file in files]
        for files in circles(files_imported(tmp_path))
    ]
    assert found == [["data/cells.py", "data/records.py", "data/rows.py"], ["data/itself.py"]]


def test_every_public_name_is_documented():
    for name in mmzoo.__all__:
        assert (getattr(mmzoo, name).__doc__ or "").strip(), name
    for part in (mmzoo.encoders, mmzoo.fusion, mmzoo.heads, mmzoo.layers, mmzoo.data):
        for name in part.__all__:
            thing = getattr(part, name)
            if callable(thing):
                assert (thing.__doc__ or "").strip(), f"{part.__name__}.{name}"


def test_every_layer_can_be_loaded_in_safe_mode():
    for part in (mmzoo.encoders, mmzoo.fusion, mmzoo.heads, mmzoo.layers):
        for name in part.__all__:
            thing = getattr(part, name)
            base = name in ("Encoder", "Fusion", "Head", "CompositeLayer")
            if isinstance(thing, type) and issubclass(thing, keras.layers.Layer) and not base:
                assert keras.saving.get_registered_name(thing) == f"mmzoo>{name}"


def required():
    """Yields `(file, module, extra)` of every package that is said to be an extra."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "require":
                yield path, *(ast.literal_eval(argument) for argument in arguments_of(node))


def arguments_of(call):
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def test_a_missing_package_is_said_to_be_of_the_extra_that_brings_it():
    extras = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    distributions = importlib.metadata.packages_distributions()
    found = set()
    for path, module, extra in required():
        package = module.split(".")[0]
        names = {re.match(r"[\w-]+", needed)[0] for needed in extras[extra]}
        assert {name.lower() for name in distributions.get(package, [package])} & names or (
            package == "tensorflow_text" and "keras-hub" in names  # which depends on it
        ), f"{path}: {module} is not in the extra {extra}"
        found.add(package)
    assert {"pandas", "pyarrow", "rich", "sklearn", "typer"} <= found


def test_packages_of_extras_are_imported_by_require():
    """So that a missing one is named with its extra, and the command that installs it."""
    required_in = collections.defaultdict(set)
    for path, module, _ in required():
        required_in[path].add(module.split(".")[0])
    packages = set.union(*required_in.values())
    for path in ROOT.rglob("*.py"):
        needed = required_in[path]
        if path.parent.name == "commands":  # these are behind `python -m mmzoo`, which needs typer
            needed.add("typer")
        bare = {name.split(".")[0] for name in imports(path)} & packages
        assert bare <= needed, path


def test_names_that_moved_are_found_and_warn():
    with pytest.warns(DeprecationWarning, match="use mmzoo.commands.train_run.train_run"):
        assert mmzoo.training.train_run is train_run
    with pytest.warns(DeprecationWarning, match="use mmzoo.commands.predict_file.predict_file"):
        assert importlib.import_module("mmzoo.predict_file").predict_file is predict_file
    with pytest.raises(AttributeError, match=r"'mmzoo\.training' has no attribute 'train_runs'"):
        _ = mmzoo.training.train_runs
