/* The first user: who it is to be, before anything starts; and `levriero user reset-root`, which
 * gives it another password while no server runs.
 *
 * Root is made from settings where there is none yet, and what settings say is not looked at
 * otherwise. A generated password is shown once, when the user that it belongs to is durable. */
#pragma once

#include "base/str.h"
#include "core/settings.h"

/* Fills in what is not chosen: `default_root` takes iggy / iggy, otherwise the user is iggy and
 * the password random, and `generated` true. False with the sentence when only one of the two is
 * chosen, or a length is out of range. */
must_check bool root_choose(struct settings *settings, bool default_root, bool *generated,
                            struct err *err);

/* The exit code. argv[0] is "user", argv[1] "reset-root". */
int root_reset_main(int argc, char **argv);
