/* What --map, --where and --absent say, checked, and bound to the columns of each file.
 * Without --map every column that carries the name of a field or metric stands for it; a file then need not have them all. */
#include "import/import_priv.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 4096 /* of one name or pattern on the command line */
#define TAG_PREFIX "tag."
#define METRIC_NAME  "metric_name"
#define METRIC_VALUE "metric_value"

static const char *const kind_names[] = {
    [NILO__EXTERNAL_ID] = "external_id", [NILO__CAPTURED_AT] = "captured_at", [NILO__DAY] = "day",
    [NILO__OWNER] = "owner",             [NILO__TITLE] = "title",             [NILO__URL] = "url",
    [NILO__POSTED_AT] = "posted_at",     [NILO__MEDIA_TYPE] = "media_type",   [NILO__WINDOW_DAYS] = "window_days",
};
_Static_assert(sizeof kind_names / sizeof kind_names[0] == NILO__KINDS, "a name for each field");

const char *nilo__kind_name(enum nilo__kind kind)
{
    return kind < NILO__KINDS ? kind_names[kind] : kind == NILO__METRIC_NAME ? METRIC_NAME : kind == NILO__METRIC_VALUE ? METRIC_VALUE : "";
}

/* ---- growing lists ------------------------------------------------------------------------------------------------------- */

/* Room for one more: the list, moved perhaps, or NULL. */
static void *room(void *list, size_t n, size_t *cap, size_t size, struct nilo_err *err)
{
    if (n < *cap)
        return list;
    size_t more = *cap > 0 ? 2 * *cap : 16;
    void *moved = realloc(list, more * size);
    if (moved == NULL) {
        nilo_err_nomem(err);
        return NULL;
    }
    *cap = more;
    return moved;
}

