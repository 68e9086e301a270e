/* What both engines share: choosing the driver, the kept statements, placeholders, migrations.
 * Everything an engine does itself is in sqlite.c and postgres.c. */
#include "db/db_priv.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/hash.h"

int64_t nilo__db_mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- opening and closing ---------------------------------------------------------------------------------------------- */

static bool starts_with(const char *s, const char *prefix)
{
    return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

int nilo_db_open(const char *target, const struct nilo_db_options *options, struct nilo_db **ret_db,
                 struct nilo_err *err)
{
    bool server = starts_with(target, "postgres://") || starts_with(target, "postgresql://");
    if (starts_with(target, "sqlite:"))
        target += strlen("sqlite:");
    if ((server ? nilo__postgres_open : nilo__sqlite_open)(target, options, ret_db, err) != 0)
        return -1;
    if (options->mode == NILO_DB_WRITE || options->mode == NILO_DB_CREATE)
        (*ret_db)->turns = options->turns;
    return 0;
}

static void free_stmt(struct nilo_db_stmt *s)
{
    struct nilo_db *db = s->db;
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        db->all = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    free(s->sql);
    free(s->texts);
    db->ops->finish(s);
}

void nilo_db_close(struct nilo_db *db)
{
    if (db == NULL)
        return;
    nilo_db_rollback(db);
    while (db->all != NULL)
        free_stmt(db->all);
    nilo_db_turn_take(db); /* the last connection of an SQLite file copies its log back as it closes */
    db->ops->close(db);
    db->held = 1; /* whatever was held ends here */
    nilo_db_turn_give(db);
    free(db->buckets);
    free(db->target);
    free(db);
}

enum nilo_db_engine nilo_db_engine(const struct nilo_db *db)
{
    return db->engine;
}

const char *nilo_db_target(const struct nilo_db *db)
{
    return db->target;
}

void nilo_db_timeout(struct nilo_db *db, int64_t timeout_ms)
{
    db->timeout_ms = timeout_ms > 0 ? timeout_ms : 0;
}

/* ---- values ----------------------------------------------------------------------------------------------------------- */

struct nilo_db_value nilo_dbv_text(const char *s)
{
    return nilo_dbv_textn(s, s != NULL ? strlen(s) : 0);
}

struct nilo_db_value nilo_dbv_textn(const char *s, size_t n)
{
    if (s == NULL)
        return NILO_DBV_NULL;
    return (struct nilo_db_value){.type = NILO_DB_TEXT, .p = s, .len = n};
}

struct nilo_db_value nilo_dbv_bytes(const void *p, size_t n)
{
    return (struct nilo_db_value){.type = NILO_DB_BYTES, .p = p, .len = n};
}

int nilo__db_check_params(const struct nilo_db_value *params, int n, struct nilo_err *err)
{
    for (int i = 0; i < n; i++) {
        if (params[i].type == NILO_DB_TEXT && params[i].len > 0 && memchr(params[i].p, '\0', params[i].len) != NULL)
            return nilo_err_set(err, NILO_EINVAL, "a text may not hold a NUL character");
    }
    return 0;
}

/* ---- statements --------------------------------------------------------------------------------------------------------- */

static uint64_t hash_text(const char *s) /* FNV-1a */
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
    return h;
}

/* One that runs belongs to an outer loop of the caller: the text then gets a second statement. */
static struct nilo_db_stmt *find_kept(const struct nilo_db *db, uint64_t hash, const char *sql)
{
    if (db->n_buckets == 0)
        return NULL;
    struct nilo_db_stmt *s = db->buckets[hash % db->n_buckets];
    while (s != NULL && (s->running || s->hash != hash || strcmp(s->sql, sql) != 0))
        s = s->next_kept;
    return s;
}

