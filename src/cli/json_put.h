/* Pieces of JSON as text: what output.c and the messages print. */
#pragma once

#include <stdio.h>

#include "base/bytes.h"

/* A string with its quotes. What is no UTF-8 becomes U+FFFD, so that the line stays JSON. */
void json_put_text(FILE *file, struct span text);

/* A string with the bytes in base64. */
void json_put_base64(FILE *file, struct span bytes);
