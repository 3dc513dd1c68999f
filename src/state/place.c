#include "state/place.h"

#include "base/check.h"

void place_init(struct place *place, u32 cores_count)
{
    check(cores_count >= 1);
    check(cores_count <= PLACE_CORES_MAX);
    *place = (struct place){.cores_count = cores_count};
}

u32 place_take(struct place *place)
{
    u32 core = 0;
    for (u32 i = 1; i < place->cores_count; i++) {
        if (place->partitions_count[i] < place->partitions_count[core]) {
            core = i;
        }
    }
    place->partitions_count[core]++;
    return core;
}

void place_return(struct place *place, u32 core)
{
    check(core < place->cores_count);
    check(place->partitions_count[core] > 0);
    place->partitions_count[core]--;
}
