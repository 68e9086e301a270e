/* What people say of things: owners and users, credits and whose project it is, definitions of metrics. Each row is found by its key, made where it is not
 * there, and put right where the write merges; all through the store's functions, so that owner totals follow. */
#include <stdlib.h>
#include <string.h>

#include "write/write_priv.h"

#define PUSH "push" /* where an item is put that is credited before it was ever read */

int nilo__insert_rows(struct nilo__job *j, nilo__row_fn *fn, struct nilo_err *err)
{
    size_t width = 0;
    while (j->relation->key[width])
        width++;
    const char **keys = nilo_arena_array(&j->arena, width * j->body.n_rows + 1, sizeof *keys);
    if (!keys)
        return nilo_err_nomem(err);
    for (j->row = 0; j->row < j->body.n_rows; j->row++) {
        const char **key = &keys[width * j->row];
        bool there = false;
        if (nilo__own_workspace(j, err) < 0 || fn(j, key, &there, err) < 0)
            return -1;
        if (!there) {
            j->made++;
        } else if (j->w->prefer.resolution == NILO_WRITE_INSERT) {
            return nilo__taken(j, key, err);
        } else if (j->w->prefer.resolution == NILO_WRITE_IGNORE) {
            j->answered[j->row] = false;
        } else {
            j->kept++;
        }
    }
    j->written = true;
    return nilo__show(j, keys, j->body.n_rows, err);
}

static bool merges(const struct nilo__job *j)
{
    return j->w->prefer.resolution == NILO_WRITE_MERGE;
}

/* A text that the row has to have. */
int nilo__need_text(struct nilo__job *j, const char *column, const char **ret, struct nilo_err *err)
{
    const struct nilo__member *m = nilo__cell(j, column);
    return nilo__need(j, m, column, err) < 0 ? -1 : nilo__text(j, m, ret, err);
}

/* A column of a row that was found. */
const struct nilo_datum *nilo__cell_of(const struct nilo__job *j, const struct nilo_datum *cells, const char *column)
{
    for (size_t i = 0; i < j->read->n_columns; i++)
        if (strcmp(j->read->columns[i].name, column) == 0)
            return &cells[i];
    return NULL;
}

const char *nilo__text_of(struct nilo__job *j, const struct nilo_datum *cells, const char *column)
{
    const struct nilo_datum *d = nilo__cell_of(j, cells, column);
    char spelled[NILO_DATUM_MAX];
    size_t len;
    const char *p = nilo_datum_text(d, spelled, &len);
    return d->null ? NULL : nilo_arena_strndup(&j->arena, p, len);
}

/* A PATCH does not change what tells rows apart. */
int nilo__keeps_key(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    j->row = 0;
    for (size_t i = 0; j->relation->key[i]; i++) {
        const char *now, *was = nilo__text_of(j, cells, j->relation->key[i]);
        const struct nilo__member *m = nilo__cell(j, j->relation->key[i]);
        if (!m)
            continue;
        if (nilo__text(j, m, &now, err) < 0)
            return -1;
        if (!now || !was || strcmp(now, was) != 0)
            return nilo_err_set(err, NILO_EPERM, "%s tells rows of %s apart and is not changed; insert another row", j->relation->key[i], j->relation->name);
    }
    return nilo__own_workspace(j, err);
}

/* ---- owners; users of the youtube set ------------------------------------------------------------------------------------------------- */

static bool of_set(const struct nilo__job *j)
{
    return j->read->view != NULL;
}

int nilo__find_owner(struct nilo__job *j, const char *key, bool make, int64_t *ret, bool *ret_there, struct nilo_err *err)
{
    *ret_there = nilo_store_owner(j->store, j->w->workspace, key, false, ret, err) == 0;
    if (*ret_there)
        return 0;
    if (err->code != NILO_ENOENT)
        return -1;
    return make ? nilo_store_owner(j->store, j->w->workspace, key, true, ret, err) : 0;
}

