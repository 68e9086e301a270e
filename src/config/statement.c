/* SQL that a configuration holds: looked through for what would make it something else than one SELECT or one condition, and for its
 * placeholders. No parser: quotes, comments and brackets of both engines are known, the rest is left to the database, which is asked in
 * a read-only transaction. */
#include "config/config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '$';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Behind the quoted text at s, or NULL. A doubled quote stands for one; a backslash counts in PostgreSQL's E'...'. */
static const char *quote_end(const char *s, bool backslashes)
{
    for (const char *p = s + 1; *p != '\0'; p++) {
        if (backslashes && *p == '\\' && p[1] != '\0')
            p++;
        else if (*p == *s && p[1] == *s)
            p++;
        else if (*p == *s)
            return p + 1;
    }
    return NULL;
}

/* Behind $tag$...$tag$, s itself where none begins, NULL where it has no end. */
static const char *dollar_end(const char *s)
{
    const char *p = s + 1;
    while (is_letter(*p) || (p > s + 1 && *p >= '0' && *p <= '9'))
        p++;
    if (*p != '$')
        return s;
    size_t len = (size_t)(p - s) + 1;
    for (p++; *p != '\0'; p++) {
        if (strncmp(p, s, len) == 0)
            return p + len;
    }
    return NULL;
}

/* Comments of PostgreSQL nest; where they do not, one that holds the beginning of another is refused rather than read two ways. */
static const char *comment_end(const char *s)
{
    int depth = 0;
    for (const char *p = s; *p != '\0'; p++) {
        if (p[0] == '/' && p[1] == '*') {
            depth++;
            p++;
        } else if (p[0] == '*' && p[1] == '/') {
            p++;
            if (--depth == 0)
                return p + 1;
        }
    }
    return NULL;
}

/* Behind the quoted text or comment that begins at s; s where none does; NULL and a sentence where it does not end. */
static const char *skip_quiet(const char *text, const char *s, const char **ret_what)
{
    const char *end = s;
    *ret_what = "has a quote that is not closed";
    if (*s == '\'') {
        bool escapes = s > text && (s[-1] == 'E' || s[-1] == 'e') && (s - 1 == text || !is_word(s[-2]));
        end = quote_end(s, escapes);
    } else if (*s == '"' || *s == '`') {
        end = quote_end(s, false);
    } else if (*s == '$' && (s == text || !is_word(s[-1]))) {
        end = dollar_end(s);
    } else if (s[0] == '-' && s[1] == '-') {
        end = s + strcspn(s, "\n");
    } else if (s[0] == '/' && s[1] == '*') {
        *ret_what = "has a comment that is not closed";
        end = comment_end(s);
    }
    return end;
}

/* What is behind a statement's semicolon: nothing but blanks and comments? */
static bool is_over(const char *s)
{
    const char *what;
    while (*s != '\0') {
        bool comment = (s[0] == '-' && s[1] == '-') || (s[0] == '/' && s[1] == '*');
        const char *end = comment ? skip_quiet(s, s, &what) : s;
        if (end == NULL || (end == s && !is_blank(*s) && *s != ';'))
            return false;
        s = end == s ? s + 1 : end;
    }
    return true;
}

/* ---- placeholders ---------------------------------------------------------------------------------------------------------------- */

struct scan {
    const char *text;
    bool statement; /* placeholders and a closing semicolon are fine */
    bool about;     /* a statement about one user: :sub is its only placeholder */
    bool plain;     /* a statement without placeholders */
    enum nilo_sql_dialect dialect;
    struct nilo_sql_shape shape;
    struct nilo_buf *sql;
    int depth;
    struct nilo_err *err;
};

static int wrong(const struct scan *s, const char *what)
{
    return nilo_err_set(s->err, NILO_ECONFIG, "the %s %s", s->statement ? "statement" : "filter", what);
}

static void put(const struct scan *s, const char *from, size_t len)
{
    if (s->sql != NULL)
        nilo_buf_add(s->sql, from, len);
}

static int placeholder(struct scan *s, const char *at, const char **ret_end)
{
    static const struct {
        const char *name, *type;
    } known[] = {{"from", "timestamptz"}, {"to", "timestamptz"}, {"day", "date"}};
    int *const seen[] = {&s->shape.from, &s->shape.to, &s->shape.day};
    const char *end = at + 1;
    while (is_word(*end))
        end++;
    size_t len = (size_t)(end - at) - 1;
    if (s->about && len == 3 && strncmp(at + 1, "sub", 3) == 0) {
        s->shape.n = 1;
        put(s, "?1", 2); /* without a type: the column beside it says whether it is a text or a uuid */
        *ret_end = end;
        return 0;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0] && s->statement && !s->about && !s->plain; i++) {
        char becomes[48];
        if (strlen(known[i].name) != len || strncmp(known[i].name, at + 1, len) != 0)
            continue;
        if (*seen[i] == 0 || s->dialect == NILO_SQL_POSTGRES_BARE)
            *seen[i] = ++s->shape.n;
        if (s->dialect == NILO_SQL_POSTGRES_BARE)
            snprintf(becomes, sizeof becomes, i == 2 ? "CAST(CAST($%d AS text) AS date)" : "$%d", *seen[i]);
        else if (s->dialect == NILO_SQL_POSTGRES)
            snprintf(becomes, sizeof becomes, "CAST(?%d AS %s)", *seen[i], known[i].type);
        else
            snprintf(becomes, sizeof becomes, "?%d", *seen[i]);
        put(s, becomes, strlen(becomes));
        *ret_end = end;
        return 0;
    }
    return nilo_err_set(s->err, NILO_ECONFIG, "the %s has the placeholder %.*s; %s", s->statement ? "statement" : "filter",
                        len < 40 ? (int)len + 1 : 40, at, s->about ? "there is :sub" : s->plain ? "nothing stands for it" : s->statement ? "there are :from, :to and :day" : "a filter has none");
}

