/* The lines of a whole export out of whatever they stand in: as they are, or made again of the rows of a table or of objects (whole_out.c writes those), to
 * the byte. So what reads lines (whole_read.c), and the checksum over them, is one for all containers. */
#include "import/import_priv.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE    512 /* bytes by which a container is known */
#define NAME_SIZE    256 /* of a table or column */
#define ENCLOSED_MAX (NILO__WHOLE_LINE_MAX + ((size_t)64 << 10)) /* names of columns come on top */

struct nilo__whole_lines {
    struct nilo__input *in;
    enum nilo_whole_container container;
    struct nilo_buf line; /* the present one, with its end */
    int64_t number;       /* of the line of the file that it is from, from 1 */

    const char *piece; /* LINES: read and not yet taken */
    size_t piece_len;

    struct nilo__objects *objects;
    struct nilo__csv *csv;
    char table[NAME_SIZE]; /* whose rows come; "" none yet */
    struct nilo_buf columns; /* of it: names, each with its NUL */
    size_t n_columns;

    struct nilo_buf behind; /* objects: the line of the row that told of a new table */
    bool waits;             /* it is to be given next; CSV: row is */

    struct nilo__row row;
    bool headed; /* the row before was a header: the next one says of which table */
    enum nilo_whole_type types[NILO_WHOLE_COLUMNS_MAX];
};

const char *nilo__whole_lines_name(const struct nilo__whole_lines *l)
{
    return nilo__input_name(l->in);
}

int nilo__whole_foreign(const struct nilo__whole_lines *l, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ECORRUPT, "%s is no export of nilometer that holds a whole record (those begin with {\"format\":\"" NILO_WHOLE_FORMAT "\", or with a row "
                        "of the table export); is --format right?", nilo__input_name(l->in));
}

int nilo__whole_damaged(const struct nilo__whole_lines *l, const char *what, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ECORRUPT, "%s is damaged at line %lld (%s)%s; nothing of it was imported, use another copy", nilo__input_name(l->in),
                        (long long)l->number, what,
                        l->container == NILO_WHOLE_CSV ? "; perhaps a spreadsheet saved it, which rounds numbers and drops the quotes of empty texts" : "");
}

/* ---- which container ------------------------------------------------------------------------------------------------------------- */

/* A row of one of our tables, or a header whose members stand in another order: an export whose beginning is lost or was written anew. Its rows must
 * not be taken for readings; whole_read.c says what is wrong. */
static bool is_row_of_ours(const char *dense)
{
    static const char begin[] = "{\"table\":\"";
    char name[64];
    if (strncmp(dense, begin, sizeof begin - 1) != 0)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(dense + sizeof begin - 1, "\""), dense + sizeof begin - 1);
    return strcmp(name, "export") == 0 || strcmp(name, "end") == 0 || nilo_whole_table(name) >= 0;
}

/* -1: none of them. Objects may be laid out in any way. */
static int find_container(const char *p, size_t n)
{
    static const struct {
        const char *begin;
        enum nilo_whole_container container;
    } begins[] = {
        {"{\"table\":\"export\",\"format\":\"" NILO_WHOLE_FORMAT "\"", NILO_WHOLE_NDJSON},
        {"[{\"table\":\"export\",\"format\":\"" NILO_WHOLE_FORMAT "\"", NILO_WHOLE_JSON},
        {"table,format,version,program,store,", NILO_WHOLE_CSV},
        {"\"table\",\"format\",\"version\",\"program\",\"store\",", NILO_WHOLE_CSV},
    };
    char dense[HEAD_SIZE + 1];
    size_t len = 0;
    if (n >= sizeof NILO__WHOLE_BEGIN - 1 && memcmp(p, NILO__WHOLE_BEGIN, sizeof NILO__WHOLE_BEGIN - 1) == 0)
        return NILO_WHOLE_LINES;
    for (size_t i = 0; i < n && len < HEAD_SIZE; i++)
        if (memchr(" \t\r\n", p[i], 4) == NULL)
            dense[len++] = p[i];
    dense[len] = '\0';
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        if (strncmp(dense, begins[i].begin, strlen(begins[i].begin)) == 0)
            return (int)begins[i].container;
    return is_row_of_ours(dense) ? (int)NILO_WHOLE_NDJSON : dense[0] == '[' && is_row_of_ours(dense + 1) ? (int)NILO_WHOLE_JSON : -1;
}

bool nilo_whole_is(const char *path)
{
    struct nilo_buf head;
    nilo__input_head(path, HEAD_SIZE, &head);
    bool is = find_container(nilo_buf_str(&head), head.len) >= 0;
    nilo_buf_done(&head);
    return is;
}

