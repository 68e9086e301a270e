/* SQLite has no type for times: apps keep 2025-01-11 10:00:00, 2025-01-11T10:00:00.000Z, seconds or milliseconds since 1970, and a comparison with a
 * text that is spelled otherwise is not refused, but wrong: an integer is before every text, 'T' behind every blank. So what the statement compares with
 * :from and :to is looked for in its text, and in the table; :from and :to are spelled alike, and where no spelling is right the statement is told what
 * to write. No parser: an operand that is no plain column is left to who wrote it, and gets what datetime() gives. */
#include "connect/times.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define COLUMNS_MAX 64
#define NAME_BYTES  128
#define SQL_BYTES   ((size_t)16 << 10)

/* ---- tokens -------------------------------------------------------------------------------------------------------------------------------------- */

enum token_kind { WORD, NAME, TEXT, NUMBER, PARAM, SIGN };

struct token {
    enum token_kind kind;
    const char *p; /* of names and texts what is between the quotes */
    size_t n;
};

struct tokens {
    struct token *t;
    size_t n;
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static const char *skip_comment(const char *p)
{
    const char *end = p[0] == '-' ? strchr(p, '\n') : strstr(p + 2, "*/");
    return end == NULL ? p + strlen(p) : p[0] == '-' ? end : end + 2;
}

static const char *quoted(const char *p, struct token *t)
{
    char end = *p == '[' ? ']' : *p;
    const char *q = p + 1;
    while (*q != '\0' && (*q != end || (end != ']' && q[1] == end)))
        q += *q == end ? 2 : 1;
    *t = (struct token){*p == '\'' ? TEXT : NAME, p + 1, (size_t)(q - p - 1)};
    return *q != '\0' ? q + 1 : q;
}

static const char *take(const char *p, struct token *t)
{
    const char *q = p + 1;
    if (*p == '\'' || *p == '"' || *p == '`' || *p == '[')
        return quoted(p, t);
    if (is_word(*p) || *p == '?')
        while (is_word(*q))
            q++;
    else if (strchr("<>=!|", *p) != NULL && *q != '\0' && strchr("=>|", *q) != NULL)
        q++;
    *t = (struct token){*p == '?' ? PARAM : *p >= '0' && *p <= '9' ? NUMBER : is_word(*p) ? WORD : SIGN, p, (size_t)(q - p)};
    return q;
}

static int read_tokens(const char *sql, struct nilo_arena *arena, struct tokens *ret, struct nilo_err *err)
{
    ret->n = 0;
    ret->t = nilo_arena_array(arena, strlen(sql) + 1, sizeof *ret->t);
    if (ret->t == NULL)
        return nilo_err_nomem(err);
    for (const char *p = sql; *p != '\0';) {
        if ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*'))
            p = skip_comment(p);
        else if (strchr(" \t\r\n\f", *p) != NULL)
            p++;
        else
            p = take(p, &ret->t[ret->n++]);
    }
    return 0;
}

/* Out of range: nothing. */
static const struct token *at(const struct tokens *all, ptrdiff_t i)
{
    static const struct token none = {.kind = SIGN};
    return i >= 0 && (size_t)i < all->n ? &all->t[i] : &none;
}

static bool is(const struct token *t, enum token_kind kind, const char *text)
{
    return t->kind == kind && t->n == strlen(text) && strncasecmp(t->p, text, t->n) == 0;
}

static bool is_sign(const struct tokens *all, ptrdiff_t i, const char *text)
{
    return is(at(all, i), SIGN, text);
}

static bool is_comparison(const struct token *t)
{
    static const char *const signs[] = {"<", ">", "<=", ">=", "=", "==", "<>", "!="};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (is(t, SIGN, signs[i]))
            return true;
    return false;
}

/* A word that ends an operand on its left or right. */
static bool is_keyword(const struct token *t)
{
    static const char *const words[] = {"WHERE", "AND", "OR", "ON", "NOT", "WHEN", "HAVING", "SELECT", "BY", "THEN", "ELSE", "CASE", "BETWEEN", "GROUP", "ORDER",
                                        "LIMIT", "UNION", "EXCEPT", "INTERSECT", "END", "AS", "FROM", "JOIN", "LEFT", "INNER", "CROSS", "WINDOW", "DISTINCT", "ALL", "IN", "IS"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (is(t, WORD, words[i]))
            return true;
    return false;
}

static bool is_end(const struct tokens *all, ptrdiff_t i)
{
    return i < 0 || (size_t)i >= all->n || is_keyword(at(all, i)) || is_sign(all, i, "(") || is_sign(all, i, ")") || is_sign(all, i, ",");
}

static bool is_name(const struct token *t)
{
    return t->kind == NAME || (t->kind == WORD && !is_keyword(t));
}

/* The bracket that belongs to the one at i. */
static ptrdiff_t partner(const struct tokens *all, ptrdiff_t i)
{
    int step = is_sign(all, i, "(") ? 1 : -1, depth = 0;
    for (; i >= 0 && (size_t)i < all->n; i += step) {
        depth += is_sign(all, i, "(") ? step : is_sign(all, i, ")") ? -step : 0;
        if (depth == 0)
            return i;
    }
    return -1;
}

/* ---- what is compared with what -------------------------------------------------------------------------------------------------------------------- */

/* What the side with the placeholder is. */
enum bound { SPELLED, BLANK, COUNTED, OTHER };

static enum bound bound_of(const struct token *function)
{
    return is(function, WORD, "datetime") ? BLANK : is(function, WORD, "unixepoch") || is(function, WORD, "julianday") ? COUNTED : OTHER;
}

struct comparison {
    enum bound bound;
    ptrdiff_t from, to; /* tokens of the other side */
};

/* 1000 * unixepoch(:from), unixepoch(:from) * 1000 */
static void widen(const struct tokens *all, ptrdiff_t *first, ptrdiff_t *last)
{
    if (is_sign(all, *first - 1, "*") && at(all, *first - 2)->kind == NUMBER)
        *first -= 2;
    if (is_sign(all, *last + 1, "*") && at(all, *last + 2)->kind == NUMBER)
        *last += 2;
    while (is_sign(all, *first - 1, "(") && is_sign(all, *last + 1, ")") && !is_name(at(all, *first - 2))) {
        *first -= 1;
        *last += 1;
    }
}

static ptrdiff_t left_of(const struct tokens *all, ptrdiff_t last)
{
    ptrdiff_t i = last;
    while (!is_end(all, i) || is_sign(all, i, ")"))
        i = is_sign(all, i, ")") ? partner(all, i) - 1 : i - 1;
    return i + 1;
}

static ptrdiff_t right_of(const struct tokens *all, ptrdiff_t first)
{
    ptrdiff_t i = first;
    while (!is_end(all, i) || is_sign(all, i, "(")) {
        ptrdiff_t end = is_sign(all, i, "(") ? partner(all, i) : i;
        if (end < i)
            break;
        i = end + 1;
    }
    return i - 1;
}

/* false: the placeholder is not compared with anything, or in a way that is not looked at. */
static bool find_comparison(const struct tokens *all, ptrdiff_t param, struct comparison *ret)
{
    ptrdiff_t first = param, last = param;
    ret->bound = SPELLED;
    if (is_sign(all, param - 1, "(") && is_name(at(all, param - 2))) {
        ret->bound = bound_of(at(all, param - 2));
        first = param - 2;
        last = partner(all, param - 1);
    }
    if (ret->bound == OTHER || last < 0)
        return false;
    widen(all, &first, &last);
    if (is_comparison(at(all, first - 1)) || is(at(all, first - 1), WORD, "BETWEEN")) {
        ret->to = first - (is(at(all, first - 2), WORD, "NOT") ? 3 : 2);
        ret->from = left_of(all, ret->to);
    } else if (is_comparison(at(all, last + 1))) {
        ret->from = last + 2;
        ret->to = right_of(all, ret->from);
    } else {
        return false;
    }
    return ret->from <= ret->to;
}

/* ---- which column that is ------------------------------------------------------------------------------------------------------------------------------ */

struct column {
    char table[NAME_BYTES], name[NAME_BYTES];
};

struct columns {
    struct column all[COLUMNS_MAX];
    bool judged[COLUMNS_MAX][OTHER]; /* compared so before: most are with :from, and again with :to */
    size_t n;
};

static void on_column(void *ctx, const char *table, const char *name)
{
    struct columns *c = ctx;
    if (c->n == COLUMNS_MAX || strlen(table) >= NAME_BYTES || strlen(name) >= NAME_BYTES)
        return;
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->all[i].table, table) == 0 && strcmp(c->all[i].name, name) == 0)
            return;
    }
    struct column *new = &c->all[c->n++];
    snprintf(new->table, sizeof new->table, "%s", table);
    snprintf(new->name, sizeof new->name, "%s", name);
}

