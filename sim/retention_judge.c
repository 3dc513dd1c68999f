/* What may be gone from a log, and what must be gone from the disk. Judged only while the wall
 * clock never jumped: age is a matter of that clock. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "sim/operation.h"

/* More than a unit takes besides its messages: a control batch, the batch's header, the rest of the
 * sector. */
#define UNIT_BYTES_MAX 8192u

static void fail(const struct operation *operation, const char *why, u64 offset)
{
    const struct model_partition *partition = operation->partition;
    verdict_fail(operation->actor->workload->verdict, CHECK_retention_holds,
                 "%s/%s/%u: offset %" PRIu64 " is gone, %s", operation->stream->name,
                 operation->topic->name, partition->id, offset, why);
}

static bool clock_is_steady(const struct workload *workload)
{
    return sim_counts(workload->sim)->wall_jumps == 0;
}

/* ---- What may be gone ---- */

/* The youngest that is gone must be older than what expires. */
static void judge_age(const struct operation *operation, u64 first)
{
    const struct workload *workload = operation->actor->workload;
    const struct model_run *run = model_run_at(operation->partition, first - 1);
    const struct model_send *send = run == NULL ? NULL : workload->model->sends[run->send - 1];
    if (send == NULL || !send->was_acknowledged) {
        return;
    }
    u64 stamp_us = send->stamp_us != 0 ? send->stamp_us : send->origin_us;
    if (stamp_us + operation->topic->expiry_us > sim_time(workload->sim, 0).wall_us) {
        fail(operation, "but it has not expired", first - 1);
    }
}

/* The whole topic is smaller than what it may be: nothing need go. */
static void judge_size(const struct operation *operation, u64 first)
{
    const struct model *model = operation->actor->workload->model;
    const struct model_topic *topic = operation->topic;
    u64 bytes = 0;
    for (u32 i = 0; i < model->sends_count; i++) {
        const struct model_send *send = model->sends[i];
        for (u32 j = 0; send->partition->topic == topic && j < send->count; j++) {
            bytes += model_message_size(send, j) + 256;
        }
        bytes += send->partition->topic == topic ? UNIT_BYTES_MAX : 0;
    }
    if (bytes < topic->bytes_max / 2) {
        fail(operation, "but the topic is small", first - 1);
    }
}

/* Nobody has something left to read among what is gone, or it is long ago. */
static void judge_hold(const struct operation *operation, u64 start, u64 first)
{
    const struct workload *workload = operation->actor->workload;
    const struct model_partition *partition = operation->partition;
    u64 hold_us = workload->schedule->settings.offset_hold_us_max;
    u64 now_us = sim_now_us(workload->sim);
    for (u32 i = 0; i < MODEL_CONSUMERS_MAX; i++) {
        const struct model_stored *stored = &partition->stored[i];
        bool is_known = stored->values_count == 1 && stored->values[0] != MODEL_NONE &&
                        !stored->any && !stored->unsure && stored->asked_us != 0;
        bool was_there = partition->seen_asked_us > stored->answered_us &&
                         partition->seen_first < first && start < first;
        if (is_known && was_there && stored->values[0] + 1 < first &&
            now_us < stored->asked_us + hold_us) {
            fail(operation, "but a consumer had not read it", first - 1);
        }
    }
}

void retention_judge(struct operation *operation, u64 start, u64 first)
{
    const struct workload *workload = operation->actor->workload;
    const struct model_topic *topic = operation->topic;
    if (!clock_is_steady(workload) || workload_disk_failed(workload)) {
        return;
    }
    judge_hold(operation, start, first);
    if (operation->partition->segments_deleted) {
        return;
    }
    if (topic->bytes_max == 0 && topic->expiry_us != 0) {
        judge_age(operation, first);
    } else if (topic->bytes_max != 0 && topic->expiry_us == 0) {
        judge_size(operation, first);
    }
}

/* ---- What must be gone ---- */