static int begin(struct nilo__whole_lines *l, struct nilo_err *err)
{
    const char *p;
    size_t n;
    if (nilo__input_peek(l->in, HEAD_SIZE, &p, &n, err) != 0)
        return -1;
    int container = find_container(p, n);
    if (container < 0) { /* what was packed may have broken before anything could be known */
        if (nilo__input_read(l->in, &p, &n, err) != 0 || nilo__input_read(l->in, &p, &n, err) != 0)
            return -1;
        return nilo__whole_foreign(l, err);
    }
    l->container = (enum nilo_whole_container)container;
    if (l->container == NILO_WHOLE_LINES)
        return 0;
    if (l->container == NILO_WHOLE_CSV) {
        if (nilo__csv_new(l->in, &l->csv, err) != 0)
            return -1;
        nilo__csv_large(l->csv, ENCLOSED_MAX);
        return 0;
    }
    if (nilo__objects_new(l->in, &l->objects, err) != 0)
        return -1;
    nilo__objects_large(l->objects, ENCLOSED_MAX);
    return 0;
}

int nilo__whole_lines_open(const char *path, struct nilo__whole_lines **ret, struct nilo_err *err)
{
    struct nilo__whole_lines *l = calloc(1, sizeof *l);
    if (l == NULL)
        return nilo_err_nomem(err);
    nilo_buf_init(&l->line, NILO__WHOLE_LINE_MAX);
    nilo_buf_init(&l->behind, NILO__WHOLE_LINE_MAX);
    nilo_buf_init(&l->columns, SIZE_MAX);
    if (nilo__input_open(path, 0, &l->in, err) != 0 || begin(l, err) != 0) {
        nilo__whole_lines_free(l);
        return -1;
    }
    *ret = l;
    return 0;
}

void nilo__whole_lines_free(struct nilo__whole_lines *l)
{
    if (l == NULL)
        return;
    nilo__objects_free(l->objects);
    nilo__csv_free(l->csv);
    nilo__input_free(l->in);
    nilo_buf_done(&l->line);
    nilo_buf_done(&l->behind);
    nilo_buf_done(&l->columns);
    free(l);
}

/* ---- lines as they are --------------------------------------------------------------------------------------------------------------- */

static int next_plain(struct nilo__whole_lines *l, struct nilo_err *err)
{
    l->number++;
    for (;;) {
        if (l->piece_len == 0 && nilo__input_read(l->in, &l->piece, &l->piece_len, err) != 0)
            return -1;
        if (l->piece_len == 0)
            return l->line.len > 0;
        const char *end = memchr(l->piece, '\n', l->piece_len);
        size_t take = end != NULL ? (size_t)(end - l->piece) + 1 : l->piece_len;
        if (nilo_buf_add(&l->line, l->piece, take) != 0)
            return nilo__whole_damaged(l, "a line without end", err);
        l->piece += take;
        l->piece_len -= take;
        if (end != NULL)
            return 1;
    }
}

/* ---- either: the table whose rows come -------------------------------------------------------------------------------------------------- */

static void forget_columns(struct nilo__whole_lines *l)
{
    nilo_buf_reset(&l->columns);
    l->n_columns = 0;
}

static void add_column(struct nilo__whole_lines *l, const char *name, size_t len)
{
    nilo_buf_add(&l->columns, name, len);
    nilo_buf_addc(&l->columns, '\0');
    l->n_columns++;
}

static void put_table_line(struct nilo__whole_lines *l)
{
    struct nilo_json_out o;
    const char *name = nilo_buf_str(&l->columns);
    nilo_json_out_init(&o, &l->line);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "table");
    nilo_json_str(&o, l->table);
    nilo_json_key(&o, "columns");
    nilo_json_array_begin(&o);
    for (size_t i = 0; i < l->n_columns; i++, name += strlen(name) + 1)
        nilo_json_str(&o, name);
    nilo_json_array_end(&o);
    nilo_json_object_end(&o);
    nilo_buf_addc(&l->line, '\n');
}

/* ---- objects ------------------------------------------------------------------------------------------------------------------------------ */

static int next(struct nilo_json *j, enum nilo_json_event *e, const char **text, size_t *len)
{
    struct nilo_err ignored;
    return nilo_json_next(j, e, text, len, &ignored);
}

/* The members that are left of the object, nested ones too, as one line. The trailer's first member has another name there. */
static int copy_members(struct nilo__whole_lines *l, struct nilo_json *j, bool trailer)
{
    struct nilo_json_out o;
    enum nilo_json_event e;
    const char *text;
    size_t len;
    nilo_json_out_init(&o, &l->line);
    nilo_json_object_begin(&o);
    while (o.depth > 0) {
        if (next(j, &e, &text, &len) != 0)
            return -1;
        if (trailer && e == NILO_JSON_KEY && len == 6 && memcmp(text, "format", 6) == 0)
            nilo_json_key(&o, "end");
        else
            nilo_json_put(&o, e, text, len);
    }
    nilo_buf_addc(&l->line, '\n');
    return 0;
}

