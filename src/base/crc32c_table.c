#include "base/crc32c_table.h"

/* Entry i: i divided by the reflected polynomial 0x82f63b78, four steps. */
static const u32 remainders[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

u32 crc32c_table(u32 crc, const void *data, size_t size)
{
    const u8 *bytes = data;
    u32 value = ~crc;
    for (size_t i = 0; i < size; i++) {
        value ^= bytes[i];
        value = value >> 4 ^ remainders[value & 15];
        value = value >> 4 ^ remainders[value & 15];
    }
    return ~value;
}
