/* What an actor makes of an answer, or of none. */
#include "sim/operation.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "wire/consumer.h"
#include "wire/frame.h"
#include "wire/login.h"
#include "wire/partition_info.h"
#include "wire/send.h"
#include "wire/stream_info.h"
#include "wire/topic_v1.h"

/* From an acknowledgement to the end of a wait for it, with starved cores and a late network. */
#define NOTICE_US_MAX (5 * US_PER_SECOND)

static struct workload *workload_of(const struct operation *operation)
{
    return operation->actor->workload;
}

static bool is_v1(const struct operation *operation)
{
    return operation->actor->client.is_v1;
}

static bool is_fuzzy(const struct operation *operation)
{
    const struct workload *workload = workload_of(operation);
    const struct model_topic *topic = operation->topic;
    if (topic == NULL) {
        return false;
    }
    /* At `memory` a failed write takes what was answered before it. */
    bool may_forget =
        model_level_of(workload->model, topic) == MODEL_MEMORY && workload_disk_broke(workload);
    return may_forget || model_is_fuzzy(topic, operation->glimpse);
}

static void disagree(const struct operation *operation, const char *what, u32 status)
{
    verdict_fail(workload_of(operation)->verdict, CHECK_model_agrees,
                 "client %u: %s (request %" PRIu64 ") on %s/%s/%u was answered with %u %s; "
                 "expected %u",
                 operation->actor->index, what, operation->call.request,
                 operation->stream == NULL ? "-" : operation->stream->name,
                 operation->topic == NULL ? "-" : operation->topic->name,
                 operation->partition == NULL ? 0 : operation->partition->id, status,
                 wire_error_name(status), operation->expected);
}

static bool says_missing(u32 status)
{
    return status == WIRE_RESOURCE_NOT_FOUND || status == WIRE_STREAM_ID_NOT_FOUND ||
           status == WIRE_TOPIC_ID_NOT_FOUND || status == WIRE_PARTITION_NOT_FOUND;
}

/* True when the status is what it must be, or may be instead; `what` names the operation. */
static bool status_is_right(const struct operation *operation, const char *what, u32 status)
{
    if (status == operation->expected || (is_fuzzy(operation) && says_missing(status)) ||
        (status != WIRE_OK && workload_excuses(workload_of(operation), status))) {
        return true;
    }
    disagree(operation, what, status);
    return false;
}

/* ---- Login ---- */

static void on_registered(struct operation *operation, const struct sim_client_reply *reply)
{
    struct workload *workload = workload_of(operation);
    struct login_reply login;
    u32 error = 0;
    if (reply->is_eviction || reply->status != WIRE_OK) {
        if (reply->is_eviction || !workload_excuses(workload, reply->status)) {
            disagree(operation, "a login",
                     reply->is_eviction ? reply->eviction_reason : reply->status);
        }
        return;
    }
    if (is_v1(operation)) {
        operation->actor->logged_in = true;
        return;
    }
    if (login_reply_decode(reply->body, &login, &error) != OK || error != WIRE_OK) {
        disagree(operation, "a login", error);
        return;
    }
    if (login.session <= operation->session_max_at_issue) {
        verdict_fail(workload->verdict, CHECK_model_agrees,
                     "client %u: session %" PRIx64 " after %" PRIx64 ": it must rise",
                     operation->actor->index, login.session, operation->session_max_at_issue);
    }
    workload->session_max = u64_max(workload->session_max, login.session);
    operation->actor->client.session = login.session;
    operation->actor->logged_in = true;
}

static void on_wrong_password(struct operation *operation, const struct sim_client_reply *reply)
{
    bool refused = is_v1(operation) ? reply->status == WIRE_INVALID_CREDENTIALS
                                    : reply->is_eviction &&
                                          reply->eviction_reason == EVICTION_INVALID_CREDENTIALS;
    if (!refused && !workload_excuses(workload_of(operation), reply->status)) {
        disagree(operation, "a login with a wrong password", reply->status);
    }
}

/* ---- Sends ---- */

