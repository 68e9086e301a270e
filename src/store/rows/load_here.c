/* What of an export is in the store already? Decides whether its rows are written or compared, and by how much their numbers are moved up. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "store/rows/load.h"

const char *const nilo__load_sequences[NILO__IDS_COUNT] = {
    [NILO__WORKSPACES] = "workspace", [NILO__CONNECTIONS] = "connection", [NILO__METRICS] = "metric", [NILO__OWNERS] = "owner",
    [NILO__ITEMS] = "entity",         [NILO__CREDITS] = "credit",         [NILO__RUNS] = "run",       [NILO__CLOSES] = "close",
    [NILO__ERASURES] = "erasure",     [NILO__THINNINGS] = "thinning",   [NILO__EVENTS] = "content_event",
};

int nilo__load_grow(void **list, size_t n, size_t *cap, size_t size, struct nilo_err *err)
{
    if (n < *cap)
        return 0;
    size_t more = *cap ? 2 * *cap : 64;
    void *p = realloc(*list, more * size);
    if (!p)
        return nilo_err_nomem(err);
    *list = p;
    *cap = more;
    return 0;
}

int nilo__load_add_id(struct nilo__id_set *set, int64_t id, struct nilo_err *err)
{
    if (nilo__load_grow((void **)&set->ids, set->n, &set->cap, sizeof *set->ids, err) < 0)
        return -1;
    set->ids[set->n++] = id;
    return 0;
}

/* A workspace that only the configuration made: nothing was ever recorded in it. */
static int is_hollow(struct nilo_load *l, int64_t id, bool *ret, struct nilo_err *err)
{
    int64_t any;
    if (nilo__query_int(l->store, 0, &any, err,
                        "SELECT (SELECT count(*) FROM run WHERE workspace_id = ?1) + (SELECT count(*) FROM entity WHERE workspace_id = ?1) + "
                        "(SELECT count(*) FROM owner WHERE workspace_id = ?1) + (SELECT count(*) FROM annotation WHERE workspace_id = ?1) + "
                        "(SELECT count(*) FROM connection_secret WHERE workspace_id = ?1) + (SELECT count(*) FROM api_key_workspace WHERE workspace_id = ?1) + "
                        "(SELECT count(*) FROM api_closed WHERE workspace_id = ?1)",
                        NILO__PARAMS(NILO_DBV_INT(id))) < 0)
        return -1;
    *ret = any == 0;
    return 0;
}

static int remove_hollow(struct nilo_load *l, int64_t id, struct nilo_err *err)
{
#define OF_CONNECTIONS(table) "DELETE FROM " table " WHERE connection_id IN (SELECT id FROM connection WHERE workspace_id = ?1)"
    static const char *const sql[] = {OF_CONNECTIONS("connection_pause"), OF_CONNECTIONS("connection_status"), OF_CONNECTIONS("connection_login"), OF_CONNECTIONS("connection_key"), OF_CONNECTIONS("collect_state"),
                                      OF_CONNECTIONS("collect_report"), OF_CONNECTIONS("collect_settle"), OF_CONNECTIONS("collect_variant"), OF_CONNECTIONS("connection_tap"),
                                      "DELETE FROM connection WHERE workspace_id = ?1", "DELETE FROM metric_used WHERE workspace_id = ?1",
                                      "DELETE FROM workspace_zone WHERE workspace_id = ?1",
                                      "DELETE FROM workspace WHERE id = ?1"};
#undef OF_CONNECTIONS
    for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++)
        if (nilo__run(l->store, err, sql[i], NILO__PARAMS(NILO_DBV_INT(id))) < 0)
            return -1;
    return 0;
}

static int look_for(struct nilo_load *l, const struct nilo_whole_cell *name, bool *ret_here, struct nilo_err *err)
{
    int64_t id;
    bool hollow;
    *ret_here = false;
    if (nilo__query_int(l->store, 0, &id, err, "SELECT id FROM workspace WHERE name = ?1", NILO__PARAMS(nilo_dbv_textn(name->p, name->len))) < 0)
        return -1;
    if (id == 0)
        return 0;
    if (is_hollow(l, id, &hollow, err) < 0)
        return -1;
    *ret_here = !hollow;
    return hollow ? remove_hollow(l, id, err) : 0;
}

