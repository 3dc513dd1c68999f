#include "bench/gate.h"

#include <time.h>

#include "base/check.h"

#define NS_PER_MS 1000000u
#define NS_PER_SECOND 1000000000u

void gate_init(struct gate *gate, u32 members)
{
    *gate = (struct gate){.members = members};
    pthread_condattr_t attributes;
    check(pthread_mutex_init(&gate->mutex, NULL) == 0);
    check(pthread_condattr_init(&attributes) == 0);
    check(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    check(pthread_cond_init(&gate->changed, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

void gate_deinit(struct gate *gate)
{
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->mutex);
}

void gate_wait(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    u64 generation = gate->generation;
    gate->waiting++;
    pthread_cond_broadcast(&gate->changed);
    while (gate->generation == generation) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

void gate_leave(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    check(gate->members > 0);
    gate->members--;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

void gate_close(struct gate *gate)
{
    __atomic_store_n(&gate->is_closing, true, __ATOMIC_RELAXED);
}

u32 gate_gather(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->waiting < gate->members) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    u32 members = gate->members;
    pthread_mutex_unlock(&gate->mutex);
    return members;
}

void gate_release(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    __atomic_store_n(&gate->is_closing, false, __ATOMIC_RELAXED);
    gate->waiting = 0;
    gate->generation++;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

bool gate_is_empty(struct gate *gate, u32 wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    u64 ns = (u64)until.tv_nsec + (u64)wait_ms * NS_PER_MS;
    until.tv_sec += (time_t)(ns / NS_PER_SECOND);
    until.tv_nsec = (long)(ns % NS_PER_SECOND);
    pthread_mutex_lock(&gate->mutex);
    int waited = 0;
    while (gate->members > 0 && waited == 0) {
        waited = pthread_cond_timedwait(&gate->changed, &gate->mutex, &until);
    }
    bool empty = gate->members == 0;
    pthread_mutex_unlock(&gate->mutex);
    return empty;
}
