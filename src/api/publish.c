/* See publish.h. Each request opens the source's database, reads what columns the table has, and asks one statement in a read-only transaction. What PostgreSQL
 * can decide it decides (query/push.c); the rest is decided row by row, as of functions. Nothing is kept: the table changes without our knowing. */
#include "api/publish.h"

#include <stdlib.h>
#include <string.h>

#include "api/settings.h"
#include "connect/connect.h"

#define TIMEOUT_MS 28000 /* one request's deadline */
#define COLUMNS_MAX 1000

/* How a column is read, by what PostgreSQL calls its type. */
enum how { AS_TEXT, AS_INT, AS_NUMBER, AS_DAY, AS_TIME, AS_ZONELESS, AS_BOOL, AS_UUID, AS_JSON, AS_ARRAY };
static const struct {
    const char *type;
    enum how how;
} types[] = {
    {"int2", AS_INT},     {"int4", AS_INT},      {"int8", AS_INT},           {"numeric", AS_NUMBER},      {"float4", AS_NUMBER}, {"float8", AS_NUMBER},
    {"date", AS_DAY},     {"timestamptz", AS_TIME}, {"timestamp", AS_ZONELESS}, {"bool", AS_BOOL},        {"uuid", AS_UUID},     {"json", AS_JSON},
    {"jsonb", AS_JSON},   {"text", AS_TEXT},     {"varchar", AS_TEXT},       {"bpchar", AS_TEXT},
};
/* type of the grammar; how it is selected ("%s": the quoted name); how a bound value is read, NULL: conditions are decided here */
static const struct {
    enum nilo_type type;
    const char *select, *value;
} hows[] = {
    [AS_TEXT] = {NILO_T_TEXT, "%s::text", "CAST(? AS text)"},
    [AS_INT] = {NILO_T_INT, "%s::bigint", "CAST(? AS numeric)"},
    [AS_NUMBER] = {NILO_T_DECIMAL, "%s::text", "CAST(? AS numeric)"},
    [AS_DAY] = {NILO_T_DAY, "CASE WHEN isfinite(%s) THEN %s - DATE '1970-01-01' END", "CAST(? AS date)"},
    [AS_TIME] = {NILO_T_TIME, "CASE WHEN isfinite(%s) THEN (EXTRACT(EPOCH FROM %s) * 1000000)::bigint END", "CAST(? AS timestamptz)"},
    [AS_ZONELESS] = {NILO_T_TIME, "CASE WHEN isfinite(%s) THEN (EXTRACT(EPOCH FROM %s) * 1000000)::bigint END", "(CAST(? AS timestamptz) AT TIME ZONE 'UTC')"},
    [AS_BOOL] = {NILO_T_BOOL, "%s::int::bigint", "CAST(? AS boolean)"},
    [AS_UUID] = {NILO_T_UUID, "%s::text", "CAST(? AS uuid)"},
    [AS_JSON] = {NILO_T_JSON, "%s::text", NULL},
    [AS_ARRAY] = {NILO_T_JSON, "to_json(%s)::text", NULL},
};

struct nilo_published {
    struct nilo_function f; /* first: the call finds us by it */
    struct nilo_db *db;
    struct nilo_arena arena;
    struct nilo_column *columns;
    enum how *how;
    size_t n;
    struct nilo_buf table; /* quoted */
    struct nilo_push push;
    bool postgres, pushed, begun;
};

/* ---- which ------------------------------------------------------------------------------------------------------------------------------- */

int nilo_publish_check(const struct nilo_config *c, struct nilo_err *err)
{
    for (int i = 0; i < c->n_publish; i++) {
        const char *name = nilo_config_publish_name(&c->publish[i]);
        if (nilo_relation_find(name) != NULL)
            return nilo_err_set(err, NILO_ECONFIG, "%s:%d: publish[%d]: %s is a relation of nilometer's own; give the table another name (name)",
                                c->path != NULL ? c->path : "nilometer.yaml", c->publish[i].line, i, name);
    }
    return 0;
}

