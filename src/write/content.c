/* content: items that are named, and what is known of them. A new one goes through record, as `nilometer content add` makes it; of one that is there the
 * columns that are named are put right, null too. Its owners are credits. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/address.h"
#include "write/readings.h"

#define OWNERS_MAX 1000

struct item {
    size_t row;
    struct nilo_connection connection;
    const char *external_id;
    struct nilo_attrs attrs;
    unsigned which; /* of the attributes: those that the row names */
    const char **owners;
    size_t n_owners;
    bool fresh, skip; /* new here; said twice in one body */
};

/* ---- a row ---------------------------------------------------------------------------------------------------------------------------- */

static nilo_us now(const struct nilo__job *j)
{
    const struct nilo_env *env = nilo_store_env(j->store);
    return env->clock.wall(env->clock.ctx);
}

/* The columns that the row names. */
static int read_attrs(struct nilo__job *j, struct nilo_attrs *a, unsigned *which, struct nilo_err *err)
{
    *a = (struct nilo_attrs){.posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = now(j), .duration_ms = -1};
    *which = 0;
    const struct {
        const char *column;
        enum nilo_attr attr;
        const char **text;
        nilo_us *time;
    } columns[] = {
        {"title", NILO_ATTR_TITLE, &a->title, NULL},          {"url", NILO_ATTR_URL, &a->url, NULL},
        {"media_type", NILO_ATTR_MEDIA, &a->media_type, NULL}, {"caption", NILO_ATTR_CAPTION, &a->caption, NULL},
        {"thumbnail", NILO_ATTR_THUMBNAIL, &a->thumbnail, NULL}, {"status", NILO_ATTR_STATUS, &a->status, NULL},
        {"posted_at", NILO_ATTR_POSTED, NULL, &a->posted_at}, {"deleted_at", NILO_ATTR_DELETED, NULL, &a->deleted_at},
    };
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        const struct nilo__member *m = nilo__cell(j, columns[i].column);
        *which |= m ? 1u << columns[i].attr : 0;
        if (nilo__said(m) && (columns[i].text ? nilo__text(j, m, columns[i].text, err) : nilo__time(j, m, columns[i].time, err)) < 0)
            return -1;
    }
    const struct nilo__member *tags = nilo__cell(j, "tags"), *duration = nilo__cell(j, "duration_ms");
    *which |= (tags ? 1u << NILO_ATTR_TAGS : 0) | (duration ? 1u << NILO_ATTR_DURATION : 0);
    if ((nilo__said(tags) && nilo__json(j, tags, &a->tags, err) < 0) || (nilo__said(duration) && nilo__whole(j, duration, &a->duration_ms, err) < 0))
        return -1;
    return nilo__said(duration) && a->duration_ms < 0 ? nilo__check_failed(j, "content_duration_ms_check", err) : 0;
}

static int not_owners(struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ENUMBER, "owner is a text or an array of texts");
}

/* ["a","b"], as answers have it. */
static int parse_owners(struct nilo__job *j, const char *p, size_t len, const char ***ret, size_t *ret_n, struct nilo_err *err)
{
    struct nilo_json *json;
    enum nilo_json_event event;
    const char *text;
    size_t n = 0, most = 1, text_len;
    for (size_t i = 0; i < len; i++)
        most += p[i] == ',';
    if (len == 0 || p[0] != '[' || most > OWNERS_MAX)
        return not_owners(err);
    if (!(*ret = nilo_arena_array(&j->arena, most, sizeof **ret)))
        return nilo_err_nomem(err);
    if (nilo_json_new(p, len, NILO_JSON_DEFAULT_LIMITS, &json, err) < 0)
        return -1;
    int rc = nilo_json_next(json, &event, NULL, NULL, err);
    while (rc == 0 && (rc = nilo_json_next(json, &event, &text, &text_len, err)) == 0 && event != NILO_JSON_ARRAY_END) {
        if (event != NILO_JSON_STRING || n == most)
            rc = not_owners(err);
        else if (!((*ret)[n++] = nilo_arena_strndup(&j->arena, text, text_len)))
            rc = nilo_err_nomem(err);
    }
    nilo_json_free(json);
    *ret_n = n;
    return rc;
}