static bool grow_buckets(struct nilo_db *db)
{
    if (db->n_kept < db->n_buckets)
        return true;
    size_t n = db->n_buckets > 0 ? db->n_buckets * 2 : 64;
    struct nilo_db_stmt **buckets = calloc(n, sizeof(struct nilo_db_stmt *));
    if (buckets == NULL)
        return false;
    for (struct nilo_db_stmt *s = db->all; s != NULL; s = s->next) {
        if (s->once)
            continue;
        s->next_kept = buckets[s->hash % n];
        buckets[s->hash % n] = s;
    }
    free(db->buckets);
    db->buckets = buckets;
    db->n_buckets = n;
    return true;
}

static int new_stmt(struct nilo_db *db, const char *sql, bool once, struct nilo_db_stmt **ret_stmt,
                    struct nilo_err *err)
{
    struct nilo_db_stmt *s = NULL;
    if (strlen(sql) >= NILO__DB_SQL_MAX)
        return nilo_err_set(err, NILO_EINVAL, "the SQL statement is longer than %zu bytes", NILO__DB_SQL_MAX);
    char *copy = strdup(sql);
    if (copy == NULL)
        return nilo_err_nomem(err);
    if (db->ops->prepare(db, sql, once, &s, err) != 0) {
        free(copy);
        return -1;
    }
    s->db = db;
    s->sql = copy;
    s->once = once;
    s->next = db->all;
    if (db->all != NULL)
        db->all->prev = s;
    db->all = s;
    *ret_stmt = s;
    return 0;
}

int nilo_db_prepare(struct nilo_db *db, const char *sql, struct nilo_db_stmt **ret_stmt, struct nilo_err *err)
{
    uint64_t hash = hash_text(sql);
    struct nilo_db_stmt *s = find_kept(db, hash, sql);
    if (s != NULL) {
        *ret_stmt = s;
        return 0;
    }
    if (db->n_kept >= NILO__DB_STATEMENTS_MAX)
        return nilo_err_set(err, NILO_EINTERNAL, "more than %d different SQL texts on one connection",
                            NILO__DB_STATEMENTS_MAX);
    if (!grow_buckets(db))
        return nilo_err_nomem(err);
    if (new_stmt(db, sql, false, &s, err) != 0)
        return -1;
    s->hash = hash;
    s->next_kept = db->buckets[hash % db->n_buckets];
    db->buckets[hash % db->n_buckets] = s;
    db->n_kept++;
    *ret_stmt = s;
    return 0;
}

/* Requests come again with other values, and preparing a large statement takes longer than running it: the last few wait for that. */
int nilo_db_prepare_once(struct nilo_db *db, const char *sql, struct nilo_db_stmt **ret_stmt, struct nilo_err *err)
{
    uint64_t hash = hash_text(sql);
    for (int i = 0; i < db->n_resting; i++) {
        struct nilo_db_stmt *s = db->resting[i];
        if (s->hash != hash || strcmp(s->sql, sql) != 0)
            continue;
        memmove(db->resting + i, db->resting + i + 1, (size_t)(--db->n_resting - i) * sizeof(struct nilo_db_stmt *));
        *ret_stmt = s;
        return 0;
    }
    if (new_stmt(db, sql, true, ret_stmt, err) != 0)
        return -1;
    (*ret_stmt)->hash = hash;
    return 0;
}

static void rest(struct nilo_db_stmt *s)
{
    struct nilo_db *db = s->db;
    db->ops->rest(s);
    if (db->n_resting == NILO__DB_RESTING_MAX)
        free_stmt(db->resting[--db->n_resting]);
    memmove(db->resting + 1, db->resting, (size_t)db->n_resting++ * sizeof(struct nilo_db_stmt *));
    db->resting[0] = s;
}

void nilo_db_finish(struct nilo_db_stmt *s)
{
    if (s == NULL)
        return;
    nilo_db_reset(s);
    if (s->once && s->db->ops->rest != NULL && strlen(s->sql) <= NILO__DB_RESTING_SQL)
        rest(s);
    else if (s->once)
        free_stmt(s);
}

void nilo__db_reset_all(struct nilo_db *db)
{
    for (struct nilo_db_stmt *s = db->all; s != NULL; s = s->next)
        nilo_db_reset(s);
}