static void on_sent(struct operation *operation, u32 status, struct span body)
{
    struct workload *workload = workload_of(operation);
    struct model_send *send = operation->send;
    struct send_confirmation confirmation;
    if (!status_is_right(operation, "a send", status)) {
        return;
    }
    if (status != WIRE_OK) {
        workload->operations_failed++;
        if (send->state == SEND_BOUND && !operation->is_repeat && send->requests == 1) {
            disagree(operation, "a send that a poll had shown", status);
        }
        model_send_refused(send);
        return;
    }
    bool fuzzy = is_fuzzy(operation);
    operation->partition->appended_boot = workload->schedule->starts_count;
    if (is_v1(operation)) {
        model_send_stored(workload->model, send, sim_now_us(workload->sim), fuzzy);
        return;
    }
    if (send_reply_decode(body, &confirmation) != OK ||
        confirmation.partition_id != operation->partition->id ||
        (!fuzzy && (confirmation.stream_id != operation->stream->id ||
                    confirmation.topic_id != operation->topic->id))) {
        disagree(operation, "a send, with a wrong place", status);
        return;
    }
    model_send_acknowledged(workload->model, send, confirmation.base_offset,
                            sim_now_us(workload->sim), fuzzy);
}

/* ---- Polls ---- */

static void note_store_times(const struct operation *operation)
{
    operation->stored->asked_us = operation->call.issued_us;
    operation->stored->answered_us = sim_now_us(workload_of(operation)->sim);
}

static void poll_disagrees(const struct operation *operation, const struct poll_judgement *is,
                           const char *why)
{
    verdict_fail(workload_of(operation)->verdict, CHECK_model_agrees,
                 "client %u: poll of %s/%s/%u (numbers %u, %u) by strategy %u from %" PRIu64
                 ", count %u: %s; got %u "
                 "from %" PRIu64 ", current %" PRIu64 "; known to end at %" PRIu64
                 ", first %" PRIu64,
                 operation->actor->index, operation->stream->name, operation->topic->name,
                 operation->partition->id, operation->stream->id, operation->topic->id,
                 operation->strategy, operation->value, operation->count, why, is->messages,
                 is->first, is->current_offset, operation->end_at_issue, operation->first_at_issue);
}

/* From where the poll must have read; false: that cannot be told. */
static bool expected_start(const struct operation *operation, u64 *start)
{
    const struct model_stored *stored = operation->stored;
    /* Others may have seen meanwhile that more was trimmed. */
    u64 first = operation->first_at_issue;
    switch ((enum poll_strategy)operation->strategy) {
    case POLL_OFFSET: *start = u64_max(operation->value, first); return true;
    case POLL_FIRST: *start = first; return true;
    case POLL_NEXT:
        if (stored->any || stored->unsure || stored->values_count != 1) {
            return false;
        }
        *start = stored->values[0] == MODEL_NONE ? first : u64_max(stored->values[0] + 1, first);
        return true;
    case POLL_TIMESTAMP:
    case POLL_LAST: return false;
    }
    return false;
}

static void judge_timestamp(const struct operation *operation, const struct poll_judgement *is)
{
    const struct model *model = workload_of(operation)->model;
    if (is->messages == 0) {
        return;
    }
    if (is->first_stamp_us < operation->value) {
        poll_disagrees(operation, is, "the first message is older than asked");
    }
    const struct model_run *before =
        is->first == 0 ? NULL : model_run_at(operation->partition, is->first - 1);
    if (before != NULL && !operation->partition->trims) {
        u64 stamp_us = model->sends[before->send - 1]->stamp_us;
        if (stamp_us != 0 && stamp_us >= operation->value) {
            poll_disagrees(operation, is, "an older message would have done");
        }
    }
}

