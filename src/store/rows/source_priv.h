/* Shared by the files that put the SQL of relations together: source.c, source_cells.c and source_owners.c. */
#ifndef NILO_STORE_ROWS_SOURCE_PRIV_H
#define NILO_STORE_ROWS_SOURCE_PRIV_H

#include "store/rows/rows.h"

struct source {
    struct nilo_store *s;
    const struct nilo_scope *scope;
    const struct nilo_source_want *want;
    struct nilo_buf *sql;
    bool postgres;
    bool dropped;      /* days of some connection were: conditions keep them out, else there are none */
    bool rivals;       /* some connection is a competitor's: conditions keep its items out of what owners have */
    bool owner_is_key; /* the relation's rows are owners: its column "owner" is one key */
    bool every_day;    /* a day of the relation is made of all days before it: conditions on days are none on cells */
};

#define ADD(x, ...)  nilo_buf_addf((x)->sql, __VA_ARGS__)
#define PUT(x, text) nilo_buf_adds((x)->sql, text)

#define SAME_CELL(a, b)                                                                                                \
    a ".bucket = " b ".bucket AND " a ".entity_id = " b ".entity_id AND " a ".win = " b ".win AND " a ".day = " b      \
      ".day AND " a ".metric_id = " b ".metric_id"
#define NILO__ENTITY_COLUMNS                                                                                           \
    "SELECT e.bucket, e.id AS entity_id, e.workspace_id, e.connection_id, e.external_id, e.kind, v.win, v.day, v.metric_id, "

/* " AND <before> (?1,?2) <after>" for every condition on that column. */
void nilo__narrow_text(struct source *x, const char *column, const char *before, const char *after);
/* Which cells: of entities of that kind (-1: any). */
struct nilo__cells {
    int kind;
    bool lifetime;    /* of window 0 only */
    bool latest;      /* of each item's newest day only, which is a point of the key, so that no history is walked over */
    const char *more; /* further conditions on e and v, and l where it is the latest */
};
/* "(SELECT ...) k": the shown cells, now or as of a time. */
void nilo__add_cells(struct source *x, const struct nilo__cells *c);
/* " WHERE ..." of the entity e: its kind, the scope, and what narrows it. */
void nilo__where_entity(struct source *x, int kind);
/* " AND ..." of the cell or reading of that alias: what narrows it. */
void nilo__where_cell(struct source *x, const char *cell);
/* Credits that hold, or held at as_of. */
void nilo__where_credit(struct source *x, const char *alias);

void nilo__owner_metrics(struct source *x);
void nilo__owner_daily(struct source *x);

#endif
