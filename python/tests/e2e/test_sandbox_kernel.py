"""The kernel's wider surface: each system call that no estimator needs is refused, by its name and with its error."""

from typing import Any

import pytest
from hostile import PRELUDE, Ground, Report, cases

DENIED: dict[str, tuple[int, str]] = {
    # Namespaces and mounts.
    "unshare-user": (272, "0x10000000"), "unshare-mounts": (272, "0x20000"), "unshare-pid": (272, "0x20000000"),
    "unshare-net": (272, "0x40000000"), "setns": (308, "3, 0"), "mount": (165, "b'x', b'.', b'tmpfs', 0, None"),
    "umount2": (166, "b'/usr', 2"), "pivot_root": (155, "b'.', b'.'"), "chroot": (161, "b'.'"),
    "fsopen": (430, "b'tmpfs', 0"), "fsconfig": (431, "3, 0, None, None, 0"), "fsmount": (432, "3, 0, 0"),
    "fspick": (433, "-100, b'/', 0"), "open_tree": (428, "-100, b'/usr', 1"),
    "move_mount": (429, "-100, b'.', -100, b'/usr', 0"), "mount_setattr": (442, "-100, b'/', 0, None, 0"),
    "swapon": (167, "b'x', 0"), "quotactl": (179, "0x80000100, None, 0, None"),
    # Who it is.
    "setuid": (105, "0"), "setgid": (106, "0"), "setreuid": (113, "0, 0"), "setresuid": (117, "0, 0, 0"),
    "setresgid": (119, "0, 0, 0"), "setgroups": (116, "0, None"), "setfsuid": (122, "0"), "capset": (126, "None, None"),
    "capget": (125, "None, None"), "setpgid": (109, "0, 0"), "setsid": (112, ""), "personality": (135, "0x40000"),
    # What is not its own: keys, programs, events, modules, the machine.
    "keyctl": (250, "0, -3, 1"), "add_key": (248, "b'user', b'k', b'v', 1, -3"),
    "request_key": (249, "b'user', b'k', None, -3"), "bpf": (321, "0, None, 0"),
    "perf_event_open": (298, "None, 0, -1, -1, 0"), "init_module": (175, "None, 0, b''"),
    "finit_module": (313, "0, b'', 0"), "delete_module": (176, "b'x', 0"), "kexec_load": (246, "0, 0, None, 0"),
    "reboot": (169, "0xfee1dead, 672274793, 0, None"), "syslog": (103, "3, None, 0"), "acct": (163, "None"),
    "vhangup": (153, ""), "iopl": (172, "3"), "ioperm": (173, "0x80, 1, 1"), "modify_ldt": (154, "0, None, 0"),
    "settimeofday": (164, "None, None"), "clock_settime": (227, "0, None"), "adjtimex": (159, "None"),
    "clock_adjtime": (305, "0, None"), "sethostname": (170, "b'x', 1"), "setdomainname": (171, "b'x', 1"),
    "fanotify_init": (300, "0, 0"), "inotify_init1": (294, "0"),
    "name_to_handle_at": (303, "-100, b'.', None, None, 0"),
    "open_by_handle_at": (304, "-100, None, 0"), "seccomp": (317, "1, 0, None"),
    "landlock_create_ruleset": (444, "None, 0, 1"), "sync": (162, ""), "syncfs": (306, "1"),
    # System V's and POSIX's ways between processes.
    "shmget": (29, "0, 4096, 0o1600"), "shmat": (30, "0, None, 0"), "semget": (64, "0, 1, 0o1600"),
    "msgget": (68, "0, 0o1600"), "mq_open": (240, "b'x', 0o102, 0o600, None"), "signalfd4": (289, "-1, None, 8, 0"),
    # Memory and time of others.
    "mbind": (237, "None, 0, 0, None, 0, 0"), "set_mempolicy": (238, "0, None, 0"),
    "migrate_pages": (256, "0, 0, None, None"),
    "move_pages": (279, "0, 0, None, None, None, 0"), "process_madvise": (440, "3, None, 0, 0, 0"),
    "process_mrelease": (448, "3, 0"), "mlock": (149, "None, 0"), "mlockall": (151, "3"),
    "remap_file_pages": (216, "None, 0, 0, 0, 0"), "vmsplice": (278, "1, None, 0, 0"),
    "splice": (275, "0, None, 1, None, 1, 0"),
    "tee": (276, "0, 1, 1, 0"), "timer_create": (222, "0, None, None"), "timerfd_create": (283, "0, 0"),
    "memfd_secret": (447, "0"), "futex_waitv": (449, "None, 0, 0, None, 0"),
}  # fmt: skip

