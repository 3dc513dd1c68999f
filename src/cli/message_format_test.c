#include "cli/message_format.h"

#include "test.h"

static struct message_format format;
static struct err err;

static bool choose(struct message_format_choice choice)
{
    choice.format = choice.format == NULL ? "text" : choice.format;
    return message_format_init(&format, &choice, &err);
}

/* Prints the same message: offset 7 of partition 3, "a" and byte 255 when `binary`. */
static void expect(bool binary, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    u8 headers[64];
    struct writer writer = writer_over(headers, sizeof(headers));
    write_user_header(&writer, &(struct user_header){.key_kind = USER_HEADER_STRING,
                                                     .key = span_of("k"),
                                                     .value_kind = USER_HEADER_STRING,
                                                     .value = span_of("v")});
    struct polled_message message = {.offset = 7,
                                     .timestamp_us = 1771059600000001ull,
                                     .origin_timestamp_us = 1771059600000000ull,
                                     .id = {.low = 255, .high = 1},
                                     .payload = {(const u8 *)"a\xff", binary ? 2 : 1},
                                     .user_headers = {headers, writer.position}};
    message_format_print(&format, file, 3, &message);
    fclose(file);
    EXPECT_STR(text, expected);
    free(text);
}

TEST(text_names_the_partition_only_when_there_are_several)
{
    EXPECT(choose((struct message_format_choice){0}));
    expect(false, "7: a\n");
    EXPECT(choose((struct message_format_choice){.shows_partition = true}));
    expect(false, "3/7: a\n");
    EXPECT(choose((struct message_format_choice){.format = "hex"}));
    expect(true, "7: 61ff\n");
    EXPECT(choose((struct message_format_choice){.format = "raw"}));
    expect(true, "a\xff\n");
}

TEST(json_keeps_bytes_that_are_no_text_apart)
{
    EXPECT(choose((struct message_format_choice){.json = true, .fields = "payload,offset"}));
    expect(false, "{\"payload\":\"a\",\"offset\":7}\n");
    expect(true, "{\"payload_base64\":\"Yf8=\",\"offset\":7}\n");
    EXPECT(choose((struct message_format_choice){.format = "json"}));
    expect(false, "{\"partition\":3,\"offset\":7,\"timestamp\":\"2026-02-14T09:00:00.000001Z\","
                  "\"origin_timestamp\":\"2026-02-14T09:00:00.000000Z\","
                  "\"id\":\"000000000000000100000000000000ff\","
                  "\"headers\":[{\"key\":\"k\",\"kind\":\"string\",\"value\":\"v\"}],\"size\":1,"
                  "\"payload\":\"a\"}\n");
}

TEST(a_template_has_everything_that_a_message_has)
{
    EXPECT(choose((struct message_format_choice){
        .template = "%p %o %t %T %i %v %x %s %h %H{k}%H{none} 100%%\\t\\n\\q\\"}));
    expect(false, "3 7 2026-02-14T09:00:00.000001Z 1771059600000001 "
                  "000000000000000100000000000000ff a 61 1 k=v v 100%\t\nq\\");
}

TEST(fields_are_printed_in_the_order_they_are_named)
{
    EXPECT(choose((struct message_format_choice){.fields = "headers,size,partition"}));
    expect(false, "k=v\t1\t3\n");
}

TEST(what_is_no_field_and_no_directive_is_refused)
{
    EXPECT(!choose((struct message_format_choice){.fields = "colour"}));
    EXPECT(!choose((struct message_format_choice){.fields = "size,"}));
    EXPECT(!choose((struct message_format_choice){.template = "%"}));
    EXPECT(!choose((struct message_format_choice){.template = "%q"}));
    EXPECT(!choose((struct message_format_choice){.template = "%H"}));
    EXPECT(!choose((struct message_format_choice){.template = "%H{open"}));
}
