#include "client/lv_result.h"

#include "base/mem.h"
#include "wire/client_info.h"
#include "wire/cluster.h"
#include "wire/consumer.h"
#include "wire/group_info.h"
#include "wire/options.h"
#include "wire/partition_info.h"
#include "wire/stats.h"
#include "wire/token_info.h"
#include "wire/topic_info.h"
#include "wire/user_info.h"

struct lv_result *lv_result_create(void)
{
    return mem_take(sizeof(struct lv_result));
}

void lv_result_destroy(struct lv_result *result)
{
    if (result != NULL) {
        mem_return(result->body);
        mem_return(result->text);
        mem_return(result);
    }
}

void result_fill(struct lv_result *result, enum command command, struct span body)
{
    if (result == NULL) {
        return;
    }
    if (body.size > result->body_capacity) {
        result->body_capacity = body.size;
        result->body = mem_resize(result->body, body.size);
    }
    if (body.size > 0) {
        memcpy(result->body, body.data, body.size);
    }
    *result = (struct lv_result){.command = command,
                                 .body = result->body,
                                 .body_capacity = result->body_capacity,
                                 .text = result->text,
                                 .text_capacity = result->text_capacity,
                                 .reader = reader_over(result->body, body.size)};
}

/* ---- Fields ---- */

static void set_number(struct lv_result *result, enum lv_field field, u64 value)
{
    result->numbers[field] = value;
}

/* Rows have few texts, all of them parts of the answer: room for them is made before the first. */
static void set_text(struct lv_result *result, enum lv_field field, struct span text)
{
    u8 *copy = result->text + result->text_bytes;
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = 0;
    result->texts[field] = (struct span){copy, text.size};
    result->text_bytes += text.size + 1;
}

static void begin_row(struct lv_result *result)
{
    u32 wanted = result->reader.size + LV_FIELDS_COUNT;
    if (wanted > result->text_capacity) {
        result->text_capacity = wanted;
        result->text = mem_resize(result->text, wanted);
    }
    result->text_bytes = 0;
    memset(result->numbers, 0, sizeof(result->numbers));
    memset(result->texts, 0, sizeof(result->texts));
}

/* ---- Rows ---- */

static int read_stream(struct lv_result *result)
{
    struct stream_info info = read_stream_info(&result->reader);
    set_number(result, LV_FIELD_ID, info.id);
    set_number(result, LV_FIELD_CREATED_AT_US, info.created_at_us);
    set_number(result, LV_FIELD_TOPICS_COUNT, info.topics_count);
    set_number(result, LV_FIELD_SIZE_BYTES, info.size_bytes);
    set_number(result, LV_FIELD_MESSAGES_COUNT, info.messages_count);
    set_text(result, LV_FIELD_NAME, info.name);
    return LV_ROW_STREAM;
}

static int read_topic(struct lv_result *result)
{
    struct topic_view view = read_topic_view(&result->reader);
    set_number(result, LV_FIELD_ID, view.info.id);
    set_number(result, LV_FIELD_CREATED_AT_US, view.info.created_at_us);
    set_number(result, LV_FIELD_PARTITIONS_COUNT, view.info.partitions_count);
    set_number(result, LV_FIELD_SIZE_BYTES, view.info.size_bytes);
    set_number(result, LV_FIELD_MESSAGES_COUNT, view.info.messages_count);
    set_number(result, LV_FIELD_MESSAGE_EXPIRY_US, view.message_expiry_us);
    set_number(result, LV_FIELD_MAX_SIZE_BYTES, view.max_topic_size_bytes);
    set_number(result, LV_FIELD_COMPRESSION, view.compression);
    set_text(result, LV_FIELD_NAME, view.info.name);
    return LV_ROW_TOPIC;
}

static int read_partition(struct lv_result *result)
{
    struct partition_info info = read_partition_info(&result->reader);
    set_number(result, LV_FIELD_ID, info.id);
    set_number(result, LV_FIELD_CREATED_AT_US, info.created_at_us);
    set_number(result, LV_FIELD_SEGMENTS_COUNT, info.segments_count);
    set_number(result, LV_FIELD_CURRENT_OFFSET, info.current_offset);
    set_number(result, LV_FIELD_SIZE_BYTES, info.size_bytes);
    set_number(result, LV_FIELD_MESSAGES_COUNT, info.messages_count);
    return LV_ROW_PARTITION;
}

