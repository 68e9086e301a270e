/* Rows of items' numbers to readings: POST content_snapshots (a column a metric), POST metric_values (a row a metric), and what rpc/record takes (both).
 * A POST is atomic and knows inserts from upserts; rpc/record hands everything to record as it comes, row by row. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "write/readings.h"

enum field { UNKNOWN, IGNORED, WORKSPACE, CONNECTION, PLATFORM, ENTITY, EXTERNAL_ID, WINDOW, DAY, CAPTURED, OWNER, TITLE, URL, POSTED, MEDIA, CAPTION,
             DURATION, THUMBNAIL, TAGS, STATUS, DELETED, METRIC, METRIC_TYPE, VALUE, ABSENCE, METADATA, PAYLOAD, NAMED_RUN, HIDDEN, WIDE, FIELDS };

/* What a column of the body is. */
struct column_name {
    const char *name;
    enum field field;
    const char *metric; /* WIDE under another name */
    bool raw;           /* of that metric: in units of its last digit (cents) */
};
/* A relation that takes rows of readings. */
struct shape {
    const char *relation;
    const struct column_name *names;
    size_t n;
    bool wide;    /* every wide metric has a column of its own name */
    bool narrow;  /* a row a metric */
    bool merges;  /* a plain insert on a row that is there merges into it */
    bool instant; /* rows are told apart by their instant, not by their day */
    bool app;     /* of a compatibility set: the connection is the binding's */
    bool windows; /* of windows only: one that is not said is not the lifetime */
};
#define NAMES(a) .names = a, .n = sizeof a / sizeof a[0]

#define IN(name_, field_) {.name = name_, .field = field_}
#define METRIC_IN(name_, metric_) {.name = name_, .field = WIDE, .metric = metric_}
#define CENTS(name_, metric_) {.name = name_, .field = WIDE, .metric = metric_, .raw = true}
/* What the server fills is taken and ignored. */
#define WHERE IN("workspace", WORKSPACE), IN("connection", CONNECTION), IN("platform", PLATFORM)
#define WHEN IN("external_id", EXTERNAL_ID), IN("window_days", WINDOW), IN("day", DAY), IN("captured_at", CAPTURED)
#define VALUE_OF IN("entity", ENTITY), IN("metric", METRIC), IN("metric_type", METRIC_TYPE), IN("value", VALUE), IN("absence", ABSENCE), IN("metadata", METADATA)
static const struct column_name snapshots[] = {WHERE, WHEN, IN("owner", OWNER), IN("title", TITLE), IN("posted_at", POSTED), IN("absence", ABSENCE), IN("provenance", IGNORED)};
static const struct column_name values[] = {WHERE, WHEN, VALUE_OF, IN("provenance", IGNORED), IN("source_day", IGNORED), IN("recorded_at", IGNORED), IN("run", IGNORED),
                                     IN("cause", IGNORED), IN("seq", IGNORED)};
static const struct column_name batch[] = {WHERE, WHEN, VALUE_OF, IN("owner", OWNER), IN("title", TITLE), IN("url", URL), IN("posted_at", POSTED), IN("media_type", MEDIA),
                                    IN("caption", CAPTION), IN("duration_ms", DURATION), IN("thumbnail", THUMBNAIL), IN("tags", TAGS), IN("status", STATUS),
                                    IN("deleted_at", DELETED), IN("provenance", IGNORED)};
#define STAMPS IN("id", IGNORED), IN("createdAt", IGNORED), IN("updatedAt", IGNORED)
static const struct column_name youtube[] = {STAMPS, IN("p_id", EXTERNAL_ID), IN("platform", PLATFORM), IN("fetched_at", CAPTURED), IN("day", DAY),
                                      METRIC_IN("view_count", "views"), METRIC_IN("like_count", "likes"), METRIC_IN("comment_count", "comments"),
                                      METRIC_IN("share_count", "shares"), IN("workspace", WORKSPACE), IN("connection", IGNORED)};
static const struct column_name analytics[] = {STAMPS, IN("organizationId", WORKSPACE), IN("integrationId", CONNECTION), IN("externalContentId", EXTERNAL_ID), IN("date", DAY),
                                        METRIC_IN("impressions", "impressions"), METRIC_IN("reach", "reach"), METRIC_IN("reactions", "reactions"),
                                        METRIC_IN("videoViews", "video_views"), METRIC_IN("clicks", "clicks"), METRIC_IN("comments", "comments"),
                                        METRIC_IN("shares", "shares"), IN("deletedAt", HIDDEN)};
static const struct column_name creator[] = {STAMPS, IN("brand_id", WORKSPACE), IN("creator_video_id", IGNORED), IN("tiktok_video_id", EXTERNAL_ID),
                                      IN("snapshot_date", DAY), IN("window_days", WINDOW), CENTS("gmv_cents", "gmv"), METRIC_IN("views", "views"),
                                      METRIC_IN("items_sold", "items_sold"), CENTS("gpm_cents", "gpm"), METRIC_IN("ctr", "ctr"),
                                      IN("source_run_id", NAMED_RUN), IN("raw_payload", PAYLOAD), IN("connection", IGNORED)};
