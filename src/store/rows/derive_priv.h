/* Shared by the files that derive: sums.c (totals as changes by day), reads.c (days read, latest), derive.c (known, and all together). */
#ifndef NILO_STORE_ROWS_DERIVE_PRIV_H
#define NILO_STORE_ROWS_DERIVE_PRIV_H

#include "store/rows/derive.h"

#define NILO__INF INT32_MAX

/* Shown is the greatest seq. A scalar subquery, not NOT EXISTS: PostgreSQL turns that into a join on part of the key, which costs the
 * square of an item's history. */
#define NILO__SHOWN                                                                                                    \
    "v.seq = (SELECT max(w.seq) FROM day_value w WHERE w.bucket = v.bucket AND w.entity_id = v.entity_id AND w.win = v.win "  \
    "AND w.day = v.day AND w.metric_id = v.metric_id)"

/* ---- items, and whose sums they count in ---------------------------------------------------------------------------------------- */

struct nilo__scope_of {
    int32_t kind;
    int64_t id;
    struct nilo__interval *days;
    size_t n_days;
};
struct nilo__item {
    struct nilo_entity_ref entity;
    int64_t workspace, connection;
    enum nilo_entity_kind kind;
    bool own; /* not a competitor's */
    struct nilo__scope_of *scopes;
    size_t n_scopes;
};

struct nilo__items {
    struct nilo__item *items;
    size_t n;
    struct nilo_arena *arena;
};

/* ---- sums to be written ---------------------------------------------------------------------------------------------------------- */

struct nilo__sum {
    int64_t scope_id;
    int32_t scope_kind, win, metric, day;
    int64_t hi, lo, known, fresh;
    bool used;
};
struct nilo__sums {
    struct nilo__sum *slots;
    size_t n, cap; /* cap a power of two */
    bool failed;
};

struct nilo__known {
    bool is;
    int64_t v;
};

/** nilo__sum_at - the row of that key, made where absent; NULL (and failed set) when memory ran out */
struct nilo__sum *nilo__sum_at(struct nilo__sums *t, int32_t kind, int64_t id, int32_t win, int32_t metric, int32_t day);
/** nilo__sums_take_away - t becomes t minus what is left */
int nilo__sums_take_away(struct nilo__sums *t, const struct nilo__sums *left, struct nilo_err *err);
int nilo__sums_write(struct nilo_store *s, struct nilo__sums *t, struct nilo_err *err);
void nilo__emit_level(struct nilo__sums *t, const struct nilo__scope_of *sc, int32_t win, int32_t metric, int32_t from, int32_t until,
                      int64_t hi, int64_t lo, int64_t known);
void nilo__emit_day(struct nilo__sums *t, const struct nilo__scope_of *sc, int32_t win, int32_t metric, int32_t day, int64_t hi, int64_t lo,
                    int64_t fresh);
void nilo__emit_cell(struct nilo__sums *t, const struct nilo__item *x, const struct nilo_metric *m, int32_t win, int32_t day,
                     struct nilo__known o, struct nilo__known n, struct nilo__known before, int32_t next);

int32_t nilo__app_days_block(int32_t day); /* which row of a metric's days it is in */
/** nilo__app_days - app_days.c: the rows of the app's days follow the changes, which ascend by (entity, window, metric, day) */
int nilo__app_days(struct nilo_store *s, const struct nilo__items *items, const struct nilo__change *changes, size_t n, struct nilo_err *err);
/** nilo__app_days_drop - the same for days of a connection up to that one, after cells of theirs were dropped */
int nilo__app_days_drop(struct nilo_store *s, int64_t connection, int32_t until, struct nilo_err *err);
/** nilo__app_days_audit - tells of each metric of an app whose rows are not what the record gives */
int nilo__app_days_audit(struct nilo_store *s, void (*tell)(void *ctx, struct nilo_entity_ref e, int32_t metric), void *ctx, struct nilo_err *err);

/* Order of changes by (entity, window, day, metric). */
int nilo__change_cmp(const struct nilo__change *a, struct nilo_entity_ref e, int32_t win, int32_t day, int32_t metric);
/* What whole items come to, for comparing: ascending (entity, win, metric) and (entity, win). */
struct nilo__head {
    struct nilo_entity_ref entity;
    int32_t win, metric, day;
    int64_t value;
};
struct nilo__read {
    struct nilo_entity_ref entity;
    int32_t win, first_day, day;
};
struct nilo__fresh {
    struct nilo__head *known;
    struct nilo__read *latest;
    size_t n_known, n_latest;
};
/** nilo__derive_fresh - what all shown cells of whole items come to, without a look at anything derived and without writing: sums are
 *  added to t, the rest lives in the arena. cells are sorted here */
int nilo__derive_fresh(struct nilo_store *s, struct nilo__change *cells, size_t n, struct nilo__sums *t, struct nilo__fresh *ret,
                       struct nilo_arena *arena, struct nilo_err *err);
/** nilo__derive_reads - latest and metric 0 follow the changes, which are in that order; fresh: as above, or NULL */
int nilo__derive_reads(struct nilo_store *s, struct nilo__sums *t, struct nilo__items *items, const struct nilo__change *changes, size_t n,
                       struct nilo__fresh *fresh, struct nilo_err *err);

#endif
