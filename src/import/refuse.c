/* What was refused, and why: counted by reason and column with the first line numbers, and kept in a file of its own for whoever asks
 * (--refused): the rows as they stood, under the header of their file, fit to be mended and imported again. */
#include "import/import_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KINDS_MAX 200   /* different reasons that are told apart */
#define EXAMPLE_MAX 40  /* bytes of a refused cell that are shown */

struct kind {
    enum nilo__why why;
    int field;
    const struct nilo__plan *plan; /* whose field it is */
    const char *sentence; /* what record said about the reading; else NULL */
};

struct nilo__refusals {
    const struct nilo_import_options *o;
    struct nilo_import_refusal *list;
    struct kind *kinds;
    size_t n;
    int64_t rows, unkept; /* unkept: rows whose text nobody has, so that out lacks them */
    struct nilo_import_refusal *closed; /* values of closed days, one entry a metric */
    const char **closed_metrics;
    size_t n_closed;
    FILE *out;
    bool made; /* out is a new file of ours */
    struct nilo_arena arena;
    const char **headers; /* of each file, NULL = none */
    const char *written;  /* the last one written; NULL = none yet */
};

static const struct {
    enum nilo__why why;
    const char *text;
} texts[] = {
    {NILO__ROW_LARGE, "the row is larger than 16 MiB or has more than 4096 cells"},
    {NILO__CELL_LARGE, "a cell is larger than 1 MiB"},
    {NILO__COLUMNS, "not as many cells as the header has columns"},
    {NILO__JSON, "not one valid JSON object"},
    {NILO__UTF8, "no valid UTF-8"},
    {NILO__NUL, "a NUL byte"},
    {NILO__NO_ID, "empty"},
    {NILO__ID_LARGE, "longer than 1024 bytes"},
    {NILO__NO_TIME, "neither captured_at nor day"},
    {NILO__BAD_DATE, "not a date"},
    {NILO__BAD_NUMBER, "not a number"},
    {NILO__FRACTION, "more decimal places than the metric has"},
    {NILO__OVERFLOW, "a number out of range"},
    {NILO__BAD_WINDOW, "not a number of days from 0 to 3660"},
    {NILO__SINK, "not recorded"},
    {NILO__BAD_FORM, "not of the form that is mapped"},
    {NILO__MESSAGE, "not taken"},
};

static const char *text_of(enum nilo__why why)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].why == why)
            return texts[i].text;
    }
    return "?";
}

/* ---- the file ------------------------------------------------------------------------------------------------------- */

/* A file that exists is never overwritten: it may be a store, a configuration, an input. Pipes and devices are written to. */
static int open_out(struct nilo__refusals *r, struct nilo_err *err)
{
    const char *path = r->o->refused;
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    r->made = fd >= 0;
    if (fd < 0 && errno == EEXIST) {
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
            return nilo_err_set(err, NILO_EUSAGE, "--refused %s exists already; nothing was overwritten or recorded, name another file", path);
        fd = open(path, O_WRONLY | O_CLOEXEC);
    }
    if (fd < 0)
        return nilo_err_sys(err, NILO_EIO, "cannot write the refused rows to %s", path);
    if ((r->out = fdopen(fd, "w")) == NULL) {
        close(fd);
        return nilo_err_nomem(err);
    }
    return 0;
}

static int write_error(const struct nilo__refusals *r, struct nilo_err *err)
{
    return nilo_err_sys(err, NILO_EIO, "cannot write the refused rows to %s", r->o->refused);
}

static int write_line(struct nilo__refusals *r, const char *p, size_t n, struct nilo_err *err)
{
    if (fwrite(p, 1, n, r->out) != n || putc('\n', r->out) == EOF)
        return write_error(r, err);
    return 0;
}

static int write_row(struct nilo__refusals *r, int file, const char *raw, size_t raw_len, struct nilo_err *err)
{
    if (r->out == NULL || raw == NULL)
        return 0;
    const char *header = r->headers[file];
    if (header != NULL && (r->written == NULL || strcmp(header, r->written) != 0)) {
        if (write_line(r, header, strlen(header), err) != 0)
            return -1;
        r->written = header;
    }
    return write_line(r, raw, raw_len, err);
}

