/* What an SQL connection counts: the grammar of table and column names, and the metrics that users, posts and
 * comments stand for. */
#include "config/config_priv.h"

#include <stdlib.h>
#include <string.h>

#define IDENTIFIER_MAX 128

/* ---- names ---- */

static bool bare_first(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool bare_next(unsigned char c)
{
    return bare_first(c) || (c >= '0' && c <= '9') || c == '$';
}

/* The end of the quoted identifier that begins at s, or NULL; "" inside stands for one quote. */
static const char *quoted_end(const char *s)
{
    const char *p = s + 1;
    for (; *p != '\0'; p++) {
        if (*p != '"')
            continue;
        if (p[1] != '"')
            return p > s + 1 ? p + 1 : NULL;
        p++;
    }
    return NULL;
}

/* The end of one identifier, or NULL where none begins or it is too long. */
static const char *identifier_end(const char *s)
{
    const char *end = s;
    if (*s == '"') {
        end = quoted_end(s);
        return end != NULL && end - s - 2 <= IDENTIFIER_MAX ? end : NULL;
    }
    if (!bare_first((unsigned char)*s))
        return NULL;
    while (bare_next((unsigned char)*end))
        end++;
    return end - s <= IDENTIFIER_MAX ? end : NULL;
}

/* The end of a name of at most `parts` identifiers with dots between, or NULL. */
static const char *name_end(const char *s, int parts)
{
    const char *end = identifier_end(s);
    while (end != NULL && *end == '.' && --parts > 0)
        end = identifier_end(end + 1);
    return end;
}

const char *nilo__config_name_problem(const char *text, int parts)
{
    const char *end = name_end(text, parts);
    if (end != NULL && *end == '\0')
        return NULL;
    if (parts == 1)
        return "is not a column name; write letters, digits and _ (up to 128), or anything else in double quotes: "
               "'\"created on\"'";
    return "is not a table name; write table or schema.table in letters, digits and _ (up to 128 each), or anything "
           "else in double "
           "quotes: '\"my posts\"'";
}

struct table_and_column {
    const char *table, *column; /* column NULL: none given */
    size_t table_len, column_len;
};

static bool split_table(const char *text, struct table_and_column *ret)
{
    struct table_and_column at = {.table = text};
    const char *end = name_end(text, 2);
    if (end == NULL)
        return false;
    at.table_len = (size_t)(end - text);
    end += strspn(end, " ");
    if (*end == '(') {
        at.column = end + 1 + strspn(end + 1, " ");
        end = identifier_end(at.column);
        if (end == NULL)
            return false;
        at.column_len = (size_t)(end - at.column);
        end += strspn(end, " ");
        if (*end++ != ')')
            return false;
    }
    if (*end != '\0')
        return false;
    *ret = at;
    return true;
}

const char *nilo__config_table_problem(const char *text)
{
    struct table_and_column at;
    if (split_table(text, &at))
        return NULL;
    return "is not a table; write table, schema.table or table(timestamp column) in letters, digits and _ (up to 128 "
           "each), or anything "
           "else in double quotes: '\"my posts\"(created_on)'";
}

int nilo_config_sql_quote(const char *name, struct nilo_buf *b, struct nilo_err *err)
{
    if (nilo__config_name_problem(name, 2) != NULL)
        return nilo_err_set(err, NILO_ECONFIG, "%s %s", nilo__config_show(name).text,
                            nilo__config_name_problem(name, 2));
    for (const char *at = name, *end; *at != '\0'; at = end + (*end == '.')) {
        end = identifier_end(at);
        if (at > name)
            nilo_buf_addc(b, '.');
        if (*at == '"')
            nilo_buf_add(b, at, (size_t)(end - at));
        else
            nilo_buf_addf(b, "\"%.*s\"", (int)(end - at), at);
    }
    return b->failed ? nilo_err_nomem(err) : 0;
}

/* ---- the metrics of a connection ---- */

const struct nilo__config_core nilo__config_cores[NILO__CONFIG_CORES] = {
    {"users_total", "users", "total", "Total users", "Users at the end of the day", "users"},
    {"posts_total", "posts", "total", "Total posts", "Posts at the end of the day", "posts"},
    {"comments_total", "comments", "total", "Total comments", "Comments at the end of the day", "comments"},
    {"posts_created", "posts", "created", "Posts created", "Posts made during the day", "posts"},
    {"comments_created", "comments", "created", "Comments created", "Comments made during the day", "comments"},
};

const char *nilo__config_core_table(const struct nilo_config_connection *c, const struct nilo__config_core *core)
{
    if (core->key[0] == 'u')
        return c->users;
    return core->key[0] == 'p' ? c->posts : c->comments;
}

/* strdup that lets NULL be, and notes when memory ran out. */
static char *copy(const char *s, bool *failed)
{
    char *p = s != NULL ? strdup(s) : NULL;
    *failed |= s != NULL && p == NULL;
    return p;
}

static int expand_core(const struct nilo_config_connection *c, const struct nilo__config_core *core,
                       struct nilo_config_sql_metric *m, struct nilo_err *err)
{
    const char *text = nilo__config_core_table(c, core);
    struct table_and_column at;
    bool failed = false;

    if (!split_table(text, &at))
        return nilo_err_set(err, NILO_ECONFIG, "%s: %s %s", core->key, nilo__config_show(text).text,
                            nilo__config_table_problem(text));
    *m = (struct nilo_config_sql_metric){
        .name = copy(core->name, &failed),
        .type = copy("count", &failed),
        .table = strndup(at.table, at.table_len),
        .timestamp = at.column != NULL ? strndup(at.column, at.column_len) : strdup("created_at"),
        .mode = copy(core->mode, &failed),
        .display_name = copy(core->display_name, &failed),
        .description = copy(core->description, &failed),
        .unit = copy(core->unit, &failed),
        .line = c->line,
    };
    return failed || m->table == NULL || m->timestamp == NULL ? nilo_err_nomem(err) : 0;
}

static int expand_custom(const struct nilo_config_sql_metric *from, struct nilo_config_sql_metric *m,
                         struct nilo_err *err)
{
    bool failed = false;
    *m = *from;
    m->name = copy(from->name, &failed);
    m->type = copy(from->type, &failed);
    m->table = copy(from->table, &failed);
    m->timestamp = copy(from->timestamp, &failed);
    m->filter = copy(from->filter, &failed);
    m->statement = copy(from->statement, &failed);
    m->mode = copy(from->mode, &failed);
    m->display_name = copy(from->display_name, &failed);
    m->description = copy(from->description, &failed);
    m->unit = copy(from->unit, &failed);
    m->expected_min = copy(from->expected_min, &failed);
    m->expected_max = copy(from->expected_max, &failed);
    return failed ? nilo_err_nomem(err) : 0;
}

int nilo_config_sql_expand(const struct nilo_config_connection *c, struct nilo_config_sql_metric **ret, int *ret_n,
                           struct nilo_err *err)
{
    struct nilo_config_sql_metric *all = calloc((size_t)c->n_metrics + NILO__CONFIG_CORES, sizeof(*all));
    int n = 0, rc = 0;

    if (all == NULL)
        return nilo_err_nomem(err);
    for (int i = 0; i < NILO__CONFIG_CORES && rc == 0; i++) {
        if (nilo__config_core_table(c, &nilo__config_cores[i]) != NULL)
            rc = expand_core(c, &nilo__config_cores[i], &all[n++], err);
    }
    for (int i = 0; i < c->n_metrics && rc == 0; i++)
        rc = expand_custom(&c->metrics[i], &all[n++], err);
    if (rc < 0) {
        nilo_config_sql_free(all, n);
        return -1;
    }
    *ret = all;
    *ret_n = n;
    return 0;
}

void nilo_config_sql_free(struct nilo_config_sql_metric *metrics, int n)
{
    for (int i = 0; i < n && metrics != NULL; i++) {
        struct nilo_config_sql_metric *m = &metrics[i];
        char *const held[] = {m->name, m->type,         m->table,       m->timestamp, m->filter, m->statement,
                              m->mode, m->display_name, m->description, m->unit, m->expected_min, m->expected_max};
        for (size_t k = 0; k < sizeof(held) / sizeof(held[0]); k++)
            free(held[k]);
    }
    free(metrics);
}
