"""Documentation of parameters: written once, in the class that declares the parameter."""

import inspect
import re
from functools import cache

_ENTRY = re.compile(r"^(\w+) : ", re.MULTILINE)
_HEADING = re.compile(r"^\w[\w ]*\n-{3,}\n", re.MULTILINE)
_PARAMETERS = re.compile(r"^Parameters\n-+\n", re.MULTILINE)


def inherit_parameter_docs(cls: type) -> None:
    """Add to the docstring of a class the entries of those parameters that only its parents document.

    Parameters
    ----------
    cls : type
        A dataclass. Of several parents that document a parameter, the nearest counts.
    """
    own = _parameter_entries(str(cls.__doc__))
    inherited: dict[str, str] = {}
    for parent in cls.__mro__:
        for name, entry in _parameter_entries(parent.__dict__.get("__doc__") or "").items():
            if name in cls.__dataclass_fields__ and name not in own:  # type: ignore[attr-defined]
                inherited.setdefault(name, entry)
    if inherited:
        cls.__doc__ = _with_entries(inspect.cleandoc(str(cls.__doc__)), "\n".join(inherited.values()))


@cache  # a parent has many children, and all of them ask
def _parameter_entries(docstring: str) -> dict[str, str]:
    doc = inspect.cleandoc(docstring)
    section = _parameters_section(doc)
    if section is None:
        return {}
    body = doc[slice(*section)]
    matches = list(_ENTRY.finditer(body))
    ends = [*(match.start() for match in matches), len(body)][1:]
    return {match[1]: body[match.start() : end].rstrip() for match, end in zip(matches, ends, strict=True)}


def _parameters_section(doc: str) -> tuple[int, int] | None:
    """Return where the entries begin and end, or None if there is no such section."""
    heading = _PARAMETERS.search(doc)
    if heading is None:
        return None
    following = _HEADING.search(doc, heading.end())
    return heading.end(), len(doc) if following is None else following.start()


def _with_entries(doc: str, entries: str) -> str:
    """Put entries at the end of the section, or in a new section before all others."""
    section = _parameters_section(doc)
    if section is not None:
        start, end = section
        return f"{doc[:start]}{doc[start:end].rstrip()}\n{entries}\n\n{doc[end:]}".rstrip()
    first = _HEADING.search(doc)
    at = len(doc) if first is None else first.start()
    return f"{doc[:at].rstrip()}\n\nParameters\n----------\n{entries}\n\n{doc[at:]}".rstrip()
