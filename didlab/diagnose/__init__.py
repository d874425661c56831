"""The measurements that claims speak of, on a table of scores of a real model."""

from .diagnosis import SCHEMA, Diagnosis, diagnose
from .entry import Entry

__all__ = ["SCHEMA", "Diagnosis", "Entry", "diagnose"]
