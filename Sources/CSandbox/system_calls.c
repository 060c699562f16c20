#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/* What numpy, scipy, pandas, HDF5, parquet and SQLite use on files in the work folder, and what threads and memory need. */
static const int allowed[] = {
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
    SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(preadv2), SCMP_SYS(pwritev2), SCMP_SYS(lseek), SCMP_SYS(sendfile),
    SCMP_SYS(copy_file_range), SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(creat), SCMP_SYS(close),
    SCMP_SYS(close_range), SCMP_SYS(stat), SCMP_SYS(fstat), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
    SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(getdents), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(chdir), SCMP_SYS(fchdir), SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
    SCMP_SYS(renameat2), SCMP_SYS(symlink), SCMP_SYS(symlinkat),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(fchmod), SCMP_SYS(umask),
    SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fadvise64), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
    SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(eventfd2),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_create),
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(msync),
    SCMP_SYS(brk), SCMP_SYS(membarrier), SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list),
    SCMP_SYS(set_tid_address), SCMP_SYS(rseq), SCMP_SYS(arch_prctl), SCMP_SYS(exit), SCMP_SYS(exit_group),
    SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigsuspend), SCMP_SYS(sigaltstack),
    SCMP_SYS(pause), SCMP_SYS(alarm), SCMP_SYS(setitimer), SCMP_SYS(getitimer), SCMP_SYS(restart_syscall),
    SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(getrusage), SCMP_SYS(sysinfo),
    SCMP_SYS(uname), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(getuid),
    SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getresuid), SCMP_SYS(getresgid),
    SCMP_SYS(getgroups), SCMP_SYS(getpgrp), SCMP_SYS(getpgid), SCMP_SYS(getsid), SCMP_SYS(getrlimit),
    SCMP_SYS(getcpu), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_get_priority_max), SCMP_SYS(sched_get_priority_min),
    /* On the one socket that there is: no other can be made. */
    SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
};

/* Landlock does not look at these, or not in all its versions; so they are for workers that see no file but their own. */
static const int allowed_apart[] = {
    SCMP_SYS(chmod), SCMP_SYS(fchmodat), SCMP_SYS(utime), SCMP_SYS(utimes), SCMP_SYS(utimensat), SCMP_SYS(futimesat),
    SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(truncate),
};

/* For these a program has a way without, which it takes if it is told that the kernel has not got them. */
static const int absent[] = {
    SCMP_SYS(clone3), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    SCMP_SYS(userfaultfd), SCMP_SYS(memfd_create), SCMP_SYS(openat2), SCMP_SYS(epoll_pwait2),
};

/* Of extended attributes, too, a program that copies a file goes without if there are none; other errors end it. */
static const int unsupported[] = {
    SCMP_SYS(getxattr), SCMP_SYS(lgetxattr), SCMP_SYS(fgetxattr), SCMP_SYS(listxattr), SCMP_SYS(llistxattr),
    SCMP_SYS(flistxattr), SCMP_SYS(setxattr), SCMP_SYS(lsetxattr), SCMP_SYS(fsetxattr), SCMP_SYS(removexattr),
    SCMP_SYS(lremovexattr), SCMP_SYS(fremovexattr),
};

/* The first number that libseccomp 2.5.4 does not know, and how far ahead of it the kernel may be. */
enum { first_unknown = 451, last_unknown = 600 };

static const unsigned long commands[] = {
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL,
};

/* Locks are taken in name only: databases insist on one, and nobody else has files that a worker may write. Real ones on the
   libraries that all workers read would be a way to talk to each other. Asking who holds one finds nobody. */
static const unsigned long locking[] = {F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW};
static const unsigned long asking[] = {F_GETLK, F_OFD_GETLK};

/* Not TIOCSTI, which types into a terminal. */
static const unsigned long requests[] = {TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX};

/* A worker is the first process of its own process namespace. */
enum { own_pid = 1 };