static int read_user(struct lv_result *result)
{
    struct user_info info = read_user_info(&result->reader);
    set_number(result, LV_FIELD_ID, info.id);
    set_number(result, LV_FIELD_CREATED_AT_US, info.created_at_us);
    set_number(result, LV_FIELD_STATUS, info.status);
    set_text(result, LV_FIELD_NAME, info.username);
    return LV_ROW_USER;
}

/* The bits of streams and topics begin further down; here each right has one bit everywhere. */
static u64 public_bits(const struct permission_entry *entry)
{
    switch ((enum permission_scope)entry->scope) {
    case PERMISSION_GLOBAL: return entry->bits;
    case PERMISSION_STREAM: return (u64)entry->bits << 4;
    case PERMISSION_TOPIC: return (u64)entry->bits << 6;
    }
    return 0;
}

static int read_permission(struct lv_result *result)
{
    struct permission_entry entry;
    if (result->rows_count == 1) {
        bool has = false;
        struct span block = read_user_permissions(&result->reader, &has);
        result->permissions = permissions_iterate(has ? block : (struct span){0});
        if (!has) {
            return LV_ROW_NONE;
        }
    }
    if (!permissions_next(&result->permissions, &entry)) {
        result->is_broken |= result->permissions.reader.failed;
        return LV_ROW_NONE;
    }
    bool is_global = entry.scope == PERMISSION_GLOBAL;
    bool is_topic = entry.scope == PERMISSION_TOPIC;
    set_number(result, LV_FIELD_STREAM_ID, is_global ? UINT32_MAX : entry.stream_id);
    set_number(result, LV_FIELD_TOPIC_ID, is_topic ? entry.topic_id : UINT32_MAX);
    set_number(result, LV_FIELD_BITS, public_bits(&entry));
    return LV_ROW_PERMISSION;
}

static int read_token(struct lv_result *result)
{
    if (result->command == COMMAND_CREATE_TOKEN) {
        set_text(result, LV_FIELD_TEXT, read_span(&result->reader, read_u8(&result->reader)));
        return LV_ROW_TOKEN;
    }
    struct token_info info = read_token_info(&result->reader);
    set_text(result, LV_FIELD_NAME, info.name);
    set_number(result, LV_FIELD_EXPIRES_AT_US, info.expires_at_us);
    return LV_ROW_TOKEN;
}

static int read_group(struct lv_result *result)
{
    struct group_info info = read_group_info(&result->reader);
    set_number(result, LV_FIELD_ID, info.id);
    set_number(result, LV_FIELD_PARTITIONS_COUNT, info.partitions_count);
    set_number(result, LV_FIELD_MEMBERS_COUNT, info.members_count);
    set_text(result, LV_FIELD_NAME, info.name);
    return LV_ROW_GROUP;
}

static int read_partition_number(struct lv_result *result)
{
    result->partitions_left--;
    set_number(result, LV_FIELD_ID, read_u32(&result->reader));
    return LV_ROW_PARTITION;
}

static int read_member(struct lv_result *result)
{
    if (result->partitions_left > 0) {
        return read_partition_number(result);
    }
    set_number(result, LV_FIELD_ID, read_u32(&result->reader));
    result->partitions_left = read_u32(&result->reader);
    set_number(result, LV_FIELD_PARTITIONS_COUNT, result->partitions_left);
    return LV_ROW_MEMBER;
}

static int read_assignment(struct lv_result *result)
{
    if (result->rows_count > 0) {
        return read_partition_number(result);
    }
    set_number(result, LV_FIELD_GENERATION, read_u64(&result->reader));
    result->partitions_left = read_u32(&result->reader);
    set_number(result, LV_FIELD_PARTITIONS_COUNT, result->partitions_left);
    return LV_ROW_GROUP;
}

