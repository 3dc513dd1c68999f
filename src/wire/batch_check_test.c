#include "wire/batch_fixture.h"

static u8 memory[FIXTURE_BYTES];
static enum wire_error error;

/* After changes made by hand: puts the checksums right, so that only one rule is broken. */
static void seal(u8 *batch, u32 batch_bytes)
{
    struct batch_header header;
    batch_header_decode(batch, &header);
    struct batch_digest digest;
    batch_digest_init(&digest, &header);
    struct batch_iterator iterator = batch_iterate(batch, batch_bytes);
    struct message_frame frame;
    while (batch_next(&iterator, &frame)) {
        u8 *bytes = batch + frame.position;
        put_u64(bytes, xxh3(bytes + 8, frame.size - 8));
        batch_digest_add(&digest, bytes);
    }
    put_u64(batch + 40, batch_digest_finish(&digest));
}

static bool is_refused_with(u32 size, u32 count, enum wire_error wanted)
{
    return fixture_check(memory, size, count, &error) == BATCH_CHECK_BAD && error == wanted;
}

TEST(a_batch_as_producers_send_it_is_good)
{
    static const u32 counts[] = {1, 2, 30, 1000};
    for (u32 i = 0; i < array_count(counts); i++) {
        u32 size = fixture_batch(memory, counts[i], 100);
        EXPECT_EQ(fixture_check(memory, size, counts[i], &error), BATCH_CHECK_GOOD);
        EXPECT_EQ(error, WIRE_OK);
    }
}

TEST(messages_without_payload_are_good)
{
    u32 size = fixture_batch(memory, 5, 0);
    EXPECT_EQ(fixture_check(memory, size, 5, &error), BATCH_CHECK_GOOD);
}

TEST(the_number_announced_beside_the_batch_must_be_its_own)
{
    u32 size = fixture_batch(memory, 2, 10);
    EXPECT(is_refused_with(size, 0, WIRE_INVALID_COMMAND));
    EXPECT(is_refused_with(size, 1, WIRE_INVALID_COMMAND));
    EXPECT(is_refused_with(size, 3, WIRE_INVALID_COMMAND));
}

TEST(a_batch_of_no_messages_is_refused)
{
    u32 size = fixture_batch(memory, 1, 10);
    put_u32(memory + 48, 0);
    seal(memory, size);
    EXPECT(is_refused_with(size, 0, WIRE_INVALID_COMMAND));
    EXPECT_EQ(fixture_check_stored(memory, size, &error), BATCH_CHECK_BAD);
}

TEST(the_length_must_be_that_of_the_rest_of_the_body)
{
    u32 size = fixture_batch(memory, 2, 10);
    EXPECT(is_refused_with(size - 1, 2, WIRE_INVALID_COMMAND));
    EXPECT(is_refused_with(size + 1, 2, WIRE_INVALID_COMMAND));
    put_u64(memory + 32, 1ull << 32 | size);
    seal(memory, size);
    EXPECT(is_refused_with(size, 2, WIRE_INVALID_COMMAND));
}

TEST(a_body_shorter_than_a_header_is_refused)
{
    for (u32 size = 0; size < BATCH_HEADER_BYTES + MESSAGE_FRAME_HEADER_BYTES; size += 16) {
        (void)fixture_batch(memory, 1, 10);
        put_u64(memory + 32, size);
        EXPECT(is_refused_with(size, 1, WIRE_INVALID_COMMAND));
    }
}

TEST(reserved_bytes_of_the_header_must_be_zero)
{
    for (u32 position = BATCH_RESERVED_POSITION; position < BATCH_HEADER_BYTES; position++) {
        u32 size = fixture_batch(memory, 2, 10);
        memory[position] = 0x80;
        EXPECT(is_refused_with(size, 2, WIRE_INVALID_COMMAND));
        EXPECT_EQ(fixture_check_stored(memory, size, &error), BATCH_CHECK_GOOD);
    }
}

TEST(reserved_bytes_of_a_frame_must_be_zero)
{
    u32 size = fixture_batch(memory, 2, 10);
    memory[BATCH_HEADER_BYTES + 47] = 1;
    seal(memory, size);
    EXPECT(is_refused_with(size, 2, WIRE_INVALID_COMMAND));
}

