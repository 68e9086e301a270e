/* What became of an item, as dated events: it was found deleted, private, hidden, or live again. Made here, where its attributes change, whoever
 * changes them. How a new item is found is no event. */
#include <stdlib.h>

#include "store/rows/rows.h"

/* The words as they are after a->status and a->deleted_at were merged, newest first (entity.c). */
static enum nilo_presence merged(const char *status, nilo_us deleted_at, nilo_us attrs_at, const struct nilo_attrs *a)
{
    bool newer = a->at >= attrs_at;
    const char *is = (newer && a->status) || !status ? a->status : status;
    return nilo_presence_of(is, deleted_at != NILO_US_NONE || a->deleted_at != NILO_US_NONE);
}

/* ---- of many items --------------------------------------------------------------------------------------------------------------------- */

struct changing {
    const struct nilo_entity_in *in;
    const struct nilo_entity_ref *ref;
    size_t *which, n; /* of `in`: what says anything of it */
    struct nilo__presence *found;
    size_t n_found;
};

static void find_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct changing *c = ctx;
    p[0] = NILO_DBV_INT(c->ref[c->which[i]].bucket);
    p[1] = NILO_DBV_INT(c->ref[c->which[i]].id);
}

static int find_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct changing *c = ctx;
    size_t k = c->which[i];
    const struct nilo_attrs *a = c->in[k].attrs;
    nilo_us deleted_at = nilo__us_column(stmt, 1);
    const char *status = nilo_db_column_text(stmt, 0);
    enum nilo_presence was = nilo_presence_of(status, deleted_at != NILO_US_NONE), is = merged(status, deleted_at, nilo_db_column_int(stmt, 2), a);
    if (is != was)
        c->found[c->n_found++] = (struct nilo__presence){c->ref[k], is, was, a->deleted_at != NILO_US_NONE ? a->deleted_at : a->at, a->status};
    return 0;
}

static const struct nilo_db_field content_keys[] = {{"t.bucket", "smallint"}, {"t.entity_id", "bigint"}};
static const struct nilo_db_find find_content = {.columns = "t.status, t.deleted_at, t.attrs_at", .from = "content AS t", .keys = content_keys, .n_keys = 2};

int nilo__presence_before(struct nilo_store *s, const struct nilo_entity_in *in, const struct nilo_entity_ref *ref, size_t n, struct nilo__presence **ret,
                          size_t *ret_n, struct nilo_err *err)
{
    struct changing c = {.in = in, .ref = ref};
    *ret = NULL;
    *ret_n = 0;
    for (size_t i = 0; i < n; i++)
        c.n += in[i].kind == NILO_CONTENT && in[i].attrs && (in[i].attrs->status || in[i].attrs->deleted_at != NILO_US_NONE);
    if (c.n == 0)
        return 0;
    c.which = calloc(c.n, sizeof *c.which);
    c.found = calloc(c.n, sizeof *c.found);
    if (!c.which || !c.found) {
        free(c.which);
        free(c.found);
        return nilo_err_nomem(err);
    }
    c.n = 0;
    for (size_t i = 0; i < n; i++)
        if (in[i].kind == NILO_CONTENT && in[i].attrs && (in[i].attrs->status || in[i].attrs->deleted_at != NILO_US_NONE))
            c.which[c.n++] = i;
    int rc = nilo_db_find(s->db, &find_content, c.n, find_params, find_row, &c, err);
    free(c.which);
    if (rc < 0) {
        free(c.found);
        return -1;
    }
    *ret = c.found;
    *ret_n = c.n_found;
    return 0;
}

/* ---- of many, before and after ------------------------------------------------------------------------------------------------------------ */

struct reading {
    const struct nilo_entity_ref *all;
    enum nilo_presence *ret;
};

static void ref_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct nilo_entity_ref *e = &((struct reading *)ctx)->all[i];
    p[0] = NILO_DBV_INT(e->bucket);
    p[1] = NILO_DBV_INT(e->id);
}