static const struct column_name studio[] = {STAMPS, IN("social_post_id", EXTERNAL_ID), IN("captured_at", CAPTURED), METRIC_IN("impressions", "impressions"),
                                     METRIC_IN("views", "views"), METRIC_IN("likes", "likes"), METRIC_IN("comments", "comments"), METRIC_IN("shares", "shares"),
                                     METRIC_IN("saves", "saves"), IN("metadata", METADATA), IN("day", IGNORED), IN("workspace", WORKSPACE), IN("connection", IGNORED)};

static const struct shape shapes[] = {
    {"content_snapshots", NAMES(snapshots), .wide = true},
    {"metric_values", NAMES(values), .narrow = true},
    {"record", NAMES(batch), .wide = true},
    {"youtube_metrics", NAMES(youtube), .merges = true, .app = true},
    {"analytics_daily_metric", NAMES(analytics), .app = true},
    {"AnalyticsDailyMetric", NAMES(analytics), .app = true},
    {"creator_video_metric_snapshots", NAMES(creator), .app = true, .windows = true},
    {"studio_social_post_metrics", NAMES(studio), .instant = true, .app = true},
};

static const struct shape *shape_of(const char *relation)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (strcmp(shapes[i].relation, relation) == 0)
            return &shapes[i];
    return NULL;
}

/* ---- columns -------------------------------------------------------------------------------------------------------------------- */

static bool called(const struct nilo__name *name, const char *text)
{
    return strlen(text) == name->len && memcmp(text, name->p, name->len) == 0;
}

static enum field field_of(struct nilo_store *s, const struct shape *shape, const struct nilo__name *name, int32_t *ret_metric, bool *ret_raw)
{
    char text[64];
    const struct nilo_metric *m;
    *ret_raw = false;
    for (size_t i = 0; i < shape->n; i++) {
        if (!called(name, shape->names[i].name))
            continue;
        if (shape->names[i].field == WIDE) {
            m = nilo_catalog_by_name(nilo_store_catalog(s), shape->names[i].metric);
            *ret_metric = m ? m->id : 0;
            *ret_raw = shape->names[i].raw;
            return m ? WIDE : UNKNOWN;
        }
        return shape->names[i].field;
    }
    if (!shape->wide || name->len >= sizeof text)
        return UNKNOWN;
    memcpy(text, name->p, name->len);
    text[name->len] = '\0';
    m = nilo_catalog_by_name(nilo_store_catalog(s), text);
    if (!m || !m->wide)
        return UNKNOWN;
    *ret_metric = m->id;
    return WIDE;
}

static int unknown_column(const struct nilo__job *j, size_t i, struct nilo_err *err)
{
    const struct nilo__name *name = &j->body.columns[i];
    return nilo_err_set(err, NILO_EPAYLOADCOLUMN, "Could not find the '%.*s' column of '%s' in the schema cache", (int)(name->len < 200 ? name->len : 200),
                        name->p, j->relation->name);
}

/* What the columns of this body are. */
struct fields {
    const struct shape *shape;
    enum field *field; /* by column of the body */
    int32_t *metric;   /* of WIDE ones */
    bool *raw;
};

static int know(struct nilo__job *j, bool strict, struct fields *f, struct nilo_err *err)
{
    size_t n = j->body.n_columns;
    f->shape = shape_of(j->relation->name);
    f->field = nilo_arena_array(&j->arena, n + 1, sizeof *f->field);
    f->metric = nilo_arena_array(&j->arena, n + 1, sizeof *f->metric);
    f->raw = nilo_arena_array(&j->arena, n + 1, sizeof *f->raw);
    if (!f->field || !f->metric || !f->raw)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        f->field[i] = field_of(j->store, f->shape, &j->body.columns[i], &f->metric[i], &f->raw[i]);
        if (strict && f->field[i] == UNKNOWN)
            return unknown_column(j, i, err);
    }
    return 0;
}

/* ---- one row ---------------------------------------------------------------------------------------------------------------------- */

struct parts {
    const struct nilo__member *of[FIELDS];
    struct nilo_reading_value *values;
    size_t n;
};

static int absence_of(struct nilo__job *j, const char *p, size_t len, enum nilo_absence *ret, struct nilo_err *err)
{
    char text[32] = "";
    if (len < sizeof text)
        memcpy(text, p, len);
    text[len < sizeof text ? len : 0] = '\0';
    int v = nilo_absence_value(text);
    if (v <= NILO_PRESENT || v == NILO_QUARANTINED || v == NILO_DROPPED)
        return nilo__check_failed(j, "a reason for a missing value that there is", err);
    *ret = (enum nilo_absence)v;
    return 0;
}

static int set_absence(struct nilo__job *j, struct parts *p, size_t cap, int32_t metric, enum nilo_absence reason, struct nilo_err *err)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->values[i].metric == metric) {
            if (p->values[i].absence == NILO_PRESENT)
                return nilo__check_failed(j, "a value and a reason for its absence exclude each other", err);
            p->values[i].absence = reason;
            return 0;
        }
    if (p->n == cap)
        return nilo__check_failed(j, "no metric is named twice", err);
    p->values[p->n++] = (struct nilo_reading_value){.metric = metric, .absence = reason};
    return 0;
}