static int keep_owner_extra(struct nilo__job *j, int64_t owner, struct nilo_err *err)
{
    const char *was, *now;
    if (!j->relation->keeps)
        return 0;
    if (nilo_store_owner_extra(j->store, owner, &j->arena, &was, err) < 0 || nilo__extra(j, was, &now, err) < 0)
        return -1;
    return now ? nilo_store_owner_extra_set(j->store, owner, now, err) : 0;
}

static int put_owner(struct nilo__job *j, const char **key, bool *ret_there, struct nilo_err *err)
{
    const char *name_column = of_set(j) ? "u_email" : "display_name", *name;
    const struct nilo__member *m = nilo__cell(j, name_column);
    int64_t id;
    if (nilo__need_text(j, of_set(j) ? "u_id" : "owner", key, err) < 0 || nilo__find_owner(j, *key, true, &id, ret_there, err) < 0)
        return -1;
    if (*ret_there && !merges(j))
        return 0;
    if (keep_owner_extra(j, id, err) < 0)
        return -1;
    if (!m)
        return 0;
    return nilo__text(j, m, &name, err) < 0 ? -1 : nilo_store_owner_name(j->store, id, name, err);
}

int nilo__insert_owners(struct nilo__job *j, struct nilo_err *err)
{
    return nilo__insert_rows(j, put_owner, err);
}

int nilo__update_owner(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    const char *name;
    const struct nilo__member *m;
    int64_t id;
    if (nilo__keeps_key(j, cells, err) < 0 || nilo_store_owner(j->store, j->w->workspace, nilo__text_of(j, cells, j->relation->key[0]), false, &id, err) < 0)
        return -1;
    if (keep_owner_extra(j, id, err) < 0)
        return -1;
    if (!(m = nilo__cell(j, of_set(j) ? "u_email" : "display_name")))
        return 0;
    return nilo__text(j, m, &name, err) < 0 ? -1 : nilo_store_owner_name(j->store, id, name, err);
}

int nilo__delete_owner(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    int64_t id;
    return nilo_store_owner(j->store, j->w->workspace, nilo__text_of(j, cells, j->relation->key[0]), false, &id, err) < 0 ? -1
                                                                                                                    : nilo_store_owner_delete(j->store, id, err);
}

/* ---- credits; user_projects ----------------------------------------------------------------------------------------------------------- */

/* The connection of an item: the one that is named or bound, else the one that has it, else that of what is pushed. */
int nilo__find_item(struct nilo__job *j, const char *connection, const char *external_id, struct nilo_entity_ref *ret, struct nilo_connection *c,
                     struct nilo_err *err)
{
    int64_t id = 0;
    if (!connection && j->binding.connection[0])
        connection = j->binding.connection;
    if (!connection && nilo_store_content_connection(j->store, j->w->workspace, external_id, &id, err) < 0)
        return -1;
    int rc = id ? nilo_store_connection_get(j->store, id, c, err)
                : nilo_store_connection(j->store, j->w->workspace, connection ? connection : PUSH, !connection, PUSH, PUSH, c, err);
    if (rc < 0 && err->code == NILO_ENOENT) {
        nilo__detail(j->notes, "Key (connection)=(%s) is not present in table \"connections\".", connection);
        return nilo_err_set(err, NILO_EREFERENCE, "insert or update on table \"%s\" violates foreign key constraint \"%s_connection_fkey\"",
                            j->relation->name, j->relation->name);
    }
    const struct nilo_entity_in in = {.kind = NILO_CONTENT, .external_id = external_id};
    return rc < 0 ? -1 : nilo_store_entities(j->store, c, &in, 1, ret, err);
}

