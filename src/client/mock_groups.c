/* Consumer groups of the server in memory: partition i belongs to member i modulo their number. */
#include "base/mem.h"
#include "client/client_mock.h"
#include "wire/group_info.h"

static u32 member_index(const struct mock_group *group, struct u128 client)
{
    for (u32 i = 0; i < group->members_count; i++) {
        if (u128_equal(group->members[i], client)) {
            return i;
        }
    }
    return UINT32_MAX;
}

bool mock_owns(const struct mock_topic *topic, const struct mock_group *group, struct u128 client,
               u32 partition_id)
{
    u32 index = member_index(group, client);
    return index != UINT32_MAX && partition_id < topic->partitions_count &&
           partition_id % group->members_count == index;
}

static void join(struct mock_group *group, struct u128 client)
{
    if (member_index(group, client) == UINT32_MAX) {
        u32 count = ++group->members_count;
        group->members = mem_resize(group->members, count * sizeof(group->members[0]));
        group->members[count - 1] = client;
        group->generation++;
    }
}

static bool leave(struct mock_group *group, struct u128 client)
{
    u32 index = member_index(group, client);
    if (index == UINT32_MAX) {
        return false;
    }
    memmove(&group->members[index], &group->members[index + 1],
            (group->members_count - index - 1) * sizeof(group->members[0]));
    group->members_count--;
    group->generation++;
    return true;
}

static void leave_topic(struct mock_topic *topic, struct u128 client)
{
    for (u32 i = 0; i < topic->groups_count; i++) {
        (void)leave(&topic->groups[i], client);
    }
}

void mock_leave_all(struct lv_mock *mock, struct u128 client)
{
    for (u32 i = 0; i < mock->streams_count; i++) {
        for (u32 j = 0; j < mock->streams[i].topics_count; j++) {
            leave_topic(&mock->streams[i].topics[j], client);
        }
    }
}

static void write_group(struct writer *writer, const struct mock_topic *topic,
                        const struct mock_group *group)
{
    struct group_info info = {.id = group->id,
                              .partitions_count = topic->partitions_count,
                              .members_count = group->members_count,
                              .name = span_of(group->name)};
    write_group_info(writer, &info);
}

static enum wire_error create(struct mock_request *request)
{
    struct create_group_request wanted;
    enum wire_error error = create_group_request_decode(request->body, &wanted);
    if (error != WIRE_OK) {
        return error;
    }
    struct mock_topic *topic = mock_find_topic(request->mock, &wanted.stream, &wanted.topic);
    struct identifier name = identifier_of_name(wanted.name);
    if (topic == NULL || mock_find_group(topic, &name) != NULL) {
        return topic == NULL ? WIRE_TOPIC_ID_NOT_FOUND : WIRE_GROUP_NAME_ALREADY_EXISTS;
    }
    u32 count = topic->groups_count++;
    topic->groups = mem_resize(topic->groups, (count + 1) * sizeof(topic->groups[0]));
    char *copy = mem_take(wanted.name.size + 1u);
    memcpy(copy, wanted.name.data, wanted.name.size);
    topic->groups[count] = (struct mock_group){.name = copy, .id = count};
    write_group(request->reply, topic, &topic->groups[count]);
    return WIRE_OK;
}

static void sync(struct mock_request *request, const struct mock_topic *topic,
                 const struct mock_group *group)
{
    struct u128 client = request->header.client;
    u32 owned = 0;
    if (group == NULL || member_index(group, client) == UINT32_MAX) {
        return; /* an empty body: not a member */
    }
    for (u32 i = 0; i < topic->partitions_count; i++) {
        owned += mock_owns(topic, group, client, i) ? 1 : 0;
    }
    write_group_assignment_start(request->reply, group->generation, owned);
    for (u32 i = 0; i < topic->partitions_count; i++) {
        if (mock_owns(topic, group, client, i)) {
            write_u32(request->reply, i);
        }
    }
}

static enum wire_error do_with(struct mock_request *request, struct mock_topic *topic,
                               struct mock_group *group)
{
    u32 code = command_row(request->command)->code;
    if (code == 606) {
        sync(request, topic, group);
        return WIRE_OK;
    }
    if (code == 600) {
        if (group != NULL) {
            write_group(request->reply, topic, group);
        }
        return WIRE_OK;
    }
    if (group == NULL) {
        return WIRE_GROUP_ID_NOT_FOUND;
    }
    if (code == 604) {
        join(group, request->header.client);
        return WIRE_OK;
    }
    return leave(group, request->header.client) ? WIRE_OK : WIRE_GROUP_MEMBER_NOT_FOUND;
}

enum wire_error mock_groups_do(struct mock_request *request)
{
    struct group_request wanted;
    u32 code = command_row(request->command)->code;
    if (code == 602) {
        return create(request);
    }
    if (code == 601 || code == 603) {
        return WIRE_FEATURE_UNAVAILABLE;
    }
    enum wire_error error = group_request_decode(request->body, &wanted);
    if (error != WIRE_OK) {
        return error;
    }
    struct mock_topic *topic = mock_find_topic(request->mock, &wanted.stream, &wanted.topic);
    if (topic == NULL) {
        return code == 606 ? WIRE_OK : WIRE_TOPIC_ID_NOT_FOUND;
    }
    return do_with(request, topic, mock_find_group(topic, &wanted.group));
}
