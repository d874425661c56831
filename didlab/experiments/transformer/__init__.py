"""Figures 3 and 4 of the gradient paper on a small transformer, trained from scratch on statements with a sentiment.

>>> PROTOCOL.settings[0].name
'one style'
"""

from __future__ import annotations

from .protocol import PROTOCOL, FineTuning, Protocol
from .record import read_record

__all__ = ["PROTOCOL", "FineTuning", "Protocol", "read_record"]