static int credit_days(struct nilo__job *j, struct nilo_credit_in *c, struct nilo_err *err)
{
    const struct nilo__member *from = nilo__cell(j, "from_day"), *to = nilo__cell(j, "to_day");
    if ((nilo__said(from) && nilo__date(j, from, &c->from_day, err) < 0) || (nilo__said(to) && nilo__date(j, to, &c->to_day, err) < 0))
        return -1;
    return !nilo_day_is_none(c->from_day) && !nilo_day_is_none(c->to_day) && c->from_day.n > c->to_day.n ? nilo__check_failed(j, "credits_days_check", err)
                                                                                                         : 0;
}

static int keep_credit_extra(struct nilo__job *j, struct nilo_entity_ref e, int64_t owner, struct nilo_err *err)
{
    const char *was, *now;
    if (!j->relation->keeps)
        return 0;
    if (nilo_store_credit_extra(j->store, e, owner, &j->arena, &was, err) < 0 || nilo__extra(j, was, &now, err) < 0)
        return -1;
    return now ? nilo_store_credit_extra_set(j->store, e, owner, now, err) : 0;
}

static int put_credit(struct nilo__job *j, const char **key, bool *ret_there, struct nilo_err *err)
{
    struct nilo_credit_in c = {.workspace = j->w->workspace, .from_day = NILO_DAY_NONE, .to_day = NILO_DAY_NONE};
    struct nilo_connection place;
    const char *connection = NULL, *role = NULL;
    bool known;
    if (nilo__need_text(j, of_set(j) ? "u_id" : "owner", &key[0], err) < 0 || nilo__need_text(j, of_set(j) ? "p_id" : "external_id", &key[1], err) < 0)
        return -1;
    if (!of_set(j) && (nilo__text(j, nilo__cell(j, "connection"), &connection, err) < 0 || nilo__text(j, nilo__cell(j, "role"), &role, err) < 0 ||
                       credit_days(j, &c, err) < 0))
        return -1;
    if (nilo__find_owner(j, key[0], true, &c.owner, &known, err) < 0 || nilo__find_item(j, connection, key[1], &c.entity, &place, err) < 0)
        return -1;
    c.role = role;
    if (!of_set(j)) {
        key[2] = role ? role : "owner";
        if (!(key[3] = nilo_arena_strdup(&j->arena, place.name)))
            return nilo_err_nomem(err);
    }
    if (nilo_store_credited(j->store, c.entity, c.owner, c.role ? c.role : of_set(j) ? NULL : "owner", ret_there, err) < 0)
        return -1;
    if (*ret_there && !merges(j))
        return 0;
    size_t ended;
    if (*ret_there && !of_set(j) && nilo_store_credit_end(j->store, c.entity, c.owner, key[2], &ended, err) < 0)
        return -1;
    return (!*ret_there || !of_set(j)) && nilo_store_credit_add(j->store, &c, 1, err) < 0 ? -1 : keep_credit_extra(j, c.entity, c.owner, err);
}

int nilo__insert_credits(struct nilo__job *j, struct nilo_err *err)
{
    return nilo__insert_rows(j, put_credit, err);
}

/* Who, of what, and which credit of theirs: one that was found. */
static int found_credit(struct nilo__job *j, const struct nilo_datum *cells, int64_t *owner, struct nilo_entity_ref *e, struct nilo_err *err)
{
    struct nilo_connection c;
    const char *connection = of_set(j) ? NULL : nilo__text_of(j, cells, "connection");
    return nilo_store_owner(j->store, j->w->workspace, nilo__text_of(j, cells, j->relation->key[0]), false, owner, err) < 0
               ? -1
               : nilo__find_item(j, connection, nilo__text_of(j, cells, j->relation->key[1]), e, &c, err);
}