/* {"views": "hidden", ...} */
static int read_absences(struct nilo__job *j, const struct shape *shape, struct parts *p, size_t cap, const struct nilo__member *m,
                         struct nilo_err *err)
{
    struct nilo_json *json;
    enum nilo_json_event event;
    const char *text;
    size_t len;
    enum nilo_absence reason;
    int rc = -1;
    if (m->kind != NILO__NESTED || m->p[0] != '{')
        return nilo_err_set(err, NILO_ENUMBER, "absence is an object of metrics and reasons");
    if (nilo_json_new(m->p, m->len, NILO_JSON_DEFAULT_LIMITS, &json, err) < 0)
        return -1;
    if (nilo_json_next(json, &event, NULL, NULL, err) < 0)
        goto out;
    for (;;) {
        if (nilo_json_next(json, &event, &text, &len, err) < 0)
            goto out;
        if (event == NILO_JSON_OBJECT_END)
            break;
        int32_t metric = 0;
        bool raw;
        const struct nilo__name name = {text, len};
        if (field_of(j->store, shape, &name, &metric, &raw) != WIDE) {
            nilo_err_set(err, NILO_EPAYLOADCOLUMN, "Could not find the '%.*s' column of '%s' in the schema cache", (int)(len < 200 ? len : 200), text,
                         j->relation->name);
            goto out;
        }
        if (nilo_json_next(json, &event, &text, &len, err) < 0)
            goto out;
        if (event == NILO_JSON_NULL)
            continue;
        if (event != NILO_JSON_STRING) {
            nilo_err_set(err, NILO_ENUMBER, "absence is an object of metrics and reasons");
            goto out;
        }
        if (absence_of(j, text, len, &reason, err) < 0 || set_absence(j, p, cap, metric, reason, err) < 0)
            goto out;
    }
    rc = 0;
out:
    nilo_json_free(json);
    return rc;
}

static int wide_value(struct nilo__job *j, const struct nilo__member *m, int32_t metric, bool raw, struct nilo_reading_value *ret, struct nilo_err *err)
{
    struct nilo__name number;
    int digits;
    *ret = (struct nilo_reading_value){.metric = metric, .absence = NILO_NOT_REPORTED};
    if (!nilo__said(m))
        return 0;
    ret->absence = NILO_PRESENT;
    if (nilo__number(j, m, &number, &digits, err) < 0)
        return -1;
    struct nilo_metric of = *nilo_catalog_by_id(nilo_store_catalog(j->store), metric);
    if (raw)
        of.scale = 0;
    return nilo__scaled(j, number, &of, &ret->value, err);
}

static int narrow_metric(struct nilo__job *j, const struct parts *p, const struct nilo_metric **ret, struct nilo_err *err)
{
    const char *name, *type;
    if (nilo__need(j, p->of[METRIC], "metric", err) < 0 || nilo__text(j, p->of[METRIC], &name, err) < 0 || nilo__text(j, p->of[METRIC_TYPE], &type, err) < 0)
        return -1;
    int t = type ? nilo_metric_type_value(type) : -1;
    if (type && t < 0)
        return nilo__check_failed(j, "metric_type", err);
    const struct nilo_catalog *catalog = nilo_store_catalog(j->store);
    *ret = t >= 0 ? nilo_catalog_by_type(catalog, (enum nilo_metric_type)t, name) : nilo_catalog_by_name(catalog, name);
    if (*ret)
        return 0;
    nilo__detail(j->notes, "Key (metric)=(%s) is not present in table \"metric_definitions\".", name);
    return nilo_err_set(err, NILO_EREFERENCE, "insert or update on table \"%s\" violates foreign key constraint \"%s_metric_fkey\"", j->relation->name,
                        j->relation->name);
}

static int narrow_value(struct nilo__job *j, struct parts *p, size_t cap, struct nilo_err *err)
{
    const struct nilo_metric *m;
    const struct nilo__member *absence = p->of[ABSENCE], *meta = p->of[METADATA];
    if (narrow_metric(j, p, &m, err) < 0)
        return -1;
    if (p->n == cap)
        return nilo__check_failed(j, "no metric is named twice", err);
    struct nilo_reading_value *v = &p->values[p->n++];
    if (wide_value(j, p->of[VALUE], m->id, false, v, err) < 0)
        return -1;
    if (nilo__said(absence)) {
        if (v->absence == NILO_PRESENT)
            return nilo__check_failed(j, "a value and a reason for its absence exclude each other", err);
        if (absence_of(j, absence->p, absence->len, &v->absence, err) < 0)
            return -1;
    }
    return nilo__said(meta) ? nilo__json(j, meta, &v->meta, err) : 0;
}

static int read_values(struct nilo__job *j, const struct fields *f, struct parts *p, struct nilo_err *err)
{
    const struct nilo__row *row = &j->body.rows[j->row];
    const struct nilo__member *absence = p->of[ABSENCE];
    size_t cap = row->n + 64;
    p->values = nilo_arena_array(&j->arena, cap, sizeof *p->values);
    if (!p->values)
        return nilo_err_nomem(err);
    for (uint32_t i = 0; i < row->n; i++) {
        const struct nilo__member *m = &row->members[i];
        if (f->field[m->column] == WIDE && wide_value(j, m, f->metric[m->column], f->raw[m->column], &p->values[p->n++], err) < 0)
            return -1;
    }
    if (p->of[METRIC] || f->shape->narrow)
        return narrow_value(j, p, cap, err);
    const char *meta = NULL;
    if (nilo__said(p->of[METADATA]) && nilo__json(j, p->of[METADATA], &meta, err) < 0)
        return -1;
    for (size_t i = 0; meta && i < p->n; i++)
        p->values[i].meta = meta;
    return nilo__said(absence) ? read_absences(j, f->shape, p, cap, absence, err) : 0;
}

