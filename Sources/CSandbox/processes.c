#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

const int lachesis_sigchld = SIGCHLD, lachesis_sigterm = SIGTERM, lachesis_sigint = SIGINT;
const int lachesis_sigpipe = SIGPIPE, lachesis_sigxfsz = SIGXFSZ, lachesis_sighup = SIGHUP;

int lachesis_set_process_name(const char *name) { return prctl(PR_SET_NAME, name); }

int lachesis_end_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

int lachesis_adopt_orphans(const char *name) {
    if (lachesis_set_process_name(name) < 0) return -1;
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

pid_t lachesis_reap(int *status) {
    siginfo_t info = {.si_pid = 0};
    int result;
    do result = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
    while (result < 0 && errno == EINTR);
    if (result < 0) return -1;
    if (info.si_pid == 0) return 0;
    /* ESRCH: no such group, or nobody left in it. */
    if (kill(-info.si_pid, SIGKILL) < 0 && errno != ESRCH && errno != EPERM) return -1;
    int word;
    pid_t pid;
    do pid = waitpid(info.si_pid, &word, WNOHANG);
    while (pid < 0 && errno == EINTR);
    if (pid <= 0) return pid;
    *status = WIFSIGNALED(word) ? -WTERMSIG(word) : WEXITSTATUS(word);
    return pid;
}

int lachesis_signal_descriptor(const int *signals, size_t count) {
    sigset_t set;
    if (sigemptyset(&set) < 0) return -1;
    for (size_t i = 0; i < count; i++) {
        if (sigaddset(&set, signals[i]) < 0) return -1;
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int lachesis_take_signal(int descriptor) {
    struct signalfd_siginfo info;
    ssize_t count;
    do count = read(descriptor, &info, sizeof info);
    while (count < 0 && errno == EINTR);
    if (count < 0) return errno == EAGAIN ? 0 : -1;
    return count == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

int lachesis_ignore_signal(int number) { return signal(number, SIG_IGN) == SIG_ERR ? -1 : 0; }

int lachesis_raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -1;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit);
}