static int find_column(const struct nilo__plan *p, const char *name)
{
    for (size_t i = 0; i < p->n_columns; i++) {
        if (strcmp(p->columns[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static int add_column(struct nilo__plan *p, const char *name, int *ret, struct nilo_err *err)
{
    *ret = find_column(p, name);
    if (*ret >= 0)
        return 0;
    struct nilo__column *list = room(p->columns, p->n_columns, &p->columns_cap, sizeof *list, err);
    if (list == NULL)
        return -1;
    p->columns = list;
    *ret = (int)p->n_columns;
    list[p->n_columns++] = (struct nilo__column){.name = name, .header = -1};
    return 0;
}

/* The place of a metric among those that are mapped, by whichever plan. */
static int add_metric(struct nilo__plan *p, const struct nilo_metric *metric, int *ret, struct nilo_err *err)
{
    struct nilo__metrics *m = p->metrics;
    for (size_t i = 0; i < m->n; i++) {
        if (m->list[i] == metric) {
            *ret = (int)i;
            return 0;
        }
    }
    const struct nilo_metric **list = room(m->list, m->n, &m->cap, sizeof *list, err);
    if (list == NULL)
        return -1;
    m->list = list;
    *ret = (int)m->n;
    list[m->n++] = metric;
    return 0;
}

static bool same_field(const struct nilo__plan *p, const struct nilo__field *a, const struct nilo__field *b,
                       const struct nilo_metric *metric)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == NILO__TAG)
        return strcmp(a->tag, b->tag) == 0;
    return a->kind != NILO__METRIC || p->metrics->list[a->metric] == metric;
}

static int add_field(struct nilo__plan *p, struct nilo__field field, const struct nilo_metric *metric, const char *column,
                     struct nilo_err *err)
{
    for (size_t i = 0; i < p->n_fields; i++) {
        if (same_field(p, &p->fields[i], &field, metric))
            return nilo_err_set(err, NILO_EUSAGE, "%s names the field %s twice", p->word,
                                field.tag != NULL ? field.tag : metric != NULL ? metric->name : nilo__kind_name(field.kind));
    }
    struct nilo__field *list = room(p->fields, p->n_fields, &p->fields_cap, sizeof *list, err);
    if (list == NULL)
        return -1;
    p->fields = list;
    if (add_column(p, column, &field.column, err) != 0)
        return -1;
    if (metric != NULL && add_metric(p, metric, &field.metric, err) != 0)
        return -1;
    list[p->n_fields++] = field;
    return 0;
}

/* ---- names --------------------------------------------------------------------------------------------------------------- */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Edits (insert, delete, replace) from a to b; names longer than the table are far from everything. */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    size_t la = strlen(a), lb = strlen(b), row[MOST + 1];
    if (la > MOST || lb > MOST)
        return MOST;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[lb];
}

static void nearer(const char *name, const char *candidate, const char **best, size_t *best_distance)
{
    size_t d = distance(name, candidate);
    if (d < *best_distance) {
        *best = candidate;
        *best_distance = d;
    }
}

/* What was probably meant; NULL when nothing is near. */
static const char *nearest(const struct nilo_catalog *c, const char *name)
{
    const char *best = NULL;
    size_t best_distance = strlen(name) > 4 ? 3 : 2;
    for (int i = 0; i < NILO__KINDS; i++)
        nearer(name, kind_names[i], &best, &best_distance);
    for (size_t i = 0; i < c->n; i++)
        nearer(name, c->metrics[i].name, &best, &best_distance);
    return best;
}

static int unknown_field(const struct nilo__plan *p, const char *name, struct nilo_err *err)
{
    const char *meant = nearest(p->catalog, name);
    if (meant != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "%s: there is no field or metric %s; did you mean %s?", p->word, name, meant);
    return nilo_err_set(err, NILO_EUSAGE,
                        "%s: there is no field or metric %s; define a metric of your own with --define %s:count:level or in metrics: of "
                        "the configuration",
                        p->word, name, nilo_metric_name_ok(name) ? name : "NAME");
}

/* The field that a name of --map stands for. */
static int field_named(const struct nilo__plan *p, const char *name, struct nilo__field *ret, const struct nilo_metric **ret_metric,
                       struct nilo_err *err)
{
    *ret = (struct nilo__field){.kind = NILO__METRIC};
    *ret_metric = NULL;
    for (int i = 0; i < NILO__KINDS; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            ret->kind = (enum nilo__kind)i;
            return 0;
        }
    }
    if (strncmp(name, TAG_PREFIX, strlen(TAG_PREFIX)) == 0 && name[strlen(TAG_PREFIX)] != '\0') {
        ret->kind = NILO__TAG;
        ret->tag = name + strlen(TAG_PREFIX);
        return 0;
    }
    if (p->stream != NULL && (strcmp(name, METRIC_NAME) == 0 || strcmp(name, METRIC_VALUE) == 0)) {
        ret->kind = strcmp(name, METRIC_NAME) == 0 ? NILO__METRIC_NAME : NILO__METRIC_VALUE;
        return 0;
    }
    *ret_metric = nilo_catalog_by_name(p->catalog, name);
    return *ret_metric != NULL ? 0 : unknown_field(p, name, err);
}

/* ---- the command line --------------------------------------------------------------------------------------------------------- */

/* Does another FIELD=... begin behind this comma? Else the comma belongs to a pattern. */
static bool entry_follows(const char *s)
{
    s += strspn(s, " ");
    if (*s == '\0')
        return true;
    const char *from = s;
    while ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || *s == '_' || *s == '.' || *s == '-' ||
           (unsigned char)*s >= 0x80)
        s++;
    return s > from && *s == '=';
}

static bool at_equals(const char *s)
{
    return *s == '=';
}

static bool at_comma(const char *s)
{
    return *s == ',';
}

static bool at_entry_end(const char *s)
{
    return *s == ',' && entry_follows(s + 1);
}

static bool at_pattern(const char *s)
{
    return *s == ':' || at_entry_end(s);
}

