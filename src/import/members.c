/* The members of one JSON object into the cells of a plan: a column is a key, or a path of keys and places in lists (statistics.viewCount,
 * values.0.value). Numbers keep their exact text, null is an empty cell, true and false are words, lists and objects in a mapped place are their
 * JSON text. */
#include "import/import_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_TEXT_MAX 500
/* Maps in records may have a member a day or an item. */
#define LIMITS ((struct nilo_json_limits){64, 100000, 1024, false})

int nilo__members_init(struct nilo__members *m, struct nilo__plan *plan, struct nilo_err *err)
{
    *m = (struct nilo__members){.plan = plan, .limits = plan->stream != NULL ? LIMITS : NILO_JSON_DEFAULT_LIMITS};
    nilo_buf_init(&m->text, NILO_IMPORT_ROW_MAX + plan->n_columns + 1);
    nilo_buf_init(&m->path, SIZE_MAX);
    nilo_buf_init(&m->keys, KEYS_TEXT_MAX);
    m->cells = calloc(plan->n_columns + 1, sizeof *m->cells);
    m->at = calloc(plan->n_columns + 1, sizeof *m->at);
    if (m->cells == NULL || m->at == NULL)
        return nilo_err_nomem(err);
    return nilo__plan_sort(plan, err);
}

void nilo__members_done(struct nilo__members *m)
{
    nilo_buf_done(&m->text);
    nilo_buf_done(&m->path);
    nilo_buf_done(&m->keys);
    nilo_json_free(m->elements);
    m->elements = NULL;
    free(m->cells);
    free(m->at);
    m->cells = NULL;
    m->at = NULL;
}

int nilo__members_set(struct nilo__members *m, int column, const char *text, size_t len, struct nilo_err *err)
{
    struct nilo__cell *cell = &m->cells[column];
    m->plan->columns[column].seen = true;
    if (cell->there)
        return 0; /* "a.b" as one key, and b within a: the first counts */
    if (len > NILO_IMPORT_CELL_MAX) {
        m->cell_large = true;
        len = 0;
    }
    cell->there = true;
    cell->len = len;
    m->at[column] = m->text.len;
    if (nilo_buf_add(&m->text, text, len) != 0 || nilo_buf_add(&m->text, "", 1) != 0)
        return nilo_err_nomem(err);
    return 0;
}

struct event {
    enum nilo_json_event what;
    const char *text;
    size_t len;
};

static int read_value(struct nilo__members *m, struct nilo_json *j, const struct event *first, struct nilo_err *err);

/* One step down the path, the value there (first: where it has begun), and back. */
static int read_below(struct nilo__members *m, struct nilo_json *j, const char *name, size_t len, const struct event *first, struct nilo_err *err)
{
    size_t outer = m->path.len;
    if (outer > 0)
        nilo_buf_addc(&m->path, '.');
    nilo_buf_add(&m->path, name, len);
    if (m->path.failed)
        return nilo_err_nomem(err);
    if (read_value(m, j, first, err) != 0)
        return -1;
    m->path.len = outer;
    m->path.data[outer] = '\0';
    return 0;
}

/* Behind the opening bracket, to the closing one; depth is bounded by the parser. */
static int read_object(struct nilo__members *m, struct nilo_json *j, struct nilo_err *err)
{
    bool top = m->path.len == 0;
    for (;;) {
        struct event e;
        if (nilo_json_next(j, &e.what, &e.text, &e.len, err) != 0)
            return -1;
        if (e.what == NILO_JSON_OBJECT_END)
            return 0;
        assert(e.what == NILO_JSON_KEY);
        if (top && !m->keys_known)
            nilo_buf_addf(&m->keys, "%s%.*s", m->keys.len > 0 ? ", " : "", (int)e.len, e.text);
        if (read_below(m, j, e.text, e.len, NULL, err) != 0)
            return -1;
    }
}

/* The elements of a list that a path goes through, by their places. */
static int read_list(struct nilo__members *m, struct nilo_json *j, struct nilo_err *err)
{
    char place[24];
    for (int64_t i = 0;; i++) {
        struct event e;
        if (nilo_json_next(j, &e.what, &e.text, &e.len, err) != 0)
            return -1;
        if (e.what == NILO_JSON_ARRAY_END)
            return 0;
        int n = snprintf(place, sizeof place, "%" PRId64, i);
        if (read_below(m, j, place, (size_t)n, &e, err) != 0)
            return -1;
    }
}

