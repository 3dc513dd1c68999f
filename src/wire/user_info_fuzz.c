#include "wire/user_info.h"

#include "tests/fuzz/fixed_point.h"

FUZZ_REQUEST(user_request)
FUZZ_REQUEST(create_user_request)
FUZZ_REQUEST(update_user_request)
FUZZ_REQUEST(update_permissions_request)
FUZZ_REQUEST(change_password_request)
FUZZ_RECORD(user_info, user_info)
FUZZ_RECORD(user_record_v1, user_info)

/* What generation 1 asks, written again, is what generation 2 would ask. */
static void fuzz_v1(struct span body)
{
    static u8 bytes[FUZZ_BYTES_MAX];
    struct create_user_request create;
    struct update_user_request update;
    if (create_user_v1_decode(body, &create) == WIRE_OK) {
        struct writer writer = writer_over(bytes, sizeof(bytes));
        create_user_request_encode(&create, &writer);
        check(writer.failed ||
              create_user_request_decode((struct span){bytes, writer.position}, &create) == 0);
    }
    if (update_user_v1_decode(body, &update) == WIRE_OK) {
        struct writer writer = writer_over(bytes, sizeof(bytes));
        update_user_request_encode(&update, &writer);
        check(writer.failed ||
              update_user_request_decode((struct span){bytes, writer.position}, &update) == 0);
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct span body;
    switch (fuzz_choose(data, size, 8, &body)) {
    case 0: fuzz_user_request(body); break;
    case 1: fuzz_create_user_request(body); break;
    case 2: fuzz_update_user_request(body); break;
    case 3: fuzz_update_permissions_request(body); break;
    case 4: fuzz_change_password_request(body); break;
    case 5: fuzz_user_info(body); break;
    case 6: fuzz_user_record_v1(body); break;
    default: fuzz_v1(body); break;
    }
    return 0;
}