bool nilo__db_texts(struct nilo_db_stmt *s, int columns)
{
    if (columns <= s->n_texts)
        return true;
    char(*texts)[NILO__DB_NUMBER] = realloc(s->texts, (size_t)columns * sizeof *texts);
    if (texts == NULL)
        return false;
    s->texts = texts;
    s->n_texts = columns;
    return true;
}

/* ---- running -------------------------------------------------------------------------------------------------------------- */

int nilo_db_exec(struct nilo_db *db, const char *sql, struct nilo_err *err)
{
    bool writes = db->turns != NULL && !nilo__db_only_reads(sql);
    if (writes)
        nilo_db_turn_take(db);
    int rc = db->ops->exec(db, sql, err);
    if (writes)
        nilo_db_turn_give(db);
    return rc;
}

/* A statement that writes outside of a transaction is one of its own. */
static void turn_begins(struct nilo_db_stmt *s)
{
    s->in_turn = s->db->turns != NULL && !nilo_db_in_transaction(s->db) && !nilo__db_only_reads(s->sql);
    if (s->in_turn)
        nilo_db_turn_take(s->db);
}

static void turn_ends(struct nilo_db_stmt *s)
{
    if (s->in_turn)
        nilo_db_turn_give(s->db);
    s->in_turn = false;
}

static int check_count(const struct nilo_db_stmt *s, int n, struct nilo_err *err)
{
    if (n == s->n_params)
        return 0;
    return nilo_err_set(err, NILO_EINTERNAL, "the statement takes %d parameters, not %d: %.80s", s->n_params, n,
                        s->sql);
}

int nilo_db_query(struct nilo_db_stmt *s, const struct nilo_db_value *params, int n, struct nilo_err *err)
{
    nilo_db_reset(s);
    if (check_count(s, n, err) != 0 || nilo__db_check_params(params, n, err) != 0)
        return -1;
    turn_begins(s);
    int rc = s->db->ops->query(s, params, n, err);
    if (rc != 0)
        turn_ends(s);
    return rc;
}

int nilo_db_row(struct nilo_db_stmt *s, struct nilo_err *err)
{
    if (!s->running) /* after the end, or after a rollback took it away */
        return 0;
    int rc = s->db->ops->row(s, err);
    if (rc != 1)
        turn_ends(s);
    return rc;
}

int nilo__db_no_int(struct nilo_err *err)
{
    return nilo_err_set(err, NILO_EOVERFLOW, "the number %" PRId64 " cannot be told from none", INT64_MIN);
}

static int ints_by_row(struct nilo_db_stmt *s, int columns, int64_t *ret, int most, struct nilo_err *err)
{
    int n = 0, got = 1;
    while (n < most && (got = s->db->ops->row(s, err)) == 1) {
        for (int i = 0; i < columns; i++, ret++) {
            bool null = nilo_db_column_null(s, i);
            *ret = null ? INT64_MIN : nilo_db_column_int(s, i);
            if (!null && *ret == INT64_MIN) {
                nilo_db_reset(s);
                return nilo__db_no_int(err);
            }
        }
        n++;
    }
    return got < 0 ? -1 : n;
}

int nilo_db_ints(struct nilo_db_stmt *s, int columns, int64_t *ret, int most, struct nilo_err *err)
{
    assert(columns == nilo_db_columns(s));
    if (!s->running)
        return 0;
    int n = s->db->ops->ints != NULL ? s->db->ops->ints(s, columns, ret, most, err) : ints_by_row(s, columns, ret, most, err);
    if (n < most)
        turn_ends(s);
    return n;
}

void nilo_db_reset(struct nilo_db_stmt *s)
{
    if (s->running)
        s->db->ops->reset(s);
    turn_ends(s);
}

int nilo_db_columns(const struct nilo_db_stmt *s)
{
    return s->db->ops->columns(s);
}

