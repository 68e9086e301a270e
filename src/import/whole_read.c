/* The lines of a whole export (whole_write.c, in any container: whole_lines.c) back into rows. A file counts only once its trailer was read and its sum is right: what was cut off,
 * damaged or is no export at all ends in one sentence. */
#include "import/import_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "base/hash.h"

struct reading {
    const struct nilo_whole_reader *r;
    struct nilo__whole_lines *lines;
    const char *line; /* with its end */
    size_t line_len;
    struct nilo_sha256 sum;
    struct nilo_whole_head head;
    int table;                           /* whose rows come; -1 none yet */
    int places[NILO_WHOLE_COLUMNS_MAX];  /* of the file's columns */
    size_t n_places;
    struct nilo_arena arena; /* of one row */
    int64_t rows;
    bool ended, summed;
};

static int damaged(const struct reading *x, const char *what, struct nilo_err *err)
{
    return nilo__whole_damaged(x->lines, what, err);
}

/* 1 a line, 0 the end of the file, -1 error. A last line without its end is one too: the file was cut there. */
static int next_line(struct reading *x, struct nilo_err *err)
{
    return nilo__whole_lines_next(x->lines, &x->line, &x->line_len, err);
}

static bool whole_line(const struct reading *x)
{
    return x->line_len > 0 && x->line[x->line_len - 1] == '\n';
}

/* ---- objects: header, tables, trailer ----------------------------------------------------------------------------------------- */

typedef int member_fn(struct reading *x, const char *key, struct nilo_json *j, struct nilo_err *err);

static int next(struct nilo_json *j, enum nilo_json_event *e, const char **text, size_t *len)
{
    struct nilo_err ignored;
    return nilo_json_next(j, e, text, len, &ignored);
}

/* Each member by name; -1 with err set by fn, or without (code NILO_OK) where the line is no such object. */
static int read_object(struct reading *x, member_fn *fn, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event e;
    const char *text;
    size_t len;
    char key[64];
    struct nilo_err why = {.code = NILO_OK};
    if (nilo_json_new(x->line, x->line_len, NILO_JSON_DEFAULT_LIMITS, &j, err) != 0)
        return -1;
    int rc = next(j, &e, NULL, NULL) != 0 || e != NILO_JSON_OBJECT_BEGIN ? -1 : 0;
    while (rc == 0) {
        rc = next(j, &e, &text, &len);
        if (rc != 0 || e != NILO_JSON_KEY)
            break;
        snprintf(key, sizeof key, "%.*s", (int)(len < sizeof key ? len : sizeof key - 1), text);
        rc = fn(x, key, j, &why);
    }
    if (rc == 0 && (e != NILO_JSON_OBJECT_END || next(j, &e, NULL, NULL) != 0 || e != NILO_JSON_END))
        rc = -1;
    nilo_json_free(j);
    if (rc != 0)
        *err = why;
    return rc;
}

static int read_text(struct nilo_json *j, char *out, size_t size, bool null)
{
    enum nilo_json_event e;
    const char *text;
    size_t len;
    if (next(j, &e, &text, &len) != 0)
        return -1;
    if (e == NILO_JSON_NULL && null) {
        out[0] = '\0';
        return 0;
    }
    if (e != NILO_JSON_STRING || len >= size)
        return -1;
    memcpy(out, text, len);
    out[len] = '\0';
    return 0;
}

static int read_int(struct nilo_json *j, int64_t *ret)
{
    enum nilo_json_event e;
    const char *text;
    size_t len;
    struct nilo_err ignored;
    return next(j, &e, &text, &len) != 0 || e != NILO_JSON_NUMBER || nilo_decimal_parse(text, len, 0, false, ret, &ignored) != 0 ? -1 : 0;
}

static int read_day(struct nilo_json *j, nilo_day *ret)
{
    char text[32];
    struct nilo_err ignored;
    if (read_text(j, text, sizeof text, true) != 0)
        return -1;
    return text[0] == '\0' ? 0 : nilo_day_parse(text, strlen(text), ret, &ignored);
}

static int read_counts(struct reading *x, struct nilo_json *j)
{
    enum nilo_json_event e;
    int64_t n;
    if (next(j, &e, NULL, NULL) != 0 || e != NILO_JSON_OBJECT_BEGIN)
        return -1;
    for (;;) {
        if (next(j, &e, NULL, NULL) != 0)
            return -1;
        if (e == NILO_JSON_OBJECT_END)
            return 0;
        if (read_int(j, &n) != 0)
            return -1;
        x->head.rows += n;
    }
}

