#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int lachesis_drop_bounding_set(void) {
    for (unsigned long capability = 0;; capability++) {
        int is_there = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        /* The kernel knows no more of them. */
        if (is_there < 0) return errno == EINVAL ? 0 : -1;
        if (is_there == 1 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return -1;
    }
}

int lachesis_become(uid_t uid, gid_t gid) {
    if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0) return -1;
    return setresuid(uid, uid, uid);
}

int lachesis_drop_capabilities(void) {
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
    memset(none, 0, sizeof none);
    return (int)syscall(SYS_capset, &header, none);
}
