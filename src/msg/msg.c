#include "msg/msg.h"

#include "base/check.h"

#define MSG(name, lane, from, to) [MSG_##name] = (lane),
static const u8 lanes[MSG_KIND_COUNT] = {
#include "msg/msg.def"
};
#undef MSG

#define MSG(name, lane, from, to) [MSG_##name] = #name,
static const char *const names[MSG_KIND_COUNT] = {
#include "msg/msg.def"
};
#undef MSG

enum lane msg_lane(enum msg_kind kind, bool is_reply)
{
    check(kind < MSG_KIND_COUNT);
    return is_reply ? LANE_REPLY : (enum lane)lanes[kind];
}

const char *msg_kind_name(enum msg_kind kind)
{
    return kind < MSG_KIND_COUNT ? names[kind] : "unknown";
}
