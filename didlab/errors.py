"""Errors that say what was given, what is expected and what to do."""

from __future__ import annotations

__all__ = [
    "ArgumentError", "AuditError", "BackendError", "CertificateError", "ClaimError", "DidlabError", "FileError",
    "Undecided",
]


class DidlabError(Exception):
    """Base of every error didlab raises on purpose."""


class ArgumentError(DidlabError, ValueError):
    """An argument of a public function is not usable: the message names it.

    >>> raise ArgumentError("beta", "a number above 0", "-1.0")
    Traceback (most recent call last):
    didlab.errors.ArgumentError: `beta` must be a number above 0; got -1.0
    """

    def __init__(self, name: str, expected: str, got: str, hint: str = "") -> None:
        self.name, self.expected, self.got, self.hint = name, expected, got, hint
        message = f"`{name}` must be {expected}; got {got}"
        super().__init__(f"{message}. {hint}" if hint else message)


class ClaimError(DidlabError):
    """A claim is unknown, declared twice, or its check is not well formed."""


class BackendError(DidlabError):
    """A language model gave something that cannot be log-probabilities of tokens."""


class AuditError(BackendError):
    """A backend failed the self-audit, so that its numbers are not used."""


class CertificateError(DidlabError):
    """A certificate cannot be read, or does not show what it says."""


class FileError(DidlabError):
    """A file cannot be read or written."""


class Undecided(DidlabError):
    """Ball arithmetic could not separate two numbers at the highest precision tried."""
