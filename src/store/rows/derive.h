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
/** nilo__entities - every entity, ascending (bucket, id). owner: caller, free() */
int nilo__entities(struct nilo_store *s, struct nilo_entity_ref **ret, size_t *ret_n, struct nilo_err *err);

/** nilo__shown_of - appends every shown cell of an entity as a change from nothing; *ret grows by realloc */
int nilo__shown_of(struct nilo_store *s, struct nilo_entity_ref e, struct nilo__change **ret, size_t *n, size_t *cap,
                   struct nilo_err *err);

int nilo__entity_cmp(struct nilo_entity_ref a, struct nilo_entity_ref b);
#define NILO__CMP(a, b) (((a) > (b)) - ((a) < (b)))

#endif