static int head_member(struct reading *x, const char *key, struct nilo_json *j, struct nilo_err *err)
{
    char text[64];
    int64_t version;
    struct nilo_err ignored;
    if (strcmp(key, "format") == 0)
        return read_text(j, text, sizeof text, false) != 0 || strcmp(text, NILO_WHOLE_FORMAT) != 0 ? -1 : 0;
    if (strcmp(key, "version") == 0) {
        if (read_int(j, &version) != 0 || version < 1)
            return -1;
        if (version > NILO_WHOLE_VERSION)
            return nilo_err_set(err, NILO_ENEWER, "%s has version %lld of the format, this program knows %d; use a newer nilometer",
                                nilo__whole_lines_name(x->lines), (long long)version, NILO_WHOLE_VERSION);
        return 0;
    }
    if (strcmp(key, "program") == 0)
        return read_text(j, x->head.program, sizeof x->head.program, false);
    if (strcmp(key, "store") == 0)
        return read_text(j, text, sizeof text, false) != 0 || strlen(text) != 32 || nilo_unhex(text, 32, x->head.load.uuid) != 0 ? -1 : 0;
    if (strcmp(key, "workspace") == 0)
        return read_text(j, x->head.workspace, sizeof x->head.workspace, true);
    if (strcmp(key, "from") == 0)
        return read_day(j, &x->head.from);
    if (strcmp(key, "to") == 0)
        return read_day(j, &x->head.to);
    if (strcmp(key, "rows") == 0)
        return read_counts(x, j);
    return nilo_json_skip(j, &ignored);
}

static int read_head(struct reading *x, struct nilo_err *err)
{
    static const char begin[] = NILO__WHOLE_BEGIN;
    int got = next_line(x, err);
    if (got < 0)
        return -1;
    if (got == 0 || x->line_len < sizeof begin - 1 || memcmp(x->line, begin, sizeof begin - 1) != 0)
        return nilo__whole_foreign(x->lines, err);
    if (read_object(x, head_member, err) != 0 || x->head.program[0] == '\0')
        return err->code != NILO_OK ? -1 : damaged(x, "the header", err);
    x->head.load.whole = x->head.workspace[0] == '\0' && nilo_day_is_none(x->head.from) && nilo_day_is_none(x->head.to);
    nilo_sha256_add(&x->sum, x->line, x->line_len);
    return x->r->head(x->r->ctx, &x->head, err);
}

static int newer(const struct reading *x, const char *what, const char *name, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ENEWER, "%s holds the %s %s, which this program does not know; use a newer nilometer (it was written by %s)",
                        nilo__whole_lines_name(x->lines), what, name, x->head.program);
}

static int read_columns(struct reading *x, struct nilo_json *j, struct nilo_err *err)
{
    enum nilo_json_event e;
    const char *text;
    size_t len;
    char name[64];
    if (x->table < 0 || next(j, &e, NULL, NULL) != 0 || e != NILO_JSON_ARRAY_BEGIN)
        return -1;
    for (x->n_places = 0;;) {
        if (next(j, &e, &text, &len) != 0)
            return -1;
        if (e == NILO_JSON_ARRAY_END)
            return 0;
        if (e != NILO_JSON_STRING || len >= sizeof name || x->n_places == NILO_WHOLE_COLUMNS_MAX)
            return -1;
        memcpy(name, text, len);
        name[len] = '\0';
        int at = nilo_whole_column((size_t)x->table, name);
        if (at < 0)
            return newer(x, "column", name, err);
        x->places[x->n_places++] = at;
    }
}

