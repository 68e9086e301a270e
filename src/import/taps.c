/* Messages of a tap into rows: which stream is mapped how, records against the SCHEMA that came before them, and what else a tap says: its state, a
 * new configuration, errors. What a record means is the mapping's (streams of nilo_import_options); a stream that nothing maps is left out and told. */
#include "import/import_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "connect/connector.h"

#define STREAMS_MAX 10000
#define NOTES_MAX 20

/* A stream as the input has it. */
struct seen {
    char *name;
    int mapped; /* -1 = nothing maps it */
    bool schema;
    int *keys;  /* columns of the mapping that no record may lack */
    size_t n_keys;
    int64_t records;
};

struct nilo__taps {
    struct nilo_import *im;
    struct nilo__mapped *mapped;
    size_t n_mapped;
    struct seen *seen;
    size_t n_seen, seen_cap;
    struct nilo__message message;
    struct nilo__tap_state *state;
    struct nilo_buf name, cell, state_text;
    struct nilo_arena arena; /* notes */
    nilo_us time;            /* of the file, or now: for records that do not say when they were read */
    int64_t state_seq;       /* readings staged before the last state */
    int64_t refused, broken, broken_told; /* broken: lines of which nobody knows whose they are */
    const char *notes[NOTES_MAX];
    size_t n_notes;
    struct nilo_import_left *left;
};

/* ---- beginning ---------------------------------------------------------------------------------------------------------------------------------- */

static int wrap_place(const struct nilo_import_stream *s, struct nilo_err *err)
{
    return s->place != NULL ? nilo_err_wrap(err, "%s", s->place) : -1;
}

int nilo__taps_new(struct nilo_import *im, struct nilo__taps **ret, struct nilo_err *err)
{
    const struct nilo_import_options *o = im->o;
    struct nilo__taps *t = calloc(1, sizeof *t);
    if (t == NULL)
        return nilo_err_nomem(err);
    t->im = im;
    nilo__message_init(&t->message);
    nilo_buf_init(&t->name, NILO_IMPORT_ROW_MAX);
    nilo_buf_init(&t->cell, NILO_IMPORT_ROW_MAX);
    nilo_buf_init(&t->state_text, NILO_IMPORT_ROW_MAX);
    nilo_arena_init(&t->arena, 0);
    t->mapped = calloc(o->n_streams + 1, sizeof *t->mapped);
    int rc = t->mapped == NULL ? nilo_err_nomem(err) : 0;
    for (size_t i = 0; rc == 0 && i < o->n_streams; i++) {
        t->n_mapped = i + 1;
        if (nilo__mapped_init(&t->mapped[i], o, &im->metrics, &o->streams[i], err) != 0)
            rc = wrap_place(&o->streams[i], err);
    }
    if (rc == 0)
        rc = nilo__tap_state_new(&t->state, err);
    if (rc == 0 && o->format == NILO_IMPORT_AIRBYTE)
        rc = nilo__tap_state_kept(t->state, o->state, err);
    if (rc != 0) {
        nilo__taps_free(t);
        return -1;
    }
    *ret = t;
    return 0;
}

void nilo__taps_free(struct nilo__taps *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n_mapped; i++)
        nilo__mapped_done(&t->mapped[i]);
    for (size_t i = 0; i < t->n_seen; i++) {
        free(t->seen[i].name);
        free(t->seen[i].keys);
    }
    free(t->mapped);
    free(t->seen);
    free(t->left);
    nilo__tap_state_free(t->state);
    nilo__message_done(&t->message);
    nilo_buf_done(&t->name);
    nilo_buf_done(&t->cell);
    nilo_buf_done(&t->state_text);
    nilo_arena_done(&t->arena);
    free(t);
}

/* ---- streams of the input ----------------------------------------------------------------------------------------------------------------------- */

/* A pattern may hold * for any letters. */
static bool fits(const char *pattern, const char *name)
{
    for (; *pattern != '*'; pattern++, name++) {
        if (*pattern != *name)
            return false;
        if (*pattern == '\0')
            return true;
    }
    for (pattern++;; name++) {
        if (fits(pattern, name))
            return true;
        if (*name == '\0')
            return false;
    }
}

