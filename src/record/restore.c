/* History that was recorded elsewhere, put back as it is: the one way in besides readings. Nothing is judged again (when a day closed, what was amended
 * and by whom are facts), but nothing is taken on trust either: every row must be one that the record's own rules could have made. How
 * the rows are written is store's. */
#include <stdlib.h>
#include <string.h>

#include "record/record_priv.h"

struct rule {
    const char *table, *column;
    int64_t least, most;
    int at_table, at_column;
};
#define DAYS INT32_MIN, INT32_MAX
static const struct rule rules[] = {
    {"metric", "type", NILO_COUNT, NILO_AGGREGATE, 0, 0},
    {"metric", "kind", NILO_INSTANT, NILO_PERIOD, 0, 0},
    {"metric", "aggregation", NILO_LEVEL, NILO_FLOW, 0, 0},
    {"metric", "scale", 0, NILO_SCALE_MAX, 0, 0},
    {"metric", "best_rule", NILO_BEST_MAX, NILO_BEST_WITH_GMV, 0, 0},
    {"workspace_zone", "from_day", DAYS, 0, 0},
    {"connection", "closed_until", DAYS, 0, 0},
    {"connection", "read_until", DAYS, 0, 0},
    {"connection", "dropped_until", DAYS, 0, 0},
    {"owner", "bucket", 0, 1023, 0, 0},
    {"entity", "bucket", 0, 1023, 0, 0},
    {"entity", "kind", NILO_CONTENT, NILO_APP, 0, 0},
    {"content_event", "event", NILO_ITEM_LIVE, NILO_ITEM_DELETED, 0, 0},
    {"content_event", "was", NILO_ITEM_LIVE, NILO_ITEM_DELETED, 0, 0},
    {"content_event", "day", -719162, 2932896, 0, 0},
    {"credit", "from_day", DAYS, 0, 0},
    {"credit", "to_day", DAYS, 0, 0},
    {"run", "kind", NILO_RUN_COLLECT, NILO_RUN_SEAL, 0, 0},
    {"run", "status", NILO_COMPLETED, NILO_REJECTED, 0, 0},
    {"run", "provenance", NILO_ESTIMATED, NILO_OBSERVED, 0, 0},
    {"observation", "win", 0, 3660, 0, 0},
    {"observation", "day", -719162, 2932896, 0, 0},
    {"observation", "absence", NILO_PRESENT, NILO_DROPPED, 0, 0},
    {"observation", "provenance", NILO_ESTIMATED, NILO_OBSERVED, 0, 0},
    {"observation", "rank", 0, NILO_RANK_REVISE, 0, 0},
    {"base", "win", 0, 3660, 0, 0},
    {"base", "day", -719162, 2932896, 0, 0},
    {"base", "seq", 0, 0, 0, 0},
    {"base", "absence", NILO_PRESENT, NILO_DROPPED, 0, 0},
    {"base", "provenance", NILO_ESTIMATED, NILO_OBSERVED, 0, 0},
    {"base", "rank", 0, NILO_RANK_REVISE, 0, 0},
    {"base", "cause", NILO_CAUSE_BASE, NILO_CAUSE_REPLAYED, 0, 0},
    {"amendment", "win", 0, 3660, 0, 0},
    {"amendment", "day", -719162, 2932896, 0, 0},
    {"amendment", "seq", 1, INT32_MAX, 0, 0},
    {"amendment", "absence", NILO_PRESENT, NILO_DROPPED, 0, 0},
    {"amendment", "provenance", NILO_ESTIMATED, NILO_OBSERVED, 0, 0},
    {"amendment", "rank", 0, NILO_RANK_REVISE, 0, 0},
    {"amendment", "cause", NILO_CAUSE_LATE, NILO_CAUSE_REPLAYED, 0, 0},
    {"day_close", "day", -719162, 2932896, 0, 0},
    {"best_import", "win", 0, 3660, 0, 0},
    {"best_import", "day", -719162, 2932896, 0, 0},
    {"best_floor", "win", 0, 3660, 0, 0},
    {"best_floor", "day", -719162, 2932896, 0, 0},
};
#define N_RULES (sizeof rules / sizeof rules[0])

struct nilo_restore {
    struct nilo_load *load;
    struct rule rules[N_RULES];
};

int nilo_record_restore_begin(struct nilo_store *s, const struct nilo_load_head *head, struct nilo_restore **ret, struct nilo_err *err)
{
    struct nilo_restore *r = calloc(1, sizeof *r);
    if (!r)
        return nilo_err_nomem(err);
    memcpy(r->rules, rules, sizeof rules);
    for (size_t i = 0; i < N_RULES; i++) {
        r->rules[i].at_table = nilo_whole_table(rules[i].table);
        r->rules[i].at_column = nilo_whole_column((size_t)r->rules[i].at_table, rules[i].column);
    }
    if (nilo_store_load_begin(s, head, &r->load, err) < 0) {
        free(r);
        return -1;
    }
    *ret = r;
    return 0;
}

/* A value is there, or a reason why not. */
static bool value_or_absence(size_t table, const struct nilo_whole_cell *cells)
{
    int value = nilo_whole_column(table, "value"), absence = nilo_whole_column(table, "absence");
    return value < 0 || absence < 0 || cells[value].null == (cells[absence].i != NILO_PRESENT);
}

int nilo_record_restore_row(struct nilo_restore *r, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err)
{
    const char *name = nilo_whole_tables[table].name;
    for (size_t i = 0; i < N_RULES; i++) {
        const struct rule *x = &r->rules[i];
        if ((size_t)x->at_table == table && (cells[x->at_column].i < x->least || cells[x->at_column].i > x->most))
            return nilo_err_set(err, NILO_ECORRUPT, "a row of %s has %s %lld, which nothing in the record can have", name, x->column,
                                (long long)cells[x->at_column].i);
    }
    if (!value_or_absence(table, cells))
        return nilo_err_set(err, NILO_ECORRUPT, "a row of %s has both a value and a reason why there is none, or neither", name);
    return nilo_store_load_row(r->load, table, cells, err);
}

int nilo_record_restore_end(struct nilo_restore *r, nilo_progress_fn *progress, void *ctx, struct nilo_loaded *ret, struct nilo_err *err)
{
    int rc = nilo_store_load_end(r->load, progress, ctx, ret, err);
    free(r);
    return rc;
}

void nilo_record_restore_abort(struct nilo_restore *r)
{
    if (!r)
        return;
    nilo_store_load_abort(r->load);
    free(r);
}
