/* Shared by the files that put the SQL of relations together: source.c and source_owners.c. */
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
    bool owner_is_key; /* the relation's rows are owners: its column "owner" is one key */
    bool every_day;    /* a day of the relation is made of all days before it: conditions on days are none on cells */
};

#define ADD(x, ...)  nilo_buf_addf((x)->sql, __VA_ARGS__)
#define PUT(x, text) nilo_buf_adds((x)->sql, text)

/* " AND <before> (?1,?2) <after>" for every condition on that column. */
void nilo__narrow_text(struct source *x, const char *column, const char *before, const char *after);
/* "(SELECT ...) k": the shown cells of entities of that kind (-1: any); more: further conditions on e and v. */
void nilo__add_cells(struct source *x, int kind, const char *more);
/* Credits that hold, or held at as_of. */
void nilo__where_credit(struct source *x, const char *alias);

void nilo__owner_metrics(struct source *x);
void nilo__owner_daily(struct source *x);

#endif
