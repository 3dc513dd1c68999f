/* Sends that come again: over another connection, because the answer was lost, or because a client
 * is confused. While the server lives and remembers, it is one send. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sim/operation.h"

#define KEPT_BYTES_MAX (64u * 1024u)

/* The server remembers the last 128 sends of a client. */
#define SENDS_SINCE_MAX 100u

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
    repeat->client = actor->client.id;
    repeat->request = operation->call.request;
}

static bool is_remembered(const struct actor *actor, const struct repeat *repeat)
{
    return repeat->send != NULL &&
           repeat->starts_count == actor->workload->schedule->starts_count &&
           repeat->sends_since < SENDS_SINCE_MAX && u128_equal(repeat->client, actor->client.id) &&
           !model_is_fuzzy(repeat->send->partition->topic, repeat->glimpse);
}

bool operation_repeat_send(struct actor *actor)
{
    struct repeat *repeat = &actor->repeat;
    if (!is_remembered(actor, repeat) || !model_send_repeat(repeat->send)) {
        return false;
    }
    struct operation *operation = operation_create(actor, OPERATION_SEND);
    operation->send = repeat->send;
    operation->is_repeat = true;
    operation->partition = repeat->send->partition;
    operation->topic = operation->partition->topic;
    operation->stream = operation->topic->stream;
    operation->glimpse = model_glimpse(operation->topic);
    operation->call.request_again = repeat->request;
    struct writer body = writer_over(repeat->body, KEPT_BYTES_MAX);
    body.position = repeat->bytes;
    operation_issue(actor, operation, COMMAND_SEND_MESSAGES, &body);
    repeat->sends_since++; /* when it was refused, it is remembered anew */
    return true;
}
