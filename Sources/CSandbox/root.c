#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const lachesis_devices[] = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", NULL};

/* `staging` and `path` together; an error if they are too long. */
static int join(char into[PATH_MAX], const char *staging, const char *path) {
    int length = snprintf(into, PATH_MAX, "%s%s", staging, path);
    if (length >= 0 && length < PATH_MAX) return 0;
    errno = ENAMETOOLONG;
    return -1;
}

/* Makes the folders above the last component. */
static int make_parents(char *path, size_t staging) {
    for (char *slash = strchr(path + staging + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int result = mkdir(path, 0755);
        *slash = '/';
        if (result < 0 && errno != EEXIST) return -1;
    }
    return 0;
}

static int set_attributes(const char *path, uint64_t attributes, unsigned flags) {
    struct mount_attr wanted = {.attr_set = attributes};
    return (int)syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &wanted, sizeof wanted);
}

static int show_link(const char *path, const char *target) {
    char link[PATH_MAX];
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length < 0) return -1;
    link[length] = '\0';
    return symlink(link, target) < 0 && errno != EEXIST ? -1 : 0;
}

/* Shows a file or folder of the machine in the new root, at the same path, for reading only, with all that is mounted below. */
static int show(const char *staging, const char *path, uint64_t attributes) {
    char target[PATH_MAX];
    struct stat status;
    if (join(target, staging, path) < 0 || lstat(path, &status) < 0) return -1;
    if (make_parents(target, strlen(staging)) < 0) return -1;
    if (S_ISLNK(status.st_mode)) return show_link(path, target);
    if (S_ISDIR(status.st_mode)) {
        if (mkdir(target, 0755) < 0 && errno != EEXIST) return -1;
    } else {
        int file = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
        if (file < 0) return -1;
        close(file);
    }
    if (mount(path, target, NULL, MS_BIND | MS_REC, NULL) < 0) return -1;
    return set_attributes(target, attributes, AT_RECURSIVE);
}

static int make_folder(const char *staging, const char *path) {
    char target[PATH_MAX];
    if (join(target, staging, path) < 0) return -1;
    return mkdir(target, 0755);
}

int lachesis_enter_root(const char *staging, const char *const *readable, const char **failed) {
    /* Workers are somebody else, and must be able to pass. */
    umask(022);
    STEP("a mount namespace of its own", unshare(CLONE_NEWNS));
    STEP("mounts that nobody else sees", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    STEP("a new root", mount("lachesis", staging, "tmpfs", MS_NOSUID, "size=1m,nr_inodes=4096,mode=755"));
    for (; *readable != NULL; readable++) {
        STEP(*readable, show(staging, *readable, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
    }
    for (const char *const *device = lachesis_devices; *device != NULL; device++) {
        /* Read-only is the entry, not the device: nobody changes its owner or permissions. */
        STEP(*device, show(staging, *device, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
    }
    STEP("the place of work folders", make_folder(staging, lachesis_work_folder));
    STEP("entering the new root", chdir(staging));
    /* The old root lies on top of the new one for a moment, and is then taken off. */
    STEP("taking the new root", (int)syscall(SYS_pivot_root, ".", "."));
    STEP("leaving the old root", umount2(".", MNT_DETACH));
    STEP("the new root's own folder", chdir("/"));
    STEP("a root for reading only", set_attributes("/", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, 0));
    return 0;
}

int lachesis_mount_work_folder(uint64_t bytes, uint64_t entries, uid_t uid, gid_t gid) {
    /* Zero would mean without limit. */
    if (bytes == 0 || entries == 0) {
        errno = EINVAL;
        return -1;
    }
    char options[128];
    snprintf(options, sizeof options, "size=%llu,nr_inodes=%llu,mode=700,uid=%u,gid=%u", (unsigned long long)bytes,
             (unsigned long long)entries, uid, gid);
    /* Nothing in it may become code: an uploaded library is not loaded. */
    return mount("work", lachesis_work_folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options);
}