/* The members that are left, a column each, as the line of a row in `to`. fresh: they are the first row's, and name the columns; else they have to be
 * those of the rows before. */
static int copy_row(struct nilo__whole_lines *l, struct nilo_json *j, bool fresh, struct nilo_buf *to)
{
    const char *name = nilo_buf_str(&l->columns);
    enum nilo_json_event e;
    const char *text;
    size_t len, n = 0;
    struct nilo_json_out o;
    nilo_json_out_init(&o, to);
    nilo_json_array_begin(&o);
    for (;; n++) {
        if (next(j, &e, &text, &len) != 0)
            return -1;
        if (e == NILO_JSON_OBJECT_END)
            break;
        if (fresh) {
            add_column(l, text, len);
        } else {
            if (n == l->n_columns || strlen(name) != len || memcmp(name, text, len) != 0)
                return -1;
            name += len + 1;
        }
        if (next(j, &e, &text, &len) != 0)
            return -1;
        if (e == NILO_JSON_STRING)
            nilo_json_strn(&o, text, len);
        else if (e == NILO_JSON_NUMBER || e == NILO_JSON_NULL)
            nilo_json_text(&o, text, len);
        else
            return -1;
    }
    nilo_json_array_end(&o);
    nilo_buf_addc(to, '\n');
    return n == l->n_columns ? 0 : -1;
}

static int copy_object(struct nilo__whole_lines *l, struct nilo_json *j)
{
    enum nilo_json_event e;
    const char *text;
    size_t len;
    if (next(j, &e, NULL, NULL) != 0 || e != NILO_JSON_OBJECT_BEGIN || next(j, &e, &text, &len) != 0 || e != NILO_JSON_KEY || len != 5 ||
        memcmp(text, "table", 5) != 0 || next(j, &e, &text, &len) != 0 || e != NILO_JSON_STRING || len >= sizeof l->table)
        return -1;
    bool trailer = len == 3 && memcmp(text, "end", 3) == 0;
    if (trailer || (len == 6 && memcmp(text, "export", 6) == 0))
        return copy_members(l, j, trailer);
    if (strlen(l->table) == len && memcmp(l->table, text, len) == 0)
        return copy_row(l, j, false, &l->line);
    memcpy(l->table, text, len);
    l->table[len] = '\0';
    forget_columns(l);
    l->waits = true;
    if (copy_row(l, j, true, &l->behind) != 0)
        return -1;
    put_table_line(l);
    return 0;
}

static int next_object(struct nilo__whole_lines *l, struct nilo_err *err)
{
    const char *text;
    size_t len;
    struct nilo_json *j;
    int got = nilo__objects_next(l->objects, &text, &len, &l->number, err);
    if (got <= 0)
        return got;
    nilo_buf_reset(&l->behind);
    if (nilo_json_new(text, len, NILO_JSON_DEFAULT_LIMITS, &j, err) != 0)
        return -1;
    int rc = copy_object(l, j);
    nilo_json_free(j);
    if (l->line.failed || l->behind.failed || l->columns.failed)
        return nilo_err_nomem(err);
    return rc == 0 ? 1 : nilo__whole_damaged(l, "not an object of an export, or not with the members of the one before", err);
}

/* ---- CSV ------------------------------------------------------------------------------------------------------------------------------------ */

static bool is_null(const struct nilo__cell *c)
{
    return c->len == 0 && !c->quoted;
}

/* Spreadsheets fill up rows to the length of the longest. */
static size_t filled(const struct nilo__row *row)
{
    size_t n = row->n_cells;
    while (n > 1 && is_null(&row->cells[n - 1]))
        n--;
    return n;
}

static bool is_whole(const struct nilo__cell *c)
{
    size_t sign = c->len > 0 && c->p[0] == '-';
    return c->len > sign && strspn(c->p + sign, "0123456789") == c->len - sign;
}

static void put_text(struct nilo_json_out *o, struct nilo__cell c)
{
    if (is_null(&c)) {
        nilo_json_null(o);
        return;
    }
    nilo__csv_unmark(&c);
    nilo_json_strn(o, c.p, c.len);
}

/* The header's row and the trailer's: members by name. Two hold what is no text. */
static void put_named_line(struct nilo__whole_lines *l, bool trailer)
{
    struct nilo_json_out o;
    const char *name = nilo_buf_str(&l->columns);
    nilo_json_out_init(&o, &l->line);
    nilo_json_object_begin(&o);
    for (size_t i = 0; i < l->n_columns; i++, name += strlen(name) + 1) {
        const struct nilo__cell *c = &l->row.cells[1 + i];
        nilo_json_key(&o, trailer && strcmp(name, "format") == 0 ? "end" : name);
        if (!is_null(c) && (strcmp(name, "version") == 0 || strcmp(name, "rows") == 0))
            nilo_json_text(&o, c->p, c->len);
        else
            put_text(&o, *c);
    }
    nilo_json_object_end(&o);
    nilo_buf_addc(&l->line, '\n');
}

