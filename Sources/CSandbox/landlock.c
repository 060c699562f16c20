#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights and fields that Debian 12's header does not name yet; https://docs.kernel.org/userspace-api/landlock.html. */
#define REFER (1ULL << 13)
#define TRUNCATE (1ULL << 14)
#define IOCTL_DEVICE (1ULL << 15)
#define CONNECT_AND_BIND_TCP 3ULL
#define ABSTRACT_SOCKETS_AND_SIGNALS 3ULL

struct ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};

static const uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t device_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
/* Neither devices nor sockets, and nothing to execute. */
static const uint64_t work_rights =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM | REFER | TRUNCATE;

static int allow(int ruleset, const char *path, uint64_t rights, uint64_t handled) {
    int parent = open(path, O_PATH | O_CLOEXEC);
    if (parent < 0) return -1;
    struct stat status;
    long result = fstat(parent, &status);
    if (result == 0) {
        /* A rule of a file may not name what only folders have. */
        if (!S_ISDIR(status.st_mode)) rights &= device_rights;
        struct landlock_path_beneath_attr rule = {.allowed_access = rights & handled, .parent_fd = parent};
        result = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    int code = errno;
    close(parent);
    errno = code;
    return (int)result;
}

static int fill(int ruleset, const char *const *readable, const char *work, uint64_t handled) {
    for (; *readable != NULL; readable++) {
        if (allow(ruleset, *readable, read_rights, handled) < 0) return -1;
    }
    for (const char *const *device = lachesis_devices; *device != NULL; device++) {
        if (allow(ruleset, *device, device_rights, handled) < 0) return -1;
    }
    return allow(ruleset, work, work_rights, handled);
}

int lachesis_landlock_version(void) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : (int)version;
}

int lachesis_landlock(const char *const *readable, const char *work) {
    int version = lachesis_landlock_version();
    if (version < 1) {
        errno = EOPNOTSUPP;
        return -1;
    }
    struct ruleset wanted = {.files = (1ULL << 13) - 1};
    size_t size = sizeof wanted.files;
    if (version >= 2) wanted.files |= REFER;
    if (version >= 3) wanted.files |= TRUNCATE;
    if (version >= 5) wanted.files |= IOCTL_DEVICE;
    if (version >= 4) {
        wanted.network = CONNECT_AND_BIND_TCP;
        size = offsetof(struct ruleset, scopes);
    }
    if (version >= 6) {
        wanted.scopes = ABSTRACT_SOCKETS_AND_SIGNALS;
        size = sizeof wanted;
    }
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0);
    if (ruleset < 0) return -1;
    int result = fill(ruleset, readable, work, wanted.files);
    if (result == 0) result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
    int code = errno;
    close(ruleset);
    errno = code;
    return result;
}
