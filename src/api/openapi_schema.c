/* What rows, arguments and filters look like, from the tables of query: a column there is a property here. */
#include <string.h>

#include "api/openapi_priv.h"

bool nilo__doc_sees(const struct nilo__doc *d, enum nilo_role min)
{
    return d->what->role >= min;
}

size_t nilo__doc_relations(const struct nilo__doc *d)
{
    return nilo_relations_n + d->what->n_views;
}

const struct nilo_relation *nilo__doc_relation_at(const struct nilo__doc *d, size_t i)
{
    return i < nilo_relations_n ? &nilo_relations[i] : d->what->views[i - nilo_relations_n];
}

/* As query decides it (relations.c): averages and percentages have no sum, and a relation's own columns win. */
bool nilo__doc_has_metric(const struct nilo_relation *r, const struct nilo_metric *m)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        if (strcmp(r->columns[i].name, m->name) == 0)
            return false;
    }
    return m->wide && (r->wide == NILO_WIDE_VALUES || (r->wide == NILO_WIDE_SUMS && m->type == NILO_COUNT));
}

/* ---- types ---------------------------------------------------------------------------------------------------------------------------------- */

struct json_type {
    const char *type, *format; /* type NULL: any JSON */
};

static struct json_type json_type(enum nilo_type t)
{
    switch (t) {
    case NILO_T_TEXT:
        return (struct json_type){"string", NULL};
    case NILO_T_INT:
        return (struct json_type){"integer", NULL};
    case NILO_T_DECIMAL:
        return (struct json_type){"number", NULL};
    case NILO_T_DAY:
        return (struct json_type){"string", "date"};
    case NILO_T_TIME:
        return (struct json_type){"string", "date-time"};
    case NILO_T_BOOL:
        return (struct json_type){"boolean", NULL};
    case NILO_T_UUID:
        return (struct json_type){"string", "uuid"};
    case NILO_T_JSON:
        break;
    }
    return (struct json_type){NULL, NULL};
}

static void put_type(struct nilo__doc *d, const char *type, const char *format, bool null)
{
    if (type == NULL)
        return;
    if (null) {
        nilo__doc_array(d, "type");
        nilo_json_str(&d->o, type);
        nilo_json_str(&d->o, "null");
        nilo_json_array_end(&d->o);
    } else {
        nilo__doc_key_str(d, "type", type);
    }
    if (format != NULL)
        nilo__doc_key_str(d, "format", format);
}

/* Object metric -> something. */
static void put_map(struct nilo__doc *d, const char *type, const char *format)
{
    nilo__doc_object(d, "additionalProperties");
    put_type(d, type, format, false);
    nilo__doc_end(d);
}

static void put_names(struct nilo__doc *d, const struct nilo_column *c, bool null)
{
    nilo__doc_array(d, "enum");
    for (int i = 0; i <= c->enum_max; i++) {
        const char *name = c->enum_name(i);
        if (strcmp(name, "?") != 0)
            nilo_json_str(&d->o, name);
    }
    if (null)
        nilo_json_null(&d->o);
    nilo_json_array_end(&d->o);
}

static void put_form(struct nilo__doc *d, const struct nilo_column *c, bool null)
{
    struct json_type t = json_type(c->type);
    switch (c->form) {
    case NILO_F_ABSENCE:
        put_type(d, "object", NULL, null);
        put_map(d, "string", NULL);
        break;
    case NILO_F_DAYS:
        put_type(d, "object", NULL, null);
        put_map(d, "string", "date");
        break;
    case NILO_F_WINDOWS:
    case NILO_F_KNOWN:
        put_type(d, "object", NULL, null);
        put_map(d, "integer", NULL);
        break;
    case NILO_F_OWNERS:
        put_type(d, "array", NULL, null);
        nilo__doc_object(d, "items");
        put_type(d, "string", NULL, false);
        nilo__doc_end(d);
        break;
    case NILO_F_FAILED:
        put_type(d, "object", NULL, null);
        break;
    case NILO_F_ENUM:
        put_type(d, t.type, t.format, null);
        put_names(d, c, null);
        break;
    default:
        if ((c->flags & (NILO_COL_ID | NILO_COL_POSTED)) != 0) { /* as the app has them */
            nilo__doc_array(d, "type");
            nilo_json_str(&d->o, "string");
            nilo_json_str(&d->o, (c->flags & NILO_COL_ID) != 0 ? "integer" : "number");
            nilo_json_array_end(&d->o);
        } else {
            put_type(d, t.type, t.format, null);
        }
    }
}

