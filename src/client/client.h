/* A blocking client, generation 2: one connection, one request at a time.
 *
 *     client_connect ─▶ client_login ─▶ client_* … ─▶ client_close
 *
 * Who a client is to the server does not depend on the connection. With `keeps_identity` its logins
 * say that it comes back, so when the connection is lost (not after client_logout) the server keeps
 * its consumer groups and their partitions for `group.grace`. Another connection takes them over:
 *
 *     options.identity = client_identity(client);     before client_close
 *     client_close(client) ─▶ client_connect(&options) ─▶ client_login: the same member as before
 *
 * The numbers of requests go on as well, so a command that is sent again is known for what it is.
 *
 * Not a public interface yet (#5). What replies contain points into memory of the client and holds
 * until the next call.
 *
 * Thread:  one at a time. Memory: allocates as it needs.
 * Errors:  every call returns false and fills in a client_error: a number of the protocol, or 0
 * for what
 *          happened on this side, always with a sentence. */
#pragma once

#include "base/bytes.h"
#include "base/str.h"
#include "wire/batch.h"
#include "wire/client_info.h"
#include "wire/cluster.h"
#include "wire/consumer.h"
#include "wire/group_info.h"
#include "wire/options.h"
#include "wire/partition_info.h"
#include "wire/permissions.h"
#include "wire/poll.h"
#include "wire/send.h"
#include "wire/stats.h"
#include "wire/token_info.h"
#include "wire/topic_info.h"
#include "wire/user_headers.h"
#include "wire/user_info.h"

struct client;

struct client_error {
    u32 number; /* enum wire_error, or 0: connection, time, memory */
    bool retryable;
    char text[512];
};

struct client_identity {
    struct u128 id;
    u64 request; /* number of the last mutation */
};

struct client_options {
    const char *address; /* "127.0.0.1:8090" */
    u32 connect_timeout_ms;
    u32 request_timeout_ms;
    bool keeps_identity;
    struct client_identity identity; /* of an earlier connection; all zero: a new one */
};

/* Where a message goes or comes from, by name or by number written as text ("7"). */
struct client_place {
    const char *stream;
    const char *topic;
    u32 partition_id;
};

struct client *client_connect(const struct client_options *options, struct client_error *error);
void client_close(struct client *client);
struct client_identity client_identity(const struct client *client);
must_check bool client_login(struct client *client, const char *username, const char *password,
                             struct client_error *error);
must_check bool client_login_token(struct client *client, const char *token,
                                   struct client_error *error);

/* Groups are left at once, kept identity or not; the connection stays. */
must_check bool client_logout(struct client *client, struct client_error *error);
must_check bool client_ping(struct client *client, struct client_error *error);
must_check bool client_stats(struct client *client, struct stats *stats,
                             struct client_error *error);

/* A ZIP file; `archive` holds until the next call. */
must_check bool client_snapshot(struct client *client, struct span *archive,
                                struct client_error *error);

/* ---- Streams and topics ---- */

must_check bool client_stream_create(struct client *client, const char *name, u32 *id,
                                     struct client_error *error);
must_check bool client_stream_delete(struct client *client, const char *stream,
                                     struct client_error *error);

struct client_stream {
    bool found; /* false: there is no such stream, and the rest is empty */
    struct stream_info info;
    struct reader topics; /* read_topic_view while bytes are left */
};

must_check bool client_stream_get(struct client *client, const char *name,
                                  struct client_stream *stream, struct client_error *error);

/* `streams`: read_stream_info while bytes are left. */
must_check bool client_streams(struct client *client, struct reader *streams,
                               struct client_error *error);

struct client_topic_options {
    u32 partitions_count;
    struct topic_options options; /* those in explicit_set are sent */
};

must_check bool client_topic_create(struct client *client, const char *stream, const char *name,
                                    const struct client_topic_options *options,
                                    struct client_error *error);
must_check bool client_topic_delete(struct client *client, const char *stream, const char *topic,
                                    struct client_error *error);
struct client_topic {
    bool found;
    struct topic_view view;
    struct reader partitions; /* read_partition_info while bytes are left */
};

must_check bool client_topic_get(struct client *client, const struct client_place *place,
                                 struct client_topic *topic, struct client_error *error);
