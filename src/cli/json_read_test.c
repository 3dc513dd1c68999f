#include "cli/json_read.h"

#include "test.h"

static char line[512];
static struct json_value value;

static struct json_read over(const char *text)
{
    snprintf(line, sizeof(line), "%s", text);
    return json_read_over(span_of(line));
}

/* The value of the last member called `name`. */
static bool find(const char *text, const char *name)
{
    struct json_read read = over(text);
    struct span key;
    bool found = false;
    while (json_read_member(&read, &key)) {
        if (span_equal(key, span_of(name))) {
            found = json_read_value(&read, &value);
        }
    }
    return found && !read.failed;
}

TEST(members_are_found_whatever_stands_between)
{
    const char *text =
        "{ \"a\" : {\"payload\":[1,{\"]\":\"}\"}]} ,\"b\":[\"x\",[]], \"payload\":\"y\"}";
    EXPECT(find(text, "payload"));
    EXPECT_EQ(value.kind, JSON_TEXT);
    EXPECT(span_equal(value.text, span_of("y")));
    EXPECT(!find("{}", "payload"));
}

TEST(texts_are_decoded_over_the_line)
{
    EXPECT(find("{\"t\":\"a\\n\\\"\\\\\\/\\u00e4\\ud83d\\ude00\\u0041\"}", "t"));
    EXPECT(span_equal(value.text, span_of("a\n\"\\/\xc3\xa4\xf0\x9f\x98\x80"
                                          "A")));
}

TEST(words_and_numbers_have_their_kinds)
{
    EXPECT(find("{\"v\":-12.5e3}", "v"));
    EXPECT_EQ(value.kind, JSON_NUMBER);
    EXPECT(span_equal(value.text, span_of("-12.5e3")));
    EXPECT(find("{\"v\":true}", "v"));
    EXPECT_EQ(value.kind, JSON_TRUE);
    EXPECT(find("{\"v\":null}", "v"));
    EXPECT_EQ(value.kind, JSON_NULL);
}

TEST(an_array_is_read_element_by_element)
{
    EXPECT(find("{\"v\":[1,\"two\",{\"k\":3}]}", "v"));
    EXPECT_EQ(value.kind, JSON_ARRAY);
    struct json_read read = json_read_over(value.text);
    EXPECT(json_read_value(&read, &value));
    EXPECT(json_read_value(&read, &value));
    EXPECT(span_equal(value.text, span_of("two")));
    EXPECT(json_read_value(&read, &value));
    EXPECT_EQ(value.kind, JSON_OBJECT);
    EXPECT(!json_read_value(&read, &value));
    EXPECT(!read.failed);
}

TEST(what_is_no_json_fails_and_ends)
{
    static const char *const wrong[] = {"",
                                        "[",
                                        "{",
                                        "{\"a\"",
                                        "{\"a\":",
                                        "{\"a\":1",
                                        "{\"a\":1,}",
                                        "{\"a\" 1}",
                                        "{a:1}",
                                        "{\"a\":\"x",
                                        "{\"a\":\"\\",
                                        "{\"a\":\"\\u12\"}",
                                        "{\"a\":\"\\ud800\"}",
                                        "{\"a\":\"\\x\"}",
                                        "{\"a\":[1}",
                                        "{\"a\":yes}",
                                        "{\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}"};
    for (u32 i = 0; i < array_count(wrong); i++) {
        struct json_read read = over(wrong[i]);
        struct span key;
        while (json_read_member(&read, &key)) {
            (void)!json_read_value(&read, &value);
        }
        EXPECT(read.failed);
    }
}

TEST(base64_is_decoded_over_itself)
{
    struct span text = {(u8 *)line, 0};
    snprintf(line, sizeof(line), "%s", "AP9hYg==");
    text.size = 8;
    EXPECT(json_decode_base64(&text));
    EXPECT_EQ(text.size, 4);
    EXPECT(memcmp(text.data,
                  "\0\xff"
                  "ab",
                  4) == 0);
    snprintf(line, sizeof(line), "%s", "AP9");
    text = (struct span){(u8 *)line, 3};
    EXPECT(!json_decode_base64(&text));
}
