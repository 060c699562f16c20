"""Presents Moirae's online estimators to a Lachesis worker."""