static u32 segments_on_disk(const struct workload *workload,
                            const struct model_partition *partition)
{
    const struct model_topic *topic = partition->topic;
    char directory[96];
    char names[8192];
    u64 used = 0;
    u32 count = 0;
    (void)snprintf(directory, sizeof(directory), "streams/%u/topics/%u/partitions/%u",
                   topic->stream->id, topic->id, partition->id);
    if (sim_disk_list(sim_disk(workload->sim, 0), directory, names, sizeof(names), &used) != OK) {
        return 0;
    }
    for (u64 at = 0; at < used; at += strlen(names + at) + 1) {
        const char *end = strrchr(names + at, '.');
        count += end != NULL && strcmp(end, ".log") == 0 ? 1 : 0;
    }
    return count;
}

/* What is known to be there takes at least so much. */
static u64 bytes_at_least(const struct model *model, const struct model_partition *partition)
{
    u64 bytes = 0;
    for (u32 i = 0; i < partition->runs_count; i++) {
        const struct model_run *run = &partition->runs[i];
        const struct model_send *send = model->sends[run->send - 1];
        for (u32 j = 0; run->base >= partition->first && j < send->count; j++) {
            bytes += MESSAGE_FRAME_HEADER_BYTES + model_message_size(send, j);
        }
        bytes += run->base >= partition->first ? BATCH_HEADER_BYTES : 0;
    }
    return bytes;
}

static void judge_topic(const struct workload *workload, const struct model_topic *topic)
{
    u64 limit = topic->bytes_max / 10 * 9;
    u64 all_bytes = 0;
    for (u32 i = 0; i < topic->partitions_count; i++) {
        all_bytes += bytes_at_least(workload->model, &topic->partitions[i]);
    }
    bool is_large = topic->bytes_max != 0 && all_bytes >= limit;
    for (u32 i = 0; i < topic->partitions_count; i++) {
        const struct model_partition *partition = &topic->partitions[i];
        u64 bytes = bytes_at_least(workload->model, partition);
        bool must_give = is_large && bytes >= limit / topic->partitions_count;
        u32 segments_count = segments_on_disk(workload, partition);
        if (segments_count > 1 && (must_give || topic->expiry_us != 0)) {
            verdict_fail(workload->verdict, CHECK_retention_holds,
                         "%s/%s/%u (numbers %u, %u; expiry %" PRIu64 " us, at most %" PRIu64
                         " bytes) still has %u segments, with at least %" PRIu64 " bytes",
                         topic->stream->name, topic->name, i, topic->stream->id, topic->id,
                         topic->expiry_us, topic->bytes_max, segments_count, bytes);
        }
    }
}

static bool is_judged(const struct workload *workload, const struct model_topic *topic)
{
    return model_topic_is_there(topic) && !model_is_fuzzy(topic, model_glimpse(topic)) &&
           clock_is_steady(workload) && !workload_disk_failed(workload) &&
           (topic->expiry_us != 0 || topic->bytes_max != 0);
}

u64 retention_ends_after_us(const struct workload *workload)
{
    const struct settings *settings = &workload->schedule->settings;
    u64 wait_us = 0;
    for (u32 i = 0; i < workload->model->streams_count * MODEL_TOPICS_MAX; i++) {
        const struct model_topic *topic =
            &workload->model->streams[i / MODEL_TOPICS_MAX].topics[i % MODEL_TOPICS_MAX];
        u64 rest_us = settings->offset_hold_us_max + 5 * settings->retention_interval_us;
        if (is_judged(workload, topic)) {
            wait_us = u64_max(wait_us, topic->expiry_us + rest_us + 5 * US_PER_SECOND);
        }
    }
    return wait_us;
}

void retention_judge_disk(const struct workload *workload)
{
    for (u32 i = 0; i < workload->model->streams_count * MODEL_TOPICS_MAX; i++) {
        const struct model_topic *topic =
            &workload->model->streams[i / MODEL_TOPICS_MAX].topics[i % MODEL_TOPICS_MAX];
        if (is_judged(workload, topic)) {
            judge_topic(workload, topic);
        }
    }
}