must_check bool client_topics(struct client *client, const char *stream, struct reader *topics,
                              struct client_error *error);

/* ---- Streams and topics that exist: client_admin.c ---- */

must_check bool client_stream_rename(struct client *client, const char *stream, const char *name,
                                     struct client_error *error);
must_check bool client_stream_purge(struct client *client, const char *stream,
                                    struct client_error *error);

/* A topic by what its options are called: `options` is a block of wire/options.h, values as text
 * if one likes. */
struct client_topic_change {
    const char *stream;
    const char *topic; /* NULL: a new one */
    const char *name;
    u32 partitions_count; /* of a new one */
    struct span options;  /* of one that exists: what is not named stays as it is */
};

/* `id` is that of the topic. */
must_check bool client_topic_create_as(struct client *client,
                                       const struct client_topic_change *topic, u32 *id,
                                       struct client_error *error);
must_check bool client_topic_update(struct client *client, const struct client_topic_change *topic,
                                    struct client_error *error);
must_check bool client_topic_purge(struct client *client, const char *stream, const char *topic,
                                   struct client_error *error);

struct client_partitions {
    const char *stream;
    const char *topic;
    u32 partition_id; /* of segments alone */
    u32 count;
};

must_check bool client_partitions_create(struct client *client,
                                         const struct client_partitions *partitions,
                                         struct client_error *error);

/* The last ones, with their messages. */
must_check bool client_partitions_delete(struct client *client,
                                         const struct client_partitions *partitions,
                                         struct client_error *error);

/* The oldest sealed ones of a partition. */
must_check bool client_segments_delete(struct client *client,
                                       const struct client_partitions *partitions,
                                       struct client_error *error);

/* ---- The server and who is there: client_server.c ---- */

struct client_connection {
    bool found;
    struct client_info info;
    struct reader groups; /* read_client_group while bytes are left */
};

/* This connection, as the server sees it. */
must_check bool client_me(struct client *client, struct client_connection *connection,
                          struct client_error *error);
must_check bool client_connection_get(struct client *client, u32 client_id,
                                      struct client_connection *connection,
                                      struct client_error *error);

/* `connections`: read_client_info while bytes are left. */
must_check bool client_connections(struct client *client, struct reader *connections,
                                   struct client_error *error);

struct client_cluster {
    struct span name;
    u32 nodes_count;
    struct reader nodes; /* read_cluster_node, as many */
};

must_check bool client_cluster(struct client *client, struct client_cluster *cluster,
                               struct client_error *error);

/* `options`: read_option_description while bytes are left. */
must_check bool client_options_described(struct client *client, enum options_scope scope,
                                         struct reader *options, struct client_error *error);

/* ---- Stored offsets: client_offset.c ---- */

struct client_consumer {
    bool is_group;
    const char *name; /* or a number */
    struct client_place place;
};

struct client_stored_offset {
    bool found; /* false: the consumer has stored none */
    struct offset_reply offsets;
};

must_check bool client_offset_get(struct client *client, const struct client_consumer *consumer,
                                  struct client_stored_offset *stored, struct client_error *error);
must_check bool client_offset_set(struct client *client, const struct client_consumer *consumer,
                                  u64 offset, struct client_error *error);
must_check bool client_offset_delete(struct client *client, const struct client_consumer *consumer,
                                     struct client_error *error);

/* ---- Consumer groups ---- */

struct client_group_place {
    const char *stream;
    const char *topic;
    const char *group;
};

struct client_group_view {
    bool found;
    struct group_info info;
    struct reader members; /* read_group_member while bytes are left */
};

must_check bool client_group_create(struct client *client, const struct client_group_place *place,
                                    u32 *id, struct client_error *error);
must_check bool client_group_delete(struct client *client, const struct client_group_place *place,
                                    struct client_error *error);
must_check bool client_group_get(struct client *client, const struct client_group_place *place,
                                 struct client_group_view *group, struct client_error *error);

/* `groups`: read_group_info while bytes are left. */
must_check bool client_groups(struct client *client, const char *stream, const char *topic,
                              struct reader *groups, struct client_error *error);

must_check bool client_group_join(struct client *client, const struct client_group_place *place,
                                  struct client_error *error);