TEST(deltas_must_equal_the_index)
{
    u32 size = fixture_batch(memory, 3, 10);
    put_u32(memory + BATCH_HEADER_BYTES + 24, 1);
    seal(memory, size);
    EXPECT(is_refused_with(size, 3, WIRE_INVALID_COMMAND));
}

TEST(frames_must_tile_the_batch_exactly)
{
    /* The last payload one byte shorter: a byte is left over. */
    u32 size = fixture_batch(memory, 2, 10);
    u8 *last = memory + size - 58;
    EXPECT_EQ(get_u32(last + 36), 10);
    put_u32(last + 36, 9);
    seal(memory, size);
    EXPECT(is_refused_with(size, 2, WIRE_INVALID_COMMAND));
    /* One byte longer: it leaves the batch. */
    put_u32(last + 36, 11);
    EXPECT(is_refused_with(size, 2, WIRE_INVALID_COMMAND));
    /* The first one takes everything: there is one frame too few. */
    size = fixture_batch(memory, 2, 10);
    put_u32(memory + BATCH_HEADER_BYTES + 36, size - 256 - 48 - 7);
    EXPECT(is_refused_with(size, 2, WIRE_INVALID_COMMAND));
}

TEST(lengths_that_overflow_are_refused)
{
    u32 size = fixture_batch(memory, 2, 10);
    put_u32(memory + BATCH_HEADER_BYTES + 32, UINT32_MAX);
    put_u32(memory + BATCH_HEADER_BYTES + 36, UINT32_MAX - 40);
    EXPECT(is_refused_with(size, 2, WIRE_INVALID_COMMAND));
}

TEST(more_messages_than_could_fit_are_refused_at_once)
{
    u32 size = fixture_batch(memory, 2, 10);
    put_u32(memory + 48, UINT32_MAX);
    EXPECT(is_refused_with(size, UINT32_MAX, WIRE_INVALID_COMMAND));
}

TEST(a_flipped_bit_anywhere_in_a_frame_is_a_message_checksum)
{
    static const u32 positions[] = {0, 7, 8, 23, 28, 48, 57};
    for (u32 i = 0; i < array_count(positions); i++) {
        u32 size = fixture_batch(memory, 2, 10);
        memory[BATCH_HEADER_BYTES + 65 + positions[i]] ^= 4;
        EXPECT(is_refused_with(size, 2, WIRE_INVALID_MESSAGE_CHECKSUM));
    }
}

TEST(a_flipped_bit_in_a_hashed_header_field_is_a_batch_checksum)
{
    static const u32 positions[] = {0, 8, 16, 24, 40, 47};
    for (u32 i = 0; i < array_count(positions); i++) {
        u32 size = fixture_batch(memory, 2, 10);
        memory[positions[i]] ^= 1;
        EXPECT(is_refused_with(size, 2, WIRE_INVALID_BATCH_CHECKSUM));
    }
}

TEST(a_frame_whose_checksum_was_forged_breaks_the_batch_checksum)
{
    u32 size = fixture_batch(memory, 2, 10);
    u8 *frame = memory + BATCH_HEADER_BYTES;
    frame[48] ^= 1;
    put_u64(frame, xxh3(frame + 8, 48 + 10 + 7 - 8));
    EXPECT(is_refused_with(size, 2, WIRE_INVALID_BATCH_CHECKSUM));
}

/* Runs a check while the batch arrives in pieces; counts the turns that ran out of budget. */
static enum batch_check_result arrive(u32 size, u32 count, u32 piece_bytes,
                                      const struct batch_budget *per_turn, u32 *pauses)
{
    struct batch_check check;
    batch_check_init(&check, memory, size, count);
    u32 available = 0;
    *pauses = 0;
    for (;;) {
        struct batch_budget budget = *per_turn;
        enum batch_check_result result = batch_check_step(&check, available, &budget);
        EXPECT(budget.bytes <= per_turn->bytes);
        EXPECT(budget.frames <= per_turn->frames);
        if (result == BATCH_CHECK_GOOD || result == BATCH_CHECK_BAD) {
            error = check.error;
            return result;
        }
        if (result == BATCH_CHECK_WAITING) {
            EXPECT(available < size);
            available += u32_min(piece_bytes, size - available);
        } else {
            (*pauses)++;
        }
    }
}

