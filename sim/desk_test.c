#include "sim/desk.h"

#include "test.h"

static struct desk desk;

static u32 change(enum desk_change_kind kind, u32 stream, u32 topic, u32 name)
{
    return desk_apply(&desk, &(struct desk_change){.kind = kind,
                                                   .stream = stream,
                                                   .topic = topic,
                                                   .name = name,
                                                   .count = 2,
                                                   .keeps_old = kind == DESK_UPDATE_TOPIC});
}

static void begin(void)
{
    desk = (struct desk){.segment_bytes = 1000};
    EXPECT_EQ(change(DESK_CREATE_STREAM, 0, 0, 0), WIRE_OK);
    EXPECT_EQ(change(DESK_CREATE_TOPIC, 0, 0, 1), WIRE_OK);
}

TEST(a_name_is_taken_once_and_goes_with_its_owner)
{
    begin();
    EXPECT_EQ(change(DESK_CREATE_STREAM, 0, 0, 0), WIRE_STREAM_NAME_ALREADY_EXISTS);
    EXPECT_EQ(change(DESK_UPDATE_STREAM, 0, 0, 2), WIRE_OK);
    EXPECT_EQ(change(DESK_UPDATE_STREAM, 0, 0, 1), WIRE_STREAM_ID_NOT_FOUND);
    EXPECT_EQ(change(DESK_CREATE_STREAM, 0, 0, 0), WIRE_OK);
    EXPECT_EQ(change(DESK_UPDATE_STREAM, 0, 0, 2), WIRE_STREAM_NAME_ALREADY_EXISTS);
    EXPECT(desk_topic(&desk, 2, 1) != NULL);
    EXPECT_EQ(change(DESK_DELETE_STREAM, 2, 0, 0), WIRE_OK);
    EXPECT(desk_topic(&desk, 2, 1) == NULL);
}

TEST(an_update_changes_what_it_names_and_is_refused_as_a_whole)
{
    begin();
    struct desk_change update = {
        .kind = DESK_UPDATE_TOPIC, .topic = 1, .name = 2, .expiry_us = 5, .bytes_max = 999};
    EXPECT_EQ(desk_apply(&desk, &update), WIRE_INVALID_TOPIC_SIZE);
    EXPECT(desk_topic(&desk, 0, 1) != NULL);
    update.bytes_max = 1000;
    EXPECT_EQ(desk_apply(&desk, &update), WIRE_OK);
    EXPECT_EQ(desk_topic(&desk, 0, 2)->expiry_us, 5);
    EXPECT_EQ(change(DESK_UPDATE_TOPIC, 0, 2, 0), WIRE_OK);
    EXPECT_EQ(desk_topic(&desk, 0, 0)->bytes_max, 1000);
}

TEST(a_group_goes_with_its_members_and_a_session_with_its_memberships)
{
    begin();
    EXPECT_EQ(change(DESK_JOIN_GROUP, 0, 1, 0), WIRE_GROUP_ID_NOT_FOUND);
    EXPECT_EQ(change(DESK_CREATE_GROUP, 0, 1, 0), WIRE_OK);
    EXPECT_EQ(change(DESK_JOIN_GROUP, 0, 1, 0), WIRE_OK);
    EXPECT_EQ(change(DESK_DELETE_GROUP, 0, 1, 0), WIRE_OK);
    EXPECT_EQ(change(DESK_CREATE_GROUP, 0, 1, 0), WIRE_OK);
    EXPECT_EQ(change(DESK_LEAVE_GROUP, 0, 1, 0), WIRE_GROUP_MEMBER_NOT_FOUND);
    EXPECT_EQ(change(DESK_JOIN_GROUP, 0, 1, 0), WIRE_OK);
    desk_session_ends(&desk, true);
    EXPECT_EQ(desk_topic(&desk, 0, 1)->members, 0);
    EXPECT_EQ(desk_topic(&desk, 0, 1)->ghosts, 1);
    desk_server_starts(&desk);
    EXPECT_EQ(desk_topic(&desk, 0, 1)->ghosts, 0);
}

TEST(tokens_have_names_and_a_limit)
{
    begin();
    EXPECT_EQ(change(DESK_DELETE_TOKEN, 0, 0, 3), WIRE_RESOURCE_NOT_FOUND);
    for (u32 i = 0; i < DESK_TOKENS_MAX - 1; i++) {
        EXPECT_EQ(change(DESK_CREATE_TOKEN, 0, 0, i), WIRE_OK);
    }
    EXPECT_EQ(change(DESK_CREATE_TOKEN, 0, 0, 1), WIRE_TOKEN_ALREADY_EXISTS);
    EXPECT_EQ(change(DESK_CREATE_TOKEN, 0, 0, 3), WIRE_OK);
    EXPECT_EQ(change(DESK_CREATE_TOKEN, 0, 0, 4), WIRE_TOKENS_LIMIT_REACHED);
}
