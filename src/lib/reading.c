/* A reading as the caller says it into one that record takes: names become ids, texts exact numbers. What is wrong with it refuses this
 * reading alone. What record checks itself is not checked here. */
#include "lib/lib_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define TEXT_MOST   ((size_t)1 << 20) /* bytes of a title and the like, as of a cell of an import */
#define VALUES_MOST 4096

/* ---- values ----------------------------------------------------------------------------------------------------------------------- */

/* Counts and money are exact or refused; averages and percentages come out of floating point, so they are rounded. */
static bool is_rounded(const struct nilo_metric *m)
{
    return m->type == NILO_AVERAGE || m->type == NILO_PERCENTAGE;
}

static int scaled(struct nilometer *n, const struct nilo_metric *m, int64_t number, int scale, int64_t *ret)
{
    nilo_i128 v, back;
    if (scale < 0 || scale > NILO_SCALE_MAX)
        return nilo_err_set(&n->err, NILO_EINVAL, "a scale is 0 to %d, not %d", NILO_SCALE_MAX, scale);
    if (!nilo_decimal_rescale(number, scale, m->scale, &v) || v < INT64_MIN || v > INT64_MAX)
        return nilo_err_set(&n->err, NILO_EOVERFLOW, "%" PRId64 " at scale %d is out of range", number, scale);
    if (!is_rounded(m) && (!nilo_decimal_rescale(v, m->scale, scale, &back) || back != number))
        return nilo_err_set(&n->err, NILO_EINVAL, "%" PRId64 " at scale %d has more than %d digits behind the point", number, scale, m->scale);
    *ret = (int64_t)v;
    return 0;
}

static int take_absence(struct nilometer *n, const struct nilometer_value *in, struct nilo_reading_value *to)
{
    int reason = nilo_absence_value(in->absence);
    if (in->text != NULL)
        return nilo_err_set(&n->err, NILO_EINVAL, "it has both a value and a reason why there is none");
    if (reason <= (int)NILO_PRESENT)
        return nilo_err_set(&n->err, NILO_EINVAL,
                            "\"%.40s\" is no reason for a missing value; there are hidden, unsupported, deleted, failed, not_yet, not_permitted, "
                            "not_collected, not_due and not_reported",
                            in->absence);
    to->absence = (enum nilo_absence)reason;
    return 0;
}

static int take_value(struct nilometer *n, const struct nilo_metric *m, const struct nilometer_value *in, struct nilo_reading_value *to)
{
    *to = (struct nilo_reading_value){.metric = m->id, .meta = in->metadata};
    if (in->metadata != NULL && (in->metadata[strspn(in->metadata, " \t\r\n")] != '{' || nilo_json_check(in->metadata, strlen(in->metadata), NULL) != 0))
        return nilo_err_set(&n->err, NILO_EBODY, "its metadata is no JSON object");
    if (in->absence != NULL)
        return take_absence(n, in, to);
    if (in->text != NULL)
        return nilo_decimal_parse(in->text, strlen(in->text), m->scale, is_rounded(m), &to->value, &n->err);
    return scaled(n, m, in->number, in->scale, &to->value);
}

static int unknown_metric(struct nilometer *n, const struct nilometer_value *in, size_t i, const char **ret_key)
{
    if (in->metric == NULL)
        return nilo_err_set(&n->err, NILO_EINVAL, "value %zu names no metric", i);
    *ret_key = nilo_arena_printf(&n->run.scratch, "undefined %.60s", in->metric);
    return nilo_err_set(&n->err, NILO_EINVAL, "metric \"%.60s\" is not defined; nilometer_define() does", in->metric);
}

/* The elements are as long as in the caller's header. */
static int take_element(struct nilometer *n, const struct nilometer_reading *in, size_t i, struct nilometer_value *ret)
{
    const char *at = (const char *)in->values + i * in->value_size;
    *ret = (struct nilometer_value){0};
    for (size_t k = sizeof *ret; k < in->value_size; k++) {
        if (at[k] != 0)
            return nilo_err_set(&n->err, NILO_EINVAL, "struct nilometer_value says something that this version of the library, %s, does not know",
                                NILO_VERSION);
    }
    memcpy(ret, at, in->value_size < sizeof *ret ? in->value_size : sizeof *ret);
    return 0;
}

static int take_values(struct nilometer *n, const struct nilometer_reading *in, struct nilo_reading *to, const char **ret_key)
{
    const struct nilo_catalog *catalog = nilo_store_catalog(n->store);
    struct nilo_reading_value *values = nilo_arena_array(&n->run.scratch, in->n_values + 1, sizeof *values);
    if (values == NULL)
        return nilo_err_nomem(&n->err);
    for (size_t i = 0; i < in->n_values; i++) {
        struct nilometer_value v;
        if (take_element(n, in, i, &v) != 0)
            return -1;
        const struct nilo_metric *m = v.metric != NULL ? nilo_catalog_by_name(catalog, v.metric) : NULL;
        if (m == NULL)
            return unknown_metric(n, &v, i, ret_key);
        if (take_value(n, m, &v, &values[i]) != 0) {
            *ret_key = nilo_arena_printf(&n->run.scratch, "%d %s", (int)n->err.code, m->name);
            return nilo_err_wrap(&n->err, "%s", m->name);
        }
    }
    to->values = values;
    to->n_values = in->n_values;
    return 0;
}

/* ---- the rest ----------------------------------------------------------------------------------------------------------------------- */

