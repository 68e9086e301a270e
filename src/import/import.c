/* One import from files to readings: reads every file through its plan, stages what is right, counts what is not, and hands the sorted
 * readings to the sink. */
#include "import/import_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PROGRESS_ROWS 4096 /* rows between two reports of progress */

/* The file that is being read. */
struct source {
    int file;
    struct nilo__input *in;
    struct nilo__csv *csv;
    struct nilo__ndjson *ndjson;
    size_t columns; /* of the CSV header */
    int64_t rows;
};

static void progress(struct nilo_import *im, int64_t done, int64_t of)
{
    if (im->o->progress != NULL)
        im->o->progress(im->o->progress_ctx, done, of);
}

void nilo__import_progress(struct nilo_import *im, const struct nilo__input *in)
{
    if (im->lines++ % PROGRESS_ROWS == 0)
        progress(im, im->done_bytes + nilo__input_done(in), im->total_bytes);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

static int refuse(struct nilo_import *im, const struct nilo__refused *why, const char *sentence, const struct source *src,
                  const struct nilo__row *row, struct nilo_err *err)
{
    return nilo__refusals_add(im->refusals, &im->plan, why, sentence, src->file, row->line, row->raw, row->raw_len, err);
}

/* The cells of a CSV row in the order of the plan's columns. */
static void pick_cells(struct nilo_import *im, const struct nilo__row *row)
{
    for (size_t i = 0; i < im->plan.n_columns; i++) {
        int at = im->plan.columns[i].header;
        im->cells[i] = at >= 0 ? row->cells[at] : (struct nilo__cell){.p = ""};
    }
}

static int take_row(struct nilo_import *im, const struct source *src, const struct nilo__row *row, struct nilo_err *err)
{
    struct nilo__refused why = {.why = row->why, .field = -1};
    if (why.why == NILO__FINE && src->csv != NULL && row->n_cells != src->columns)
        why.why = NILO__COLUMNS;
    if (why.why != NILO__FINE)
        return refuse(im, &why, row->detail, src, row, err);
    const struct nilo__cell *cells = row->cells;
    if (src->csv != NULL) {
        pick_cells(im, row);
        cells = im->cells;
    }
    if (!nilo__row_wanted(&im->plan, cells)) {
        im->report.left_out++;
        return 0;
    }
    struct nilo__parsed parsed;
    int rc = nilo__row_parse(&im->plan, im->o->calendar, cells, &im->scratch, &parsed, &why, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return refuse(im, &why, NULL, src, row, err);
    return nilo__stage_add(im->stage, &parsed, im->metrics.n, src->file, row->line, row->raw, row->raw_len, err);
}

static int read_rows(struct nilo_import *im, struct source *src, struct nilo_err *err)
{
    for (;;) {
        struct nilo__row row = {0};
        int rc = src->csv != NULL ? nilo__csv_next(src->csv, &row, err) : nilo__ndjson_next(src->ndjson, &row, err);
        if (rc <= 0)
            return rc;
        im->report.rows++;
        src->rows++;
        nilo__import_progress(im, src->in);
        if (take_row(im, src, &row, err) != 0)
            return -1;
    }
}

static int grow_cells(struct nilo_import *im, struct nilo_err *err)
{
    if (im->plan.n_columns <= im->cells_cap)
        return 0;
    struct nilo__cell *more = realloc(im->cells, im->plan.n_columns * sizeof *more);
    if (more == NULL)
        return nilo_err_nomem(err);
    im->cells = more;
    im->cells_cap = im->plan.n_columns;
    return 0;
}

static int read_header(struct nilo_import *im, struct source *src, struct nilo_err *err)
{
    const char *name = nilo__input_name(src->in);
    struct nilo__row header;
    int rc = nilo__csv_next(src->csv, &header, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return nilo_err_set(err, NILO_ENOENT, "%s is empty", name);
    if (header.why != NILO__FINE)
        return nilo_err_set(err, NILO_ECORRUPT, "%s: the header is too large; is it a CSV file?", name);
    src->columns = header.n_cells;
    if (nilo__plan_bind(&im->plan, name, &header, err) != 0 || grow_cells(im, err) != 0)
        return -1;
    return nilo__refusals_header(im->refusals, src->file, header.raw, header.raw_len, err);
}

static int read_csv(struct nilo_import *im, struct source *src, struct nilo_err *err)
{
    if (nilo__csv_new(src->in, &src->csv, err) != 0 || read_header(im, src, err) != 0 || read_rows(im, src, err) != 0)
        return -1;
    if (src->rows == 0)
        return nilo_err_set(err, NILO_ENOENT, "%s holds a header but no rows", nilo__input_name(src->in));
    return 0;
}

static int read_ndjson(struct nilo_import *im, struct source *src, struct nilo_buf *keys, struct nilo_err *err)
{
    if (nilo__ndjson_new(src->in, &im->plan, &src->ndjson, err) != 0 || read_rows(im, src, err) != 0)
        return -1;
    if (src->rows == 0)
        return nilo_err_set(err, NILO_ENOENT, "%s holds no rows", nilo__input_name(src->in));
    if (keys->len == 0)
        nilo_buf_adds(keys, nilo__ndjson_keys(src->ndjson));
    return 0;
}

static int read_file(struct nilo_import *im, int file, struct nilo_buf *keys, struct nilo_err *err)
{
    struct source src = {.file = file};
    int rc = im->o->table != NULL ? nilo__input_rows(im->o->table, im->o->read_size, &src.in, err)
                                  : nilo__input_open(im->o->files[file], im->o->read_size, &src.in, err);
    if (rc == 0)
        rc = im->taps != NULL ? nilo__taps_read(im->taps, src.in, file, err)
             : im->o->format == NILO_IMPORT_CSV ? read_csv(im, &src, err) : read_ndjson(im, &src, keys, err);
    if (rc == 0)
        im->done_bytes += nilo__input_done(src.in);
    nilo__csv_free(src.csv);
    nilo__ndjson_free(src.ndjson);
    nilo__input_free(src.in);
    return rc;
}

/* Sizes of all files for the progress line; 0 when one is not known. */
static void sum_sizes(struct nilo_import *im)
{
    for (size_t i = 0; i < im->o->n_files; i++) {
        struct stat st;
        if (im->o->table != NULL || stat(im->o->files[i], &st) != 0 || !S_ISREG(st.st_mode)) {
            im->total_bytes = 0;
            return;
        }
        im->total_bytes += st.st_size;
    }
}

static int read_files(struct nilo_import *im, struct nilo_err *err)
{
    struct nilo_buf keys;
    nilo_buf_init(&keys, 4096);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < im->o->n_files; i++)
        rc = read_file(im, (int)i, &keys, err);
    /* When no line was an object at all, that is what the refusals say; keys would only confuse. */
    if (rc == 0 && im->o->format == NILO_IMPORT_NDJSON && keys.len > 0)
        rc = nilo__plan_seen(&im->plan, nilo_buf_str(&keys), err);
    if (rc == 0 && im->taps != NULL)
        rc = nilo__taps_end(im->taps, err);
    nilo_buf_done(&keys);
    return rc;
}

static int check_options(const struct nilo_import_options *o, struct nilo_err *err)
{
    int from_stdin = 0;
    if (o->n_files == 0)
        return nilo_err_set(err, NILO_EUSAGE, "no file to import; name one, or - for standard input");
    for (size_t i = 0; i < o->n_files; i++)
        from_stdin += strcmp(o->files[i], "-") == 0;
    if (from_stdin > 1)
        return nilo_err_set(err, NILO_EUSAGE, "standard input (-) can be read once only");
    return 0;
}

int nilo_import_read(const struct nilo_import_options *o, struct nilo_import **ret, struct nilo_err *err)
{
    if (check_options(o, err) != 0)
        return -1;
    struct nilo_import *im = calloc(1, sizeof *im);
    if (im == NULL)
        return nilo_err_nomem(err);
    im->o = o;
    nilo_buf_init(&im->before, SIZE_MAX);
    nilo_buf_init(&im->scratch.text, SIZE_MAX);
    sum_sizes(im);
    bool tap = o->format == NILO_IMPORT_SINGER || o->format == NILO_IMPORT_AIRBYTE;
    int rc = tap ? nilo__taps_new(im, &im->taps, err) : nilo__plan_init(&im->plan, o, &im->metrics, NULL, err);
    if (rc == 0 && (im->scratch.values = calloc(im->metrics.n + 1, sizeof *im->scratch.values)) == NULL)
        rc = nilo_err_nomem(err);
    if (rc == 0)
        rc = nilo__refusals_new(o, &im->refusals, err);
    if (rc == 0)
        rc = nilo__stage_new(o->tmp_dir, o->refused != NULL, &im->stage, err);
    if (rc == 0)
        rc = read_files(im, err);
    if (rc == 0)
        rc = nilo__refusals_flush(im->refusals, err);
    if (rc != 0) {
        nilo_import_free(im);
        return -1;
    }
    *ret = im;
    return 0;
}

void nilo_import_free(struct nilo_import *im)
{
    if (im == NULL)
        return;
    nilo__stage_free(im->stage);
    nilo__refusals_free(im->refusals);
    nilo__taps_free(im->taps);
    nilo__plan_done(&im->plan);
    free(im->metrics.list);
    nilo_buf_done(&im->before);
    nilo_buf_done(&im->scratch.text);
    free(im->scratch.values);
    free(im->cells);
    free(im);
}

/* ---- handing over ----------------------------------------------------------------------------------------------------------- */

/* What one feed needs beside the import. */
struct feed {
    nilo_import_sink_fn *sink;
    void *ctx;
    int32_t *ids;                      /* of the plan's metrics, -1 = leave out */
    struct nilo_reading_value *values; /* of one reading */
    struct nilo__value *states;
    struct nilo__parsed last; /* texts void but for im->before */
    bool any;
    struct nilo__sum sum;
};

/* The ids the metrics are stored under by now. Mapped by name, a metric that no file had says nothing at all. */
static int find_id(const struct nilo_import *im, const struct nilo_catalog *catalog, struct feed *f, int metric, struct nilo_err *err)
{
    const struct nilo_metric *wanted = im->metrics.list[metric], *stored = nilo_catalog_by_type(catalog, wanted->type, wanted->name);
    if (stored == NULL)
        return nilo_err_set(err, NILO_EINTERNAL, "the metric %s is not stored", wanted->name);
    f->ids[metric] = stored->id;
    return 0;
}

static int find_ids_of(const struct nilo_import *im, const struct nilo__plan *p, const struct nilo_catalog *catalog, struct feed *f, struct nilo_err *err)
{
    for (size_t i = 0; i < p->n_fields; i++) {
        const struct nilo__field *field = &p->fields[i];
        if (field->kind == NILO__METRIC && p->columns[field->column].seen && find_id(im, catalog, f, field->metric, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < p->n_names; i++) {
        if (find_id(im, catalog, f, p->names[i].metric, err) != 0)
            return -1;
    }
    return 0;
}

static int find_ids(const struct nilo_import *im, const struct nilo_catalog *catalog, struct feed *f, struct nilo_err *err)
{
    const struct nilo__plan *p;
    for (size_t i = 0; i < im->metrics.n; i++)
        f->ids[i] = -1;
    if (im->taps == NULL)
        return find_ids_of(im, &im->plan, catalog, f, err);
    for (size_t i = 0; (p = nilo__taps_plan(im->taps, i)) != NULL; i++) {
        if (find_ids_of(im, p, catalog, f, err) != 0)
            return -1;
    }
    return 0;
}

static size_t fill_values(const struct nilo_import *im, const struct feed *f, const struct nilo__parsed *p)
{
    size_t n = 0;
    for (size_t i = 0; i < im->metrics.n; i++) {
        if (f->ids[i] < 0 || p->values[i].state == NILO__SAYS_NOTHING)
            continue;
        bool has = p->values[i].state == NILO__VALUE;
        f->values[n++] = (struct nilo_reading_value){
            .metric = f->ids[i],
            .value = has ? p->values[i].value : 0,
            .absence = has ? NILO_PRESENT : NILO_NOT_REPORTED,
        };
    }
    return n;
}

static bool says_something(const struct nilo__parsed *p)
{
    return p->title != NULL || p->url != NULL || p->media_type != NULL || p->tags != NULL || p->posted_at != NILO_US_NONE;
}

/* Is it a second reading of what came before? */
static bool same_place(const struct nilo_import *im, const struct feed *f, const struct nilo__parsed *p)
{
    return f->any && f->last.kind == p->kind && f->last.win == p->win && f->last.at == p->at && f->last.sort_day.n == p->sort_day.n &&
           strcmp(nilo_buf_str(&im->before), p->external_id) == 0;
}

static int remember(struct nilo_import *im, struct feed *f, const struct nilo__parsed *p, struct nilo_err *err)
{
    f->any = true;
    f->last = *p;
    nilo_buf_reset(&im->before);
    return nilo_buf_adds(&im->before, p->external_id) == 0 ? 0 : nilo_err_nomem(err);
}

static int refuse_staged(struct nilo_import *im, const struct nilo__staged *staged, enum nilo__why why, const char *sentence, struct nilo_err *err)
{
    const struct nilo__plan *plan = im->taps != NULL ? nilo__taps_plan(im->taps, (size_t)staged->reading.stream) : &im->plan;
    const char *raw;
    size_t raw_len;
    if (nilo__stage_raw(im->stage, staged->seq, &raw, &raw_len, err) != 0)
        return -1;
    im->report.lost += im->taps != NULL && nilo__taps_told(im->taps, staged->seq);
    return nilo__refusals_add(im->refusals, plan, &(struct nilo__refused){.why = why, .field = -1}, sentence, staged->file, staged->line, raw, raw_len, err);
}

static int hand_over(struct nilo_import *im, struct feed *f, const struct nilo__staged *staged, struct nilo_err *err)
{
    const struct nilo__parsed *p = &staged->reading;
    struct nilo_attrs attrs = {
        .title = p->title, .url = p->url, .media_type = p->media_type, .tags = p->tags,
        .posted_at = p->posted_at, .deleted_at = NILO_US_NONE, .at = p->at, .duration_ms = -1,
    };
    struct nilo_reading reading = {
        .kind = p->kind, .external_id = p->external_id, .win = p->win, .captured_at = p->captured_at, .day = p->day,
        .attrs = says_something(p) ? &attrs : NULL, .owner = p->owner, .values = f->values, .n_values = fill_values(im, f, p),
        .tag = staged->seq,
    };
    struct nilo_err why = {0};
    int rc = f->sink(f->ctx, &reading, &why);
    if (rc < 0) {
        if (err != NULL)
            *err = why;
        return -1;
    }
    if (rc == 0) {
        im->report.taken++;
        im->report.merged += same_place(im, f, p);
        return remember(im, f, p, err);
    }
    return refuse_staged(im, staged, NILO__SINK, why.msg, err);
}

/* What was added up so far, as one reading. */
static int hand_over_sum(struct nilo_import *im, struct feed *f, struct nilo_err *err)
{
    struct nilo__sum *s = &f->sum;
    int64_t taken = im->report.taken, more = s->parts - 1;
    if (!s->any)
        return 0;
    s->any = false;
    int rc = s->overflow ? refuse_staged(im, s->all, NILO__MESSAGE, "the sum is out of range", err) : hand_over(im, f, s->all, err);
    if (im->report.taken > taken) {
        im->report.taken += more;
        im->report.merged += more;
    }
    return rc;
}

static int hand_over_next(struct nilo_import *im, struct feed *f, const struct nilo__staged *staged, struct nilo_err *err)
{
    if (im->taps == NULL || !nilo__taps_sum(im->taps, staged->reading.stream))
        return hand_over_sum(im, f, err) == 0 ? hand_over(im, f, staged, err) : -1;
    const char *partial = nilo__taps_partial(im->taps, staged->reading.stream, staged->seq);
    if (partial != NULL)
        return refuse_staged(im, staged, NILO__MESSAGE, partial, err);
    int rc = nilo__sum_add(&f->sum, staged, im->metrics.n, err);
    if (rc == 0)
        rc = hand_over_sum(im, f, err) == 0 ? nilo__sum_add(&f->sum, staged, im->metrics.n, err) : -1;
    return rc < 0 ? -1 : 0;
}

static int feed_all(struct nilo_import *im, struct feed *f, struct nilo_err *err)
{
    if (nilo__stage_sort(im->stage, err) != 0)
        return -1;
    int64_t done = 0, of = nilo__stage_count(im->stage);
    for (;;) {
        struct nilo__staged staged;
        int rc = nilo__stage_next(im->stage, f->states, im->metrics.n, &staged, err);
        if (rc <= 0)
            return rc == 0 ? hand_over_sum(im, f, err) : -1;
        if (hand_over_next(im, f, &staged, err) != 0)
            return -1;
        if (++done % PROGRESS_ROWS == 0 || done == of)
            progress(im, done, of);
    }
}

int nilo_import_feed(struct nilo_import *im, const struct nilo_catalog *catalog, nilo_import_sink_fn *sink, void *ctx, struct nilo_err *err)
{
    struct feed f = {.sink = sink, .ctx = ctx};
    nilo_arena_init(&f.sum.texts, 0);
    size_t n = im->metrics.n + 1;
    f.ids = calloc(n, sizeof *f.ids);
    f.values = calloc(n, sizeof *f.values);
    f.states = calloc(n, sizeof *f.states);
    int rc = f.ids == NULL || f.values == NULL || f.states == NULL ? nilo_err_nomem(err) : find_ids(im, catalog, &f, err);
    if (rc == 0)
        rc = feed_all(im, &f, err);
    nilo__refusals_report(im->refusals, &im->report);
    if (rc == 0 && im->taps != NULL) { /* parts of a sum that came again took the place of the first */
        int64_t again = im->report.rows - im->report.left_out - im->report.refused - im->report.not_mapped - im->report.taken;
        im->report.taken += again;
        im->report.merged += again;
    }
    nilo__sum_done(&f.sum);
    free(f.ids);
    free(f.values);
    free(f.states);
    return rc;
}

static int note_closed(struct nilo_import *im, int64_t tag, const char *metric, struct nilo_err *err)
{
    int file;
    int64_t line;
    const char *raw;
    size_t raw_len = 0;
    if (nilo__stage_place(im->stage, tag, &file, &line, err) != 0 || nilo__stage_raw(im->stage, tag, &raw, &raw_len, err) != 0 ||
        nilo__refusals_closed(im->refusals, metric, file, line, raw, raw_len, err) != 0)
        return -1;
    return nilo__stage_drop_raw(im->stage, tag, err);
}

void nilo_import_closed(struct nilo_import *im, int64_t tag, const char *metric)
{
    if (im->late.code == NILO_OK)
        (void)note_closed(im, tag, metric, &im->late);
    nilo__refusals_report(im->refusals, &im->report);
}

int nilo_import_close(struct nilo_import *im, struct nilo_err *err)
{
    if (im->late.code != NILO_OK) {
        if (err != NULL)
            *err = im->late;
        return -1;
    }
    return nilo__refusals_close(im->refusals, err);
}

const struct nilo_import_report *nilo_import_report(const struct nilo_import *im)
{
    return &im->report;
}

const char *nilo_import_state(const struct nilo_import *im)
{
    return im->taps != NULL ? nilo__taps_state(im->taps) : NULL;
}

int64_t nilo_import_staged(const struct nilo_import *im)
{
    return nilo__stage_count(im->stage);
}

/* ---- --define --------------------------------------------------------------------------------------------------------------- */

static const char *cut_word(char **rest)
{
    char *word = *rest, *colon = word != NULL ? strchr(word, ':') : NULL;
    *rest = colon != NULL ? colon + 1 : NULL;
    if (colon != NULL)
        *colon = '\0';
    return word;
}

int nilo_import_define(const char *text, struct nilo_arena *arena, struct nilo_metric *ret, struct nilo_err *err)
{
    char *rest = nilo_arena_strdup(arena, text);
    if (rest == NULL)
        return nilo_err_nomem(err);
    const char *name = cut_word(&rest), *type = cut_word(&rest), *aggregation = cut_word(&rest);
    if (name[0] == '\0' || rest != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "--define: \"%s\" is not NAME:TYPE:AGGREGATION, like saves_total:count:level", text);
    if (!nilo_metric_name_ok(name))
        return nilo_err_set(err, NILO_EINVAL,
                            "--define: %s cannot be the name of a metric: a small letter, then up to 47 of a-z, 0-9 and _, and no word that "
                            "the relations use themselves",
                            name);
    int t = type != NULL ? nilo_metric_type_value(type) : NILO_COUNT;
    int a = aggregation != NULL ? nilo_aggregation_value(aggregation) : NILO_LEVEL;
    if (t < 0)
        return nilo_err_set(err, NILO_EINVAL, "--define: there is no type %s; it is count, average, percentage or aggregate", type);
    if (a < 0)
        return nilo_err_set(err, NILO_EINVAL, "--define: there is no aggregation %s; it is level or flow", aggregation);
    *ret = (struct nilo_metric){
        .name = name,
        .type = (enum nilo_metric_type)t,
        .kind = NILO_INSTANT,
        .aggregation = (enum nilo_aggregation)a,
        .scale = nilo_metric_default_scale((enum nilo_metric_type)t),
        .wide = true,
        .active = true,
    };
    return 0;
}
