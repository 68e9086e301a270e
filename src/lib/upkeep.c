/* What the public library does to a store beside values: workspaces, metrics, closing, checking, copying. */
#include "lib/lib_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* ---- definitions -------------------------------------------------------------------------------------------------------------------- */

/* In a transaction of its own. */
static int in_transaction(struct nilometer *n, int (*act)(struct nilometer *, const void *), const void *with)
{
    if (nilo_store_begin(n->store, &n->err) != 0)
        return -1;
    if (act(n, with) != 0) {
        nilo_store_rollback(n->store);
        return -1;
    }
    return nilo_store_commit(n->store, &n->err);
}

struct place {
    const char *name, *zone;
};

static int make_workspace(struct nilometer *n, const void *with)
{
    const struct place *p = with;
    struct nilo_workspace made;
    return nilo_store_workspace(n->store, p->name, true, p->zone, &made, &n->err);
}

int nilometer_workspace(struct nilometer *n, const char *name, const char *zone)
{
    int code = nilo__lib_enter(n, NILO__WRITES | NILO__NO_RUN);
    if (code != 0)
        return code;
    if (name == NULL)
        return nilo__lib_leave(n, nilo__lib_misuse(n, "the workspace's name is NULL"));
    if (!nilo__lib_in_scope(n, name))
        return nilo__lib_leave(n, nilo_err_set(&n->err, NILO_EPERM, "the workspace \"%.200s\" is outside of this handle's scope", name));
    return nilo__lib_leave(n, in_transaction(n, make_workspace, &(struct place){name, zone}));
}

static int word(struct nilometer *n, const char *what, const char *given, int fallback, int (*value)(const char *), const char *words, int *ret)
{
    *ret = given != NULL ? value(given) : fallback;
    return *ret >= 0 ? 0 : nilo_err_set(&n->err, NILO_EINVAL, "there is no %s %.40s; it is %s", what, given, words);
}

static int take_metric(struct nilometer *n, const struct nilometer_metric *in, struct nilo_metric *ret)
{
    int type, kind, aggregation;
    if (in->name == NULL)
        return nilo__lib_misuse(n, "the metric's name is NULL");
    if (!nilo_metric_name_ok(in->name))
        return nilo_err_set(&n->err, NILO_EINVAL,
                            "%.60s cannot be the name of a metric: a small letter, then up to 47 of a-z, 0-9 and _, and no word that the relations "
                            "use themselves",
                            in->name);
    if (word(n, "type", in->type, NILO_COUNT, nilo_metric_type_value, "count, average, percentage or aggregate", &type) != 0 ||
        word(n, "kind", in->kind, NILO_INSTANT, nilo_metric_kind_value, "instant or period", &kind) != 0 ||
        word(n, "aggregation", in->aggregation, NILO_LEVEL, nilo_aggregation_value, "level or flow", &aggregation) != 0)
        return -1;
    if (in->scale < -1 || in->scale > NILO_SCALE_MAX)
        return nilo_err_set(&n->err, NILO_EINVAL, "a scale is 0 to %d, or -1 for the type's own, not %d", NILO_SCALE_MAX, in->scale);
    *ret = (struct nilo_metric){
        .name = in->name,
        .type = (enum nilo_metric_type)type,
        .kind = (enum nilo_metric_kind)kind,
        .aggregation = (enum nilo_aggregation)aggregation,
        .scale = in->scale >= 0 ? in->scale : nilo_metric_default_scale((enum nilo_metric_type)type),
        .wide = true,
        .active = true,
        .unit = in->unit,
        .currency = in->currency,
        .display_name = in->display_name,
        .description = in->description,
    };
    return 0;
}

static int define_metric(struct nilometer *n, const void *with)
{
    const struct nilo_metric *m = with;
    const struct nilo_metric *there = nilo_catalog_by_name(nilo_store_catalog(n->store), m->name);
    if (there != NULL && there->type != m->type) /* values are told apart by name here */
        return nilo_err_set(&n->err, NILO_EEXIST, "metric \"%s\" is already defined as %s; that is fixed, define another name instead", m->name,
                            nilo_metric_type_name((int)there->type));
    return nilo_store_metric_define(n->store, m, NULL, &n->err);
}

/* Texts go into the store, so they have to be texts. */
static int check_texts(struct nilometer *n, const struct nilometer_metric *m)
{
    const char *const texts[] = {m->unit, m->currency, m->display_name, m->description};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i] != NULL && !nilo_utf8_valid(texts[i], strlen(texts[i]), NULL))
            return nilo_err_set(&n->err, NILO_EINVAL, "what is said of the metric %s is not valid UTF-8", m->name);
    }
    if (m->currency != NULL && (strlen(m->currency) != 3 || strspn(m->currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3))
        return nilo_err_set(&n->err, NILO_EINVAL, "the currency of the metric %s is three capitals such as EUR, not \"%.20s\"", m->name, m->currency);
    return 0;
}

int nilometer_define(struct nilometer *n, const struct nilometer_metric *metric)
{
    struct nilometer_metric in = NILOMETER_METRIC_INIT;
    struct nilo_metric m;
    int code = nilo__lib_enter(n, NILO__WRITES | NILO__NO_RUN);
    if (code != 0)
        return code;
    if (metric == NULL)
        return nilo__lib_leave(n, nilo__lib_misuse(n, "the metric is NULL"));
    int rc = nilo__lib_struct(n, "nilometer_metric", metric, NILO__FIRST(struct nilometer_metric, description), &in, sizeof in);
    if (rc == 0)
        rc = take_metric(n, &in, &m);
    if (rc == 0)
        rc = check_texts(n, &in);
    if (rc == 0)
        rc = in_transaction(n, define_metric, &m);
    return nilo__lib_leave(n, rc);
}

/* ---- acts -------------------------------------------------------------------------------------------------------------------------------- */

static int seal(struct nilometer *n, int *ret_days)
{
    struct nilo_connection *all = NULL;
    size_t n_all = 0;
    int days = 0, rc = 0;
    if (nilo_store_connections(n->store, &all, &n_all, &n->err) != 0)
        return -1;
    for (size_t i = 0; i < n_all && rc == 0; i++) {
        int closed = 0;
        if (!nilo__lib_in_scope(n, all[i].workspace_name))
            continue;
        rc = nilo_record_seal(n->store, all[i].id, &closed, &n->err);
        days += closed;
    }
    free(all);
    if (rc == 0 && ret_days != NULL)
        *ret_days = days;
    return rc;
}

int nilometer_seal(struct nilometer *n, int *ret_days)
{
    int code = nilo__lib_enter(n, NILO__WRITES | NILO__NO_RUN);
    return code != 0 ? code : nilo__lib_leave(n, seal(n, ret_days));
}

int nilometer_verify(struct nilometer *n)
{
    int code = nilo__lib_enter(n, NILO__NO_RUN | NILO__WHOLE);
    return code != 0 ? code : nilo__lib_leave(n, nilo_store_verify(n->store, NULL, NULL, &n->err));
}

int nilometer_backup(struct nilometer *n, const char *path)
{
    int code = nilo__lib_enter(n, NILO__NO_RUN | NILO__WHOLE);
    if (code != 0)
        return code;
    if (path == NULL || path[0] == '\0')
        return nilo__lib_leave(n, nilo__lib_misuse(n, "the path of the copy is %s", path == NULL ? "NULL" : "empty"));
    return nilo__lib_leave(n, nilo_store_backup(n->store, path, NULL, NULL, &n->err));
}