/* A credit with other days is another credit: the one that was ends, so that as_of still shows it. */
int nilo__update_credit(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    const struct nilo_datum *from = nilo__cell_of(j, cells, "from_day"), *to = nilo__cell_of(j, cells, "to_day");
    struct nilo_credit_in c = {.workspace = j->w->workspace, .from_day = NILO_DAY_NONE, .to_day = NILO_DAY_NONE};
    const struct nilo_credit_in open = c;
    if (nilo__keeps_key(j, cells, err) < 0)
        return -1;
    if (!nilo__cell_of(j, cells, "ended_at")->null)
        return nilo_err_set(err, NILO_EPERM, "a credit that was taken back stays as it was; leave such rows out with ended_at=is.null");
    if (!nilo__cell(j, "from_day") && !nilo__cell(j, "to_day"))
        return 0;
    if (!from->null)
        c.from_day = NILO_DAY((int32_t)from->i);
    if (!to->null)
        c.to_day = NILO_DAY((int32_t)to->i);
    if (nilo__cell(j, "from_day"))
        c.from_day = open.from_day;
    if (nilo__cell(j, "to_day"))
        c.to_day = open.to_day;
    if (credit_days(j, &c, err) < 0 || found_credit(j, cells, &c.owner, &c.entity, err) < 0)
        return -1;
    c.role = nilo__text_of(j, cells, "role");
    const char *extra;
    if (nilo_store_credit_extra(j->store, c.entity, c.owner, &j->arena, &extra, err) < 0 ||
        nilo_store_credit_end_one(j->store, c.entity, c.owner, (int64_t)nilo__cell_of(j, cells, "credit")->i, err) < 0 ||
        nilo_store_credit_add(j->store, &c, 1, err) < 0)
        return -1;
    return extra ? nilo_store_credit_extra_set(j->store, c.entity, c.owner, extra, err) : 0;
}

int nilo__delete_credit(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    int64_t owner;
    size_t ended;
    struct nilo_entity_ref e;
    if (found_credit(j, cells, &owner, &e, err) < 0)
        return -1;
    return of_set(j) ? nilo_store_credit_end(j->store, e, owner, NULL, &ended, err)
                     : nilo_store_credit_end_one(j->store, e, owner, (int64_t)nilo__cell_of(j, cells, "credit")->i, err);
}

/* ---- user_metrics: derived, whatever is posted ------------------------------------------------------------------------------------------- */

static int put_totals(struct nilo__job *j, const char **key, bool *ret_there, struct nilo_err *err)
{
    int64_t id;
    return nilo__need_text(j, "u_id", key, err) < 0 ? -1 : nilo__find_owner(j, *key, true, &id, ret_there, err);
}

int nilo__insert_totals(struct nilo__job *j, struct nilo_err *err)
{
    return nilo__insert_rows(j, put_totals, err);
}

/* ---- metric_definitions -------------------------------------------------------------------------------------------------------------------- */

static int enumerated(struct nilo__job *j, const char *column, int (*value)(const char *name), int fallback, int *ret, struct nilo_err *err)
{
    const char *text;
    if (nilo__text(j, nilo__cell(j, column), &text, err) < 0)
        return -1;
    *ret = text ? value(text) : fallback;
    return *ret < 0 ? nilo__check_failed(j, column, err) : 0;
}

/* The words of the row over those that are there. */
static int read_words(struct nilo__job *j, struct nilo_metric *m, struct nilo_err *err)
{
    const struct {
        const char *column;
        const char **to;
    } texts[] = {{"display_name", &m->display_name}, {"description", &m->description}, {"unit", &m->unit}, {"format_pattern", &m->format_pattern}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct nilo__member *c = nilo__cell(j, texts[i].column);
        if (c && nilo__text(j, c, texts[i].to, err) < 0)
            return -1;
    }
    const struct nilo__member *active = nilo__cell(j, "is_active");
    return nilo__said(active) ? nilo__truth(j, active, &m->active, err) : 0;
}