static int find_stream(struct nilo__taps *t, struct seen **ret, struct nilo_err *err)
{
    const char *name;
    if (nilo__part_text(t->message.stream, &t->name, err) != 0)
        return -1;
    name = nilo_buf_str(&t->name);
    for (size_t i = 0; i < t->n_seen; i++) {
        if (strcmp(t->seen[i].name, name) == 0) {
            *ret = &t->seen[i];
            return 0;
        }
    }
    if (t->n_seen == STREAMS_MAX)
        return nilo_err_set(err, NILO_ECORRUPT, "the input has more than %d streams", STREAMS_MAX);
    if (t->n_seen == t->seen_cap) {
        size_t cap = t->seen_cap > 0 ? 2 * t->seen_cap : 16;
        struct seen *list = realloc(t->seen, cap * sizeof *list);
        if (list == NULL)
            return nilo_err_nomem(err);
        t->seen = list;
        t->seen_cap = cap;
    }
    struct seen *s = &t->seen[t->n_seen];
    *s = (struct seen){.name = strdup(name), .mapped = -1};
    if (s->name == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < t->n_mapped && s->mapped < 0; i++)
        s->mapped = fits(t->mapped[i].from->stream, name) ? (int)i : -1;
    t->n_seen++;
    *ret = s;
    return 0;
}

/* ---- SCHEMA -------------------------------------------------------------------------------------------------------------------------------------- */

struct keys {
    struct nilo__plan *plan;
    struct seen *seen;
};

static int add_key(void *ctx, const char *text, size_t len, struct nilo_err *err)
{
    struct keys *k = ctx;
    char name[256];
    int *list = realloc(k->seen->keys, (k->seen->n_keys + 1) * sizeof *list);
    if (list == NULL)
        return nilo_err_nomem(err);
    k->seen->keys = list;
    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), text);
    if (nilo__plan_need(k->plan, name, &list[k->seen->n_keys], err) != 0)
        return -1;
    k->seen->n_keys++;
    return 0;
}

struct properties {
    const struct nilo__plan *plan;
    bool *there; /* a column each */
    struct nilo_buf names;
};

static int note_property(void *ctx, const char *text, size_t len, struct nilo_err *err)
{
    struct properties *p = ctx;
    (void)err;
    nilo_buf_addf(&p->names, "%s%.*s", p->names.len > 0 ? ", " : "", (int)len, text);
    for (size_t i = 0; i < p->plan->n_columns; i++) {
        const char *name = p->plan->columns[i].name;
        p->there[i] |= strncmp(name, text, len) == 0 && (name[len] == '\0' || name[len] == '.');
    }
    return 0;
}

/* Somebody's own mapping names what the tap does not know: nothing would ever come of it. A SCHEMA without properties says nothing. */
static int check_properties(struct nilo__taps *t, const struct nilo__mapped *m, const struct seen *s, const char *file, int64_t line, struct nilo_err *err)
{
    struct properties p = {.plan = &m->plan, .there = calloc(m->plan.n_columns + 1, sizeof *p.there)};
    int rc = p.there != NULL ? 0 : nilo_err_nomem(err);
    nilo_buf_init(&p.names, 600);
    if (rc == 0)
        rc = nilo__part_list(t->message.properties, note_property, &p, err);
    for (size_t i = 0; rc == 0 && p.names.len > 0 && i < m->plan.n_columns; i++) {
        if (!p.there[i] && (int)i != m->extracted)
            rc = nilo_err_set(err, NILO_ECOLUMN, "%s:%lld: the SCHEMA of the stream %s has no property %s; its properties are: %s%s", file, (long long)line,
                              s->name, m->plan.columns[i].name, nilo_buf_str(&p.names), p.names.failed ? " ..." : "");
    }
    nilo_buf_done(&p.names);
    free(p.there);
    return rc;
}

static int take_schema(struct nilo__taps *t, const char *file, int64_t line, struct nilo_err *err)
{
    struct seen *s;
    if (find_stream(t, &s, err) != 0)
        return -1;
    s->schema = true;
    if (s->mapped < 0)
        return 0;
    struct nilo__mapped *m = &t->mapped[s->mapped];
    if (!m->from->ready && check_properties(t, m, s, file, line, err) != 0)
        return wrap_place(m->from, err);
    s->n_keys = 0;
    if (nilo__part_list(t->message.keys, add_key, &(struct keys){&m->plan, s}, err) != 0)
        return -1;
    if (m->from->keys == NULL && m->from->sum) {
        free(m->same);
        m->n_same = 0;
        m->same = calloc(s->n_keys + 1, sizeof *m->same);
        if (m->same == NULL)
            return nilo_err_nomem(err);
        for (size_t i = 0; i < s->n_keys; i++)
            m->same[m->n_same++] = s->keys[i];
    }
    nilo__members_done(&m->members);
    int rc = nilo__members_init(&m->members, &m->plan, err);
    m->members.each = m->from->each;
    return rc;
}

