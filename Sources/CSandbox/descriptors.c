#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { most_descriptors = 4 };

static int make_non_blocking(int ends[2]) {
    int flags = fcntl(ends[0], F_GETFL);
    if (flags >= 0 && fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) >= 0) return 0;
    int code = errno;
    close(ends[0]);
    close(ends[1]);
    errno = code;
    return -1;
}

int lachesis_socket_pair(int ends[2]) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return -1;
    return make_non_blocking(ends);
}

int lachesis_log_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    return make_non_blocking(ends);
}

static ssize_t send_message(int socket, const struct msghdr *message) {
    ssize_t sent;
    do sent = sendmsg(socket, message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent;
}

ssize_t lachesis_send_packet(int socket, const void *head, size_t head_count, const void *body, size_t body_count) {
    struct iovec parts[2] = {
        {.iov_base = (void *)head, .iov_len = head_count},
        {.iov_base = (void *)body, .iov_len = body_count},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return send_message(socket, &message);
}

ssize_t lachesis_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors,
                                  size_t descriptor_count) {
    if (descriptor_count == 0 || descriptor_count > most_descriptors) {
        errno = EINVAL;
        return -1;
    }
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(most_descriptors * sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    message.msg_controllen = CMSG_SPACE(descriptor_count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptor_count * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors, descriptor_count * sizeof(int));
    return send_message(socket, &message);
}

ssize_t lachesis_receive_descriptors(int socket, void *bytes, size_t capacity, int descriptors[4],
                                     size_t *descriptor_count) {
    struct iovec part = {.iov_base = bytes, .iov_len = capacity};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(most_descriptors * sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control,
    };
    *descriptor_count = 0;
    ssize_t count;
    do count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count < 0) return -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < received && *descriptor_count < most_descriptors; i++) {
            memcpy(&descriptors[(*descriptor_count)++], CMSG_DATA(header) + i * sizeof(int), sizeof(int));
        }
    }
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        for (size_t i = 0; i < *descriptor_count; i++) close(descriptors[i]);
        *descriptor_count = 0;
        errno = EMSGSIZE;
        return -1;
    }
    return count;
}

static ssize_t receive(int socket, void *bytes, size_t capacity, int flags) {
    ssize_t count;
    do count = recv(socket, bytes, capacity, MSG_DONTWAIT | MSG_TRUNC | flags);
    while (count < 0 && errno == EINTR);
    return count;
}

ssize_t lachesis_receive_packet(int socket, void *bytes, size_t capacity) {
    return receive(socket, bytes, capacity, 0);
}

ssize_t lachesis_peek_packet(int socket, void *bytes, size_t capacity) {
    return receive(socket, bytes, capacity, MSG_PEEK);
}
