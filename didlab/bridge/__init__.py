"""Real language models under the same checks: whatever yields log-probabilities of tokens is a backend."""

from .audit import Audit, audit
from .backend import Backend, CallableBackend, Item
from .tabular import TabularBackend

__all__ = ["Audit", "Backend", "CallableBackend", "Item", "TabularBackend", "audit"]
