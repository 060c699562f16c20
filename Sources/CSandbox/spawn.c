#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's steps: what a failing child writes into the status pipe is one of these numbers and errno. */
enum step {
    step_group, step_parent, step_identity, step_signals, step_descriptors, step_folder, step_program, step_count
};

static const char *const step_names[step_count] = {
    "a process group of its own", "dying with the parent", "being root of its user namespace", "default signals",
    "arranging descriptors", "entering its folder", "executing the program",
};

struct failure {
    int step;
    int code;
};

/* What a child in a user namespace writes about itself; made before it is forked. Empty for the machine's root. */
struct identity {
    char users[32];
    char groups[32];
};

static int put(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    size_t length = strlen(text);
    ssize_t written = write(file, text, length);
    int code = errno;
    close(file);
    errno = code;
    return written == (ssize_t)length ? 0 : -1;
}

static int map_identity(const struct identity *identity) {
    if (identity->users[0] == '\0') return 0;
    if (put("/proc/self/setgroups", "deny") < 0 || put("/proc/self/gid_map", identity->groups) < 0) return -1;
    return put("/proc/self/uid_map", identity->users);
}

static pid_t start(const struct lachesis_spawn_settings *settings, struct identity *identity) {
    if (!settings->apart) return fork();
    unsigned long flags = CLONE_NEWPID | SIGCHLD;
    if (geteuid() != 0) {
        flags |= CLONE_NEWUSER;
        snprintf(identity->users, sizeof identity->users, "0 %u 1", geteuid());
        snprintf(identity->groups, sizeof identity->groups, "0 %u 1", getegid());
    }
    /* As fork, which has no flags. The C library learns nothing of it, and the child calls little of that before it executes. */
    return (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
}

static int default_signals(void) {
    for (int number = 1; number < NSIG; number++) {
        /* SIGKILL and SIGSTOP cannot be set, and the C library keeps 32 and 33 for itself. */
        if (signal(number, SIG_DFL) == SIG_ERR && errno != EINVAL) return -1;
    }
    sigset_t none;
    if (sigemptyset(&none) < 0) return -1;
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

static int arrange_descriptors(const struct lachesis_spawn_settings *settings, int *status) {
    int control = fcntl(settings->control, F_DUPFD_CLOEXEC, 16);
    int log = fcntl(settings->log, F_DUPFD_CLOEXEC, 16);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int spare_status = fcntl(*status, F_DUPFD_CLOEXEC, 16);
    if (control < 0 || log < 0 || null < 0 || spare_status < 0) return -1;
    *status = spare_status;
    if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) return -1;
    if (dup2(control, lachesis_inherited_socket) < 0) return -1;
    /* Not closed now but at exec: the status pipe is still needed. */
    return close_range(lachesis_inherited_socket + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* Runs between fork and exec in a process that may have had threads: only async-signal-safe calls. */
static _Noreturn void become(
    const struct lachesis_spawn_settings *settings, const struct identity *identity, pid_t parent, int status) {
    struct failure failure = {.step = step_group, .code = 0};
    if (setpgid(0, 0) < 0) goto failed;
    failure.step = step_parent;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) goto failed;
    /* Its parent is out of sight for the first process of a namespace, which ends when its control connection closes. */
    if (getppid() != (settings->apart ? 0 : parent)) {
        errno = ESRCH;
        goto failed;
    }
    failure.step = step_identity;
    if (map_identity(identity) < 0) goto failed;
    failure.step = step_signals;
    if (default_signals() < 0) goto failed;
    failure.step = step_descriptors;
    if (arrange_descriptors(settings, &status) < 0) goto failed;
    failure.step = step_folder;
    if (chdir(settings->folder) < 0) goto failed;
    failure.step = step_program;
    execve(settings->program, settings->arguments, settings->environment);
failed:
    failure.code = errno;
    ssize_t written = write(status, &failure, sizeof failure);
    _exit(written == (ssize_t)sizeof failure ? 127 : 126);
}

pid_t lachesis_spawn(const struct lachesis_spawn_settings *settings, const char **failed) {
    int status[2];
    *failed = "a pipe";
    if (pipe2(status, O_CLOEXEC) < 0) return -1;
    /* A signal's handler of this process must not run in the child. */
    sigset_t all, before;
    sigfillset(&all);
    *failed = "the signal mask";
    if (sigprocmask(SIG_SETMASK, &all, &before) < 0) {
        int code = errno;
        close(status[0]);
        close(status[1]);
        errno = code;
        return -1;
    }
    pid_t parent = getpid();
    struct identity identity = {{0}, {0}};
    pid_t pid = start(settings, &identity);
    if (pid == 0) become(settings, &identity, parent, status[1]);
    int code = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(status[1]);
    if (pid < 0) {
        close(status[0]);
        *failed = settings->apart ? "forking into namespaces of its own" : "forking";
        errno = code;
        return -1;
    }
    struct failure failure;
    ssize_t count;
    do count = read(status[0], &failure, sizeof failure);
    while (count < 0 && errno == EINTR);
    close(status[0]);
    /* End of the pipe without a word: exec has closed it (or the child was killed, which its parent will hear). */
    if (count != (ssize_t)sizeof failure) return pid;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    *failed = failure.step >= 0 && failure.step < step_count ? step_names[failure.step] : "starting";
    errno = failure.code;
    return -1;
}