static bool spells(const struct token *t, const char *name)
{
    return is_name(t) && t->n == strlen(name) && strncasecmp(t->p, name, t->n) == 0;
}

static bool same_name(const struct token *a, const struct token *b)
{
    return is_name(a) && is_name(b) && a->n == b->n && strncasecmp(a->p, b->p, a->n) == 0;
}

/* Is the table named in the statement, by that qualifier where there is one? */
static bool is_meant(const struct tokens *all, const char *table, const struct token *qualifier)
{
    if (qualifier != NULL && spells(qualifier, table))
        return true;
    for (size_t i = 0; i < all->n; i++) {
        ptrdiff_t next = (ptrdiff_t)i + 1;
        if (!spells(&all->t[i], table))
            continue;
        if (is(at(all, next), WORD, "AS"))
            next++;
        if (qualifier == NULL || same_name(at(all, next), qualifier))
            return true;
    }
    return false;
}

/* Something of the statement's own has that name: what it holds is not known. */
static bool is_alias(const struct tokens *all, const struct token *name)
{
    for (size_t i = 0; i + 1 < all->n; i++) {
        if (is(&all->t[i], WORD, "AS") && same_name(&all->t[i + 1], name))
            return true;
    }
    return false;
}

static struct column *find_column(const struct tokens *all, const struct comparison *c, struct columns *read)
{
    const struct token *name = at(all, c->to), *qualifier = c->to > c->from ? at(all, c->to - 2) : NULL;
    bool plain = is_name(name) && (c->to == c->from || is_sign(all, c->to - 1, "."));
    for (size_t i = 0; plain && !is_alias(all, name) && i < read->n; i++) {
        if (spells(name, read->all[i].name) && is_meant(all, read->all[i].table, qualifier))
            return &read->all[i];
    }
    return NULL;
}

