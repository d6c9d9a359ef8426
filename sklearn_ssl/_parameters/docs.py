"""Shared parameter documentation, written once in the class that declares the parameter."""

import inspect
import re

_ENTRY = re.compile(r"^(\w+) : ", re.MULTILINE)


def inherit_parameter_docs(cls: type) -> None:
    """Add to the docstring of `cls` the entries of parameters that only its parents document."""
    doc = inspect.cleandoc(cls.__doc__ or "")
    own = _parameter_entries(doc)
    inherited: dict[str, str] = {}
    for parent in cls.__mro__[1:]:
        for name, entry in _parameter_entries(inspect.cleandoc(parent.__dict__.get("__doc__") or "")).items():
            if name in cls.__dataclass_fields__ and name not in own:  # type: ignore[attr-defined]
                inherited.setdefault(name, entry)
    if inherited:
        cls.__doc__ = _with_entries(doc, "\n".join(inherited.values()))


def _parameter_entries(doc: str) -> dict[str, str]:
    section = _parameters_section(doc)
    if section is None:
        return {}
    body = doc[slice(*section)]
    starts = [(match.start(), match.group(1)) for match in _ENTRY.finditer(body)]
    ends = [*(start for start, _ in starts), len(body)][1:]
    return {name: body[start:end].rstrip() for (start, name), end in zip(starts, ends, strict=False)}


def _parameters_section(doc: str) -> tuple[int, int] | None:
    heading = re.search(r"^Parameters\n-+\n", doc, re.MULTILINE)
    if heading is None:
        return None
    following = re.search(r"^\w[\w ]*\n-{3,}\n", doc[heading.end() :], re.MULTILINE)
    return heading.end(), len(doc) if following is None else heading.end() + following.start()


def _with_entries(doc: str, entries: str) -> str:
    section = _parameters_section(doc)
    if section is not None:
        start, end = section
        own = doc[start:end].rstrip()
        return f"{doc[:start]}{own}\n{entries}\n\n{doc[end:]}".rstrip() + "\n"
    first = re.search(r"^\w[\w ]*\n-{3,}\n", doc, re.MULTILINE)
    at = len(doc) if first is None else first.start()
    return f"{doc[:at].rstrip()}\n\nParameters\n----------\n{entries}\n\n{doc[at:]}".rstrip() + "\n"