ABSENT: dict[str, tuple[int, str]] = {
    "clone3": (435, "None, 0"), "clone3-user": (435, "b'\\0\\0\\0\\x10' + bytes(84), 88"),
    "io_uring_setup": (425, "1, b'\\0' * 120"), "io_uring_enter": (426, "3, 0, 0, 0, None, 0"),
    "io_uring_register": (427, "3, 0, None, 0"), "userfaultfd": (323, "0"), "memfd_create": (319, "b'x', 0"),
    "openat2": (437, "-100, b'.', b'\\0' * 24, 24"), "cachestat": (451, "1, None, None, 0"),
    "fchmodat2": (452, "-100, b'.', 0o777, 0"), "map_shadow_stack": (453, "None, 4096, 0"),
    "futex_wake": (454, "None, 0, 0, 0"), "statmount": (457, "None, None, 0, 0"),
    "listmount": (458, "None, None, 0, 0"), "lsm_set_self_attr": (460, "100, None, 0, 0"),
    "mseal": (462, "None, 0, 0"), "setxattrat": (463, "-100, b'.', 0, b'x', None, 0"),
    "open_tree_attr": (467, "-100, b'/', 0, None, 0"),
    "the-last-that-is-foreseen": (600, ""),
}  # fmt: skip

OTHERWISE = {
    # A terminal's input, typed by its reader; also with a bit set above those that the kernel looks at.
    "TIOCSTI": ("checked(libc.ioctl(0, ctypes.c_ulong(0x5412), b'x'))", "EPERM"),
    "TIOCSTI-above-32-bits": ("call(16, 0, 0x100005412, b'x')", "EPERM"),
    "TIOCLINUX": ("call(16, 0, 0x541C, b'\\2')", "EPERM"),
    "TIOCSCTTY": ("call(16, 0, 0x540E, 1)", "EPERM"),
    "prctl-dumpable": ("call(157, 4, 1, 0, 0, 0)", "EPERM"),
    "prctl-no-death-with-parent": ("call(157, 1, 0, 0, 0, 0)", "EPERM"),
    "prctl-subreaper": ("call(157, 36, 1, 0, 0, 0)", "EPERM"),
    "prctl-seccomp": ("call(157, 22, 2, None, 0, 0)", "EPERM"),
    "prctl-ambient": ("call(157, 47, 2, 21, 0, 0)", "EPERM"),
    "prctl-name": ("call(157, 15, b'innocent', 0, 0, 0)", "done"),
    "fcntl-owner-of-signals": ("call(72, 3, 8, 1)", "EPERM"),
    # Files have no such attributes: who copies one then goes without.
    "setxattr": ("call(188, b'.', b'user.x', b'', 0, 0)", "ENOTSUP"),
    "getxattr": ("call(191, b'.', b'user.x', None, 0)", "ENOTSUP"),
    "listxattr": ("os.listxattr('.')", "ENOTSUP"),
    "fcntl-async": ("__import__('fcntl').fcntl(3, 4, 0o20000 | 2)", 0),
    "fcntl-lease": ("call(72, os.open('lease', os.O_CREAT | os.O_RDONLY), 1024, 0)", "EPERM"),
    "fcntl-seals": ("call(72, 1, 1033, 1)", "EPERM"),
    "fcntl-pipe-size": ("call(72, 1, 1031, 1 << 20)", "EPERM"),
    "nested-namespace-by-clone": ("call(56, 0x10000000 | 17, 0, 0, 0, 0)", "EPERM"),
    "nested-namespace-in-a-thread": ("call(56, 0x10000000 | 0x10f00, 0, 0, 0, 0)", "EPERM"),
}  # fmt: skip

DEEDS, PARAMETERS = cases(
    {name: (f"call({number}, {words})", "EPERM") for name, (number, words) in DENIED.items()}
    | {name: (f"call({number}, {words})", "ENOSYS") for name, (number, words) in ABSENT.items()}
    | OTHERWISE
)


@pytest.fixture(scope="module")
def report(ground: Ground) -> Report:
    return ground.report(DEEDS)


@pytest.mark.parametrize(("deed", "outcome"), PARAMETERS)
def test_a_call_to_the_kernel_is_refused(report: Report, deed: str, outcome: Any) -> None:
    assert report[deed] == outcome


MACHINE_CODE = """
import mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write({code})
print("about to", flush=True)
result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
raise RuntimeError(f"it returned {{result}}")
"""


@pytest.mark.parametrize(
    "code",
    [
        # mov eax, 20 (getpid); int 0x80; ret
        pytest.param(r"b'\xb8\x14\0\0\0\xcd\x80\xc3'", id="int-0x80"),
        # mov eax, 0x40000000 + 39 (getpid); syscall; ret
        pytest.param(r"b'\xb8\x27\0\0\x40\x0f\x05\xc3'", id="x32"),
    ],
)
def test_a_call_by_another_convention_ends_the_process(ground: Ground, code: str) -> None:
    detail = ground.refused(PRELUDE + MACHINE_CODE.format(code=code))
    assert "signal 31 (SIGSYS)" in detail and "about to" in detail and "it returned" not in detail


def test_machine_code_of_its_own_may_call_what_is_allowed(ground: Ground) -> None:
    # mov eax, 39 (getpid); syscall; ret: the two above are refused for their convention alone.
    detail = ground.refused(PRELUDE + MACHINE_CODE.format(code=r"b'\xb8\x27\0\0\0\x0f\x05\xc3'"))
    assert "RuntimeError: it returned 1" in detail