/* ---- what is in it ------------------------------------------------------------------------------------------------------------------------------------- */

enum found { NUMBERS, BLANKS, LETTERS, DATES, SHORT, OFFSETS, FOUND };

/* Numbers are before all texts, so with an index the first question is answered at once, and the others from the days' rows. */
#define ON_DAYS "c >= ?1 AND c < ?2 AND "
static const char *const looks[FOUND] = {
    [NUMBERS] = "c > 100000000 AND c < ''",
    [BLANKS] = ON_DAYS "substr(c, 11, 1) = ' '",
    [LETTERS] = ON_DAYS "substr(c, 11, 1) = 'T'",
    [DATES] = ON_DAYS "length(c) = 10",
    [SHORT] = ON_DAYS "length(c) > 10 AND substr(c, 17, 1) <> ':'",
    /* of +02, +0200, +02:00 all but those of 0 */
    [OFFSETS] = ON_DAYS "substr(c, 17) GLOB '*[+-]*' AND replace(substr(c, 17), ':', '') NOT GLOB '*[+-]00' "
                        "AND replace(substr(c, 17), ':', '') NOT GLOB '*[+-]0000'",
};

static void add_name(struct nilo_buf *sql, const char *name)
{
    nilo_buf_addc(sql, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"')
            nilo_buf_addc(sql, '"');
        nilo_buf_addc(sql, *name);
    }
    nilo_buf_addc(sql, '"');
}

/* c is a column of the table, not of a subquery: an index can be used. */
static void look_text(const struct column *c, struct nilo_buf *sql)
{
    for (int i = 0; i < FOUND; i++) {
        nilo_buf_addf(sql, "%sEXISTS (SELECT 1 FROM ", i == 0 ? "SELECT " : ", ");
        add_name(sql, c->table);
        nilo_buf_adds(sql, " WHERE ");
        for (const char *p = looks[i]; *p != '\0'; p++) {
            bool column = *p == 'c' && !is_word(p[1]) && (p == looks[i] || (!is_word(p[-1]) && p[-1] != '\''));
            if (column)
                add_name(sql, c->name);
            else
                nilo_buf_addc(sql, *p);
        }
        nilo_buf_addc(sql, ')');
    }
}

static int look(struct nilo_db *db, const struct column *c, struct nilo_sql_days days, bool ret[FOUND], struct nilo_err *err)
{
    struct nilo_buf sql;
    struct nilo_db_stmt *rows = NULL;
    char first[NILO_DAY_TEXT], last[NILO_DAY_TEXT];
    nilo_day_format(NILO_DAY(days.first.n - 1), first);
    nilo_day_format(NILO_DAY(days.last.n + 2), last);
    const struct nilo_db_value bounds[] = {nilo_dbv_text(first), nilo_dbv_text(last)};
    nilo_buf_init(&sql, SQL_BYTES);
    look_text(c, &sql);
    int rc = sql.failed ? nilo_err_nomem(err) : nilo_db_prepare_once(db, nilo_buf_str(&sql), &rows, err);
    nilo_buf_done(&sql);
    if (rc == 0)
        rc = nilo_db_query(rows, bounds, 2, err);
    if (rc == 0 && (rc = nilo_db_row(rows, err)) == 1) {
        for (int i = 0; i < FOUND; i++)
            ret[i] = nilo_db_column_int(rows, i) != 0;
        rc = 0;
    }
    nilo_db_finish(rows);
    return rc;
}