/* ---- RECORD --------------------------------------------------------------------------------------------------------------------------------------- */

static int refuse(struct nilo__taps *t, struct nilo__mapped *m, enum nilo__why why, const char *sentence, const struct nilo__row *row, int file, struct nilo_err *err)
{
    t->im->report.rows++;
    t->refused++;
    if (m != NULL)
        m->refused++;
    else
        t->broken++;
    return nilo__refusals_add(t->im->refusals, m != NULL ? &m->plan : &t->im->plan, &(struct nilo__refused){.why = why, .field = -1}, sentence, file, row->line,
                              row->raw, row->raw_len, err);
}

static int set_time(struct nilo__taps *t, struct nilo__mapped *m, struct nilo_err *err)
{
    char text[NILO_US_TEXT];
    int64_t ms;
    if (m->extracted < 0)
        return 0;
    if (nilo__part_text(t->message.time, &t->cell, err) != 0)
        return -1;
    if (t->cell.len > 0 && !t->message.time_ms)
        return nilo__members_set(&m->members, m->extracted, t->cell.data, t->cell.len, err);
    nilo_us at = t->time;
    if (t->cell.len > 0 && (nilo_decimal_parse(t->cell.data, t->cell.len, 0, true, &ms, NULL) != 0 || __builtin_mul_overflow(ms, 1000, &at)))
        return nilo__members_set(&m->members, m->extracted, t->cell.data, t->cell.len, err); /* refused as the date that it is not */
    nilo_us_format(at, text);
    return nilo__members_set(&m->members, m->extracted, text, strlen(text), err);
}

static void make_same(const struct nilo__mapped *m, const char *stream, unsigned char out[NILO_SHA256_LEN])
{
    struct nilo_sha256 h;
    nilo_sha256_init(&h);
    nilo_sha256_add(&h, stream, strlen(stream) + 1);
    for (size_t i = 0; i < m->n_same; i++) {
        const struct nilo__cell *cell = &m->members.cells[m->same[i]];
        uint64_t len = cell->len;
        nilo_sha256_add(&h, &len, sizeof len);
        nilo_sha256_add(&h, cell->p, cell->len);
    }
    nilo_sha256_done(&h, out);
}

static int take_cells(struct nilo__taps *t, struct nilo__mapped *m, const char *stream, const struct nilo__row *row, int file, struct nilo_err *err)
{
    unsigned char same[NILO_SHA256_LEN];
    struct nilo_import *im = t->im;
    struct nilo__refused why = {.field = -1};
    struct nilo__parsed parsed;
    if (m->members.cell_large)
        return refuse(t, m, NILO__CELL_LARGE, NULL, row, file, err);
    if (!nilo__row_wanted(&m->plan, m->members.cells)) {
        im->report.rows++;
        im->report.left_out++;
        return 0;
    }
    int rc = nilo__row_parse(&m->plan, im->o->calendar, m->members.cells, &im->scratch, &parsed, &why, err);
    if (rc < 0)
        return -1;
    im->report.rows++;
    if (rc == 0 && why.why == NILO__NOT_MAPPED) {
        im->report.not_mapped++;
        return 0;
    }
    if (rc == 0) {
        m->refused++;
        t->refused++;
        return nilo__refusals_add(im->refusals, &m->plan, &why, NULL, file, row->line, row->raw, row->raw_len, err);
    }
    parsed.stream = (int)(m - t->mapped);
    if (m->from->sum) {
        make_same(m, stream, same);
        parsed.same = same;
    }
    return nilo__stage_add(im->stage, &parsed, im->metrics.n, file, row->line, row->raw, row->raw_len, err);
}

static const char *lacks_key(const struct nilo__mapped *m, const struct seen *s)
{
    for (size_t i = 0; i < s->n_keys; i++) {
        if (m->members.cells[s->keys[i]].len == 0)
            return m->plan.columns[s->keys[i]].name;
    }
    return NULL;
}

