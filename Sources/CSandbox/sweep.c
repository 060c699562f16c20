#define _GNU_SOURCE
#include "CSandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* A script may nest folders deeper than any recursion or path can follow. So nothing here goes deeper than one level:
   what is found in a subfolder and is a folder itself is first moved up. */

static int open_folder(int parent, const char *name) {
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int folder = openat(parent, name, flags);
    if (folder < 0 && errno == EACCES && fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) == 0) {
        folder = openat(parent, name, flags);
    }
    if (folder < 0) return -1;
    /* The script may have made it read-only, and then nothing in it could be removed. */
    if (fchmod(folder, 0700) < 0) {
        int code = errno;
        close(folder);
        errno = code;
        return -1;
    }
    return folder;
}

static int is_entry(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Moves a folder up into `top` under a name that nobody has. */
static int move_up(int from, const char *name, int top) {
    for (int attempt = 0; attempt < 8; attempt++) {
        uint64_t number;
        if (getrandom(&number, sizeof number, 0) != sizeof number) return -1;
        char target[32];
        snprintf(target, sizeof target, "sweep-%016llx", (unsigned long long)number);
        if (renameat2(from, name, top, target, RENAME_NOREPLACE) == 0) return 0;
        /* Moving a folder elsewhere changes its "..", for which it must be writable. */
        if (errno == EACCES && fchmodat(from, name, 0700, AT_SYMLINK_NOFOLLOW) == 0) continue;
        if (errno != EEXIST) return -1;
    }
    return -1;
}

/* Removes an entry that is no folder, or an empty folder. Returns 1 if it is a folder that is not empty. */
static int remove_entry(int folder, const char *name) {
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT) return 0;
    if (errno != EISDIR && errno != EPERM) return -1;
    if (unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
    return errno == ENOTEMPTY || errno == EEXIST ? 1 : -1;
}

/* Empties `folder`, which it closes; folders in it are moved to `top`, or, if `top` is -1, emptied themselves. */
static int empty(int folder, int top, int *budget) {
    DIR *stream = fdopendir(folder);
    if (stream == NULL) {
        int code = errno;
        close(folder);
        errno = code;
        return -1;
    }
    int result = 0;
    struct dirent *entry;
    while (result == 0 && *budget > 0) {
        errno = 0;
        if ((entry = readdir(stream)) == NULL) {
            result = errno == 0 ? 0 : -1;
            break;
        }
        if (!is_entry(entry)) continue;
        *budget -= 1;
        int kind = remove_entry(folder, entry->d_name);
        if (kind <= 0) {
            result = kind;
            continue;
        }
        if (top >= 0) {
            result = move_up(folder, entry->d_name, top);
            continue;
        }
        int inner = open_folder(folder, entry->d_name);
        result = inner < 0 ? -1 : empty(inner, folder, budget);
        if (result == 0 && remove_entry(folder, entry->d_name) < 0) result = -1;
    }
    int code = errno;
    closedir(stream);
    errno = code;
    return result;
}

int lachesis_sweep(int parent, const char *name, int limit) {
    int folder = open_folder(parent, name);
    if (folder < 0) {
        /* Something else bears the name, such as a link that a script put there. */
        if (errno == ENOTDIR && unlinkat(parent, name, 0) == 0) return 1;
        return errno == ENOENT ? 1 : -1;
    }
    int budget = limit;
    if (empty(folder, -1, &budget) < 0) return -1;
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return 1;
    return errno == ENOTEMPTY || errno == EEXIST ? 0 : -1;
}
