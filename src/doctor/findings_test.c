#include "doctor/findings.h"

#include "test.h"

static char text[4096];

static FILE *begin(struct findings *findings, bool json)
{
    memset(text, 0, sizeof(text));
    FILE *out = fmemopen(text, sizeof(text), "w");
    EXPECT(out != NULL);
    findings_init(findings, out, json);
    return out;
}

TEST(sentences_stand_under_their_title_and_are_counted)
{
    struct findings findings;
    FILE *out = begin(&findings, false);
    findings_title(&findings, "Part %d", 1);
    find_fact(&findings, "It is %s.", "there");
    find_note(&findings, "It is old.");
    find_problem(&findings, "It is broken.");
    EXPECT_EQ(fclose(out), 0);
    EXPECT_STR(text, "\nPart 1\n  It is there.\n- It is old.\n! It is broken.\n");
    EXPECT_EQ(findings.notes_count, 1);
    EXPECT_EQ(findings.problems_count, 1);
}

TEST(a_file_name_forges_neither_a_line_nor_an_object)
{
    struct findings findings;
    FILE *out = begin(&findings, false);
    find_note(&findings, "%s", "a\n! b\x7f");
    EXPECT_EQ(fclose(out), 0);
    EXPECT_STR(text, "- a\\x0a! b\\x7f\n");
    out = begin(&findings, true);
    findings_title(&findings, "x\"y");
    find_note(&findings, "%s", "\",\\\n");
    EXPECT_EQ(fclose(out), 0);
    EXPECT_STR(text, "{\"about\":\"x\\\"y\",\"level\":\"note\",\"text\":\"\\\",\\\\\\n\"}\n");
}

TEST(a_sentence_that_is_too_long_is_cut)
{
    static char line[2 * FINDING_BYTES_MAX];
    struct findings findings;
    memset(line, 'x', sizeof(line) - 1);
    FILE *out = begin(&findings, false);
    find_fact(&findings, "%s", line);
    EXPECT_EQ(fclose(out), 0);
    EXPECT_EQ(strlen(text), 2 + FINDING_BYTES_MAX - 1 + 1);
}