/* A parameter that is none of ours: ?, ?5, $1, and on SQLite also @name and $name. */
static bool is_foreign(const struct scan *s, const char *p)
{
    bool digit = p[1] >= '0' && p[1] <= '9', inside = p > s->text && is_word(p[-1]);
    if (*p == '?')
        return digit || s->dialect == NILO_SQL_SQLITE;
    if (*p == '$' && !inside)
        return digit || (s->dialect == NILO_SQL_SQLITE && is_letter(p[1]));
    return *p == '@' && s->dialect == NILO_SQL_SQLITE;
}

/* Takes one sign that is neither quoted nor a comment. */
static int take(struct scan *s, const char *p, const char **ret_end)
{
    bool behind_word = p > s->text && (is_word(p[-1]) || p[-1] == ']' || p[-1] == ')');
    *ret_end = p + 1;
    if (*p == '(')
        s->depth++;
    if (*p == ')' && --s->depth < 0)
        return wrong(s, "closes a bracket that it did not open");
    if (*p == ';') {
        if (!s->statement)
            return wrong(s, "has a semicolon; a filter is one condition");
        if (!is_over(p))
            return wrong(s, "is several statements; one SELECT is taken");
        *ret_end = p + strlen(p);
        return 0;
    }
    if (p[0] == ':' && p[1] == ':') { /* a cast of PostgreSQL */
        *ret_end = p + 2;
        put(s, p, 2);
        return 0;
    }
    if (p[0] == ':' && is_letter(p[1]) && !behind_word)
        return placeholder(s, p, ret_end);
    if (is_foreign(s, p))
        return wrong(s, "has parameters of its own (? or $1); write the values into it");
    put(s, p, 1);
    return 0;
}

static int run(struct scan *s)
{
    const char *what, *p = s->text;
    while (*p != '\0') {
        const char *end = skip_quiet(s->text, p, &what);
        if (end == NULL)
            return wrong(s, what);
        if (end > p)
            put(s, p, (size_t)(end - p));
        else if (take(s, p, &end) < 0)
            return -1;
        p = end;
    }
    if (s->depth > 0)
        return wrong(s, "opens a bracket that it does not close");
    return 0;
}

/* The first word, behind blanks, comments and brackets. */
static bool is_select(const char *s)
{
    static const char *const words[] = {"select", "with", "values"};
    const char *what;
    for (;;) {
        const char *end = *s == '-' || *s == '/' ? skip_quiet(s, s, &what) : s;
        if (end != NULL && end > s)
            s = end;
        else if (is_blank(*s) || *s == '(')
            s++;
        else
            break;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        if (strncasecmp(s, words[i], len) == 0 && !is_word(s[len]))
            return true;
    }
    return false;
}

int nilo_config_sql_statement(const char *text, enum nilo_sql_dialect dialect, struct nilo_sql_shape *ret, struct nilo_buf *sql,
                              struct nilo_err *err)
{
    struct scan s = {.text = text, .statement = true, .dialect = dialect, .sql = sql, .err = err};
    if (run(&s) < 0)
        return -1;
    if (!is_select(text))
        return wrong(&s, "is no SELECT; sources are only read");
    if (s.shape.day == 0 && s.shape.to == 0)
        return wrong(&s, "needs :from and :to (the range of days that is asked for), :to alone for what there is by then, or :day");
    if (sql != NULL && sql->failed)
        return nilo_err_nomem(err);
    *ret = s.shape;
    return 0;
}

int nilo_config_sql_about(const char *text, enum nilo_sql_dialect dialect, struct nilo_buf *sql, struct nilo_err *err)
{
    struct scan s = {.text = text, .statement = true, .about = true, .dialect = dialect, .sql = sql, .err = err};
    if (run(&s) < 0)
        return -1;
    if (!is_select(text))
        return wrong(&s, "is no SELECT; sources are only read");
    if (s.shape.n == 0)
        return wrong(&s, "needs :sub, the user who is asked for");
    return sql != NULL && sql->failed ? nilo_err_nomem(err) : 0;
}

int nilo_config_sql_plain(const char *text, enum nilo_sql_dialect dialect, struct nilo_buf *sql, struct nilo_err *err)
{
    struct scan s = {.text = text, .statement = true, .plain = true, .dialect = dialect, .sql = sql, .err = err};
    if (run(&s) < 0)
        return -1;
    if (!is_select(text))
        return wrong(&s, "is no SELECT; sources are only read");
    return sql != NULL && sql->failed ? nilo_err_nomem(err) : 0;
}

int nilo_config_sql_filter(const char *text, struct nilo_err *err)
{
    struct scan s = {.text = text, .dialect = NILO_SQL_ANY, .err = err};
    return run(&s);
}
