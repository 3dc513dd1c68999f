#include "cli/context_file.h"

#include <sys/stat.h>

#include "test.h"

static struct context context;
static struct err err;
static bool found;
static char home[64];

static void move_in(void)
{
    str_format(home, sizeof(home), "%s", "/tmp/levriero-context-XXXXXX");
    EXPECT(mkdtemp(home) != NULL);
    EXPECT_EQ(setenv("HOME", home, 1), 0);
    EXPECT_EQ(unsetenv("XDG_CONFIG_HOME"), 0);
    EXPECT_EQ(unsetenv("XDG_STATE_HOME"), 0);
}

static void path_below(char path[CONTEXT_PATH_BYTES], const char *name)
{
    str_format(path, CONTEXT_PATH_BYTES, "%s/%s", home, name);
}

static u32 mode_of(const char *name)
{
    char path[CONTEXT_PATH_BYTES];
    struct stat stat_of;
    path_below(path, name);
    EXPECT_EQ(stat(path, &stat_of), 0);
    return stat_of.st_mode & 0777;
}

static void forget(const char *const *names)
{
    char path[CONTEXT_PATH_BYTES];
    for (; *names != NULL; names++) {
        path_below(path, *names);
        EXPECT_EQ(remove(path), 0);
    }
    EXPECT_EQ(rmdir(home), 0);
}

#define FORGET(...) forget((const char *const[]){__VA_ARGS__, NULL})

TEST(what_is_written_is_read_again_and_is_nobody_elses)
{
    move_in();
    struct context written = {.server = "127.0.0.1:8090", .username = "a = b", .token = "t"};
    EXPECT(context_write(CONTEXT_NAMED, "here", &written, &err));
    EXPECT(context_write(CONTEXT_LOGIN, "[::1]:8090/x", &written, &err));
    EXPECT(context_read(CONTEXT_NAMED, "here", &context, &found, &err));
    EXPECT(found);
    EXPECT_STR(context.server, "127.0.0.1:8090");
    EXPECT_STR(context.username, "a = b");
    EXPECT_STR(context.token, "t");
    EXPECT_STR(context.password_file, "");
    EXPECT_EQ(mode_of(".config/levriero/contexts/here"), 0600);
    EXPECT_EQ(mode_of(".config/levriero/contexts"), 0700);
    EXPECT_EQ(mode_of(".local/state/levriero/logins/[::1]:8090_x"), 0600);
    FORGET(".config/levriero/contexts/here", ".config/levriero/contexts", ".config/levriero",
           ".config", ".local/state/levriero/logins/[::1]:8090_x", ".local/state/levriero/logins",
           ".local/state/levriero", ".local/state", ".local");
}

TEST(what_is_not_there_is_empty_and_no_failure)
{
    move_in();
    EXPECT(context_read(CONTEXT_NAMED, "nowhere", &context, &found, &err));
    EXPECT(!found);
    EXPECT_STR(context.server, "");
    char name[CONTEXT_TEXT_BYTES];
    context_active(name);
    EXPECT_STR(name, "");
    EXPECT(context_set_active("default", &err));
    EXPECT(!context_remove(CONTEXT_NAMED, "nowhere", &err));
    EXPECT_EQ(rmdir(home), 0);
}

TEST(a_file_that_others_may_read_is_refused_and_later_keys_are_skipped)
{
    move_in();
    char path[CONTEXT_PATH_BYTES];
    EXPECT(context_write(CONTEXT_NAMED, "here", &(struct context){.username = "anna"}, &err));
    path_below(path, ".config/levriero/contexts/here");
    FILE *file = fopen(path, "a");
    fprintf(file, "colour = blue\nnonsense\n");
    fclose(file);
    EXPECT(context_read(CONTEXT_NAMED, "here", &context, &found, &err));
    EXPECT_STR(context.username, "anna");
    EXPECT_EQ(chmod(path, 0640), 0);
    EXPECT(!context_read(CONTEXT_NAMED, "here", &context, &found, &err));
    EXPECT(strstr(err.text, "chmod 600") != NULL);
    FORGET(".config/levriero/contexts/here", ".config/levriero/contexts", ".config/levriero",
           ".config");
}

TEST(without_a_home_nothing_is_kept_and_nothing_is_missed)
{
    EXPECT_EQ(unsetenv("HOME"), 0);
    EXPECT_EQ(unsetenv("XDG_CONFIG_HOME"), 0);
    EXPECT_EQ(unsetenv("XDG_STATE_HOME"), 0);
    EXPECT(context_read(CONTEXT_LOGIN, "127.0.0.1:8090", &context, &found, &err));
    EXPECT(!found);
    EXPECT(!context_write(CONTEXT_NAMED, "here", &(struct context){0}, &err));
    EXPECT(strstr(err.text, "HOME") != NULL);
}

TEST(names_stay_in_their_folder)
{
    static const char *const wrong[] = {"", ".", "..", "../x", "a/b", "a b", ".hidden", "\n"};
    for (u32 i = 0; i < array_count(wrong); i++) {
        EXPECT(!context_name_fits(wrong[i], &err));
    }
    EXPECT(context_name_fits("prod-1_a.b", &err));
    EXPECT_EQ(setenv("HOME", "/nowhere", 1), 0);
    EXPECT(!context_write(CONTEXT_NAMED, "here", &(struct context){.server = "a\nb"}, &err));
    EXPECT(strstr(err.text, "line end") != NULL);
}