/* Members of a table line come in this order, those of the trailer too. */
static int object_member(struct reading *x, const char *key, struct nilo_json *j, struct nilo_err *err)
{
    char text[80];
    unsigned char said[NILO_SHA256_LEN], is[NILO_SHA256_LEN];
    int64_t rows;
    if (strcmp(key, "table") == 0) {
        if (read_text(j, text, sizeof text, false) != 0)
            return -1;
        x->table = nilo_whole_table(text);
        x->n_places = 0;
        return x->table >= 0 ? 0 : newer(x, "table", text, err);
    }
    if (strcmp(key, "columns") == 0)
        return read_columns(x, j, err);
    if (strcmp(key, "end") == 0) {
        x->ended = true;
        return read_text(j, text, sizeof text, false) != 0 || strcmp(text, NILO_WHOLE_FORMAT) != 0 ? -1 : 0;
    }
    if (strcmp(key, "rows") == 0)
        return read_int(j, &rows) != 0 || rows != x->rows || rows != x->head.rows ? -1 : 0;
    if (strcmp(key, "sha256") == 0 && x->ended) {
        if (read_text(j, text, sizeof text, false) != 0 || strlen(text) != 2 * NILO_SHA256_LEN || nilo_unhex(text, strlen(text), said) != 0)
            return -1;
        x->summed = true;
        nilo_sha256_done(&x->sum, is);
        return memcmp(said, is, sizeof is) == 0 ? 0 : damaged(x, "the checksum is not that of the lines before", err);
    }
    return -1;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------- */

static int take_cell(struct reading *x, const struct nilo_whole_column *c, enum nilo_json_event e, const char *text, size_t len,
                     struct nilo_whole_cell *ret)
{
    struct nilo_err ignored;
    char *copy;
    *ret = (struct nilo_whole_cell){.null = e == NILO_JSON_NULL};
    if (ret->null)
        return 0;
    if (c->type == NILO_WHOLE_INT)
        return e != NILO_JSON_NUMBER || nilo_decimal_parse(text, len, 0, false, &ret->i, &ignored) != 0 ? -1 : 0;
    if (e != NILO_JSON_STRING || (copy = nilo_arena_strndup(&x->arena, text, len)) == NULL)
        return -1;
    ret->p = copy;
    ret->len = len;
    if (c->type == NILO_WHOLE_TEXT)
        return 0;
    ret->len = len / 2;
    return len % 2 != 0 ? -1 : nilo_unhex(text, len, (unsigned char *)copy);
}

static int read_cells(struct reading *x, struct nilo_whole_cell *cells)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[x->table];
    struct nilo_json *j;
    struct nilo_err ignored;
    enum nilo_json_event e;
    const char *text;
    size_t len, n = 0;
    for (size_t i = 0; i < t->n_columns; i++)
        cells[i] = (struct nilo_whole_cell){.null = true};
    if (nilo_json_new(x->line, x->line_len, NILO_JSON_DEFAULT_LIMITS, &j, &ignored) != 0)
        return -1;
    int rc = next(j, &e, NULL, NULL) != 0 || e != NILO_JSON_ARRAY_BEGIN ? -1 : 0;
    while (rc == 0) {
        rc = next(j, &e, &text, &len);
        if (rc != 0 || e == NILO_JSON_ARRAY_END)
            break;
        rc = n == x->n_places ? -1 : take_cell(x, &t->columns[x->places[n]], e, text, len, &cells[x->places[n]]);
        n++;
    }
    if (rc == 0 && (n != x->n_places || next(j, &e, NULL, NULL) != 0 || e != NILO_JSON_END))
        rc = -1;
    nilo_json_free(j);
    return rc;
}

static int read_row(struct reading *x, struct nilo_err *err)
{
    struct nilo_whole_cell cells[NILO_WHOLE_COLUMNS_MAX];
    x->rows++;
    if (x->r->progress != NULL && x->rows % 4096 == 0)
        x->r->progress(x->r->progress_ctx, x->rows, x->head.rows);
    if (x->table < 0)
        return damaged(x, "a row of no table", err);
    if (x->r->row == NULL)
        return 0;
    nilo_arena_reset(&x->arena);
    if (read_cells(x, cells) != 0)
        return damaged(x, "not a row of its table", err);
    return x->r->row(x->r->ctx, (size_t)x->table, cells, err);
}

static int read_lines(struct reading *x, struct nilo_err *err)
{
    for (;;) {
        int got = next_line(x, err);
        if (got < 0)
            return -1;
        if (got == 0 || !whole_line(x))
            return nilo_err_set(err, NILO_ECORRUPT, "%s ends in the middle: the file is cut off; nothing of it was imported, use another copy",
                                nilo__whole_lines_name(x->lines));
        if (x->line[0] == '[') {
            if (read_row(x, err) != 0)
                return -1;
        } else if (read_object(x, object_member, err) != 0) {
            return err->code != NILO_OK ? -1 : damaged(x, x->ended ? "the trailer" : "no line of an export", err);
        }
        if (x->ended && !x->summed)
            return damaged(x, "the trailer", err);
        if (x->ended)
            break;
        nilo_sha256_add(&x->sum, x->line, x->line_len);
    }
    int got = next_line(x, err);
    return got == 0 ? 0 : got < 0 ? -1 : damaged(x, "something follows the trailer", err);
}

int nilo_whole_read(const char *path, const struct nilo_whole_reader *r, struct nilo_err *err)
{
    struct reading x = {.r = r, .table = -1, .head = {.from = NILO_DAY_NONE, .to = NILO_DAY_NONE}};
    struct nilo_err why = {.code = NILO_OK};
    if (nilo__whole_lines_open(path, &x.lines, err) != 0)
        return -1;
    nilo_arena_init(&x.arena, 0);
    nilo_sha256_init(&x.sum);
    int rc = read_head(&x, &why);
    if (rc == 0)
        rc = read_lines(&x, &why);
    if (rc != 0 && err != NULL)
        *err = why;
    nilo_arena_done(&x.arena);
    nilo__whole_lines_free(x.lines);
    return rc;
}