static const struct nilo_config_publish *find(const struct nilo_config *c, const char *name, const char *workspace)
{
    for (int i = 0; i < c->n_publish; i++) {
        const struct nilo_config_connection *source = nilo_config_publish_source(c, &c->publish[i]);
        if (strcmp(nilo_config_publish_name(&c->publish[i]), name) == 0 && (workspace[0] == '\0' || strcmp(source->workspace, workspace) == 0))
            return &c->publish[i];
    }
    return NULL;
}

bool nilo_publish_has(struct nilo_api *api, const char *name, const char *workspace)
{
    if (api->settings == NULL || nilo_relation_find(name) != NULL)
        return false;
    struct nilo_settings_held *held = nilo_settings_take(api->settings);
    bool has = find(nilo_settings_config(held), name, workspace) != NULL;
    nilo_settings_give(api->settings, held);
    return has;
}

/* ---- columns ----------------------------------------------------------------------------------------------------------------------------- */

static enum how how_of(const char *type, const char *category)
{
    if (strcmp(category, "A") == 0)
        return AS_ARRAY;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].type, type) == 0)
            return types[i].how;
    }
    return AS_TEXT;
}

/* SQLite has declared words, and values of any type: a value that is not what its column says comes as what it is. */
static enum how how_declared(const char *word)
{
    static const struct {
        const char *part;
        enum how how;
    } words[] = {{"BOOL", AS_BOOL}, {"INT", AS_INT}, {"TIME", AS_TIME}, {"DATE", AS_DAY}, {"UUID", AS_UUID}, {"JSON", AS_JSON},
                 {"REAL", AS_NUMBER}, {"NUM", AS_NUMBER}, {"DEC", AS_NUMBER}, {"FLOA", AS_NUMBER}, {"DOUB", AS_NUMBER}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasestr(word, words[i].part) != NULL)
            return words[i].how;
    }
    return AS_TEXT;
}

static int add_column(struct nilo_published *p, struct nilo_db_stmt *row, struct nilo_err *err)
{
    if (p->n == COLUMNS_MAX)
        return nilo_err_set(err, NILO_ESOURCE, "the table has more than %d columns", COLUMNS_MAX);
    const char *type = nilo_db_column_text(row, 1), *category = nilo_db_column_text(row, 3);
    char *name = nilo_arena_strdup(&p->arena, nilo_db_column_text(row, 0));
    if (name == NULL)
        return nilo_err_nomem(err);
    enum how how = p->postgres ? how_of(type, category != NULL ? category : "") : how_declared(type != NULL ? type : "");
    p->how[p->n] = how;
    p->columns[p->n++] = (struct nilo_column){.name = name, .type = hows[how].type, .sql = p->postgres ? hows[how].value : NULL, .doc = "of the source",
                                              .flags = nilo_db_column_int(row, 2) != 0 ? NILO_COL_NOTNULL : 0};
    return 0;
}

static int read_columns(struct nilo_published *p, const char *table, struct nilo_err *err)
{
    static const char of_postgres[] =
        "SELECT a.attname::text, t.typname::text, a.attnotnull::int::bigint, t.typcategory::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
        "WHERE a.attrelid = to_regclass(?1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
    static const char of_sqlite[] = "SELECT name, type, \"notnull\", NULL FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid";
    struct nilo_db_stmt *s = NULL;
    char bare[256];
    snprintf(bare, sizeof(bare), "%s", table[0] == '"' ? table + 1 : table); /* SQLite wants the name itself */
    if (table[0] == '"' && bare[0] != '\0')
        bare[strlen(bare) - 1] = '\0';
    const struct nilo_db_value param = nilo_dbv_text(p->postgres ? nilo_buf_str(&p->table) : bare);
    p->columns = nilo_arena_array(&p->arena, COLUMNS_MAX, sizeof(*p->columns));
    p->how = nilo_arena_array(&p->arena, COLUMNS_MAX, sizeof(*p->how));
    if (p->columns == NULL || p->how == NULL)
        return nilo_err_nomem(err);
    int rc = nilo_db_prepare_once(p->db, p->postgres ? of_postgres : of_sqlite, &s, err), got = 0;
    if (rc == 0)
        rc = nilo_db_query(s, &param, 1, err);
    while (rc == 0 && (got = nilo_db_row(s, err)) == 1)
        rc = add_column(p, s, err);
    nilo_db_finish(s);
    if (rc != 0 || got < 0)
        return -1;
    return p->n > 0 ? 0 : nilo_err_set(err, NILO_ESOURCE, "the source has no table %s, or does not show it to us", table);
}

