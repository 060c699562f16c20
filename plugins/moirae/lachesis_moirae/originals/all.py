"""All that anything here was written for."""

from .. import fused, shortcuts
from .original import original


def table() -> str:
    """Return the digests of what is installed, as `known.KNOWN` is written."""
    paths = sorted({*fused.WRITTEN_FOR, *shortcuts.WRITTEN_FOR})
    return "\n".join(f'    "{path}": "{found.digest if (found := original(path)) else None}",' for path in paths)
