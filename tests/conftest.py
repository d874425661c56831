"""No test asserts a time: Hypothesis's own deadline, 200 ms for an example, would on a machine with other work."""

from hypothesis import settings

settings.register_profile("without a deadline", settings(), deadline=None)
settings.load_profile("without a deadline")
