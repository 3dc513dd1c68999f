#include "control/control.h"

#include "control/control_fixture.h"

TEST(a_first_start_walks_the_phases_and_makes_the_root_user)
{
    node_init(1, 2);
    node_start_well();
    node_run_ms(1000);
    static const enum phase phases[] = {PHASE_RECOVER, PHASE_FORGET_OLD, PHASE_SERVE};
    for (u32 i = 0; i < 2; i++) {
        const struct pump_core *pump = &node.cores[i];
        EXPECT_EQ(pump->phases_count, 3);
        EXPECT_EQ(memcmp(pump->phases, phases, sizeof(phases)), 0);
        EXPECT_EQ(state_boot(pump->core.state), 1);
        const struct state_user *root = state_user_get(pump->core.state, 0);
        EXPECT(root != NULL);
        EXPECT_EQ(root->created_at_us, 1);
        EXPECT_EQ(root->name_size, 4);
    }
    EXPECT(control_has_created_root(node.control));
    EXPECT_EQ(state_hash(node.cores[0].core.state), state_hash(node.cores[1].core.state));
    node_deinit();
}