static int read_attrs(struct nilo__job *j, struct parts *p, struct nilo_attrs *a, bool *ret_any, struct nilo_err *err)
{
    *a = (struct nilo_attrs){.posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = NILO_US_NONE, .duration_ms = -1};
    const struct {
        enum field field;
        const char **to;
    } texts[] = {{TITLE, &a->title}, {URL, &a->url}, {MEDIA, &a->media_type}, {CAPTION, &a->caption}, {THUMBNAIL, &a->thumbnail}, {STATUS, &a->status}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *ret_any |= nilo__said(p->of[texts[i].field]);
        if (nilo__text(j, p->of[texts[i].field], texts[i].to, err) < 0)
            return -1;
    }
    *ret_any |= nilo__said(p->of[TAGS]) || nilo__said(p->of[POSTED]) || nilo__said(p->of[DELETED]) || nilo__said(p->of[DURATION]);
    if ((nilo__said(p->of[TAGS]) && nilo__json(j, p->of[TAGS], &a->tags, err) < 0) ||
        (nilo__said(p->of[POSTED]) && nilo__time(j, p->of[POSTED], &a->posted_at, err) < 0) ||
        (nilo__said(p->of[DELETED]) && nilo__time(j, p->of[DELETED], &a->deleted_at, err) < 0) ||
        (nilo__said(p->of[DURATION]) && nilo__whole(j, p->of[DURATION], &a->duration_ms, err) < 0))
        return -1;
    return nilo__said(p->of[DURATION]) && a->duration_ms < 0 ? nilo__check_failed(j, "duration_ms", err) : 0;
}

static int read_kind(struct nilo__job *j, const struct parts *p, enum nilo_entity_kind *ret, struct nilo_err *err)
{
    const char *text;
    *ret = NILO_CONTENT;
    if (nilo__text(j, p->of[ENTITY], &text, err) < 0)
        return -1;
    for (int k = NILO_CONTENT; text && k <= NILO_APP; k++)
        if (strcmp(nilo_entity_kind_name(k), text) == 0) {
            *ret = (enum nilo_entity_kind)k;
            return 0;
        }
    return text ? nilo__check_failed(j, "entity", err) : 0;
}

/* owner is an array in answers, and one text will do. */
static int read_owner(struct nilo__job *j, const struct nilo__member *m, const char **ret, struct nilo_err *err)
{
    *ret = NULL;
    if (!nilo__said(m))
        return 0;
    if (m->kind != NILO__NESTED)
        return nilo__text(j, m, ret, err);
    struct nilo__member one = *m;
    while (one.len && (one.p[0] == '[' || one.p[0] == ' '))
        one.p++, one.len--;
    while (one.len && (one.p[one.len - 1] == ']' || one.p[one.len - 1] == ' '))
        one.len--;
    if (one.len == 0)
        return 0;
    if (one.len < 2 || one.p[0] != '"' || memchr(one.p + 1, '"', one.len - 2) || memchr(one.p, '\\', one.len) || one.p[one.len - 1] != '"')
        return nilo_err_set(err, NILO_ENUMBER, "owner is one text; further owners of an item are rows of credits");
    one.p++;
    one.len -= 2;
    one.kind = NILO__STRING;
    return nilo__text(j, &one, ret, err);
}

static int read_place(struct nilo__job *j, const struct parts *p, struct nilo__reading *x, struct nilo_err *err)
{
    const struct nilo__member *w = p->of[WORKSPACE];
    if (nilo__said(w) && (w->kind != NILO__STRING || w->len != strlen(j->w->workspace_name) || memcmp(w->p, j->w->workspace_name, w->len) != 0))
        return nilo_err_set(err, NILO_ENOWORKSPACE, "there is no such workspace");
    return nilo__text(j, p->of[CONNECTION], &x->connection, err) < 0 ? -1 : nilo__text(j, p->of[PLATFORM], &x->platform, err);
}

static const char *called_in(const struct shape *shape, enum field field)
{
    for (size_t i = 0; i < shape->n; i++)
        if (shape->names[i].field == field)
            return shape->names[i].name;
    return "?";
}

static int read_when(struct nilo__job *j, const struct fields *f, const struct parts *p, struct nilo__reading *x, struct nilo_err *err)
{
    int64_t win = 0;
    x->r.captured_at = NILO_US_NONE;
    x->r.day = NILO_DAY_NONE;
    if ((nilo__said(p->of[DAY]) && nilo__date(j, p->of[DAY], &x->r.day, err) < 0) ||
        (nilo__said(p->of[CAPTURED]) && nilo__time(j, p->of[CAPTURED], &x->r.captured_at, err) < 0) ||
        (nilo__said(p->of[WINDOW]) && nilo__whole(j, p->of[WINDOW], &win, err) < 0))
        return -1;
    if (f->shape->windows && nilo__need(j, p->of[WINDOW], "window_days", err) < 0)
        return -1;
    if (win < (f->shape->windows ? 1 : 0) || win > 3660)
        return nilo__check_failed(j, "window_days", err);
    x->r.win = (int32_t)win;
    if (x->r.captured_at == NILO_US_NONE && nilo_day_is_none(x->r.day))
        return nilo__need(j, NULL, called_in(f->shape, f->shape->instant || f->shape->merges ? CAPTURED : DAY), err);
    return 0;
}

