/* Who may ask over HTTP: keys of the API as hashes, and what was revoked. What a key is, and who checks it, is api/'s business. */
#include <string.h>

#include "base/names.h"
#include "store/rows/rows.h"

#define NAME_MAX_BYTES 200
#define ID_MAX_BYTES   255

static int changed(struct nilo_store *s, struct nilo_err *err) { return nilo__run(s, err, "UPDATE api_access SET changes = changes + 1", 0, NULL); }

/* ---- keys --------------------------------------------------------------------------------------------------------------------------- */

static int add_places(struct nilo_store *s, const struct nilo_access_key *k, struct nilo_err *err)
{
    for (size_t i = 0; i < k->n_workspaces; i++) {
        struct nilo_workspace w;
        if (nilo_store_workspace(s, k->workspaces[i], false, NULL, &w, err) < 0 ||
            nilo__run(s, err, "INSERT INTO api_key_workspace (api_key_id, workspace_id) VALUES (?1, ?2) ON CONFLICT (api_key_id, workspace_id) DO NOTHING",
                      NILO__PARAMS(NILO_DBV_TEXT(k->id), NILO_DBV_INT(w.id))) < 0)
            return -1;
    }
    return 0;
}

int nilo_store_key_add(struct nilo_store *s, const struct nilo_access_key *k, struct nilo_err *err)
{
    if (k->name && !nilo_name_ok(k->name, NAME_MAX_BYTES))
        return nilo_err_set(err, NILO_EINVAL, "the name of a key is one line of at most %d bytes of UTF-8", NAME_MAX_BYTES);
    if (nilo__run(s, err,
                  "INSERT INTO api_key (id, role, name, hashed_by, hash, workspaces_said, made_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                  NILO__PARAMS(NILO_DBV_TEXT(k->id), NILO_DBV_INT(k->role), NILO_DBV_TEXT(k->name), NILO_DBV_TEXT(k->hashed_by),
                               nilo_dbv_bytes(k->hash, sizeof k->hash), NILO_DBV_INT(k->workspaces_said), NILO_DBV_INT(nilo__now(s)), nilo__us(k->expires_at))) < 0)
        return -1;
    return add_places(s, k, err) < 0 ? -1 : changed(s, err);
}

int nilo_store_key_revoke(struct nilo_store *s, const char *id, bool *ret_new, struct nilo_err *err)
{
    int64_t there, open;
    if (nilo__query_int(s, 0, &there, err, "SELECT count(*) FROM api_key WHERE id = ?1", NILO__PARAMS(NILO_DBV_TEXT(id))) < 0 ||
        nilo__query_int(s, 0, &open, err, "SELECT count(*) FROM api_key WHERE id = ?1 AND revoked_at IS NULL", NILO__PARAMS(NILO_DBV_TEXT(id))) < 0)
        return -1;
    if (!there)
        return nilo_err_set(err, NILO_ENOENT, "there is no API key %.40s; nilometer key list shows those there are", id);
    *ret_new = open != 0;
    if (!open)
        return 0;
    if (nilo__run(s, err, "UPDATE api_key SET revoked_at = ?2 WHERE id = ?1", NILO__PARAMS(NILO_DBV_TEXT(id), NILO_DBV_INT(nilo__now(s)))) < 0)
        return -1;
    return changed(s, err);
}

/* ---- tokens, users, workspaces ---------------------------------------------------------------------------------------------------------- */

int nilo_store_revoke(struct nilo_store *s, enum nilo_revoked_kind kind, const char *id, nilo_us until, struct nilo_err *err)
{
    if (!nilo_name_ok(id, ID_MAX_BYTES))
        return nilo_err_set(err, NILO_EINVAL, "the id of a token or user is one line of at most %d bytes of UTF-8", ID_MAX_BYTES);
    /* what expired long ago is refused for that alone */
    if (nilo__run(s, err, "DELETE FROM api_revoked WHERE until < ?1", NILO__PARAMS(NILO_DBV_INT(nilo__now(s) - NILO_US_DAY))) < 0 ||
        nilo__run(s, err, "INSERT INTO api_revoked (kind, id, revoked_at, until) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (kind, id) DO UPDATE SET until = "
                          "CASE WHEN api_revoked.until IS NULL OR excluded.until IS NULL THEN NULL "
                          "WHEN excluded.until > api_revoked.until THEN excluded.until ELSE api_revoked.until END",
                  NILO__PARAMS(NILO_DBV_INT(kind), NILO_DBV_TEXT(id), NILO_DBV_INT(nilo__now(s)), nilo__us(until))) < 0)
        return -1;
    return changed(s, err);
}

