#include "state/place.h"

#include "base/check.h"

u32 place_core(struct place place, u32 cores_count)
{
    check(cores_count >= 1);
    u64 turns = (u64)place.stream_id + place.topic_id + place.partition_id;
    return (u32)(turns % cores_count);
}