/* ---- rows -------------------------------------------------------------------------------------------------------------------------------- */

static void put_quoted(struct nilo_buf *b, const char *name)
{
    nilo_buf_addc(b, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"')
            nilo_buf_addc(b, '"');
        nilo_buf_addc(b, *name);
    }
    nilo_buf_addc(b, '"');
}

static void put_select(const struct nilo_published *p, struct nilo_buf *sql)
{
    for (size_t i = 0; i < p->n; i++) {
        nilo_buf_adds(sql, i > 0 ? ", " : "SELECT ");
        for (const char *c = p->postgres ? hows[p->how[i]].select : "%s"; *c != '\0'; c++) {
            if (c[0] == '%' && c[1] == 's') {
                put_quoted(sql, p->columns[i].name);
                c++;
            } else {
                nilo_buf_addc(sql, *c);
            }
        }
    }
}

static void set_text(struct nilo_datum *d, struct nilo_db_value v, enum nilo_type type)
{
    d->type = type;
    d->p = v.p;
    d->len = v.len;
}

/* "23.50" with its digits; what 18 digits do not hold, and what is no number, goes out as it is. */
static void set_number(struct nilo_datum *d, struct nilo_db_value v)
{
    const char *dot = v.p != NULL ? memchr(v.p, '.', v.len) : NULL;
    int scale = dot != NULL ? (int)(v.p + v.len - dot - 1) : 0;
    int64_t value;
    if (v.type == NILO_DB_INT) {
        *d = nilo_datum_decimal(v.i, 0);
    } else if (scale <= NILO_SCALE_MAX && nilo_decimal_parse(v.p, v.len, scale, false, &value, NULL) == 0) {
        *d = nilo_datum_decimal(value, scale);
    } else {
        bool number = v.len > 0 && strspn(v.p, "0123456789.-+eE") == v.len;
        set_text(d, v, number ? NILO_T_JSON : NILO_T_TEXT);
    }
}

/* SQLite keeps dates as text; what does not read as one goes out as it is. */
static void set_moment(struct nilo_datum *d, struct nilo_db_value v, enum nilo_type type)
{
    struct nilo_iso iso;
    if (v.type == NILO_DB_INT)
        *d = (struct nilo_datum){.type = type, .i = v.i};
    else if (v.type == NILO_DB_TEXT && nilo_iso_parse(v.p, v.len, &iso, NULL) == 0)
        *d = (struct nilo_datum){.type = type, .i = type == NILO_T_DAY ? iso.day.n : iso.us};
    else
        set_text(d, v, NILO_T_TEXT);
}

static void fill(const struct nilo_published *p, struct nilo_db_stmt *s, struct nilo_datum *cells)
{
    for (size_t i = 0; i < p->n; i++) {
        struct nilo_db_value v = nilo_db_column(s, (int)i);
        enum nilo_type type = p->columns[i].type;
        struct nilo_datum *d = &cells[i];
        *d = (struct nilo_datum){.type = type, .null = v.type == NILO_DB_NULL || v.type == NILO_DB_BYTES};
        if (d->null)
            continue;
        if (type == NILO_T_DECIMAL)
            set_number(d, v);
        else if (type == NILO_T_DAY || type == NILO_T_TIME)
            set_moment(d, p->postgres || v.type == NILO_DB_TEXT ? v : nilo_dbv_text(nilo_db_column_text(s, (int)i)), type);
        else if (v.type == NILO_DB_INT && (type == NILO_T_INT || type == NILO_T_BOOL))
            d->i = v.i;
        else if (v.type == NILO_DB_INT || v.type == NILO_DB_REAL)
            set_number(d, v);
        else
            set_text(d, v, type == NILO_T_INT || type == NILO_T_BOOL ? NILO_T_TEXT : type);
    }
}

