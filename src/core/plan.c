#include "core/plan.h"

#include "base/buf.h"
#include "core/mailbox.h"

/* The share of `--memory` that goes into buffers; the rest holds tables, lanes and state. */
#define BUFFER_SHARE_NUMERATOR 3u
#define BUFFER_SHARE_DENOMINATOR 4u

#define FRAME_BYTES_LIMIT (64 * MIB)

/* A batch is received behind a gap of 256 bytes at sector alignment and padded to a sector. */
#define FRAME_SLACK_BYTES (2u * SECTOR_BYTES_MAX)

#define ARGON2_MEMORY_KIB 19456u

void plan_share_buffers(struct plan *plan)
{
    u64 eighth = plan->buffer_bytes_per_core / 8;
    plan->finish_bytes_per_core = (u32)u64_min(PLAN_BUFFER_RESERVE_BYTES, eighth);
    plan->small_bytes_per_core = (u32)u64_min(PLAN_BUFFER_SMALL_RESERVE_BYTES, eighth);
    plan->cache_bytes_per_core = plan->buffer_bytes_per_core / 2;
    plan->stalled_bytes_per_core = plan->buffer_bytes_per_core / 2;
}

u32 plan_leaves_bytes(const struct plan *plan, u32 size)
{
    return plan->finish_bytes_per_core +
           (size <= PLAN_BUFFER_SMALL_BYTES ? 0 : plan->small_bytes_per_core);
}

static u64 largest_take(const struct plan *plan)
{
    u32 size = plan->frame_bytes_max + FRAME_SLACK_BYTES;
    return (u64)buf_capacity_for(size) + plan_leaves_bytes(plan, size);
}

static void plan_buffers(struct plan *plan)
{
    u64 buffers = plan->memory_bytes / BUFFER_SHARE_DENOMINATOR * BUFFER_SHARE_NUMERATOR;
    plan->frame_bytes_max = (u32)u64_min(FRAME_BYTES_LIMIT, plan->memory_bytes / 4);
    plan->poll_reply_bytes_max = (u32)(plan->memory_bytes / 16);
    plan->buffer_bytes_per_core = buffers / plan->cores_count;
    plan_share_buffers(plan);
    /* The largest frame, with the room around its batch, must fit into one core's share. */
    while (largest_take(plan) > plan->buffer_bytes_per_core) {
        plan->frame_bytes_max -= plan->frame_bytes_max > MIB ? (u32)MIB : 64 * (u32)KIB;
    }
}

/* Tables grow with memory, from what 64M allows up to what a large machine wants. */
static void plan_tables(struct plan *plan)
{
    u32 scale = (u32)u64_min(plan->memory_bytes / MEMORY_BYTES_MIN, 16);
    plan->connections_max = u32_min(4096 * scale, 65536);
    plan->connections_per_core_max = plan->connections_max;
    plan->requests_per_core_max = 4096 + 1024 * scale;
    plan->streams_max = 1024 * scale;
    plan->topics_max = 2048 * scale;
    plan->partitions_max = u32_min(4096 * scale, 65536);
    plan->segments_per_core_max = 2 * plan->partitions_max;
    plan->users_max = 1024;
    plan->grants_max = u32_min(8192 * scale, 65536);
    plan->tokens_max = 8192;
    plan->sessions_max = plan->connections_max;
    plan->consumer_offsets_per_core_max = 16384 * scale;
}

static u64 tables_bytes(const struct plan *plan)
{
    return (u64)plan->connections_max * 2 * KIB + (u64)plan->partitions_max * 4 * KIB +
           (u64)plan->topics_max * KIB + (u64)plan->streams_max * KIB +
           (u64)plan->consumer_offsets_per_core_max * 128 + (u64)plan->requests_per_core_max * KIB;
}

bool plan_make(struct plan *plan, u64 memory_bytes, u32 cores_count, struct err *err)
{
    if (memory_bytes < MEMORY_BYTES_MIN) {
        return err_set(
            err, "memory of %llu bytes is below the least of 64 MiB: give --memory 64M or more",
            (unsigned long long)memory_bytes);
    }
    if (cores_count < 1 || cores_count > MAILBOX_CORES_MAX) {
        return err_set(err, "%u cores are outside 1 to %u: give --cores a number in that range",
                       cores_count, MAILBOX_CORES_MAX);
    }
    *plan = (struct plan){.memory_bytes = memory_bytes, .cores_count = cores_count};
    plan_buffers(plan);
    plan_tables(plan);
    plan->argon2_memory_kib = ARGON2_MEMORY_KIB;
    plan->offload_threads = memory_bytes < MEMORY_BYTES_DEFAULT ? 1 : 2;
    plan->state_bytes_per_core = tables_bytes(plan);
    /* Address space, not memory: room for every table in full. */
    plan->arena_bytes_per_core = 4 * tables_bytes(plan) + 64 * MIB;
    return true;
}

void plan_describe(const struct plan *plan, char *text, u32 capacity)
{
    u32 position = 0;
    str_append(text, capacity, &position, "memory plan of %llu MiB over %u cores:\n",
               (unsigned long long)(plan->memory_bytes / MIB), plan->cores_count);
    str_append(text, capacity, &position,
               "  buffers per core      %8llu KiB (cache at most %llu)\n",
               (unsigned long long)(plan->buffer_bytes_per_core / KIB),
               (unsigned long long)(plan->cache_bytes_per_core / KIB));
    str_append(text, capacity, &position, "  largest frame         %8u KiB\n",
               plan->frame_bytes_max / (u32)KIB);
    str_append(text, capacity, &position, "  largest poll reply    %8u KiB\n",
               plan->poll_reply_bytes_max / (u32)KIB);
    str_append(text, capacity, &position, "  connections           %8u\n", plan->connections_max);
    str_append(text, capacity, &position, "  streams               %8u\n", plan->streams_max);
    str_append(text, capacity, &position, "  topics                %8u\n", plan->topics_max);
    str_append(text, capacity, &position, "  partitions            %8u\n", plan->partitions_max);
    str_append(text, capacity, &position, "  one password hash     %8u KiB, %u at once\n",
               plan->argon2_memory_kib, plan->offload_threads);
}
