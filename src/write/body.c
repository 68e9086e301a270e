/* The body of a write: one JSON object or an array of them, to rows. Strict as base/json is: depth 32, 1,000 keys an object, no key twice, good UTF-8, no
 * NUL; numbers stay text. Only members that a row really holds cost memory, so that a list of a thousand columns over a million empty rows does not. */
#include <string.h>

#include "base/json.h"
#include "write/write_priv.h"

struct reader {
    struct nilo_json *json;
    struct nilo_arena *arena;
    struct nilo__body *body;
    bool wanted, free_keys;
    struct nilo__member *members; /* of the row being read */
    size_t cap_members;
    size_t cap_rows;
    struct nilo_notes *notes;
    bool said; /* the refusal has its words already */
};

#define COLUMNS_MAX 1000

/* As PostgREST says it, with what we know in the details. */
static int invalid(struct nilo_notes *notes, const char *details, struct nilo_err *err)
{
    nilo__detail(notes, "%s", details);
    return nilo_err_set(err, NILO_EBODY, "Empty or invalid json");
}

static int no_rows(struct reader *r, struct nilo_err *err)
{
    r->said = true;
    return invalid(r->notes, "an object, or an array of objects, is expected", err);
}

/* ---- columns --------------------------------------------------------------------------------------------------------------------- */

static bool same(const struct nilo__name *a, const char *p, size_t len)
{
    return a->len == len && memcmp(a->p, p, len) == 0;
}

/* Rows mostly name their keys in one order: look where the one before would lead to first. SIZE_MAX: unknown. */
static size_t find_column(const struct nilo__body *b, size_t guess, const char *p, size_t len)
{
    if (guess < b->n_columns && same(&b->columns[guess], p, len))
        return guess;
    for (size_t i = 0; i < b->n_columns; i++)
        if (same(&b->columns[i], p, len))
            return i;
    return SIZE_MAX;
}

