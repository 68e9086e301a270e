/* A member of a row as a typed value, with PostgreSQL's words and codes where it is none; and the refusals that rows share. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "write/write_priv.h"

#define SHOWN 100 /* bytes of a value that a message repeats */

void nilo__detail(struct nilo_notes *notes, const char *fmt, ...)
{
    va_list ap;
    size_t bad;
    va_start(ap, fmt);
    vsnprintf(notes->details, sizeof notes->details, fmt, ap);
    va_end(ap);
    if (!nilo_utf8_valid(notes->details, strlen(notes->details), &bad))
        notes->details[bad] = '\0'; /* cut within a character */
}

const struct nilo__member *nilo__cell(const struct nilo__job *j, const char *column)
{
    for (size_t i = 0; i < j->body.n_columns; i++)
        if (j->columns[i] && strcmp(j->columns[i]->name, column) == 0)
            return nilo__member(&j->body.rows[j->row], i);
    return NULL;
}

bool nilo__said(const struct nilo__member *m)
{
    return m && m->kind != NILO__NULL;
}

static int shown(const struct nilo__member *m)
{
    size_t n = m->len < SHOWN ? m->len : SHOWN, bad;
    if (n < m->len && !nilo_utf8_valid(m->p, n, &bad))
        n = bad;
    return (int)n;
}

static int not_of(const struct nilo__member *m, const char *type, enum nilo_code code, struct nilo_err *err)
{
    return nilo_err_set(err, code, "invalid input syntax for type %s: \"%.*s\"", type, shown(m), m->p);
}

int nilo__need(const struct nilo__job *j, const struct nilo__member *m, const char *column, struct nilo_err *err)
{
    if (nilo__said(m))
        return 0;
    if (j->body.n_rows > 1)
        nilo__detail(j->notes, "Failing row: number %zu of %zu.", j->row + 1, j->body.n_rows);
    return nilo_err_set(err, NILO_ENULL, "null value in column \"%s\" of relation \"%s\" violates not-null constraint", column, j->relation->name);
}

int nilo__text(struct nilo__job *j, const struct nilo__member *m, const char **ret, struct nilo_err *err)
{
    *ret = NULL;
    if (!nilo__said(m))
        return 0;
    char *copy = nilo_arena_strndup(&j->arena, m->p, m->len);
    if (!copy)
        return nilo_err_nomem(err);
    *ret = copy;
    return 0;
}

int nilo__date(struct nilo__job *j, const struct nilo__member *m, nilo_day *ret, struct nilo_err *err)
{
    struct nilo_iso at;
    (void)j;
    if (m->kind != NILO__STRING)
        return not_of(m, "date", NILO_EDATE, err);
    if (nilo_iso_parse(m->p, m->len, &at, err) < 0)
        return err->code == NILO_EDATERANGE ? nilo_err_set(err, NILO_EDATERANGE, "date/time field value out of range: \"%.*s\"", shown(m), m->p)
                                            : not_of(m, "date", NILO_EDATE, err);
    *ret = at.day;
    return 0;
}

int nilo__time(struct nilo__job *j, const struct nilo__member *m, nilo_us *ret, struct nilo_err *err)
{
    struct nilo_iso at;
    (void)j;
    if (m->kind != NILO__STRING)
        return not_of(m, "timestamp with time zone", NILO_EDATE, err);
    if (nilo_iso_parse(m->p, m->len, &at, err) < 0)
        return err->code == NILO_EDATERANGE ? nilo_err_set(err, NILO_EDATERANGE, "date/time field value out of range: \"%.*s\"", shown(m), m->p)
                                            : not_of(m, "timestamp with time zone", NILO_EDATE, err);
    *ret = at.us;
    return 0;
}

int nilo__number(struct nilo__job *j, const struct nilo__member *m, struct nilo__name *ret, int *ret_digits, struct nilo_err *err)
{
    int64_t ignored;
    struct nilo_err why;
    (void)j;
    if ((m->kind != NILO__NUMBER && m->kind != NILO__STRING) || (nilo_decimal_parse(m->p, m->len, 0, true, &ignored, &why) < 0 && why.code == NILO_ENUMBER))
        return not_of(m, "numeric", NILO_ENUMBER, err);
    *ret = (struct nilo__name){m->p, m->len};
    *ret_digits = 0;
    while (*ret_digits <= NILO_SCALE_MAX && nilo_decimal_parse(m->p, m->len, *ret_digits, false, &ignored, NULL) < 0)
        ++*ret_digits;
    return 0;
}