static int take_rows(struct nilo__taps *t, struct nilo__mapped *m, const struct seen *s, const struct nilo__row *row, int file, struct nilo_err *err)
{
    if (m->from->each == NULL)
        return take_cells(t, m, s->name, row, file, err);
    if (m->members.list == NULL) {
        t->im->report.rows++;
        t->im->report.left_out++;
        return 0;
    }
    int rc = nilo__members_each(&m->members, err);
    while (rc == 0 && (rc = nilo__members_next(&m->members, err)) == 1) {
        nilo__members_end(&m->members, true);
        rc = take_cells(t, m, s->name, row, file, err);
    }
    return rc;
}

static int take_record(struct nilo__taps *t, const struct nilo__row *row, int file, struct nilo_err *err)
{
    struct nilo_err why = {0};
    char sentence[400];
    struct seen *s;
    if (find_stream(t, &s, err) != 0)
        return -1;
    s->records++;
    if (s->mapped < 0)
        return 0;
    struct nilo__mapped *m = &t->mapped[s->mapped];
    m->used = true;
    m->records++;
    if (t->im->o->format == NILO_IMPORT_SINGER && !s->schema)
        return refuse(t, m, NILO__MESSAGE, "a RECORD before the SCHEMA of its stream", row, file, err);
    if (m->from->sum && m->n_same == 0)
        return nilo_err_set(err, NILO_EUSAGE,
                            "the records of the stream %s are added up (sum), and neither its SCHEMA (key_properties) nor keys says by what one that comes twice is known",
                            s->name);
    if (nilo__members_read(&m->members, t->message.record.p, t->message.record.len, &why) != 0) {
        if (why.code != NILO_EBODY)
            goto broken;
        return refuse(t, m, NILO__MESSAGE, nilo__json_where(why.msg), row, file, err);
    }
    if (set_time(t, m, err) != 0)
        return -1;
    nilo__members_end(&m->members, true);
    const char *key = lacks_key(m, s);
    if (key != NULL) {
        snprintf(sentence, sizeof sentence, "the record has no %s, which is a key of the stream (key_properties)", key);
        return refuse(t, m, NILO__MESSAGE, sentence, row, file, err);
    }
    return take_rows(t, m, s, row, file, err);
broken:
    if (err != NULL)
        *err = why;
    return -1;
}

/* ---- what else is said ------------------------------------------------------------------------------------------------------------------------------- */

static int note(struct nilo__taps *t, const char *text, struct nilo_err *err)
{
    t->im->report.source_errors++;
    if (t->n_notes == NOTES_MAX)
        return 0;
    const char *copy = nilo_arena_strdup(&t->arena, text);
    if (copy == NULL || (t->notes[t->n_notes] = nilo_redact(copy, NULL, 0, &t->arena)) == NULL)
        return nilo_err_nomem(err);
    t->n_notes++;
    return 0;
}

static int take_config(struct nilo__taps *t, struct nilo_err *err)
{
    const struct nilo_import_options *o = t->im->o;
    t->im->report.configs++;
    return o->config != NULL ? o->config(o->config_ctx, t->message.config.p, t->message.config.len, err) : 0;
}

/* What came before it is whole now. */
static int take_state(struct nilo__taps *t, struct nilo_err *err)
{
    t->state_seq = nilo__stage_count(t->im->stage);
    t->broken_told = t->broken;
    for (size_t i = 0; i < t->n_mapped; i++)
        t->mapped[i].refused_told = t->mapped[i].refused;
    t->im->report.states++;
    t->im->report.lost = t->refused;
    t->im->report.lost_unkept = nilo__refusals_unkept(t->im->refusals);
    return nilo__tap_state_add(t->state, &t->message, err);
}

static int take_message(struct nilo__taps *t, const struct nilo__row *row, int file, struct nilo_err *err)
{
    switch (t->message.kind) {
    case NILO__RECORD:
        return take_record(t, row, file, err);
    case NILO__SCHEMA:
        return take_schema(t, t->im->o->files[file], row->line, err);
    case NILO__STATE:
        return take_state(t, err);
    case NILO__CONTROL:
        return take_config(t, err);
    case NILO__SOURCE_ERROR:
        return note(t, nilo_buf_str(&t->message.text), err);
    case NILO__OTHER:
        break;
    }
    return 0;
}

