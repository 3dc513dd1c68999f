/* A message as the library hands it out: a view into an answer that somebody keeps. */
#pragma once

#include "levriero.h"
#include "wire/poll.h"

struct lv_message {
    u32 partition_id;
    struct polled_message polled;
};