static int read_row(struct nilo__job *j, const struct fields *f, struct nilo__reading *x, struct nilo_err *err)
{
    const struct nilo__row *row = &j->body.rows[j->row];
    struct parts p = {{NULL}, NULL, 0};
    struct nilo_attrs *attrs = nilo_arena_alloc(&j->arena, sizeof *attrs);
    bool any = false;
    if (!attrs)
        return nilo_err_nomem(err);
    for (uint32_t i = 0; i < row->n; i++)
        p.of[f->field[row->members[i].column]] = &row->members[i];
    /* who it is comes first, so that a refusal can be told of it */
    if (p.of[EXTERNAL_ID] && nilo__text(j, p.of[EXTERNAL_ID], &x->r.external_id, err) < 0)
        return -1;
    if (p.of[UNKNOWN])
        return unknown_column(j, p.of[UNKNOWN]->column, err);
    x->hidden = NILO_US_NONE;
    if (nilo__said(p.of[HIDDEN]) && nilo__time(j, p.of[HIDDEN], &x->hidden, err) < 0)
        return -1;
    if (nilo__said(p.of[PAYLOAD]) && nilo__json(j, p.of[PAYLOAD], &x->payload, err) < 0)
        return -1;
    const struct nilo__member *named = p.of[NAMED_RUN];
    x->names_run = named != NULL;
    x->run_number = nilo__said(named) && named->kind == NILO__NUMBER;
    if (named && nilo__text(j, named, &x->run, err) < 0)
        return -1;
    if (read_place(j, &p, x, err) < 0 || read_kind(j, &p, &x->r.kind, err) < 0)
        return -1;
    if (x->r.kind == NILO_APP && !nilo__said(p.of[EXTERNAL_ID]))
        x->r.external_id = NILO_APP_ID;
    else if (nilo__need(j, p.of[EXTERNAL_ID], called_in(f->shape, EXTERNAL_ID), err) < 0)
        return -1;
    if (read_when(j, f, &p, x, err) < 0 || read_attrs(j, &p, attrs, &any, err) < 0 || read_owner(j, p.of[OWNER], &x->r.owner, err) < 0 ||
        read_values(j, f, &p, err) < 0)
        return -1;
    x->r.attrs = any ? attrs : NULL;
    x->r.values = x->values = p.values;
    x->r.n_values = p.n;
    x->r.tag = (int64_t)j->row;
    return 0;
}

int nilo__readings_record(struct nilo__job *j, struct nilo__reading *rows, int (*failed)(struct nilo__job *j, size_t row, struct nilo_err *err),
                          struct nilo_err *err)
{
    struct fields f;
    if (know(j, false, &f, err) < 0)
        return -1;
    for (j->row = 0; j->row < j->body.n_rows; j->row++) {
        struct nilo_err why = {0};
        if (read_row(j, &f, &rows[j->row], &why) == 0)
            continue;
        if (nilo_code_http(why.code) >= 500) {
            *err = why;
            return -1;
        }
        rows[j->row].bad = true;
        if (failed(j, j->row, &why) < 0)
            return nilo_err_nomem(err);
    }
    return 0;
}

/* ---- POST: places, what is there ------------------------------------------------------------------------------------------------------ */

struct post {
    struct nilo__job *j;
    struct nilo__reading *rows, **sorted;
    size_t n;
    nilo_us now;
    bool narrow;
    const struct shape *shape;
    struct nilo_compat binding;
};

static int compare(const struct nilo__reading *a, const struct nilo__reading *b)
{
    int c = strcmp(a->connection, b->connection);
    if (c == 0 && a->r.kind != b->r.kind)
        return a->r.kind < b->r.kind ? -1 : 1;
    if (c == 0)
        c = strcmp(a->r.external_id, b->r.external_id);
    if (c == 0 && a->r.win != b->r.win)
        return a->r.win < b->r.win ? -1 : 1;
    if (c == 0 && a->day.n != b->day.n)
        return a->day.n < b->day.n ? -1 : 1;
    return c;
}

static int by_place(const void *a, const void *b)
{
    const struct nilo__reading *x = *(struct nilo__reading *const *)a, *y = *(struct nilo__reading *const *)b;
    int c = compare(x, y);
    if (c == 0 && x->metric_key != y->metric_key)
        return x->metric_key < y->metric_key ? -1 : 1;
    if (c == 0 && x->r.captured_at != y->r.captured_at)
        return x->r.captured_at < y->r.captured_at ? -1 : 1;
    return c ? c : x->r.tag < y->r.tag ? -1 : 1;
}

