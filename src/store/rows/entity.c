/* Items and who they are credited to. */
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "store/rows/derive.h"

/* ---- entities ---------------------------------------------------------------------------------------------------------------- */

struct finding {
    struct nilo_store *store;
    const struct nilo_connection *connection;
    const struct nilo_entity_in *in;
    struct nilo_entity_ref *ref;
    size_t *missing;
    size_t n_missing;
    int64_t first_id;
    nilo_us now;
    unsigned char keys[2][16];
};

static void find_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    struct finding *f = ctx;
    p[0] = NILO_DBV_INT(f->ref[i].bucket);
    p[1] = NILO_DBV_INT(f->connection->workspace);
    p[2] = NILO_DBV_INT(f->connection->id);
    p[3] = NILO_DBV_INT(f->in[i].kind);
    p[4] = NILO_DBV_TEXT(f->in[i].external_id);
}

static int find_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    ((struct finding *)ctx)->ref[i].id = nilo_db_column_int(stmt, 0);
    return 0;
}

static void insert_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    struct finding *f = ctx;
    size_t at = f->missing[i];
    find_params(ctx, at, p);
    f->ref[at].id = f->first_id + (int64_t)i;
    f->store->env.random.fill(f->store->env.random.ctx, f->keys, sizeof f->keys);
    p[5] = NILO_DBV_INT(f->ref[at].id);
    p[6] = nilo_dbv_bytes(f->keys[0], sizeof f->keys[0]);
    p[7] = nilo_dbv_bytes(f->keys[1], sizeof f->keys[1]);
    p[8] = NILO_DBV_INT(f->now);
}

/* The same external id may come twice in one call: the second time it is no longer missing. */
static int by_key(const struct finding *f, size_t a, size_t b)
{
    if (f->ref[a].bucket != f->ref[b].bucket)
        return NILO__CMP(f->ref[a].bucket, f->ref[b].bucket);
    if (f->in[a].kind != f->in[b].kind)
        return NILO__CMP(f->in[a].kind, f->in[b].kind);
    return strcmp(f->in[a].external_id, f->in[b].external_id);
}

static void sift(const struct finding *f, size_t *order, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && by_key(f, order[child], order[child + 1]) < 0)
            child++;
        if (by_key(f, order[root], order[child]) >= 0)
            return;
        size_t t = order[root];
        order[root] = order[child];
        order[child] = t;
    }
}

/* Heap sort: qsort has no context argument in C11, and the comparison needs the ids. */
static void sort_missing(struct finding *f)
{
    size_t n = f->n_missing;
    for (size_t i = n / 2; i-- > 0;)
        sift(f, f->missing, i, n);
    for (size_t end = n; end-- > 1;) {
        size_t t = f->missing[0];
        f->missing[0] = f->missing[end];
        f->missing[end] = t;
        sift(f, f->missing, 0, end);
    }
}