/* Runs a DELETE or the like and says whether it did anything. */
static int one_row(struct nilo_store *s, const char *sql, const struct nilo_db_value *params, int n, bool *ret_was, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int64_t rows = 0;
    if (nilo_db_prepare(s->db, sql, &stmt, err) < 0 || nilo_db_run(stmt, params, n, &rows, err) < 0)
        return -1;
    *ret_was = rows > 0;
    return rows > 0 ? changed(s, err) : 0;
}

int nilo_store_unrevoke(struct nilo_store *s, enum nilo_revoked_kind kind, const char *id, bool *ret_was, struct nilo_err *err)
{
    const struct nilo_db_value params[] = {NILO_DBV_INT(kind), NILO_DBV_TEXT(id)};
    return one_row(s, "DELETE FROM api_revoked WHERE kind = ?1 AND id = ?2", params, 2, ret_was, err);
}

int nilo_store_access_close(struct nilo_store *s, int64_t workspace, bool close, bool *ret_new, struct nilo_err *err)
{
    const struct nilo_db_value params[] = {NILO_DBV_INT(workspace), NILO_DBV_INT(nilo__now(s))};
    if (close)
        return one_row(s, "INSERT INTO api_closed (workspace_id, closed_at) VALUES (?1, ?2) ON CONFLICT (workspace_id) DO NOTHING", params, 2, ret_new, err);
    return one_row(s, "DELETE FROM api_closed WHERE workspace_id = ?1", params, 1, ret_new, err);
}

int nilo_store_access_closed(struct nilo_store *s, int64_t workspace, bool *ret, struct nilo_err *err)
{
    int64_t n;
    if (nilo__query_int(s, 0, &n, err, "SELECT count(*) FROM api_closed WHERE workspace_id = ?1", NILO__PARAMS(NILO_DBV_INT(workspace))) < 0)
        return -1;
    *ret = n > 0;
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------------ */

int nilo_store_access_changes(struct nilo_store *s, int64_t *ret, struct nilo_err *err)
{
    return nilo__query_int(s, 0, ret, err, "SELECT changes FROM api_access", 0, NULL);
}

static int take_key(struct nilo_db_stmt *stmt, struct nilo_arena *arena, struct nilo_access_key *k, struct nilo_err *err)
{
    struct nilo_db_value hash = nilo_db_column(stmt, 4);
    *k = (struct nilo_access_key){.id = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 0)),
                                  .role = (enum nilo_role)nilo_db_column_int(stmt, 1),
                                  .name = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 2)),
                                  .hashed_by = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 3)),
                                  .workspaces_said = nilo_db_column_int(stmt, 5) != 0,
                                  .made_at = nilo_db_column_int(stmt, 6),
                                  .expires_at = nilo__us_column(stmt, 7),
                                  .revoked_at = nilo__us_column(stmt, 8)};
    if (hash.len == sizeof k->hash)
        memcpy(k->hash, hash.p, sizeof k->hash);
    else
        k->revoked_at = k->made_at; /* nothing that was made here: no text may ever fit it */
    return k->id && k->hashed_by ? 0 : nilo_err_nomem(err);
}

static int take_key_row(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err) { return take_key(stmt, arena, to, err); }

static int take_revoked(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    struct nilo_access_revoked *r = to;
    *r = (struct nilo_access_revoked){.kind = (enum nilo_revoked_kind)nilo_db_column_int(stmt, 0),
                                      .id = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 1)),
                                      .revoked_at = nilo_db_column_int(stmt, 2),
                                      .until = nilo__us_column(stmt, 3)};
    return r->id ? 0 : nilo_err_nomem(err);
}

static int take_name(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    const char **name = to;
    *name = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 0));
    return *name ? 0 : nilo_err_nomem(err);
}

struct place {
    const char *key, *workspace;
};