/* One column of the key, spelled as answers spell it. NULL: memory ran out */
static const char *key_text(struct post *p, const struct nilo__reading *x, enum field field)
{
    struct nilo_arena *a = &p->j->arena;
    char day[NILO_DAY_TEXT], at[NILO_US_TEXT];
    const struct nilo_metric *m = p->narrow ? nilo_catalog_by_id(nilo_store_catalog(p->j->store), x->metric_key) : NULL;
    switch (field) {
    case DAY:
        nilo_day_format(x->day, day);
        return nilo_arena_strdup(a, day);
    case CAPTURED:
        nilo_us_format(x->r.captured_at, at);
        return nilo_arena_strdup(a, at);
    case WINDOW:
        return nilo_arena_printf(a, "%d", (int)x->r.win);
    case METRIC:
        return nilo_arena_strdup(a, m->name);
    case METRIC_TYPE:
        return nilo_metric_type_name((int)m->type);
    case ENTITY:
        return nilo_entity_kind_name((int)x->r.kind);
    case CONNECTION:
        return x->connection;
    case WORKSPACE:
        return p->j->w->workspace_name;
    default:
        return x->r.external_id;
    }
}

static int row_keys(struct post *p, const struct nilo__reading *x, const char **ret, struct nilo_err *err)
{
    for (size_t i = 0; p->j->relation->key[i]; i++) {
        enum field field = EXTERNAL_ID;
        for (size_t k = 0; k < p->shape->n; k++)
            if (strcmp(p->shape->names[k].name, p->j->relation->key[i]) == 0)
                field = p->shape->names[k].field;
        if (!(ret[i] = key_text(p, x, field)))
            return nilo_err_nomem(err);
    }
    return 0;
}

int nilo__reading_connection(struct nilo__job *j, const char *name, const char *platform, struct nilo_connection *ret, struct nilo_err *err)
{
    if (nilo_store_connection(j->store, j->w->workspace, name, true, platform ? platform : NILO__PUSH, NILO__PUSH, ret, err) < 0)
        return -1;
    if (strcmp(ret->platform, "sql") == 0)
        return nilo_err_set(err, NILO_EINVAL, "the connection \"%s\" is counted from a database by nilometer collect; use one of another name", name);
    if (platform && strcmp(ret->platform, platform) != 0)
        return nilo_err_set(err, NILO_EINVAL, "the connection \"%s\" is of platform %s, not %s; a new connection needs a new name", name, ret->platform,
                            platform);
    return 0;
}

/* Which day the row will lie on: that of an instant metric is its instant's. */
static nilo_day day_of(const struct post *p, const struct nilo__reading *x)
{
    bool period = x->r.win != 0 || x->r.n_values == 0;
    for (size_t i = 0; i < x->r.n_values; i++)
        period |= nilo_catalog_by_id(nilo_store_catalog(p->j->store), x->values[i].metric)->kind == NILO_PERIOD;
    bool named = !nilo_day_is_none(x->r.day) && (period || x->r.captured_at == NILO_US_NONE);
    return named ? x->r.day : nilo_calendar_day(p->j->calendar, x->r.captured_at);
}

static int read_rows(struct post *p, struct nilo_err *err)
{
    struct nilo__job *j = p->j;
    struct fields f;
    p->n = j->body.n_rows;
    p->rows = nilo_arena_array(&j->arena, p->n + 1, sizeof *p->rows);
    p->sorted = nilo_arena_array(&j->arena, p->n + 1, sizeof *p->sorted);
    if (!p->rows || !p->sorted)
        return nilo_err_nomem(err);
    if (know(j, true, &f, err) < 0)
        return -1;
    for (j->row = 0; j->row < p->n; j->row++) {
        struct nilo__reading *x = p->sorted[j->row] = &p->rows[j->row];
        if (read_row(j, &f, x, err) < 0)
            return -1;
        if (x->r.n_values == 0 && x->hidden == NILO_US_NONE)
            return nilo__check_failed(j, "a row has a metric", err);
        if (p->binding.connection[0])
            x->connection = p->binding.connection;
        if (!x->connection)
            x->connection = x->platform ? x->platform : NILO__PUSH;
        x->day = day_of(p, x);
        x->metric_key = p->narrow ? x->values[0].metric : 0;
    }
    qsort(p->sorted, p->n, sizeof *p->sorted, by_place);
    for (size_t i = 1; i < p->n; i++) {
        const char *key[8];
        if (compare(p->sorted[i], p->sorted[i - 1]) != 0 || p->sorted[i]->metric_key != p->sorted[i - 1]->metric_key)
            continue;
        if (p->shape->merges || (p->shape->instant && p->sorted[i]->r.captured_at != p->sorted[i - 1]->r.captured_at))
            continue;
        if (j->w->prefer.resolution != NILO_WRITE_IGNORE)
            return row_keys(p, p->sorted[i], key, err) < 0 ? -1 : nilo__twice(j, key, err);
        p->sorted[i]->skip = true;
        j->answered[p->sorted[i]->r.tag] = false;
    }
    return 0;
}

/* ---- POST: deciding ---------------------------------------------------------------------------------------------------------------------- */