/* A header holds no NUL byte: the plan has refused such a file. */
int nilo__refusals_header(struct nilo__refusals *r, int file, const char *raw, size_t len, struct nilo_err *err)
{
    if (file > 0 && r->headers[file - 1] != NULL && strlen(r->headers[file - 1]) == len && memcmp(r->headers[file - 1], raw, len) == 0)
        r->headers[file] = r->headers[file - 1];
    else
        r->headers[file] = nilo_arena_strndup(&r->arena, raw, len);
    return r->headers[file] != NULL ? 0 : nilo_err_nomem(err);
}

int nilo__refusals_flush(struct nilo__refusals *r, struct nilo_err *err)
{
    return r->out == NULL || fflush(r->out) == 0 ? 0 : write_error(r, err);
}

int nilo__refusals_close(struct nilo__refusals *r, struct nilo_err *err)
{
    FILE *out = r->out;
    r->out = NULL;
    return out == NULL || fclose(out) == 0 ? 0 : write_error(r, err);
}

/* ---- counting ---------------------------------------------------------------------------------------------------------- */

int nilo__refusals_new(const struct nilo_import_options *o, struct nilo__refusals **ret, struct nilo_err *err)
{
    struct nilo__refusals *r = calloc(1, sizeof *r);
    if (r == NULL)
        return nilo_err_nomem(err);
    r->o = o;
    nilo_arena_init(&r->arena, 0);
    r->headers = calloc(o->n_files + 1, sizeof *r->headers);
    r->list = calloc(KINDS_MAX, sizeof *r->list);
    r->kinds = calloc(KINDS_MAX, sizeof *r->kinds);
    r->closed = calloc(KINDS_MAX, sizeof *r->closed);
    r->closed_metrics = calloc(KINDS_MAX, sizeof *r->closed_metrics);
    int rc = r->closed == NULL || r->closed_metrics == NULL || r->list == NULL || r->kinds == NULL || r->headers == NULL ? nilo_err_nomem(err) : 0;
    if (rc == 0 && o->refused != NULL)
        rc = open_out(r, err);
    if (rc != 0) {
        nilo__refusals_free(r);
        return -1;
    }
    *ret = r;
    return 0;
}

void nilo__refusals_free(struct nilo__refusals *r)
{
    if (r == NULL)
        return;
    if (r->out != NULL) {
        bool nothing = r->made && fseek(r->out, 0, SEEK_END) == 0 && ftell(r->out) == 0;
        fclose(r->out);
        if (nothing)
            unlink(r->o->refused);
    }
    nilo_arena_done(&r->arena);
    free(r->headers);
    free(r->list);
    free(r->kinds);
    free(r->closed);
    free(r->closed_metrics);
    free(r);
}

/* The beginning of a cell, fit to be printed: no control characters, no half characters. */
static void add_example(struct nilo_buf *b, const char *text, size_t len)
{
    size_t cut = len;
    if (len > EXAMPLE_MAX) {
        cut = EXAMPLE_MAX;
        while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
            cut--;
    }
    bool valid = nilo_utf8_valid(text, cut, NULL);
    nilo_buf_adds(b, " (\"");
    for (size_t i = 0; i < cut; i++) {
        unsigned char c = (unsigned char)text[i];
        nilo_buf_addc(b, c < 0x20 || c == 0x7f || (c >= 0x80 && !valid) ? '?' : text[i]);
    }
    nilo_buf_adds(b, cut < len ? "...\")" : "\")");
}

/* What is wrong with a line of JSON, without "column 12: " before it. */
static const char *without_column(const struct nilo__refused *why, const char *sentence)
{
    if (sentence == NULL)
        return "";
    const char *colon = why->why == NILO__JSON && strncmp(sentence, "column ", 7) == 0 ? strstr(sentence, ": ") : NULL;
    return colon != NULL ? colon + 2 : sentence;
}

static void describe(const struct nilo__plan *p, const struct nilo__refused *why, const char *sentence, struct nilo_import_refusal *ret)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 16384);
    if (p->stream != NULL)
        nilo_buf_addf(&b, "stream %s: ", p->stream);
    if (why->field >= 0) {
        const struct nilo__field *f = &p->fields[why->field];
        const char *name = f->kind == NILO__METRIC ? p->metrics->list[f->metric]->name : f->kind == NILO__TAG ? f->tag : nilo__kind_name(f->kind);
        nilo_buf_adds(&b, name);
        if (strcmp(name, p->columns[f->column].name) != 0)
            nilo_buf_addf(&b, " (column %s)", p->columns[f->column].name);
        nilo_buf_adds(&b, ": ");
    }
    nilo_buf_adds(&b, text_of(why->why));
    if (why->text != NULL && why->why != NILO__NUL)
        add_example(&b, why->text, why->len);
    if (sentence != NULL && sentence[0] != '\0') {
        const char *what = without_column(why, sentence);
        nilo_buf_addf(&b, ": %s", what);
        if (what != sentence) /* lines with the same complaint share an entry, wherever in the line it is */
            nilo_buf_addf(&b, " (first at %.*s)", (int)(what - sentence - 2), sentence);
    }
    snprintf(ret->reason, sizeof ret->reason, "%s", nilo_buf_str(&b));
    nilo_buf_done(&b);
}