const char *nilo_db_column_name(const struct nilo_db_stmt *s, int column)
{
    assert(column >= 0 && column < nilo_db_columns(s));
    return s->db->ops->column_name(s, column);
}

struct nilo_db_value nilo_db_column(struct nilo_db_stmt *s, int column)
{
    assert(column >= 0 && column < nilo_db_columns(s));
    return s->db->ops->column(s, column);
}

/* A number as text: whole if it is written so (sums come as numeric from PostgreSQL), else cut towards zero. */
static int64_t text_to_int(const char *p)
{
    char *end;
    errno = 0;
    long long whole = strtoll(p, &end, 10);
    if (end != p && (*end == '\0' || (*end == '.' && strpbrk(end, "eE") == NULL)))
        return whole; /* out of range: the nearest end */
    double v = strtod(p, &end);
    if (end == p || v != v)
        return 0;
    if (v >= 9223372036854775808.0)
        return INT64_MAX;
    return v < -9223372036854775808.0 ? INT64_MIN : (int64_t)v;
}

int64_t nilo_db_column_int(struct nilo_db_stmt *s, int column)
{
    struct nilo_db_value v = nilo_db_column(s, column);
    if (v.type == NILO_DB_INT)
        return v.i;
    return v.type == NILO_DB_TEXT || v.type == NILO_DB_REAL ? text_to_int(v.p) : 0;
}

const char *nilo_db_column_text(struct nilo_db_stmt *s, int column)
{
    struct nilo_db_value v = nilo_db_column(s, column);
    if (v.type == NILO_DB_NULL)
        return NULL;
    if (v.type != NILO_DB_INT)
        return v.p;
    snprintf(s->texts[column], sizeof s->texts[column], "%" PRId64, v.i);
    return s->texts[column];
}

bool nilo_db_column_null(struct nilo_db_stmt *s, int column)
{
    return nilo_db_column(s, column).type == NILO_DB_NULL;
}

int nilo_db_run(struct nilo_db_stmt *s, const struct nilo_db_value *params, int n, int64_t *ret_changes,
                struct nilo_err *err)
{
    int rc = nilo_db_query(s, params, n, err);
    if (rc != 0)
        return -1;
    do
        rc = nilo_db_row(s, err);
    while (rc == 1);
    if (rc == 0 && ret_changes != NULL)
        *ret_changes = s->db->ops->changes(s);
    return rc;
}

/* Outside of a transaction it makes its own, so that on both engines all sets are stored or none. */
int nilo_db_many(struct nilo_db_stmt *s, size_t count, int n_params, nilo_db_params_fn *next, nilo_db_row_fn *row,
                 void *ctx, struct nilo_err *err)
{
    struct nilo_db *db = s->db;
    bool own = !nilo_db_in_transaction(db);
    size_t failed = SIZE_MAX;
    nilo_db_reset(s);
    if (check_count(s, n_params, err) != 0)
        return -1;
    if (count == 0)
        return 0;
    if (own && nilo_db_begin(db, err) != 0)
        return -1;
    int rc = db->ops->many(s, count, n_params, next, row, ctx, &failed, err);
    if (rc != 0 && failed != SIZE_MAX)
        nilo_err_wrap(err, "set %zu of %zu", failed, count);
    if (!own)
        return rc;
    if (rc == 0)
        return nilo_db_commit(db, err);
    nilo_db_rollback(db);
    return -1;
}

/* ---- transactions ---------------------------------------------------------------------------------------------------------- */

int nilo_db_begin(struct nilo_db *db, struct nilo_err *err)
{
    if (nilo_db_in_transaction(db))
        return nilo_err_set(err, NILO_EINTERNAL, "a transaction inside a transaction");
    nilo_db_turn_take(db);
    int rc = db->ops->begin(db, err);
    db->in_turn = rc == 0;
    if (rc != 0)
        nilo_db_turn_give(db);
    return rc;
}

static void transaction_over(struct nilo_db *db)
{
    if (db->in_turn)
        nilo_db_turn_give(db);
    db->in_turn = false;
}

