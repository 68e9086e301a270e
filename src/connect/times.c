/* SQLite has no type for times: apps keep 2025-01-11 10:00:00, 2025-01-11T10:00:00.000Z, seconds or milliseconds since 1970, and a comparison with a
 * text that is spelled otherwise is not refused, but wrong: an integer is before every text, 'T' behind every blank. So what the statement compares with
 * :from and :to is looked for in its text (compared.c), and in the table; :from and :to are spelled alike, and where no spelling is known to be right the
 * statement is told what to write. */
#include "connect/times.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "connect/compared.h"

#define COLUMNS_MAX 64
#define NAME_BYTES  128
#define SQL_BYTES   ((size_t)16 << 10)
#define SHOWN_BYTES 100

/* ---- the columns that are read ----------------------------------------------------------------------------------------------------------------------- */

struct column {
    char table[NAME_BYTES], name[NAME_BYTES];
};

struct columns {
    struct column all[COLUMNS_MAX];
    bool judged[COLUMNS_MAX][NILO__BOUNDS + 1]; /* compared so before: most are with :from, and again with :to */
    size_t n;
    bool more; /* than these, which are not known then */
};

static void on_column(void *ctx, const char *table, const char *name)
{
    struct columns *c = ctx;
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->all[i].table, table) == 0 && strcmp(c->all[i].name, name) == 0)
            return;
    }
    if (c->n == COLUMNS_MAX || strlen(table) >= NAME_BYTES || strlen(name) >= NAME_BYTES) {
        c->more = true;
        return;
    }
    struct column *new = &c->all[c->n++];
    snprintf(new->table, sizeof new->table, "%s", table);
    snprintf(new->name, sizeof new->name, "%s", name);
}

/* ---- what is in it ------------------------------------------------------------------------------------------------------------------------------------- */

enum found { NUMBERS, UNREAD, DAYS, SECONDS, MILLIS, MICROS, NANOS, BLANKS, LETTERS, DATES, SHORT, OFFSETS, OTHERS, FOUND };

