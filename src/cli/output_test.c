#include "cli/output.h"

#include "test.h"

static char *text;
static size_t text_size;
static FILE *file;
static struct output output;

static void begin(enum output_form form)
{
    file = open_memstream(&text, &text_size);
    output_init(&output, file, form, false);
}

/* Compares all that was printed, and forgets it. */
static void expect(const char *expected)
{
    fclose(file);
    output_deinit(&output);
    EXPECT_STR(text, expected);
    free(text);
    text = NULL;
}

/* Two topics of a stream; the second is empty. */
static void put_stream(void)
{
    output_record(&output);
    output_number(&output, "id", 7);
    output_text(&output, "name", span_of("or\tders"));
    output_list(&output, "topics");
    for (u32 i = 0; i < 2; i++) {
        output_record(&output);
        output_text(&output, "name", span_of(i == 0 ? "events" : "e"));
        output_bytes(&output, "size_bytes", i == 0 ? 1536 : 0);
        if (i == 0) {
            output_seconds(&output, "age", 1500000);
        } else {
            output_none(&output, "age");
        }
        output_record_end(&output);
    }
    output_list_end(&output);
    output_record_end(&output);
}

TEST(a_terminal_gets_names_beside_values_and_a_table_below)
{
    begin(OUTPUT_TABLE);
    put_stream();
    expect("ID    7\n"
           "NAME  or?ders\n"
           "\n"
           "NAME       SIZE    AGE\n"
           "events  1.5 KiB  1.5 s\n"
           "e           0 B      -\n");
}

TEST(a_pipe_gets_lines_with_tabs_between)
{
    begin(OUTPUT_LINES);
    put_stream();
    expect("id\t7\n"
           "name\tor\\tders\n"
           "topics\tevents\t1536\t1.500000\n"
           "topics\te\t0\t\n");
}

TEST(json_is_one_line_with_the_list_inside)
{
    begin(OUTPUT_JSON);
    put_stream();
    expect("{\"id\":7,\"name\":\"or\\tders\",\"topics\":[{\"name\":\"events\",\"size_bytes\":1536,"
           "\"age\":1.500000},{\"name\":\"e\",\"size_bytes\":0,\"age\":null}]}\n");
}

TEST(a_list_alone_is_an_object_a_line_or_rows_without_a_name)
{
    for (u32 form = OUTPUT_TABLE; form <= OUTPUT_JSON; form++) {
        begin((enum output_form)form);
        output_list(&output, "users");
        for (u32 i = 0; i < 2; i++) {
            output_record(&output);
            output_number(&output, "id", i);
            output_switch(&output, "active", i == 0);
            output_record_end(&output);
        }
        output_list_end(&output);
        expect(form == OUTPUT_TABLE ? "ID  ACTIVE\n 0     yes\n 1      no\n"
               : form == OUTPUT_LINES
                   ? "0\ttrue\n1\tfalse\n"
                   : "{\"id\":0,\"active\":true}\n{\"id\":1,\"active\":false}\n");
    }
}

TEST(an_empty_list_is_said_to_people_alone)
{
    begin(OUTPUT_TABLE);
    output_list(&output, "users");
    output_list_end(&output);
    expect("no users\n");
    begin(OUTPUT_JSON);
    output_list(&output, "users");
    output_list_end(&output);
    expect("");
}

TEST(what_is_no_text_stays_json)
{
    begin(OUTPUT_JSON);
    output_record(&output);
    output_text(&output, "name", (struct span){(const u8 *)"\xff\x01\"\\\xc3\xa4", 6});
    output_time(&output, "at", 1771059600250001ull);
    output_record_end(&output);
    expect(
        "{\"name\":\"\xef\xbf\xbd\\u0001\\\"\\\\\xc3\xa4\",\"at\":\"2026-02-14T09:00:00.250001Z\"}"
        "\n");
}

TEST(characters_are_counted_not_bytes)
{
    begin(OUTPUT_TABLE);
    output_list(&output, "names");
    for (u32 i = 0; i < 2; i++) {
        output_record(&output);
        output_text(&output, "name",
                    span_of(i == 0 ? "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac" : "abcde"));
        output_number(&output, "n", 1);
        output_record_end(&output);
    }
    output_list_end(&output);
    expect("NAME   N\n\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac  1\nabcde  1\n");
}
