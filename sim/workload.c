#include "sim/workload.h"

#include "base/check.h"
#include "base/mem.h"
#include "sim/clerk.h"
#include "sim/crew.h"
#include "sim/guest.h"
#include "sim/operation.h"

static void plan_step(struct actor *actor, u64 after_us);

static u64 think_us(struct actor *actor)
{
    return 1 + prng_below(&actor->prng, 2 * actor->workload->think_us);
}

/* Now and then a client behaves badly. */
static void misbehave(struct actor *actor)
{
    switch (prng_below(&actor->prng, 4)) {
    case 0: sim_client_end(&actor->client, CLIENT_RESETS); break;
    case 1: sim_client_end(&actor->client, CLIENT_VANISHES); break;
    case 2:
        sim_client_pause_reading(&actor->client, prng_below(&actor->prng, 3 * US_PER_SECOND));
        break;
    default: sim_client_end(&actor->client, CLIENT_CLOSES); break;
    }
}

static void act(struct actor *actor)
{
    struct workload *workload = actor->workload;
    struct sim_client *client = &actor->client;
    if (client->conn == NULL) {
        sim_client_connect(client, 0);
    } else if (!actor->logged_in) {
        if (client->is_connected && client->calls_count == 0) {
            operation_register(actor);
        }
    } else if (prng_chance(&actor->prng, 1, 150)) {
        misbehave(actor);
    } else if (workload->operations_asked < workload->operations_max) {
        u32 burst = prng_chance(&actor->prng, 1, 4) ? actor->window : 1;
        for (u32 i = 0; i < burst && client->calls_count < actor->window; i++) {
            if (client->conn == NULL || !operation_begin(actor)) {
                break;
            }
        }
    }
}

static void actor_step(void *context, u64 word)
{
    (void)word;
    struct actor *actor = context;
    struct workload *workload = actor->workload;
    actor->step_planned = false;
    if (workload->is_over || workload->verdict->failed) {
        return;
    }
    if (workload->is_paused) {
        plan_step(actor, 20000);
        return;
    }
    act(actor);
    plan_step(actor, think_us(actor));
}

static void plan_step(struct actor *actor, u64 after_us)
{
    if (!actor->step_planned) {
        actor->step_planned = true;
        sim_after(actor->workload->sim, after_us, actor_step, actor, 0);
    }
}

static void on_connected(void *context)
{
    struct actor *actor = context;
    if (!actor->workload->is_paused && !actor->workload->is_over) {
        operation_register(actor);
    }
}

static void on_reply(void *context, struct sim_client_call *call,
                     const struct sim_client_reply *reply)
{
    struct actor *actor = context;
    struct operation *operation = container_of(call, struct operation, call);
    check(operation->actor == actor);
    actor->workload->operations_count++;
    operation_on_reply(operation, reply);
    mem_return(operation);
}

static void on_lost(void *context, struct sim_client_call *call)
{
    struct actor *actor = context;
    struct operation *operation = container_of(call, struct operation, call);
    actor->workload->operations_lost++;
    operation_on_lost(operation);
    mem_return(operation);
}

static void on_closed(void *context)
{
    struct actor *actor = context;
    actor->logged_in = false;
    actor->busy_alone = false;
}

static void actor_init(struct workload *workload, struct actor *actor, u32 index)
{
    actor->workload = workload;
    actor->index = index;
    prng_init(&actor->prng, prng_next(&workload->prng));
    actor->window = 1 + (u32)prng_below(&actor->prng, 8);
    actor->body = mem_resize(NULL, OPERATION_BODY_BYTES);
    sim_client_init(&actor->client, workload->sim, index, workload->verdict);
    actor->client.keeps_id = prng_chance(&actor->prng, 2, 3);
    actor->client.is_v1 = prng_chance(&actor->prng, 1, 6);
    actor->client.context = actor;
    actor->client.on_connected = on_connected;
    actor->client.on_reply = on_reply;
    actor->client.on_lost = on_lost;
    actor->client.on_closed = on_closed;
}

void workload_init(struct workload *workload, struct schedule *schedule, struct model *model,
                   u32 actors_count, u64 seed)
{
    check(actors_count > 0);
    check(actors_count <= ACTORS_MAX);
    *workload = (struct workload){
        .sim = schedule->sim,
        .schedule = schedule,
        .model = model,
        .verdict = model->verdict,
        .actors_count = actors_count,
        .is_paused = true,
        .operations_max = UINT64_MAX,
    };
    prng_init(&workload->prng, seed);
    workload->actors = mem_take(actors_count * sizeof(struct actor));
    for (u32 i = 0; i < actors_count; i++) {
        actor_init(workload, &workload->actors[i], i);
    }
    workload->guests_count = (u32)prng_below(&workload->prng, GUESTS_MAX + 1);
    workload->guests = mem_take(GUESTS_MAX * sizeof(struct guest));
    for (u32 i = 0; i < workload->guests_count; i++) {
        guest_init(&workload->guests[i], workload, i, prng_next(&workload->prng));
    }
    if (prng_chance(&workload->prng, 1, 2)) {
        workload->crew = mem_take(sizeof(struct crew));
        crew_init(workload->crew, workload, prng_next(&workload->prng));
    }
    workload->clerk = mem_take(sizeof(struct clerk));
    clerk_init(workload->clerk, workload, prng_next(&workload->prng));
}

