#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Deeds are really attempted, and each tells whether it was done. */

static int opens(const char *path, int flags) {
    int file = open(path, flags | O_CLOEXEC, 0600);
    if (file >= 0) close(file);
    return file >= 0;
}

static int reads_passwords(void) { return opens("/etc/shadow", O_RDONLY) || opens("/etc/passwd", O_RDONLY); }
static int lists_processes(void) { return opens("/proc/self/status", O_RDONLY); }
static int writes_programs(void) { return opens("/usr/lachesis-probe", O_WRONLY | O_CREAT); }
static int writes_temporary_files(void) { return opens("/var/tmp/lachesis-probe", O_WRONLY | O_CREAT); }

static int connects(void) {
    int number = socket(AF_INET, SOCK_STREAM, 0);
    if (number >= 0) close(number);
    return number >= 0;
}

static int forks(void) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    if (pid > 0) waitpid(pid, NULL, 0);
    return pid > 0;
}

static int executes(void) {
    char *const nothing[] = {NULL};
    /* Does not return where it is possible: the child ends with that program's status, which is none of the probe's. */
    execve("/usr/bin/false", nothing, nothing);
    return errno != EPERM && errno != EACCES;
}

static int signals_others(void) {
    /* Signal 0 only asks. In a process namespace of its own there is nobody to be asked. */
    return kill(-1, 0) == 0 || (getppid() != 0 && kill(getppid(), 0) == 0);
}

static int traces(void) { return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0; }
static int nests(void) { return unshare(CLONE_NEWUSER) == 0; }
static int mounts(void) { return mount("probe", ".", "tmpfs", 0, NULL) == 0; }
static int makes_devices(void) { return mknod("probe-device", S_IFCHR | 0600, 0x0103) == 0; }
static int keeps_keys(void) { return syscall(SYS_keyctl, 0, -3, 1) >= 0; }
static int uses_a_ring(void) { return syscall(SYS_io_uring_setup, 1, NULL) >= 0 || errno == EFAULT; }

static int has_other_descriptors(void) {
    for (int number = lachesis_inherited_socket + 1; number < 64; number++) {
        if (fcntl(number, F_GETFD) >= 0) return 1;
    }
    return 0;
}

static int cannot_work(void) {
    int file = open("probe-file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return 1;
    int is_written = write(file, "x", 1) == 1;
    close(file);
    return !is_written || unlink("probe-file") < 0;
}

enum {
    apart = lachesis_layer_namespaces,
    walled = lachesis_layer_namespaces | lachesis_layer_landlock,
    filtered = lachesis_layer_system_calls,
};

static const struct {
    const char *name;
    int (*succeeds)(void);
    /* Each of these layers alone prevents it; with none of them it is not tried. */
    int layers;
} deeds[] = {
    {"it has descriptors that are not its own", has_other_descriptors, ~0},
    {"it cannot write into its own folder", cannot_work, ~0},
    {"it reads the machine's users", reads_passwords, walled},
    {"it sees other processes", lists_processes, walled},
    {"it writes among the system's programs", writes_programs, walled},
    {"it writes into folders that all share", writes_temporary_files, walled},
    {"it opens sockets", connects, filtered},
    {"it forks", forks, filtered},
    {"it signals other processes", signals_others, apart | filtered},
    {"it traces processes", traces, filtered},
    {"it makes namespaces", nests, filtered},
    {"it mounts file systems", mounts, filtered | lachesis_layer_identity},
    {"it makes devices", makes_devices, filtered | lachesis_layer_identity},
    {"it uses the kernel's keyring", keeps_keys, filtered},
    {"it uses io_uring", uses_a_ring, filtered},
    {"it executes programs", executes, filtered},
};

enum { deed_count = sizeof deeds / sizeof *deeds };

int lachesis_probe(int layers) {
    for (int i = 0; i < deed_count; i++) {
        if (deeds[i].layers != ~0 && (deeds[i].layers & layers) == 0) continue;
        if (deeds[i].succeeds()) return i + 1;
    }
    return 0;
}

const char *lachesis_deed(int number) {
    return number >= 1 && number <= deed_count ? deeds[number - 1].name : "it does what is not known";
}
