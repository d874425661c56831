"""Packages whose names are imported when they are first used (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

__all__ = ["attach"]


def attach(
    package: str, homes: Mapping[str, Sequence[str]], modules: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package; a type checker reads its imports under `TYPE_CHECKING` instead.

    Args:
        package: its `__name__`.
        homes: the names that it offers, by the module of the package that defines them.
        modules: those that it offers whole.

    >>> get, names = attach("didlab", {"policies": ("mix", "tilt")})
    >>> get("mix").__module__, "mix" in names()
    ('didlab.policies', True)
    """
    home = {name: module for module, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name in modules:
            return import_module(f".{name}", package)
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f".{home[name]}", package), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted([*sys.modules[package].__all__, *modules])
