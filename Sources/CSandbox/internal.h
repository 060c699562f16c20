/* What the parts of the lock-in share. */
#ifndef LACHESIS_SANDBOX_INTERNAL_H
#define LACHESIS_SANDBOX_INTERNAL_H

#include "CSandbox.h"

/* Ends the calling function with -1 if a step fails, its name in *failed. */
#define STEP(name, call)        \
    do {                        \
        if ((call) < 0) {       \
            *failed = (name);   \
            return -1;          \
        }                       \
    } while (0)

/* ---- root.c ---- */

/* Those that a worker has; ends with NULL. */
extern const char *const lachesis_devices[];

/* Mounts an empty work folder in the new root, at lachesis_work_folder. */
int lachesis_mount_work_folder(uint64_t bytes, uint64_t entries, uid_t uid, gid_t gid);

/* ---- identity.c ---- */

/* Takes the capabilities out of reach for good. */
int lachesis_drop_bounding_set(void);

/* Becomes another user, without any other group. */
int lachesis_become(uid_t uid, gid_t gid);

/* Gives up all capabilities. */
int lachesis_drop_capabilities(void);

/* ---- landlock.c ---- */

/* Lets this process read below some paths and write below one, and do nothing else with files, the network, or processes outside. */
int lachesis_landlock(const char *const *readable, const char *work);

/* ---- system_calls.c ---- */

int lachesis_install_filter(const struct lachesis_filter *filter);

#endif