static int insert_missing(struct nilo_store *s, struct finding *f, size_t n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    size_t unique = 0;
    for (size_t i = 0; i < n; i++)
        if (f->ref[i].id == 0)
            f->missing[f->n_missing++] = i;
    if (f->n_missing == 0)
        return 0;
    for (size_t i = 0; i < f->n_missing; i++) {
        const struct nilo_entity_in *in = &f->in[f->missing[i]];
        if (nilo__erased_refuse(s, f->connection->workspace, NILO_ERASE_ITEM, (int)in->kind, f->connection->platform, in->external_id, err) < 0)
            return -1;
    }
    sort_missing(f);
    for (size_t i = 0; i < f->n_missing; i++)
        if (unique == 0 || by_key(f, f->missing[unique - 1], f->missing[i]) != 0)
            f->missing[unique++] = f->missing[i];
    size_t all = f->n_missing;
    f->n_missing = unique;
    if (nilo__next_ids(s, "entity", (int64_t)unique, &f->first_id, err) < 0 ||
        nilo_db_prepare(s->db,
                        "INSERT INTO entity (bucket, workspace_id, connection_id, kind, external_id, id, key128, salt, first_seen_at) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                        &stmt, err) < 0 ||
        nilo_db_many(stmt, unique, 9, insert_params, NULL, f, err) < 0)
        return -1;
    if (unique == all)
        return 0;
    /* the twins' own places: found by key again, their owner has its id now */
    for (size_t i = 0; i < n; i++) {
        for (size_t low = 0, high = unique; f->ref[i].id == 0 && low < high;) {
            size_t mid = low + (high - low) / 2;
            int c = by_key(f, f->missing[mid], i);
            if (c == 0)
                f->ref[i].id = f->ref[f->missing[mid]].id;
            else if (c < 0)
                low = mid + 1;
            else
                high = mid;
        }
    }
    return 0;
}

/* The newest reading's words win; an older one fills what is still missing. */
#define MERGED(column)                                                                                                 \
    column " = CASE WHEN excluded.attrs_at >= content.attrs_at THEN COALESCE(excluded." column ", content." column           \
           ") ELSE COALESCE(content." column ", excluded." column ") END, "
static const char content_sql[] =
    "INSERT INTO content (bucket, entity_id, title, url, posted_at, media_type, caption, duration_ms, thumbnail, tags, status, deleted_at, "
    "attrs_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT (bucket, entity_id) DO UPDATE SET "
    MERGED("title") MERGED("url") MERGED("posted_at") MERGED("media_type") MERGED("caption") MERGED("duration_ms") MERGED("thumbnail")
        MERGED("tags") MERGED("status") MERGED("deleted_at")
    "attrs_at = CASE WHEN excluded.attrs_at > content.attrs_at THEN excluded.attrs_at ELSE content.attrs_at END";

struct describing {
    const struct nilo_entity_in *in;
    const struct nilo_entity_ref *ref;
    size_t *which;
};


static void content_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    static const struct nilo_attrs none = {.posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = NILO_US_NONE, .duration_ms = -1};
    const struct describing *d = ctx;
    size_t at = d->which[i];
    const struct nilo_attrs *a = d->in[at].attrs ? d->in[at].attrs : &none;
    p[0] = NILO_DBV_INT(d->ref[at].bucket);
    p[1] = NILO_DBV_INT(d->ref[at].id);
    p[2] = NILO_DBV_TEXT(a->title);
    p[3] = NILO_DBV_TEXT(a->url);
    p[4] = nilo__us(a->posted_at);
    p[5] = NILO_DBV_TEXT(a->media_type);
    p[6] = NILO_DBV_TEXT(a->caption);
    p[7] = a->duration_ms < 0 ? NILO_DBV_NULL : NILO_DBV_INT(a->duration_ms);
    p[8] = NILO_DBV_TEXT(a->thumbnail);
    p[9] = NILO_DBV_TEXT(a->tags);
    p[10] = NILO_DBV_TEXT(a->status);
    p[11] = nilo__us(a->deleted_at);
    p[12] = NILO_DBV_INT(a->at);
}

static int write_content(struct nilo_store *s, struct describing *d, size_t n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    size_t many = 0;
    for (size_t i = 0; i < n; i++)
        if (d->in[i].kind == NILO_CONTENT)
            d->which[many++] = i;
    if (nilo_db_prepare(s->db, content_sql, &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, many, 13, content_params, NULL, d, err);
}

static const struct nilo_db_field id_keys[] = {
    {"e.bucket", "smallint"}, {"e.workspace_id", "bigint"}, {"e.connection_id", "bigint"}, {"e.kind", "smallint"}, {"e.external_id", "text"},
};
static const struct nilo_db_find find_ids = {.columns = "e.id", .from = "entity AS e", .keys = id_keys, .n_keys = 5};

int nilo_store_entities(struct nilo_store *s, const struct nilo_connection *c, const struct nilo_entity_in *in, size_t n,
                        struct nilo_entity_ref *ret, struct nilo_err *err)
{
    struct finding f = {.store = s, .connection = c, .in = in, .ref = ret, .now = s->env.clock.wall(s->env.clock.ctx)};
    if (n == 0)
        return 0;
    f.missing = calloc(n, sizeof *f.missing);
    if (!f.missing)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct nilo_entity_ref){.bucket = nilo_bucket(c->workspace_name, c->name, in[i].external_id)};
    int rc = nilo_db_find(s->db, &find_ids, n, find_params, find_row, &f, err);
    if (rc == 0)
        rc = insert_missing(s, &f, n, err);
    struct describing d = {in, ret, f.missing};
    struct nilo__presence *events = NULL;
    size_t n_events = 0;
    if (rc == 0)
        rc = nilo__presence_before(s, in, ret, n, &events, &n_events, err);
    if (rc == 0)
        rc = write_content(s, &d, n, err);
    if (rc == 0)
        rc = nilo__presence_events(s, c->workspace, events, n_events, err);
    free(events);
    free(f.missing);
    return rc;
}

/* ---- owners and credits -------------------------------------------------------------------------------------------------------- */

