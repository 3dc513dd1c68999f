#include "cli/text_cells.h"

#include "base/json_text.h"

struct range {
    u32 first;
    u32 last;
};

static bool is_in(u32 code, const struct range *ranges, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

static u32 cells_of(u32 code)
{
    static const struct range none[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},
                                        {0x610, 0x61a},   {0x64b, 0x65f},   {0x1ab0, 0x1aff},
                                        {0x1dc0, 0x1dff}, {0x200b, 0x200d}, {0x20d0, 0x20ff},
                                        {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};
    static const struct range two[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x4dbf},
                                       {0x4e00, 0xa4cf},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                                       {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                                       {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
                                       {0x20000, 0x3fffd}};
    if (is_in(code, none, array_count(none))) {
        return 0;
    }
    return is_in(code, two, array_count(two)) ? 2 : 1;
}

u32 text_cells(struct span text)
{
    u32 cells = 0;
    for (u32 at = 0; at < text.size;) {
        u32 code = 0;
        u32 size = utf8_character(text, at, &code);
        cells += size == 0 ? 1 : cells_of(code);
        at += u32_max(1, size);
    }
    return cells;
}

bool text_is_shown(u32 code)
{
    static const struct range obeyed[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x200e, 0x200f},
                                          {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}};
    return !is_in(code, obeyed, array_count(obeyed));
}