static int add_locks(scmp_filter_ctx filter) {
    int code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(flock), 0);
    for (size_t i = 0; code == 0 && i < sizeof locking / sizeof *locking; i++) {
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(fcntl), 1,
                                SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, locking[i]));
    }
    for (size_t i = 0; code == 0 && i < sizeof asking / sizeof *asking; i++) {
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, asking[i]));
    }
    return code;
}

static int add_arguments(scmp_filter_ctx filter) {
    const uint64_t forbidden_clone = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                     CLONE_NEWPID | CLONE_NEWNET | CLONE_THREAD;
    int code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, forbidden_clone, CLONE_THREAD));
    for (size_t i = 0; code == 0 && i < sizeof commands / sizeof *commands; i++) {
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, commands[i]));
    }
    for (size_t i = 0; code == 0 && i < sizeof requests / sizeof *requests; i++) {
        /* The kernel looks at 32 bits of a request; a rule over 64 would let the others pass by setting one above. */
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, requests[i]));
    }
    if (code == 0) {
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, PR_SET_NAME));
    }
    /* prlimit64 reads only: a null pointer for the new limit, of the process itself. */
    if (code == 0) {
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, 0), SCMP_A2(SCMP_CMP_EQ, 0));
    }
    return code;
}

/* Signals to itself; without a process namespace of its own it cannot be told by its number. */
static int add_signals(scmp_filter_ctx filter) {
    int code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, own_pid));
    if (code < 0) return code;
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, own_pid));
}

static int add_apart(scmp_filter_ctx filter) {
    int code = add_signals(filter);
    for (size_t i = 0; code == 0 && i < sizeof allowed_apart / sizeof *allowed_apart; i++) {
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_apart[i], 0);
    }
    return code;
}

static int add_rules(scmp_filter_ctx filter, int layers) {
    /* A binary tree instead of a list: at most eight comparisons a call. */
    int code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (code == 0) code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (size_t i = 0; code == 0 && i < sizeof allowed / sizeof *allowed; i++) {
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    }
    for (size_t i = 0; code == 0 && i < sizeof absent / sizeof *absent; i++) {
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), absent[i], 0);
    }
    for (size_t i = 0; code == 0 && i < sizeof unsupported / sizeof *unsupported; i++) {
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EOPNOTSUPP), unsupported[i], 0);
    }
    for (int number = first_unknown; code == 0 && number <= last_unknown; number++) {
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0);
    }
    if (code == 0 && layers & lachesis_layer_namespaces) code = add_apart(filter);
    if (code == 0) code = add_locks(filter);
    return code == 0 ? add_arguments(filter) : code;
}

/* Reads a compiled filter back from where libseccomp wrote it. */
static int read_program(int file, struct lachesis_filter *into) {
    off_t bytes = lseek(file, 0, SEEK_END);
    if (bytes <= 0 || bytes % sizeof(struct sock_filter) != 0 || lseek(file, 0, SEEK_SET) < 0) {
        errno = EPROTO;
        return -1;
    }
    void *program = malloc((size_t)bytes);
    if (program == NULL) return -1;
    if (read(file, program, (size_t)bytes) != bytes) {
        free(program);
        errno = EIO;
        return -1;
    }
    into->program = program;
    into->count = (unsigned short)(bytes / (off_t)sizeof(struct sock_filter));
    return 0;
}

int lachesis_compile_filter(int layers, struct lachesis_filter *into) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) {
        errno = ENOMEM;
        return -1;
    }
    int code = add_rules(filter, layers);
    int file = -1;
    if (code == 0) {
        file = memfd_create("filter", MFD_CLOEXEC);
        code = file < 0 ? -errno : seccomp_export_bpf(filter, file);
    }
    seccomp_release(filter);
    int result = -1;
    if (code < 0) errno = -code;
    else result = read_program(file, into);
    int number = errno;
    if (file >= 0) close(file);
    errno = number;
    return result;
}

int lachesis_install_filter(const struct lachesis_filter *filter) {
    struct sock_fprog program = {.len = filter->count, .filter = filter->program};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}