static int read_connection(struct lv_result *result)
{
    struct client_info info = read_client_info(&result->reader);
    set_number(result, LV_FIELD_ID, info.client_id);
    set_number(result, LV_FIELD_USER_ID, info.user_id);
    set_number(result, LV_FIELD_TRANSPORT, info.transport);
    set_number(result, LV_FIELD_GROUPS_COUNT, info.groups_count);
    set_text(result, LV_FIELD_ADDRESS, info.address);
    return LV_ROW_CONNECTION;
}

static int read_membership(struct lv_result *result)
{
    struct client_group group = read_client_group(&result->reader);
    set_number(result, LV_FIELD_STREAM_ID, group.stream_id);
    set_number(result, LV_FIELD_TOPIC_ID, group.topic_id);
    set_number(result, LV_FIELD_GROUP_ID, group.group_id);
    return LV_ROW_MEMBERSHIP;
}

static int read_statistics(struct lv_result *result)
{
    struct stats stats;
    struct span body = {result->reader.data, result->reader.size};
    result->reader.position = result->reader.size;
    if (stats_decode(body, &stats) != OK) {
        result->is_broken = true;
        return LV_ROW_NONE;
    }
    set_number(result, LV_FIELD_PROCESS_ID, stats.process_id);
    set_number(result, LV_FIELD_CPU_PERMILLE, (u64)(stats.process_cpu_percent * 10.0f));
    set_number(result, LV_FIELD_MEMORY_BYTES, stats.memory_bytes);
    set_number(result, LV_FIELD_TOTAL_MEMORY_BYTES, stats.total_memory_bytes);
    set_number(result, LV_FIELD_RUN_TIME_US, stats.run_time_us);
    set_number(result, LV_FIELD_CREATED_AT_US, stats.start_time_us);
    set_number(result, LV_FIELD_READ_BYTES, stats.read_bytes);
    set_number(result, LV_FIELD_WRITTEN_BYTES, stats.written_bytes);
    set_number(result, LV_FIELD_SIZE_BYTES, stats.messages_size_bytes);
    set_number(result, LV_FIELD_STREAMS_COUNT, stats.streams_count);
    set_number(result, LV_FIELD_TOPICS_COUNT, stats.topics_count);
    set_number(result, LV_FIELD_PARTITIONS_COUNT, stats.partitions_count);
    set_number(result, LV_FIELD_SEGMENTS_COUNT, stats.segments_count);
    set_number(result, LV_FIELD_MESSAGES_COUNT, stats.messages_count);
    set_number(result, LV_FIELD_CLIENTS_COUNT, stats.clients_count);
    set_number(result, LV_FIELD_GROUPS_COUNT, stats.groups_count);
    set_number(result, LV_FIELD_FREE_DISK_BYTES, stats.free_disk_bytes);
    set_number(result, LV_FIELD_TOTAL_DISK_BYTES, stats.total_disk_bytes);
    set_text(result, LV_FIELD_HOSTNAME, stats.hostname);
    set_text(result, LV_FIELD_SERVER_VERSION, stats.server_version);
    return LV_ROW_STATISTICS;
}

static int read_node(struct lv_result *result)
{
    if (result->rows_count == 0) {
        u32 count = 0;
        (void)read_cluster_header(&result->reader, &count);
    }
    struct cluster_node node = read_cluster_node(&result->reader);
    set_text(result, LV_FIELD_NAME, node.name);
    set_text(result, LV_FIELD_ADDRESS, node.ip);
    set_number(result, LV_FIELD_PORT, node.tcp_port);
    set_number(result, LV_FIELD_ROLE, node.role);
    set_number(result, LV_FIELD_STATUS, node.status);
    return LV_ROW_NODE;
}

static int read_option(struct lv_result *result)
{
    if (result->rows_count == 0 && read_u32(&result->reader) == 0) {
        return LV_ROW_NONE;
    }
    struct option_description row = read_option_description(&result->reader);
    set_text(result, LV_FIELD_NAME, row.option.key);
    set_number(result, LV_FIELD_KIND, row.option.kind);
    set_text(result, LV_FIELD_BYTES, row.option.value);
    set_text(result, LV_FIELD_TEXT, row.text);
    return LV_ROW_OPTION;
}