int nilo_store_owner(struct nilo_store *s, int64_t workspace, const char *key, bool create, int64_t *ret_id, struct nilo_err *err)
{
    int64_t id;
    if (nilo__query_int(s, 0, &id, err, "SELECT id FROM owner WHERE workspace_id = ?1 AND key = ?2",
                        NILO__PARAMS(NILO_DBV_INT(workspace), NILO_DBV_TEXT(key))) < 0)
        return -1;
    if (!id && !create)
        return nilo_err_set(err, NILO_ENOENT, "there is no owner \"%s\" in this workspace", key);
    if (!id && !nilo_name_ok(key, 1024))
        return nilo_err_set(err, NILO_EINVAL, "an owner has 1 to 1024 bytes of UTF-8 without control characters");
    if (!id) {
        if (nilo__erased_refuse(s, workspace, NILO_ERASE_OWNER, 0, "", key, err) < 0 || nilo__next_ids(s, "owner", 1, &id, err) < 0 ||
            nilo__run(s, err, "INSERT INTO owner (id, workspace_id, bucket, key, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                      NILO__PARAMS(NILO_DBV_INT(id), NILO_DBV_INT(workspace), NILO_DBV_INT(id % 1024), NILO_DBV_TEXT(key),
                                   NILO_DBV_INT(s->env.clock.wall(s->env.clock.ctx)))) < 0)
            return -1;
    }
    *ret_id = id;
    return 0;
}

/* The union of days that the owner's current credits of an item cover. */
static int covered(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, struct nilo__interval **ret, size_t *ret_n,
                   struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo__interval *all = NULL;
    size_t n = 0;
    int got;
    if (nilo__query(s, &stmt, err,
                    "SELECT from_day, to_day FROM credit WHERE bucket = ?1 AND entity_id = ?2 AND owner_id = ?3 AND ended_at IS NULL "
                    "ORDER BY from_day",
                    NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(owner))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        struct nilo__interval x = {(int32_t)nilo_db_column_int(stmt, 0), (int32_t)nilo_db_column_int(stmt, 1)};
        if (n && (all[n - 1].to == INT32_MAX || x.from <= all[n - 1].to + 1)) {
            if (x.to > all[n - 1].to)
                all[n - 1].to = x.to;
            continue;
        }
        struct nilo__interval *more = realloc(all, (n + 1) * sizeof *more);
        if (!more) {
            nilo_db_reset(stmt);
            free(all);
            return nilo_err_nomem(err);
        }
        all = more;
        all[n++] = x;
    }
    if (got < 0) {
        free(all);
        return -1;
    }
    *ret = all;
    *ret_n = n;
    return 0;
}

static int take_days(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    (void)arena, (void)err;
    *(struct nilo_credit_days *)to = (struct nilo_credit_days){{(int32_t)nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1)},
                                                               (int32_t)nilo_db_column_int(stmt, 2), (int32_t)nilo_db_column_int(stmt, 3)};
    return 0;
}

/* Several roles at once, and days that follow each other, are one. */
static size_t put_together(struct nilo_credit_days *days, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        struct nilo_credit_days *last = left > 0 ? &days[left - 1] : NULL;
        bool same = last != NULL && nilo__entity_cmp(last->entity, days[i].entity) == 0;
        if (!same || (last->to != INT32_MAX && days[i].from > last->to + 1))
            days[left++] = days[i];
        else if (days[i].to > last->to)
            last->to = days[i].to;
    }
    return left;
}

int nilo_store_credit_days(struct nilo_store *s, int64_t owner, nilo_us as_of, struct nilo_arena *arena, struct nilo_credit_days **ret, size_t *ret_n,
                           struct nilo_err *err)
{
    void *all;
    size_t n;
    int64_t then = as_of == NILO_US_NONE ? INT64_MAX : as_of;
    if (nilo__take_all(s, arena, sizeof **ret, take_days, &all, &n, err,
                       "SELECT bucket, entity_id, from_day, to_day FROM credit WHERE owner_id = ?1 AND recorded_at <= ?2 "
                       "AND (ended_at IS NULL OR ended_at > ?2) ORDER BY bucket, entity_id, from_day",
                       2, (struct nilo_db_value[]){NILO_DBV_INT(owner), NILO_DBV_INT(then)}) < 0)
        return -1;
    *ret = all;
    *ret_n = put_together(all, n);
    return 0;
}