void workload_deinit(struct workload *workload)
{
    workload->is_over = true;
    workload_disconnect(workload);
    for (u32 i = 0; i < workload->actors_count; i++) {
        sim_client_deinit(&workload->actors[i].client);
        mem_return(workload->actors[i].body);
        mem_return(workload->actors[i].repeat.body);
    }
    mem_return(workload->actors);
    for (u32 i = 0; i < workload->guests_count; i++) {
        guest_deinit(&workload->guests[i]);
    }
    mem_return(workload->guests);
    if (workload->crew != NULL) {
        crew_deinit(workload->crew);
    }
    mem_return(workload->crew);
    clerk_deinit(workload->clerk);
    mem_return(workload->clerk);
}

void workload_start(struct workload *workload)
{
    workload->is_started = true;
    for (u32 i = 0; i < workload->actors_count; i++) {
        plan_step(&workload->actors[i], 1 + i * 1000);
    }
    for (u32 i = 0; i < workload->guests_count; i++) {
        guest_start(&workload->guests[i]);
    }
    if (workload->crew != NULL) {
        crew_start(workload->crew);
    }
    clerk_start(workload->clerk);
}

void workload_audit_guests(struct workload *workload)
{
    for (u32 i = 0; i < workload->guests_count; i++) {
        guest_audit_begin(&workload->guests[i]);
    }
}

bool workload_guests_are_audited(const struct workload *workload)
{
    for (u32 i = 0; i < workload->guests_count; i++) {
        if (!guest_audit_is_done(&workload->guests[i])) {
            return false;
        }
    }
    return true;
}

u32 workload_calls_in_flight(const struct workload *workload)
{
    u32 count = 0;
    for (u32 i = 0; i < workload->actors_count; i++) {
        count += workload->actors[i].client.calls_count;
    }
    for (u32 i = 0; i < workload->guests_count; i++) {
        count += workload->guests[i].is_busy ? 1 : 0;
    }
    count += workload->clerk->is_busy ? 1 : 0;
    return count + (workload->crew == NULL ? 0 : crew_calls_in_flight(workload->crew));
}

void workload_disconnect(struct workload *workload)
{
    for (u32 i = 0; i < workload->actors_count; i++) {
        if (workload->actors[i].client.conn != NULL) {
            sim_client_end(&workload->actors[i].client, CLIENT_CLOSES);
        }
    }
    for (u32 i = 0; i < workload->guests_count; i++) {
        guest_disconnect(&workload->guests[i]);
    }
    if (workload->crew != NULL) {
        crew_disconnect(workload->crew);
    }
    clerk_disconnect(workload->clerk);
}

void workload_on_crash(struct workload *workload)
{
    model_crash(workload->model);
    if (workload->crew != NULL) {
        crew_on_crash(workload->crew);
    }
}

void workload_on_boot(struct workload *workload)
{
    workload->boot_counts = *sim_counts(workload->sim);
    workload->boot_us = sim_now_us(workload->sim);
    workload->is_stopping = false;
}

bool workload_disk_broke(const struct workload *workload)
{
    const struct sim_counts *now = sim_counts(workload->sim);
    const struct sim_counts *then = &workload->boot_counts;
    return now->write_errors != then->write_errors || now->sync_errors != then->sync_errors ||
           now->read_errors != then->read_errors || now->rots > 0;
}

bool workload_disk_failed(const struct workload *workload)
{
    const struct sim_counts *now = sim_counts(workload->sim);
    const struct sim_counts *then = &workload->boot_counts;
    return workload_disk_broke(workload) || now->space_errors != then->space_errors ||
           now->disk_full_times != then->disk_full_times;
}

bool workload_excuses(const struct workload *workload, u32 status)
{
    switch (status) {
    case WIRE_CANNOT_APPEND_MESSAGE:
    case WIRE_CANNOT_READ_MESSAGE:
    case WIRE_INVALID_MESSAGE_CHECKSUM:
    case WIRE_INVALID_BATCH_CHECKSUM:
    case WIRE_IO_ERROR:
    case WIRE_CANNOT_WRITE_TO_FILE: return workload_disk_failed(workload);
    case WIRE_TASK_TIMEOUT: /* the deadline passed before anything was done */ return true;
    case WIRE_DISCONNECTED: return workload->is_stopping;
    default: return false;
    }
}