/* How the numbers of an earlier restore were moved up is kept under the store and workspace that they came from. */
static char *shift_key(const struct nilo_load *l, const struct nilo_whole_cell *name)
{
    char hex[33], *key;
    nilo_hex(l->head.uuid, sizeof l->head.uuid, hex);
    return asprintf(&key, "restored:%s:%.*s", hex, (int)name->len, name->p) < 0 ? NULL : key;
}

static int read_shifts(struct nilo_load *l, const struct nilo_whole_cell *name, struct nilo_err *err)
{
    char *key = shift_key(l, name), *text = NULL;
    memset(l->shift, 0, sizeof l->shift);
    if (!key)
        return nilo_err_nomem(err);
    int rc = nilo_store_meta_get(l->store, key, &text, err);
    free(key);
    if (rc == 0 && !text && memcmp(l->head.uuid, l->store->uuid, sizeof l->head.uuid) != 0)
        rc = nilo_err_set(err, NILO_EEXIST,
                          "workspace \"%.*s\" is in this store already and was not restored from the store that the file is from; nothing was changed",
                          (int)name->len, name->p);
    const char *at = text;
    for (int i = 1; rc == 0 && at && i < NILO__IDS_COUNT; i++) {
        char *end;
        l->shift[i] = strtoll(at, &end, 10);
        at = end;
    }
    free(text);
    return rc;
}

/* Workspaces that were restored from files of their own were each moved up by another amount: one file's rows are not found as they are. */
static int read_all_shifts(struct nilo_load *l, const struct nilo__rows *rows, size_t columns, struct nilo_err *err)
{
    int64_t first[NILO__IDS_COUNT];
    for (size_t i = 0; i < rows->n; i++) {
        const struct nilo_whole_cell *name = &rows->cells[i * columns + 1], *before = &rows->cells[1];
        if (read_shifts(l, name, err) < 0)
            return -1;
        if (i > 0 && memcmp(first, l->shift, sizeof first) != 0)
            return nilo_err_set(err, NILO_EEXIST,
                                "workspaces \"%.*s\" and \"%.*s\" of the file are in this store already, each from a file of its own; to compare them, export "
                                "them one by one (--workspace). Nothing was changed",
                                (int)before->len, before->p, (int)name->len, name->p);
        memcpy(first, l->shift, sizeof first);
    }
    return 0;
}

int nilo__load_keep_shifts(struct nilo_load *l, const struct nilo_whole_cell *name, struct nilo_err *err)
{
    struct nilo_buf text;
    char *key = shift_key(l, name);
    if (!key)
        return nilo_err_nomem(err);
    nilo_buf_init(&text, 1024);
    for (int i = 1; i < NILO__IDS_COUNT; i++)
        nilo_buf_addf(&text, "%s%" PRId64, i > 1 ? " " : "", l->shift[i]);
    int rc = nilo_store_meta_set(l->store, key, nilo_buf_str(&text), err);
    nilo_buf_done(&text);
    free(key);
    return rc;
}

/* Whoever takes over the name of the store that the file is from loses its own keys, which are found by its name. A server has them in memory, and keys of the
 * API are hashed under them: these would open nothing any more, and nobody would know why. */
static int may_adopt(const struct nilo_load *l, struct nilo_err *err)
{
    int64_t n;
    if (memcmp(l->head.uuid, l->store->uuid, sizeof l->head.uuid) == 0)
        return 0;
    if (nilo_store_is_beside(l->store))
        return nilo_err_set(err, NILO_ELOCKED,
                            "a server holds this store, which is empty and would become the one that the export is of, with another name than its keys know; "
                            "stop the server, import, and start it again; nothing was changed");
    if (nilo__query_int(l->store, 0, &n, err, "SELECT count(*) FROM api_key WHERE revoked_at IS NULL", 0, NULL) < 0)
        return -1;
    if (n == 0)
        return 0;
    return nilo_err_set(err, NILO_EEXIST,
                        "this store is empty but has API keys (%" PRId64 "), which would open nothing any more: it would become the store that the export is of and take "
                        "over its name, by which its own keys are found. Revoke them first (nilometer key list, nilometer key revoke ID) and add new ones afterwards, "
                        "or import into a store without; nothing was changed", n);
}

