"""The life of a worker.

It takes files, perhaps the state of a checkpoint, and one script, then steps its estimator until the host closes the
connection.
"""

import sys

from .checkpoint import file_digest
from .orders import BuildOrder, ScriptFile
from .plugin import Plugin
from .protocol import Channel, Kind, PeerGone, ProtocolError
from .session import Session, build

plugin: Plugin | None = None
"""The plugin that the process was warmed with, before the fork."""


def run(descriptor: int) -> int:
    """Serve an open socket, in the worker's folder as current one, until end-of-file; return the exit status.

    0 after end-of-file or a script that failed, 65 if the host broke the protocol.
    """
    if plugin is None:
        raise RuntimeError("no plugin was warmed")
    channel = Channel(descriptor)
    try:
        _serve(channel, plugin)
    except PeerGone:
        return 0
    except ProtocolError as error:
        print(f"from the host: {error}", file=sys.stderr)
        return 65
    finally:
        channel.close()
    return 0


def _serve(channel: Channel, plugin: Plugin) -> None:
    session: Session | None = None
    files: dict[str, bytes] = {}
    state: bytes | bytearray | None = None
    unwritten: OSError | None = None
    while message := channel.receive():
        kind, payload = message
        if session is not None and kind == Kind.BATCH:
            session.process(payload, channel)
        elif session is None and kind == Kind.FILE:
            file = ScriptFile.decode(payload)
            try:
                with open(file.name, "wb") as stream:
                    stream.write(file.content)
            except OSError as error:
                # Its author is told when the limits are known, with the order to build.
                unwritten = error
            files[file.name] = file_digest(file.content)
        elif session is None and state is None and kind == Kind.RESTORE:
            state = payload
        elif session is None and kind == Kind.BUILD:
            session = build(BuildOrder.decode(payload), plugin, channel, files, state, unwritten)
            if session is None:
                return
            state = None
        else:
            raise ProtocolError(f"a message of kind {kind} out of turn")