static int put_row_line(struct nilo__whole_lines *l, struct nilo_err *err)
{
    struct nilo_json_out o;
    nilo_json_out_init(&o, &l->line);
    nilo_json_array_begin(&o);
    for (size_t i = 0; i < l->n_columns; i++) {
        const struct nilo__cell *c = &l->row.cells[1 + i];
        enum nilo_whole_type type = i < NILO_WHOLE_COLUMNS_MAX ? l->types[i] : NILO_WHOLE_TEXT;
        if (type == NILO_WHOLE_TEXT)
            put_text(&o, *c);
        else if (is_null(c))
            nilo_json_null(&o);
        else if (type == NILO_WHOLE_BYTES)
            nilo_json_strn(&o, c->p, c->len);
        else if (is_whole(c))
            nilo_json_text(&o, c->p, c->len);
        else
            return nilo__whole_damaged(l, "what should be a whole number is none", err);
    }
    nilo_json_array_end(&o);
    nilo_buf_addc(&l->line, '\n');
    return 1;
}

static int take_header(struct nilo__whole_lines *l, struct nilo_err *err)
{
    size_t n = filled(&l->row);
    if (l->headed)
        return nilo__whole_damaged(l, "a header without rows", err);
    forget_columns(l);
    for (size_t i = 1; i < n; i++)
        add_column(l, l->row.cells[i].p, strlen(l->row.cells[i].p));
    l->headed = true;
    return 0;
}

/* What the columns of the table hold; of one that this program does not know, whoever reads its line says so. */
static void find_types(struct nilo__whole_lines *l)
{
    int table = nilo_whole_table(l->table);
    const char *name = nilo_buf_str(&l->columns);
    for (size_t i = 0; i < l->n_columns && i < NILO_WHOLE_COLUMNS_MAX; i++, name += strlen(name) + 1) {
        int at = table >= 0 ? nilo_whole_column((size_t)table, name) : -1;
        l->types[i] = at >= 0 ? nilo_whole_tables[table].columns[at].type : NILO_WHOLE_TEXT;
    }
}

static int take_row(struct nilo__whole_lines *l, struct nilo_err *err)
{
    const struct nilo__cell *name = &l->row.cells[0];
    if (l->row.n_cells < 1 + l->n_columns || filled(&l->row) > 1 + l->n_columns)
        return nilo__whole_damaged(l, "not as many cells as its header", err);
    if (!l->headed && strcmp(name->p, l->table) != 0)
        return nilo__whole_damaged(l, "a row of another table than the one before, without a header", err);
    if (!l->headed)
        return put_row_line(l, err);
    if (name->len >= sizeof l->table)
        return nilo__whole_damaged(l, "not a row of an export", err);
    snprintf(l->table, sizeof l->table, "%s", name->p);
    l->headed = false;
    if (strcmp(l->table, "export") == 0 || strcmp(l->table, "end") == 0) {
        put_named_line(l, strcmp(l->table, "end") == 0);
        return 1;
    }
    find_types(l);
    put_table_line(l);
    l->waits = true;
    return 1;
}

static int next_row(struct nilo__whole_lines *l, struct nilo_err *err)
{
    if (l->waits) {
        l->waits = false;
        return put_row_line(l, err);
    }
    for (;;) {
        int got = nilo__csv_next(l->csv, &l->row, err);
        if (got <= 0)
            return got;
        l->number = l->row.line;
        if (l->row.why != NILO__FINE)
            return nilo__whole_damaged(l, "a row that is too large", err);
        if (strcmp(l->row.cells[0].p, "table") != 0)
            return take_row(l, err);
        if (take_header(l, err) != 0)
            return -1;
    }
}

/* ---- any ---------------------------------------------------------------------------------------------------------------------------------------- */

int nilo__whole_lines_next(struct nilo__whole_lines *l, const char **ret, size_t *ret_len, struct nilo_err *err)
{
    const struct nilo_buf *from = &l->line;
    int got = 1;
    nilo_buf_reset(&l->line);
    if (l->objects != NULL && l->waits) {
        l->waits = false;
        from = &l->behind;
    } else {
        got = l->objects != NULL ? next_object(l, err) : l->csv != NULL ? next_row(l, err) : next_plain(l, err);
    }
    if (got == 1 && from->failed)
        return nilo_err_nomem(err);
    *ret = from->data;
    *ret_len = from->len;
    return got;
}