static void judge_start(struct operation *operation, const struct poll_judgement *is)
{
    struct model_partition *partition = operation->partition;
    u64 start;
    if (!expected_start(operation, &start)) {
        return;
    }
    if (partition->trims) {
        /* Segments may go at any time, never back. */
        if (is->messages > 0 && is->first < start) {
            poll_disagrees(operation, is, "it began too early");
        } else if (is->messages > 0 && is->first > start) {
            retention_judge(operation, start, is->first);
            partition->first = u64_max(partition->first, is->first);
        }
        if (is->messages > 0) {
            partition->seen_first = is->first;
            partition->seen_asked_us = operation->call.issued_us;
        }
        return;
    }
    if (start < operation->end_at_issue && is->messages == 0) {
        poll_disagrees(operation, is, "it returned nothing");
    } else if (is->messages > 0 && is->first != start) {
        poll_disagrees(operation, is, "it began elsewhere");
    }
}

/* The last `count`, ascending; the reply may end early, but begins where it must. */
static void judge_last(const struct operation *operation, const struct poll_judgement *is)
{
    const struct model_partition *partition = operation->partition;
    if (operation->end_at_issue <= operation->first_at_issue || partition->trims) {
        return;
    }
    u64 end = is->current_offset + 1;
    u64 start = u64_max(partition->first, end > operation->count ? end - operation->count : 0);
    if (is->messages == 0 || is->first != start) {
        poll_disagrees(operation, is, "the last ones begin elsewhere");
    }
}

/* What was acknowledged a good while before a wait ended must have ended it. */
static void judge_wait(const struct operation *operation, const struct poll_judgement *is)
{
    const struct workload *workload = workload_of(operation);
    const struct model_partition *partition = operation->partition;
    u64 start;
    if (operation->wait_ms == 0 || is->messages > 0 || partition->trims ||
        !expected_start(operation, &start)) {
        return;
    }
    const struct model_run *run = model_run_at(partition, start);
    if (run != NULL && workload->model->sends[run->send - 1]->bound_at_us + NOTICE_US_MAX <
                           sim_now_us(workload->sim)) {
        poll_disagrees(operation, is, "it waited beside what it waited for");
    }
}

static void judge_poll(struct operation *operation, const struct poll_judgement *is)
{
    if (operation->end_at_issue > 0 && is->current_offset + 1 < operation->end_at_issue) {
        poll_disagrees(operation, is, "the current offset is too low");
    }
    if (is->messages > operation->count) {
        poll_disagrees(operation, is, "it returned too many");
    }
    if (operation->partition->rotten_count > 0) {
        return;
    }
    if (operation->strategy == POLL_TIMESTAMP) {
        judge_timestamp(operation, is);
    } else if (operation->strategy == POLL_LAST) {
        judge_last(operation, is);
    } else {
        judge_start(operation, is);
        judge_wait(operation, is);
    }
}

static void on_polled(struct operation *operation, u32 status, struct span body)
{
    struct workload *workload = workload_of(operation);
    if (!status_is_right(operation, "a poll", status)) {
        return;
    }
    bool fuzzy = is_fuzzy(operation);
    if (status != WIRE_OK) {
        workload->operations_failed++;
        if (operation->auto_commit) {
            operation->stored->any = true;
        }
        return;
    }
    struct poll_judgement judgement;
    struct poll_answer answer = {body, is_v1(operation)};
    if (!poll_judge(workload, operation->partition, fuzzy, &answer, &judgement)) {
        return;
    }
    if (fuzzy) {
        operation->stored->any = operation->stored->any || operation->auto_commit;
        return;
    }
    judge_poll(operation, &judgement);
    if (operation->auto_commit && judgement.messages > 0) {
        model_store_begin(operation->stored, judgement.next - 1);
        model_store_done(operation->stored, judgement.next - 1, workload->offsets_durable);
        note_store_times(operation);
    }
}

/* ---- Stored offsets ---- */

