#include "shard/segment_verdict.h"

#include "state/state_fixture.h"
#include "test.h"

static struct fixture fixture;
static u8 block[SEGMENT_HEADER_BYTES];

static struct span block_of(u64 life, u32 partition_id, u64 base_offset)
{
    struct segment_header header = {
        .sector_bytes = 4096,
        .write_bytes_max = 1,
        .partition_id = partition_id,
        .life = life,
        .base_offset = base_offset,
    };
    segment_header_encode(&header, block);
    return (struct span){block, sizeof(block)};
}

static enum segment_verdict verdict_of(u64 life, struct span bytes)
{
    struct segment_place place = {.state = fixture.state, .life = life};
    struct segment_header header;
    return segment_verdict_of(&place, bytes, 7, &header);
}

TEST(only_names_of_twenty_digits_are_segments)
{
    u64 base_offset = 0;
    EXPECT(segment_verdict_name("00000000000000000812.log", ".log", &base_offset));
    EXPECT_EQ(base_offset, 812);
    EXPECT(segment_verdict_name("18446744073709551615.index", ".index", &base_offset));
    EXPECT_EQ(base_offset, UINT64_MAX);
    EXPECT(!segment_verdict_name("00000000000000000812.log", ".index", &base_offset));
    EXPECT(!segment_verdict_name("0000000000000000812.log", ".log", &base_offset));
    EXPECT(!segment_verdict_name("0000000000000000081x.log", ".log", &base_offset));
    EXPECT(!segment_verdict_name("00000000000000000812.log.bak", ".log", &base_offset));
    EXPECT(!segment_verdict_name("99999999999999999999.log", ".log", &base_offset));
}

TEST(a_header_is_ours_by_life_place_and_name)
{
    fixture_init(&fixture, &small_options);
    add_stream(&fixture, "s");
    u64 over = add_topic(&fixture, 0, "t", 2);
    u64 life = do_on_topic(&fixture, STATE_PURGE_TOPIC, 0, 0, 0);
    EXPECT_EQ(verdict_of(life, block_of(life, 0, 7)), SEGMENT_SOUND);
    EXPECT_EQ(verdict_of(life, block_of(life, 0, 8)), SEGMENT_UNSOUND);
    EXPECT_EQ(verdict_of(life, block_of(life, 1, 7)), SEGMENT_OTHER_PARTITION);
    EXPECT_EQ(verdict_of(life, block_of(over, 0, 7)), SEGMENT_LIFE_OVER);
    EXPECT_EQ(verdict_of(life, block_of(life + 1, 0, 7)), SEGMENT_LIFE_UNKNOWN);
    EXPECT_EQ(verdict_of(over, block_of(life, 0, 7)), SEGMENT_LIFE_NOT_OVER);
    fixture_deinit(&fixture);
}

TEST(a_header_that_is_short_or_rotten_says_nothing)
{
    fixture_init(&fixture, &small_options);
    struct span bytes = block_of(1, 0, 7);
    bytes.size--;
    EXPECT_EQ(verdict_of(1, bytes), SEGMENT_UNSOUND);
    bytes.size++;
    block[300] ^= 1;
    EXPECT_EQ(verdict_of(1, bytes), SEGMENT_UNSOUND);
    fixture_deinit(&fixture);
}

TEST(the_scan_begins_at_a_point_only_when_it_lies_in_the_segment)
{
    struct segment_header header = {.base_offset = 100, .first_unit = 10, .bytes_before = 5};
    struct log_point point = {
        .segment_base_offset = 100, .next_unit = 12, .next_offset = 130, .position = 8192};
    EXPECT_EQ(segment_verdict_begin(&header, &point).position, 8192);
    EXPECT_EQ(segment_verdict_begin(&header, &point).next_offset, 130);
    EXPECT_EQ(segment_verdict_begin(&header, NULL).position, SEGMENT_HEADER_BYTES);
    EXPECT_EQ(segment_verdict_begin(&header, NULL).bytes, 5);
    point.segment_base_offset = 0;
    EXPECT_EQ(segment_verdict_begin(&header, &point).position, SEGMENT_HEADER_BYTES);
    point.segment_base_offset = 100;
    point.next_unit = 9;
    EXPECT_EQ(segment_verdict_begin(&header, &point).next_offset, 100);
}