static int read_metric(struct nilo__job *j, struct nilo_metric *m, struct nilo_err *err)
{
    int type, kind, aggregation;
    int64_t scale;
    const struct nilo__member *s = nilo__cell(j, "scale");
    if (nilo__need(j, nilo__cell(j, "metric_type"), "metric_type", err) < 0 || nilo__need_text(j, "metric_category", &m->name, err) < 0 ||
        enumerated(j, "metric_type", nilo_metric_type_value, 0, &type, err) < 0 || enumerated(j, "kind", nilo_metric_kind_value, NILO_PERIOD, &kind, err) < 0 ||
        enumerated(j, "aggregation", nilo_aggregation_value, NILO_LEVEL, &aggregation, err) < 0)
        return -1;
    scale = nilo_metric_default_scale((enum nilo_metric_type)type);
    if (nilo__said(s) && nilo__whole(j, s, &scale, err) < 0)
        return -1;
    if (scale < 0 || scale > NILO_SCALE_MAX || m->name[0] == '\0' || strlen(m->name) > 200)
        return nilo__check_failed(j, scale < 0 || scale > NILO_SCALE_MAX ? "metric_definitions_scale_check" : "metric_definitions_metric_category_check", err);
    m->type = (enum nilo_metric_type)type;
    m->kind = (enum nilo_metric_kind)kind;
    m->aggregation = (enum nilo_aggregation)aggregation;
    m->scale = (int)scale;
    return nilo__text(j, nilo__cell(j, "currency"), &m->currency, err);
}

/* Names of metrics are the store's: whose words they have, and whether they are collected, is no single tenant's to say. */
static int not_of_all(const struct nilo__job *j, struct nilo_err *err)
{
    if (!j->w->among)
        return 0;
    return nilo_err_set(err, NILO_EPERM, "permission denied for table metric_definitions: what is defined here holds for all workspaces of this store; a key of "
                                         "service_role that reaches them all changes it");
}

static int put_metric(struct nilo__job *j, const char **key, bool *ret_there, struct nilo_err *err)
{
    struct nilo_metric m = {.active = true, .format_pattern = "0,0"};
    const struct nilo_metric *made;
    if (read_metric(j, &m, err) < 0)
        return -1;
    key[0] = nilo_metric_type_name((int)m.type);
    key[1] = m.name;
    const struct nilo_metric *old = nilo_catalog_by_type(nilo_store_catalog(j->store), m.type, m.name);
    *ret_there = old != NULL;
    if (old && !merges(j))
        return 0;
    if (old && not_of_all(j, err) < 0)
        return -1;
    struct nilo_metric words = old ? *old : m;
    if (read_words(j, &words, err) < 0 || (!old && (nilo_store_metric_define(j->store, &m, &made, err) < 0 ||
                                                    nilo_store_metric_used(j->store, j->w->workspace, made, err) < 0)))
        return -1;
    return nilo_store_metric_describe(j->store, old ? old->id : made->id, &words, err);
}

int nilo__insert_metrics(struct nilo__job *j, struct nilo_err *err)
{
    return nilo__insert_rows(j, put_metric, err);
}

static const struct nilo_metric *metric_of(struct nilo__job *j, const struct nilo_datum *cells)
{
    int type = nilo_metric_type_value(nilo__text_of(j, cells, "metric_type"));
    return nilo_catalog_by_type(nilo_store_catalog(j->store), (enum nilo_metric_type)type, nilo__text_of(j, cells, "metric_category"));
}

int nilo__update_metric(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    static const char *const fixed[] = {"kind", "aggregation", "scale", "currency"};
    const struct nilo_metric *m = metric_of(j, cells);
    if (!m)
        return nilo_err_set(err, NILO_ENOENT, "the metric is gone");
    if (not_of_all(j, err) < 0 || nilo__keeps_key(j, cells, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (nilo__cell(j, fixed[i]))
            return nilo_err_set(err, NILO_EPERM, "%s of a metric is fixed once it is defined; define another name", fixed[i]);
    struct nilo_metric words = *m;
    return read_words(j, &words, err) < 0 ? -1 : nilo_store_metric_describe(j->store, m->id, &words, err);
}

/* The store keeps every definition: numbers, exports and roots refer to them. */
int nilo__delete_metric(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_EPERM, "the definition of %.200s stays, as all of them do; set is_active to false", nilo__text_of(j, cells, "metric_category"));
}