static int look(struct post *p, const struct nilo_entity_ref *e, struct nilo__reading *x, struct nilo_shown **ret, bool *ret_row, struct nilo_err *err)
{
    struct nilo_arena *a = &p->j->arena;
    struct nilo_cell_key *keys = nilo_arena_array(a, x->r.n_values, sizeof *keys);
    if (!keys || !(*ret = nilo_arena_array(a, x->r.n_values, sizeof **ret)))
        return nilo_err_nomem(err);
    for (size_t i = 0; i < x->r.n_values; i++)
        keys[i] = (struct nilo_cell_key){.entity = *e, .win = x->r.win, .day = x->day, .metric = x->values[i].metric};
    if (nilo_store_shown(p->j->store, keys, x->r.n_values, a, *ret, err) < 0)
        return -1;
    if (p->shape->instant)
        return nilo_store_has_reading(p->j->store, *e, x->r.win, x->day, x->r.captured_at, ret_row, err);
    *ret_row = false;
    for (size_t i = 0; i < x->r.n_values; i++)
        *ret_row |= (*ret)[i].there;
    return *ret_row || p->narrow ? 0 : nilo_store_has_day(p->j->store, *e, x->r.win, x->day, ret_row, err);
}

/* What replaces a value is read after it. */
static void date(const struct post *p, struct nilo__reading *x, const struct nilo_shown *was)
{
    nilo_us last = nilo_calendar_end(p->j->calendar, x->day) - 1, newest = NILO_US_NONE;
    if (x->r.captured_at == NILO_US_NONE)
        x->r.captured_at = last < p->now ? last : p->now;
    bool dated = x->r.captured_at != p->now && p->shape->merges && p->j->w->prefer.resolution == NILO_WRITE_INSERT;
    if (p->shape->instant || dated) /* the instant is the app's own word: of two readings of a day the later one stands */
        return;
    for (size_t i = 0; i < x->r.n_values; i++)
        if (was[i].there && (newest == NILO_US_NONE || was[i].cell.captured_at > newest))
            newest = was[i].cell.captured_at;
    if (newest != NILO_US_NONE && x->r.captured_at <= newest && newest + 1 <= last && newest + 1 <= p->now + NILO_US_MINUTE)
        x->r.captured_at = newest + 1;
}

/* Values that are known already are not said again. */
static void leave_out_known(struct nilo__reading *x, struct nilo_shown *was)
{
    size_t n = 0;
    for (size_t i = 0; i < x->r.n_values; i++) {
        const struct nilo_reading_value *v = &x->values[i];
        bool same = was[i].there && was[i].cell.absence == v->absence && (v->absence != NILO_PRESENT || was[i].cell.value == v->value) &&
                    (!v->meta || (was[i].meta && strcmp(v->meta, was[i].meta) == 0));
        if (same)
            continue;
        was[n] = was[i];
        x->values[n] = *v;
        if (!v->meta)
            x->values[n].meta = was[n].meta;
        n++;
    }
    x->r.n_values = n;
}

/* Of a row's values one carries what goes with the whole row: the newest one that has any is shown. */
static void load(struct nilo__reading *x)
{
    for (size_t i = 0; i < x->r.n_values; i++)
        x->values[i].meta = i == 0 ? x->payload : NULL;
}

static bool carried(const struct nilo_shown *was, size_t n, const char *payload)
{
    for (size_t i = 0; i < n; i++)
        if (was[i].there && was[i].meta && strcmp(was[i].meta, payload) == 0)
            return true;
    return false;
}

/* What is known already is not said again, unless it has to carry another payload. */
static void leave_out_known_row(struct nilo__reading *x, struct nilo_shown *was)
{
    const struct nilo_reading_value first = x->r.n_values ? x->values[0] : (struct nilo_reading_value){0};
    const struct nilo_shown first_was = x->r.n_values ? was[0] : (struct nilo_shown){0};
    bool again = x->payload && x->r.n_values && !carried(was, x->r.n_values, x->payload);
    leave_out_known(x, was);
    if (x->r.n_values == 0 && again) {
        x->values[0] = first;
        was[0] = first_was;
        x->r.n_values = 1;
    }
    if (x->payload)
        load(x);
}

static int decide(struct post *p, const struct nilo_entity_ref *e, struct nilo__reading *x, struct nilo_err *err)
{
    struct nilo_shown *was;
    const char *key[8];
    bool row;
    if (x->skip)
        return 0;
    if (look(p, e, x, &was, &row, err) < 0)
        return -1;
    if (!row) {
        if (x->r.n_values == 0) /* there is nothing to hide */
            return nilo__check_failed(p->j, "a row has a metric", err);
        p->j->made++;
        if (x->payload)
            load(x);
        date(p, x, was);
        return 0;
    }
    enum nilo_write_resolution resolution = p->j->w->prefer.resolution;
    switch (resolution == NILO_WRITE_INSERT && p->shape->merges ? NILO_WRITE_MERGE : resolution) {
    case NILO_WRITE_INSERT:
        return row_keys(p, x, key, err) < 0 ? -1 : nilo__taken(p->j, key, err);
    case NILO_WRITE_IGNORE:
        p->j->answered[x->r.tag] = false;
        x->skip = true;
        return 0;
    default:
        p->j->kept++;
        leave_out_known_row(x, was);
        date(p, x, was);
        x->skip = x->r.n_values == 0 && !x->r.attrs && !x->r.owner;
        return 0;
    }
}

static bool shape_hides(const struct shape *shape)
{
    for (size_t i = 0; i < shape->n; i++)
        if (shape->names[i].field == HIDDEN)
            return true;
    return false;
}

