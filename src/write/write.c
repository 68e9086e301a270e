/* Which relations take writes, from whom, and how one goes: look at the request, read the body, let the relation do it, all in one transaction. */
#include <stdio.h>
#include <string.h>

#include "write/write_priv.h"

#define BODY_MAX ((size_t)256 << 20)
#define POST     (1u << NILO_WRITE_POST)
#define PATCH    (1u << NILO_WRITE_PATCH)
#define DELETE   (1u << NILO_WRITE_DELETE)
#define NAMES(...) (const char *const[]){__VA_ARGS__, NULL}

static const struct nilo__relation writable[] = {
    {.name = "daily_metrics", .role = NILO_ROLE_SERVICE, .verbs = POST | PATCH | DELETE, .series = true,
     .constraint = "daily_metrics_metric_date_metric_type_metric_category_key", .key = NAMES("metric_date", "metric_type", "metric_category"),
     .insert = nilo__insert_daily},
    {.name = "content_snapshots", .role = NILO_ROLE_SERVICE, .verbs = POST | PATCH | DELETE, .series = true, .own_columns = true,
     .constraint = "content_snapshots_day_external_id_window_days_connection_key", .key = NAMES("day", "external_id", "window_days", "connection"),
     .insert = nilo__insert_readings},
    {.name = "metric_values", .role = NILO_ROLE_SERVICE, .verbs = POST | PATCH | DELETE, .series = true, .own_columns = true,
     .constraint = "metric_values_day_external_id_metric_window_days_connection_key",
     .key = NAMES("day", "external_id", "metric", "metric_type", "window_days", "entity", "connection"), .insert = nilo__insert_readings},
    {.name = "content", .role = NILO_ROLE_ADMIN, .verbs = POST | PATCH, .constraint = "content_external_id_connection_key",
     .key = NAMES("external_id", "connection"), .insert = nilo__insert_content, .update = nilo__update_content},
    {.name = "annotations", .role = NILO_ROLE_ADMIN, .verbs = POST | PATCH | DELETE, .constraint = "annotations_pkey", .key = NAMES("id"),
     .insert = nilo__insert_annotations, .update = nilo__update_annotation, .remove = nilo__delete_annotation},
    {.name = "owners", .role = NILO_ROLE_ADMIN, .verbs = POST | PATCH | DELETE, .constraint = "owners_owner_key", .key = NAMES("owner"),
     .insert = nilo__insert_owners, .update = nilo__update_owner, .remove = nilo__delete_owner},
    {.name = "credits", .role = NILO_ROLE_ADMIN, .verbs = POST | PATCH | DELETE, .live = "ended_at=is.null",
     .constraint = "credits_owner_external_id_role_connection_key",
     .key = NAMES("owner", "external_id", "role", "connection"), .insert = nilo__insert_credits,
     .update = nilo__update_credit, .remove = nilo__delete_credit},
    {.name = "metric_definitions", .role = NILO_ROLE_ADMIN, .verbs = POST | PATCH | DELETE,
     .constraint = "metric_definitions_metric_type_metric_category_key", .key = NAMES("metric_type", "metric_category"),
     .insert = nilo__insert_metrics, .update = nilo__update_metric, .remove = nilo__delete_metric},
    {.name = "users", .role = NILO_ROLE_SERVICE, .verbs = POST | PATCH | DELETE, .keeps = true, .constraint = "users_pkey", .key = NAMES("u_id"),
     .insert = nilo__insert_owners, .update = nilo__update_owner, .remove = nilo__delete_owner},
    {.name = "user_projects", .role = NILO_ROLE_SERVICE, .verbs = POST | DELETE, .keeps = true, .constraint = "user_projects_pkey", .key = NAMES("u_id", "p_id"),
     .insert = nilo__insert_credits, .remove = nilo__delete_credit},
    {.name = "user_metrics", .role = NILO_ROLE_SERVICE, .verbs = POST, .constraint = "user_metrics_pkey", .key = NAMES("u_id"),
     .insert = nilo__insert_totals},
    {.name = "youtube_metrics", .role = NILO_ROLE_SERVICE, .verbs = POST | PATCH | DELETE, .series = true, .own_columns = true,
     .constraint = "youtube_metrics_p_id_day_key", .key = NAMES("p_id", "day"), .insert = nilo__insert_readings},
#define ANALYTICS(name_)                                                                                                          \
    {.name = name_, .role = NILO_ROLE_SERVICE, .verbs = POST | PATCH | DELETE, .series = true, .own_columns = true, .constraint = name_ "_key",  \
     .key = NAMES("organizationId", "integrationId", "externalContentId", "date"), .insert = nilo__insert_readings}
    ANALYTICS("analytics_daily_metric"),
    ANALYTICS("AnalyticsDailyMetric"),
    {.name = "creator_video_metric_snapshots", .role = NILO_ROLE_SERVICE, .verbs = POST | PATCH | DELETE, .series = true, .own_columns = true,
     .constraint = "creator_video_metric_snapshots_key", .key = NAMES("brand_id", "tiktok_video_id", "snapshot_date", "window_days"),
     .insert = nilo__insert_readings},
    {.name = "studio_social_post_metrics", .role = NILO_ROLE_SERVICE, .verbs = POST | PATCH | DELETE, .series = true, .own_columns = true,
     .constraint = "studio_social_post_metrics_key", .key = NAMES("social_post_id", "captured_at"), .insert = nilo__insert_readings},
};

