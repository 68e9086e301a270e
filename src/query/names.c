/* Names that a call's arguments give: owners, connections and items of its scope. */
#include <stdlib.h>
#include <string.h>

#include "query/functions.h"

/* Connections of the scope by name or platform. */
int nilo__named_connections(struct nilo_call *c, const char *name, const char *platform, int64_t **ret, size_t *ret_n,
                            struct nilo_err *err)
{
    struct nilo_connection *all;
    int64_t *ids;
    size_t n, n_ids, k = 0;
    if (nilo__scope_workspaces(c->store, c->scope, &c->arena, &ids, &n_ids, err) < 0 ||
        nilo_store_connections(c->store, &all, &n, err) < 0)
        return -1;
    int64_t *found = nilo_arena_array(&c->arena, n + 1, sizeof *found);
    for (size_t i = 0; found && i < n; i++) {
        bool in = false;
        for (size_t j = 0; j < n_ids; j++)
            in |= ids[j] == all[i].workspace;
        if (in && (name ? strcmp(all[i].name, name) == 0
                        : strcmp(all[i].platform, platform) == 0 && nilo_connection_is_own(&all[i])))
            found[k++] = all[i].id;
    }
    free(all);
    if (!found)
        return nilo_err_nomem(err);
    if (k == 0 && name)
        return nilo_err_set(err, NILO_ENAME, "there is no connection \"%.200s\"", name);
    *ret = found;
    *ret_n = k;
    return 0;
}

int nilo__named_owners(struct nilo_call *c, const char *key, int64_t **ret, size_t *ret_n, struct nilo_err *err)
{
    int64_t *ids, *found;
    size_t n, k = 0;
    if (nilo__scope_workspaces(c->store, c->scope, &c->arena, &ids, &n, err) < 0)
        return -1;
    if (!(found = nilo_arena_array(&c->arena, n + 1, sizeof *found)))
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        struct nilo_err why;
        if (nilo_store_owner(c->store, ids[i], key, false, &found[k], &why) == 0)
            k++;
        else if (why.code != NILO_ENOENT)
            return nilo_err_set(err, why.code, "%s", why.msg);
    }
    if (k == 0)
        return nilo_err_set(err, NILO_ENAME, "there is no owner \"%.200s\"", key);
    *ret = found;
    *ret_n = k;
    return 0;
}

static int seen(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    (void)row;
    (void)err;
    *(bool *)ctx = true;
    return 0;
}

static int any_cell(void *ctx, const struct nilo_scan_row *row)
{
    (void)row;
    *(bool *)ctx = true;
    return 1;
}

int nilo__own_item(struct nilo_call *c, const char *external_id, int32_t win, bool *ret, struct nilo_err *err)
{
    const struct nilo_db_value id = nilo_dbv_text(external_id);
    const struct nilo_select sel = {.external_id = external_id, .own = true, .kind = -1, .win = win, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = NILO_US_NONE};
    *ret = false;
    if (nilo__rows(c, "content", "1", "WHERE t.\"external_id\" = ?1 AND t.\"connection_role\" = 'own' LIMIT 1", 1, &id, seen, ret, err) < 0)
        return -1;
    return !*ret && nilo_store_scan(c->store, c->scope, &sel, any_cell, ret, err) < 0 ? -1 : 0;
}

int nilo__named_item(struct nilo_call *c, const char *external_id, int32_t win, struct nilo_err *err)
{
    const struct nilo_db_value id = nilo_dbv_text(external_id);
    const struct nilo_select sel = {
        .external_id = external_id, .kind = -1, .win = win, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = NILO_US_NONE};
    bool found = false;
    if (nilo__rows(c, "content", "1", "WHERE t.\"external_id\" = ?1 LIMIT 1", 1, &id, seen, &found, err) < 0)
        return -1;
    /* an account has no row there */
    if (!found && nilo_store_scan(c->store, c->scope, &sel, any_cell, &found, err) < 0)
        return -1;
    return found ? 0 : nilo_err_set(err, NILO_ENAME, "there is no item \"%.200s\"", external_id);
}
