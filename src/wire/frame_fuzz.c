#include "wire/frame.h"

#include "wire/command.h"

#include "tests/fuzz/fuzz.h"

static void fuzz_request(const u8 *bytes)
{
    struct request_header header;
    struct request_header again;
    u8 encoded[FRAME_HEADER_BYTES];
    u8 twice[FRAME_HEADER_BYTES];
    request_header_decode(bytes, &header);
    if (request_header_validate(&header, FRAME_BYTES_MAX) != OK) {
        return;
    }
    enum command command = COMMAND_COUNT;
    if (command_find(header.operation, header.code, &command) == WIRE_OK) {
        check(command < COMMAND_COUNT);
        check(command_row(command)->op == header.operation);
    }
    request_header_encode(&header, encoded);
    request_header_decode(encoded, &again);
    request_header_encode(&again, twice);
    check(memcmp(encoded, twice, sizeof(encoded)) == 0);
    check(request_header_rules(&header) == request_header_rules(&again));
}

static void fuzz_reply(const u8 *bytes)
{
    struct reply_header header;
    struct reply_header again;
    u8 encoded[FRAME_HEADER_BYTES];
    u8 twice[FRAME_HEADER_BYTES];
    if (reply_header_decode(bytes, &header) != OK) {
        return;
    }
    reply_header_encode(&header, encoded);
    check(reply_header_decode(encoded, &again) == OK);
    reply_header_encode(&again, twice);
    check(memcmp(encoded, twice, sizeof(encoded)) == 0);
}

static void fuzz_eviction(const u8 *bytes)
{
    struct eviction eviction;
    u8 encoded[FRAME_HEADER_BYTES];
    if (eviction_decode(bytes, &eviction) != OK) {
        return;
    }
    check(eviction_error(&eviction) != WIRE_OK);
    eviction_encode(&eviction, encoded);
    check(memcmp(bytes + 128, encoded + 128, 24) == 0);
    check(bytes[255] == encoded[255]);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size < FRAME_HEADER_BYTES) {
        return 0;
    }
    (void)frame_generation(data);
    fuzz_request(data);
    fuzz_reply(data);
    fuzz_eviction(data);
    struct reader reader = reader_over(data + FRAME_HEADER_BYTES, (u32)size - FRAME_HEADER_BYTES);
    (void)read_result(&reader);
    return 0;
}
