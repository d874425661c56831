"""Mechanical mutation of a check: one operator, constant, argument order, relation or connective changed at a time."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator

OPERATORS = {ast.Add: [ast.Sub], ast.Sub: [ast.Add], ast.Mult: [ast.Div], ast.Div: [ast.Mult]}
RELATIONS = {"greater": ["at_least", "equal"], "at_least": ["greater", "equal"], "equal": ["greater"]}
CONNECTIVES = {"iff": ["implies"], "both": ["either"], "forall": ["exists"]}
ORDERED = {
    "kl_divergence",
    "did_distribution",
    "at_least",
    "greater",
    "pair_distribution",
    "label_probability",
    "implies",
}


def mutants(function: Callable) -> Iterator[tuple[str, Callable]]:
    """(description, changed function) for every single change."""
    source = textwrap.dedent(inspect.getsource(function))
    count = len(list(_changes(ast.parse(source))))
    for i in range(count):
        tree = ast.parse(source)
        _, apply = list(_changes(tree))[i]
        apply()
        ast.fix_missing_locations(tree)
        scope = dict(function.__globals__)
        definition = tree.body[0]
        assert isinstance(definition, ast.FunctionDef)
        description = "; ".join(ast.unparse(line) for line in definition.body)
        exec(compile(tree, f"<mutant of {function.__name__}>", "exec"), scope)
        yield f"{function.__name__}: {description}", scope[function.__name__]


def _changes(tree: ast.AST) -> Iterator[tuple[str, Callable[[], None]]]:
    inside_index = {id(n) for s in ast.walk(tree) if isinstance(s, ast.Subscript) for n in ast.walk(s.slice)}
    arguments = {
        id(n)
        for c in ast.walk(tree)
        if isinstance(c, ast.Call) and isinstance(c.func, ast.Attribute) and c.func.attr in ("sum", "swapaxes", "max")
        for a in c.args
        for n in ast.walk(a)
    }
    for node in ast.walk(tree):
        if id(node) in inside_index or id(node) in arguments:
            continue
        if isinstance(node, ast.BinOp):
            yield from _binary(node)
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            for new in (node.value + 1, node.value + 2):
                yield f"{node.value} -> {new} at {_at(node)}", _setter(node, "value", new)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield f"minus dropped at {_at(node)}", _setter(node, "op", ast.UAdd())
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            for new in RELATIONS.get(name, []) + CONNECTIVES.get(name, []):
                yield f"{name} -> {new} at {_at(node)}", _setter(node.func, "id", new)
            if name in ORDERED and len(node.args) >= 2:
                swapped = [node.args[1], node.args[0], *node.args[2:]]
                yield f"arguments of {name} swapped at {_at(node)}", _setter(node, "args", swapped)
            if name in ("both", "equal", "iff") and len(node.args) == 2 and name == "both":
                for kept in node.args:
                    yield f"one part of both kept at {_at(node)}", _setter(node, "args", [kept])


def _binary(node: ast.BinOp) -> Iterator[tuple[str, Callable[[], None]]]:
    for new in OPERATORS.get(type(node.op), []):
        yield f"{type(node.op).__name__} -> {new.__name__} at {_at(node)}", _setter(node, "op", new())
    zero = ast.Constant(0)
    if isinstance(node.op, ast.Add | ast.Sub):
        yield f"right term dropped at {_at(node)}", _setter(node, "right", zero)
    if isinstance(node.op, ast.Add | ast.Sub):
        yield f"left term dropped at {_at(node)}", _setter(node, "left", zero)


def _at(node: ast.AST) -> str:
    return f"{getattr(node, 'lineno', 0)}:{getattr(node, 'col_offset', 0)}"


def _setter(node: ast.AST, field: str, value: object) -> Callable[[], None]:
    def apply() -> None:
        setattr(node, field, value)

    return apply
