/* Everything that host and zygote ask of the kernel and that is either unsafe to do in Swift (what happens between
   fork and exec, ancillary data) or not in its Glibc module (epoll, signalfd, prctl). Functions return -1 and set
   errno unless they say otherwise. */
#ifndef LACHESIS_CSANDBOX_H
#define LACHESIS_CSANDBOX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- lock_in.c: what a freshly forked worker does before it runs a script ---- */

/* A limit of 0 leaves the process's own limit. */
struct lachesis_lock_in_settings {
    pid_t parent;              /* the zygote; the worker ends if this is not its parent any more */
    int socket;                /* becomes descriptor lachesis_inherited_socket */
    int log;                   /* becomes descriptors 1 and 2 */
    const char *work_folder;   /* becomes the current directory */
    uint64_t open_files;
    uint64_t file_bytes;
    uint64_t address_bytes;
    uint64_t processes;
};

/* Number of the socket in zygotes (control) and workers. */
enum { lachesis_inherited_socket = 3 };

/* Only the calling thread lives on in the child, as after fork(2). */
pid_t lachesis_fork(void);

/* On failure *failed names the step; the process must then end. */
int lachesis_lock_in(const struct lachesis_lock_in_settings *settings, const char **failed);

/* ---- spawn.c: how the host starts a zygote ---- */

struct lachesis_spawn_settings {
    const char *program;
    char *const *arguments;    /* ends with NULL; likewise the environment */
    char *const *environment;
    const char *folder;        /* becomes the current directory */
    int control;               /* becomes descriptor lachesis_inherited_socket */
    int log;                   /* becomes descriptors 1 and 2 */
};

/* Starts a program that has its own process group, no other descriptor, default signals, and dies with the calling
   thread. Returns its pid. On failure *failed names the step, in parent or child. */
pid_t lachesis_spawn(const struct lachesis_spawn_settings *settings, const char **failed);

/* ---- processes.c ---- */

/* Names this process for ps, makes it the foster parent of its descendants' orphans. */
int lachesis_adopt_orphans(const char *name);

int lachesis_set_process_name(const char *name);

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