static int read_offset(struct lv_result *result)
{
    set_number(result, LV_FIELD_ID, read_u32(&result->reader));
    set_number(result, LV_FIELD_CURRENT_OFFSET, read_u64(&result->reader));
    set_number(result, LV_FIELD_STORED_OFFSET, read_u64(&result->reader));
    return LV_ROW_OFFSET;
}

static int read_bytes_row(struct lv_result *result)
{
    struct span all = read_span(&result->reader, reader_left(&result->reader));
    set_text(result, LV_FIELD_BYTES, all);
    return LV_ROW_BYTES;
}

static int read_message(struct lv_result *result)
{
    struct poll_reply reply;
    if (result->rows_count == 0) {
        struct span body = {result->reader.data, result->reader.size};
        result->is_broken = poll_reply_decode(body, &reply) != OK;
        if (result->is_broken) {
            return LV_ROW_NONE;
        }
        result->message.partition_id = reply.prefix.partition_id;
        result->polled = poll_iterate(&reply);
    }
    if (!poll_next(&result->polled, &result->message.polled)) {
        result->is_broken |= result->polled.failed;
        result->reader.position = result->reader.size;
        return LV_ROW_NONE;
    }
    return LV_ROW_MESSAGE;
}

/* What stands first, or what follows it. */
static int read_row(struct lv_result *result)
{
    bool is_first = result->rows_count == 0;
    u32 code = result->is_raw ? 0 : command_row(result->command)->code;
    switch (code) {
    case 10: return read_statistics(result);
    case 12: return read_node(result);
    case 13: return read_option(result);
    case 20:
    case 21: return is_first ? read_connection(result) : read_membership(result);
    case 22: return read_connection(result);
    case 31:
    case 33: return is_first ? read_user(result) : read_permission(result);
    case 32: return read_user(result);
    case 41:
    case 42: return read_token(result);
    case 100:
    case 10100: return read_message(result);
    case 120: return read_offset(result);
    case 200:
    case 202: return is_first ? read_stream(result) : read_topic(result);
    case 201: return read_stream(result);
    case 300:
    case 302: return is_first ? read_topic(result) : read_partition(result);
    case 301: return read_topic(result);
    case 600:
    case 602: return is_first ? read_group(result) : read_member(result);
    case 601: return read_group(result);
    case 606: return read_assignment(result);
    default: return read_bytes_row(result);
    }
}

/* Permissions are iterated by themselves when all has been read. */
static bool has_more(const struct lv_result *result)
{
    bool of_user = result->command == COMMAND_GET_USER || result->command == COMMAND_CREATE_USER;
    return reader_left(&result->reader) > 0 || (of_user && result->rows_count > 1);
}

int lv_result_next(struct lv_result *result)
{
    result->row = LV_ROW_NONE;
    if (result->is_broken || !has_more(result)) {
        return LV_ROW_NONE;
    }
    begin_row(result);
    bool lists_topics = !result->is_raw && result->command == COMMAND_GET_TOPICS;
    if (lists_topics && result->rows_count == 0 && read_u32(&result->reader) == 0) {
        return LV_ROW_NONE;
    }
    int row = read_row(result);
    if (result->reader.failed) {
        result->is_broken = true;
        row = LV_ROW_NONE;
    }
    result->rows_count++;
    result->row = row;
    return row;
}

int lv_result_is_broken(const struct lv_result *result)
{
    return result->is_broken;
}

uint64_t lv_result_number(const struct lv_result *result, int field)
{
    return field < 0 || field >= LV_FIELDS_COUNT ? 0 : result->numbers[field];
}

const char *lv_result_text(const struct lv_result *result, int field, size_t *size)
{
    bool is_there = field >= 0 && field < LV_FIELDS_COUNT && result->texts[field].data != NULL;
    *size = is_there ? result->texts[field].size : 0;
    return is_there ? (const char *)result->texts[field].data : "";
}

const struct lv_message *lv_result_message(const struct lv_result *result)
{
    return result->row == LV_ROW_MESSAGE ? &result->message : NULL;
}
