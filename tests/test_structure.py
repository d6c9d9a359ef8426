"""Dependencies run one way, files and functions stay short, and the engine knows no method."""

import ast
import graphlib
from pathlib import Path

import pytest

import sklearn_ssl

PACKAGE = Path(sklearn_ssl.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the ground up. A part may import parts of lower rows only, and no other part of its own row.
LAYERS = [
    {"_parameters", "_version", "_moved"},
    {"_input", "_processes"},
    {"_numerics", "losses"},
    {"augmentations", "encoders", "masking", "projectors", "generators", "adversarial"},
    {"pooling"},
    {"architectures"},
    {"_engine"},
    {"base", "preprocessing", "datasets"},
    {"methods"},
    {"fine_tuning", "imputation", "persistence", "replay"},
    {"evaluation"},
    {"callbacks", "plotting"},
    {"__init__"},
    {"testing"},
]
HEIGHT = {part: height for height, parts in enumerate(LAYERS) for part in parts}

LONGEST_FILE, LONGEST_METHOD_FILE, LONGEST_BASE_FILE = 450, 120, 250
LONGEST_BODY, MEAN_BODY = 50, 5


def _part(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _docstrings(tree):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = (node.body for node in ast.walk(tree) if isinstance(node, kinds) and ast.get_docstring(node) is not None)
    return {id(body[0].value) for body in bodies}


def _named_modules(tree):
    """Yield the modules of the package that a file imports, inside functions too, or names in a text."""
    documentation = _docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif str(getattr(node, "value", "")).startswith("sklearn_ssl.") and id(node) not in documentation:
            yield node.value


def _imported_parts(text):
    for name in _named_modules(ast.parse(text)):
        top, *rest = name.split(".")
        if top == "sklearn_ssl":
            yield rest[0] if rest and rest[0] in HEIGHT else "__init__"


def _arrows():
    arrows = {part: set() for part in HEIGHT}
    for path in MODULES:
        arrows[_part(path)] |= set(_imported_parts(path.read_text())) - {_part(path)}
    return arrows


def test_every_part_has_its_place():
    assert {_part(path) for path in MODULES} == set(HEIGHT)


def test_no_circle_of_imports():
    order = list(graphlib.TopologicalSorter(_arrows()).static_order())  # raises CycleError with the circle
    assert len(order) == len(HEIGHT)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path):
    here = _part(path)
    imported = set(_imported_parts(path.read_text())) - {here}
    assert not {part for part in imported if HEIGHT[part] >= HEIGHT[here]}


@pytest.mark.parametrize(
    "text",
    [
        "def late():\n    from sklearn_ssl.methods.wccn import WCCNTransformer",
        "import sklearn_ssl.methods as others",
        "from sklearn_ssl import methods",
        "import_module('sklearn_ssl.methods.wccn')",
        "importlib.import_module(name='sklearn_ssl.methods')",
    ],
)
def test_hidden_imports_are_seen(text):
    assert set(_imported_parts(text)) == {"methods"}


def test_a_docstring_imports_nothing():
    assert not set(_imported_parts('"""sklearn_ssl.methods"""'))


def _without_examples(path):
    return "\n".join(line for line in path.read_text().splitlines() if not line.strip().startswith((">>>", "...")))


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if _part(path) in ("_engine", "base", "architectures", "callbacks")],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_the_engine_and_the_base_know_no_method(path):
    text = _without_examples(path)
    families = {"SSLTransformer", "EmbeddingTransformer", "JointEmbeddingTransformer", "ClosedFormTransformer"}
    names = {name for name in sklearn_ssl.__all__ if name.endswith("Transformer")} - families
    assert not [method for method in names if method in text]
    assert "isinstance(self," not in text


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_short(path):
    limit = {"methods": LONGEST_METHOD_FILE, "base": LONGEST_BASE_FILE}.get(_part(path), LONGEST_FILE)
    assert len(path.read_text().splitlines()) <= limit


def _bodies():
    """Yield the place of every function and how many lines its body has without its docstring."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                yield f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}", lines


def test_functions_are_short():
    bodies = list(_bodies())
    assert not [(name, lines) for name, lines in bodies if lines > LONGEST_BODY]
    assert sum(lines for _, lines in bodies) <= MEAN_BODY * len(bodies)


ROOT = PACKAGE.parent
FAMILIES = sorted(path.name for path in (PACKAGE / "methods").iterdir() if (path / "__init__.py").exists())


def test_every_method_is_in_a_family():
    assert {path.name for path in (PACKAGE / "methods").glob("*.py")} == {"__init__.py", "random_encoder.py"}


@pytest.mark.parametrize("family", FAMILIES)
def test_guide_tests_and_reference_have_the_families_of_the_methods(family):
    if not (ROOT / "docs").exists():
        pytest.skip("only a checkout has docs")
    assert (ROOT / "docs" / "user_guide" / f"{family}.rst").exists()
    assert (ROOT / "tests" / "methods" / family).is_dir()
    _, _, section = (ROOT / "docs" / "api.rst").read_text().partition(f"see :ref:`{family}`")
    listed = section.split("see :ref:")[0]
    for path in (PACKAGE / "methods" / family).glob("[!_]*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                assert f"sklearn_ssl.{node.name}\n" in listed


def _formatted_in_errors():
    """Yield the place and the conversion of every value in the message of an error."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            for part in ast.walk(node) if isinstance(node, ast.Raise) else ():
                if isinstance(part, ast.FormattedValue):
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", part.conversion


def test_errors_show_values_on_one_line():
    whole = [place for place, conversion in _formatted_in_errors() if conversion == ord("r")]
    assert whole == [], "a value may be long: write {shown(value)} in place of {value!r}"
