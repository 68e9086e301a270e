/* What people say of owners. */
#include "store/rows/rows.h"

static nilo_us now(const struct nilo_store *s)
{
    const struct nilo_env *env = nilo_store_env(s);
    return env->clock.wall(env->clock.ctx);
}

int nilo_store_owner_name(struct nilo_store *s, int64_t owner, const char *display_name, struct nilo_err *err)
{
    return nilo__run(s, err, "UPDATE owner SET display_name = ?2, changed_at = ?3 WHERE id = ?1 AND display_name IS DISTINCT FROM ?2",
                     NILO__PARAMS(NILO_DBV_INT(owner), NILO_DBV_TEXT(display_name), NILO_DBV_INT(now(s))));
}

/* Credits stay for as_of, also those that were taken back: so does who they name. */
int nilo_store_owner_delete(struct nilo_store *s, int64_t owner, struct nilo_err *err)
{
    int64_t n;
    if (nilo__query_int(s, 0, &n, err, "SELECT count(*) FROM (SELECT 1 FROM credit WHERE owner_id = ?1 LIMIT 1) x", NILO__PARAMS(NILO_DBV_INT(owner))) < 0)
        return -1;
    if (n > 0)
        return nilo_err_set(err, NILO_EREFERENCE, "the owner is or was credited with items, and that is kept; nilometer erase takes out who it was");
    return nilo__run(s, err, "DELETE FROM owner WHERE id = ?1", NILO__PARAMS(NILO_DBV_INT(owner)));
}

/* Of several connections that have an item of that id the first one. */
int nilo_store_content_connection(struct nilo_store *s, int64_t workspace, const char *external_id, int64_t *ret, struct nilo_err *err)
{
    return nilo__query_int(s, 0, ret, err, "SELECT min(connection_id) FROM entity WHERE workspace_id = ?1 AND external_id = ?2 AND kind = ?3",
                           NILO__PARAMS(NILO_DBV_INT(workspace), NILO_DBV_TEXT(external_id), NILO_DBV_INT(NILO_CONTENT)));
}

int nilo_store_credited(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, const char *role, bool *ret, struct nilo_err *err)
{
    int64_t n;
    if (nilo__query_int(s, 0, &n, err,
                        "SELECT count(*) FROM credit WHERE bucket = ?1 AND entity_id = ?2 AND owner_id = ?3 AND ended_at IS NULL "
                        "AND role = COALESCE(CAST(?4 AS text), role)",
                        NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(owner), NILO_DBV_TEXT(role))) < 0)
        return -1;
    *ret = n > 0;
    return 0;
}

/* ---- what apps say beside the numbers ------------------------------------------------------------------------------------------------- */

int nilo_store_item(struct nilo_store *s, const struct nilo_connection *c, const char *external_id, struct nilo_entity_ref *ret, struct nilo_err *err)
{
    *ret = (struct nilo_entity_ref){.bucket = nilo_bucket(c->workspace_name, c->name, external_id)};
    return nilo__query_int(s, 0, &ret->id, err,
                           "SELECT id FROM entity WHERE bucket = ?1 AND workspace_id = ?2 AND connection_id = ?3 AND kind = ?4 AND external_id = ?5",
                           NILO__PARAMS(NILO_DBV_INT(ret->bucket), NILO_DBV_INT(c->workspace), NILO_DBV_INT(c->id), NILO_DBV_INT(NILO_CONTENT),
                                        NILO_DBV_TEXT(external_id)));
}

int nilo_store_hide(struct nilo_store *s, struct nilo_entity_ref e, int32_t win, nilo_day day, nilo_us at, struct nilo_err *err)
{
    const struct nilo_db_value p[] = {NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(win), NILO_DBV_INT(day.n), NILO_DBV_INT(at)};
    if (at == NILO_US_NONE)
        return nilo__run(s, err, "DELETE FROM hidden_row WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day = ?4", 4, p);
    return nilo__run(s, err,
                     "INSERT INTO hidden_row (bucket, entity_id, win, day, hidden_at) VALUES (?1, ?2, ?3, ?4, ?5) "
                     "ON CONFLICT (bucket, entity_id, win, day) DO UPDATE SET hidden_at = excluded.hidden_at",
                     5, p);
}

