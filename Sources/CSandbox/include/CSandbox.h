/* Everything that host and zygote ask of the kernel and that is either unsafe to do in Swift (what happens between
   fork and exec, ancillary data) or not in its Glibc module (epoll, signalfd, prctl). Functions return -1 and set
   errno unless they say otherwise. */
#ifndef LACHESIS_CSANDBOX_H
#define LACHESIS_CSANDBOX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- the lock-in: what a freshly forked worker does before it runs a script ---- */

/* What holds a worker; each layer stands by itself, so that what one lets through another may stop. */
enum {
    /* Own mounts, processes, network, IPC and machine name, in a root that holds what Python needs and no more. */
    lachesis_layer_namespaces = 1,
    /* Landlock's rules of which files may be read and written. */
    lachesis_layer_landlock = 2,
    /* The list of system calls that are allowed. */
    lachesis_layer_system_calls = 4,
    /* Another user, and no capabilities. */
    lachesis_layer_identity = 8,
    lachesis_all_layers = 15,
};

/* A compiled filter of system calls. */
struct lachesis_filter {
    void *program;
    unsigned short count;
};

struct lachesis_lock_in_settings {
    int layers;
    pid_t parent;              /* the zygote; the worker ends if this is not its parent any more */
    int is_root;               /* whether the zygote is the machine's root, and has to become somebody else */
    uid_t uid;                 /* whom it becomes; for others, whom it is */
    gid_t gid;
    int socket;                /* becomes descriptor lachesis_inherited_socket */
    int log;                   /* becomes descriptors 1 and 2 */
    const char *work_folder;   /* becomes the current directory, if there are no namespaces */
    const char *const *readable;   /* paths that Landlock lets it read; ends with NULL */
    const struct lachesis_filter *filter;
    uint64_t folder_bytes;     /* of a work folder in memory */
    uint64_t folder_entries;
    uint64_t open_files;
    uint64_t file_bytes;
    uint64_t address_bytes;
    uint64_t threads;
};

/* Number of the socket in zygotes (control) and workers. */
enum { lachesis_inherited_socket = 3 };

/* Where a worker's folder is in its own root. */
extern const char *const lachesis_work_folder;

/* Only the calling thread lives on in the child, as after fork(2). */
pid_t lachesis_fork(void);

/* Likewise; the child is the first process of a namespace of its own. `own_processes`: the caller's, open. */
pid_t lachesis_fork_apart(int own_processes);

/* Compiles the filter, once for all workers with these layers. */
int lachesis_compile_filter(int layers, struct lachesis_filter *into);

/* Gives this process and its later children a root at the folder `staging`, in which these paths can be read, and nothing else of the
   machine. On failure *failed names the step or the path. */
int lachesis_enter_root(const char *staging, const char *const *readable, const char **failed);

/* On failure *failed names the step; the process must then end. */
int lachesis_lock_in(const struct lachesis_lock_in_settings *settings, const char **failed);

/* 0 if the kernel has no Landlock. */
int lachesis_landlock_version(void);

/* In a process that is locked in: attempts what these layers are to prevent. Returns 0, or the number of the first deed that
   succeeds, which lachesis_deed names. May leave traces in the process, which is to end. */
int lachesis_probe(int layers);
const char *lachesis_deed(int number);

/* ---- spawn.c: how the host starts a zygote ---- */

struct lachesis_spawn_settings {
    const char *program;
    char *const *arguments;    /* ends with NULL; likewise the environment */
    char *const *environment;
    const char *folder;        /* becomes the current directory */
    int control;               /* becomes descriptor lachesis_inherited_socket */
    int log;                   /* becomes descriptors 1 and 2 */
    int apart;                 /* whether it is the first process of a process namespace, and root of a user namespace
                                  unless the caller is the machine's */
};

/* Starts a program that has its own process group, no other descriptor, default signals, and dies with the calling
   thread. Returns its pid. On failure *failed names the step, in parent or child. */
pid_t lachesis_spawn(const struct lachesis_spawn_settings *settings, const char **failed);

/* ---- processes.c ---- */

/* Names this process for ps, makes it the foster parent of its descendants' orphans. */
int lachesis_adopt_orphans(const char *name);

int lachesis_set_process_name(const char *name);

/* Has the kernel kill this process when its parent ends from now on. */
int lachesis_end_with_parent(void);

/* Reaps one child that has ended, after killing what is left of its process group: until it is reaped nobody else can
   bear its number. Returns its pid, 0 if none has ended, -1 if there are no children (ECHILD) or on error. *status:
   exit status, or minus the number of the signal. */
pid_t lachesis_reap(int *status);

/* Blocks the signals for good and returns a non-blocking descriptor that reads as them. */
int lachesis_signal_descriptor(const int *signals, size_t count);

/* Takes one signal from such a descriptor: its number, or 0 if there is none. */
int lachesis_take_signal(int descriptor);

/* Ignores a signal. */
int lachesis_ignore_signal(int signal);

/* Raises the limit of open files as far as it may be raised. */
int lachesis_raise_open_files(void);

/* Names of the signal numbers used from Swift. */
extern const int lachesis_sigchld, lachesis_sigterm, lachesis_sigint, lachesis_sighup, lachesis_sigpipe,
    lachesis_sigxfsz;

/* ---- descriptors.c ---- */

/* Two connected SEQPACKET sockets, closed on exec; the first is non-blocking. */
int lachesis_socket_pair(int ends[2]);

/* A pipe, closed on exec; the reading end, ends[0], is non-blocking. */
int lachesis_log_pipe(int ends[2]);

/* Sends one packet made of two parts, without waiting. */
ssize_t lachesis_send_packet(int socket, const void *head, size_t head_count, const void *body, size_t body_count);

/* Sends one packet together with up to 4 descriptors, without waiting. */
ssize_t lachesis_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors,
                                  size_t descriptor_count);

/* Receives one packet into bytes and up to 4 descriptors (closed on exec). A packet that does not fit, or more
   descriptors, is an error (EMSGSIZE), the descriptors closed. Returns the packet's bytes, 0 at the end. */
ssize_t lachesis_receive_descriptors(int socket, void *bytes, size_t capacity, int descriptors[4],
                                     size_t *descriptor_count);

/* Receives one packet without waiting; returns its true length, which may exceed the capacity. */
ssize_t lachesis_receive_packet(int socket, void *bytes, size_t capacity);

/* Likewise, and leaves the packet to be received. */
ssize_t lachesis_peek_packet(int socket, void *bytes, size_t capacity);

/* ---- events.c: epoll ---- */

struct lachesis_event {
    uint64_t token;
    int readable;              /* also on hang-up or error, so that reading tells what happened */
    int writable;
};

int lachesis_events_create(void);
int lachesis_events_add(int events, int descriptor, uint64_t token);
int lachesis_events_await_writing(int events, int descriptor, uint64_t token, int writing);
int lachesis_events_remove(int events, int descriptor);

/* Up to `capacity` events that are there now; never waits. */
int lachesis_events_take(int events, struct lachesis_event *into, int capacity);

/* ---- sweep.c ---- */

/* Removes up to about `limit` entries of the folder `name` in the folder `parent`, following no symbolic link and
   however deep it is. Returns 1 once the folder is gone, 0 if something is left. */
int lachesis_sweep(int parent, const char *name, int limit);

#endif
