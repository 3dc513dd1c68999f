#include "cli/header_text.h"

#include "test.h"

static struct err err;

/* What a header becomes and is read as again; "" when it is refused. */
static const char *through(const char *text)
{
    static char value[HEADER_TEXT_BYTES];
    u8 memory[1024];
    struct writer writer = writer_over(memory, sizeof(memory));
    struct header_parts parts;
    struct user_header header;
    value[0] = 0;
    if (!header_text_split(text, &parts, &err) || !header_text_write(&parts, &writer, &err)) {
        return value;
    }
    struct reader reader = reader_over(memory, writer.position);
    EXPECT(read_user_header(&reader, &header));
    EXPECT_EQ(reader_left(&reader), 0);
    header_value_text(&header, value);
    return value;
}

TEST(every_kind_of_value_comes_back_as_it_was_typed)
{
    EXPECT_STR(through("source=shop"), "shop");
    EXPECT_STR(through("a:string=b:c=d"), "b:c=d");
    EXPECT_STR(through("k:raw=00ff7E"), "00ff7e");
    EXPECT_STR(through("k:bool=true"), "true");
    EXPECT_STR(through("k:bool=false"), "false");
    EXPECT_STR(through("k:int8=-128"), "-128");
    EXPECT_STR(through("k:int64=-9223372036854775808"), "-9223372036854775808");
    EXPECT_STR(through("k:uint64=18446744073709551615"), "18446744073709551615");
    EXPECT_STR(through("k:int128=-170141183460469231731687303715884105728"),
               "-170141183460469231731687303715884105728");
    EXPECT_STR(through("k:uint128=340282366920938463463374607431768211455"),
               "340282366920938463463374607431768211455");
    EXPECT_STR(through("k:float64=0.5"), "0.5");
    EXPECT_STR(through("k:float32=-1.25"), "-1.25");
}

TEST(a_value_that_does_not_fit_its_kind_is_refused)
{
    static const char *const wrong[] = {
        "k:int8=128",  "k:int8=-129",
        "k:uint8=256", "k:uint8=-1",
        "k:bool=yes",  "k:raw=0",
        "k:raw=xy",    "k:float64=a",
        "k:uint32=",   "k:colour=blue",
        "=v",          "k",
        "k=",          "k:uint128=340282366920938463463374607431768211456"};
    for (u32 i = 0; i < array_count(wrong); i++) {
        EXPECT_STR(through(wrong[i]), "");
        EXPECT(err.text[0] != 0);
        err.text[0] = 0;
    }
}
