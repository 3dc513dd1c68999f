/* One binary: picks the subcommand and hands it the rest of the command line. */
#include <stdio.h>
#include <string.h>

#include "base/types.h"
#include "bench/bench.h"
#include "cli/cli.h"
#include "doctor/doctor.h"
#include "node/root.h"
#include "node/server.h"

#define EXIT_USAGE 2

static void print_help(void)
{
    printf("levriero " LEVRIERO_VERSION ": a persistent log that speaks Apache Iggy's protocol\n\n"
           "  levriero server [options]   runs the server; `levriero server --help` lists them\n"
           "  levriero doctor --data DIR [--json]\n"
           "      Explains a data directory that no server holds; writes nothing\n"
           "  levriero user reset-root --data DIR [--username NAME]\n"
           "      Gives the root user another password, while no server runs there\n");
    printf("  levriero bench KIND   load on a server, beside the limits of the machine; "
           "`levriero bench --help`\n");
    cli_print_commands();
}

static bool is_one_of(const char *word, const char *option, const char *letter, const char *command)
{
    return strcmp(word, option) == 0 || strcmp(word, letter) == 0 || strcmp(word, command) == 0;
}

/* Scripts and test suites made for the reference start its server by this name. */
static bool is_started_as_the_reference(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash == NULL ? path : slash + 1, "iggy-server") == 0;
}

int main(int argc, char **argv)
{
    bool shows_version = argc > 1 && is_one_of(argv[1], "--version", "-V", "version");
    if (argc > 0 && is_started_as_the_reference(argv[0]) && !shows_version) {
        return server_main(argc, argv);
    }
    if (argc > 2 && strcmp(argv[1], "help") == 0) {
        return cli_help_words(argc - 2, argv + 2);
    }
    if (argc < 2 || is_one_of(argv[1], "--help", "-h", "help")) {
        print_help();
        return argc < 2 ? EXIT_USAGE : 0;
    }
    if (shows_version) {
        printf("levriero " LEVRIERO_VERSION "\n");
        return 0;
    }
    if (strcmp(argv[1], "server") == 0) {
        return server_main(argc - 1, argv + 1);
    }
    if (strcmp(argv[1], "doctor") == 0) {
        return doctor_main(argc - 1, argv + 1);
    }
    if (argc > 2 && strcmp(argv[1], "user") == 0 && strcmp(argv[2], "reset-root") == 0) {
        return root_reset_main(argc - 1, argv + 1);
    }
    if (strcmp(argv[1], "bench") == 0) {
        return bench_main(argc - 1, argv + 1);
    }
    if (cli_knows(argv[1])) {
        return cli_main(argc - 1, argv + 1);
    }
    return cli_refuse_word(argv[1]);
}