static int check_text(struct nilometer *n, const char *what, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;
    if (len > TEXT_MOST)
        return nilo_err_set(&n->err, NILO_EINVAL, "%s is longer than %zu bytes", what, TEXT_MOST);
    return text == NULL || nilo_utf8_valid(text, len, NULL) ? 0 : nilo_err_set(&n->err, NILO_EINVAL, "%s is not valid UTF-8", what);
}

static int take_attrs(struct nilometer *n, const struct nilometer_reading *in, struct nilo_reading *to)
{
    const struct {
        const char *what, *text;
    } texts[] = {{"title", in->title},     {"url", in->url},       {"media_type", in->media_type}, {"caption", in->caption},
                 {"thumbnail", in->thumbnail}, {"status", in->status}, {"tags", in->tags},             {"owner", in->owner}};
    bool any = in->posted_at != NILOMETER_NO_TIME || in->deleted_at != NILOMETER_NO_TIME || in->duration_ms >= 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (check_text(n, texts[i].what, texts[i].text) != 0)
            return -1;
        any |= texts[i].text != NULL && texts[i].text != in->owner;
    }
    if (in->tags != NULL && (in->tags[strspn(in->tags, " \t\r\n")] != '{' || nilo_json_check(in->tags, strlen(in->tags), NULL) != 0))
        return nilo_err_set(&n->err, NILO_EBODY, "tags is no JSON object");
    if (!any)
        return 0;
    struct nilo_attrs *a = nilo_arena_alloc(&n->run.scratch, sizeof *a);
    if (a == NULL)
        return nilo_err_nomem(&n->err);
    *a = (struct nilo_attrs){.title = in->title, .url = in->url, .media_type = in->media_type, .caption = in->caption,
                             .thumbnail = in->thumbnail, .tags = in->tags, .status = in->status, .posted_at = in->posted_at,
                             .deleted_at = in->deleted_at, .at = in->captured_at, .duration_ms = in->duration_ms};
    to->attrs = a;
    return 0;
}

static int take_entity(struct nilometer *n, const struct nilometer_reading *in, struct nilo_reading *to)
{
    static const enum nilo_entity_kind kinds[] = {NILO_CONTENT, NILO_ACCOUNT, NILO_APP};
    if (in->kind < NILOMETER_CONTENT || in->kind > NILOMETER_APP)
        return nilo_err_set(&n->err, NILO_EINVAL, "there is no kind of entity %d", in->kind);
    to->kind = kinds[in->kind];
    if (in->kind == NILOMETER_APP && in->external_id != NULL)
        return nilo_err_set(&n->err, NILO_EINVAL, "the app itself has no external_id");
    if (in->kind != NILOMETER_APP && in->external_id != NULL && strcmp(in->external_id, NILO_APP_ID) == 0)
        return nilo_err_set(&n->err, NILO_EINVAL, "the id " NILO_APP_ID " is reserved");
    to->external_id = in->kind == NILOMETER_APP ? NILO_APP_ID : in->external_id;
    return 0;
}

static int provenance_of(const char *name)
{
    static const enum nilo_provenance all[] = {NILO_ESTIMATED, NILO_IMPORTED, NILO_OBSERVED};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(nilo_provenance_name((int)all[i]), name) == 0)
            return (int)all[i];
    }
    return -1;
}

static int take_when(struct nilometer *n, const struct nilometer_reading *in, struct nilo_reading *to)
{
    to->captured_at = in->captured_at == NILOMETER_NO_TIME ? NILO_US_NONE : in->captured_at;
    to->day = NILO_DAY_NONE;
    to->win = in->window_days;
    if (in->day != NULL && nilo_day_parse(in->day, strlen(in->day), &to->day, &n->err) != 0)
        return nilo_err_wrap(&n->err, "day");
    if (in->provenance == NULL)
        return 0;
    int p = provenance_of(in->provenance);
    if (p < 0)
        return nilo_err_set(&n->err, NILO_EINVAL, "there is no provenance \"%.40s\"; it is observed, imported or estimated", in->provenance);
    to->provenance = (enum nilo_provenance)p;
    return 0;
}

int nilo__lib_reading(struct nilometer *n, const struct nilometer_reading *given, struct nilo_reading *ret, const char **ret_key)
{
    struct nilometer_reading in = NILOMETER_READING_INIT;
    *ret_key = NULL;
    if (nilo__lib_struct(n, "nilometer_reading", given, NILO__FIRST(struct nilometer_reading, duration_ms), &in, sizeof in) != 0)
        return -1;
    if (in.n_values > 0 && in.values == NULL)
        return nilo__lib_misuse(n, "a reading has %zu values, and they are NULL", in.n_values);
    if (in.n_values > 0 && in.value_size < NILO__FIRST(struct nilometer_value, metadata))
        return nilo__lib_misuse(n, "the value_size in struct nilometer_reading is %zu; begin with NILOMETER_READING_INIT", in.value_size);
    if (in.n_values > VALUES_MOST)
        return nilo_err_set(&n->err, NILO_EINVAL, "a reading has at most %d values", VALUES_MOST);
    *ret = (struct nilo_reading){.owner = in.owner};
    return take_entity(n, &in, ret) != 0 || take_when(n, &in, ret) != 0 || take_attrs(n, &in, ret) != 0 || take_values(n, &in, ret, ret_key) != 0
               ? -1
               : 0;
}
