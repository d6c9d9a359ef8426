"""Check the pages: their length, the width of code, figures without a record, idioms, and links of a build.

python docs/check_pages.py                      # README, docs, examples and the package, in a second
python docs/check_pages.py --words              # how many words and figures every page has
python docs/check_pages.py --html docs/_build/html   # links and anchors inside the pages of a build as well
"""

import argparse
import re
import sys
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from urllib.parse import unquote, urlsplit

NAMES = re.compile(r"VICReg beside|\"beside\"|\b_?beside(\(| import)|import beside")  # of rows and functions
ROOT = Path(__file__).parents[1]
MOST_WORDS = 1500
MOST_COLUMNS = 88
README_LINES, PARAGRAPH_LINES = 150, 4
LONG_PAGES = {"docs/changelog.rst", "docs/glossary.rst"}  # they grow with the package
NOT_COUNTED = ("math", "list-table", "csv-table", "table", "toctree", "autosummary", "literalinclude", "currentmodule")
IDIOMS = {
    r"\bon the mean\b": "on average",
    r"\banew\b": "again",
    r", of which\b": "a second sentence",
    r"\bbeside\b": "next to, compared with, in addition to",
    r"\bstands? (in|for|at|beside|there|side)\b": "is in, replaces, is at",
    r"\bare no collapse\b": "are not counted as collapse",
    r"\ba rest of\b": "a single leftover",
    r"\btakes? (one|it|them) out\b": "remove",
    r"\btwo honest\b": "two baselines",
    r"\bkeeps account\b": "has the measurements",
    r"\b(row|vector|label|place|epoch|step|feature|batch|window|target|value|line|token|file)s? "
    r"a (series|class|step|time step|channel|method|set|batch|epoch)\b": "per series, per class, ...",
}
BORDER = r"\s*=+( +=+)+\s*"
A_FIGURE = re.compile(
    r"\b0\.\d{3}\b|\b(points?|times) (ahead|behind|faster|slower)\b|\b[\d.,]+ (seconds|ms|MB|GB)\b|\bp[- ]value"
)


def blocks(text):
    """Yield the kind of each block of a page and its lines: "prose", "code", or the name of a directive.

    >>> [kind for kind, _ in blocks("Text.\\n\\n.. math::\\n\\n   x = 1\\n\\n>>> 1\\n1\\n")]
    ['prose', 'math', 'code']
    """
    lines = text.splitlines()
    here = 0
    while here < len(lines):
        start, line = here, lines[here]
        indent = len(line) - len(line.lstrip())
        directive = re.match(r"\s*\.\. (?:\|\w+\| )?([\w-]+)::", line)
        here += 1
        if not line.strip():
            continue
        if directive or re.match(r"\s*\.\. ", line):
            while here < len(lines) and (not lines[here].strip() or _indent(lines[here]) > indent):
                here += 1
            yield directive[1] if directive else "comment", lines[start:here]
        elif re.fullmatch(BORDER, line):  # a simple table ends with a border before an empty line
            while here < len(lines) and (lines[here].strip() or not re.fullmatch(BORDER, lines[here - 1])):
                here += 1
            yield "table", lines[start:here]
        else:
            while here < len(lines) and lines[here].strip() and not re.match(r"\s*\.\. ", lines[here]):
                here += 1
            yield "code" if line.lstrip().startswith(">>>") else "prose", lines[start:here]


def _indent(line):
    return len(line) - len(line.lstrip())


def n_words(text):
    """Return the words of a page: everything a reader reads, code included, but formulas and tables.

    A word is what stands between blanks and has a letter or a digit. Labels, options and lists of pages are no words.

    >>> n_words("Two words :math:`x + 1`.\\n\\n.. math:: x = 1\\n\\n== ==\\na  b\\n== ==\\n1  2\\n== ==\\n")
    2
    >>> n_words(".. _label:\\n\\n.. plot:: figures/one.py\\n   :alt: not read\\n\\n   A caption.\\n")
    2
    """
    total = 0
    for kind, lines in blocks(text):
        if kind in NOT_COUNTED or kind == "comment":
            continue
        if kind not in ("prose", "code"):  # the text of a directive, without its head and its options
            lines = [line for line in lines[1:] if not re.match(r"\s*:[\w-]+:", line)]
        read = re.sub(r":math:`[^`]*`", "", "\n".join(lines))
        total += sum(bool(re.search(r"\w", word)) for word in read.split())
    return total


def n_figures(text):
    return sum(kind in ("plot", "image", "figure") for kind, _ in blocks(text))


