/* What the calls of one question and one answer have in common. */
#pragma once

#include "client/connection.h"
#include "client/lv_result.h"

/* Asks with the body that connection_body collected and gives the answer to `result` (may be
 * NULL). */
int call_with_body(struct lv_client *client, enum command command, struct lv_result *result);

/* The same for what may be missing: LV_ERROR_NOT_FOUND when the answer is empty. */
int call_to_find(struct lv_client *client, enum command command, struct lv_result *result);

/* True when both names fit; or else the sentence is set. */
bool call_topic_fits(struct lv_client *client, const char *stream, const char *topic);
