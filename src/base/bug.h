/* Bugs that the simulator can switch on, to prove that its checkers see them. In every other build
 * `bug_is_on` is the constant false, and the compiler drops what stands behind it.
 *
 *     if (bug_is_on(BUG_SKIP_CHECKSUM) || checksum == stored) { … }
 *
 * Owner: sim/, which alone defines LEVRIERO_BUGS and bug_is_on_now. */
#pragma once

#include "base/types.h"

#define BUG_LIST(X)                                                                                \
    X(DROP_SYNC, "drop-sync", "a synced write or file sync leaves its data unsynced")              \
    X(SKIP_CHECKSUM, "skip-checksum", "what comes from disk is believed unseen")                   \
    X(ANSWER_BEFORE_SYNC, "answer-before-sync", "an append is answered before its write is done")  \
    X(LOSE_MESSAGE, "lose-message", "a lane loses a message now and then")                         \
    X(SERVE_PURGED_LIFE, "serve-purged-life", "a purge keeps the old log")                         \
    X(REUSE_OFFSET, "reuse-offset", "an offset is given out twice")                                \
    X(BELIEVE_OLD_SALT, "believe-old-salt", "recovery takes units of a recycled segment")          \
    X(OPEN_UNKNOWN_LIFE, "open-unknown-life", "a life that control does not know is opened")       \
    X(SKIP_DIRECTORY_SYNC, "skip-directory-sync", "a directory sync does nothing")                 \
    X(FORGET_SENDS, "forget-sends", "a send that comes again is stored again")                     \
    X(FORGET_FENCE, "forget-fence", "a member may poll what is another's")                         \
    X(FORGET_HANDOVER, "forget-handover", "a new owner does not wait for what is not committed")   \
    X(FORGET_GRACE, "forget-grace", "a member that is to come back is not waited for")             \
    X(LOSE_GROUP_OFFSETS, "lose-group-offsets", "a start forgets the stored offsets of groups")    \
    X(LOSE_NOTICE, "lose-notice", "who waits for messages is not told that they came")             \
    X(LOSE_WINDOW, "lose-window", "a start forgets the ids of messages that came before it")       \
    X(KEEP_RIGHTS, "keep-rights", "what a user was allowed before he stays allowed")               \
    X(INHERIT_RIGHTS, "inherit-rights",                                                            \
      "rights go over to what gets the number of a deleted topic")                                 \
    X(KEEP_SESSIONS, "keep-sessions", "sessions outlive their user and its password")              \
    X(LOSE_RIGHTS, "lose-rights", "a snapshot of the state leaves the rights of users out")        \
    X(KEEP_TOKENS, "keep-tokens", "a token opens after it has expired")                            \
    X(LOSE_TOKENS, "lose-tokens", "a snapshot of the state leaves tokens out")                     \
    X(EXPIRE_EARLY, "expire-early", "a segment goes when its oldest message has expired")          \
    X(FORGET_READERS, "forget-readers", "segments go that a consumer has not read")                \
    X(KEEP_SEGMENTS, "keep-segments", "segments that go stay on the disk")                         \
    X(IGNORE_SIZE, "ignore-size", "a topic grows beyond its largest size")                         \
    X(LOSE_GROUPS, "lose-groups", "a snapshot of the state leaves groups out")                     \
    X(KEEP_OPTIONS, "keep-options", "an update of a topic leaves its options as they were")        \
    X(KEEP_MEMBERS, "keep-members", "a member that leaves a group stays in it")                    \
    X(ATTACH_ANYTHING, "attach-anything", "a session is attached to that is not there")            \
    X(FORGET_COMMANDS, "forget-commands", "a command that comes again is carried out again")

#define BUG_ENUM(name, text, help) BUG_##name,
enum bug { BUG_LIST(BUG_ENUM) BUG_COUNT };
#undef BUG_ENUM

#ifdef LEVRIERO_BUGS
bool bug_is_on_now(enum bug bug);
#define bug_is_on(bug) bug_is_on_now(bug)
#else
#define bug_is_on(bug) ((void)sizeof(bug), false)
#endif