/* The rows from..to are one connection's. */
static int push(struct post *p, size_t from, size_t to, struct nilo_err *err)
{
    struct nilo__job *j = p->j;
    struct nilo_connection c;
    struct nilo_recorder *r = NULL;
    struct nilo_run run;
    const struct nilo_run_options o = {
        .kind = NILO_RUN_PUSH, .provenance = NILO_OBSERVED, .within = true, .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE};
    const char *platform = p->sorted[from]->platform;
    if (p->shape->app && nilo_store_connection(j->store, j->w->workspace, p->sorted[from]->connection, false, NULL, NULL, &c, err) == 0)
        platform = c.platform; /* however the app calls it */
    if (nilo__reading_connection(j, p->sorted[from]->connection, platform, &c, err) < 0)
        return -1;
    for (size_t i = from; i < to; i++) {
        struct nilo__reading *x = p->sorted[i];
        const struct nilo_entity_in in = {.kind = x->r.kind, .external_id = x->r.external_id};
        struct nilo_entity_ref e;
        j->row = (size_t)x->r.tag;
        if (nilo_store_entities(j->store, &c, &in, 1, &e, err) < 0 || decide(p, &e, x, err) < 0)
            goto failed;
        /* what is posted is live, unless it says otherwise */
        if (shape_hides(p->shape) && j->answered[x->r.tag] && nilo_store_hide(j->store, e, x->r.win, x->day, x->hidden, err) < 0)
            goto failed;
        if (x->names_run && j->answered[x->r.tag] && nilo_store_posted_run(j->store, e, x->r.win, x->day, x->run, x->run_number, err) < 0)
            goto failed;
        if (x->skip)
            continue;
        if ((!r && nilo_record_begin(j->store, &c, &o, &r, err) < 0) || nilo_record_add(r, &x->r, err) < 0)
            goto failed;
    }
    return r ? nilo_record_finish(r, NULL, &j->arena, &run, err) : 0;
failed:
    if (r)
        nilo_record_abort(r, err);
    return -1;
}

int nilo__insert_readings(struct nilo__job *j, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(j->store);
    struct post p = {.j = j, .now = env->clock.wall(env->clock.ctx), .shape = shape_of(j->relation->name), .binding = j->binding};
    size_t width = 0;
    p.narrow = p.shape->narrow;
    while (j->relation->key[width])
        width++;
    const char **keys = nilo_arena_array(&j->arena, width * j->body.n_rows + 1, sizeof *keys);
    if (!keys)
        return nilo_err_nomem(err);
    if (read_rows(&p, err) < 0)
        return -1;
    for (size_t i = 0, end; i < p.n; i = end) {
        for (end = i; end < p.n && strcmp(p.sorted[end]->connection, p.sorted[i]->connection) == 0; end++)
            ;
        if (push(&p, i, end, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < p.n; i++)
        if (row_keys(&p, &p.rows[i], &keys[width * i], err) < 0)
            return -1;
    return nilo__show(j, keys, p.n, err);
}

/* ---- PATCH: the one update taken ------------------------------------------------------------------------------------------------------------ */

static const char *cell_text(struct nilo__job *j, const struct nilo_datum *cells, const struct shape *shape, enum field field)
{
    char spelled[NILO_DATUM_MAX];
    size_t len;
    for (size_t i = 0; i < j->read->n_columns; i++)
        if (strcmp(j->read->columns[i].name, called_in(shape, field)) == 0) {
            const char *p = nilo_datum_text(&cells[i], spelled, &len);
            return nilo_arena_strndup(&j->arena, p, len);
        }
    return NULL;
}

int nilo__hides(struct nilo__job *j, bool *ret, struct nilo_err *err)
{
    struct fields f;
    *ret = false;
    const struct shape *shape = shape_of(j->relation->name);
    if (!shape || !shape_hides(shape) || j->w->scope.role < j->relation->role)
        return 0;
    if (know(j, true, &f, err) < 0)
        return -1;
    bool any = false, others = false;
    for (size_t i = 0; i < j->body.n_columns; i++) {
        any |= f.field[i] == HIDDEN;
        others |= f.field[i] != HIDDEN && f.field[i] != IGNORED;
    }
    *ret = any && !others;
    return 0;
}

int nilo__update_hidden(struct nilo__job *j, const struct nilo_datum *cells, struct nilo_err *err)
{
    const struct shape *shape = shape_of(j->relation->name);
    const char *name = cell_text(j, cells, shape, CONNECTION), *external_id = cell_text(j, cells, shape, EXTERNAL_ID);
    const char *day_text = cell_text(j, cells, shape, DAY);
    struct nilo_connection c;
    struct nilo_entity_ref e;
    struct nilo_iso day;
    nilo_us at = NILO_US_NONE;
    if (!name || !external_id || !day_text)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < j->body.n_columns; i++) {
        const struct nilo__member *m = nilo__member(&j->body.rows[0], i);
        if (called(&j->body.columns[i], called_in(shape, HIDDEN)) && nilo__said(m) && nilo__time(j, m, &at, err) < 0)
            return -1;
    }
    if (nilo_store_connection(j->store, j->w->workspace, name, false, NULL, NULL, &c, err) < 0 || nilo_store_item(j->store, &c, external_id, &e, err) < 0 ||
        nilo_iso_parse(day_text, strlen(day_text), &day, err) < 0)
        return -1;
    return e.id == 0 ? nilo_err_set(err, NILO_ENOENT, "the row is gone") : nilo_store_hide(j->store, e, 0, day.day, at, err);
}
