/* Answers about users and their tokens, from this core's own state. Whether one may ask was judged
 * before (permit.h). */
#pragma once

#include "edge/tables.h"

void lookup_get_user(struct edge *edge, struct request *request, struct span body);
void lookup_get_users(struct edge *edge, struct request *request);

/* The tokens of who asks. */
void lookup_get_tokens(struct edge *edge, struct request *request);

/* After COMMAND: the token that was made, which control left in the body. */
void lookup_created_token(struct edge *edge, struct request *request);

/* After COMMAND: the user that was created, as its get would show it. */
void lookup_created_user(struct edge *edge, struct request *request, u32 id);
