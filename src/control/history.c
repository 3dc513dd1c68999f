#include "control/history.h"

#include "base/check.h"
#include "base/map.h"

u64 histories_bytes(u32 slots_max)
{
    return (u64)slots_max * sizeof(struct history) + slot_index_bytes(slots_max) + 64;
}

void histories_init(struct histories *histories, struct arena *arena, u32 slots_max)
{
    *histories = (struct histories){
        .slots = arena_array(arena, struct history, slots_max),
        .slots_max = slots_max,
    };
    list_init(&histories->free);
    list_init(&histories->used);
    slot_index_init(&histories->clients, arena, slots_max);
}

static u64 client_hash(struct u128 client)
{
    return hash_u64_pair(client.low, client.high);
}

static u32 slot_of(const struct histories *histories, const struct history *history)
{
    return (u32)(history - histories->slots);
}

static struct history *history_find(const struct histories *histories, struct u128 client)
{
    u32 slot = slot_index_first(&histories->clients, client_hash(client));
    while (slot != SLOT_NONE && !u128_equal(histories->slots[slot].client, client)) {
        slot = slot_index_next(&histories->clients, slot);
    }
    return slot == SLOT_NONE ? NULL : &histories->slots[slot];
}

static void history_remove(struct histories *histories, struct history *history)
{
    check(history->running_count == 0);
    slot_index_remove(&histories->clients, client_hash(history->client),
                      slot_of(histories, history));
    list_remove(&history->node);
    list_add_first(&histories->free, &history->node);
}

/* The one that was used longest ago and has nothing under way makes room. */
static struct history *history_take(struct histories *histories)
{
    struct list_node *node = list_pop(&histories->free);
    if (node != NULL) {
        return container_of(node, struct history, node);
    }
    if (histories->slots_made < histories->slots_max) {
        struct history *fresh = &histories->slots[histories->slots_made++];
        list_node_init(&fresh->node);
        return fresh;
    }
    list_for_each(used, next, &histories->used) {
        struct history *oldest = container_of(used, struct history, node);
        if (oldest->running_count == 0) {
            history_remove(histories, oldest);
            list_remove(&oldest->node);
            return oldest;
        }
    }
    return NULL;
}

static struct history *history_begin(struct histories *histories,
                                     const struct history_request *request)
{
    struct history *history = history_take(histories);
    if (history == NULL) {
        return NULL;
    }
    struct list_node node = history->node;
    *history = (struct history){.client = request->client, .user_id = request->user_id};
    history->node = node;
    list_add_last(&histories->used, &history->node);
    slot_index_add(&histories->clients, client_hash(request->client), slot_of(histories, history));
    return history;
}

/* The oldest place for an answer, unless all are waited for. */
static struct history_answer *answer_take(struct history *history)
{
    for (u32 i = 0; i < HISTORY_ANSWERS; i++) {
        u32 place = (history->next + i) % HISTORY_ANSWERS;
        if (!history->answers[place].is_running) {
            history->next = (place + 1) % HISTORY_ANSWERS;
            return &history->answers[place];
        }
    }
    return NULL;
}

static u64 note_running(struct histories *histories, struct history *history,
                        const struct history_request *request)
{
    struct history_answer *answer = answer_take(history);
    if (answer == NULL) {
        return 0;
    }
    *answer = (struct history_answer){
        .number = request->number,
        .body_hash = request->body_hash,
        .command = request->command,
        .is_running = true,
    };
    history->running_count++;
    u64 place = (u64)(answer - history->answers);
    return (u64)slot_of(histories, history) * HISTORY_ANSWERS + place + 1;
}

static const struct history_answer *answer_of(const struct history *history, u64 number)
{
    for (u32 i = 0; i < HISTORY_ANSWERS; i++) {
        if (history->answers[i].number == number) {
            return &history->answers[i];
        }
    }
    return NULL;
}

enum history_verdict history_look(struct histories *histories,
                                  const struct history_request *request, u64 *handle,
                                  struct history_answer *answer)
{
    check(request->number > 0);
    struct history *history = history_find(histories, request->client);
    *handle = 0;
    bool is_anothers = history != NULL && history->user_id != request->user_id;
    if (is_anothers && history->running_count > 0) {
        return HISTORY_NEW; /* of a user who was logged in a moment ago; not to be seen */
    }
    if (is_anothers) {
        history_remove(histories, history);
        history = NULL;
    }
    if (history == NULL) {
        history = history_begin(histories, request);
        *handle = history == NULL ? 0 : note_running(histories, history, request);
        return HISTORY_NEW;
    }
    list_remove(&history->node);
    list_add_last(&histories->used, &history->node);
    const struct history_answer *found = answer_of(history, request->number);
    if (found == NULL && request->number > history->number_max) {
        *handle = note_running(histories, history, request);
        return HISTORY_NEW;
    }
    bool is_same = found != NULL && found->command == request->command &&
                   found->body_hash == request->body_hash;
    if (!is_same) {
        return HISTORY_FORGOTTEN;
    }
    *answer = *found;
    return found->is_running ? HISTORY_RUNNING : HISTORY_ANSWERED;
}

void history_note_answer(struct histories *histories, u64 handle,
                         const struct history_answer *answer)
{
    if (handle == 0) {
        return;
    }
    check(handle <= (u64)histories->slots_max * HISTORY_ANSWERS);
    struct history *history = &histories->slots[(handle - 1) / HISTORY_ANSWERS];
    struct history_answer *noted = &history->answers[(handle - 1) % HISTORY_ANSWERS];
    check(noted->is_running);
    check(history->running_count > 0);
    history->running_count--;
    noted->is_running = false;
    /* Not logged in: that was the session it came over, which ended meanwhile. */
    if (wire_error_is_retryable(answer->error) || answer->error == WIRE_UNAUTHENTICATED) {
        noted->number = 0;
        return;
    }
    noted->error = answer->error;
    noted->created_id = answer->created_id;
    noted->parent_id = answer->parent_id;
    noted->grandparent_id = answer->grandparent_id;
    history->number_max = u64_max(history->number_max, noted->number);
}

void history_end(struct histories *histories, struct u128 client)
{
    struct history *history = history_find(histories, client);
    if (history != NULL && history->running_count == 0) {
        history_remove(histories, history);
    }
}
