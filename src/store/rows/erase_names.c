/* Names in free texts, and in the metadata of an app's own metrics: a statement that counts by creator has their names as keys of its breakdown. There
 * "(erased)" takes the name's place; the count stays. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store/rows/rows.h"

#define KEY_MAX    7
#define META_MAX   ((size_t)4 << 20)
#define WORD_LEAST 4 /* bytes: shorter ones only where they are the whole text */

static bool letter(unsigned char c)
{
    return c >= 0x80 || isalnum(c);
}

bool nilo__has_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = text; len > 0 && (at = strstr(at, word)) != NULL; at++) {
        bool begins = at == text || !letter((unsigned char)at[-1]) || !letter((unsigned char)word[0]);
        bool ends = !letter((unsigned char)at[len]) || !letter((unsigned char)word[len - 1]);
        if (begins && ends)
            return true;
    }
    return false;
}

/* ---- one document ------------------------------------------------------------------------------------------------------------ */

struct document {
    const char *const *people; /* also as a word among others */
    size_t n_people;
    const char **items; /* only as the whole text; ascending */
    size_t n_items;
    struct nilo_buf buf, text;
    struct nilo_json_out out;
    char **hidden; /* texts that are replaced, in the order of their numbers */
    size_t n_hidden, cap_hidden;
    long first; /* number of the first of them */
};

/* The words of metadata itself (SEMANTICS 1): a person who bears such a name must not take the structure along. */
static bool is_structure(const char *text)
{
    static const char *const own[] = {"breakdown", "top_items", "key", "value", "sample_size", "std_deviation", "numerator", "denominator", "out_of_range", "note"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcmp(text, own[i]) == 0)
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Numbers of few digits are ratings, years and sizes more often than ids: only longer ones are names. */
static bool is_number(const char *word)
{
    return strspn(word, "0123456789") == strlen(word);
}

static bool names_one(const struct document *d, const char *text)
{
    if (text[0] == '\0' || (is_number(text) && strlen(text) <= WORD_LEAST))
        return false;
    for (size_t i = 0; i < d->n_people; i++)
        if (strcmp(text, d->people[i]) == 0 || (strlen(d->people[i]) >= WORD_LEAST && nilo__has_word(text, d->people[i])))
            return true;
    return d->n_items > 0 && bsearch(&text, d->items, d->n_items, sizeof *d->items, by_text) != NULL;
}

/* Each text has one number in a document, so that a breakdown and its top items go on fitting together, and no key is there twice. */
static int number_of(struct document *d, const char *text, long *ret)
{
    size_t i = 0;
    while (i < d->n_hidden && strcmp(d->hidden[i], text) != 0)
        i++;
    *ret = d->first + (long)i;
    if (i < d->n_hidden)
        return 0;
    if (d->n_hidden == d->cap_hidden) {
        size_t cap = d->cap_hidden > 0 ? 2 * d->cap_hidden : 16;
        char **more = realloc(d->hidden, cap * sizeof *more);
        if (more == NULL)
            return -1;
        d->hidden = more;
        d->cap_hidden = cap;
    }
    if ((d->hidden[i] = strdup(text)) == NULL)
        return -1;
    d->n_hidden++;
    return 0;
}

static void forget_hidden(struct document *d)
{
    for (size_t i = 0; i < d->n_hidden; i++)
        free(d->hidden[i]);
    d->n_hidden = 0;
}

static int put_gone(struct document *d, const char *text, bool key)
{
    char label[48];
    long number;
    if (number_of(d, text, &number) != 0)
        return -1;
    snprintf(label, sizeof label, number == 1 ? NILO__GONE : NILO__GONE " %ld", number);
    if (key)
        nilo_json_key(&d->out, label);
    else
        nilo_json_str(&d->out, label);
    return 0;
}

static int put_text(struct document *d, const char *text, size_t len, bool key)
{
    nilo_buf_reset(&d->text);
    nilo_buf_add(&d->text, text, len);
    const char *whole = nilo_buf_str(&d->text);
    if (!is_structure(whole) && names_one(d, whole))
        return d->text.failed ? -1 : put_gone(d, whole, key);
    if (key)
        nilo_json_key(&d->out, whole);
    else
        nilo_json_strn(&d->out, text, len);
    return d->text.failed ? -1 : 0;
}

static int put_event(struct document *d, enum nilo_json_event e, const char *text, size_t len)
{
    if (e == NILO_JSON_KEY || e == NILO_JSON_STRING)
        return put_text(d, text, len, e == NILO_JSON_KEY);
    nilo_json_put(&d->out, e, text, len);
    return 0;
}

/* One more than the greatest number that stands in it already, from an erasure before or from the source. */
static long first_free(const char *meta)
{
    long most = 0;
    for (const char *at = meta; (at = strstr(at, NILO__GONE)) != NULL; at++) {
        char *end;
        const char *behind = at + sizeof NILO__GONE - 1;
        long n = *behind == ' ' ? strtol(behind, &end, 10) : 1;
        most = n > most && n < 1000000000 ? n : most > 1 ? most : 1;
    }
    return most + 1;
}

/* d->buf: the document without the words; as it was when it names none (n_hidden 0) */
static int rewrite(struct document *d, const char *meta, size_t len, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event e = NILO_JSON_NULL;
    const char *text;
    size_t n;
    forget_hidden(d);
    d->first = first_free(meta);
    nilo_buf_reset(&d->buf);
    nilo_json_out_init(&d->out, &d->buf);
    if (nilo_json_new(meta, len, (struct nilo_json_limits){.keys = 100000}, &j, err) != 0)
        return -1;
    int rc = 0;
    while (rc == 0 && (rc = nilo_json_next(j, &e, &text, &n, err)) == 0 && e != NILO_JSON_END)
        rc = put_event(d, e, text, n);
    nilo_json_free(j);
    return rc != 0 ? -1 : d->buf.failed || d->text.failed ? nilo_err_nomem(err) : 0;
}

/* ---- all of a workspace ------------------------------------------------------------------------------------------------------- */

struct row {
    int64_t key[KEY_MAX];
    char *meta;
};

struct rows {
    struct row *all;
    size_t n, cap;
    int n_key;
};

static void row_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct rows *r = ctx;
    for (int k = 0; k < r->n_key; k++)
        p[k] = NILO_DBV_INT(r->all[i].key[k]);
    p[r->n_key] = NILO_DBV_TEXT(r->all[i].meta);
}