TEST(a_batch_is_checked_while_it_arrives_in_pieces_of_any_size)
{
    struct batch_budget generous = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    static const u32 pieces[] = {1, 7, 48, 255, 256, 1000, 65536};
    u32 size = fixture_batch(memory, 40, 90);
    u32 pauses;
    for (u32 i = 0; i < array_count(pieces); i++) {
        EXPECT_EQ(arrive(size, 40, pieces[i], &generous, &pauses), BATCH_CHECK_GOOD);
        EXPECT_EQ(pauses, 0);
    }
    memory[size - 1] ^= 1;
    for (u32 i = 0; i < array_count(pieces); i++) {
        EXPECT_EQ(arrive(size, 40, pieces[i], &generous, &pauses), BATCH_CHECK_BAD);
        EXPECT_EQ(error, WIRE_INVALID_MESSAGE_CHECKSUM);
    }
}

TEST(one_large_message_is_hashed_over_several_turns)
{
    struct batch_budget budget = {.bytes = 100 * 1024, .frames = 10};
    u32 size = fixture_batch(memory, 1, 1000 * 1000);
    u32 pauses;
    EXPECT_EQ(arrive(size, 1, size, &budget, &pauses), BATCH_CHECK_GOOD);
    EXPECT(pauses >= 9);
    EXPECT_EQ(arrive(size, 1, 40000, &budget, &pauses), BATCH_CHECK_GOOD);
    memory[500000] ^= 1;
    EXPECT_EQ(arrive(size, 1, 40000, &budget, &pauses), BATCH_CHECK_BAD);
    EXPECT_EQ(error, WIRE_INVALID_MESSAGE_CHECKSUM);
}

TEST(many_small_messages_pause_by_their_number)
{
    struct batch_budget budget = {.bytes = UINT32_MAX, .frames = 100};
    u32 size = fixture_batch(memory, 1000, 1);
    u32 pauses;
    EXPECT_EQ(arrive(size, 1000, size, &budget, &pauses), BATCH_CHECK_GOOD);
    EXPECT_EQ(pauses, 9);
}

TEST(one_budget_serves_several_checks)
{
    struct batch_budget budget = {.bytes = UINT32_MAX, .frames = 15};
    u32 size = fixture_batch(memory, 10, 1);
    struct batch_check first;
    struct batch_check second;
    batch_check_init(&first, memory, size, 10);
    batch_check_init(&second, memory, size, 10);
    EXPECT_EQ(batch_check_step(&first, size, &budget), BATCH_CHECK_GOOD);
    EXPECT_EQ(budget.frames, 5);
    EXPECT_EQ(batch_check_step(&second, size, &budget), BATCH_CHECK_PAUSED);
    EXPECT_EQ(budget.frames, 0);
    budget.frames = 5;
    EXPECT_EQ(batch_check_step(&second, size, &budget), BATCH_CHECK_GOOD);
}

TEST(a_bad_verdict_stays)
{
    struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    struct batch_check check;
    u32 size = fixture_batch(memory, 2, 10);
    memory[60] = 1;
    batch_check_init(&check, memory, size, 2);
    EXPECT_EQ(batch_check_step(&check, size, &budget), BATCH_CHECK_BAD);
    EXPECT_EQ(batch_check_step(&check, size, &budget), BATCH_CHECK_BAD);
    EXPECT_EQ(check.error, WIRE_INVALID_COMMAND);
}

TEST(a_wrong_length_is_seen_before_the_frame_has_arrived)
{
    struct batch_budget budget = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    struct batch_check check;
    u32 size = fixture_batch(memory, 1, 100000);
    put_u32(memory + BATCH_HEADER_BYTES + 36, 99999);
    batch_check_init(&check, memory, size, 1);
    EXPECT_EQ(batch_check_step(&check, BATCH_HEADER_BYTES + MESSAGE_FRAME_HEADER_BYTES, &budget),
              BATCH_CHECK_BAD);
}

TEST(a_stamped_batch_is_good_when_it_comes_back_from_disk)
{
    u32 size = fixture_batch(memory, 40, 10);
    fixture_stamp(memory, size, 1000);
    memset(memory + BATCH_RESERVED_POSITION, 0x77, BATCH_RESERVED_BYTES);
    EXPECT_EQ(fixture_check_stored(memory, size, &error), BATCH_CHECK_GOOD);
    memory[8] ^= 1;
    EXPECT_EQ(fixture_check_stored(memory, size, &error), BATCH_CHECK_BAD);
    EXPECT_EQ(error, WIRE_INVALID_BATCH_CHECKSUM);
}
