"""Entries that a docstring inherits."""

from typing import Any

import pytest

from sklearn_ssl._parameters.hyperparameters import Hyperparameters, number


class Base(Hyperparameters):
    """A base.

    Parameters
    ----------
    width : int, default=3
        Number of features.

        It has two paragraphs.
    rate : float, default=0.5
        A rate.
    unknown : int
        Not a field.

    Attributes
    ----------
    fitted_ : int
        A result.
    """

    width: int = number(default=3, least=1, integer=True)
    rate: float = 0.5


class Middle(Base):
    """A base in between.

    Parameters
    ----------
    rate : float, default=0.25
        Another rate.
    """

    rate: float = 0.25


class WithSections(Middle):
    """A child with own parameters.

    It has a description.

    Parameters
    ----------
    depth : int, default=1
        A depth.

    Examples
    --------
    >>> 1
    1
    """

    depth: int = 1


class OnlyParameters(Base):
    """A child.

    Parameters
    ----------
    rate : float, default=0.1
        Its rate.
    """

    rate: float = 0.1


class WithoutParameters(Base):
    """A child without parameters.

    Notes
    -----
    A note.
    """


class OneLine(Base):
    """A child with one line."""


class WithoutDocstring(Base):
    pass


class Complete(Base):
    """A child that documents all.

    Parameters
    ----------
    width : int, default=3
        Its own width.
    rate : float, default=0.5
        Its own rate.
    """


WIDTH = """width : int, default=3
    Number of features.

    It has two paragraphs.
"""
RATE = """rate : float, default=0.5
    A rate.
"""


def test_entries_come_behind_the_own_ones_and_from_the_nearest_parent():
    expected = """A child with own parameters.

It has a description.

Parameters
----------
depth : int, default=1
    A depth.
rate : float, default=0.25
    Another rate.
"""
    assert WithSections.__doc__ == f"{expected}{WIDTH}\nExamples\n--------\n>>> 1\n1"


def test_nothing_but_entries_is_needed():
    section = "Parameters\n----------\nrate : float, default=0.1\n    Its rate.\n"
    assert OnlyParameters.__doc__ == f"A child.\n\n{section}{WIDTH}".rstrip()


def test_a_section_is_made_before_the_others():
    section = f"Parameters\n----------\n{WIDTH}{RATE}"
    first = "A child without parameters.\n\n"
    assert WithoutParameters.__doc__ == f"{first}{section}\nNotes\n-----\nA note."
    assert OneLine.__doc__ == f"A child with one line.\n\n{section}".rstrip()


def test_a_class_without_docstring_gets_its_parameters():
    assert WithoutDocstring.__doc__.strip().endswith(f"Parameters\n----------\n{WIDTH}{RATE}".strip())


def test_nothing_is_added_to_complete_documentation():
    assert Complete.__doc__.count("width : ") == Complete.__doc__.count("rate : ") == 1
    assert "Its own width" in Complete.__doc__
    assert "Number of features" not in Complete.__doc__


@pytest.mark.parametrize("cls", [Middle, WithSections, WithoutParameters, OneLine, WithoutDocstring])
def test_only_fields_are_inherited(cls):
    assert "unknown" not in cls.__doc__
    assert "fitted_" not in cls.__doc__


def test_a_parent_that_is_not_a_dataclass_documents_too():
    class Plain:
        """A mixin.

        Parameters
        ----------
        own : object
            From the mixin.
        """

    class Child(Plain, Hyperparameters):
        """A child."""

        own: Any = None

    assert "own : object\n    From the mixin." in Child.__doc__