static int insert_credit(struct nilo_store *s, const struct nilo_credit_in *c, const char *role, int32_t from, int32_t to,
                         struct nilo_err *err)
{
    int64_t id;
    if (nilo__next_ids(s, "credit", 1, &id, err) < 0)
        return -1;
    return nilo__run(s, err,
                     "INSERT INTO credit (bucket, entity_id, id, workspace_id, owner_id, role, from_day, to_day, recorded_at) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                     NILO__PARAMS(NILO_DBV_INT(c->entity.bucket), NILO_DBV_INT(c->entity.id), NILO_DBV_INT(id), NILO_DBV_INT(c->workspace),
                                  NILO_DBV_INT(c->owner), NILO_DBV_TEXT(role), NILO_DBV_INT(from), NILO_DBV_INT(to),
                                  NILO_DBV_INT(s->env.clock.wall(s->env.clock.ctx))));
}

/* Owner totals follow: what was covered goes out, what is covered comes in. */
static int change_credits(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, struct nilo__interval *before, size_t n_before,
                          struct nilo_err *err)
{
    struct nilo__interval *after;
    size_t n_after;
    if (covered(s, e, owner, &after, &n_after, err) < 0)
        return -1;
    int rc = 0;
    if (n_before != n_after || (n_before && memcmp(before, after, n_before * sizeof *before) != 0))
        rc = nilo__derive_credit(s, e, owner, before, n_before, after, n_after, err);
    free(after);
    return rc;
}

static int add_credit(struct nilo_store *s, const struct nilo_credit_in *c, struct nilo_err *err)
{
    const char *role = c->role ? c->role : "owner";
    int32_t from = nilo_day_is_none(c->from_day) ? INT32_MIN : c->from_day.n, to = nilo_day_is_none(c->to_day) ? INT32_MAX : c->to_day.n;
    int64_t there;
    if (from > to)
        return nilo_err_set(err, NILO_EINVAL, "a credit cannot end before it begins");
    if (nilo__query_int(s, 0, &there, err,
                        "SELECT count(*) FROM credit WHERE bucket = ?1 AND entity_id = ?2 AND owner_id = ?3 AND role = ?4 AND from_day = ?5 "
                        "AND to_day = ?6 AND ended_at IS NULL",
                        NILO__PARAMS(NILO_DBV_INT(c->entity.bucket), NILO_DBV_INT(c->entity.id), NILO_DBV_INT(c->owner),
                                     NILO_DBV_TEXT(role), NILO_DBV_INT(from), NILO_DBV_INT(to))) < 0)
        return -1;
    if (there)
        return 0;
    struct nilo__interval *before;
    size_t n_before;
    if (covered(s, c->entity, c->owner, &before, &n_before, err) < 0)
        return -1;
    int rc = insert_credit(s, c, role, from, to, err);
    if (rc == 0)
        rc = change_credits(s, c->entity, c->owner, before, n_before, err);
    free(before);
    return rc;
}

int nilo_store_credit_add(struct nilo_store *s, const struct nilo_credit_in *in, size_t n, struct nilo_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (add_credit(s, &in[i], err) < 0)
            return -1;
    return 0;
}

int nilo_store_credit_end_one(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, int64_t credit, struct nilo_err *err)
{
    struct nilo__interval *before;
    size_t n_before;
    if (covered(s, e, owner, &before, &n_before, err) < 0)
        return -1;
    int rc = nilo__run(s, err, "UPDATE credit SET ended_at = ?4 WHERE bucket = ?1 AND entity_id = ?2 AND id = ?3 AND ended_at IS NULL",
                       NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(credit),
                                    NILO_DBV_INT(s->env.clock.wall(s->env.clock.ctx))));
    if (rc == 0)
        rc = change_credits(s, e, owner, before, n_before, err);
    free(before);
    return rc;
}

int nilo_store_credit_end(struct nilo_store *s, struct nilo_entity_ref e, int64_t owner, const char *role, size_t *ret_n,
                          struct nilo_err *err)
{
    struct nilo__interval *before;
    size_t n_before;
    int64_t n;
    struct nilo_db_stmt *stmt;
    if (covered(s, e, owner, &before, &n_before, err) < 0)
        return -1;
    int rc = nilo_db_prepare(s->db,
                             "UPDATE credit SET ended_at = ?4 WHERE bucket = ?1 AND entity_id = ?2 AND owner_id = ?3 AND ended_at IS NULL "
                             "AND role = COALESCE(CAST(?5 AS text), role)",
                             &stmt, err);
    if (rc == 0)
        rc = nilo_db_run(stmt,
                         (struct nilo_db_value[]){NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(owner),
                                                  NILO_DBV_INT(s->env.clock.wall(s->env.clock.ctx)), NILO_DBV_TEXT(role)},
                         5, &n, err);
    if (rc == 0)
        rc = change_credits(s, e, owner, before, n_before, err);
    free(before);
    if (rc == 0)
        *ret_n = (size_t)n;
    return rc;
}