int nilo_store_posted_run(struct nilo_store *s, struct nilo_entity_ref e, int32_t win, nilo_day day, const char *run, bool number, struct nilo_err *err)
{
    const struct nilo_db_value p[] = {NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(win), NILO_DBV_INT(day.n), run ? NILO_DBV_TEXT(run) : NILO_DBV_INT(0),
                                      NILO_DBV_INT(number)};
    if (!run)
        return nilo__run(s, err, "DELETE FROM posted_run WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day = ?4", 4, p);
    return nilo__run(s, err,
                     "INSERT INTO posted_run (bucket, entity_id, win, day, run, number) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
                     "ON CONFLICT (bucket, entity_id, win, day) DO UPDATE SET run = excluded.run, number = excluded.number",
                     6, p);
}

/* What it did to whether the item is there, as it was before. */
static int after_set(struct nilo_store *s, struct nilo_entity_ref e, const struct nilo_attrs *a, enum nilo_presence was, struct nilo_err *err)
{
    struct nilo__presence x = {.entity = e, .was = was, .at = a->deleted_at != NILO_US_NONE ? a->deleted_at : a->at, .status = a->status};
    int64_t workspace;
    if (nilo__presence_of_item(s, e, &x.is, &workspace, err) < 0)
        return -1;
    return workspace != 0 && x.is != was ? nilo__presence_events(s, workspace, &x, 1, err) : 0;
}

/* Said now, so it is the newest word: an older reading does not undo it. */
int nilo_store_content_set(struct nilo_store *s, struct nilo_entity_ref e, const struct nilo_attrs *a, unsigned which, struct nilo_err *err)
{
    const struct {
        const char *column;
        struct nilo_db_value value;
    } columns[NILO_ATTRS] = {
        {"title", NILO_DBV_TEXT(a->title)}, {"url", NILO_DBV_TEXT(a->url)}, {"media_type", NILO_DBV_TEXT(a->media_type)},
        {"caption", NILO_DBV_TEXT(a->caption)}, {"thumbnail", NILO_DBV_TEXT(a->thumbnail)}, {"tags", NILO_DBV_TEXT(a->tags)},
        {"status", NILO_DBV_TEXT(a->status)}, {"posted_at", a->posted_at == NILO_US_NONE ? NILO_DBV_NULL : NILO_DBV_INT(a->posted_at)},
        {"deleted_at", a->deleted_at == NILO_US_NONE ? NILO_DBV_NULL : NILO_DBV_INT(a->deleted_at)},
        {"duration_ms", a->duration_ms < 0 ? NILO_DBV_NULL : NILO_DBV_INT(a->duration_ms)},
    };
    struct nilo_db_value p[NILO_ATTRS + 3] = {NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(a->at)};
    struct nilo_buf sql;
    int n = 3;
    nilo_buf_init(&sql, 2048);
    nilo_buf_adds(&sql, "UPDATE content SET attrs_at = CASE WHEN attrs_at < ?3 THEN ?3 ELSE attrs_at END");
    for (int i = 0; i < NILO_ATTRS; i++)
        if (which & (1u << i)) {
            p[n++] = columns[i].value;
            nilo_buf_addf(&sql, ", %s = ?%d", columns[i].column, n);
        }
    nilo_buf_adds(&sql, " WHERE bucket = ?1 AND entity_id = ?2");
    bool presence = (which & (1u << NILO_ATTR_STATUS | 1u << NILO_ATTR_DELETED)) != 0;
    enum nilo_presence was = NILO_ITEM_LIVE;
    int64_t workspace;
    int rc = sql.failed ? nilo_err_nomem(err) : presence ? nilo__presence_of_item(s, e, &was, &workspace, err) : 0;
    if (rc == 0)
        rc = nilo__run(s, err, nilo_buf_str(&sql), n, p);
    nilo_buf_done(&sql);
    return rc == 0 && presence ? after_set(s, e, a, was, err) : rc;
}