int nilo_db_commit(struct nilo_db *db, struct nilo_err *err)
{
    if (!nilo_db_in_transaction(db))
        return nilo_err_set(err, NILO_EINTERNAL, "nothing to commit: no transaction is open");
    int rc = db->ops->commit(db, err);
    transaction_over(db);
    return rc;
}

void nilo_db_rollback(struct nilo_db *db)
{
    if (nilo_db_in_transaction(db))
        db->ops->rollback(db);
    transaction_over(db);
}

bool nilo_db_in_transaction(const struct nilo_db *db)
{
    return db->ops->in_transaction(db);
}

bool nilo_db_snapshot(const struct nilo_db *db)
{
    return db->mode == NILO_DB_READ || db->mode == NILO_DB_SOURCE;
}

void nilo_db_watch(struct nilo_db *db, bool (*fn)(void *ctx), void *ctx)
{
    db->watch = fn;
    db->watch_ctx = ctx;
}

void nilo_db_interrupt(struct nilo_db *db)
{
    db->ops->interrupt(db);
}

/* ---- placeholders ----------------------------------------------------------------------------------------------------------- */

static size_t skip_line_comment(const char *s)
{
    return strcspn(s, "\n");
}

static size_t skip_block_comment(const char *s) /* they nest in PostgreSQL */
{
    size_t i = 2;
    for (int depth = 1; s[i] != '\0' && depth > 0;) {
        int step = s[i] == '/' && s[i + 1] == '*' ? 1 : s[i] == '*' && s[i + 1] == '/' ? -1 : 0;
        depth += step;
        i += step != 0 ? 2 : 1;
    }
    return i;
}

