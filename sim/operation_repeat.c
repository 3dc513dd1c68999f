/* Sends that come again: over another connection, because the answer was lost, or because a client
 * is confused. While the server lives and remembers, it is one send. */
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
    if (body->position > KEPT_BYTES_MAX || !prng_chance(&actor->prng, 1, 3)) {
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
