"""Dependencies run one way, and the signs that they stop doing so."""

import ast
from pathlib import Path

import pytest

import sklearn_ssl

PACKAGE = Path(sklearn_ssl.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
ALLOWED = {
    "losses": {"losses"},
    "encoders": {"_hyperparameters", "_padding", "encoders"},
    "projectors": {"_hyperparameters"},
    "augmentations": {"_hyperparameters", "_padding", "augmentations"},
    "_hyperparameters": {"_docs", "_module_value"},
    "_docs": set(),
    "_seed": set(),
}


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sklearn_ssl."):
            yield node.module.split(".")[1]


def _without_examples(path):
    return "\n".join(line for line in path.read_text().splitlines() if not line.strip().startswith((">>>", "...")))


def _part(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_dependencies_run_one_way(path):
    imports = set(_imports(path))
    if _part(path) in ALLOWED:
        assert imports <= ALLOWED[_part(path)]
    if _part(path) not in ("__init__", "methods", "fine_tuning"):  # fine-tuning has a method as its default
        assert "methods" not in imports


def test_the_engine_and_the_base_know_no_method():
    names = [name for name in sklearn_ssl.__all__ if name.endswith("Transformer")]
    for path in (PACKAGE / "base.py", PACKAGE / "_net.py", *PACKAGE.glob("callbacks/*.py")):
        text = _without_examples(path)
        assert not [method for method in names if method in text]
        assert "isinstance(self," not in text


@pytest.mark.parametrize("path", sorted((PACKAGE / "methods").glob("*.py")), ids=lambda path: path.name)
def test_method_files_are_short(path):
    assert len(path.read_text().splitlines()) <= 120