static struct nilo_import_refusal *entry_for(struct nilo__refusals *r, const struct nilo__plan *p, const struct nilo__refused *why,
                                             const char *sentence)
{
    bool said = why->why == NILO__SINK || why->why == NILO__JSON || why->why == NILO__MESSAGE;
    for (size_t i = 0; i < r->n; i++) {
        if (r->kinds[i].why == why->why && r->kinds[i].field == why->field && (r->kinds[i].plan == p || why->why == NILO__JSON) &&
            (r->kinds[i].sentence == NULL || strcmp(r->kinds[i].sentence, without_column(why, sentence)) == 0))
            return &r->list[i];
    }
    if (r->n == KINDS_MAX - 1) { /* the last place collects the rest */
        r->kinds[r->n] = (struct kind){.why = NILO__FINE, .field = -1};
        snprintf(r->list[r->n++].reason, sizeof r->list[0].reason, "other reasons");
    }
    if (r->n == KINDS_MAX)
        return &r->list[KINDS_MAX - 1];
    r->kinds[r->n] = (struct kind){.why = why->why, .field = why->field, .plan = p};
    if (said)
        r->kinds[r->n].sentence = nilo_arena_strdup(&r->arena, without_column(why, sentence)); /* out of memory: no more than one entry for them all */
    describe(p, why, sentence, &r->list[r->n]);
    return &r->list[r->n++];
}

/* What is refused only when it is recorded comes in the order of items and days: the first are those that stand first. */
static void add_place(const struct nilo__refusals *r, struct nilo_import_refusal *e, int file, int64_t line)
{
    const char *name = r->o->files[file];
    int at = e->n_first;
    e->rows++;
    while (at > 0 && (e->first[at - 1].order > file || (e->first[at - 1].order == file && e->first[at - 1].line > line)))
        at--;
    if (at == NILO_IMPORT_FIRST)
        return;
    if (e->n_first < NILO_IMPORT_FIRST)
        e->n_first++;
    memmove(&e->first[at + 1], &e->first[at], (size_t)(e->n_first - 1 - at) * sizeof e->first[0]);
    e->first[at].file = strcmp(name, "-") == 0 ? "stdin" : name;
    e->first[at].order = file;
    e->first[at].line = line;
}

int nilo__refusals_closed(struct nilo__refusals *r, const char *metric, int file, int64_t line, const char *raw, size_t raw_len,
                          struct nilo_err *err)
{
    size_t i = 0;
    while (i < r->n_closed && strcmp(r->closed_metrics[i], metric) != 0)
        i++;
    if (i == KINDS_MAX)
        i--; /* the last place collects the rest */
    if (i == r->n_closed) {
        if ((r->closed_metrics[i] = nilo_arena_strdup(&r->arena, metric)) == NULL)
            return nilo_err_nomem(err);
        snprintf(r->closed[i].reason, sizeof r->closed[i].reason, "%s: the day is closed and holds another value", metric);
        r->n_closed++;
    }
    add_place(r, &r->closed[i], file, line);
    return write_row(r, file, raw, raw_len, err);
}

int nilo__refusals_add(struct nilo__refusals *r, const struct nilo__plan *p, const struct nilo__refused *why, const char *sentence,
                       int file, int64_t line, const char *raw, size_t raw_len, struct nilo_err *err)
{
    struct nilo_import_refusal *e = entry_for(r, p, why, sentence);
    r->rows++;
    r->unkept += raw == NULL;
    add_place(r, e, file, line);
    return write_row(r, file, raw, raw_len, err);
}

int64_t nilo__refusals_unkept(const struct nilo__refusals *r)
{
    return r->unkept;
}

void nilo__refusals_report(const struct nilo__refusals *r, struct nilo_import_report *ret)
{
    ret->refused = r->rows;
    ret->unkept = r->unkept;
    ret->refusals = r->list;
    ret->n_refusals = r->n;
    ret->closed = r->closed;
    ret->n_closed = r->n_closed;
}
