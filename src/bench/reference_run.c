#include "bench/reference_run.h"

#include "base/mem.h"

#define WRITERS 1u
#define READERS 2u

const char *reference_actor_kind(const struct actor *actor)
{
    if (bench_kind_row(actor->run->options->kind)->in_turns) {
        return "producing_consumer";
    }
    return actor->writes ? "producer" : "consumer";
}

static void add_group(struct reference_run *reference, const struct bench_run *run,
                      const char *kind, u32 who)
{
    const struct reference_actor **figures = mem_take(run->actors_count * sizeof(*figures));
    const struct actor **actors = mem_take(run->actors_count * sizeof(*actors));
    struct reference_members members = {figures, actors, 0};
    for (u32 i = 0; i < run->actors_count; i++) {
        if ((run->actors[i].writes && (who & WRITERS) != 0) ||
            (run->actors[i].reads && (who & READERS) != 0)) {
            figures[members.count] = &reference->actors[i];
            actors[members.count++] = &run->actors[i];
        }
    }
    struct reference_options options = {run->options->sampling_us * 1000,
                                        (u32)run->options->moving_average_window};
    reference_group_init(&reference->groups[reference->groups_count], &members, &options);
    reference->kinds[reference->groups_count++] = kind;
    mem_return(figures);
    mem_return(actors);
}

void reference_run_init(struct reference_run *reference, const struct bench_run *run)
{
    const struct bench_kind_row *row = bench_kind_row(run->options->kind);
    struct reference_options options = {run->options->sampling_us * 1000,
                                        (u32)run->options->moving_average_window};
    *reference = (struct reference_run){.actors_count = run->actors_count};
    reference->actors = mem_take(run->actors_count * sizeof(struct reference_actor));
    for (u32 i = 0; i < run->actors_count; i++) {
        const struct actor *actor = &run->actors[i];
        reference_actor_init(&reference->actors[i], actor->samples, actor->samples_count, &options);
    }
    if (row->in_turns) {
        add_group(reference, run, "producing_consumers", WRITERS | READERS);
        return;
    }
    if (row->writes) {
        add_group(reference, run, "producers", WRITERS);
    }
    if (row->reads) {
        add_group(reference, run, "consumers", READERS);
    }
    if (row->writes && row->reads) {
        add_group(reference, run, "producers_and_consumers", WRITERS | READERS);
    }
}

void reference_run_deinit(struct reference_run *reference)
{
    for (u32 i = 0; i < reference->groups_count; i++) {
        reference_group_deinit(&reference->groups[i]);
    }
    for (u32 i = 0; i < reference->actors_count; i++) {
        reference_actor_deinit(&reference->actors[i]);
    }
    mem_return(reference->actors);
}