static size_t skip_quoted(const char *s, bool backslashes)
{
    char quote = s[0];
    size_t i = 1;
    for (; s[i] != '\0'; i++) {
        if (backslashes && s[i] == '\\' && s[i + 1] != '\0')
            i++;
        else if (s[i] == quote && s[i + 1] == quote)
            i++;
        else if (s[i] == quote)
            return i + 1;
    }
    return i;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t skip_dollar_quoted(const char *s) /* $tag$ ... $tag$; 0 when it is none */
{
    size_t tag = 1;
    if (!isdigit((unsigned char)s[1]))
        while (is_word(s[tag]))
            tag++;
    if (s[tag] != '$')
        return 0;
    tag++;
    for (const char *end = strchr(s + tag, '$'); end != NULL; end = strchr(end + 1, '$')) {
        if (strncmp(end, s, tag) == 0)
            return (size_t)(end - s) + tag;
    }
    return strlen(s);
}

/* How many bytes at `s` are to be left alone; 0 at a placeholder, else at least 1. */
static size_t skip_plain(const char *sql, const char *s)
{
    bool after_word = s > sql && is_word(s[-1]);
    if (s[0] == '-' && s[1] == '-')
        return skip_line_comment(s);
    if (s[0] == '/' && s[1] == '*')
        return skip_block_comment(s);
    if (s[0] == '\'') {
        bool escapes = s > sql && (s[-1] == 'E' || s[-1] == 'e') && !(s - sql > 1 && is_word(s[-2]));
        return skip_quoted(s, escapes);
    }
    if (s[0] == '"')
        return skip_quoted(s, false);
    if (s[0] == '$' && !after_word) {
        size_t n = skip_dollar_quoted(s);
        return n > 0 ? n : 1;
    }
    return s[0] == '?' && isdigit((unsigned char)s[1]) ? 0 : 1;
}

int nilo__db_number_params(const char *sql, struct nilo_buf *ret, int *ret_max, struct nilo_err *err)
{
    int max = 0;
    for (const char *s = sql; *s != '\0';) {
        size_t n = skip_plain(sql, s);
        if (n > 0) {
            nilo_buf_add(ret, s, n);
            s += n;
            continue;
        }
        char *end;
        errno = 0;
        long number = strtol(s + 1, &end, 10);
        if (errno != 0 || number < 1 || number > NILO__DB_PARAMS_MOST)
            return nilo_err_set(err, NILO_EINTERNAL, "placeholders go from ?1 to ?%d, not %.12s", NILO__DB_PARAMS_MOST, s);
        if (number > max)
            max = (int)number;
        nilo_buf_addf(ret, "$%ld", number);
        s = end;
    }
    if (ret->failed)
        return nilo_err_nomem(err);
    *ret_max = max;
    return 0;
}

/* ---- migrations --------------------------------------------------------------------------------------------------------------- */

#define MIGRATION_LOCK "7954271184126542119" /* any number that nobody else takes as an advisory lock */

static int one_int(struct nilo_db *db, const char *sql, int64_t *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *s;
    int64_t value = 0;
    if (nilo_db_prepare(db, sql, &s, err) != 0 || nilo_db_query(s, NULL, 0, err) != 0)
        return -1;
    int rc;
    while ((rc = nilo_db_row(s, err)) == 1)
        value = nilo_db_column_int(s, 0);
    if (rc == 0)
        *ret = value;
    return rc;
}

static int has_history(struct nilo_db *db, bool *ret, struct nilo_err *err)
{
    int64_t n;
    const char *sql = db->engine == NILO_DB_SQLITE
                          ? "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'nilo_migration'"
                          : "SELECT CASE WHEN to_regclass('nilo_migration') IS NULL THEN 0 ELSE 1 END";
    if (one_int(db, sql, &n, err) != 0)
        return -1;
    *ret = n > 0;
    return 0;
}

int nilo_db_schema_version(struct nilo_db *db, int *ret_version, struct nilo_err *err)
{
    bool history;
    int64_t version = 0;
    if (has_history(db, &history, err) != 0)
        return -1;
    if (history && one_int(db, "SELECT coalesce(max(version), 0) FROM nilo_migration", &version, err) != 0)
        return -1;
    *ret_version = (int)version;
    return 0;
}

static void checksum(const struct nilo_db_step *step, char out[2 * NILO_SHA256_LEN + 1])
{
    unsigned char sum[NILO_SHA256_LEN];
    nilo_sha256(step->sql, strlen(step->sql), sum);
    nilo_hex(sum, sizeof sum, out);
}

static int check_row(struct nilo_db_stmt *s, int expected, const struct nilo_db_step *steps, struct nilo_err *err)
{
    char sum[2 * NILO_SHA256_LEN + 1];
    int64_t version = nilo_db_column_int(s, 0);
    const char *target = nilo_db_target(s->db), *name = nilo_db_column_text(s, 1),
               *recorded = nilo_db_column_text(s, 2);
    if (version != expected)
        return nilo_err_set(err, NILO_ECORRUPT, "%s: schema step %d is missing from nilo_migration (found %" PRId64 ")",
                            target, expected, version);
    checksum(&steps[expected - 1], sum);
    if (recorded == NULL || strcmp(recorded, sum) != 0)
        return nilo_err_set(
            err, NILO_ECORRUPT,
            "%s: schema step %d (%s) is not the one this program has (%s); use the program that made it", target,
            expected, name != NULL ? name : "", steps[expected - 1].name);
    return 0;
}

/* Inside a transaction, so that nobody migrates between the look and the step. */
static int check_history(struct nilo_db *db, const struct nilo_db_step *steps, int n, int *ret_version,
                         struct nilo_err *err)
{
    int version;
    if (nilo_db_schema_version(db, &version, err) != 0)
        return -1;
    if (version > n)
        return nilo_err_set(err, NILO_ENEWER,
                            "%s has schema version %d, this program knows versions up to %d; use a newer one",
                            nilo_db_target(db), version, n);
    if (version == 0) {
        *ret_version = 0;
        return 0;
    }
    struct nilo_db_stmt *s;
    if (nilo_db_prepare(db, "SELECT version, name, checksum FROM nilo_migration ORDER BY version", &s, err) != 0 ||
        nilo_db_query(s, NULL, 0, err) != 0)
        return -1;
    int seen = 0, rc;
    while ((rc = nilo_db_row(s, err)) == 1) {
        if (check_row(s, ++seen, steps, err) != 0) {
            nilo_db_reset(s);
            return -1;
        }
    }
    if (rc == 0)
        *ret_version = version;
    return rc;
}

static int lock_schema(struct nilo_db *db, struct nilo_err *err)
{
    if (db->engine == NILO_DB_SQLITE) /* BEGIN IMMEDIATE did it */
        return 0;
    return nilo_db_exec(db, "SELECT pg_advisory_xact_lock(" MIGRATION_LOCK ")", err);
}

static int record_step(struct nilo_db *db, int version, const struct nilo_db_step *step, nilo_us now,
                       struct nilo_err *err)
{
    struct nilo_db_stmt *s;
    char sum[2 * NILO_SHA256_LEN + 1];
    checksum(step, sum);
    if (nilo_db_prepare(db, "INSERT INTO nilo_migration (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
                        &s, err) != 0)
        return -1;
    return nilo_db_run(s,
                       (struct nilo_db_value[]){NILO_DBV_INT(version), NILO_DBV_TEXT(step->name), NILO_DBV_TEXT(sum),
                                                NILO_DBV_INT(now)},
                       4, NULL, err);
}

static int apply_step(struct nilo_db *db, int version, const struct nilo_db_step *step, nilo_us now,
                      struct nilo_err *err)
{
    static const char history[] = "CREATE TABLE IF NOT EXISTS nilo_migration (version bigint NOT NULL PRIMARY KEY, "
                                  "name text NOT NULL, checksum text NOT NULL, applied_at bigint NOT NULL)";
    if (version == 1 && nilo_db_exec(db, history, err) != 0)
        return -1;
    if (nilo_db_exec(db, step->sql, err) != 0)
        return nilo_err_wrap(err, "schema step %d (%s)", version, step->name);
    if (!nilo_db_in_transaction(db))
        return nilo_err_set(err, NILO_EINTERNAL, "schema step %d (%s) ends its own transaction", version, step->name);
    return record_step(db, version, step, now, err);
}

/* The next missing step, in its own transaction. *ret_version = the version after it; unchanged = nothing is missing. */
static int migrate_one(struct nilo_db *db, const struct nilo_db_step *steps, int n, nilo_us now, bool *ret_done,
                       struct nilo_err *err)
{
    int version = 0;
    if (nilo_db_begin(db, err) != 0)
        return -1;
    int rc = lock_schema(db, err);
    if (rc == 0)
        rc = check_history(db, steps, n, &version, err);
    if (rc == 0 && version < n)
        rc = apply_step(db, version + 1, &steps[version], now, err);
    if (rc == 0 && version < n)
        rc = nilo_db_commit(db, err);
    if (rc == 0)
        *ret_done = version >= n;
    nilo_db_rollback(db);
    return rc;
}

int nilo_db_migrate(struct nilo_db *db, const struct nilo_db_step *steps, int n, nilo_us now, struct nilo_err *err)
{
    bool done = false;
    while (!done) {
        if (migrate_one(db, steps, n, now, &done, err) != 0)
            return -1;
    }
    return 0;
}

int nilo_db_copy(struct nilo_db *db, const char *path, void (*progress)(void *ctx, int64_t done, int64_t of), void *ctx, struct nilo_err *err)
{
    if (db->ops->copy == NULL)
        return nilo_err_set(err, NILO_EINVAL, "%s is no SQLite database, it is not copied to a file", db->target);
    return db->ops->copy(db, path, progress, ctx, err);
}

int nilo_db_reads(struct nilo_db *db, const char *sql, nilo_db_reads_fn *fn, void *ctx, struct nilo_err *err)
{
    if (db->ops->reads == NULL)
        return nilo_err_set(err, NILO_EINVAL, "%s is no SQLite database, it does not tell what a statement reads", db->target);
    return db->ops->reads(db, sql, fn, ctx, err);
}
