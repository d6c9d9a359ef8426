"""The public names are imported when they are first used, and the stub is the only list of them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_ssl

STUB = ast.parse(Path(sklearn_ssl.__file__).with_suffix(".pyi").read_text())


def _python(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_the_import_alone_loads_no_method():
    loaded = _python(
        "import sys, sklearn_ssl; print(*(name for name in sys.modules if name.startswith('sklearn_ssl')))"
    )
    assert set(loaded.split()) == {"sklearn_ssl", "sklearn_ssl._moved", "sklearn_ssl._version"}


def test_a_method_loads_neither_predictors_nor_linear_models():
    loaded = _python("import sys; from sklearn_ssl import VICRegTransformer; print(*sys.modules)").split()
    assert not {"sklearn_ssl.fine_tuning", "sklearn_ssl.preprocessing", "sklearn.linear_model"} & set(loaded)


def test_the_stub_exports_what_the_package_has():
    (exported,) = (ast.literal_eval(node.value) for node in STUB.body if isinstance(node, ast.Assign))
    assert sorted(exported) == sklearn_ssl.__all__


@pytest.mark.parametrize("name", sklearn_ssl.__all__)
def test_every_name_is_there(name):
    assert getattr(sklearn_ssl, name).__name__ == name


def test_parts_are_attributes_without_an_import():
    assert _python("import sklearn_ssl; print(sklearn_ssl.evaluation.knn_probe.__name__)").strip() == "knn_probe"
    assert {"evaluation", "SSLClassifier", "__version__"} <= set(dir(sklearn_ssl))


@pytest.mark.parametrize("name", ["Nothing", "_engines", "vicreg"])
def test_unknown_names(name):
    with pytest.raises(AttributeError, match=f"module sklearn_ssl has no attribute {name}"):
        getattr(sklearn_ssl, name)