const struct nilo__relation *nilo__writable(const char *name)
{
    for (size_t i = 0; i < sizeof writable / sizeof writable[0]; i++)
        if (strcmp(writable[i].name, name) == 0)
            return &writable[i];
    return NULL;
}

unsigned nilo_write_verbs(const char *relation)
{
    const struct nilo__relation *r = nilo__writable(relation);
    return r ? r->verbs : 0;
}

enum nilo_role nilo_write_role(const char *relation)
{
    const struct nilo__relation *r = nilo__writable(relation);
    return r ? r->role : NILO_ROLE_SERVICE;
}

void nilo_written_init(struct nilo_written *w)
{
    *w = (struct nilo_written){.status = 201};
    nilo_buf_init(&w->body, BODY_MAX);
    nilo_buf_init(&w->location, 65536);
}

void nilo_written_done(struct nilo_written *w)
{
    nilo_buf_done(&w->body);
    nilo_buf_done(&w->location);
}

/* ---- may they, and does it make sense? --------------------------------------------------------------------------------------------------- */

/* What query says of a name that it does not know, hint and all. */
static int unknown(struct nilo__job *j, struct nilo_err *err)
{
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct nilo_query *q;
    if (nilo_query_parse(j->store, j->w->relation, strlen(j->w->relation), &request, &q, j->notes, err) < 0)
        return -1;
    nilo_query_free(q);
    return nilo_err_set(err, NILO_EPERM, "permission denied for table %s: it is read, not written to", j->w->relation);
}

static int permit(struct nilo__job *j, struct nilo_err *err)
{
    const struct nilo_write *w = j->w;
    const struct nilo_relation *r = j->read;
    if (!(j->relation->verbs & (1u << w->verb)))
        return nilo_err_set(err, NILO_EPERM, "permission denied for table %s: its rows are not changed this way", w->relation);
    if (w->scope.role >= j->relation->role || (j->relation->series && w->verb != NILO_WRITE_POST && r && w->scope.role >= r->min_role))
        return 0;
    if (w->verb == NILO_WRITE_POST && r && w->scope.role >= r->min_role)
        return nilo_err_set(err, NILO_EPERM, "new row violates row-level security policy for table \"%s\"", w->relation);
    return nilo_err_set(err, NILO_EPERM, "permission denied for table %s", w->relation);
}

