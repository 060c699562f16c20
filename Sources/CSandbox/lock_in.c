#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP(name, call)        \
    do {                        \
        if ((call) < 0) {       \
            *failed = (name);   \
            return -1;          \
        }                       \
    } while (0)

pid_t lachesis_fork(void) { return fork(); }

static int limit(int resource, uint64_t value) {
    if (value == 0) return 0;
    struct rlimit own;
    if (getrlimit(resource, &own) < 0) return -1;
    /* A lower limit that somebody set for the whole service stays. */
    rlim_t wanted = value < own.rlim_max ? value : own.rlim_max;
    struct rlimit limit = {.rlim_cur = wanted, .rlim_max = wanted};
    return setrlimit(resource, &limit);
}

static int die_with(pid_t parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return -1;
    /* The parent may have died before the line above; then no signal would ever come. */
    if (getppid() != parent) {
        errno = ESRCH;
        return -1;
    }
    return 0;
}

static int arrange_descriptors(int socket, int log) {
    /* Out of the way first: either may have a number that is about to be overwritten. */
    int spare_socket = fcntl(socket, F_DUPFD_CLOEXEC, 16);
    int spare_log = fcntl(log, F_DUPFD_CLOEXEC, 16);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (spare_socket < 0 || spare_log < 0 || null < 0) return -1;
    if (dup2(null, 0) < 0) return -1;
    if (dup2(spare_log, 1) < 0 || dup2(spare_log, 2) < 0) return -1;
    if (dup3(spare_socket, lachesis_inherited_socket, O_CLOEXEC) < 0) return -1;
    return close_range(lachesis_inherited_socket + 1, ~0U, 0);
}

static int clear_signal_mask(void) {
    sigset_t none;
    if (sigemptyset(&none) < 0) return -1;
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

int lachesis_lock_in(const struct lachesis_lock_in_settings *settings, const char **failed) {
    *failed = "";
    STEP("dying with the parent", die_with(settings->parent));
    STEP("a session of its own", setsid());
    STEP("the signal mask", clear_signal_mask());
    STEP("arranging descriptors", arrange_descriptors(settings->socket, settings->log));
    STEP("the limit of open files", limit(RLIMIT_NOFILE, settings->open_files));
    STEP("the limit of a file's size", limit(RLIMIT_FSIZE, settings->file_bytes));
    STEP("the limit of address space", limit(RLIMIT_AS, settings->address_bytes));
    STEP("the limit of processes", limit(RLIMIT_NPROC, settings->processes));
    struct rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
    STEP("the limit of core dumps", setrlimit(RLIMIT_CORE, &no_core));
    umask(077);
    STEP("entering the work folder", chdir(settings->work_folder));
    /* Namespaces, mounts, dropped identity and capabilities belong here, before the last two locks. */
    STEP("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    /* Landlock and the system-call filter belong here: nothing after them may need what they deny. */
    return 0;
}