static int keep(struct rows *r, struct nilo_db_stmt *stmt, const char *meta, struct nilo_err *err)
{
    if (r->n == r->cap) {
        size_t cap = r->cap > 0 ? 2 * r->cap : 64;
        struct row *more = realloc(r->all, cap * sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        r->all = more;
        r->cap = cap;
    }
    struct row *new = &r->all[r->n];
    for (int k = 0; k < r->n_key; k++)
        new->key[k] = nilo_db_column_int(stmt, k);
    if ((new->meta = strdup(meta)) == NULL)
        return nilo_err_nomem(err);
    r->n++;
    return 0;
}

static bool names_people(const struct document *d, const char *text)
{
    for (size_t i = 0; i < d->n_people; i++)
        if (nilo__has_word(text, d->people[i]))
            return true;
    return false;
}

static int rewrite_table(struct nilo_store *s, int64_t workspace, struct document *d, struct rows *r, const char *find, const char *write, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__query(s, &stmt, err, find, NILO__PARAMS(NILO_DBV_INT(workspace))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        struct nilo_db_value meta = nilo_db_column(stmt, r->n_key);
        const char *text = nilo_db_column_text(stmt, r->n_key), *left = NULL;
        struct nilo_err broken;
        if (meta.len > 0 && rewrite(d, text, meta.len, &broken) != 0) /* no JSON that can be written again: as a whole */
            left = names_people(d, text) ? "{\"erased\":\"" NILO__GONE "\"}" : NULL;
        else if (meta.len > 0 && d->n_hidden > 0)
            left = nilo_buf_str(&d->buf);
        if (left != NULL && keep(r, stmt, left, err) != 0) {
            nilo_db_reset(stmt);
            return -1;
        }
    }
    return got < 0 || nilo_db_prepare(s->db, write, &stmt, err) < 0 || nilo_db_many(stmt, r->n, r->n_key + 1, row_params, NULL, r, err) < 0 ? -1 : 0;
}

#define APPS "t JOIN entity e ON e.bucket = t.bucket AND e.id = t.entity_id WHERE e.workspace_id = ?1 AND e.kind = 2 AND t.meta IS NOT NULL"

int nilo__erase_in_metadata(struct nilo_store *s, int64_t workspace, const struct nilo__gone *gone, int64_t *ret_values, struct nilo_err *err)
{
    static const struct {
        int n_key;
        const char *find, *write;
    } tables[] = {
        {7, "SELECT t.bucket, t.entity_id, t.win, t.day, t.captured_at, t.metric_id, t.run_id, t.meta FROM observation " APPS,
         "UPDATE observation SET meta = ?8 WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day = ?4 AND captured_at = ?5 AND metric_id = ?6 AND run_id = ?7"},
        {6, "SELECT t.bucket, t.entity_id, t.win, t.day, t.metric_id, t.seq, t.meta FROM day_value " APPS,
         "UPDATE day_value SET meta = ?7 WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day = ?4 AND metric_id = ?5 AND seq = ?6"},
    };
    struct document d = {.people = gone->people, .n_people = gone->n_people, .n_items = gone->n_items};
    int rc = 0;
    *ret_values = 0;
    d.items = calloc(gone->n_items + 1, sizeof *d.items);
    if (d.items == NULL)
        rc = nilo_err_nomem(err);
    else
        memcpy(d.items, gone->items, gone->n_items * sizeof *d.items);
    if (rc == 0)
        qsort(d.items, d.n_items, sizeof *d.items, by_text);
    nilo_buf_init(&d.buf, META_MAX);
    nilo_buf_init(&d.text, META_MAX);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && rc == 0; i++) {
        struct rows r = {.n_key = tables[i].n_key};
        rc = rewrite_table(s, workspace, &d, &r, tables[i].find, tables[i].write, err);
        *ret_values = (int64_t)r.n; /* of the days' values, the last table; readings are behind them */
        for (size_t k = 0; k < r.n; k++)
            free(r.all[k].meta);
        free(r.all);
    }
    nilo_buf_done(&d.text);
    nilo_buf_done(&d.buf);
    forget_hidden(&d);
    free(d.hidden);
    free(d.items);
    return rc;
}
