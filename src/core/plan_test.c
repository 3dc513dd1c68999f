#include "core/plan.h"

#include "base/buf.h"
#include "test.h"

TEST(the_default_plan_serves_frames_of_64_mib)
{
    struct plan plan;
    EXPECT(plan_make(&plan, MEMORY_BYTES_DEFAULT, 2, NULL));
    EXPECT_EQ(plan.frame_bytes_max, 64 * MIB);
    EXPECT_EQ(plan.poll_reply_bytes_max, 16 * MIB);
    EXPECT(plan.partitions_max >= 10000);
    EXPECT(plan.connections_max >= 10000);
}

TEST(the_least_plan_has_smaller_frames)
{
    struct plan plan;
    EXPECT(plan_make(&plan, MEMORY_BYTES_MIN, 1, NULL));
    EXPECT_EQ(plan.frame_bytes_max, 16 * MIB);
}

TEST(every_plan_has_room_for_its_largest_frame_beside_what_is_kept_for_others)
{
    for (u32 cores = 1; cores <= 32; cores++) {
        struct plan plan;
        EXPECT(plan_make(&plan, MEMORY_BYTES_MIN, cores, NULL));
        EXPECT(plan.frame_bytes_max >= 512 * KIB);
        EXPECT(plan_leaves_bytes(&plan, 4096) < plan_leaves_bytes(&plan, plan.frame_bytes_max));
        u32 size = plan.frame_bytes_max + 2 * SECTOR_BYTES_MAX;
        EXPECT(buf_capacity_for(size) + plan_leaves_bytes(&plan, size) <=
               plan.buffer_bytes_per_core);
    }
}

TEST(too_little_memory_and_too_many_cores_are_refused_by_name)
{
    struct plan plan;
    struct err err;
    EXPECT(!plan_make(&plan, 63 * MIB, 1, &err));
    EXPECT(strstr(err.text, "64 MiB") != NULL);
    EXPECT(!plan_make(&plan, MEMORY_BYTES_DEFAULT, 33, &err));
    EXPECT(strstr(err.text, "33 cores") != NULL);
}

TEST(a_description_names_every_limit)
{
    struct plan plan;
    char text[2048];
    EXPECT(plan_make(&plan, MEMORY_BYTES_DEFAULT, 2, NULL));
    plan_describe(&plan, text, sizeof(text));
    EXPECT(strstr(text, "largest frame") != NULL);
    EXPECT(strstr(text, "partitions") != NULL);
}