static void put_column(struct nilo__doc *d, const struct nilo_column *c)
{
    nilo__doc_object(d, c->name);
    put_form(d, c, (c->flags & NILO_COL_NOTNULL) == 0);
    if (c->doc != NULL)
        nilo__doc_key_str(d, "description", c->doc);
    if ((c->flags & NILO_COL_HIDDEN) != 0) {
        nilo_json_key(&d->o, "x-by-name-only");
        nilo_json_bool(&d->o, true);
    }
    nilo__doc_end(d);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------------------ */

static void metric_name(const struct nilo_metric *m, char out[80])
{
    snprintf(out, 80, "metric.%.64s", m->name);
}

void nilo__doc_relation_schema(struct nilo__doc *d, const struct nilo_relation *r)
{
    const struct nilo_catalog *all = d->what->catalog;
    char name[80];
    nilo__doc_object(d, r->name);
    nilo__doc_key_str(d, "type", "object");
    nilo__doc_key_str(d, "description", r->doc);
    nilo__doc_object(d, "properties");
    for (size_t i = 0; i < r->n_columns; i++)
        put_column(d, &r->columns[i]);
    for (size_t i = 0; r->wide != NILO_WIDE_NO && i < all->n; i++) {
        if (!nilo__doc_has_metric(r, &all->metrics[i]))
            continue;
        metric_name(&all->metrics[i], name);
        nilo_json_key(&d->o, all->metrics[i].name);
        nilo__doc_ref(d, "schemas", name);
        nilo__doc_flush(d, 65536);
    }
    nilo__doc_end(d);
    nilo__doc_end(d);
    nilo__doc_flush(d, 65536);
}

/* Is there a relation with this column that the role sees? */
static bool shown(const struct nilo__doc *d, const struct nilo_metric *m)
{
    for (size_t i = 0; i < nilo__doc_relations(d); i++) {
        if (nilo__doc_sees(d, nilo__doc_relation_at(d, i)->min_role) && nilo__doc_has_metric(nilo__doc_relation_at(d, i), m))
            return true;
    }
    return false;
}

void nilo__doc_metric_schemas(struct nilo__doc *d)
{
    const struct nilo_catalog *all = d->what->catalog;
    char name[80];
    for (size_t i = 0; i < all->n; i++) {
        const struct nilo_metric *m = &all->metrics[i];
        if (!shown(d, m))
            continue;
        metric_name(m, name);
        nilo__doc_object(d, name);
        put_type(d, m->scale > 0 ? "number" : "integer", NULL, true);
        if (m->display_name != NULL)
            nilo__doc_key_str(d, "title", m->display_name);
        if (m->description != NULL)
            nilo__doc_key_str(d, "description", m->description);
        nilo__doc_end(d);
        nilo__doc_flush(d, 65536);
    }
}

void nilo__doc_function_schema(struct nilo__doc *d, const struct nilo_function *f)
{
    char name[120];
    snprintf(name, sizeof(name), "rpc.%.100s", f->name);
    nilo__doc_object(d, name);
    nilo__doc_key_str(d, "type", "object");
    nilo__doc_object(d, "properties");
    for (size_t i = 0; i < f->n_columns; i++)
        put_column(d, &f->columns[i]);
    nilo__doc_end(d);
    if (f->more_columns != NULL) {
        nilo__doc_object(d, "additionalProperties");
        put_type(d, "number", NULL, true);
        nilo__doc_key_str(d, "description", "metrics that the arguments name");
        nilo__doc_end(d);
    } else {
        nilo_json_key(&d->o, "additionalProperties");
        nilo_json_bool(&d->o, false);
    }
    nilo__doc_end(d);
    nilo__doc_flush(d, 65536);
}

/* ---- arguments ----------------------------------------------------------------------------------------------------------------------------------- */

static void put_argument(struct nilo__doc *d, const struct nilo_parameter *p, bool null)
{
    struct json_type t = json_type(p->type);
    put_type(d, t.type, p->type == NILO_T_TIME ? NULL : t.format, null); /* a bare day is a time, too */
    if (p->fallback == NULL)
        return;
    nilo_json_key(&d->o, "default");
    if (p->type == NILO_T_INT || p->type == NILO_T_DECIMAL || p->type == NILO_T_BOOL)
        nilo_json_text(&d->o, p->fallback, strlen(p->fallback));
    else
        nilo_json_str(&d->o, p->fallback);
}

static void put_body_members(struct nilo__doc *d, const struct nilo_function *f, bool prefix)
{
    char name[120];
    for (size_t i = 0; i < f->n_parameters; i++) {
        const struct nilo_parameter *p = &f->parameters[i];
        if (p->prefix != prefix)
            continue;
        snprintf(name, sizeof(name), "%s%.100s", prefix ? "^" : "", p->name);
        nilo__doc_object(d, name);
        put_argument(d, p, !p->required);
        nilo__doc_key_str(d, "description", p->doc);
        nilo__doc_end(d);
    }
}

void nilo__doc_arguments_schema(struct nilo__doc *d, const struct nilo_function *f)
{
    bool prefix = false, required = false;
    for (size_t i = 0; i < f->n_parameters; i++) {
        prefix |= f->parameters[i].prefix;
        required |= f->parameters[i].required;
    }
    nilo_json_object_begin(&d->o);
    nilo__doc_key_str(d, "type", "object");
    nilo__doc_object(d, "properties");
    put_body_members(d, f, false);
    nilo__doc_end(d);
    if (prefix) {
        nilo__doc_object(d, "patternProperties");
        put_body_members(d, f, true);
        nilo__doc_end(d);
    }
    nilo_json_key(&d->o, "additionalProperties");
    nilo_json_bool(&d->o, false);
    if (required) {
        nilo__doc_array(d, "required");
        for (size_t i = 0; i < f->n_parameters; i++) {
            if (f->parameters[i].required)
                nilo_json_str(&d->o, f->parameters[i].name);
        }
        nilo_json_array_end(&d->o);
    }
    nilo__doc_end(d);
}

void nilo__doc_argument_parameters(struct nilo__doc *d, const struct nilo_function *f)
{
    for (size_t i = 0; i < f->n_parameters; i++) {
        const struct nilo_parameter *p = &f->parameters[i];
        char name[120];
        snprintf(name, sizeof(name), "%.100s%s", p->name, p->prefix ? "METRIC" : "");
        nilo_json_object_begin(&d->o);
        nilo__doc_key_str(d, "name", name);
        nilo__doc_key_str(d, "in", "query");
        nilo__doc_key_str(d, "description", p->doc);
        if (p->required) {
            nilo_json_key(&d->o, "required");
            nilo_json_bool(&d->o, true);
        }
        nilo__doc_object(d, "schema");
        if (p->prefix) { /* any name that begins so: an object that is spelled as its members */
            nilo__doc_key_str(d, "type", "object");
            nilo__doc_object(d, "additionalProperties");
            put_argument(d, p, false);
            nilo__doc_end(d);
        } else {
            put_argument(d, p, false);
        }
        nilo__doc_end(d);
        nilo__doc_end(d);
    }
}

/* ---- filters -------------------------------------------------------------------------------------------------------------------------------------- */

static void put_filter(struct nilo__doc *d, const char *component, const char *column, const char *doc)
{
    nilo__doc_object(d, component);
    nilo__doc_key_str(d, "name", column);
    nilo__doc_key_str(d, "in", "query");
    if (doc != NULL)
        nilo__doc_key_str(d, "description", doc);
    nilo_json_key(&d->o, "schema");
    nilo__doc_ref(d, "schemas", "filter");
    nilo__doc_end(d);
}

/* The component of a column's filter. A source's column may have any name: then it goes by its number. */
static void filter_name(const struct nilo_relation *r, size_t k, char out[160])
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *column = r->columns[k].name;
    if (strspn(column, fine) == strlen(column) && strlen(column) <= 60)
        snprintf(out, 160, "%.60s.%.60s", r->name, column);
    else
        snprintf(out, 160, "%.60s.column-%zu", r->name, k);
}