/* Text up to a place, blanks around it cut, in the arena; a backslash takes away the meaning of , : = and \ */
static const char *take(struct nilo__plan *p, const char **s, bool (*stop)(const char *), struct nilo_err *err)
{
    struct nilo_buf b;
    nilo_buf_init(&b, NAME_MAX_BYTES);
    *s += strspn(*s, " ");
    for (; **s != '\0' && !stop(*s); (*s)++) {
        if (**s == '\\' && (*s)[1] != '\0' && strchr(",:=\\", (*s)[1]) != NULL)
            (*s)++;
        nilo_buf_addc(&b, **s);
    }
    while (b.len > 0 && b.data[b.len - 1] == ' ')
        b.data[--b.len] = '\0';
    const char *text = NULL;
    if (b.failed)
        nilo_err_set(err, NILO_EUSAGE, "a name on the command line is longer than %d bytes", NAME_MAX_BYTES);
    else if ((text = nilo_arena_strdup(&p->arena, nilo_buf_str(&b))) == NULL)
        nilo_err_nomem(err);
    nilo_buf_done(&b);
    return text;
}

static int set_pattern(struct nilo__plan *p, const char **s, struct nilo__field *field, const char *name, const char *column,
                       struct nilo_err *err)
{
    (*s)++;
    const char *pattern = take(p, s, at_entry_end, err);
    if (pattern == NULL)
        return -1;
    int rc = nilo__pattern_set(&p->arena, field, pattern, err);
    if (rc < 0)
        return nilo_err_wrap(err, "%s: the pattern of %s", p->word, name);
    if (rc == 0)
        return nilo_err_set(err, NILO_EUSAGE,
                            "%s: %s takes no pattern (\"%s\"); only captured_at, day and posted_at do (*60000 behind a metric multiplies, {}/ behind "
                            "external_id takes what comes before the first /); a colon in a column's name is written %s\\:%s",
                            p->word, name, pattern, column, pattern);
    return 0;
}

static int map_entry(struct nilo__plan *p, const char **s, struct nilo_err *err)
{
    const char *name = take(p, s, at_equals, err);
    if (name == NULL)
        return -1;
    if (**s != '=' || name[0] == '\0')
        return nilo_err_set(err, NILO_EUSAGE, "%s: \"%s\" is not FIELD=COLUMN or FIELD=COLUMN:PATTERN", p->word, name);
    (*s)++;
    const char *column = take(p, s, at_pattern, err);
    if (column == NULL)
        return -1;
    if (column[0] == '\0')
        return nilo_err_set(err, NILO_EUSAGE, "%s: %s= names no column", p->word, name);
    struct nilo__field field;
    const struct nilo_metric *metric;
    if (field_named(p, name, &field, &metric, err) != 0)
        return -1;
    if (**s == ':' && set_pattern(p, s, &field, name, column, err) != 0)
        return -1;
    return add_field(p, field, metric, column, err);
}

static int parse_map(struct nilo__plan *p, const char *s, struct nilo_err *err)
{
    for (;;) {
        s += strspn(s, " ,");
        if (*s == '\0')
            return 0;
        if (map_entry(p, &s, err) != 0)
            return -1;
    }
}

/* What one needs to know at least, as a list of fields that are there. */
static const char *lacks(const struct nilo__plan *p, bool (*there)(const struct nilo__plan *, const struct nilo__field *))
{
    bool id = false, when = false, metric = false;
    for (size_t i = 0; i < p->n_fields; i++) {
        const struct nilo__field *f = &p->fields[i];
        if (!there(p, f))
            continue;
        id |= f->kind == NILO__EXTERNAL_ID;
        when |= f->kind == NILO__CAPTURED_AT || f->kind == NILO__DAY;
        metric |= f->kind == NILO__METRIC || f->kind == NILO__METRIC_VALUE;
    }
    id |= p->kind == NILO_APP; /* there is one app */
    return !id ? "external_id" : !when ? "captured_at or day" : !metric ? "a metric" : NULL;
}

static bool always(const struct nilo__plan *p, const struct nilo__field *f)
{
    (void)p;
    (void)f;
    return true;
}

static int parse_maps(struct nilo__plan *p, const struct nilo_import_options *o, struct nilo_err *err)
{
    for (size_t i = 0; i < o->n_maps; i++) {
        if (parse_map(p, o->maps[i], err) != 0)
            return -1;
    }
    const char *missing = lacks(p, always);
    if (missing != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "%s names no column for %s; a reading needs external_id, captured_at or day, and a metric",
                            p->word, missing);
    return 0;
}

