#include "cli/message_input.h"

#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define MESSAGES_MAX 1000000u

/* Reads all of it in one form. Whatever it is: it ends, messages are no larger than what was read,
 * and what is broken is told with a sentence. */
static void read_all(int fd, enum input_form form)
{
    struct message_input input;
    struct input_message message;
    struct err err = {0};
    enum input_result result = INPUT_MESSAGE;
    check(lseek(fd, 0, SEEK_SET) == 0);
    message_input_init(&input, fd, form);
    for (u32 i = 0; result == INPUT_MESSAGE || result == INPUT_PAUSE; i++) {
        check(i < MESSAGES_MAX);
        result = message_input_next(&input, &message, &err);
        if (result == INPUT_MESSAGE) {
            check(message.payload.size <= input.bytes_read);
            check(message.headers.size <= INPUT_HEADERS_BYTES);
            check(message.key.size <= 255);
        }
    }
    check(result == INPUT_END || err.text[0] != 0);
    message_input_deinit(&input);
}

/* A file in memory: what the reader sees of standard input. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    check(fd >= 0);
    check(write(fd, data, size) == (ssize_t)size);
    read_all(fd, INPUT_LINES);
    read_all(fd, INPUT_JSON);
    read_all(fd, INPUT_LENGTH);
    read_all(fd, INPUT_WHOLE);
    (void)close(fd);
    return 0;
}