void nilo__doc_filters(struct nilo__doc *d)
{
    const struct nilo_catalog *all = d->what->catalog;
    char name[160];
    for (size_t i = 0; i < nilo__doc_relations(d); i++) {
        const struct nilo_relation *r = nilo__doc_relation_at(d, i);
        for (size_t k = 0; nilo__doc_sees(d, r->min_role) && k < r->n_columns; k++) {
            filter_name(r, k, name);
            put_filter(d, name, r->columns[k].name, r->columns[k].doc);
        }
        nilo__doc_flush(d, 65536);
    }
    for (size_t i = 0; i < all->n; i++) {
        if (!shown(d, &all->metrics[i]))
            continue;
        metric_name(&all->metrics[i], name);
        put_filter(d, name, all->metrics[i].name, all->metrics[i].display_name);
        nilo__doc_flush(d, 65536);
    }
}

void nilo__doc_filter_refs(struct nilo__doc *d, const struct nilo_relation *r)
{
    const struct nilo_catalog *all = d->what->catalog;
    char name[160];
    for (size_t k = 0; k < r->n_columns; k++) {
        filter_name(r, k, name);
        nilo__doc_ref(d, "parameters", name);
    }
    for (size_t i = 0; r->wide != NILO_WIDE_NO && i < all->n; i++) {
        if (!nilo__doc_has_metric(r, &all->metrics[i]))
            continue;
        metric_name(&all->metrics[i], name);
        nilo__doc_ref(d, "parameters", name);
        nilo__doc_flush(d, 65536);
    }
}