static void on_offset_got(struct operation *operation, u32 status, struct span body)
{
    struct workload *workload = workload_of(operation);
    struct offset_reply reply = {.stored_offset = MODEL_NONE};
    if (!status_is_right(operation, "a look at a stored offset", status) || status != WIRE_OK ||
        is_fuzzy(operation)) {
        return;
    }
    enum status decoded = offset_reply_decode(body, &reply);
    if (decoded != OK && decoded != ERR_NOT_FOUND) {
        disagree(operation, "a look at a stored offset, unreadably", status);
        return;
    }
    if (decoded == ERR_NOT_FOUND) {
        reply.stored_offset = MODEL_NONE;
    }
    if (!model_stored_allows(operation->stored, reply.stored_offset)) {
        verdict_fail(workload->verdict, CHECK_stored_offset_stays,
                     "client %u: %s/%s/%u has stored %" PRIu64 " instead of %" PRIu64
                     " (%u possible)",
                     operation->actor->index, operation->stream->name, operation->topic->name,
                     operation->partition->id, reply.stored_offset, operation->stored->values[0],
                     operation->stored->values_count);
        return;
    }
    operation->stored->values[0] = reply.stored_offset;
    operation->stored->values_count = 1;
    operation->stored->any = false;
}

static void on_offset_stored(struct operation *operation, u32 status)
{
    struct workload *workload = workload_of(operation);
    struct model_stored *stored = operation->stored;
    bool fuzzy = is_fuzzy(operation);
    if (operation->kind == OPERATION_OFFSET_DELETE && status == WIRE_CONSUMER_OFFSET_NOT_FOUND) {
        if (!fuzzy && !model_stored_allows(stored, MODEL_NONE)) {
            disagree(operation, "a delete of a stored offset", status);
        }
        return;
    }
    if (!(fuzzy && status == WIRE_INVALID_OFFSET) &&
        !status_is_right(operation, "a store of an offset", status)) {
        return;
    }
    if (fuzzy) {
        stored->any = true;
    } else if (status != WIRE_OK) {
        workload->operations_failed++;
        model_store_refused(stored, operation->offset);
    } else {
        model_store_done(stored, operation->offset,
                         workload->offsets_durable && operation->wait_for_commit);
        note_store_times(operation);
    }
}

/* ---- Changes ---- */

static void number_is_free(const struct operation *operation, u32 id)
{
    const struct model *model = workload_of(operation)->model;
    for (u32 i = 0; i < model->streams_count; i++) {
        const struct model_stream *other = &model->streams[i];
        if (other != operation->stream && other->existence == MODEL_PRESENT &&
            !other->is_changing && other->id == id) {
            verdict_fail(workload_of(operation)->verdict, CHECK_model_agrees,
                         "streams %s and %s have the same number %u", other->name,
                         operation->stream->name, id);
        }
    }
}

static void stream_is_gone(struct model *model, struct model_stream *stream, bool with_topics)
{
    for (u32 i = 0; i < MODEL_TOPICS_MAX; i++) {
        model_purge(model, &stream->topics[i], 0);
        if (with_topics) {
            stream->topics[i].existence = MODEL_ABSENT;
            stream->topics[i].partitions_count = 0;
            stream->topics[i].partitions_other = 0;
        }
    }
}

static void on_stream_created(struct operation *operation, struct reader *reader)
{
    struct stream_info info =
        is_v1(operation) ? read_stream_record_v1(reader) : read_stream_info(reader);
    if (!reader_is_done(reader) || !span_equal(info.name, span_of(operation->stream->name))) {
        disagree(operation, "a new stream, with a wrong description", WIRE_OK);
        return;
    }
    number_is_free(operation, info.id);
    operation->stream->existence = MODEL_PRESENT;
    operation->stream->id = info.id;
}

static struct topic_info read_topic(const struct operation *operation, struct reader *reader)
{
    return is_v1(operation) ? read_topic_record_v1(reader).info : read_topic_view(reader).info;
}

static void on_topic_created(struct operation *operation, struct reader *reader)
{
    struct model_topic *topic = operation->topic;
    struct topic_info info = read_topic(operation, reader);
    if (reader->failed || !span_equal(info.name, span_of(topic->name)) ||
        info.partitions_count != operation->partitions_count) {
        disagree(operation, "a new topic, with a wrong description", WIRE_OK);
        return;
    }
    topic->existence = MODEL_PRESENT;
    topic->id = info.id;
    topic->persisted = operation->persisted;
    topic->partitions_count = operation->partitions_count;
    topic->partitions_other = operation->partitions_count;
    model_topic_retains(topic, operation->expiry_us, operation->bytes_max);
}

