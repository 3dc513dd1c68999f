/* Between the parts of sim_disk: the content of one file. */
#pragma once

#include "sim/sim_disk.h"

/* Drops the content from sector `from` on. */
void sim_file_forget(struct sim_disk *disk, struct sim_inode *inode, u32 from);

/* The process ended: what a failed sync left unknown is read from the device again, old or new. */
void sim_file_settle(struct sim_disk *disk, struct sim_inode *inode);

/* Decides about unsynced sectors and sizes. */
void sim_file_lose_power(struct sim_disk *disk, struct sim_inode *inode,
                         const struct sim_crash_odds *odds);
