/* The server beside the load: what it promises for what it acknowledged, and, when it runs on this
 * machine, what processor time and memory it takes.
 *
 *     server_watch_open ─▶ server_watch_begin ─▶ server_watch_sample ... ─▶ server_watch_end
 *
 * Durability is read from the server's own configuration (its diagnostics archive), never typed by
 * hand. A server that gives none away is "unknown".
 *
 * Thread: the main thread's. Errors: what cannot be known stays empty. */
#pragma once

#include "client/client.h"

#define SERVER_SAMPLES_MAX 2048u

struct server_sample {
    u64 at_ns;    /* of the run's clock */
    double cores; /* busy since the sample before */
    u64 rss_bytes;
};

struct server_watch {
    u32 process_id;      /* 0: not on this machine, or not to be seen */
    char durability[32]; /* "sync", "os", "memory" or "unknown" */
    bool direct;
    char data_path[1024]; /* "" unless it is on this machine */
    char version[64];
    char hostname[128];
    char os_name[64];
    char os_version[64];
    char kernel_version[128];
    struct stats stats; /* numbers; its texts are the ones above */
    double cpu_seconds; /* from begin to end */
    u64 rss_bytes_max;
    u64 written_bytes; /* to the disk, from begin to end */
    struct server_sample samples[SERVER_SAMPLES_MAX];
    u32 samples_count;
    u64 last_ticks;
    u64 last_ns;
    u64 sample_every_ns;
    u64 pause_ticks; /* at the beginning of a pause */
};

must_check bool server_watch_open(struct server_watch *watch, const char *address,
                                  struct client *client, struct client_error *error);
void server_watch_begin(struct server_watch *watch);

/* Seldom enough for the room there is, whatever the length of the run. */
void server_watch_sample(struct server_watch *watch, u64 at_ns);
void server_watch_end(struct server_watch *watch, u64 at_ns);

/* The level in a configuration as the server writes it; false: there is none, it is "unknown". */
bool server_watch_read_config(struct server_watch *watch, struct span text);