static void begin_lives(const struct operation *operation, struct model_topic *topic)
{
    for (u32 i = 0; i < MODEL_PARTITIONS_MAX; i++) {
        topic->partitions[i].life_began_us = sim_now_us(workload_of(operation)->sim);
    }
}

static void apply_change(struct operation *operation, struct reader *reader)
{
    struct model *model = workload_of(operation)->model;
    struct model_stream *stream = operation->stream;
    struct model_topic *topic = operation->topic;
    switch (operation->change) {
    case CHANGE_CREATE_STREAM: on_stream_created(operation, reader); return;
    case CHANGE_DELETE_STREAM:
        stream->existence = MODEL_ABSENT;
        stream->deletions++;
        stream_is_gone(model, stream, true);
        return;
    case CHANGE_PURGE_STREAM:
        stream_is_gone(model, stream, false);
        for (u32 i = 0; i < MODEL_TOPICS_MAX; i++) {
            begin_lives(operation, &stream->topics[i]);
        }
        return;
    case CHANGE_CREATE_TOPIC:
        on_topic_created(operation, reader);
        begin_lives(operation, topic);
        return;
    case CHANGE_DELETE_TOPIC:
        topic->existence = MODEL_ABSENT;
        topic->deletions++;
        topic->partitions_count = 0;
        topic->partitions_other = 0;
        model_purge(model, topic, 0);
        return;
    case CHANGE_PURGE_TOPIC:
        model_purge(model, topic, 0);
        begin_lives(operation, topic);
        return;
    case CHANGE_CREATE_PARTITIONS:
        topic->partitions_count += operation->partitions_count;
        topic->partitions_other = topic->partitions_count;
        return;
    case CHANGE_DELETE_PARTITIONS:
        topic->partitions_count -= operation->partitions_count;
        topic->partitions_other = topic->partitions_count;
        model_purge(model, topic, topic->partitions_count);
        return;
    }
}

static void end_change(struct operation *operation)
{
    if (operation->topic != NULL) {
        operation->topic->is_changing = false;
        operation->topic->changes++;
    } else {
        operation->stream->is_changing = false;
        operation->stream->changes++;
    }
}

/* No answer came: it happened, or not, or will. The audit after the next restart knows. */
static void change_is_unknown(struct operation *operation)
{
    struct model_stream *stream = operation->stream;
    struct model_topic *topic = operation->topic;
    end_change(operation);
    if (operation->expected != WIRE_OK) {
        return; /* it could only be refused */
    }
    switch (operation->change) {
    case CHANGE_CREATE_STREAM:
    case CHANGE_DELETE_STREAM: stream->existence = MODEL_UNKNOWN; return;
    case CHANGE_PURGE_STREAM:
        for (u32 i = 0; i < MODEL_TOPICS_MAX; i++) {
            stream->topics[i].purge_unknown = true;
        }
        return;
    case CHANGE_CREATE_TOPIC:
        topic->partitions_count = operation->partitions_count;
        topic->partitions_other = operation->partitions_count;
        topic->persisted = operation->persisted;
        model_topic_retains(topic, operation->expiry_us, operation->bytes_max);
        topic->existence = MODEL_UNKNOWN;
        return;
    case CHANGE_DELETE_TOPIC: topic->existence = MODEL_UNKNOWN; return;
    case CHANGE_PURGE_TOPIC: topic->purge_unknown = true; return;
    case CHANGE_CREATE_PARTITIONS:
        topic->partitions_other = topic->partitions_count + operation->partitions_count;
        return;
    case CHANGE_DELETE_PARTITIONS:
        topic->partitions_other = topic->partitions_count - operation->partitions_count;
        return;
    }
}

