"""Becomes a command confined as compose.yaml wants it: `python confined.py UID COMPOSE_FOLDER COMMAND…`. Needs root.

No capabilities in any set, no new privileges, another user, the project's list of system calls. What an engine does
beyond that (its own root, its own network) takes nothing from the sandbox.
"""

import ctypes
import json
import os
import sys
from pathlib import Path

ALLOW, ERRNO = 0x7FFF0000, 0x00050000
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24
_seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
_libc = ctypes.CDLL(None, use_errno=True)
_seccomp.seccomp_init.restype = ctypes.c_void_p
_seccomp.seccomp_init.argtypes = [ctypes.c_uint32]
_seccomp.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
_seccomp.seccomp_load.argtypes = [ctypes.c_void_p]


def number(name: str) -> int:
    """Return a system call's number, negative if this processor has not got it; raises ValueError for what none has."""
    found = _seccomp.seccomp_syscall_resolve_name(name.encode())
    if found == -1:
        raise ValueError(f"libseccomp knows no system call '{name}'")
    return found


def confine(profile: dict) -> int:
    """Load an engine's profile into this process; return how many calls it forbids."""
    assert profile["defaultAction"] == "SCMP_ACT_ALLOW", profile["defaultAction"]
    context = _seccomp.seccomp_init(ALLOW)
    forbidden = 0
    for rule in profile["syscalls"]:
        assert rule["action"] == "SCMP_ACT_ERRNO", rule
        for call in map(number, rule["names"]):
            # Those of other processors' have negative numbers.
            if call >= 0:
                assert _seccomp.seccomp_rule_add(context, ERRNO | rule["errnoRet"], call, 0) == 0, call
                forbidden += 1
    assert _seccomp.seccomp_load(context) == 0, "seccomp_load"
    return forbidden


def main() -> None:
    uid, folder, command = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    profile = json.loads((folder / "seccomp.json").read_text("utf-8"))
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        assert _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    assert _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert confine(profile) > 30
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