static int take_line(struct nilo__taps *t, const struct nilo__text_lines *lines, int file, struct nilo_err *err)
{
    struct nilo__row row = {.line = lines->line, .raw = nilo_buf_str(&lines->raw), .raw_len = lines->raw.len};
    struct nilo_err why = {0};
    if (lines->large)
        return refuse(t, NULL, NILO__ROW_LARGE, NULL, &(struct nilo__row){.line = lines->line}, file, err);
    if (row.raw[row.raw_len - 1] == '\r')
        row.raw_len--;
    if (nilo__message_read(&t->message, t->im->o->format, row.raw, row.raw_len, &why) == 0)
        return take_message(t, &row, file, err);
    if (why.code != NILO_EBODY && why.code != NILO_EINVAL) {
        if (err != NULL)
            *err = why;
        return -1;
    }
    if (strcasestr(row.raw, "\"control\"") != NULL)
        row.raw = NULL; /* half a configuration: it is not kept with the refused rows */
    return refuse(t, NULL, why.code == NILO_EBODY ? NILO__JSON : NILO__MESSAGE, nilo__json_where(why.msg), &row, file, err);
}

int nilo__taps_read(struct nilo__taps *t, struct nilo__input *in, int file, struct nilo_err *err)
{
    struct nilo__text_lines lines;
    int rc;
    nilo__text_lines_init(&lines, in);
    t->time = nilo__input_time(in, t->im->o->now);
    while ((rc = nilo__text_lines_next(&lines, err)) == 1 && (rc = take_line(t, &lines, file, err)) == 0)
        nilo__import_progress(t->im, in);
    nilo__text_lines_done(&lines);
    return rc;
}

/* ---- the end --------------------------------------------------------------------------------------------------------------------------------------------- */

static int none_mapped(const struct nilo__taps *t, struct nilo_err *err)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 600);
    for (size_t i = 0; i < t->n_seen; i++)
        nilo_buf_addf(&b, "%s%s", i > 0 ? ", " : "", t->seen[i].name);
    int rc = nilo_err_set(err, NILO_EUSAGE, "no stream of the input is mapped; they are: %s%s", nilo_buf_str(&b), b.failed ? " ..." : "");
    nilo_buf_done(&b);
    return rc;
}

int nilo__taps_end(struct nilo__taps *t, struct nilo_err *err)
{
    bool used = false, other = false;
    t->left = calloc(t->n_seen + 1, sizeof *t->left);
    if (t->left == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < t->n_mapped; i++) {
        struct nilo__mapped *m = &t->mapped[i];
        const char *missing = !m->from->ready && m->records > m->refused ? nilo__plan_unseen(&m->plan) : NULL;
        used |= m->used;
        if (missing != NULL) {
            nilo_err_set(err, NILO_ECOLUMN, "the stream %s: no record has what is mapped to %s; the keys of its records are: %s", m->from->stream, missing,
                         nilo_buf_str(&m->members.keys));
            return wrap_place(m->from, err);
        }
    }
    for (size_t i = 0; i < t->n_seen; i++) {
        if (t->seen[i].mapped >= 0 || t->seen[i].records == 0)
            continue;
        other = true;
        t->left[t->im->report.n_left++] = (struct nilo_import_left){t->seen[i].name, t->seen[i].records};
    }
    t->im->report.left = t->left;
    t->im->report.notes = t->notes;
    t->im->report.n_notes = t->n_notes;
    return other && !used ? none_mapped(t, err) : nilo__tap_state_text(t->state, t->im->o->format, &t->state_text, err);
}

const char *nilo__taps_state(const struct nilo__taps *t)
{
    return t->im->report.states > 0 && t->state_text.len > 0 ? nilo_buf_str(&t->state_text) : NULL;
}

bool nilo__taps_told(const struct nilo__taps *t, int64_t seq)
{
    return seq <= t->state_seq;
}

bool nilo__taps_sum(const struct nilo__taps *t, int stream)
{
    return t->mapped[stream].from->sum;
}

const char *nilo__taps_partial(const struct nilo__taps *t, int stream, int64_t seq)
{
    const struct nilo__mapped *m = &t->mapped[stream];
    if (!m->from->sum)
        return NULL;
    if (seq > t->state_seq)
        return "no STATE came behind it: a sum is taken only of records that the tap has finished";
    return m->refused_told + t->broken_told > 0 ? "other records of the stream were refused, and a sum lacks nothing" : NULL;
}

const struct nilo__plan *nilo__taps_plan(const struct nilo__taps *t, size_t i)
{
    return i < t->n_mapped ? &t->mapped[i].plan : NULL;
}