static int text_at(struct nilo_store *s, const char *sql, int n, const struct nilo_db_value *p, struct nilo_arena *arena, const char **ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    *ret = NULL;
    if (nilo__query(s, &stmt, err, sql, n, p) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1 && !nilo_db_column_null(stmt, 0) && !(*ret = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 0))))
        got = nilo_err_nomem(err);
    nilo_db_reset(stmt);
    return got < 0 ? -1 : 0;
}

int nilo_store_owner_extra(struct nilo_store *s, int64_t owner, struct nilo_arena *arena, const char **ret, struct nilo_err *err)
{
    return text_at(s, "SELECT extra FROM owner WHERE id = ?1", NILO__PARAMS(NILO_DBV_INT(owner)), arena, ret, err);
}

int nilo_store_owner_extra_set(struct nilo_store *s, int64_t owner, const char *json, struct nilo_err *err)
{
    return nilo__run(s, err, "UPDATE owner SET extra = ?2, changed_at = ?3 WHERE id = ?1 AND extra IS DISTINCT FROM ?2",
                     NILO__PARAMS(NILO_DBV_INT(owner), NILO_DBV_TEXT(json), NILO_DBV_INT(now(s))));
}

int nilo_store_credit_extra(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, struct nilo_arena *arena, const char **ret, struct nilo_err *err)
{
    return text_at(s, "SELECT max(extra) FROM credit WHERE bucket = ?1 AND entity_id = ?2 AND owner_id = ?3 AND ended_at IS NULL",
                   NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(owner)), arena, ret, err);
}

int nilo_store_credit_extra_set(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, const char *json, struct nilo_err *err)
{
    return nilo__run(s, err, "UPDATE credit SET extra = ?4, changed_at = ?5 WHERE bucket = ?1 AND entity_id = ?2 AND owner_id = ?3 AND ended_at IS NULL AND extra IS DISTINCT "
                     "FROM ?4",
                     NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(owner), NILO_DBV_TEXT(json), NILO_DBV_INT(now(s))));
}

/* ---- notes ------------------------------------------------------------------------------------------------------------------------------ */

int nilo_store_annotation(struct nilo_store *s, int64_t workspace, const char *id, bool *ret_there, struct nilo_err *err)
{
    int64_t n;
    if (nilo__query_int(s, 0, &n, err, "SELECT count(*) FROM annotation WHERE workspace_id = ?1 AND id = ?2",
                        NILO__PARAMS(NILO_DBV_INT(workspace), NILO_DBV_TEXT(id))) < 0)
        return -1;
    *ret_there = n > 0;
    return 0;
}

int nilo_store_annotation_put(struct nilo_store *s, const struct nilo_annotation *a, struct nilo_err *err)
{
    nilo_us now = s->env.clock.wall(s->env.clock.ctx);
    return nilo__run(s, err,
                     "INSERT INTO annotation (bucket, workspace_id, id, from_day, to_day, text, author, entity_id, created_at, updated_at) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9) ON CONFLICT (workspace_id, id) DO UPDATE SET bucket = excluded.bucket, "
                     "from_day = excluded.from_day, to_day = excluded.to_day, text = excluded.text, author = excluded.author, "
                     "entity_id = excluded.entity_id, updated_at = excluded.updated_at",
                     NILO__PARAMS(NILO_DBV_INT(a->entity.id ? a->entity.bucket : 0), NILO_DBV_INT(a->workspace), NILO_DBV_TEXT(a->id),
                                  NILO_DBV_INT(a->from.n), NILO_DBV_INT(a->to.n), NILO_DBV_TEXT(a->text), NILO_DBV_TEXT(a->author),
                                  a->entity.id ? NILO_DBV_INT(a->entity.id) : NILO_DBV_NULL, NILO_DBV_INT(now)));
}

int nilo_store_annotation_remove(struct nilo_store *s, int64_t workspace, const char *id, struct nilo_err *err)
{
    return nilo__run(s, err, "DELETE FROM annotation WHERE workspace_id = ?1 AND id = ?2", NILO__PARAMS(NILO_DBV_INT(workspace), NILO_DBV_TEXT(id)));
}
