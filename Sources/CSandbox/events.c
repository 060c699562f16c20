#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <sys/epoll.h>

enum { most_events = 64 };

static int control(int events, int operation, int descriptor, uint64_t token, int writing) {
    struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.u64 = token};
    return epoll_ctl(events, operation, descriptor, &event);
}

int lachesis_events_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int lachesis_events_add(int events, int descriptor, uint64_t token) {
    return control(events, EPOLL_CTL_ADD, descriptor, token, 0);
}

int lachesis_events_await_writing(int events, int descriptor, uint64_t token, int writing) {
    return control(events, EPOLL_CTL_MOD, descriptor, token, writing);
}

int lachesis_events_remove(int events, int descriptor) { return epoll_ctl(events, EPOLL_CTL_DEL, descriptor, NULL); }

int lachesis_events_take(int events, struct lachesis_event *into, int capacity) {
    struct epoll_event found[most_events];
    int count;
    do count = epoll_wait(events, found, capacity < most_events ? capacity : most_events, 0);
    while (count < 0 && errno == EINTR);
    for (int i = 0; i < count; i++) {
        into[i].token = found[i].data.u64;
        into[i].readable = (found[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
        into[i].writable = (found[i].events & EPOLLOUT) != 0;
    }
    return count;
}
