#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const lachesis_work_folder = "/estimator";

pid_t lachesis_fork(void) { return fork(); }

pid_t lachesis_fork_apart(int own_processes) {
    if (unshare(CLONE_NEWPID) < 0) return -1;
    pid_t pid = fork();
    if (pid == 0) return 0;
    int code = errno;
    /* Back, so that the next child too is the first of a namespace of its own. */
    if (setns(own_processes, CLONE_NEWPID) < 0) {
        code = errno;
        if (pid > 0) kill(pid, SIGKILL);
        pid = -1;
    }
    errno = code;
    return pid;
}

static int limit(int resource, uint64_t value) {
    struct rlimit own;
    if (getrlimit(resource, &own) < 0) return -1;
    /* A lower limit that somebody set for the whole service stays. */
    rlim_t wanted = value < own.rlim_max ? value : own.rlim_max;
    struct rlimit limit = {.rlim_cur = wanted, .rlim_max = wanted};
    return setrlimit(resource, &limit);
}

static int set_limits(const struct lachesis_lock_in_settings *settings) {
    const struct { int resource; uint64_t value; } limits[] = {
        {RLIMIT_NOFILE, settings->open_files}, {RLIMIT_FSIZE, settings->file_bytes},
        {RLIMIT_AS, settings->address_bytes}, {RLIMIT_CORE, 0}, {RLIMIT_MEMLOCK, 0}, {RLIMIT_MSGQUEUE, 0},
        {RLIMIT_NICE, 0}, {RLIMIT_RTPRIO, 0}, {RLIMIT_SIGPENDING, 256},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (limit(limits[i].resource, limits[i].value) < 0) return -1;
    }
    return 0;
}

static int die_with_parent(const struct lachesis_lock_in_settings *settings) {
    if (lachesis_end_with_parent() < 0) return -1;
    /* The parent may have died before the line above; then no signal would ever come. From within a process namespace of its own
       a worker cannot see that, but there it ends with its zygote in any case, which is the first process of the one above. */
    pid_t parent = settings->layers & lachesis_layer_namespaces ? 0 : settings->parent;
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

/* Gives the work folder to whom the worker is about to become. Only a folder that is the zygote's own and nobody else's: a shared one
   would be given away for good. */
static int give_folder(const struct lachesis_lock_in_settings *settings) {
    struct stat status;
    if (lstat(settings->work_folder, &status) < 0) return -1;
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 07077) != 0) {
        errno = EPERM;
        return -1;
    }
    return chown(settings->work_folder, settings->uid, settings->gid);
}

/* Namespaces, and in them a folder to work in. */
static int go_apart(const struct lachesis_lock_in_settings *settings, const char **failed) {
    if (!(settings->layers & lachesis_layer_namespaces)) {
        if (settings->is_root) {
            STEP("the work folder's owner", give_folder(settings));
        }
        STEP("entering the work folder", chdir(settings->work_folder));
        return 0;
    }
    STEP("namespaces", unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS));
    STEP("a work folder", lachesis_mount_work_folder(settings->folder_bytes, settings->folder_entries, settings->uid,
                                                     settings->gid));
    STEP("entering the work folder", chdir(lachesis_work_folder));
    STEP("a name for its machine", sethostname("worker", 6));
    return 0;
}

/* No user of the machine's, no capability, and no way back to either. */
static int lose_identity(const struct lachesis_lock_in_settings *settings, const char **failed) {
    if (!(settings->layers & lachesis_layer_identity)) return 0;
    if (settings->is_root) {
        STEP("the bounding set", lachesis_drop_bounding_set());
        STEP("another user", lachesis_become(settings->uid, settings->gid));
    }
    /* In a user namespace of its own it has power over nothing outside, and threads are counted for it alone. */
    if (settings->layers & lachesis_layer_namespaces) {
        STEP("a user namespace", unshare(CLONE_NEWUSER));
        STEP("the limit of threads", limit(RLIMIT_NPROC, settings->threads));
        STEP("the bounding set", lachesis_drop_bounding_set());
    }
    STEP("capabilities", lachesis_drop_capabilities());
    return 0;
}

int lachesis_lock_in(const struct lachesis_lock_in_settings *settings, const char **failed) {
    *failed = "";
    /* What holds is a thread's own affair: one that was started before, as by a plugin's example, would not be held. */
    STEP("a single thread", unshare(CLONE_THREAD));
    STEP("a session of its own", setsid());
    STEP("the signal mask", clear_signal_mask());
    STEP("arranging descriptors", arrange_descriptors(settings->socket, settings->log));
    umask(077);
    if (go_apart(settings, failed) < 0) return -1;
    STEP("limits", set_limits(settings));
    if (lose_identity(settings, failed) < 0) return -1;
    /* Becoming another user takes this away, so it comes after that. */
    STEP("dying with the parent", die_with_parent(settings));
    /* A machine may pipe core dumps into a program of root's, whatever the limit of their size. */
    STEP("no core dumps", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    STEP("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    if (settings->layers & lachesis_layer_landlock) {
        STEP("Landlock", lachesis_landlock(settings->readable, "."));
    }
    /* The last: nothing after it may need what it denies. */
    if (settings->layers & lachesis_layer_system_calls) {
        STEP("the filter of system calls", lachesis_install_filter(settings->filter));
    }
    return 0;
}
