"""The lowest versions that are allowed are those that `lowest_versions.txt` names."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

HERE = Path(__file__).parent
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
EXTRAS = ("test", "onnx", "plot", "wavelets", "decompose")
NOT_PINNED = ("torch", "sklearn-ssl")


def allowed():
    lines = [*PROJECT["dependencies"], *(one for extra in EXTRAS for one in PROJECT["optional-dependencies"][extra])]
    return [one for one in map(Requirement, lines) if one.name not in NOT_PINNED]


def lowest():
    lines = (HERE / "lowest_versions.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    return {pin.name: str(pin.specifier).removeprefix("==") for pin in pins}


@pytest.mark.parametrize("requirement", allowed(), ids=str)
def test_lowest_versions_are_those_of_the_project(requirement):
    (bound,) = requirement.specifier
    assert bound.operator == ">="
    assert Version(bound.version) == Version(lowest()[requirement.name])