/* Numbers are before all texts, so with an index the first questions are answered at once, and the others from the days' rows. */
#define ON_DAYS "c >= ?1 AND c < ?2 AND "
static const char *const looks[FOUND] = {
    [NUMBERS] = "c < '' AND c <> 0",
    [UNREAD] = ON_DAYS "datetime(c) IS NULL",
    [DAYS] = "c > 1000000 AND c < 10000000", /* julianday() of this age: 2.4 million */
    [SECONDS] = "c > 100000000 AND c < 100000000000",
    [MILLIS] = "c >= 100000000000 AND c < 100000000000000",
    [MICROS] = "c >= 100000000000000 AND c < 100000000000000000",
    [NANOS] = "c >= 100000000000000000 AND c < ''",
    [BLANKS] = ON_DAYS "substr(c, 11, 1) = ' '",
    [LETTERS] = ON_DAYS "substr(c, 11, 1) = 'T'",
    [DATES] = ON_DAYS "length(c) = 10",
    [SHORT] = ON_DAYS "length(c) > 10 AND substr(c, 17, 1) <> ':'",
    [OTHERS] = ON_DAYS "length(c) > 10 AND substr(c, 11, 1) NOT IN (' ', 'T')",
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

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* c is a column of the table, not of a subquery: an index can be used. */
static void look_text(const struct column *c, struct nilo_buf *sql)
{
    for (int i = 0; i < FOUND; i++) {
        nilo_buf_addf(sql, "%sEXISTS (SELECT 1 FROM ", i == 0 ? "SELECT " : ", ");
        add_name(sql, c->table);
        nilo_buf_adds(sql, " WHERE ");
        for (const char *p = looks[i]; *p != '\0'; p++) {
            bool column = *p == 'c' && !is_letter(p[1]) && (p == looks[i] || (!is_letter(p[-1]) && p[-1] != '\''));
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

struct judge {
    struct nilo_db *db;
    const struct nilo__tokens *all;
    struct columns *read;
    struct nilo_sql_days days;
    struct nilo__comparison c;
    bool epoch; /* CALLED: with the modifier 'unixepoch' */
    unsigned char *seen; /* of each token: bits of the bounds that a name there was judged with; names may lead to each other */
    char want;           /* \0: nothing yet */
    struct nilo_err *err;
};

static int wrong(const char *what, const char *holds, const char *write, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ECONFIG, "the statement compares %.130s with :from or :to, which are texts such as 2025-01-11 10:00:00 on SQLite, and it holds %s; "
                        "write %s", what, holds, write);
}

static int unseen(const struct judge *j, struct nilo__span span)
{
    const struct nilo__token *first = nilo__token_at(j->all, span.from), *last = nilo__token_at(j->all, span.to);
    size_t n = (size_t)(last->p + last->n - first->p) + (last->kind == NILO__TEXT || last->kind == NILO__NAME);
    return nilo_err_set(j->err, NILO_ECONFIG, "the statement compares %.*s%s with :from or :to, and how its times are spelled cannot be looked at; write datetime(...) around it, "
                        "or compare the column of a table itself", (int)(n < SHOWN_BYTES ? n : SHOWN_BYTES), first->p, n < SHOWN_BYTES ? "" : "...");
}

static int want(struct judge *j, char between)
{
    if (j->c.bound == NILO__BOUND_BLANK && between == ' ')
        return 0; /* however :from is spelled */
    if (j->want != '\0' && j->want != between)
        return wrong("times that are spelled with a T, and others with a blank,", "both", "datetime(column) in each of the comparisons", j->err);
    j->want = between;
    return 0;
}

/* Numbers of another size than what they are compared with are all before it, or all behind. */
static int judge_counted(const struct judge *j, const char *what, const bool has[FOUND])
{
    enum found fits = j->c.bound == NILO__BOUND_JULIAN ? DAYS : j->c.factor < 1000 ? SECONDS : j->c.factor < 1000000 ? MILLIS : j->c.factor < 1000000000 ? MICROS : NANOS;
    bool others = false;
    for (enum found f = fits == DAYS ? DAYS : SECONDS; f <= NANOS; f++)
        others = others || (f != fits && has[f]);
    if (has[BLANKS] || has[LETTERS] || has[DATES] || has[SHORT] || has[OFFSETS] || has[OTHERS])
        return wrong(what, "texts", "unixepoch(column) >= unixepoch(:from) AND unixepoch(column) < unixepoch(:to)", j->err);
    if (others)
        return nilo_err_set(j->err, NILO_ECONFIG, "the statement compares %.130s with unixepoch() or julianday() of :from or :to, and its numbers, or some of them, are of another size; write unixepoch(:from) where they "
                            "are seconds since 1970, 1000 * unixepoch(:from) where they are milliseconds, julianday(:from) where they are days", what);
    return 0;
}

static int judge_column(struct judge *j, const struct column *c, const bool has[FOUND])
{
    char what[2 * NAME_BYTES + 1];
    snprintf(what, sizeof what, "%.60s.%.60s", c->table, c->name);
    if (j->c.bound == NILO__BOUND_SECONDS || j->c.bound == NILO__BOUND_JULIAN)
        return judge_counted(j, what, has);
    bool texts = has[BLANKS] || has[LETTERS] || has[DATES] || has[SHORT] || has[OFFSETS] || has[OTHERS];
    if (j->c.bound == NILO__BOUND_CALLED && j->epoch && (texts || has[MILLIS] || has[MICROS] || has[NANOS]))
        return nilo_err_set(j->err, NILO_ECONFIG, "the statement compares what a function makes of %.130s as seconds since 1970 with :from or :to, and it holds %s; write %s", what,
                            texts ? "texts" : "greater numbers", texts ? "datetime(column)" : "column / 1000 where they are milliseconds");
    if (j->c.bound == NILO__BOUND_CALLED && j->epoch)
        return 0;
    if (j->c.bound == NILO__BOUND_CALLED && (has[UNREAD] || (has[NUMBERS] && !has[DAYS])))
        return nilo_err_set(j->err, NILO_ECONFIG, "the statement compares what a function makes of %.130s with :from or :to, and it holds %s, of which SQLite makes no time; write %s", what,
                            has[UNREAD] ? "texts" : "numbers",
                            has[UNREAD] ? "what makes a time of them: 2025-01-11T10:00:00+02:00 is one, with +0200 and am or pm it is none"
                                        : "datetime(column, 'unixepoch') where they are seconds since 1970, datetime(column / 1000, 'unixepoch') where they are milliseconds");
    if (j->c.bound == NILO__BOUND_CALLED && has[DATES] && j->days.late)
        return nilo_err_set(j->err, NILO_ECONFIG, "the statement compares what a function makes of %.130s with :from or :to, and it holds dates, whose midnight in UTC belongs to the day before in the "
                            "workspace's zone; write column = :day", what);
    if (j->c.bound == NILO__BOUND_CALLED)
        return 0;
    if (has[NUMBERS])
        return wrong(what, "numbers", "column >= unixepoch(:from) AND column < unixepoch(:to) where they are seconds since 1970, 1000 * unixepoch(...) where "
                                      "they are milliseconds", j->err);
    if (has[OFFSETS])
        return wrong(what, "times with different offsets", DATETIME_IT, j->err);
    if (has[OTHERS])
        return wrong(what, "times without a blank or a T behind the day", DATETIME_IT, j->err);
    if (has[SHORT])
        return wrong(what, "times without seconds", DATETIME_IT, j->err);
    if (has[DATES])
        return wrong(what, "dates", "column = :day", j->err);
    if (has[LETTERS] && (has[BLANKS] || j->c.bound == NILO__BOUND_BLANK))
        return wrong(what, has[BLANKS] ? "times with a T and others with a blank" : "times with a T, which datetime() does not give", DATETIME_IT, j->err);
    return has[LETTERS] ? want(j, 'T') : has[BLANKS] ? want(j, ' ') : 0;
}

static int judge_operand(void *ctx, struct nilo__span span);

/* What it is judged for, as a number: the bounds, and CALLED with 'unixepoch'. */
static unsigned way(const struct judge *j)
{
    return j->c.bound == NILO__BOUND_CALLED && j->epoch ? NILO__BOUNDS : (unsigned)j->c.bound;
}

/* A name: of columns of tables, of expressions in subqueries, or both. */
static int judge_name(struct judge *j, ptrdiff_t at, struct nilo__span span)
{
    enum nilo__origin origin;
    bool known = false;
    if ((j->seen[at] & (1U << way(j))) != 0)
        return 0;
    j->seen[at] |= (unsigned char)(1U << way(j));
    if (nilo__origin_of(j->all, at, judge_operand, j, &origin) != 0)
        return -1;
    for (size_t i = 0; i < j->read->n; i++) {
        const struct column *c = &j->read->all[i];
        bool has[FOUND], *judged = &j->read->judged[i][way(j)];
        if (!nilo__spells(nilo__token_at(j->all, at), c->name) || !nilo__is_read(j->all, c->table, at))
            continue;
        known = true;
        if (*judged)
            continue;
        *judged = true;
        if (look(j->db, c, j->days, has, j->err) != 0 || judge_column(j, c, has) != 0)
            return -1;
    }
    bool sure = j->c.bound == NILO__BOUND_CALLED || (origin != NILO__ORIGIN_UNKNOWN && (known || origin == NILO__ORIGIN_QUERY) && !j->read->more);
    return sure ? 0 : unseen(j, span);
}

/* A function of times, of the argument first: alone it reads numbers as days, with 'unixepoch' as seconds. What other modifiers do is left to who wrote them. */
static int judge_argument(struct judge *j, struct nilo__span first, struct nilo__span others)
{
    enum nilo__bound bound = j->c.bound;
    bool epoch = j->epoch;
    if (others.from <= others.to && !nilo__token_is(nilo__token_at(j->all, others.from), NILO__TEXT, "unixepoch"))
        return 0;
    j->c.bound = NILO__BOUND_CALLED;
    j->epoch = others.from <= others.to;
    int rc = judge_operand(j, first);
    j->c.bound = bound;
    j->epoch = epoch;
    return rc;
}

/* strftime('%Y-%m-%d %H:%M:%S', ...), or with a T. */
static int judge_format(struct judge *j, struct nilo__span arguments, struct nilo__span span)
{
    struct nilo__span first;
    struct nilo__span time;
    if (!nilo__next_argument(j->all, &arguments, &first) || first.from != first.to || !nilo__next_argument(j->all, &arguments, &time))
        return unseen(j, span);
    if (judge_argument(j, time, arguments) != 0)
        return -1;
    const struct nilo__token *format = nilo__token_at(j->all, first.from);
    if (nilo__token_is(format, NILO__TEXT, "%Y-%m-%d %H:%M:%S") || nilo__token_is(format, NILO__TEXT, "%F %T"))
        return want(j, ' ');
    if (j->c.bound == NILO__BOUND_BLANK)
        return unseen(j, span);
    return nilo__token_is(format, NILO__TEXT, "%Y-%m-%dT%H:%M:%S") || nilo__token_is(format, NILO__TEXT, "%Y-%m-%dT%H:%M:%SZ") ? want(j, 'T') : unseen(j, span);
}

static int judge_datetime(struct judge *j, struct nilo__span arguments)
{
    struct nilo__span first;
    return nilo__next_argument(j->all, &arguments, &first) ? judge_argument(j, first, arguments) : 0;
}

/* A call: what datetime() gives has a blank; what gives numbers or dates is no text that :from can be compared with. */
static int judge_call(struct judge *j, const struct nilo__token *function, struct nilo__span arguments, struct nilo__span span)
{
    static const char *const hand_on[] = {"min", "max", "coalesce", "ifnull", "nullif"}; /* what one of their arguments is */
    struct nilo__span one;
    if (nilo__spells(function, "datetime"))
        return judge_datetime(j, arguments) != 0 ? -1 : want(j, ' ');
    if (nilo__spells(function, "strftime"))
        return judge_format(j, arguments, span);
    if (nilo__spells(function, "unixepoch") || nilo__spells(function, "julianday"))
        return wrong("what unixepoch() or julianday() gives", "numbers", "unixepoch(column) >= unixepoch(:from) AND unixepoch(column) < unixepoch(:to)", j->err);
    if (nilo__spells(function, "date"))
        return wrong("what date() gives", "dates", "date(column) = :day", j->err);
    for (size_t i = 0; i < sizeof hand_on / sizeof hand_on[0]; i++) {
        if (!nilo__spells(function, hand_on[i]))
            continue;
        while (nilo__next_argument(j->all, &arguments, &one))
            if (judge_operand(j, one) != 0)
                return -1;
        return 0;
    }
    return unseen(j, span);
}

static int judge_operand(void *ctx, struct nilo__span span)
{
    struct judge *j = ctx;
    const struct nilo__token *function;
    struct nilo__span s = span, arguments;
    bool any = j->c.bound == NILO__BOUND_SECONDS || j->c.bound == NILO__BOUND_JULIAN || j->c.bound == NILO__BOUND_CALLED;
    while (nilo__is_sign(j->all, s.from, "+") || (nilo__is_sign(j->all, s.from, "(") && nilo__partner(j->all, s.from) == s.to)) {
        s.to -= nilo__is_sign(j->all, s.from, "(");
        s.from++;
    }
    const struct nilo__token *last = nilo__token_at(j->all, s.to);
    if (nilo__is_name(last) && (s.from == s.to || (nilo__is_sign(j->all, s.to - 1, ".") && s.to - s.from <= 4)) && !nilo__token_is(last, NILO__WORD, "NULL"))
        return judge_name(j, s.to, s);
    if (any && j->c.bound != NILO__BOUND_CALLED && (function = nilo__call_of(j->all, s, &arguments)) != NULL &&
        (nilo__spells(function, "unixepoch") || nilo__spells(function, "julianday")))
        return judge_datetime(j, arguments);
    if (any)
        return 0; /* reckoned with, so numbers; or anything that datetime() takes */
    if ((function = nilo__call_of(j->all, s, &arguments)) != NULL)
        return judge_call(j, function, arguments, s);
    return s.from == s.to && last->kind != NILO__PARAM ? 0 : unseen(j, span); /* a constant, or NULL; else an expression */
}

int nilo__sql_times(struct nilo_db *db, const char *sql, const struct nilo_sql_shape *shape, struct nilo_sql_days days, struct nilo_arena *arena,
                    char *ret, struct nilo_err *err)
{
    struct nilo__tokens all;
    struct columns *read = nilo_arena_alloc(arena, sizeof *read);
    struct judge j = {.db = db, .all = &all, .read = read, .days = days, .err = err};
    *ret = ' ';
    if (read == NULL)
        return nilo_err_nomem(err);
    if (nilo__sql_tokens(sql, arena, &all, err) != 0)
        return -1;
    if ((j.seen = nilo_arena_array(arena, all.n + 1, 1)) == NULL)
        return nilo_err_nomem(err);
    if (nilo_db_reads(db, sql, on_column, read, err) != 0)
        return -1;
    for (size_t i = 0; i < all.n; i++) {
        enum nilo__use use = nilo__is_range(&all.t[i], shape) ? nilo__use_of(&all, (ptrdiff_t)i, &j.c) : NILO__USE_FREE;
        if (use == NILO__USE_UNSEEN)
            return nilo_err_set(err, NILO_ECONFIG, "the statement uses :from or :to other than to compare a column with it, where its spelling may count and is not known on SQLite; "
                                "write column >= :from AND column < :to");
        if (use == NILO__USE_DATE && days.apart)
            return nilo_err_set(err, NILO_ECONFIG, "the statement takes the date of :from or :to, which are instants in UTC: in the workspace's zone a day begins on the date before; write column = :day, "
                                "or compare instants");
        if (use == NILO__USE_COMPARED && judge_operand(&j, j.c.with) != 0)
            return -1;
    }
    *ret = j.want != '\0' ? j.want : ' ';
    return 0;
}
