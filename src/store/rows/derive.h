/* What is derived from the record inside store/rows: known, latest, best and total follow every change of a shown cell in
 * the same transaction. rebuild feeds the same code with everything. */
#ifndef NILO_STORE_ROWS_DERIVE_H
#define NILO_STORE_ROWS_DERIVE_H

#include "store/rows/rows.h"

/* The shown cell of (entity, win, day, metric) before and after; an absent cell has state NILO__NONE. */
enum nilo__state { NILO__NONE, NILO__TRANSIENT, NILO__DEFINITIVE, NILO__VALUE };
struct nilo__change {
    struct nilo_entity_ref entity;
    int32_t win, day, metric;
    enum nilo__state old_state, new_state;
    int64_t old_value, new_value; /* where the state is NILO__VALUE */
    int32_t next_known;           /* scratch of nilo__derive */
};
static inline enum nilo__state nilo__state_of(enum nilo_absence a)
{
    return a == NILO_PRESENT ? NILO__VALUE : nilo_absence_definitive(a) ? NILO__DEFINITIVE : NILO__TRANSIENT;
}

/** nilo__derive - known, latest and totals follow the changes, each key at most once in them (any order; they are sorted here).
 *  May run before or after the cells themselves are written. */
int nilo__derive(struct nilo_store *s, struct nilo__change *changes, size_t n, struct nilo_err *err);

/** nilo__derive_credit - the owner's totals when the days covered by its credits of an entity change. Intervals are unions,
 *  ascending, [from, to] both included. */
struct nilo__interval {
    int32_t from, to;
};
int nilo__derive_credit(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, const struct nilo__interval *before,
                        size_t n_before, const struct nilo__interval *after, size_t n_after, struct nilo_err *err);

/* One candidate of an item's all-time best. */
struct nilo__candidate {
    struct nilo_entity_ref entity;
    int32_t metric, win, day;
    int64_t value;
    bool has_gmv;
    int64_t gmv; /* of the same reading */
    nilo_us captured_at;
    int64_t run;
};
/** nilo__best_fold - the bests rise by these candidates */
int nilo__best_fold(struct nilo_store *s, struct nilo__candidate *c, size_t n, struct nilo_err *err);
/** nilo__best_anew - the bests of these entities from every counted observation (after a correction, or a run taken out) */
int nilo__best_anew(struct nilo_store *s, const struct nilo_entity_ref *e, size_t n, struct nilo_err *err);

/** nilo__best_fresh - what they come to, ascending (entity, metric), nothing written. owner: caller, free() */
int nilo__best_fresh(struct nilo_store *s, const struct nilo_entity_ref *e, size_t n, struct nilo__candidate **ret, size_t *ret_n,
                     struct nilo_err *err);
/** nilo__best_floors - what they come to in the readings of those windows (one of an item each) on days up to `until` is kept as their floors */
int nilo__best_floors(struct nilo_store *s, const struct nilo_entity_ref *e, const int32_t *wins, size_t n, int32_t until,
                      struct nilo_err *err);
/* best_import.c: the candidate f of best_import does not count where a later run than that corrected its cell: by an amendment, or by a revision of a
 * day that was open. */
#define NILO__BEST_CELL(a, f)                                                                                          \
    a ".bucket = " f ".bucket AND " a ".entity_id = " f ".entity_id AND " a ".win = " f ".win AND " a ".day = " f ".day AND " a ".metric_id = " f ".metric_id"
#define NILO__BEST_CORRECTED(run)                                                                                      \
    "(EXISTS (SELECT 1 FROM day_value v WHERE " NILO__BEST_CELL("v", "f") " AND v.cause = 3 AND v.run_id > " run ") "   \
    "OR EXISTS (SELECT 1 FROM observation o JOIN run q ON q.id = o.run_id WHERE " NILO__BEST_CELL("o", "f")             \
    " AND o.absence <= 3 AND q.kind = 4 AND o.run_id > " run "))"
/** nilo__bests_forget - of the connection's days up to `until`, which are being dropped, those that were corrected: what says so goes. The others count for good */
int nilo__bests_forget(struct nilo_store *s, int64_t connection, int32_t until, struct nilo_err *err);
/** nilo__bests_of_run - a run counts now or no longer: the bests of the items of which it told one, anew */
int nilo__bests_of_run(struct nilo_store *s, int64_t connection, int64_t run, struct nilo_err *err);
/* best.c: is a the better one? 0: they are the same reading */
int nilo__best_order(struct nilo_store *s, const struct nilo__candidate *a, const struct nilo__candidate *b);
/** nilo__entities - every entity, ascending (bucket, id). owner: caller, free() */
int nilo__entities(struct nilo_store *s, struct nilo_entity_ref **ret, size_t *ret_n, struct nilo_err *err);

/** nilo__shown_of - appends every shown cell of an entity as a change from nothing; *ret grows by realloc */
int nilo__shown_of(struct nilo_store *s, struct nilo_entity_ref e, struct nilo__change **ret, size_t *n, size_t *cap,
                   struct nilo_err *err);

int nilo__entity_cmp(struct nilo_entity_ref a, struct nilo_entity_ref b);
#define NILO__CMP(a, b) (((a) > (b)) - ((a) < (b)))

#endif