/* Free numbers: those of the rows where the table is empty, else behind the newest. */
static int choose_shifts(struct nilo_load *l, struct nilo_err *err)
{
    static const char *const taken[NILO__IDS_COUNT] = {
        [NILO__WORKSPACES] = "SELECT max(id) FROM workspace", [NILO__CONNECTIONS] = "SELECT max(id) FROM connection",
        [NILO__OWNERS] = "SELECT max(id) FROM owner",         [NILO__ITEMS] = "SELECT max(id) FROM entity",
        [NILO__CREDITS] = "SELECT max(id) FROM credit",       [NILO__RUNS] = "SELECT max(id) FROM run",
        [NILO__CLOSES] = "SELECT max(n) FROM day_close",
        [NILO__ERASURES] = "SELECT max(id) FROM erasure",     [NILO__THINNINGS] = "SELECT max(id) FROM thinning",
        [NILO__EVENTS] = "SELECT max(id) FROM content_event",
    };
    l->adopt = true;
    for (int i = 0; i < NILO__IDS_COUNT; i++) {
        int64_t greatest, next;
        if (!taken[i])
            continue;
        if (nilo__query_int(l->store, 0, &greatest, err, taken[i], 0, NULL) < 0 ||
            nilo__query_int(l->store, 1, &next, err, "SELECT next FROM id_seq WHERE name = ?1", NILO__PARAMS(NILO_DBV_TEXT(nilo__load_sequences[i]))) < 0)
            return -1;
        l->shift[i] = greatest > 0 ? (next > greatest ? next - 1 : greatest) : 0;
        l->adopt = l->adopt && greatest == 0;
    }
    return l->adopt ? may_adopt(l, err) : 0;
}

static int name_workspaces(struct nilo_load *l, const struct nilo__rows *rows, size_t columns, struct nilo_err *err)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 4096);
    for (size_t i = 0; i < rows->n && i < 5; i++)
        nilo_buf_addf(&b, "%s\"%.*s\"", i ? ", " : "", (int)rows->cells[i * columns + 1].len, rows->cells[i * columns + 1].p);
    if (rows->n > 5)
        nilo_buf_adds(&b, ", ...");
    l->names = nilo_buf_take(&b);
    return l->names ? 0 : nilo_err_nomem(err);
}

int nilo__load_decide(struct nilo_load *l, size_t table, struct nilo_err *err)
{
    const struct nilo__rows *rows = &l->pending[table];
    size_t columns = nilo_whole_tables[table].n_columns;
    const struct nilo_whole_cell *here = NULL, *missing = NULL;
    if (name_workspaces(l, rows, columns, err) < 0)
        return -1;
    for (size_t i = 0; i < rows->n; i++) {
        const struct nilo_whole_cell *name = &rows->cells[i * columns + 1];
        bool is_here;
        if (look_for(l, name, &is_here, err) < 0 || nilo__load_add_id(&l->workspaces, rows->cells[i * columns].i, err) < 0)
            return -1;
        if (is_here && !here)
            here = name;
        if (!is_here && !missing)
            missing = name;
    }
    if (here && missing)
        return nilo_err_set(err, NILO_EEXIST,
                            "workspace \"%.*s\" of the file is in this store already and \"%.*s\" is not; export them one by one (--workspace). Nothing "
                            "was changed",
                            (int)here->len, here->p, (int)missing->len, missing->p);
    l->mode = here ? NILO__LOAD_SAME : NILO__LOAD_NEW;
    l->loaded.workspaces = (int64_t)rows->n;
    if (!here)
        return choose_shifts(l, err);
    l->loaded.unchanged = true;
    return read_all_shifts(l, rows, columns, err);
}
