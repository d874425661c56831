r"""Kinds of objects a statement can speak of: how they are drawn, lifted, shrunk and written down.

An instance is a dictionary of integer arrays, a batch is the same with one leading axis. Each kind owns some of the
arrays (:class:`Field`), fills them from classes built to break things, and lifts them to the arguments of a check.
Scalars are lifted with a trailing axis of length 1, so that they multiply arrays over outcomes.
"""

from .kind import Field, Kind, Raw, Shape, few, instance_fields
from .kind import Rng as Rng
from .kind import all_valid as all_valid
from .kind import indeterminates as indeterminates
from .numbers import Geometric, Integers, Numbers, Small, Threshold
from .pairs import Graph, Pair
from .policies import Comonotone, Ordered, Policies, Ranked, Rewards, Tailed
from .powers import Mixed, NearPowerLaw, PowerLaw, Tempered

__all__ = [
    "Comonotone",
    "Field",
    "Geometric",
    "Graph",
    "Integers",
    "Kind",
    "Mixed",
    "NearPowerLaw",
    "Numbers",
    "Ordered",
    "Pair",
    "Policies",
    "PowerLaw",
    "Ranked",
    "Raw",
    "Rewards",
    "Shape",
    "Small",
    "Tailed",
    "Tempered",
    "Threshold",
    "few",
    "instance_fields",
]