def code_lines(path):
    """Yield the numbers and lines of code on a page; all lines of a script."""
    lines = path.read_text().splitlines()
    if path.suffix == ".py":
        yield from enumerate(lines, 1)
        return
    inside = None  # how far the directive is indented that the code belongs to
    for number, line in enumerate(lines, 1):
        if inside is not None and line.strip() and _indent(line) <= inside:
            inside = None
        if inside is not None or re.match(r"\s*(>>>|\.\.\.) ", line):
            yield number, line.strip("\n")
        if re.match(r"\s*\.\. code-block::", line):
            inside = _indent(line)


def problems_of_page(path):
    name, text = str(path.relative_to(ROOT)), path.read_text()
    guide = name.startswith(("docs/user_guide", "docs/getting_started", "docs/extending"))
    if path.suffix == ".rst" and "records" not in name and name not in LONG_PAGES and n_words(text) > MOST_WORDS:
        yield f"{name}: {n_words(text)} words; at most {MOST_WORDS}"
    if name.startswith(("docs/", "examples/")) and "records" not in name:
        for number, line in code_lines(path):
            if len(line) > MOST_COLUMNS:
                yield f"{name}:{number}: {len(line)} columns; at most {MOST_COLUMNS}"
    if guide:
        for kind, lines in blocks(text):
            paragraph = "\n".join(lines)
            figure = A_FIGURE.search(paragraph) if kind == "prose" else None
            if figure and not re.search(r":ref:`[^`]*(record|defaults)", paragraph):
                yield f"{name}: a measured figure without a link to its record: {figure[0]}"


def problems_of_readme(path):
    """Yield what makes the README too long: lines, and lines of a paragraph."""
    text = path.read_text()
    if (n_lines := len(text.splitlines())) > README_LINES:
        yield f"{path.name}: {n_lines} lines; at most {README_LINES}"
    for paragraph in re.sub(r"```.*?```", "", text, flags=re.DOTALL).split("\n\n"):
        lines = paragraph.strip().splitlines()
        if len(lines) > PARAGRAPH_LINES and not lines[0].startswith(("|", "- ")):
            yield f"{path.name}: a paragraph of {len(lines)} lines; at most {PARAGRAPH_LINES}: {lines[0]}"


def idioms_of(path):
    if "check_pages" not in path.name:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for idiom, plain in IDIOMS.items():
                if (found := re.search(idiom, line)) and not NAMES.search(line):
                    yield f"{path.relative_to(ROOT)}:{number}: {found[0]!r}; write: {plain}"


class Links(HTMLParser):
    """What a page links to, and its anchors."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors.update(values[key] for key in ("id", "name") if values.get(key))
        self.links += [values[key] for key in ("href", "src") if values.get(key)]


def problems_of_build(folder):
    """Yield links inside a build that lead nowhere, and external scripts, styles and pictures."""
    pages = {path.resolve(): Links(path) for path in folder.rglob("*.html")}
    pages_of_others = {folder.resolve() / name for name in ("_static", "_modules")}  # of the theme and of Sphinx
    for path, page in pages.items():
        if pages_of_others & set(path.parents):
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            name = path.relative_to(folder.resolve())
            if not target.exists():
                yield f"{name}: {link} leads nowhere"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{name}: {link} has no such anchor"


def external_links(folder):
    pages = (Links(path) for path in folder.rglob("*.html"))
    return sorted({link for page in pages for link in page.links if urlsplit(link).scheme in ("http", "https")})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", action="store_true", help="print the words and figures of every page")
    parser.add_argument("--html", type=Path, help="a build, whose links are checked")
    parser.add_argument("--external", action="store_true", help="with --html: list links to other sites")
    options = parser.parse_args()
    made = {"_build", "_templates", "generated", "auto_examples", "sg_execution_times.rst"}
    pages = sorted(path for path in (ROOT / "docs").rglob("*.rst") if not made & set(path.parts))
    if options.words:
        for page in pages:
            text = page.read_text()
            print(f"{n_words(text):>6} words {n_figures(text):>3} figures  {page.relative_to(ROOT)}")
        return 0
    examples = [*sorted((ROOT / "examples").glob("*/plot_*.py")), *sorted((ROOT / "docs" / "snippets").glob("*.py"))]
    sources = sorted((ROOT / "sklearn_ssl").rglob("*.py")) + sorted((ROOT / "examples").rglob("*.py"))
    found = chain(
        chain.from_iterable(map(problems_of_page, [*pages, *examples])),
        problems_of_readme(ROOT / "README.md"),
        chain.from_iterable(map(idioms_of, [ROOT / "README.md", *pages, *sources])),
        problems_of_build(options.html) if options.html else (),
    )
    n_found = sum(print(problem) or 1 for problem in found)
    if options.external:
        print(*external_links(options.html), sep="\n")
    print(f"{len(pages)} pages: {n_found} problems.")
    return int(n_found > 0)


if __name__ == "__main__":
    sys.exit(main())
