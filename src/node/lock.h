/* The data directory belongs to one process: created 0700, locked, and recognised before --fresh
 * empties it. */
#pragma once

#include "base/str.h"

/* Makes `path` if it is missing, checks that this user owns it, and locks DATA/lock. `fd` stays
 * open as long as the process holds the directory. */
must_check bool lock_data_directory(const char *path, int *fd, struct err *err);

/* Removes what is in a locked data directory. Refuses one that holds anything but ours. */
must_check bool lock_empty_directory(const char *path, struct err *err);
