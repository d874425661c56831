"""Policies over sequences of tokens, with exact measures and no enumeration."""