int nilo__scaled(struct nilo__job *j, struct nilo__name number, const struct nilo_metric *metric, int64_t *ret, struct nilo_err *err)
{
    struct nilo_err why;
    bool round = metric->type == NILO_AVERAGE || metric->type == NILO_PERCENTAGE;
    struct nilo__member m = {.p = number.p, .len = (uint32_t)number.len};
    bool rounded = round && nilo_decimal_parse(number.p, number.len, metric->scale, false, ret, &why) < 0 && why.code == NILO_EINVAL;
    if (rounded && j->w->prefer.strict)
        return nilo_err_set(err, NILO_EOVERFLOW, "value \"%.*s\" would be rounded: \"%s\" keeps %d digits behind the point; round it, or leave handling=strict out", shown(&m),
                            m.p, metric->name, metric->scale);
    j->out->rounded += rounded;
    if (nilo_decimal_parse(number.p, number.len, metric->scale, round, ret, &why) == 0)
        return *ret < 0 && !nilo_metric_may_be_negative(metric) ? nilo__check_failed(j, "a count is not negative", err) : 0;
    if (why.code == NILO_EINVAL)
        return nilo_err_set(err, NILO_EOVERFLOW, "value \"%.*s\" is out of range: \"%s\" keeps %d digits behind the point, and nothing is rounded", shown(&m),
                            m.p, metric->name, metric->scale);
    return nilo_err_set(err, NILO_EOVERFLOW, "value \"%.*s\" is out of range for \"%s\"", shown(&m), m.p, metric->name);
}

int nilo__whole(struct nilo__job *j, const struct nilo__member *m, int64_t *ret, struct nilo_err *err)
{
    struct nilo_err why;
    (void)j;
    if ((m->kind != NILO__NUMBER && m->kind != NILO__STRING) || (nilo_decimal_parse(m->p, m->len, 0, false, ret, &why) < 0 && why.code != NILO_EOVERFLOW))
        return not_of(m, "bigint", NILO_ENUMBER, err);
    return nilo_decimal_parse(m->p, m->len, 0, false, ret, NULL) == 0
               ? 0
               : nilo_err_set(err, NILO_EOVERFLOW, "value \"%.*s\" is out of range for type bigint", shown(m), m->p);
}

int nilo__truth(struct nilo__job *j, const struct nilo__member *m, bool *ret, struct nilo_err *err)
{
    static const char *const words[] = {"false", "true"};
    (void)j;
    for (int i = 0; i < 2; i++)
        if ((m->kind == NILO__BOOL || m->kind == NILO__STRING) && m->len == strlen(words[i]) && memcmp(m->p, words[i], m->len) == 0) {
            *ret = i == 1;
            return 0;
        }
    return not_of(m, "boolean", NILO_ENUMBER, err);
}

/* Strings were unescaped: they are spelled again. */
int nilo__json(struct nilo__job *j, const struct nilo__member *m, const char **ret, struct nilo_err *err)
{
    if (m->kind != NILO__STRING)
        return nilo__text(j, m, ret, err);
    struct nilo_buf b;
    struct nilo_json_out o;
    nilo_buf_init(&b, NILO__ARENA_MAX);
    nilo_json_out_init(&o, &b);
    nilo_json_strn(&o, m->p, m->len);
    *ret = b.failed ? NULL : nilo_arena_strndup(&j->arena, b.data, b.len);
    nilo_buf_done(&b);
    return *ret ? 0 : nilo_err_nomem(err);
}

/* ---- refusals --------------------------------------------------------------------------------------------------------------------------- */

static void key_detail(struct nilo__job *j, const char *const *values, const char *end)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 65536);
    nilo_buf_adds(&b, "Key (");
    for (size_t i = 0; j->relation->key[i]; i++)
        nilo_buf_addf(&b, "%s%s", i ? ", " : "", j->relation->key[i]);
    nilo_buf_adds(&b, ")=(");
    for (size_t i = 0; j->relation->key[i]; i++)
        nilo_buf_addf(&b, "%s%s", i ? ", " : "", values[i]);
    nilo__detail(j->notes, "%s)%s", nilo_buf_str(&b), end);
    nilo_buf_done(&b);
}

int nilo__taken(struct nilo__job *j, const char *const *values, struct nilo_err *err)
{
    key_detail(j, values, " already exists.");
    return nilo_err_set(err, NILO_EEXIST, "duplicate key value violates unique constraint \"%s\"", j->relation->constraint);
}

int nilo__twice(struct nilo__job *j, const char *const *values, struct nilo_err *err)
{
    if (j->w->prefer.resolution == NILO_WRITE_INSERT)
        return nilo__taken(j, values, err);
    key_detail(j, values, " comes twice in this request.");
    return nilo_err_set(err, NILO_ETWICE, "ON CONFLICT DO UPDATE command cannot affect row a second time");
}

int nilo__check_failed(struct nilo__job *j, const char *constraint, struct nilo_err *err)
{
    if (j->body.n_rows > 1)
        nilo__detail(j->notes, "Failing row: number %zu of %zu.", j->row + 1, j->body.n_rows);
    return nilo_err_set(err, NILO_ECHECK, "new row for relation \"%s\" violates check constraint \"%s\"", j->relation->name, constraint);
}

int nilo__own_workspace(struct nilo__job *j, struct nilo_err *err)
{
    const struct nilo__member *m = nilo__cell(j, "workspace");
    if (!nilo__said(m) || (m->kind == NILO__STRING && m->len == strlen(j->w->workspace_name) && memcmp(m->p, j->w->workspace_name, m->len) == 0))
        return 0;
    return nilo_err_set(err, NILO_ENOWORKSPACE, "there is no such workspace");
}
