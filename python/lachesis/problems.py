"""Problems of scripts, in one line."""


def headline(text: str) -> str:
    """Return what tells most of a problem: of a traceback the exception and what it says next, else its ends."""
    lines = [line for line in text.splitlines() if line.strip()]
    frames = [index for index, line in enumerate(lines) if line.lstrip().startswith('File "')]
    if frames:
        lines = lines[frames[-1] + 1 :]
        # The source, and what points at a place in it, are indented.
        while lines and lines[0][0].isspace():
            lines = lines[1:]
        return ": ".join(line.strip() for line in lines[:2])
    return " … ".join(line.strip() for line in (lines[:1] + lines[1:][-1:]))