static bool begins(const struct event *e)
{
    return e->what == NILO_JSON_OBJECT_BEGIN || e->what == NILO_JSON_ARRAY_BEGIN;
}

static int read_value(struct nilo__members *m, struct nilo_json *j, const struct event *first, struct nilo_err *err)
{
    struct event e;
    bool below, each = m->each != NULL && strcmp(nilo_buf_str(&m->path), m->each) == 0;
    int column = nilo__plan_column(m->plan, nilo_buf_str(&m->path), m->path.len, &below);
    if (column < 0 && !below && !each)
        return first == NULL || begins(first) ? nilo_json_skip(j, err) : 0;
    if (first != NULL)
        e = *first;
    else if (nilo_json_next(j, &e.what, &e.text, &e.len, err) != 0)
        return -1;
    if (e.what == NILO_JSON_OBJECT_BEGIN && below)
        return read_object(m, j, err);
    if (e.what == NILO_JSON_ARRAY_BEGIN && below && !each)
        return read_list(m, j, err);
    if (begins(&e) && nilo_json_raw(j, &e.text, &e.len, err) != 0)
        return -1;
    if (e.what == NILO_JSON_ARRAY_BEGIN && each) {
        m->list = e.text;
        m->list_len = e.len;
        return 0;
    }
    if (column < 0)
        return 0;
    return nilo__members_set(m, column, e.text, e.what == NILO_JSON_NULL ? 0 : e.len, err);
}

int nilo__members_read(struct nilo__members *m, const char *text, size_t len, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    memset(m->cells, 0, (m->plan->n_columns + 1) * sizeof *m->cells);
    for (size_t i = 0; i < m->plan->n_columns; i++)
        m->at[i] = SIZE_MAX;
    nilo_buf_reset(&m->text);
    nilo_buf_reset(&m->path);
    m->cell_large = false;
    m->list = NULL;
    if (nilo_json_new(text, len, m->limits, &j, err) != 0)
        return -1;
    int rc = nilo_json_next(j, &event, NULL, NULL, err);
    if (rc == 0 && event != NILO_JSON_OBJECT_BEGIN)
        rc = nilo_err_set(err, NILO_EBODY, "not an object");
    if (rc == 0)
        rc = read_object(m, j, err);
    if (rc == 0)
        rc = nilo_json_next(j, &event, NULL, NULL, err); /* nothing may follow */
    nilo_json_free(j);
    m->keys_known |= rc == 0;
    return rc;
}

void nilo__members_end(struct nilo__members *m, bool all)
{
    for (size_t i = 0; i < m->plan->n_columns; i++) {
        struct nilo__cell *cell = &m->cells[i];
        if (cell->there)
            cell->p = m->text.data + m->at[i];
        else
            *cell = (struct nilo__cell){.p = "", .there = all}; /* what the element before had there is over */
    }
}

/* ---- a row for each element of a list ------------------------------------------------------------------------------------------------------ */

static bool is_of_list(const struct nilo__members *m, size_t column)
{
    const char *name = m->plan->columns[column].name;
    size_t len = strlen(m->each);
    return strncmp(name, m->each, len) == 0 && (name[len] == '.' || name[len] == '\0');
}

int nilo__members_each(struct nilo__members *m, struct nilo_err *err)
{
    enum nilo_json_event event;
    m->outer = m->text.len;
    if (nilo_json_new(m->list, m->list_len, m->limits, &m->elements, err) != 0)
        return -1;
    return nilo_json_next(m->elements, &event, NULL, NULL, err);
}

int nilo__members_next(struct nilo__members *m, struct nilo_err *err)
{
    struct event e;
    for (size_t i = 0; i < m->plan->n_columns; i++) {
        m->at[i] = is_of_list(m, i) || m->at[i] >= m->outer ? SIZE_MAX : m->at[i];
        m->cells[i].there = m->at[i] != SIZE_MAX;
    }
    m->text.len = m->outer;
    m->cell_large = false;
    int rc = nilo_json_next(m->elements, &e.what, &e.text, &e.len, err);
    if (rc == 0 && e.what != NILO_JSON_ARRAY_END) {
        const char *each = m->each;
        m->each = NULL; /* what lies in the element is no list of ours */
        rc = read_below(m, m->elements, each, strlen(each), &e, err);
        m->each = each;
        if (rc == 0)
            return 1;
    }
    nilo_json_free(m->elements);
    m->elements = NULL;
    return rc;
}