int nilo__plan_names(struct nilo__plan *p, const char *s, struct nilo_err *err)
{
    for (s += strspn(s, " ,"); *s != '\0'; s += strspn(s, " ,")) {
        struct nilo__field field;
        const struct nilo_metric *metric = NULL;
        const char *name = take(p, &s, at_equals, err);
        if (name == NULL)
            return -1;
        if (*s != '=' || name[0] == '\0')
            return nilo_err_set(err, NILO_EUSAGE, "\"%s\" is not METRIC=NAME", name);
        s++;
        const char *text = take(p, &s, at_pattern, err);
        if (text == NULL || field_named(p, name, &field, &metric, err) != 0)
            return -1;
        if (metric == NULL)
            return nilo_err_set(err, NILO_EUSAGE, "%s is no metric", name);
        if (*s == ':' && set_pattern(p, &s, &field, name, text, err) != 0)
            return -1;
        struct nilo__name *list = room(p->names, p->n_names, &p->names_cap, sizeof *list, err);
        if (list == NULL || add_metric(p, metric, &field.metric, err) != 0)
            return -1;
        p->names = list;
        list[p->n_names++] = (struct nilo__name){.text = text, .metric = field.metric, .factor = field.factor};
    }
    return 0;
}

/* All names there are; which of them a file has is seen when it is bound. */
static int map_by_name(struct nilo__plan *p, struct nilo_err *err)
{
    for (int i = 0; i < NILO__KINDS; i++) {
        if (add_field(p, (struct nilo__field){.kind = (enum nilo__kind)i}, NULL, kind_names[i], err) != 0)
            return -1;
    }
    for (size_t i = 0; i < p->catalog->n; i++) {
        const struct nilo_metric *m = &p->catalog->metrics[i];
        if (!m->wide || nilo_catalog_by_name(p->catalog, m->name) != m)
            continue;
        if (add_field(p, (struct nilo__field){.kind = NILO__METRIC}, m, m->name, err) != 0)
            return -1;
    }
    return 0;
}

static int parse_where(struct nilo__plan *p, const char *s, struct nilo_err *err)
{
    const char *whole = s, *column = take(p, &s, at_equals, err);
    if (column == NULL)
        return -1;
    if (*s != '=' || column[0] == '\0')
        return nilo_err_set(err, NILO_EUSAGE, "--where: \"%s\" is not COLUMN=VALUE", whole);
    struct nilo__where *list = room(p->wheres, p->n_wheres, &p->wheres_cap, sizeof *list, err);
    if (list == NULL)
        return -1;
    p->wheres = list;
    struct nilo__where w = {.value = nilo_arena_strdup(&p->arena, s + 1)};
    if (w.value == NULL)
        return nilo_err_nomem(err);
    if (add_column(p, column, &w.column, err) != 0)
        return -1;
    list[p->n_wheres++] = w;
    return 0;
}

static int parse_absent(struct nilo__plan *p, const char *s, struct nilo_err *err)
{
    while (*s != '\0') {
        const char *text = take(p, &s, at_comma, err);
        if (text == NULL)
            return -1;
        if (*s == ',')
            s++;
        if (text[0] == '\0')
            continue;
        const char **list = room(p->absent, p->n_absent, &p->absent_cap, sizeof *list, err);
        if (list == NULL)
            return -1;
        p->absent = list;
        list[p->n_absent++] = text;
    }
    return 0;
}

int nilo__plan_init(struct nilo__plan *p, const struct nilo_import_options *o, struct nilo__metrics *metrics, const struct nilo_import_stream *stream,
                    struct nilo_err *err)
{
    *p = (struct nilo__plan){.catalog = o->catalog, .csv = o->format == NILO_IMPORT_CSV, .by_name = o->n_maps == 0, .metrics = metrics, .word = "--map"};
    if (stream != NULL) {
        p->stream = stream->stream;
        p->kind = stream->kind;
        p->win = stream->window_days;
        p->word = stream->place != NULL ? "map" : p->word;
    }
    nilo_arena_init(&p->arena, 0);
    int rc = p->by_name ? map_by_name(p, err) : parse_maps(p, o, err);
    for (size_t i = 0; rc == 0 && i < o->n_wheres; i++)
        rc = parse_where(p, o->wheres[i], err);
    if (rc == 0 && o->absent != NULL)
        rc = parse_absent(p, o->absent, err);
    if (rc != 0)
        nilo__plan_done(p);
    return rc;
}

