"""The pages name every public class, and the version is in one place."""

import re
from pathlib import Path

import pytest

import sklearn_ssl

DOCS = Path(__file__).parents[1] / "docs"
METHODS = [name for name in sklearn_ssl.__all__ if not name.startswith("_")]


@pytest.mark.parametrize("page", ["methods.rst", "api.rst"])
def test_all_methods_are_on_the_page(page):
    named = set(re.findall(r"sklearn_ssl\.(\w+)", (DOCS / page).read_text()))
    assert not set(METHODS) - named


def test_the_citation_has_the_version():
    assert f"version: {sklearn_ssl.__version__}\n" in (DOCS / "CITATION.cff").read_text()


def test_the_changelog_begins_with_the_version():
    heads = re.findall(r"^(\d+\.\d+\.\d+)", (DOCS / "changelog.rst").read_text(), re.MULTILINE)
    assert heads[0] == sklearn_ssl.__version__