/* ---- the judgement ----------------------------------------------------------------------------------------------------------------------------------------- */

#define DATETIME_IT "datetime(column) >= :from AND datetime(column) < :to"

static int wrong(const char *what, const char *holds, const char *write, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ECONFIG, "the statement compares %.130s with :from or :to, which are texts such as 2025-01-11 10:00:00 on SQLite, and it holds %s; "
                        "write %s", what, holds, write);
}

static int judge_column(const struct column *c, enum bound bound, const bool has[FOUND], char *want, struct nilo_err *err)
{
    char what[2 * NAME_BYTES + 1];
    snprintf(what, sizeof what, "%.60s.%.60s", c->table, c->name);
    bool texts = has[BLANKS] || has[LETTERS] || has[DATES] || has[SHORT] || has[OFFSETS];
    if (bound == COUNTED)
        return texts ? wrong(what, "texts", "unixepoch(column) >= unixepoch(:from) AND unixepoch(column) < unixepoch(:to)", err) : 0;
    if (has[NUMBERS])
        return wrong(what, "numbers", "column >= unixepoch(:from) AND column < unixepoch(:to) where they are seconds since 1970, 1000 * unixepoch(...) where "
                                      "they are milliseconds", err);
    if (has[OFFSETS])
        return wrong(what, "times with different offsets", DATETIME_IT, err);
    if (has[SHORT])
        return wrong(what, "times without seconds", DATETIME_IT, err);
    if (has[DATES])
        return wrong(what, "dates", "column = :day", err);
    if (has[LETTERS] && (has[BLANKS] || bound == BLANK))
        return wrong(what, has[BLANKS] ? "times with a T and others with a blank" : "times with a T, which datetime() does not give", DATETIME_IT, err);
    *want = has[LETTERS] ? 'T' : has[BLANKS] ? ' ' : *want;
    return 0;
}

/* An expression: what datetime() gives has a blank, and what gives numbers or dates is no text that :from can be compared with. */
static int judge_expression(const struct tokens *all, const struct comparison *c, char *want, struct nilo_err *err)
{
    const struct token *function = at(all, c->from);
    if (c->bound != SPELLED || !is_sign(all, c->from + 1, "(") || partner(all, c->from + 1) != c->to)
        return 0;
    if (is(function, WORD, "datetime"))
        *want = ' ';
    else if (bound_of(function) == COUNTED)
        return wrong("what unixepoch() or julianday() gives", "numbers", "unixepoch(column) >= unixepoch(:from) AND unixepoch(column) < unixepoch(:to)", err);
    else if (is(function, WORD, "date"))
        return wrong("what date() gives", "dates", "date(column) = :day", err);
    return 0;
}

static int judge(struct nilo_db *db, const struct tokens *all, const struct comparison *c, struct columns *read, struct nilo_sql_days days, char *want,
                 struct nilo_err *err)
{
    bool has[FOUND];
    const struct column *column = find_column(all, c, read);
    if (column == NULL)
        return judge_expression(all, c, want, err);
    bool *judged = &read->judged[column - read->all][c->bound];
    if (*judged)
        return 0;
    *judged = true;
    return look(db, column, days, has, err) == 0 ? judge_column(column, c->bound, has, want, err) : -1;
}

static bool is_range(const struct token *t, const struct nilo_sql_shape *shape)
{
    int n = 0;
    for (size_t i = 1; t->kind == PARAM && i < t->n; i++)
        n = n * 10 + (t->p[i] - '0');
    return n > 0 && (n == shape->from || n == shape->to);
}

int nilo__sql_times(struct nilo_db *db, const char *sql, const struct nilo_sql_shape *shape, struct nilo_sql_days days, struct nilo_arena *arena,
                    char *ret, struct nilo_err *err)
{
    struct tokens all;
    struct columns *read = nilo_arena_alloc(arena, sizeof *read);
    char one = '\0';
    *ret = ' ';
    if (read == NULL)
        return nilo_err_nomem(err);
    if (read_tokens(sql, arena, &all, err) != 0 || nilo_db_reads(db, sql, on_column, read, err) != 0)
        return -1;
    for (size_t i = 0; i < all.n; i++) {
        struct comparison c;
        char want = '\0';
        if (!is_range(&all.t[i], shape) || !find_comparison(&all, (ptrdiff_t)i, &c))
            continue;
        if (judge(db, &all, &c, read, days, &want, err) != 0)
            return -1;
        if (want != '\0' && one != '\0' && want != one)
            return wrong("times that are spelled with a T, and others with a blank,", "both", "datetime(column) in each of the comparisons", err);
        one = want != '\0' ? want : one;
    }
    *ret = one != '\0' ? one : ' ';
    return 0;
}
