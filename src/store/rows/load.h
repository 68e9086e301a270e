/* Shared by load.c (putting rows back) and load_same.c (are they here already?). */
#ifndef NILO_STORE_ROWS_LOAD_H
#define NILO_STORE_ROWS_LOAD_H

#include "store/rows/rows.h"

#define NILO__LOAD_TABLES 32

/* Rows of one table that wait to be written or compared; cells one row behind the other. */
struct nilo__rows {
    struct nilo_arena arena;
    struct nilo_whole_cell *cells;
    size_t n, cap;
};

/* Numbers that the rows so far brought, as they stand in the rows. */
struct nilo__id_set {
    int64_t *ids; /* ascending */
    size_t n, cap;
};
struct nilo__load_item {
    struct nilo_entity_ref ref;
    int64_t workspace;
};
struct nilo__load_metric {
    int64_t from, to; /* in the rows, here */
    char name[201];
};
struct nilo__load_place {
    int64_t id, workspace; /* of a connection or an owner */
    int32_t closed_until, dropped_until;
};

enum nilo__load_mode { NILO__LOAD_OPEN, NILO__LOAD_NEW, NILO__LOAD_SAME };

struct nilo_load {
    struct nilo_store *store;
    struct nilo_load_head head;
    enum nilo__load_mode mode;
    bool adopt, closed;
    struct nilo__rows pending[NILO__LOAD_TABLES];
    size_t table; /* whose rows are coming */
    struct nilo_arena last_arena;
    struct nilo_whole_cell last[8]; /* key of the row before */
    bool any_last;
    int64_t shift[NILO__IDS_COUNT], greatest[NILO__IDS_COUNT]; /* greatest as here */
    struct nilo__id_set workspaces, runs;
    struct nilo__load_metric *metrics;
    size_t n_metrics, cap_metrics;
    struct nilo__load_place *connections, *owners;
    size_t n_connections, cap_connections, n_owners, cap_owners;
    struct nilo__load_item *items;
    size_t n_items, cap_items;
    char *names; /* of the workspaces, for messages */
    struct nilo_loaded loaded;
};

extern const char *const nilo__load_sequences[NILO__IDS_COUNT]; /* names of the rows of id_seq */
int nilo__load_grow(void **list, size_t n, size_t *cap, size_t size, struct nilo_err *err); /* room for one more */
int nilo__load_add_id(struct nilo__id_set *set, int64_t id, struct nilo_err *err);
/* The file's workspaces have come: sets mode, adopt, shift and names. errors: NILO_EEXIST they cannot be taken in */
int nilo__load_decide(struct nilo_load *l, size_t table, struct nilo_err *err);
/* By how much the numbers were moved up is kept, for the same file again. */
int nilo__load_keep_shifts(struct nilo_load *l, const struct nilo_whole_cell *name, struct nilo_err *err);

/* A cell as it stands here: its number moved, where it is one. */
struct nilo_db_value nilo__load_value(const struct nilo_load *l, const struct nilo_whole_column *c, const struct nilo_whole_cell *cell);
/* Every row of `rows` is in the store as it is. errors: NILO_EEXIST naming the first that is not */
int nilo__load_same(struct nilo_load *l, size_t table, const struct nilo__rows *rows, struct nilo_err *err);

#endif