/* A compatibility set's table is there where it is bound, and in the workspace that it is bound to. */
static int find_relation(struct nilo__job *j, struct nilo_err *err)
{
    bool bound = false;
    j->read = nilo_relation_find(j->w->relation);
    if (!j->relation)
        return unknown(j, err);
    if (j->read)
        return 0;
    if (!(j->read = nilo_compat_relation(j->w->relation)))
        return unknown(j, err);
    if (nilo_compat_find(j->store, j->read->view->set, &j->binding, &bound, err) < 0)
        return -1;
    if (!bound || (!j->binding.tenant && j->binding.workspace != j->w->workspace))
        return unknown(j, err);
    return 0;
}

static int no_workspace(struct nilo_err *err)
{
    return nilo_err_set(err, NILO_EINVAL, "there is no workspace yet; nilometer import and collect make the one that they are given");
}

/* ---- the body's columns -------------------------------------------------------------------------------------------------------------------- */

static const struct nilo_column *find_column(const struct nilo_relation *r, const struct nilo__name *name)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (strlen(r->columns[i].name) == name->len && memcmp(r->columns[i].name, name->p, name->len) == 0)
            return &r->columns[i];
    return NULL;
}

static int know_columns(struct nilo__job *j, struct nilo_err *err)
{
    const struct nilo_relation *r = j->read;
    const struct nilo_column **columns = nilo_arena_array(&j->arena, j->body.n_columns + 1, sizeof *columns);
    if (!columns)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < j->body.n_columns; i++) {
        const struct nilo__name *name = &j->body.columns[i];
        columns[i] = j->relation->keeps && name->len == 8 && memcmp(name->p, "metadata", 8) == 0 ? NULL : find_column(r, name); /* theirs, too */
        if (!columns[i] && !j->relation->keeps)
            return nilo_err_set(err, NILO_EPAYLOADCOLUMN, "Could not find the '%.*s' column of '%s' in the schema cache",
                                (int)(name->len < 200 ? name->len : 200), name->p, r->name);
    }
    j->columns = columns;
    return 0;
}

static int read_body(struct nilo__job *j, struct nilo_err *err)
{
    const struct nilo__parameters *p = &j->params;
    if (nilo__body_parse(j->w->body, j->w->body_len, p->has_columns ? p->columns : NULL, p->n_columns, false, &j->arena, &j->body, j->notes, err) < 0)
        return -1;
    j->answered = nilo_arena_array(&j->arena, j->body.n_rows + 1, sizeof *j->answered);
    if (!j->answered)
        return nilo_err_nomem(err);
    memset(j->answered, true, j->body.n_rows + 1);
    return j->relation->own_columns ? 0 : know_columns(j, err);
}

/* The key in any order, or the id, which is made of it. */
static int check_conflict(struct nilo__job *j, struct nilo_err *err)
{
    const struct nilo__parameters *p = &j->params;
    size_t n = 0, found = 0;
    if (!p->has_conflict || j->w->prefer.resolution == NILO_WRITE_INSERT)
        return 0;
    if (p->n_conflict == 1 && p->conflict[0].len == 2 && memcmp(p->conflict[0].p, "id", 2) == 0)
        return 0;
    for (; j->relation->key[n]; n++)
        for (size_t i = 0; i < p->n_conflict; i++)
            if (strlen(j->relation->key[n]) == p->conflict[i].len && memcmp(j->relation->key[n], p->conflict[i].p, p->conflict[i].len) == 0) {
                found++;
                break;
            }
    return found == n && p->n_conflict == n
               ? 0
               : nilo_err_set(err, NILO_ECONSTRAINT, "there is no unique or exclusion constraint matching the ON CONFLICT specification");
}

/* ---- the three verbs ------------------------------------------------------------------------------------------------------------------------ */

static int insert(struct nilo__job *j, struct nilo_err *err)
{
    if (read_body(j, err) < 0 || check_conflict(j, err) < 0 || j->relation->insert(j, err) < 0)
        return -1;
    bool merged = j->w->prefer.resolution != NILO_WRITE_INSERT;
    j->out->status = merged && j->made == 0 ? 200 : 201;
    return 0;
}

static int check_affected(struct nilo__job *j, struct nilo_err *err)
{
    const struct nilo_write_prefer *p = &j->w->prefer;
    if (p->max_affected < 0 || j->out->rows <= p->max_affected)
        return 0;
    nilo__detail(j->notes, "The query affects %lld rows", (long long)j->out->rows);
    return nilo_err_set(err, NILO_EMAXAFFECTED, "Query result exceeds max-affected preference constraint");
}

