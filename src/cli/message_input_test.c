#include "cli/message_input.h"

#include "test.h"

static struct message_input input;
static struct input_message message;
static struct err err;
static int pipe_in;

static void open_over(enum input_form form, const void *bytes, size_t size)
{
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    pipe_in = ends[1];
    EXPECT_EQ(write(pipe_in, bytes, size), (ssize_t)size);
    message_input_init(&input, ends[0], form);
}

static void close_input(void)
{
    close(input.fd);
    message_input_deinit(&input);
}

static void open_whole(enum input_form form, const char *text)
{
    open_over(form, text, strlen(text));
    close(pipe_in);
}

/* Whether the next message has this payload. */
static bool gives(const char *payload)
{
    return message_input_next(&input, &message, &err) == INPUT_MESSAGE &&
           span_equal(message.payload, span_of(payload));
}

TEST(lines_are_messages_and_the_last_may_lack_its_end)
{
    open_whole(INPUT_LINES, "one\n\nthree\nno end");
    EXPECT(gives("one"));
    EXPECT(gives(""));
    EXPECT(gives("three"));
    EXPECT(gives("no end"));
    EXPECT_EQ(message_input_next(&input, &message, &err), INPUT_END);
    close_input();
}

TEST(a_pipe_without_bytes_is_a_pause_and_not_the_end)
{
    open_over(INPUT_LINES, "one\ntw", 6);
    EXPECT(gives("one"));
    EXPECT_EQ(message_input_next(&input, &message, &err), INPUT_PAUSE);
    EXPECT_EQ(write(pipe_in, "o\n", 2), 2);
    EXPECT(gives("two"));
    close(pipe_in);
    EXPECT_EQ(message_input_next(&input, &message, &err), INPUT_END);
    close_input();
}

TEST(records_lie_behind_their_length)
{
    open_over(INPUT_LENGTH, "\3\0\0\0a\nb\0\0\0\0\1\0\0\0c", 16);
    close(pipe_in);
    EXPECT(gives("a\nb"));
    EXPECT(gives(""));
    EXPECT(gives("c"));
    EXPECT_EQ(message_input_next(&input, &message, &err), INPUT_END);
    close_input();
}

TEST(a_record_that_is_cut_short_is_said)
{
    open_over(INPUT_LENGTH, "\3\0\0\0ab", 6);
    close(pipe_in);
    EXPECT_EQ(message_input_next(&input, &message, &err), INPUT_BROKEN);
    EXPECT(strstr(err.text, "message 1") != NULL);
    close_input();
    open_over(INPUT_LENGTH, "\377\377\377\377", 4);
    EXPECT_EQ(message_input_next(&input, &message, &err), INPUT_BROKEN);
    close(pipe_in);
    close_input();
}

TEST(whole_input_is_one_message_even_when_it_is_empty)
{
    open_whole(INPUT_WHOLE, "a\nb\n");
    EXPECT(gives("a\nb\n"));
    EXPECT_EQ(message_input_next(&input, &message, &err), INPUT_END);
    close_input();
    open_whole(INPUT_WHOLE, "");
    EXPECT(gives(""));
    EXPECT_EQ(message_input_next(&input, &message, &err), INPUT_END);
    close_input();
}

TEST(json_lines_name_what_a_message_has_besides)
{
    open_whole(INPUT_JSON,
               "{\"offset\":7,\"payload\":\"a\\nb\",\"key\":\"k\",\"partition\":3,"
               "\"id\":\"000000000000000100000000000000ff\","
               "\"headers\":[{\"key\":\"n\",\"kind\":\"uint8\",\"value\":\"5\"}]}\n"
               "{\"payload_base64\":\"/w==\",\"headers\":{\"s\":\"t\"},\"key\":null}\n");
    EXPECT(gives("a\nb"));
    EXPECT(span_equal(message.key, span_of("k")));
    EXPECT(message.has_partition);
    EXPECT_EQ(message.partition_id, 3);
    EXPECT_EQ(message.id.high, 1);
    EXPECT_EQ(message.id.low, 255);
    EXPECT_EQ(message.headers.size, 12);
    EXPECT(gives("\xff"));
    EXPECT_EQ(message.key.size, 0);
    EXPECT_EQ(message.headers.size, 12);
    close_input();
}

TEST(a_line_that_is_no_message_is_said_with_its_number)
{
    static const char *const wrong[] = {
        "{}",
        "[]",
        "payload",
        "{\"payload\":1}",
        "{\"payload_base64\":\"!\"}",
        "{\"payload\":\"a\",\"id\":\"12\"}",
        "{\"payload\":\"a\",\"partition\":\"x\"}",
        "{\"payload\":\"a\",\"key\":\"\"}",
        "{\"payload\":\"a\",\"headers\":[1]}",
        "{\"payload\":\"a\",\"headers\":[{\"key\":\"k\",\"kind\":\"blue\",\"value\":\"v\"}]}",
    };
    for (u32 i = 0; i < array_count(wrong); i++) {
        open_whole(INPUT_JSON, wrong[i]);
        EXPECT_EQ(message_input_next(&input, &message, &err), INPUT_BROKEN);
        EXPECT(strstr(err.text, "line 1") != NULL);
        close_input();
    }
}
