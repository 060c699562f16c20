"""Scripts that speak to the host themselves, on the connection of the worker that they run in."""

ENDED = "the script's process sent what no worker sends and was ended"
"""What its author is told of a process that did."""

LIAR = '''
import ctypes, json, os, socket, struct, time
host = socket.socket(fileno=os.dup(3))
READY, FAILED, RESULT, NOTICE = 129, 130, 131, 132
LIMIT = 64 << 20
times = []

def packet(total, kind, first=1, zero=0, content=b""):
    host.send(struct.pack("<IBBH", total & 0xffffffff, kind, first, zero) + content)

def say(kind, payload):
    """A whole message."""
    for start in range(0, len(payload) or 1, 65528):
        packet(len(payload), kind, int(start == 0), 0, payload[start:start + 65528])

def ready(states=1, numbers=None, **changes):
    names = [f"x{k}" for k in range(states)]
    description = {"estimator": "Liar", "state_names": names, "output_names": [], "columns": ["test_time"]} | changes
    text = json.dumps(description).encode()
    if numbers is None:
        numbers = [0.0] * states + [float(k % (states + 1) == 0) for k in range(states * states)]
    say(READY, struct.pack("<I", len(text)) + text + struct.pack(f"<{len(numbers)}d", *numbers))

def notice(level, reason="step 9 differed"):
    say(NOTICE, json.dumps({"acceleration": level, "reason": reason}).encode())

def batch():
    """How many records the host sends next; 0 with a wish for a checkpoint."""
    while True:
        data = host.recv(1 << 17)
        if not data:
            os._exit(0)
        records, columns, flags, zero = struct.unpack_from("<4I", data, 8)
        if records:
            times.extend(struct.unpack_from(f"<{records * columns}d", data, 24)[::columns])
            return records

def result(records, stepped=None, states=1, outputs=0, errors=0, section=0, outcomes=None, numbers=None, rest=b""):
    stepped = records if stepped is None else stepped
    outcomes = bytes(records) if outcomes is None else outcomes
    answered, times[:records] = (times + [0.0] * stepped)[:stepped], []
    if numbers is None:
        row = [float(k % (states + 1) == 0) for k in range(states * states)]
        numbers = answered + [0.0] * (stepped * 2 * states) + (row if stepped else [])
    say(RESULT, struct.pack("<6I", records, stepped, states, outputs, errors, section)
        + outcomes + bytes(-len(outcomes) % 8) + struct.pack(f"<{len(numbers)}d", *numbers) + rest)

'''
"""Functions of such a script; what follows is what it says."""


def liar(words: str, ready: str = "ready()") -> str:
    """Return a script that pretends to be a worker, and says something when its first records come."""
    indented = words.replace("\n", "\n    ")
    script = f"{LIAR}\n{ready}\nwhile True:\n    n = batch()\n    {indented}\n    time.sleep(600)\n"
    return script


def talker(words: str) -> str:
    """Return a script that says something instead of building an estimator."""
    return f"{LIAR}\n{words}\ntime.sleep(600)\n"