static int change_day(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    const struct nilo_relation *r = j->read;
    char when[NILO_US_TEXT] = ""; /* longer than a day's text */
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->day && strcmp(r->columns[i].name, r->day) == 0 && cells[i].type == NILO_T_TIME)
            nilo_us_format(cells[i].i, when);
        else if (r->day && strcmp(r->columns[i].name, r->day) == 0)
            nilo_day_format(NILO_DAY((int32_t)cells[i].i), when);
    return nilo_err_set(err, NILO_ECLOSED, "what was recorded for %s stays: rows of %s are neither changed nor deleted; put a value right with nilometer revise",
                        when, j->relation->name);
}

/* An empty array of changes. */
static int change_nothing(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    (void)j;
    (void)cells;
    (void)err;
    return 0;
}

static int change(struct nilo__job *j, struct nilo_err *err)
{
    bool patch = j->w->verb == NILO_WRITE_PATCH, hides = false;
    if (j->params.filter.len == 0)
        return nilo_err_set(err, NILO_ETWICE, "%s requires a WHERE clause", patch ? "UPDATE" : "DELETE");
    if (patch && read_body(j, err) < 0)
        return -1;
    if (patch && j->body.n_rows > 1)
        return nilo_err_set(err, NILO_EBODY, "one object is expected: PATCH writes the same into every row that it finds");
    bool nothing = patch && j->body.n_rows == 0;
    if (!nothing && patch && j->relation->series && nilo__hides(j, &hides, err) < 0)
        return -1;
    if (nilo__change(j, nothing ? change_nothing : hides ? nilo__update_hidden : j->relation->series ? change_day : patch ? j->relation->update : j->relation->remove, !patch, err) < 0)
        return -1;
    j->out->status = j->w->prefer.ret == NILO_WRITE_ROWS ? 200 : 204;
    return 0;
}

static int run(struct nilo__job *j, struct nilo_err *err)
{
    const struct nilo_write *w = j->w;
    if (nilo__parameters_parse(w->query, w->query_len, &j->arena, &j->params, j->notes, err) < 0 ||
        nilo_store_calendar(j->store, w->workspace, &j->calendar, err) < 0)
        return -1;
    if ((w->verb == NILO_WRITE_POST ? insert(j, err) : change(j, err)) < 0 || check_affected(j, err) < 0)
        return -1;
    if (w->prefer.count)
        snprintf(j->out->content_range, sizeof j->out->content_range, "*/%lld", (long long)j->out->rows);
    else
        snprintf(j->out->content_range, sizeof j->out->content_range, "*/*");
    return 0;
}

int nilo__commit(struct nilo__job *j, struct nilo_err *err)
{
    if (j->w->late == NULL || !j->w->late(j->w->late_ctx))
        return nilo_store_commit(j->store, err);
    nilo_store_rollback(j->store);
    return nilo_err_set(err, NILO_ETIMEOUT, "the deadline of the request was over before the write was; nothing was written");
}

int nilo_write_run(struct nilo_store *s, const struct nilo_write *w, struct nilo_written *ret, struct nilo_notes *notes, struct nilo_err *err)
{
    struct nilo__job j = {.store = s, .w = w, .relation = nilo__writable(w->relation), .out = ret, .notes = notes};
    *notes = (struct nilo_notes){{0}, {0}};
    nilo_arena_init(&j.arena, NILO__ARENA_MAX);
    int rc = find_relation(&j, err) < 0 ? -1 : permit(&j, err) < 0 ? -1 : w->workspace == 0 ? no_workspace(err) : nilo_store_begin(s, err);
    if (rc == 0) {
        rc = run(&j, err);
        if (rc == 0)
            rc = nilo__commit(&j, err);
        else
            nilo_store_rollback(s);
    }
    nilo__parameters_done(&j.params);
    nilo_arena_done(&j.arena);
    return rc;
}
