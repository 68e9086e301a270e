/* Whose a connection is: own, or a competitor's. Nothing of the record says so, only what is derived: what its items add to the sums of their workspace and
 * owners is taken out, or put in, for all days, in the transaction that changes the word. */
#include <stdlib.h>

#include "store/rows/derive_priv.h"

#define CHUNK 50000 /* shown cells that are added up at a time */

struct ours {
    struct nilo_entity_ref *items;
    size_t n;
};

static int load_items(struct nilo_store *s, int64_t connection, struct ours *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    size_t cap = 0;
    int got;
    if (nilo__query(s, &stmt, err, "SELECT bucket, id FROM entity WHERE connection_id = ?1 ORDER BY bucket, id", NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (ret->n == cap) {
            cap = cap > 0 ? 2 * cap : 256;
            struct nilo_entity_ref *more = realloc(ret->items, cap * sizeof *more);
            if (more == NULL) {
                nilo_db_reset(stmt);
                return nilo_err_nomem(err);
            }
            ret->items = more;
        }
        ret->items[ret->n++] = (struct nilo_entity_ref){(int32_t)nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1)};
    }
    return got;
}

static int add_chunk(struct nilo_store *s, struct nilo__change *cells, size_t n, struct nilo__sums *t, struct nilo_err *err)
{
    struct nilo__fresh ignored = {0};
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    int rc = n > 0 ? nilo__derive_fresh(s, cells, n, t, &ignored, &arena, err) : 0;
    nilo_arena_done(&arena);
    return rc;
}

/* All that its items add to any sum, by the role that it has now. */
static int add_up(struct nilo_store *s, const struct ours *of, struct nilo__sums *t, struct nilo_err *err)
{
    struct nilo__change *cells = NULL;
    size_t n = 0, cap = 0;
    int rc = 0;
    for (size_t i = 0; i < of->n && rc == 0; i++) {
        rc = nilo__shown_of(s, of->items[i], &cells, &n, &cap, err);
        if (rc == 0 && (n >= CHUNK || i + 1 == of->n)) {
            rc = add_chunk(s, cells, n, t, err);
            n = 0;
        }
    }
    free(cells);
    return rc;
}

static int turn(struct nilo_store *s, const struct nilo_connection *c, const char *role, struct nilo_err *err)
{
    struct ours of = {0};
    struct nilo__sums before = {0}, after = {0};
    int rc = load_items(s, c->id, &of, err);
    if (rc == 0)
        rc = add_up(s, &of, &before, err);
    if (rc == 0)
        rc = nilo__run(s, err, "UPDATE connection SET role = ?2 WHERE id = ?1", NILO__PARAMS(NILO_DBV_INT(c->id), NILO_DBV_TEXT(role)));
    if (rc == 0)
        rc = add_up(s, &of, &after, err);
    if (rc == 0)
        rc = nilo__sums_take_away(&after, &before, err);
    if (rc == 0)
        rc = nilo__sums_write(s, &after, err);
    free(before.slots);
    free(after.slots);
    free(of.items);
    return rc;
}

int nilo_store_connection_role(struct nilo_store *s, int64_t id, const char *role, struct nilo_err *err)
{
    struct nilo_connection c;
    int64_t apps;
    if (strcmp(role, "own") != 0 && strcmp(role, "competitor") != 0)
        return nilo_err_set(err, NILO_EINVAL, "a connection's role is own or competitor");
    if (nilo_store_connection_get(s, id, &c, err) < 0)
        return -1;
    if (strcmp(c.role, role) == 0)
        return 0;
    if (!nilo_day_is_none(c.dropped_until))
        return nilo_err_set(err, NILO_EINVAL, "its role is %s for good, as days of it were dropped and stay in the sums that they are in; a new connection needs a new name",
                            c.role);
    if (nilo__query_int(s, 0, &apps, err, "SELECT count(*) FROM entity WHERE connection_id = ?1 AND kind = ?2",
                        NILO__PARAMS(NILO_DBV_INT(id), NILO_DBV_INT(NILO_APP))) < 0)
        return -1;
    if (apps > 0)
        return nilo_err_set(err, NILO_EINVAL, "it holds metrics of the app, which no competitor has; a new connection needs a new name");
    return turn(s, &c, role, err);
}
