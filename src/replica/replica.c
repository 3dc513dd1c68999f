#include "replica/replica.h"

#include "base/check.h"

void replica_init(struct replica *replica, u64 term, u64 end)
{
    *replica = (struct replica){
        .term = term,
        .proposed_end = end,
        .persisted_end = end,
        .committed_end = end,
    };
}

void replica_propose(struct replica *replica, u64 end)
{
    check(end > replica->proposed_end);
    replica->proposed_end = end;
}

u64 replica_on_persisted(struct replica *replica, u64 end)
{
    check(end > replica->persisted_end);
    check(end <= replica->proposed_end);
    replica->persisted_end = end;
    /* One voice of one: persisted is committed. */
    replica->committed_end = end;
    return replica->committed_end;
}

void replica_give_up(struct replica *replica, u64 end)
{
    check(end >= replica->persisted_end);
    check(end <= replica->proposed_end);
    replica->proposed_end = end;
}
