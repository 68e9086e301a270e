/* What an import says of one stream of a tap, checked: the plan of its records, and what goes beyond a plan. */
#include "import/import_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Only what can be added up may be a sum. */
static int check_sum(const struct nilo__mapped *m, struct nilo_err *err)
{
    for (size_t i = 0; m->from->sum && i < m->plan.n_fields; i++) {
        const struct nilo__field *f = &m->plan.fields[i];
        if (f->kind == NILO__METRIC && m->plan.metrics->list[f->metric]->type != NILO_COUNT)
            return nilo_err_set(err, NILO_EUSAGE, "%s is no count, so it cannot be added up (sum)", m->plan.metrics->list[f->metric]->name);
    }
    return 0;
}

static bool has_field(const struct nilo__plan *p, enum nilo__kind kind)
{
    for (size_t i = 0; i < p->n_fields; i++) {
        if (p->fields[i].kind == kind)
            return true;
    }
    return false;
}

static int check_named(const struct nilo__mapped *m, struct nilo_err *err)
{
    bool name = has_field(&m->plan, NILO__METRIC_NAME), value = has_field(&m->plan, NILO__METRIC_VALUE);
    if (name != value)
        return nilo_err_set(err, NILO_EUSAGE, "metric_name and metric_value go together: which metric a record is about, and its value");
    if (name != (m->from->names != NULL))
        return nilo_err_set(err, NILO_EUSAGE, name ? "names has to say what metric_name means, like views=video_views" : "names goes with metric_name and metric_value");
    return 0;
}

static int add_same(struct nilo__mapped *m, const char *name, struct nilo_err *err)
{
    int *list = realloc(m->same, (m->n_same + 1) * sizeof *list);
    if (list == NULL)
        return nilo_err_nomem(err);
    m->same = list;
    if (nilo__plan_need(&m->plan, name, &m->same[m->n_same], err) != 0)
        return -1;
    m->n_same++;
    return 0;
}

/* The keys that the mapping itself names. */
static int take_same(struct nilo__mapped *m, struct nilo_err *err)
{
    const char *s = m->from->keys;
    while (s != NULL && *s != '\0') {
        char name[256];
        size_t len = strcspn(s, ", ");
        if (len >= sizeof name)
            return nilo_err_set(err, NILO_EUSAGE, "keys: a name longer than %zu bytes", sizeof name - 1);
        snprintf(name, sizeof name, "%.*s", (int)len, s);
        if (len > 0 && add_same(m, name, err) != 0)
            return -1;
        s += len;
        s += strspn(s, ", ");
    }
    return 0;
}

int nilo__mapped_init(struct nilo__mapped *m, const struct nilo_import_options *o, struct nilo__metrics *metrics, const struct nilo_import_stream *from, struct nilo_err *err)
{
    const struct nilo_import_options of_stream = {
        .catalog = o->catalog, .format = NILO_IMPORT_NDJSON, .maps = &from->map, .n_maps = 1,
        .wheres = from->where != NULL ? &from->where : o->wheres, .n_wheres = from->where != NULL ? 1 : o->n_wheres,
        .absent = from->absent != NULL ? from->absent : o->absent,
    };
    *m = (struct nilo__mapped){.from = from, .extracted = -1};
    if (nilo__plan_init(&m->plan, &of_stream, metrics, from, err) != 0)
        return -1;
    if ((from->names != NULL && nilo__plan_names(&m->plan, from->names, err) != 0) || check_named(m, err) != 0 || check_sum(m, err) != 0 ||
        take_same(m, err) != 0)
        return -1;
    for (size_t i = 0; i < m->plan.n_columns; i++) {
        if (strcmp(m->plan.columns[i].name, NILO__EXTRACTED) == 0)
            m->extracted = (int)i;
    }
    if (nilo__members_init(&m->members, &m->plan, err) != 0)
        return -1;
    m->members.each = from->each;
    return 0;
}

void nilo__mapped_done(struct nilo__mapped *m)
{
    nilo__members_done(&m->members);
    nilo__plan_done(&m->plan);
    free(m->same);
}
