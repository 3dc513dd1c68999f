/* What a run needs on the server before it begins: its streams, topics and groups. */
#pragma once

#include "bench/bench_options.h"
#include "client/client.h"

#define BENCH_TOPIC "topic-1"

/* Numbers from 0; the names begin with 1. */
void bench_stream_name(char *name, u32 capacity, u32 number);
void bench_group_name(char *name, u32 capacity, u32 number);

/* Kinds that write make their streams anew, unless they are to be reused; kinds that only read want
 * them to be there. `waits`: the server knows the waiting poll, and it is wanted. */
must_check bool bench_setup(const struct bench_options *options, struct client *client, bool *waits,
                            struct client_error *error);
