/* What doctor has to say, sentence by sentence, for people or (--json) for programs.
 *
 *     Control log                                     title: what the sentences are about
 *       Side a holds all of it.                       a fact
 *     - The last write was not finished: ...          a note: nothing to be done about it
 *     ! Offsets 20 to 29 are damaged: ...             a problem: somebody must look
 *
 * As JSON, one object a line: {"about":"Control log","level":"fact","text":"..."}.
 *
 * Owner: doctor, on the main thread. */
#pragma once

#include <stdio.h>

#include "base/types.h"

#define FINDING_BYTES_MAX 1024u
#define FINDINGS_TITLE_BYTES 256u

enum finding_level { FINDING_FACT, FINDING_NOTE, FINDING_PROBLEM };

struct findings {
    FILE *out;
    bool json;
    char title[FINDINGS_TITLE_BYTES];
    u32 notes_count;
    u32 problems_count;
};

void findings_init(struct findings *findings, FILE *out, bool json);
void findings_title(struct findings *findings, const char *format, ...) printf_like(2, 3);
void findings_add(struct findings *findings, enum finding_level level, const char *format, ...)
    printf_like(3, 4);

#define find_fact(findings, ...) findings_add((findings), FINDING_FACT, __VA_ARGS__)
#define find_note(findings, ...) findings_add((findings), FINDING_NOTE, __VA_ARGS__)
#define find_problem(findings, ...) findings_add((findings), FINDING_PROBLEM, __VA_ARGS__)
