"""Renders a model's chat template, which is a program that came with the model and is trusted with nothing.

Jinja's own sandbox keeps a template away from Python's insides but lets it run and grow for ever. So here a template
is parsed first and only nodes that chat templates need are let through; filters, tests, methods and globals are those
of a list; and every step that can repeat or grow something (loops, calls, filters, operators, concatenation, literals,
slices, output) is rewritten to pass a `Budget`. Invariants: no value is longer than `MAX_LENGTH`, what is written and
what is made in all stays within `MAX_LENGTH` and `MAX_WORK`, and a render ends within `MAX_SECONDS` of processor time.
"""

# jinja2 is typed in part only, and what a template computes with is checked by its kind at every use.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import GeneratorType
from typing import cast

from jinja2 import Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.ext import Extension, LoopControlExtension
from jinja2.filters import FILTERS
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from edge_seal.errors import EngineError

MAX_SOURCE = 64 * 1024
MAX_LENGTH = 2 * 1024 * 1024
MAX_WORK = 32 * 1024 * 1024
MAX_STEPS = 500_000
MAX_SECONDS = 2.0
_MAX_INTEGER_BITS = 64
_MAX_INDENT = 16


class Budget:
    """What one render may still do. Time is the thread's own, so a busy machine does not refuse a sound template."""

    def __init__(self) -> None:
        self._steps = MAX_STEPS
        self._work = MAX_WORK
        self._output = MAX_LENGTH
        self._deadline = time.thread_time() + MAX_SECONDS

    def step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise SecurityError(f"it takes more than {MAX_STEPS} steps")
        if time.thread_time() > self._deadline:
            raise SecurityError(f"it takes more than {MAX_SECONDS:g} seconds")

    def may_grow_to(self, length: int) -> None:
        """Asked before anything is made, so that the memory is never taken."""
        if length > MAX_LENGTH:
            raise SecurityError(f"it makes a value longer than {MAX_LENGTH} characters")

    def made(self, value: object) -> None:
        """Counts a value that a template has made, with everything in it."""
        self.step()
        length = 1 if isinstance(value, Namespace | Macro | _Method) else _length(value)
        self.may_grow_to(length)
        self._work -= length
        if self._work < 0:
            raise SecurityError(f"it makes more than {MAX_WORK} characters in all")

    def written(self, length: int) -> None:
        self._output -= length
        if self._output < 0:
            raise SecurityError(f"it writes more than {MAX_LENGTH} characters")


def _length(value: object) -> int:
    """Characters and elements of `value`, deep; gives up beyond `MAX_LENGTH`, which shared parts reach fast."""
    total = 0
    waiting: list[object] = [value]
    while waiting and total <= MAX_LENGTH:
        item = waiting.pop()
        total += 1
        if isinstance(item, str):
            total += len(item)
        elif isinstance(item, Mapping):
            waiting.extend(cast("Mapping[object, object]", item).keys())
            waiting.extend(cast("Mapping[object, object]", item).values())
        elif isinstance(item, list | tuple):
            waiting.extend(cast("Sequence[object]", item))
        elif isinstance(item, int):
            if item.bit_length() > _MAX_INTEGER_BITS:
                raise SecurityError(f"it makes an integer of more than {_MAX_INTEGER_BITS} bits")
        elif not (item is None or isinstance(item, float | Undefined)):
            raise SecurityError(f"it makes a value of the kind {type(item).__name__}")
    return total


class _Method:
    """A method or global that a template may call."""

    def __init__(self, name: str, function: Callable[..., object]) -> None:
        self.name = name
        self.function = function

    def __call__(self, *positional: object, **named: object) -> object:
        return self.function(*positional, **named)


_TEXT_METHODS = frozenset(
    [
        "strip",
        "lstrip",
        "rstrip",
        "split",
        "rsplit",
        "splitlines",
        "startswith",
        "endswith",
        "upper",
        "lower",
        "title",
        "capitalize",
        "find",
        "rfind",
        "count",
        "isdigit",
        "isalpha",
        "isspace",
        "isupper",
        "islower",
        "removeprefix",
        "removesuffix",
    ]
)
_MAPPING_METHODS = frozenset({"get", "items", "keys", "values"})
_LOOP_VALUES = frozenset(
    ["index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0", "previtem", "nextitem"]
)


