/* Tells systemd how far the service is, where NOTIFY_SOCKET is set (sd_notify(3), written out). */
#pragma once

/* `state` is "READY=1" or "STOPPING=1". Silently nothing where nobody listens. */
void notify_service(const char *state);