/* Its answer, at last, says what became of it. */
static void change_is_known(struct operation *operation)
{
    struct model_stream *stream = operation->stream;
    struct model_topic *topic = operation->topic;
    for (u32 i = 0; operation->change == CHANGE_PURGE_STREAM && i < MODEL_TOPICS_MAX; i++) {
        stream->topics[i].purge_unknown = false;
    }
    if (topic != NULL && operation->change == CHANGE_PURGE_TOPIC) {
        topic->purge_unknown = false;
    }
    if (topic != NULL) {
        topic->partitions_other = topic->partitions_count;
    }
}

static void on_changed(struct operation *operation, u32 status, struct span body)
{
    struct workload *workload = workload_of(operation);
    bool is_open = status == WIRE_TRANSIENT_NOT_COMMITTED ||
                   (status != WIRE_OK && workload_excuses(workload, status));
    if (operation->is_repeat && is_open) {
        change_is_unknown(operation);
        operation_change_lost(operation);
        return;
    }
    end_change(operation);
    if (operation->is_repeat) {
        change_is_known(operation);
    }
    if (status != operation->expected &&
        (status == WIRE_OK || !workload_excuses(workload, status))) {
        disagree(operation, "a change", status);
        return;
    }
    if (status != WIRE_OK) {
        workload->operations_failed++;
        operation_change_answered(operation, status);
        return;
    }
    struct reader reader = reader_over(body.data, body.size);
    if (!is_v1(operation) && read_result(&reader) != 0) {
        disagree(operation, "a change, with a wrong result", status);
        return;
    }
    apply_change(operation, &reader);
    operation_change_answered(operation, status);
}

/* It was done once, and is answered as it was. */
static void on_changed_again(struct operation *operation, u32 status, struct span body)
{
    struct reader reader = reader_over(body.data, body.size);
    if (!status_is_right(operation, "a change that came again", status) || status != WIRE_OK) {
        return;
    }
    u32 result = read_result(&reader);
    u32 id = operation->actor->kept.id;
    if (operation->change == CHANGE_CREATE_STREAM) {
        id = read_stream_info(&reader).id;
    } else if (operation->change == CHANGE_CREATE_TOPIC) {
        id = read_topic_view(&reader).info.id;
    }
    if (result != WIRE_OK || reader.failed || id != operation->actor->kept.id) {
        disagree(operation, "a change that came again, with another result", result);
    }
}

/* ---- Plain reads ---- */

static void on_plain(struct operation *operation, u32 status, struct span body)
{
    if (!status_is_right(operation, "a read", status) || status != WIRE_OK ||
        operation->call.command != COMMAND_GET_TOPIC || is_fuzzy(operation)) {
        return;
    }
    struct reader reader = reader_over(body.data, body.size);
    struct topic_info info = read_topic(operation, &reader);
    if (reader.failed || info.id != operation->topic->id ||
        info.partitions_count != operation->topic->partitions_count) {
        disagree(operation, "a read of a topic, with a wrong description", status);
    }
}

/* ---- Answered or lost ---- */

static const char *const kind_names[] = {
    [OPERATION_REGISTER] = "login",
    [OPERATION_WRONG_PASSWORD] = "wrong login",
    [OPERATION_PLAIN] = "read",
    [OPERATION_SEND] = "send",
    [OPERATION_SEND_DAMAGED] = "damaged send",
    [OPERATION_POLL] = "poll",
    [OPERATION_OFFSET_GET] = "get offset",
    [OPERATION_OFFSET_STORE] = "store offset",
    [OPERATION_OFFSET_DELETE] = "delete offset",
    [OPERATION_SEGMENTS_DELETE] = "delete segments",
    [OPERATION_CHANGE] = "change",
    [OPERATION_CHANGE_AGAIN] = "change again",
};