void nilo__plan_done(struct nilo__plan *p)
{
    free(p->fields);
    free(p->columns);
    free(p->names);
    free(p->wheres);
    free(p->absent);
    free(p->by_text);
    nilo_arena_done(&p->arena);
    *p = (struct nilo__plan){0};
}

/* ---- the header of a file ---------------------------------------------------------------------------------------------------- */

static void trim(const char **s, size_t *len)
{
    while (*len > 0 && (**s == ' ' || **s == '\t'))
        (*s)++, (*len)--;
    while (*len > 0 && ((*s)[*len - 1] == ' ' || (*s)[*len - 1] == '\t'))
        (*len)--;
}

static bool header_is(const struct nilo__cell *cell, const char *name, size_t name_len)
{
    const char *s = cell->p;
    size_t len = cell->len;
    trim(&s, &len);
    return len == name_len && memcmp(s, name, len) == 0;
}

static void list_header(const struct nilo__row *header, struct nilo_buf *b)
{
    for (size_t i = 0; i < header->n_cells; i++) {
        nilo_buf_adds(b, i > 0 ? ", " : "");
        for (size_t k = 0; k < header->cells[i].len; k++) {
            char c = header->cells[i].p[k];
            nilo_buf_addc(b, (unsigned char)c < 0x20 || c == 0x7f ? '?' : c);
        }
    }
}

/* One sentence about the header, its columns behind it. */
static int header_error(enum nilo_code code, const char *file, const struct nilo__row *header, const char *what, const char *name,
                        struct nilo_err *err)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 600);
    list_header(header, &b);
    int rc = nilo_err_set(err, code, "%s has %s%s; its columns are: %s%s", file, what, name, nilo_buf_str(&b), b.failed ? " ..." : "");
    nilo_buf_done(&b);
    return rc;
}

static int check_header(const char *file, const struct nilo__row *header, struct nilo_err *err)
{
    for (size_t i = 0; i < header->n_cells; i++) {
        const char *name = header->cells[i].p;
        size_t len = header->cells[i].len;
        if (!nilo_utf8_valid(name, len, NULL) || memchr(name, '\0', len) != NULL)
            return nilo_err_set(err, NILO_ECORRUPT, "%s: the name of column %zu is no UTF-8 text", file, i + 1);
        trim(&name, &len);
        for (size_t k = 0; len > 0 && k < i; k++) {
            if (header_is(&header->cells[k], name, len))
                return nilo_err_set(err, NILO_ECORRUPT, "%s has two columns named %.*s (columns %zu and %zu)", file, (int)len, name, k + 1,
                                    i + 1);
        }
    }
    return 0;
}

static int header_find(const struct nilo__row *header, const char *name)
{
    for (size_t i = 0; i < header->n_cells; i++) {
        if (header_is(&header->cells[i], name, strlen(name)))
            return (int)i;
    }
    return -1;
}

/* Mapping by name: tags have no list of names, the header brings them. */
static int add_tags(struct nilo__plan *p, const struct nilo__row *header, struct nilo_err *err)
{
    for (size_t i = 0; i < header->n_cells; i++) {
        const char *s = header->cells[i].p;
        size_t len = header->cells[i].len;
        trim(&s, &len);
        if (len <= strlen(TAG_PREFIX) || memcmp(s, TAG_PREFIX, strlen(TAG_PREFIX)) != 0)
            continue;
        const char *name = nilo_arena_strndup(&p->arena, s, len);
        if (name == NULL)
            return nilo_err_nomem(err);
        struct nilo__field field = {.kind = NILO__TAG, .tag = name + strlen(TAG_PREFIX)};
        if (find_column(p, name) < 0 && add_field(p, field, NULL, name, err) != 0)
            return -1;
    }
    return 0;
}

static bool in_header(const struct nilo__plan *p, const struct nilo__field *f)
{
    return p->columns[f->column].header >= 0;
}