static int take_place(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    struct place *p = to;
    *p = (struct place){nilo_arena_strdup(arena, nilo_db_column_text(stmt, 0)), nilo_arena_strdup(arena, nilo_db_column_text(stmt, 1))};
    return p->key && p->workspace ? 0 : nilo_err_nomem(err);
}

/* Both lists in the order of the keys' ids. */
static int hand_out(struct nilo_access_key *keys, size_t n, const struct place *places, size_t n_places, struct nilo_arena *arena, struct nilo_err *err)
{
    const char **names = nilo_arena_array(arena, n_places + 1, sizeof *names);
    if (!names)
        return nilo_err_nomem(err);
    for (size_t i = 0, at = 0; i < n; i++) {
        keys[i].workspaces = names + at;
        while (at < n_places && strcmp(places[at].key, keys[i].id) < 0)
            at++;
        for (keys[i].workspaces = names + at; at < n_places && strcmp(places[at].key, keys[i].id) == 0; at++)
            names[at] = places[at].workspace;
        keys[i].n_workspaces = (size_t)(names + at - keys[i].workspaces);
    }
    return 0;
}

/* Ids compare byte by byte on either engine, so that they can be searched by strcmp(). */

int nilo_store_access(struct nilo_store *s, struct nilo_arena *arena, struct nilo_access *ret, struct nilo_err *err)
{
    bool pg = nilo_db_engine(s->db) == NILO_DB_POSTGRES, own = !nilo_db_in_transaction(s->db);
    struct nilo_access a = {0};
    void *keys = NULL, *places = NULL, *revoked = NULL, *closed = NULL;
    size_t n_places = 0;
    int64_t open = 0;
    if (own && nilo_db_begin(s->db, err) < 0) /* one state of all four */
        return -1;
    int rc = nilo_store_access_changes(s, &a.changes, err);
    if (rc == 0)
        rc = nilo__take_all(s, arena, sizeof(struct nilo_access_key), take_key_row, &keys, &a.n_keys, err,
                            pg ? "SELECT id, role, name, hashed_by, hash, workspaces_said, made_at, expires_at, revoked_at FROM api_key ORDER BY id COLLATE \"C\""
                               : "SELECT id, role, name, hashed_by, hash, workspaces_said, made_at, expires_at, revoked_at FROM api_key ORDER BY id",
                            0, NULL);
    if (rc == 0)
        rc = nilo__take_all(s, arena, sizeof(struct place), take_place, &places, &n_places, err,
                            pg ? "SELECT k.api_key_id, w.name FROM api_key_workspace k JOIN workspace w ON w.id = k.workspace_id ORDER BY k.api_key_id COLLATE \"C\", w.id"
                               : "SELECT k.api_key_id, w.name FROM api_key_workspace k JOIN workspace w ON w.id = k.workspace_id ORDER BY k.api_key_id, w.id",
                            0, NULL);
    if (rc == 0)
        rc = nilo__take_all(s, arena, sizeof(struct nilo_access_revoked), take_revoked, &revoked, &a.n_revoked, err,
                            pg ? "SELECT kind, id, revoked_at, until FROM api_revoked ORDER BY kind, id COLLATE \"C\""
                               : "SELECT kind, id, revoked_at, until FROM api_revoked ORDER BY kind, id",
                            0, NULL);
    if (rc == 0)
        rc = nilo__take_all(s, arena, sizeof(const char *), take_name, &closed, &a.n_closed, err,
                            pg ? "SELECT w.name FROM api_closed c JOIN workspace w ON w.id = c.workspace_id ORDER BY w.name COLLATE \"C\""
                               : "SELECT w.name FROM api_closed c JOIN workspace w ON w.id = c.workspace_id ORDER BY w.name",
                            0, NULL);
    if (rc == 0)
        rc = nilo__query_int(s, 0, &open, err, "SELECT count(*) FROM workspace w WHERE NOT EXISTS (SELECT 1 FROM api_closed c WHERE c.workspace_id = w.id)", 0, NULL);
    if (rc == 0)
        rc = hand_out(keys, a.n_keys, places, n_places, arena, err);
    if (own)
        nilo_db_rollback(s->db);
    if (rc < 0)
        return -1;
    a.keys = keys;
    a.revoked = revoked;
    a.closed = closed;
    a.all_closed = a.n_closed > 0 && open == 0;
    *ret = a;
    return 0;
}