/* The count and the rows are of one state. */
static int begin(struct nilo_published *p, struct nilo_err *err)
{
    if (p->begun)
        return 0;
    p->begun = true;
    return nilo_db_exec(p->db, p->postgres ? "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY" : "BEGIN", err);
}

static void put_where(const struct nilo_published *p, struct nilo_buf *sql)
{
    nilo_buf_addf(sql, " FROM %s%s%s", nilo_buf_str(&p->table), p->push.where.len > 0 ? " WHERE " : "", nilo_buf_str(&p->push.where));
}

static int ask(struct nilo_published *p, const struct nilo_buf *sql, struct nilo_db_stmt **ret, struct nilo_err *err)
{
    if (sql->failed)
        return nilo_err_set(err, NILO_EINVAL, "the request is too large");
    return begin(p, err) != 0 || nilo_db_prepare_once(p->db, nilo_buf_str(sql), ret, err) != 0 ? -1 : nilo_db_query(*ret, p->push.params, p->push.n, err);
}

static struct nilo_published *of_call(const struct nilo_call *c)
{
    return (struct nilo_published *)(uintptr_t)nilo_call_function(c);
}

static int count_rows(struct nilo_call *call, int64_t *ret, struct nilo_err *err)
{
    struct nilo_published *p = of_call(call);
    struct nilo_db_stmt *s = NULL;
    struct nilo_buf sql;
    if (!p->push.all)
        return 1;
    nilo_buf_init(&sql, (size_t)512 << 10);
    nilo_buf_adds(&sql, "SELECT count(*)");
    put_where(p, &sql);
    int rc = ask(p, &sql, &s, err);
    int got = rc == 0 ? nilo_db_row(s, err) : -1;
    if (got == 1)
        *ret = nilo_db_column_int(s, 0);
    nilo_db_finish(s);
    nilo_buf_done(&sql);
    return got == 1 ? 0 : -1;
}

static int run(struct nilo_call *call, struct nilo_err *err)
{
    struct nilo_published *p = of_call(call);
    struct nilo_db_stmt *s = NULL;
    struct nilo_buf sql;
    struct nilo_datum *cells = nilo_arena_array(&p->arena, p->n + 1, sizeof(*cells));
    if (cells == NULL)
        return nilo_err_nomem(err);
    nilo_buf_init(&sql, (size_t)512 << 10);
    put_select(p, &sql);
    put_where(p, &sql);
    nilo_buf_adds(&sql, nilo_buf_str(&p->push.tail));
    int rc = ask(p, &sql, &s, err), got = 0;
    while (rc == 0 && (got = nilo_db_row(s, err)) == 1) {
        fill(p, s, cells);
        rc = nilo_call_row(call, cells, err);
    }
    nilo_db_finish(s);
    nilo_buf_done(&sql);
    return rc != 0 ? rc : got < 0 ? -1 : 0;
}

/* ---- one request ------------------------------------------------------------------------------------------------------------------------- */

static int open_one(struct nilo_api *api, const struct nilo_config *c, const struct nilo_config_publish *which, struct nilo_published *p, struct nilo_err *err)
{
    const struct nilo_config_connection *source = nilo_config_publish_source(c, which);
    struct nilo_err why = {0};
    char *target = NULL;
    int rc = nilo_config_secret(source->database, &target, &why);
    if (rc == 0)
        rc = nilo_sql_open(target, source->timeout_ms < TIMEOUT_MS ? source->timeout_ms : TIMEOUT_MS, api->env->vfs, &p->db, &why);
    free(target);
    if (rc == 0) {
        p->postgres = nilo_db_engine(p->db) == NILO_DB_POSTGRES;
        rc = nilo_config_sql_quote(which->table, &p->table, &why);
    }
    if (rc == 0)
        rc = read_columns(p, which->table, &why);
    p->f = (struct nilo_function){.name = nilo_arena_strdup(&p->arena, nilo_config_publish_name(which)), .doc = "a table of the source, as it is now",
                                  .columns = p->columns, .n_columns = p->n, .min_role = NILO_ROLE_SERVICE, .run = run, .table = true, .count = count_rows};
    if (rc == 0)
        return 0;
    /* which of its databases it is says nothing to who may not know: only service_role comes here */
    return nilo_err_set(err, why.code == NILO_ENOMEM || why.code == NILO_ETIMEOUT ? why.code : NILO_ESOURCE, "the connection %s: %s", source->name, why.msg);
}

