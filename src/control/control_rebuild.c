/* When the log has failed, what was decided and not written does not come about; `decided` had it
 * already. It becomes what every core will have:
 *
 *     state of core 0 ─▶ + what is on its way to the cores ─▶ + sessions that are ordered still
 *
 * What followed from something that is lost is refused now: a login of a user that was to be made.
 * What was ended by it is back: the sessions of users that were to be deleted. */
#include "base/check.h"
#include "control/control_parts.h"

static void forget_login(struct control *control, const struct decision *decision)
{
    struct registry_client *client =
        registry_get(&control->registry, decision->request.login.client_number);
    if (client != NULL) {
        control_forget_session(control, client, decision->session);
    }
}

static void refuse(struct control *control, struct decision *decision, enum wire_error error)
{
    switch (decision->kind) {
    case DECISION_COMMAND: break;
    case DECISION_LOGIN:
        forget_login(control, decision);
        error = WIRE_IO_ERROR;
        break;
    case DECISION_NOT_BACK:
        check(control->grace.ending_count > 0);
        control->grace.ending_count--;
        break;
    case DECISION_CLOSE: error = WIRE_OK; break; /* the session never came to be */
    case DECISION_EXPIRY:
    case DECISION_ROOT: unreachable(); /* durable: written before, or lost */
    }
    if (decision->has_request) {
        control_refuse(control, &decision->request, error);
    }
    decision_return(control, decision);
}

static void decide_again(struct control *control, struct list *decisions)
{
    list_for_each(node, next, decisions) {
        struct decision *decision = container_of(node, struct decision, node);
        if (decision->index <= state_index(control->decided)) {
            continue; /* core 0 has it */
        }
        enum wire_error error = state_check(control->decided, decision_command(decision));
        if (error == WIRE_OK) {
            control_apply_decided(control, decision);
        } else {
            check(decisions == &control->ordered); /* nothing was sent ahead of what was lost */
            refuse(control, decision, error);
        }
    }
}

/* True when its connection is there, and has no other session by now. */
static bool is_taken_up(struct control *control, const struct state_session *session)
{
    struct registry_client *client = registry_get(&control->registry, session->client_number);
    if (client == NULL || (client->session != 0 && client->session != session->session)) {
        return false;
    }
    if (client->session == 0) {
        client->session = session->session;
        registry_set_user(&control->registry, client, session->user_id);
    }
    return true;
}

static void take_up_sessions(struct control *control)
{
    u32 left = RESTORED_ENDING_MAX;
    u32 lost_count = 0;
    const struct state_session *session = NULL;
    while ((session = state_session_next(control->decided, session)) != NULL) {
        if (is_taken_up(control, session)) {
            continue;
        }
        if (left == 0) {
            lost_count++;
            continue;
        }
        left--;
        control_end_session(control, session->session, GROUP_SESSION_ENDED, NULL);
    }
    if (lost_count > 0) {
        event_warn(control->core->events, "control.sessions_left sessions=%u", lost_count);
    }
}

void control_rebuild_decided(struct control *control)
{
    check(control_log_has_failed(control->log));
    check(control->step > CONTROL_SEND_STATE);
    state_copy(control->decided, control->core->state);
    decide_again(control, &control->applying);
    decide_again(control, &control->ordered);
    take_up_sessions(control);
}
