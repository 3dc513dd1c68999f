/* Members of groups that are to come back. A client that keeps its id says so in its Register; when
 * its connection is lost, its session stays, with all memberships, until it registers again or its
 * time is over:
 *
 *     connected ─ lost ─▶ held ─ registers again ─▶ connected: the session is replaced in place, so
 *         │                │                        groups see nothing
 *         │                ├─ `group.grace` is over, or its place is needed ─▶ ended: not back
 *         │                └─ its user goes, or gets another password ─▶ ended
 *         └─ logs out, falls silent, or is in no group ─▶ ended at once
 *
 * A held one has no connection, so no limit on those counts it, but it has a place among them: it
 * takes half of all places with its like, no more. Whoever comes while all are taken gets the place
 * of the one that is held longest. When that half is full, the newcomer takes the place of the one
 * that is held longest of those from its own address, if there is one: who loses connections in
 * masses pushes out its own. */
#include "base/bug.h"
#include "base/check.h"
#include "control/control_parts.h"

static void end_not_back(struct control *control, struct registry_client *client,
                         const struct msg *request)
{
    check(client->is_held);
    struct decision *decision =
        decision_take(control, request == NULL ? DECISION_NOT_BACK : DECISION_CLOSE);
    if (request != NULL) {
        decision_set_request(decision, request);
    } else {
        control->grace.ending_count++;
    }
    decision->session = client->session;
    decision_set_command(decision, &(struct state_command){
                                       .kind = STATE_END_SESSION,
                                       .time_us = control->core->time.wall_us,
                                       .session = {.session = client->session},
                                       .reason = GROUP_MEMBER_NOT_BACK,
                                   });
    decision_order(control, decision); /* and the place is free */
}

/* Ends those whose time is over, and sets the timer for the next. */
static void look_at_held(struct control *control)
{
    struct core *core = control->core;
    struct registry_client *client = NULL;
    while (!control->stops && control->grace.ending_count < GRACE_ENDING_MAX &&
           (client = registry_held_longest(&control->registry)) != NULL) {
        if (client->held_until_us > core->time.monotonic_us) {
            timer_set(&core->timers, &control->grace.timer, client->held_until_us);
            return;
        }
        end_not_back(control, client, NULL);
    }
}

static void on_timer(struct core *core, struct timer *timer)
{
    struct control *control = core->control;
    check(timer == &control->grace.timer);
    look_at_held(control);
    control_go_on(control);
}

void grace_init(struct control *control)
{
    timer_init(&control->grace.timer, on_timer);
}

void grace_stop(struct control *control)
{
    check(control->stops);
    timer_cancel(&control->core->timers, &control->grace.timer);
}

/* Is there something to come back to, and may it? */
static bool is_worth_it(const struct control *control, const struct registry_client *client)
{
    return client->keeps_id && !control->stops && control->settings->group_grace_us > 0 &&
           state_member_of_session_next(control->decided, client->session, NULL) != NULL &&
           !bug_is_on(BUG_FORGET_GRACE);
}

bool grace_hold(struct control *control, struct registry_client *client, const struct msg *request)
{
    struct core *core = control->core;
    if (!is_worth_it(control, client)) {
        return false;
    }
    struct registry_client *gives_way = NULL;
    if (registry_held_are_full(&control->registry)) {
        gives_way = registry_held_to_give_way(&control->registry, client->peer_address);
    }
    client->held_until_us = core->time.monotonic_us + control->settings->group_grace_us;
    registry_hold(&control->registry, client);
    counter_add(core->counters, COUNTER_sessions_held, 1);
    if (gives_way != NULL) {
        counter_add(core->counters, COUNTER_sessions_given_up, 1);
        end_not_back(control, gives_way, request);
    } else {
        control_refuse(control, request, WIRE_OK);
    }
    if (!timer_is_set(&control->grace.timer)) {
        look_at_held(control);
    }
    return true;
}

bool grace_give_way(struct control *control)
{
    struct registry_client *client = registry_held_longest(&control->registry);
    check(client != NULL);
    if (control->grace.ending_count == GRACE_ENDING_MAX) {
        return false;
    }
    counter_add(control->core->counters, COUNTER_sessions_given_up, 1);
    end_not_back(control, client, NULL);
    control_go_on(control);
    return true;
}

void grace_on_ended(struct control *control)
{
    check(control->grace.ending_count > 0);
    control->grace.ending_count--;
    look_at_held(control);
}