int nilo_publish_open(struct nilo_api *api, const char *name, const char *workspace, struct nilo_published **ret, struct nilo_err *err)
{
    *ret = NULL;
    if (api->settings == NULL || nilo_relation_find(name) != NULL)
        return 0;
    struct nilo_settings_held *held = nilo_settings_take(api->settings);
    const struct nilo_config_publish *which = find(nilo_settings_config(held), name, workspace);
    struct nilo_published *p = which != NULL ? calloc(1, sizeof(*p)) : NULL;
    int rc = which != NULL && p == NULL ? nilo_err_nomem(err) : 0;
    if (p != NULL) {
        nilo_arena_init(&p->arena, (size_t)64 << 20);
        nilo_buf_init(&p->table, 2048);
        rc = open_one(api, nilo_settings_config(held), which, p, err);
    }
    nilo_settings_give(api->settings, held);
    if (rc != 0)
        nilo_publish_close(p);
    else
        *ret = p;
    return rc;
}

void nilo_publish_close(struct nilo_published *p)
{
    if (p == NULL)
        return;
    if (p->pushed)
        nilo_push_done(&p->push);
    nilo_db_close(p->db);
    nilo_buf_done(&p->table);
    nilo_arena_done(&p->arena);
    free(p);
}

int nilo_publish_parse(struct nilo_published *p, const char *text, size_t len, const struct nilo_request *request, struct nilo_query **ret,
                       struct nilo_notes *notes, struct nilo_err *err)
{
    if (nilo_query_table(&p->f, text, len, request, ret, notes, err) != 0)
        return -1;
    if (p->postgres)
        nilo_query_push(*ret, &p->push);
    p->pushed = p->postgres;
    return 0;
}

int nilo_publish_relations(struct nilo_api *api, const char *workspace, struct nilo_arena *arena, const struct nilo_relation ***ret, size_t *ret_n,
                           struct nilo_err *err)
{
    *ret_n = 0;
    *ret = NULL;
    if (api->settings == NULL)
        return 0;
    struct nilo_settings_held *held = nilo_settings_take(api->settings);
    const struct nilo_config *c = nilo_settings_config(held);
    *ret = nilo_arena_array(arena, (size_t)c->n_publish + 1, sizeof(**ret));
    for (int i = 0; *ret != NULL && i < c->n_publish; i++) {
        struct nilo_published *p = NULL;
        struct nilo_err away = {0};
        const char *name = nilo_config_publish_name(&c->publish[i]);
        struct nilo_relation *r = nilo_arena_alloc(arena, sizeof(*r));
        if (find(c, name, workspace) != &c->publish[i])
            continue;
        if (r == NULL)
            break;
        nilo_publish_open(api, name, workspace, &p, &away);
        struct nilo_column *columns = nilo_arena_array(arena, (p != NULL ? p->n : 0) + 1, sizeof(*columns));
        for (size_t k = 0; columns != NULL && p != NULL && k < p->n; k++) {
            columns[k] = p->columns[k];
            columns[k].name = nilo_arena_strdup(arena, p->columns[k].name);
        }
        *r = (struct nilo_relation){.name = nilo_arena_strdup(arena, name), .doc = "a table of the source, as it is now; read-only", .columns = columns,
                                    .n_columns = columns != NULL && p != NULL ? p->n : 0, .min_role = NILO_ROLE_SERVICE};
        (*ret)[(*ret_n)++] = r;
        nilo_publish_close(p);
    }
    nilo_settings_give(api->settings, held);
    return *ret != NULL ? 0 : nilo_err_nomem(err);
}