/* One line for whoever reads a failure. */
static void tell(const struct operation *operation, const char *end, u32 status)
{
    const struct workload *workload = workload_of(operation);
    if (!workload->prints) {
        return;
    }
    fprintf(stderr, "%" PRIu64 " us: client %u%s %s %s/%s/%u", sim_now_us(workload->sim),
            operation->actor->index, is_v1(operation) ? " (0.8)" : "", kind_names[operation->kind],
            operation->stream == NULL ? "-" : operation->stream->name,
            operation->topic == NULL ? "-" : operation->topic->name,
            operation->partition == NULL ? 0 : operation->partition->id);
    if (operation->kind == OPERATION_CHANGE || operation->kind == OPERATION_CHANGE_AGAIN) {
        fprintf(stderr, " kind %u", operation->change);
    }
    if (operation->send != NULL) {
        fprintf(stderr, " send %u of %u%s", operation->send->number, operation->send->count,
                operation->is_repeat ? " again" : "");
    }
    if (operation->kind == OPERATION_POLL) {
        fprintf(stderr, " strategy %u value %" PRIu64 " count %u%s wait %u", operation->strategy,
                operation->value, operation->count, operation->auto_commit ? " commit" : "",
                operation->wait_ms);
    }
    if (operation->stored != NULL) {
        fprintf(stderr, " offset %" PRIu64 " (stored %" PRIu64 " of %u)%s", operation->offset,
                operation->stored->values[0], operation->stored->values_count,
                operation->wait_for_commit ? " durably" : "");
    }
    fprintf(stderr, ": %s %u%s\n", end, status, is_fuzzy(operation) ? " fuzzy" : "");
}

static void take_answer(struct operation *operation, const struct sim_client_reply *reply)
{
    u32 status = reply->status;
    switch (operation->kind) {
    case OPERATION_REGISTER:
    case OPERATION_WRONG_PASSWORD: return;
    case OPERATION_PLAIN: on_plain(operation, status, reply->body); return;
    case OPERATION_SEND:
    case OPERATION_SEND_DAMAGED: on_sent(operation, status, reply->body); return;
    case OPERATION_POLL: on_polled(operation, status, reply->body); return;
    case OPERATION_OFFSET_GET: on_offset_got(operation, status, reply->body); return;
    case OPERATION_OFFSET_STORE:
    case OPERATION_OFFSET_DELETE: on_offset_stored(operation, status); return;
    case OPERATION_SEGMENTS_DELETE:
        model_segments_delete_answered(operation->partition);
        (void)status_is_right(operation, "a delete of segments", status);
        return;
    case OPERATION_CHANGE: on_changed(operation, status, reply->body); return;
    case OPERATION_CHANGE_AGAIN: on_changed_again(operation, status, reply->body); return;
    }
}

void operation_on_reply(struct operation *operation, const struct sim_client_reply *reply)
{
    struct actor *actor = operation->actor;
    if (actor->client.calls_count == 0) {
        actor->busy_alone = false;
    }
    tell(operation, "answered", reply->is_eviction ? reply->eviction_reason : reply->status);
    if (operation->kind == OPERATION_REGISTER) {
        on_registered(operation, reply);
    } else if (operation->kind == OPERATION_WRONG_PASSWORD) {
        on_wrong_password(operation, reply);
    } else if (reply->is_eviction) {
        disagree(operation, "a request after the login, by eviction", reply->eviction_reason);
    } else {
        take_answer(operation, reply);
    }
}

void operation_on_lost(struct operation *operation)
{
    tell(operation, "lost", 0);
    switch (operation->kind) {
    case OPERATION_SEND: model_send_lost(operation->send); return;
    case OPERATION_SEND_DAMAGED: model_send_refused(operation->send); return;
    case OPERATION_POLL:
        if (operation->auto_commit) {
            model_store_lost(operation->stored);
        }
        return;
    case OPERATION_OFFSET_STORE:
    case OPERATION_OFFSET_DELETE: model_store_lost(operation->stored); return;
    case OPERATION_CHANGE:
        change_is_unknown(operation);
        operation_change_lost(operation);
        return;
    case OPERATION_REGISTER:
    case OPERATION_WRONG_PASSWORD:
    case OPERATION_PLAIN:
    case OPERATION_OFFSET_GET:
    case OPERATION_CHANGE_AGAIN:
    case OPERATION_SEGMENTS_DELETE: return;
    }
}
