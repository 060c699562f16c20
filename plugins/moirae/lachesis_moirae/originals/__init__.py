"""Moirae's own code, and that of the libraries below it, as it was before any script had run."""

from .original import Original, original, place

__all__ = ("Original", "original", "place")