class _Environment(ImmutableSandboxedEnvironment):
    """Where every access, call and operator of a template arrives."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,  # folding constants would run a template's arithmetic before any budget exists
            cache_size=0,
            extensions=[LoopControlExtension, _Generation],
        )
        self.budget = Budget()
        self.filters = _filters()
        self.tests = {name: test for name, test in TESTS.items() if name in _TESTS}
        self.globals = {
            "namespace": Namespace,
            "range": _Method("range", self._range),
            "raise_exception": _Method("raise_exception", _raise_exception),
        }

    def getattr(self, obj: object, attribute: str) -> object:
        self.budget.step()
        if isinstance(obj, Undefined):
            _say_what_is_undefined(obj)
        if isinstance(obj, str) and attribute in _TEXT_METHODS:
            return _Method(attribute, getattr(obj, attribute))
        if isinstance(obj, str) and attribute == "replace":
            return _Method(attribute, lambda *arguments: self.replace(obj, *arguments))
        if isinstance(obj, str) and attribute == "join":
            return _Method(attribute, lambda values: self.join(values, obj))
        if isinstance(obj, Mapping):
            if attribute in _MAPPING_METHODS:
                return _Method(attribute, lambda *arguments: _mapping_method(obj, attribute, arguments))
            return self.getitem(cast("Mapping[object, object]", obj), attribute)
        if isinstance(obj, LoopContext) and attribute in _LOOP_VALUES:
            return cast("object", getattr(obj, attribute))
        if isinstance(obj, Namespace) and not attribute.startswith("_"):
            return cast("object", getattr(obj, attribute, self.undefined(obj=obj, name=attribute)))
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: object, argument: object) -> object:
        self.budget.step()
        if isinstance(obj, Undefined):
            _say_what_is_undefined(obj)
        if isinstance(obj, Mapping | str | list | tuple):
            try:
                return cast("Mapping[object, object]", obj)[argument]
            except (AttributeError, LookupError, TypeError):
                if isinstance(argument, str) and not isinstance(obj, Mapping):
                    return self.getattr(obj, argument)
        return self.undefined(obj=obj, name=str(argument) if isinstance(argument, str | int) else "?")

    def call(self, context: Context, obj: object, /, *positional: object, **named: object) -> object:
        self.budget.step()
        if isinstance(obj, Undefined):
            _say_what_is_undefined(obj)
        if not (isinstance(obj, _Method | Macro) or obj is Namespace):
            raise SecurityError("it calls something that a chat template may not call")
        result = context.call(cast("Callable[..., object]", obj), *positional, **named)
        self.budget.made(result)
        return result

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        self.budget.step()
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"it uses {operator}, which a chat template does not need")
        if operator == "*":
            for sequence, count in ((left, right), (right, left)):
                if isinstance(sequence, str | list | tuple) and isinstance(count, int):
                    self.budget.may_grow_to(_length(cast("object", sequence)) * max(count, 0))
        result = cast("object", super().call_binop(context, operator, left, right))
        self.budget.made(result)
        return result

    def replace(self, text: str, old: object, new: object, count: object = None) -> str:
        if not (isinstance(old, str) and isinstance(new, str) and (count is None or isinstance(count, int))):
            raise SecurityError("it replaces something that is not text")
        limit = -1 if count is None else count
        times = text.count(old) if limit < 0 else min(text.count(old), limit)
        self.budget.may_grow_to(len(text) + times * len(new))
        return str(text).replace(old, new, limit)

    def join(self, values: object, separator: object = "") -> str:
        if not isinstance(separator, str):
            raise SecurityError("it joins with something that is not text")
        parts = [_text(value) for value in self.counted(values)]
        self.budget.may_grow_to(sum(map(len, parts)) + len(separator) * len(parts))
        return separator.join(parts)

    def counted(self, values: object) -> Iterator[object]:
        """The elements of `values`, each a step."""
        if isinstance(values, _Method) or not isinstance(values, Iterable):
            raise SecurityError(f"it loops over a value of the kind {type(values).__name__}")
        for value in cast("Iterable[object]", values):
            self.budget.step()
            yield value

    def _range(self, *bounds: int) -> list[int]:
        numbers = range(*bounds)
        self.budget.may_grow_to(len(numbers))
        return list(numbers)


def _say_what_is_undefined(undefined: Undefined) -> None:
    undefined()  # raises, in jinja's words


def _mapping_method(mapping: Mapping[object, object], name: str, arguments: tuple[object, ...]) -> object:
    if name == "get":
        return mapping.get(*cast("tuple[object]", arguments))
    views = {"items": mapping.items, "keys": mapping.keys, "values": mapping.values}
    return list(views[name]())


def _raise_exception(message: object) -> object:
    raise TemplateError(f"it says: {str(message)[:500]}")


def _text(value: object) -> str:
    """A value as jinja writes it; only plain data is ever written."""
    if isinstance(value, str):
        return str(value)
    if _length(value) > MAX_LENGTH:
        raise SecurityError(f"it writes a value longer than {MAX_LENGTH} characters")
    return str(value)


# Filters and tests ----------------------------------------------------------------------------------------

_JINJA_FILTERS = [
    "trim",
    "upper",
    "lower",
    "title",
    "capitalize",
    "length",
    "count",
    "first",
    "last",
    "default",
    "d",
    "int",
    "float",
    "list",
    "items",
    "dictsort",
    "reverse",
    "selectattr",
    "rejectattr",
    "select",
    "reject",
    "map",
    "unique",
    "sort",
    "abs",
]
_TESTS = frozenset(
    [
        "defined",
        "undefined",
        "none",
        "boolean",
        "true",
        "false",
        "integer",
        "float",
        "number",
        "string",
        "mapping",
        "sequence",
        "iterable",
        "in",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "equalto",
        "lessthan",
        "greaterthan",
        "sameas",
        "odd",
        "even",
        "lower",
        "upper",
        "divisibleby",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
    ]
)


@pass_context
def _write(context: Context, value: object) -> str:
    text = _text(value)
    budget = _environment(context).budget
    budget.step()
    budget.written(len(text))
    return text


@pass_context
def _count_loop(context: Context, values: object) -> Iterator[object]:
    return _environment(context).counted(values)


@pass_context
def _measure(context: Context, value: object) -> object:
    _environment(context).budget.made(value)
    return value


@pass_context
def _concatenate(context: Context, *values: object) -> str:
    budget = _environment(context).budget
    parts = [_text(value) for value in values]
    budget.may_grow_to(sum(map(len, parts)))
    text = "".join(parts)
    budget.made(text)
    return text


@pass_context
def _to_json(context: Context, value: object, indent: int | None = None) -> str:
    if indent is not None and not 0 <= indent <= _MAX_INDENT:
        raise SecurityError(f"it indents by more than {_MAX_INDENT}")
    _environment(context).budget.made(value)
    return json.dumps(value, ensure_ascii=False, indent=indent)


@pass_context
def _indent(context: Context, text: str, width: int = 4, first: bool = False) -> str:  # noqa: FBT001, FBT002 - jinja's own signature
    if not 0 <= width <= _MAX_INDENT:
        raise SecurityError(f"it indents by more than {_MAX_INDENT}")
    padding = " " * width
    _environment(context).budget.may_grow_to(len(text) + text.count("\n") * width + width)
    lines = str(text).split("\n")
    body = "\n".join([lines[0], *(padding + line if line.strip() else line for line in lines[1:])])
    return padding + body if first else body


@pass_context
def _replace(context: Context, text: object, old: object, new: object, count: int | None = None) -> str:
    return _environment(context).replace(_text(text), old, new, count)


@pass_context
def _join(context: Context, values: object, separator: object = "") -> str:
    return _environment(context).join(values, separator)


def _string(value: object) -> str:
    return _text(value)


def _environment(context: Context) -> _Environment:
    return cast("_Environment", context.environment)


def _bounded(function: Callable[..., object]) -> Callable[..., object]:
    """`function` as a filter whose lazy result is made, counted, and never folded into the compiled template."""
    passed = getattr(getattr(function, "jinja_pass_arg", None), "name", None)

    @pass_context
    def bounded(context: Context, *positional: object, **named: object) -> object:
        environment = _environment(context)
        environment.budget.step()
        first = {"context": context, "eval_context": context.eval_ctx, "environment": environment}.get(passed or "")
        result = function(first, *positional, **named) if passed else function(*positional, **named)
        if isinstance(result, GeneratorType) or (isinstance(result, Iterator) and not isinstance(result, str)):
            result = list(environment.counted(cast("object", result)))
        environment.budget.made(result)
        return result

    return bounded


def _filters() -> dict[str, Callable[..., object]]:
    own: dict[str, Callable[..., object]] = {
        "tojson": _to_json,
        "indent": _indent,
        "replace": _replace,
        "join": _join,
        "string": _string,
        "safe": _string,
    }
    jinja = {name: cast("Callable[..., object]", FILTERS[name]) for name in _JINJA_FILTERS}
    inserted = {"write-": _write, "loop-": _count_loop, "measure-": _measure, "concatenate-": _concatenate}
    return {name: _bounded(function) for name, function in (jinja | own).items()} | inserted


# The parsed template --------------------------------------------------------------------------------------


class _Generation(Extension):
    """`{% generation %}…{% endgeneration %}`, which marks what training learns from: its body, as it stands."""

    tags = {"generation"}  # noqa: RUF012 - the name and kind that jinja asks for

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.AssignBlock, nodes.Macro,
    nodes.With, nodes.FilterBlock, nodes.Scope, nodes.Break, nodes.Continue, nodes.Name, nodes.NSRef, nodes.Const,
    nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test,
    nodes.Call, nodes.Getitem, nodes.Getattr, nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand, nodes.Mul,
    nodes.Div, nodes.FloorDiv, nodes.Add, nodes.Sub, nodes.Mod, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos,
)  # fmt: skip


def _refuse_what_no_chat_needs(template: nodes.Template) -> None:
    for node in [template, *template.find_all(nodes.Node)]:
        if not isinstance(node, _ALLOWED):
            raise SecurityError(f"it uses {type(node).__name__}, which a chat template does not need")
        names = {getattr(node, field) for field in ("name", "attr", "target") if field in node.fields}
        for name in names:
            if isinstance(name, str) and name.startswith("_"):
                raise SecurityError(f"it reaches for {name}")
        if isinstance(node, nodes.For) and node.recursive:
            raise SecurityError("it uses a recursive loop, which a chat template does not need")
        if isinstance(node, nodes.Filter) and node.name not in _FILTER_NAMES:
            raise SecurityError(f"it uses the filter {node.name}, which a chat template does not need")


_FILTER_NAMES = frozenset(_filters())


class _Metering(NodeTransformer):
    """Puts a counting filter around everything that repeats, grows or is written and that no hook sees."""

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802 - the name that jinja calls
        self.generic_visit(node)
        parts = [nodes.Const(part.data) if isinstance(part, nodes.TemplateData) else part for part in node.nodes]
        return nodes.Output([_through("write-", part) for part in parts], lineno=node.lineno)

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802
        self.generic_visit(node)
        node.iter = cast("nodes.Node", _through("loop-", cast("nodes.Expr", node.iter)))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return nodes.Filter(node.nodes[0], "concatenate-", node.nodes[1:], [], None, None, lineno=node.lineno)

    def visit_List(self, node: nodes.List) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _through("measure-", node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _through("measure-", node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _through("measure-", node) if node.ctx == "load" else node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _through("measure-", node) if isinstance(node.arg, nodes.Slice) else node


def _through(name: str, node: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class SandboxedTemplate:
    """One chat template, parsed and checked. Not for two threads at once."""

    def __init__(self, source: str) -> None:
        """Checks and compiles `source`.

        Raises:
            EngineError: empty, too long, not a template, or one that does what no chat template needs.
        """
        if not source.strip():
            raise EngineError("the model's chat template is empty")
        if len(source) > MAX_SOURCE:
            raise EngineError(f"the model's chat template has {len(source)} characters, more than {MAX_SOURCE}")
        self._environment = _Environment()
        try:
            parsed = self._environment.parse(source)
            _refuse_what_no_chat_needs(parsed)
            metered = cast("nodes.Template", _Metering().visit(parsed))
            metered.set_environment(self._environment)
            self._template = self._environment.from_string(metered)
        except Exception as error:  # a hostile template can make the parser or the compiler raise anything
            raise EngineError(f"the model's chat template is not accepted: {_words(error)}") from error

    def render(self, variables: Mapping[str, object], *, now: datetime) -> str:
        """The text for `variables`; `now` is what `strftime_now` in the template tells.

        Raises:
            EngineError: the template failed, refused the conversation, or went over a bound.
        """

        def strftime_now(pattern: object) -> str:
            if not isinstance(pattern, str) or len(pattern) > 100:
                raise SecurityError("it asks for the date in an endless form")
            return now.strftime(pattern)

        self._environment.budget = Budget()
        try:
            self._environment.budget.made(dict(variables))
            return self._template.render({**variables, "strftime_now": _Method("strftime_now", strftime_now)})
        except Exception as error:  # the same: what a hostile template raises is its own choice
            raise EngineError(f"the model's chat template failed: {_words(error)}") from error


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it nests too deep"
    return f"{error}"[:500] or type(error).__name__
