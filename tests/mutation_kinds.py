"""The small changes of a source text that `mutations.py` draws from."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha1
from types import CodeType

OPERATORS = {
    **{ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Pow: "**"},
    **{ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="},
    **{ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in"},
}
SIGNS = {"+": "-", "-": "+"}
FACTORS = {"*": "/", "/": "*", "**": "*"}
COMPARISONS = {
    **{"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",)},
    **{"is": ("is not",), "is not": ("is",), "in": ("not in",), "not in": ("in",)},
}
AXIS_LAST = {  # calls whose last argument is an axis, if it is a number
    *("all", "amax", "amin", "any", "argmax", "argmin", "argsort", "cat", "concatenate", "cumsum", "expand_dims"),
    *("flatten", "log_softmax", "logsumexp", "max", "mean", "median", "min", "norm", "prod", "size", "softmax", "sort"),
    *("squeeze", "stack", "std", "sum", "unbind", "unsqueeze", "var"),
}
DROPPED_CALLS = {"detach", "clone", "copy"}
SEQUENCES = (ast.List, ast.Tuple, ast.JoinedStr, ast.ListComp)
BETWEEN = re.compile(rb"(?:[\s()\\]|#[^\n]*)*")  # what may stand between an operand and its operator
COMMA = re.compile(rb"(?:\s*,\s*)?")
UNTOUCHED = re.compile(rb"#\s*pragma")
TINY, LARGE = 1e-3, 100  # numbers beyond become zero or twice as large, where one more would mean nothing


@dataclass(frozen=True)
class Mutation:
    """One change: `new` in the place of the bytes from `start` to `end` of a file.

    `lines` are those of which a test has to pass one to notice it: (path, first, last) each, or the name of a constant.
    """

    path: str
    line: int
    function: str
    kind: str
    start: int
    end: int
    new: bytes
    before: str
    lines: tuple
    in_function: bool
    ordinal: int = 0

    @property
    def id(self) -> str:
        """Name the mutation such that edits elsewhere do not rename it."""
        return f"{self.path}::{self.function or '<module>'}::{self.kind}::{self.before.rstrip(':')}::{self.ordinal}"

    @property
    def short(self) -> str:
        """Return eight digits that stand for the id."""
        return sha1(self.id.encode()).hexdigest()[:8]

    def apply(self, source: bytes) -> bytes:
        """Return the source with this change."""
        return source[: self.start] + self.new + source[self.end :]

    def after(self, source: bytes) -> str:
        """Return the changed line, or what stands in the place of several."""
        first = source.rfind(b"\n", 0, self.start) + 1
        last = source.find(b"\n", self.end)
        line = source[first : self.start] + self.new + source[self.end : last]
        return _one_line(line)


def _one_line(text: bytes) -> str:
    return " ".join(text.decode().split())


class Collector(ast.NodeVisitor):
    """Collect the mutations of one file, what its functions use, and how many statements it has."""

    def __init__(self, path: str, source: bytes) -> None:
        self.path, self.source = path, source
        self.starts = [0, *(one.end() for one in re.finditer(rb"\n", source))]
        self.found: list[Mutation] = []
        self.uses: dict[str, set] = defaultdict(set)
        self.statements = 0
        self.names: list[str] = []
        self.in_function = False
        self.done: set[ast.AST] = set()
        tree = ast.parse(source)
        self.region: tuple = self.bodies(tree)
        self.visit(tree)

    # -------------------------------------------------------------------------------------------------- positions

    def start(self, node) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node) -> int:
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def bodies(self, node) -> tuple:
        """Return where the functions in a node are, without what runs when they are defined."""
        functions = [one for one in ast.walk(node) if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))]
        return tuple((self.path, one.body[0].lineno, one.end_lineno) for one in functions)

    def operator(self, left, op) -> tuple[int, int]:
        """Return where the operator after `left` starts and ends."""
        start = BETWEEN.match(self.source, self.end(left)).end()
        pattern = OPERATORS[type(op)].replace("*", r"\*").replace("+", r"\+").replace(" ", r"\s+")
        return start, re.compile(pattern.encode()).match(self.source, start).end()

    def add(self, kind: str, start: int, end: int, new: str | bytes = b"") -> None:
        """Note a mutation, unless its line is marked as not to be touched."""
        first = self.source.rfind(b"\n", 0, start) + 1
        line = self.source[first : self.source.find(b"\n", start)]
        if UNTOUCHED.search(line):
            return
        new = new.encode() if isinstance(new, str) else new
        number = self.source.count(b"\n", 0, start) + 1
        fields = (self.path, number, ".".join(self.names), kind, start, end, new, _one_line(line), self.region)
        fields += (self.in_function,)
        self.found.append(Mutation(*fields))

    def replace(self, kind: str, node, new: str) -> None:
        self.add(kind, self.start(node), self.end(node), new)

    # ------------------------------------------------------------------------------------------------- statements

    def visit(self, node) -> None:
        if not isinstance(node, (ast.stmt, ast.excepthandler)):
            super().visit(node)
            return
        outer = self.region
        self.statements += not isinstance(node, (ast.Import, ast.ImportFrom)) and not _is_text(node)
        if self.in_function:
            inner = [child.lineno - 1 for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
            self.region = ((self.path, node.lineno, max(node.lineno, min(inner, default=node.end_lineno))),)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and not self.names:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            self.region = tuple(name.id for name in targets if isinstance(name, ast.Name)) or outer
        super().visit(node)
        self.region = outer

    def generic_visit(self, node) -> None:
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "type_params"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and child not in self.done:
                    self.visit(child)

    def _definition(self, node) -> None:
        outer, was = self.region, self.in_function
        self.names.append(node.name)
        self.region = self.bodies(node)
        for one in node.decorator_list:
            if self._is_no_grad(one):
                self.add("detach", self.source.rfind(b"@", 0, self.start(one)), self.end(one))
            self.done.add(one)
        if isinstance(node, ast.ClassDef):
            self.done.update(keyword.value for keyword in node.keywords)
        else:
            self.visit(node.args)
            self.done.add(node.args)
            self.in_function = True
        self.generic_visit(node)
        self.names.pop()
        self.region, self.in_function = outer, was

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _definition

    def visit_Expr(self, node) -> None:
        if _is_text(node):
            return
        if not isinstance(node.value, (ast.Yield, ast.YieldFrom, ast.Await, ast.Constant)):
            self.replace("update", node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node) -> None:
        self.replace("update", node, "pass")
        if type(node.op) in OPERATORS:
            text = OPERATORS[type(node.op)]
            start, end = self.operator(node.target, node.op)
            for kind, swap in (("sign", SIGNS), ("factor", FACTORS)):
                if text in swap:
                    self.add(kind, start, end, swap[text])
        self.generic_visit(node)

    def visit_Assign(self, node) -> None:
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
            return
        if any(isinstance(target, (ast.Attribute, ast.Subscript)) for target in node.targets):
            self.replace("update", node, "pass")
        self.generic_visit(node)

    def visit_AnnAssign(self, node) -> None:
        if isinstance(node.target, ast.Attribute) and node.value is not None:
            self.replace("update", node, "pass")
        self.generic_visit(node)

    def visit_Raise(self, node) -> None:
        if self.in_function:
            self.replace("raise", node, "pass")

    def visit_Assert(self, node) -> None:
        pass  # written for type checkers

    def visit_If(self, node) -> None:
        if ast.unparse(node.test).endswith("TYPE_CHECKING"):
            return
        if not isinstance(node.body[0], ast.Raise):
            self._flip(node.test)
        self.generic_visit(node)

    # ------------------------------------------------------------------------------------------------ expressions

    def _flip(self, test) -> None:
        if not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            start, end = self.start(test), self.end(test)
            self.add("condition", start, end, b"not (" + self.source[start:end] + b")")

    def visit_IfExp(self, node) -> None:
        self._flip(node.test)
        self.generic_visit(node)

    def visit_JoinedStr(self, node) -> None:
        pass  # text, and its parts know no positions before Python 3.12

    def visit_Name(self, node) -> None:
        if isinstance(node.ctx, ast.Load):
            self.uses[node.id].update(one for one in self.region if isinstance(one, tuple))

    def visit_BinOp(self, node) -> None:
        text = OPERATORS.get(type(node.op))
        if text and not isinstance(node.left, SEQUENCES) and not isinstance(node.right, SEQUENCES):
            first, last = self.start(node), self.end(node)
            start, end = self.operator(node.left, node.op)
            for kind, swap in (("sign", SIGNS), ("factor", FACTORS)):
                if text in swap:
                    self.add(kind, start, end, swap[text])
            if text in "+-*/":
                self.add("term", start, last)
            if text in "+-*":
                self.add("term", first, start if text == "-" else end)
        self.generic_visit(node)

    def visit_UnaryOp(self, node) -> None:
        kinds = {ast.USub: "sign", ast.Not: "not", ast.Invert: "mask"}
        if type(node.op) in kinds:
            length = 3 if isinstance(node.op, ast.Not) else 1
            self.add(kinds[type(node.op)], self.start(node), self.start(node) + length)
        self.generic_visit(node)

    def visit_Compare(self, node) -> None:
        for left, op in zip([node.left, *node.comparators], node.ops, strict=False):
            for swapped in COMPARISONS[OPERATORS[type(op)]]:
                self.add("comparison", *self.operator(left, op), swapped)
        self.generic_visit(node)

    def visit_BoolOp(self, node) -> None:
        swapped, length = ("or", 3) if isinstance(node.op, ast.And) else ("and", 2)
        for left in node.values[:-1]:
            start = BETWEEN.match(self.source, self.end(left)).end()
            self.add("boolean", start, start + length, swapped)
        self.generic_visit(node)

    def visit_Constant(self, node) -> None:
        value = node.value
        if isinstance(value, bool):
            self.replace("bool", node, str(not value))
        elif isinstance(value, int):
            self.replace("number", node, str(value * 2 if value >= LARGE else value + 1))
        elif isinstance(value, float):
            self.replace("number", node, "1.0" if value == 0 else "0.0" if value < TINY else repr(2 * value))

    def visit_Call(self, node) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "warn" or name.endswith("Error"):
            return
        if name in DROPPED_CALLS and isinstance(node.func, ast.Attribute) and not node.args:
            self.add("detach", self.source.rfind(b".", 0, self.end(node.func)), self.end(node))
        if self._is_no_grad(node):
            module = ast.unparse(node.func.value)
            self.replace("detach", node, f"{module}.set_grad_enabled({module}.is_grad_enabled())")
        if name == "where" and len(node.args) == 3:
            self._swap(*node.args[1:])
        if name in ("masked_fill", "masked_fill_", "masked_scatter") and not isinstance(node.args[0], ast.UnaryOp):
            self.add("mask", self.start(node.args[0]), self.start(node.args[0]), "~")
        if name in AXIS_LAST and node.args:
            self._axis(node.args[-1])
        for keyword in node.keywords:
            self._keyword(keyword)
        self.generic_visit(node)

    def _keyword(self, node) -> None:
        if node.arg is None:
            return
        if node.arg in ("dim", "axis"):
            self._axis(node.value)
        comma = COMMA.match(self.source, self.end(node))
        self.add("keyword", self.start(node), comma.end())

    def _axis(self, node) -> None:
        try:
            axis = ast.literal_eval(node)
        except ValueError:
            return
        if isinstance(axis, int) and not isinstance(axis, bool):
            self.replace("axis", node, str({0: 1, -1: 0}.get(axis, axis - 1 if axis > 0 else axis + 1)))
            self.done.add(node)

    def _swap(self, first, second) -> None:
        pieces = [self.source[self.start(one) : self.end(one)] for one in (first, second)]
        between = self.source[self.end(first) : self.start(second)]
        self.add("mask", self.start(first), self.end(second), pieces[1] + between + pieces[0])

    @staticmethod
    def _is_no_grad(node) -> bool:
        names = ("no_grad", "inference_mode")
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names


def _is_text(node) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def numbered(found: list[Mutation]) -> Iterator[Mutation]:
    """Count those that share everything else in their ids."""
    seen: Counter = Counter()
    for one in found:
        fields = {**vars(one), "ordinal": seen[one.id]}
        seen[one.id] += 1
        yield Mutation(**fields)


def same_code(one: CodeType, other: CodeType) -> bool:
    """Tell whether two compiled texts do the same, wherever their lines are."""
    pairs = list(zip(one.co_consts, other.co_consts, strict=False))
    return (
        (one.co_code, one.co_names, one.co_varnames, len(one.co_consts))
        == (other.co_code, other.co_names, other.co_varnames, len(other.co_consts))
        and one.co_exceptiontable == other.co_exceptiontable
        and all(type(a) is type(b) for a, b in pairs)
        and all(same_code(a, b) if isinstance(a, CodeType) else repr(a) == repr(b) for a, b in pairs)
    )


def changes(mutation: Mutation, source: bytes) -> bool:
    """Tell whether the mutated text compiles, and to something else."""
    try:
        after = compile(mutation.apply(source), mutation.path, "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return not same_code(compile(source, mutation.path, "exec", dont_inherit=True), after)