static int read_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    ((struct reading *)ctx)->ret[i] = nilo_presence_of(nilo_db_column_text(stmt, 0), !nilo_db_column_null(stmt, 1));
    return 0;
}

int nilo__presence_read(struct nilo_store *s, const struct nilo_entity_ref *all, size_t n, enum nilo_presence *ret, struct nilo_err *err)
{
    struct reading r = {all, ret};
    for (size_t i = 0; i < n; i++)
        ret[i] = NILO_ITEM_LIVE;
    return nilo_db_find(s->db, &find_content, n, ref_params, read_row, &r, err);
}

int nilo__presence_changed(struct nilo_store *s, int64_t workspace, const struct nilo_entity_ref *all, size_t n, const enum nilo_presence *before,
                           struct nilo_err *err)
{
    enum nilo_presence *now = calloc(n + 1, sizeof *now);
    struct nilo__presence *events = calloc(n + 1, sizeof *events);
    size_t many = 0;
    int rc = now && events ? nilo__presence_read(s, all, n, now, err) : nilo_err_nomem(err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (now[i] != before[i])
            events[many++] = (struct nilo__presence){all[i], now[i], before[i], NILO_US_NONE, NULL};
    if (rc == 0)
        rc = nilo__presence_events(s, workspace, events, many, err);
    free(now);
    free(events);
    return rc;
}

/* ---- of one item ----------------------------------------------------------------------------------------------------------------------- */

int nilo__presence_of_item(struct nilo_store *s, struct nilo_entity_ref e, enum nilo_presence *ret, int64_t *ret_workspace, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    *ret = NILO_ITEM_LIVE;
    *ret_workspace = 0;
    if (nilo__query(s, &stmt, err,
                    "SELECT t.status, t.deleted_at, e.workspace_id FROM content t JOIN entity e ON e.bucket = t.bucket AND e.id = t.entity_id "
                    "WHERE t.bucket = ?1 AND t.entity_id = ?2",
                    NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id))) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1) {
        *ret = nilo_presence_of(nilo_db_column_text(stmt, 0), !nilo_db_column_null(stmt, 1));
        *ret_workspace = nilo_db_column_int(stmt, 2);
    }
    nilo_db_reset(stmt);
    return got < 0 ? -1 : 0;
}

/* ---- writing --------------------------------------------------------------------------------------------------------------------------- */

struct adding {
    const struct nilo__presence *all;
    const struct nilo_calendar *calendar;
    int64_t first_id;
    nilo_us now;
};

static void event_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct adding *x = ctx;
    const struct nilo__presence *e = &x->all[i];
    nilo_us at = e->at != NILO_US_NONE ? e->at : x->now;
    p[0] = NILO_DBV_INT(e->entity.bucket);
    p[1] = NILO_DBV_INT(e->entity.id);
    p[2] = NILO_DBV_INT(x->first_id + (int64_t)i);
    p[3] = NILO_DBV_INT(nilo_calendar_day(x->calendar, at).n);
    p[4] = NILO_DBV_INT(at);
    p[5] = NILO_DBV_INT(e->is);
    p[6] = NILO_DBV_INT(e->was);
    p[7] = NILO_DBV_TEXT(e->status);
    p[8] = NILO_DBV_INT(x->now);
}

int nilo__presence_events(struct nilo_store *s, int64_t workspace, const struct nilo__presence *all, size_t n, struct nilo_err *err)
{
    struct adding x = {.all = all, .now = nilo__now(s)};
    struct nilo_db_stmt *stmt;
    if (n == 0)
        return 0;
    if (nilo_store_calendar(s, workspace, &x.calendar, err) < 0 || nilo__next_ids(s, "content_event", (int64_t)n, &x.first_id, err) < 0 ||
        nilo_db_prepare(s->db,
                        "INSERT INTO content_event (bucket, entity_id, id, day, at, event, was, status, recorded_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                        &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, n, 9, event_params, NULL, &x, err);
}
