/* A send that is judged sound becomes a batch that is sound, and comes out again with the same
 * messages; whatever the budget. */
#include "wire/message_v1.h"

#include "tests/fuzz/fixed_point.h"

static u8 memory[FUZZ_BYTES_MAX];
static u8 written[2 * FUZZ_BYTES_MAX];

static void come_out(const u8 *batch, const struct messages_v1_run *run)
{
    struct batch_header header;
    struct messages_v1_emit emit;
    batch_header_decode(batch, &header);
    messages_v1_emit_init(&emit, &header, batch + BATCH_HEADER_BYTES);
    struct writer writer = writer_over(written, sizeof(written));
    struct batch_budget budget = {.bytes = 1000, .frames = 2};
    for (u32 tries = 0; !messages_v1_emit_step(&emit, &writer, &budget); tries++) {
        check(tries < 2 * FUZZ_BYTES_MAX);
        budget = (struct batch_budget){.bytes = 1000, .frames = 2};
    }
    check(writer.position == run->messages_bytes);
}

static void rewrite(const u8 *messages, const struct messages_v1_run *run)
{
    static u8 batch[FUZZ_BYTES_MAX + BATCH_HEADER_BYTES];
    struct batch_v1_rewrite rewrite;
    struct prng prng;
    prng_init(&prng, 1);
    batch_v1_rewrite_init(&rewrite, batch, messages, run);
    struct batch_budget budget = {.bytes = 1000, .frames = 2};
    while (!batch_v1_rewrite_step(&rewrite, &prng, &budget)) {
        budget = (struct batch_budget){.bytes = 1000, .frames = 2};
    }
    u32 bytes = messages_v1_batch_bytes(run);
    struct batch_stamp stamp;
    batch_stamp_init(&stamp, batch, bytes, &(struct batch_stamp_values){.partition_id = 1});
    check(batch_stamp_step(&stamp, UINT32_MAX));
    struct batch_check check;
    struct batch_budget all = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    batch_check_init_stored(&check, batch, bytes);
    check(batch_check_step(&check, bytes, &all) == BATCH_CHECK_GOOD);
    come_out(batch, run);
}

static void fuzz_send(struct span body)
{
    struct send_v1 send;
    struct messages_v1_check check;
    if (body.size > FUZZ_BYTES_MAX || send_v1_decode(body, body.size, &send) != WIRE_OK) {
        return;
    }
    memcpy(memory, body.data, body.size);
    messages_v1_check_init(&check, memory, &send);
    struct batch_budget all = {.bytes = UINT32_MAX, .frames = UINT32_MAX};
    if (messages_v1_check_step(&check, send.messages_bytes, &all) != BATCH_CHECK_GOOD) {
        return;
    }
    struct messages_v1_run run;
    if (messages_v1_whole_run(&check, &run)) {
        rewrite(check.messages, &run);
        return;
    }
    for (u32 done = 0; done < send.messages_bytes; done += run.messages_bytes) {
        messages_v1_first_run(check.messages + done, send.messages_bytes - done, 3, &run);
        rewrite(check.messages + done, &run);
    }
}

static void fuzz_header(struct span body)
{
    u8 again[MESSAGE_V1_HEADER_BYTES];
    struct message_v1 message;
    if (body.size >= MESSAGE_V1_HEADER_BYTES) {
        message_v1_decode(body.data, &message);
        message_v1_encode(&message, again);
        check(memcmp(again, body.data, sizeof(again)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 2, &body)) {
    case 0: fuzz_send(body); break;
    default: fuzz_header(body); break;
    }
    return 0;
}
