/* The guard: a platform run that looks like an accident of the platform is not closed in. SEMANTICS 2.10. */
#include <inttypes.h>
#include <stdio.h>

#include "record/record_priv.h"

#define MIN_ITEMS 20
#define VANISH_PCT 20
#define FALL_PCT 10
#define JUMP_PCT 5
#define JUMP_FACTOR 100
#define JUMP_BASE 1000

void nilo__guard_count(struct nilo_recorder *r, const struct nilo_metric *m, const struct nilo_point *p)
{
    if (!p->had_before || p->absence != NILO_PRESENT || p->win != 0 || m->type != NILO_COUNT || m->aggregation != NILO_LEVEL ||
        m->kind != NILO_INSTANT)
        return;
    r->run.compared++;
    r->run.fell += p->value < p->before;
    r->run.jumped += p->before >= JUMP_BASE && (nilo_i128)p->value > (nilo_i128)p->before * JUMP_FACTOR;
}

int nilo__guard(struct nilo_recorder *r, char *ret_reason, size_t size, struct nilo_err *err)
{
    struct nilo_run before;
    struct nilo_arena arena;
    ret_reason[0] = '\0';
    if (!r->options.platform || r->options.kind != NILO_RUN_COLLECT)
        return 0;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_run_previous(r->store, r->connection.id, r->run.id, &arena, &before, err);
    nilo_arena_done(&arena);
    if (rc < 0 || before.id == 0 || before.items < MIN_ITEMS)
        return rc;
    if (r->options.full_listing &&
        nilo_store_run_vanished(r->store, r->connection.id, before.id, r->run.id, &r->run.vanished, err) < 0)
        return -1;
    if (r->run.vanished * 100 > before.items * VANISH_PCT)
        snprintf(ret_reason, size, "%" PRId64 " of %" PRId64 " items of the run before vanished", r->run.vanished, before.items);
    else if (r->run.fell * 100 > r->run.compared * FALL_PCT)
        snprintf(ret_reason, size, "%" PRId64 " of %" PRId64 " cumulative values fell", r->run.fell, r->run.compared);
    else if (r->run.jumped * 100 > r->run.compared * JUMP_PCT)
        snprintf(ret_reason, size, "%" PRId64 " of %" PRId64 " values rose more than 100-fold", r->run.jumped, r->run.compared);
    return 0;
}