static bool is_where(const struct nilo__plan *p, int column)
{
    for (size_t i = 0; i < p->n_wheres; i++) {
        if (p->wheres[i].column == column)
            return true;
    }
    return false;
}

int nilo__plan_bind(struct nilo__plan *p, const char *file, const struct nilo__row *header, struct nilo_err *err)
{
    if (check_header(file, header, err) != 0)
        return -1;
    if (p->by_name && add_tags(p, header, err) != 0)
        return -1;
    for (size_t i = 0; i < p->n_columns; i++) {
        struct nilo__column *c = &p->columns[i];
        c->header = header_find(header, c->name);
        c->seen |= c->header >= 0;
        if (c->header < 0 && (!p->by_name || is_where(p, (int)i)))
            return header_error(NILO_ECOLUMN, file, header, "no column ", c->name, err);
    }
    const char *missing = lacks(p, in_header);
    if (missing == NULL)
        return 0;
    header_error(NILO_ECOLUMN, file, header, "no column that is named like ", missing, err);
    return nilo_err_wrap(err, "without --map");
}

/* ---- keys of NDJSON ------------------------------------------------------------------------------------------------------------ */

static int by_name_order(const void *a, const void *b, void *ctx)
{
    const struct nilo__column *columns = ctx;
    return strcmp(columns[*(const int *)a].name, columns[*(const int *)b].name);
}

int nilo__plan_sort(struct nilo__plan *p, struct nilo_err *err)
{
    free(p->by_text);
    p->by_text = malloc((p->n_columns + 1) * sizeof *p->by_text);
    if (p->by_text == NULL)
        return nilo_err_nomem(err);
    p->n_by_text = p->n_columns;
    for (size_t i = 0; i < p->n_columns; i++)
        p->by_text[i] = (int)i;
    qsort_r(p->by_text, p->n_by_text, sizeof *p->by_text, by_name_order, p->columns);
    return 0;
}

int nilo__plan_need(struct nilo__plan *p, const char *name, int *ret, struct nilo_err *err)
{
    const char *copy = nilo_arena_strdup(&p->arena, name);
    return copy != NULL ? add_column(p, copy, ret, err) : nilo_err_nomem(err);
}

/* Order of a column's name against `name`, or against `name` and a dot behind it. */
static int compare(const char *column, const char *name, size_t len, bool dot)
{
    int order = strncmp(column, name, len);
    if (order != 0)
        return order;
    int last = dot ? '.' : '\0';
    return (unsigned char)column[len] - last;
}

/* Index of the first column not before the name. */
static size_t lower_bound(const struct nilo__plan *p, const char *name, size_t len, bool dot)
{
    size_t low = 0, high = p->n_by_text;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (compare(p->columns[p->by_text[mid]].name, name, len, dot) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int nilo__plan_column(const struct nilo__plan *p, const char *name, size_t len, bool *ret_below)
{
    size_t i = lower_bound(p, name, len, true);
    *ret_below = i < p->n_by_text && compare(p->columns[p->by_text[i]].name, name, len, true) == 0;
    i = lower_bound(p, name, len, false);
    return i < p->n_by_text && compare(p->columns[p->by_text[i]].name, name, len, false) == 0 ? p->by_text[i] : -1;
}

static bool was_seen(const struct nilo__plan *p, const struct nilo__field *f)
{
    return p->columns[f->column].seen;
}

const char *nilo__plan_unseen(const struct nilo__plan *p)
{
    return lacks(p, was_seen);
}

int nilo__plan_seen(const struct nilo__plan *p, const char *keys, struct nilo_err *err)
{
    for (size_t i = 0; i < p->n_columns; i++) {
        if (!p->columns[i].seen && (!p->by_name || is_where(p, (int)i)))
            return nilo_err_set(err, NILO_ECOLUMN, "no object has a key %s; the keys are: %s", p->columns[i].name, keys);
    }
    const char *missing = lacks(p, was_seen);
    if (missing != NULL)
        return nilo_err_set(err, NILO_ECOLUMN, "without --map: no object has a key that is named like %s; the keys are: %s", missing, keys);
    return 0;
}