static int add_column(struct reader *r, const char *p, size_t len, struct nilo_err *err)
{
    struct nilo__body *b = r->body;
    if (b->n_columns == b->cap_columns) {
        size_t cap = b->cap_columns ? 2 * b->cap_columns : 16;
        struct nilo__name *more = nilo_arena_array(r->arena, cap, sizeof *more);
        if (!more)
            return nilo_err_nomem(err);
        if (b->n_columns)
            memcpy(more, b->columns, b->n_columns * sizeof *more);
        b->columns = more;
        b->cap_columns = cap;
    }
    if (b->n_columns >= COLUMNS_MAX)
        return nilo_err_set(err, NILO_EBODY, "the rows have more than %d columns in all", COLUMNS_MAX);
    char *copy = nilo_arena_strndup(r->arena, p, len);
    if (!copy)
        return nilo_err_nomem(err);
    b->columns[b->n_columns++] = (struct nilo__name){copy, len};
    return 0;
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------- */

static int unescape(struct reader *r, const char *raw, size_t len, struct nilo__member *m, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (nilo_json_new(raw, len, NILO_JSON_DEFAULT_LIMITS, &j, err) < 0)
        return -1;
    int rc = nilo_json_next(j, &event, &text, &n, err);
    if (rc == 0 && (m->p = nilo_arena_strndup(r->arena, text, n)) == NULL)
        rc = nilo_err_nomem(err);
    nilo_json_free(j);
    m->len = (uint32_t)n;
    return rc;
}

/* Behind a key. Strings without escapes, numbers and documents stay where they are. */
static int read_value(struct reader *r, struct nilo__member *m, struct nilo_err *err)
{
    const char *raw;
    size_t len;
    if (nilo_json_raw(r->json, &raw, &len, err) < 0)
        return -1;
    m->p = raw;
    m->len = (uint32_t)len;
    switch (raw[0]) {
    case '"':
        m->kind = NILO__STRING;
        if (memchr(raw, '\\', len))
            return unescape(r, raw, len, m, err);
        m->p++;
        m->len -= 2;
        return 0;
    case '{':
    case '[':
        m->kind = NILO__NESTED;
        return 0;
    case 't':
    case 'f':
        m->kind = NILO__BOOL;
        return 0;
    case 'n':
        m->kind = NILO__NULL;
        return 0;
    default:
        m->kind = NILO__NUMBER;
        return 0;
    }
}

/* ---- rows ----------------------------------------------------------------------------------------------------------------------------- */

static int room_for_member(struct reader *r, size_t n, struct nilo_err *err)
{
    if (n < r->cap_members)
        return 0;
    size_t cap = r->cap_members ? 2 * r->cap_members : 32;
    struct nilo__member *more = nilo_arena_array(r->arena, cap, sizeof *more);
    if (!more)
        return nilo_err_nomem(err);
    if (n)
        memcpy(more, r->members, n * sizeof *more);
    r->members = more;
    r->cap_members = cap;
    return 0;
}

static int keep_row(struct reader *r, size_t n, struct nilo_err *err)
{
    struct nilo__body *b = r->body;
    if (b->n_rows == r->cap_rows) {
        size_t cap = r->cap_rows ? 2 * r->cap_rows : 16;
        struct nilo__row *more = nilo_arena_array(r->arena, cap, sizeof *more);
        if (!more)
            return nilo_err_nomem(err);
        if (b->n_rows)
            memcpy(more, b->rows, b->n_rows * sizeof *more);
        b->rows = more;
        r->cap_rows = cap;
    }
    struct nilo__member *copy = nilo_arena_array(r->arena, n ? n : 1, sizeof *copy);
    if (!copy)
        return nilo_err_nomem(err);
    if (n)
        memcpy(copy, r->members, n * sizeof *copy);
    b->rows[b->n_rows++] = (struct nilo__row){copy, (uint32_t)n};
    return 0;
}

static int must_match(struct reader *r, struct nilo_err *err)
{
    r->said = true;
    return nilo_err_set(err, NILO_EBODY, "All object keys must match");
}

/* Behind the brace of a row. */
static int read_row(struct reader *r, struct nilo_err *err)
{
    struct nilo__body *b = r->body;
    bool first = b->n_rows == 0, fixed = r->wanted || (!first && !r->free_keys);
    size_t n = 0, keys = 0;
    for (;; keys++) {
        enum nilo_json_event event;
        const char *name;
        size_t len;
        if (nilo_json_next(r->json, &event, &name, &len, err) < 0)
            return -1;
        if (event == NILO_JSON_OBJECT_END)
            break;
        size_t column = find_column(b, keys, name, len);
        if (column == SIZE_MAX && fixed) {
            if (!r->wanted)
                return must_match(r, err);
            if (nilo_json_skip(r->json, err) < 0)
                return -1;
            continue;
        }
        if (column == SIZE_MAX) {
            column = b->n_columns;
            if (add_column(r, name, len, err) < 0)
                return -1;
        }
        if (room_for_member(r, n, err) < 0 || read_value(r, &r->members[n], err) < 0)
            return -1;
        r->members[n++].column = (uint16_t)column;
    }
    if (!first && !r->wanted && !r->free_keys && keys != b->n_columns)
        return must_match(r, err);
    return keep_row(r, n, err);
}

static int read_array(struct reader *r, struct nilo_err *err)
{
    for (;;) {
        enum nilo_json_event event;
        if (nilo_json_next(r->json, &event, NULL, NULL, err) < 0)
            return -1;
        if (event == NILO_JSON_ARRAY_END)
            return 0;
        if (event != NILO_JSON_OBJECT_BEGIN)
            return no_rows(r, err);
        if (read_row(r, err) < 0)
            return -1;
    }
}

static int read_all(struct reader *r, struct nilo_err *err)
{
    enum nilo_json_event event;
    if (nilo_json_next(r->json, &event, NULL, NULL, err) < 0)
        return -1;
    if (event != NILO_JSON_OBJECT_BEGIN && event != NILO_JSON_ARRAY_BEGIN)
        return no_rows(r, err);
    r->body->array = event == NILO_JSON_ARRAY_BEGIN;
    if ((r->body->array ? read_array(r, err) : read_row(r, err)) < 0)
        return -1;
    return nilo_json_next(r->json, &event, NULL, NULL, err);
}

int nilo__body_parse(const char *text, size_t len, const struct nilo__name *wanted, size_t n_wanted, bool free_keys, struct nilo_arena *arena,
                     struct nilo__body *ret, struct nilo_notes *notes, struct nilo_err *err)
{
    struct reader r = {.arena = arena, .body = ret, .wanted = wanted != NULL, .free_keys = free_keys, .notes = notes};
    *ret = (struct nilo__body){0};
    if (len > UINT32_MAX)
        return nilo_err_set(err, NILO_EBODY, "the body is too large");
    for (size_t i = 0; i < n_wanted; i++)
        if (find_column(ret, SIZE_MAX, wanted[i].p, wanted[i].len) == SIZE_MAX && add_column(&r, wanted[i].p, wanted[i].len, err) < 0)
            return -1;
    if (nilo_json_new(text, len, NILO_JSON_DEFAULT_LIMITS, &r.json, err) < 0)
        return -1;
    int rc = read_all(&r, err);
    nilo_json_free(r.json);
    if (rc < 0 && err->code == NILO_EBODY && !r.said) {
        struct nilo_err why = *err;
        return invalid(notes, why.msg, err);
    }
    return rc;
}

const struct nilo__member *nilo__member(const struct nilo__row *row, size_t column)
{
    if (column < row->n && row->members[column].column == column)
        return &row->members[column];
    for (uint32_t i = 0; i < row->n; i++)
        if (row->members[i].column == column)
            return &row->members[i];
    return NULL;
}
