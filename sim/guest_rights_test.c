#include "sim/guest_rights.h"

#include "test.h"

static struct model model;
static struct verdict verdict;

static struct model_topic *begin(void)
{
    model_init(&model, &verdict, MODEL_SYNC, 2);
    for (u32 i = 0; i < 2; i++) {
        model.streams[i].id = 5 + i;
        model.streams[i].topics[1].id = 3;
    }
    return &model.streams[0].topics[1];
}

static const struct guest_act *act_of(enum command command)
{
    u32 index = 0;
    while (guest_act(index)->command != command) {
        index++;
    }
    return guest_act(index);
}

static bool may(const struct guest_rights *rights, enum command command,
                const struct model_topic *topic)
{
    return guest_rights_allow(rights, act_of(command), topic);
}

TEST(a_grant_is_for_its_stream_or_topic_alone)
{
    struct model_topic *topic = begin();
    struct guest_rights rights = {0};
    EXPECT(guest_rights_add(&rights, topic, false, TOPIC_SEND_MESSAGES));
    EXPECT(!guest_rights_add(&rights, topic, false, TOPIC_SEND_MESSAGES));
    EXPECT(may(&rights, COMMAND_SEND_MESSAGES, topic));
    EXPECT(!may(&rights, COMMAND_POLL_MESSAGES, topic));
    EXPECT(!may(&rights, COMMAND_SEND_MESSAGES, &topic->stream->topics[0]));
    EXPECT(!may(&rights, COMMAND_SEND_MESSAGES, &model.streams[1].topics[1]));
    EXPECT(guest_rights_add(&rights, topic, true, STREAM_READ_STREAM));
    EXPECT(may(&rights, COMMAND_GET_STREAM, &topic->stream->topics[0]));
    EXPECT(!may(&rights, COMMAND_GET_STREAM, &model.streams[1].topics[1]));
    EXPECT(may(&rights, COMMAND_GET_ME, NULL));
}

TEST(a_grant_goes_with_its_stream_or_topic)
{
    struct model_topic *topic = begin();
    struct guest_rights rights = {0};
    EXPECT(guest_rights_add(&rights, topic, false, TOPIC_SEND_MESSAGES));
    topic->deletions++;
    EXPECT(!may(&rights, COMMAND_SEND_MESSAGES, topic));
}

TEST(a_block_of_rights_is_what_was_granted_and_is_left)
{
    u8 block[128];
    struct model_topic *topic = begin();
    struct guest_rights rights = {.global = GLOBAL_READ_USERS};
    EXPECT(guest_rights_add(&rights, topic, false, TOPIC_SEND_MESSAGES));
    EXPECT(guest_rights_add(&rights, &model.streams[1].topics[1], true, STREAM_READ_STREAM));
    struct span shown = {block, guest_rights_write(&rights, block, sizeof(block))};
    EXPECT_EQ(permissions_validate(shown), WIRE_OK);
    EXPECT(guest_rights_match(&rights, shown));
    model.streams[1].deletions++;
    EXPECT(!guest_rights_match(&rights, shown));
    rights.is_vague = true;
    EXPECT(guest_rights_match(&rights, shown));
    rights.global = 0;
    EXPECT(!guest_rights_match(&rights, shown));
}