static int read_owners(struct nilo__job *j, const char ***ret, size_t *ret_n, struct nilo_err *err)
{
    const struct nilo__member *m = nilo__cell(j, "owner");
    *ret_n = 0;
    if (!nilo__said(m))
        return 0;
    if (m->kind == NILO__NESTED)
        return parse_owners(j, m->p, m->len, ret, ret_n, err);
    if (m->kind != NILO__STRING && m->kind != NILO__NUMBER)
        return not_owners(err);
    if (!(*ret = nilo_arena_array(&j->arena, 1, sizeof **ret)))
        return nilo_err_nomem(err);
    *ret_n = 1;
    return nilo__text(j, m, &(*ret)[0], err);
}

/* ---- where it belongs --------------------------------------------------------------------------------------------------------------------- */

/* The only connection of that platform; of several none is guessed; where there is none, one is made. */
static int of_platform(struct nilo__job *j, const char *platform, struct nilo_connection *ret, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    size_t n = 0, fitting = 0;
    if (nilo_store_connections(j->store, &all, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (all[i].workspace == j->w->workspace && strcmp(all[i].platform, platform) == 0) {
            *ret = all[i];
            fitting++;
        }
    free(all);
    if (fitting > 1)
        return nilo_err_set(err, NILO_EINVAL, "there are %zu connections of %.60s in this workspace; the column connection says which", fitting, platform);
    return fitting == 1 ? 0 : nilo__reading_connection(j, platform, platform, ret, err);
}

static int find_place(struct nilo__job *j, const char *platform, struct item *x, struct nilo_err *err)
{
    const char *connection;
    int64_t id = 0;
    if (nilo__text(j, nilo__cell(j, "connection"), &connection, err) < 0)
        return -1;
    if (connection)
        return nilo__reading_connection(j, connection, platform, &x->connection, err);
    if (platform)
        return of_platform(j, platform, &x->connection, err);
    if (nilo_store_content_connection(j->store, j->w->workspace, x->external_id, &id, err) < 0)
        return -1;
    return id ? nilo_store_connection_get(j->store, id, &x->connection, err) : nilo__reading_connection(j, NILO__PUSH, NULL, &x->connection, err);
}

/* The address of an item says its platform and id. */
static int read_address(struct nilo__job *j, struct item *x, const char **platform, struct nilo_err *err)
{
    struct nilo_address *a;
    if (x->external_id || !x->attrs.url || !nilo_address_looks_like(x->attrs.url))
        return 0;
    if (!(a = nilo_arena_alloc(&j->arena, sizeof *a)))
        return nilo_err_nomem(err);
    if (nilo_address_parse(x->attrs.url, a, err) < 0)
        return -1;
    x->external_id = a->id;
    if (!*platform)
        *platform = a->platform;
    return 0;
}

static int read_item(struct nilo__job *j, struct item *x, struct nilo_err *err)
{
    const char *platform;
    x->row = j->row;
    if (nilo__own_workspace(j, err) < 0 || nilo__text(j, nilo__cell(j, "external_id"), &x->external_id, err) < 0 ||
        nilo__text(j, nilo__cell(j, "platform"), &platform, err) < 0 || read_attrs(j, &x->attrs, &x->which, err) < 0 ||
        read_owners(j, &x->owners, &x->n_owners, err) < 0 || read_address(j, x, &platform, err) < 0)
        return -1;
    if (!x->external_id)
        return nilo__need(j, NULL, "external_id", err);
    return find_place(j, platform, x, err);
}

/* ---- POST ------------------------------------------------------------------------------------------------------------------------------------ */

static int by_place(const void *a, const void *b)
{
    const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;
    if (x->connection.id != y->connection.id)
        return x->connection.id < y->connection.id ? -1 : 1;
    int c = strcmp(x->external_id, y->external_id);
    return c ? c : x->row < y->row ? -1 : 1;
}

static void key_of(const struct item *x, const char **key)
{
    key[0] = x->external_id;
    key[1] = x->connection.name;
}

static int credit(struct nilo__job *j, struct nilo_entity_ref e, const char *owner, struct nilo_err *err)
{
    struct nilo_credit_in c = {.workspace = j->w->workspace, .entity = e, .from_day = NILO_DAY_NONE, .to_day = NILO_DAY_NONE};
    bool there;
    return nilo__find_owner(j, owner, true, &c.owner, &there, err) < 0 ? -1 : nilo_store_credit_add(j->store, &c, 1, err);
}

static int decide(struct nilo__job *j, struct item *x, struct nilo_err *err)
{
    struct nilo_entity_ref e;
    const char *key[2];
    key_of(x, key);
    if (nilo_store_item(j->store, &x->connection, x->external_id, &e, err) < 0)
        return -1;
    x->fresh = e.id == 0;
    if (x->fresh) {
        j->made++;
        return 0;
    }
    if (j->w->prefer.resolution == NILO_WRITE_INSERT)
        return nilo__taken(j, key, err);
    if (j->w->prefer.resolution == NILO_WRITE_IGNORE) {
        j->answered[x->row] = false;
        return 0;
    }
    j->kept++;
    if (x->which && nilo_store_content_set(j->store, e, &x->attrs, x->which, err) < 0)
        return -1;
    for (size_t i = 0; i < x->n_owners; i++)
        if (credit(j, e, x->owners[i], err) < 0)
            return -1;
    return 0;
}

/* A reading without values, once for each owner. */
static int hand_over(struct nilo_recorder *r, const struct item *x, struct nilo_err *err)
{
    for (size_t i = 0; i == 0 || i < x->n_owners; i++) {
        const struct nilo_reading reading = {.kind = NILO_CONTENT,
                                             .external_id = x->external_id,
                                             .captured_at = x->attrs.at,
                                             .day = NILO_DAY_NONE,
                                             .attrs = &x->attrs,
                                             .owner = x->n_owners ? x->owners[i] : NULL,
                                             .tag = (int64_t)x->row};
        if (nilo_record_add(r, &reading, err) < 0)
            return -1;
    }
    return 0;
}

/* Those of one connection that are new. */
static int record(struct nilo__job *j, struct item *const *items, size_t n, struct nilo_err *err)
{
    const struct nilo_run_options o = {.kind = NILO_RUN_PUSH, .provenance = NILO_IMPORTED, .within = true, .target_day = NILO_DAY_NONE,
                                       .read_until = NILO_DAY_NONE, .no_close = true};
    struct nilo_recorder *r = NULL;
    struct nilo_run run;
    struct nilo_entity_ref e;
    for (size_t i = 0; i < n; i++) {
        if (!items[i]->fresh)
            continue;
        if ((!r && nilo_record_begin(j->store, &items[0]->connection, &o, &r, err) < 0) || hand_over(r, items[i], err) < 0) {
            if (r)
                nilo_record_abort(r, err);
            return -1;
        }
    }
    if (r && nilo_record_finish(r, NULL, &j->arena, &run, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) { /* record leaves out what was erased or is no id, and says so in its run: here it is the caller's to know */
        if (!items[i]->fresh)
            continue;
        if (nilo_store_item(j->store, &items[i]->connection, items[i]->external_id, &e, err) < 0)
            return -1;
        j->row = items[i]->row;
        if (e.id == 0)
            return nilo__check_failed(j, "content_external_id_check", err);
    }
    return 0;
}

static int refuse_twice(struct nilo__job *j, struct item **sorted, struct nilo_err *err)
{
    const char *key[2];
    for (size_t i = 1; i < j->body.n_rows; i++) {
        if (sorted[i]->connection.id != sorted[i - 1]->connection.id || strcmp(sorted[i]->external_id, sorted[i - 1]->external_id) != 0)
            continue;
        key_of(sorted[i], key);
        if (j->w->prefer.resolution != NILO_WRITE_IGNORE)
            return nilo__twice(j, key, err);
        sorted[i]->skip = true;
        j->answered[sorted[i]->row] = false;
    }
    return 0;
}

int nilo__insert_content(struct nilo__job *j, struct nilo_err *err)
{
    size_t n = j->body.n_rows;
    struct item *items = nilo_arena_array(&j->arena, n + 1, sizeof *items), **sorted = nilo_arena_array(&j->arena, n + 1, sizeof(*sorted));
    const char **keys = nilo_arena_array(&j->arena, 2 * n + 1, sizeof *keys);
    if (!items || !sorted || !keys)
        return nilo_err_nomem(err);
    for (j->row = 0; j->row < n; j->row++) {
        items[j->row] = (struct item){.row = j->row};
        sorted[j->row] = &items[j->row];
        if (read_item(j, &items[j->row], err) < 0)
            return -1;
        key_of(&items[j->row], &keys[2 * j->row]);
    }
    qsort(sorted, n, sizeof(*sorted), by_place);
    if (refuse_twice(j, sorted, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        j->row = sorted[i]->row;
        if (!sorted[i]->skip && decide(j, sorted[i], err) < 0)
            return -1;
    }
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && sorted[end]->connection.id == sorted[i]->connection.id; end++)
            ;
        if (record(j, &sorted[i], end - i, err) < 0)
            return -1;
    }
    return nilo__show(j, keys, n, err);
}

/* ---- PATCH ---------------------------------------------------------------------------------------------------------------------------------- */

static bool among(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

/* owner is all of them: who is no longer named is no longer credited as owner, from now on and backwards. */
static int change_owners(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_entity_ref e, struct nilo_err *err)
{
    const char *list = nilo__text_of(j, cells, "owner"), **was = NULL, **want = NULL;
    size_t n_was = 0, n_want, ended;
    int64_t id;
    if (!nilo__cell(j, "owner"))
        return 0;
    if (read_owners(j, &want, &n_want, err) < 0 || (list && parse_owners(j, list, strlen(list), &was, &n_was, err) < 0))
        return -1;
    for (size_t i = 0; i < n_was; i++)
        if (!among(was[i], want, n_want) && (nilo_store_owner(j->store, j->w->workspace, was[i], false, &id, err) < 0 ||
                                             nilo_store_credit_end(j->store, e, id, "owner", &ended, err) < 0))
            return -1;
    for (size_t i = 0; i < n_want; i++)
        if (!among(want[i], was, n_was) && credit(j, e, want[i], err) < 0)
            return -1;
    return 0;
}

int nilo__update_content(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct nilo_attrs attrs;
    struct nilo_connection c;
    struct nilo_entity_ref e;
    unsigned which;
    const char *platform;
    if (nilo__keeps_key(j, cells, err) < 0 || nilo__text(j, nilo__cell(j, "platform"), &platform, err) < 0)
        return -1;
    if (platform && strcmp(platform, nilo__text_of(j, cells, "platform")) != 0)
        return nilo_err_set(err, NILO_EPERM, "platform is the connection's and is not changed with an item");
    if (read_attrs(j, &attrs, &which, err) < 0 ||
        nilo_store_connection(j->store, j->w->workspace, nilo__text_of(j, cells, "connection"), false, NULL, NULL, &c, err) < 0 ||
        nilo_store_item(j->store, &c, nilo__text_of(j, cells, "external_id"), &e, err) < 0)
        return -1;
    if (e.id == 0)
        return nilo_err_set(err, NILO_ENOENT, "the item is gone");
    return which && nilo_store_content_set(j->store, e, &attrs, which, err) < 0 ? -1 : change_owners(j, cells, e, err);
}