must_check bool client_group_leave(struct client *client, const struct client_group_place *place,
                                   struct client_error *error);

struct client_assignment {
    bool is_member; /* false: it is none any more, and the rest is empty */
    struct group_assignment assignment;
};

/* Whose partitions these are for now: asked for anew when a poll says that one is not. */
must_check bool client_group_sync(struct client *client, const struct client_group_place *place,
                                  struct client_assignment *assignment, struct client_error *error);

/* ---- Users and tokens ---- */

struct client_new_user {
    const char *name;
    const char *password;
    bool inactive;
    bool has_permissions;
    struct span permissions; /* a block of wire/permissions.h */
};

must_check bool client_user_create(struct client *client, const struct client_new_user *user,
                                   u32 *id, struct client_error *error);
must_check bool client_user_delete(struct client *client, const char *user,
                                   struct client_error *error);

struct client_user_change {
    const char *name; /* NULL: as it is */
    u8 status;        /* enum user_status, or 0: as it is */
};

must_check bool client_user_update(struct client *client, const char *user,
                                   const struct client_user_change *change,
                                   struct client_error *error);

/* `permissions` NULL: none at all. */
must_check bool client_user_permit(struct client *client, const char *user,
                                   const struct span *permissions, struct client_error *error);

struct client_passwords {
    const char *current;
    const char *new;
};

must_check bool client_user_password(struct client *client, const char *user,
                                     const struct client_passwords *passwords,
                                     struct client_error *error);

struct client_user {
    bool found;
    struct user_info info;
    bool has_permissions;
    struct span permissions;
};

must_check bool client_user_get(struct client *client, const char *name, struct client_user *user,
                                struct client_error *error);

/* `users`: read_user_info while bytes are left. */
must_check bool client_users(struct client *client, struct reader *users,
                             struct client_error *error);

/* `token` is shown this once, and holds until the next call. `expiry_us` from now; 0: never. */
must_check bool client_token_create(struct client *client, const char *name, u64 expiry_us,
                                    struct span *token, struct client_error *error);
must_check bool client_token_delete(struct client *client, const char *name,
                                    struct client_error *error);

/* Of who is logged in. `tokens`: read_token_info while bytes are left. */
must_check bool client_tokens(struct client *client, struct reader *tokens,
                              struct client_error *error);

/* ---- Messages ---- */

/* A batch under construction, sent whole. */
struct client_batch;

struct client_batch *client_batch_create(u32 bytes_max);
void client_batch_destroy(struct client_batch *batch);

/* False when it is full: send it, then add again. A payload larger than an empty batch holds is a
 * failed check: the caller knows bytes_max. */
must_check bool client_batch_add(struct client_batch *batch, struct span payload);
u32 client_batch_count(const struct client_batch *batch);

/* The same with what the sender chose besides. */
struct client_message {
    struct u128 id; /* 0: drawn */
    struct span payload;
    struct span user_headers; /* entries of wire/user_headers.h */
};

must_check bool client_batch_add_message(struct client_batch *batch,
                                         const struct client_message *wanted);

/* Sends and empties the batch; `base_offset` is that of its first message. */
must_check bool client_send(struct client *client, const struct client_place *place,
                            struct client_batch *batch, u64 *base_offset,
                            struct client_error *error);

/* The same to where `partitioning` leads; `went` says where that was. */
struct client_destination {
    const char *stream;
    const char *topic;
    struct partitioning partitioning;
};

must_check bool client_send_by(struct client *client, const struct client_destination *to,
                               struct client_batch *batch, struct send_confirmation *went,
                               struct client_error *error);

struct client_poll {
    enum poll_strategy strategy;
    u64 value;
    u32 count;
    const char *consumer; /* name or number */
    bool is_group;        /* the consumer is a group, and this client a member of it */
    bool auto_commit;
    u32 wait_ms; /* with nothing to be had, the server answers when there is, at most so late */
};

/* The time of a request is that of the wait and its own. `reply` is iterated with poll_iterate and
 * poll_next. */
must_check bool client_poll(struct client *client, const struct client_place *place,
                            const struct client_poll *poll, struct poll_reply *reply,
                            struct client_error *error);
