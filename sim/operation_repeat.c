/* Sends and changes that come again: over another connection, because the answer was lost, or
 * because a client is confused. While the server lives and remembers, it is one, and is answered
 * as it was. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/operation.h"

#define KEPT_BYTES_MAX (64u * 1024u)

/* The server remembers the last 128 sends of a client. */
#define SENDS_SINCE_MAX 100u

/* Far less than the window of a partition (SEED_DEDUP_ENTRIES). */
#define MESSAGES_SINCE_MAX 36u

void operation_keep_send(const struct operation *operation, const struct writer *body)
{
    struct actor *actor = operation->actor;
    struct repeat *repeat = &actor->repeat;
    repeat->sends_since++;
    if (actor->client.is_v1 || body->position > KEPT_BYTES_MAX ||
        !prng_chance(&actor->prng, 1, 3)) {
        return;
    }
    if (repeat->body == NULL) {
        repeat->body = mem_resize(NULL, KEPT_BYTES_MAX);
    }
    memcpy(repeat->body, body->data, body->position);
    repeat->bytes = body->position;
    repeat->send = operation->send;
    repeat->glimpse = operation->glimpse;
    repeat->starts_count = actor->workload->schedule->starts_count;
    repeat->sends_since = 0;
    repeat->messages_then = operation->partition->messages_sent - operation->send->count;
    repeat->client = actor->client.id;
    repeat->request = operation->call.request;
}

/* As the same send: by client, number and bytes, while the server lives. */
static bool is_remembered(const struct actor *actor, const struct repeat *repeat)
{
    return repeat->starts_count == actor->workload->schedule->starts_count &&
           repeat->sends_since < SENDS_SINCE_MAX && u128_equal(repeat->client, actor->client.id);
}

/* By the ids of its messages, whoever sends them, and also after a restart: when they are still in
 * the log, and what could be read of the log was. */
static bool is_deduplicated(const struct actor *actor, const struct repeat *repeat)
{
    const struct workload *workload = actor->workload;
    const struct model_partition *partition = repeat->send->partition;
    return workload->schedule->settings.dedup_enabled &&
           partition->messages_sent - repeat->messages_then < MESSAGES_SINCE_MAX &&
           partition->appended_boot == workload->schedule->starts_count && !partition->trims &&
           !workload_disk_failed(workload);
}

bool operation_repeat_send(struct actor *actor)
{
    struct repeat *repeat = &actor->repeat;
    if (repeat->send == NULL || model_is_fuzzy(repeat->send->partition->topic, repeat->glimpse)) {
        return false;
    }
    bool by_number = is_remembered(actor, repeat);
    bool by_ids = is_deduplicated(actor, repeat);
    if (!(by_number || by_ids) || !model_send_repeat(repeat->send)) {
        return false;
    }
    struct operation *operation = operation_create(actor, OPERATION_SEND);
    operation->send = repeat->send;
    operation->is_repeat = true;
    operation->partition = repeat->send->partition;
    operation->topic = operation->partition->topic;
    operation->stream = operation->topic->stream;
    operation->glimpse = model_glimpse(operation->topic);
    bool is_new = by_ids && (!by_number || prng_chance(&actor->prng, 1, 2));
    operation->call.request_again = is_new ? 0 : repeat->request;
    struct writer body = writer_over(repeat->body, KEPT_BYTES_MAX);
    body.position = repeat->bytes;
    operation_issue(actor, operation, COMMAND_SEND_MESSAGES, &body);
    repeat->sends_since++; /* when it was refused, it is remembered anew */
    return true;
}

/* ---- Changes ---- */

/* Until then not so many others ask that the server forgets. */
#define REMEMBERED_US (10 * US_PER_SECOND)

void operation_keep_change(const struct operation *operation, const struct writer *body)
{
    struct actor *actor = operation->actor;
    struct kept_change *kept = &actor->kept;
    check(body->position <= sizeof(kept->body));
    if (actor->client.is_v1 || operation->call.request_again != 0) {
        return; /* the one that is kept */
    }
    kept->is_kept = true;
    kept->is_answered = false;
    kept->is_lost = false;
    kept->change = *operation;
    kept->starts_count = actor->workload->schedule->starts_count;
    kept->asked_us = sim_now_us(actor->workload->sim);
    kept->client = actor->client.id;
    kept->request = operation->call.request;
    kept->bytes = body->position;
    memcpy(kept->body, body->data, body->position);
}

void operation_change_answered(const struct operation *operation, u32 status)
{
    struct kept_change *kept = &operation->actor->kept;
    kept->is_answered = true;
    kept->is_lost = false;
    kept->status = status;
    kept->id = operation->topic == NULL ? operation->stream->id : operation->topic->id;
}

void operation_change_lost(const struct operation *operation)
{
    struct kept_change *kept = &operation->actor->kept;
    kept->is_lost = true;
}

static bool change_is_remembered(const struct actor *actor)
{
    const struct kept_change *kept = &actor->kept;
    return kept->is_kept && kept->starts_count == actor->workload->schedule->starts_count &&
           u128_equal(kept->client, actor->client.id) &&
           sim_now_us(actor->workload->sim) - kept->asked_us < REMEMBERED_US;
}

bool operation_has_lost_change(const struct actor *actor)
{
    return actor->kept.is_lost && change_is_remembered(actor);
}

bool operation_repeat_change(struct actor *actor)
{
    struct kept_change *kept = &actor->kept;
    if (!change_is_remembered(actor) || (!kept->is_answered && !kept->is_lost)) {
        return false;
    }
    struct operation *operation =
        operation_create(actor, kept->is_answered ? OPERATION_CHANGE_AGAIN : OPERATION_CHANGE);
    const struct operation *change = &kept->change;
    operation->stream = change->stream;
    operation->topic = change->topic;
    operation->change = change->change;
    operation->expected = kept->is_answered ? kept->status : change->expected;
    operation->partitions_count = change->partitions_count;
    operation->persisted = change->persisted;
    operation->expiry_us = change->expiry_us;
    operation->bytes_max = change->bytes_max;
    operation->is_repeat = true;
    operation->call.request_again = kept->request;
    struct writer body = writer_over(kept->body, sizeof(kept->body));
    body.position = kept->bytes;
    actor->busy_alone = true;
    if (operation->kind == OPERATION_CHANGE && operation->topic != NULL) {
        operation->topic->is_changing = true;
    } else if (operation->kind == OPERATION_CHANGE) {
        operation->stream->is_changing = true;
    }
    kept->is_lost = false;
    operation_issue(actor, operation, kept->change.call.command, &body);
    return true;
}
