/* Connections that an app keeps in a table of its own: read (and only read) through the statement of the configuration, and made the same here. The app is the
 * one who renews its tokens: a second one who does would end them for the app wherever a platform replaces refresh tokens.
 *
 * Values of its rows are in no message: a database that complains about one quotes it. */
#include "login/login_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "connect/connect.h"

#define ROWS_MOST 100000
#define NAME_MOST 200 /* bytes of a name, as the store has it */

enum column { PLATFORM, ACCOUNT, TOKEN, WORKSPACE, NAME, ACCOUNT_NAME, EXPIRES_AT, ROLE, COLUMNS };
static const char *const columns[COLUMNS] = {"platform", "account", "token", "workspace", "name", "account_name", "expires_at", "role"};
#define NEEDED 3

struct row {
    const char *platform, *account, *workspace, *name, *account_name, *role; /* in the arena */
    char *token;                                                      /* secret memory */
    nilo_us until;
    bool again; /* one before it makes the same connection */
};

struct reading {
    struct nilo_login *l;
    struct nilo_arena arena;
    struct row *rows;
    size_t n, cap;
    bool all; /* every source was read to its end */
    struct nilo_login_synced *ret;
};

static void note(struct reading *r, const char *format, const char *a, const char *b)
{
    if (r->ret->note[0] == '\0')
        snprintf(r->ret->note, sizeof r->ret->note, "%s%.200s%s", format, a, b);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------------- */

static int find_columns(struct nilo_db_stmt *stmt, int at[COLUMNS], struct nilo_err *err)
{
    for (int k = 0; k < COLUMNS; k++) {
        at[k] = -1;
        for (int i = 0; i < nilo_db_columns(stmt); i++) {
            const char *name = nilo_db_column_name(stmt, i);
            if (name != NULL && strcmp(name, columns[k]) == 0)
                at[k] = i;
        }
        if (at[k] < 0 && k < NEEDED)
            return nilo_err_set(err, NILO_ECONFIG, "its answer has no column %s; it needs platform, account and token, and takes workspace, name, account_name, expires_at and role",
                                columns[k]);
    }
    return 0;
}

static const char *text_of(struct reading *r, struct nilo_db_stmt *stmt, int column)
{
    const char *text = column >= 0 ? nilo_db_column_text(stmt, column) : NULL;
    return text != NULL && text[0] != '\0' ? nilo_arena_strdup(&r->arena, text) : NULL;
}

static int grow(struct reading *r, struct nilo_err *err)
{
    if (r->n < r->cap)
        return 0;
    size_t cap = r->cap > 0 ? 2 * r->cap : 16;
    struct row *rows = r->n < ROWS_MOST ? realloc(r->rows, cap * sizeof *rows) : NULL;
    if (rows == NULL)
        return r->n < ROWS_MOST ? nilo_err_nomem(err) : nilo_err_set(err, NILO_ECONFIG, "it gives more than %d rows", ROWS_MOST);
    r->rows = rows;
    r->cap = cap;
    return 0;
}

static int take_row(struct reading *r, struct nilo_db_stmt *stmt, const int at[COLUMNS], struct nilo_err *err)
{
    const char *token = nilo_db_column_text(stmt, at[TOKEN]);
    struct row row = {.platform = text_of(r, stmt, at[PLATFORM]), .account = text_of(r, stmt, at[ACCOUNT]), .workspace = text_of(r, stmt, at[WORKSPACE]),
                      .name = text_of(r, stmt, at[NAME]), .account_name = text_of(r, stmt, at[ACCOUNT_NAME]), .role = text_of(r, stmt, at[ROLE]), .until = NILO_US_NONE};
    if (row.platform == NULL || row.account == NULL || token == NULL || token[0] == '\0' || strlen(token) > NILO_SECRET_MAX) {
        r->ret->refused++;
        note(r, "a row has no platform, account or token", "", "");
        return 0;
    }
    if (nilo_connector_find(row.platform) == NULL) {
        r->ret->refused++;
        note(r, "no platform is called ", row.platform, "");
        return 0;
    }
    if (row.role == NULL)
        row.role = "own";
    if (strcmp(row.role, "own") != 0 && strcmp(row.role, "competitor") != 0) { /* in doubt nobody's: as own it would be in sums */
        r->ret->refused++;
        note(r, "a row's role is neither own nor competitor", "", "");
        return 0;
    }
    if (at[EXPIRES_AT] >= 0) {
        struct nilo_db_value v = nilo_db_column(stmt, at[EXPIRES_AT]);
        struct nilo_stamp stamp = nilo_stamp_read(&v);
        row.until = stamp.kind == NILO_STAMP_INSTANT ? stamp.at : NILO_US_NONE;
    }
    if (row.workspace == NULL)
        row.workspace = "default";
    if (row.name == NULL)
        row.name = nilo_arena_printf(&r->arena, "%s-%s", row.platform, row.account);
    if (row.account_name != NULL && !nilo_name_ok(row.account_name, NAME_MOST))
        row.account_name = NULL; /* it is shown, and nothing hangs on it */
    if (row.name != NULL && (!nilo_name_ok(row.name, NAME_MOST) || !nilo_name_ok(row.workspace, NAME_MOST) || !nilo_name_ok(row.account, NAME_MOST))) {
        r->ret->refused++; /* its own fault: the others' tokens are read all the same */
        note(r, "a row has a workspace, name or account that is no name: 1 to 200 bytes of UTF-8 without control characters", "", "");
        return 0;
    }
    row.token = nilo__login_copy(token);
    if (row.token == NULL || row.name == NULL || grow(r, err) != 0) {
        nilo_secret_free(row.token);
        return row.token == NULL || row.name == NULL ? nilo_err_nomem(err) : -1;
    }
    r->rows[r->n++] = row;
    return 0;
}

static int read_rows(struct reading *r, struct nilo_db *db, const char *sql, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo_err why = {0};
    int at[COLUMNS], got = -1;
    if (nilo_db_prepare(db, sql, &stmt, err) != 0) /* what it says is about names: no row was seen */
        return -1;
    bool started = nilo_db_query(stmt, NULL, 0, &why) == 0 && (got = nilo_db_row(stmt, &why)) >= 0;
    if (started && find_columns(stmt, at, err) != 0) {
        nilo_db_reset(stmt);
        return -1;
    }
    while (got == 1) {
        if (take_row(r, stmt, at, err) != 0) {
            nilo_db_reset(stmt);
            return -1;
        }
        got = nilo_db_row(stmt, &why);
    }
    return got == 0 ? 0 : nilo_err_set(err, why.code, "the database ended it (%s); what it says may quote a value and is left out", nilo_code_text(why.code));
}

static int read_source(struct reading *r, const struct nilo_config_from_sql *f, struct nilo_err *err)
{
    const struct nilo_config_connection *source = nilo_config_from_sql_source(r->l->config, f);
    struct nilo_db *db = NULL;
    struct nilo_buf sql;
    char *target;
    if (nilo_config_secret(source->database, &target, err) != 0)
        return -1;
    nilo_buf_init(&sql, 65536);
    int rc = nilo_sql_open(target, source->timeout_ms, NULL, &db, err);
    if (rc == 0)
        rc = nilo_config_sql_plain(f->statement, nilo_db_engine(db) == NILO_DB_SQLITE ? NILO_SQL_SQLITE : NILO_SQL_POSTGRES, &sql, err);
    if (rc == 0)
        rc = nilo_db_begin(db, err); /* one state, read only */
    if (rc == 0)
        rc = read_rows(r, db, nilo_buf_str(&sql), err);
    nilo_db_close(db);
    nilo_buf_done(&sql);
    nilo_secret_wipe(target, strlen(target));
    free(target);
    return rc != 0 ? nilo_err_wrap(err, "%s:%d: connections_from_sql", r->l->config->path, f->line) : 0;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------------- */

static int same_token_of_account(struct nilo_login *l, const struct nilo_connection *c, const struct row *row, bool *ret, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_login_row login;
    char *token;
    bool there;
    *ret = false;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_login(l->store, c->id, &arena, &there, &login, err);
    if (rc == 0 && there && login.access_until == row->until && login.account != NULL && strcmp(login.account, row->account) == 0 &&
        nilo__login_open(l, c, "access_token", &token, NULL) == 0) {
        *ret = strlen(token) == strlen(row->token) && strcmp(token, row->token) == 0;
        nilo_secret_free(token);
    }
    nilo_arena_done(&arena);
    return rc;
}

static int write_row(struct reading *r, const struct row *row, struct nilo_err *err)
{
    struct nilo_login *l = r->l;
    struct nilo_workspace w;
    struct nilo_connection c;
    bool same, is_new, erased;
    if (nilo_store_workspace(l->store, row->workspace, true, NULL, &w, err) != 0 ||
        nilo_store_was_erased(l->store, w.id, NILO_ERASE_CONNECTION, 0, "", row->name, &erased, err) != 0)
        return -1;
    if (erased) {
        r->ret->refused++;
        note(r, "connection ", row->name, " was erased here and is not made again; take its row out of the app's table");
        return 0;
    }
    is_new = nilo_store_connection(l->store, w.id, row->name, false, NULL, NULL, &c, err) != 0;
    if (is_new && nilo_store_connection(l->store, w.id, row->name, true, row->platform, "sql", &c, err) != 0)
        return -1;
    if (strcmp(c.origin, "sql") != 0 || strcmp(c.platform, row->platform) != 0) {
        r->ret->refused++;
        note(r, "there is a connection ", row->name, " already, that comes from elsewhere or is of another platform");
        return 0;
    }
    r->ret->made += is_new;
    if (strcmp(c.role, row->role) != 0 && nilo_store_connection_role(l->store, c.id, row->role, err) != 0)
        return -1;
    if (same_token_of_account(l, &c, row, &same, err) != 0)
        return -1;
    if (same)
        return strcmp(c.status, "disabled") == 0 ? nilo_store_connection_turn(l->store, c.id, "connected", "its row is back in the app's table", NULL, err) : 0;
    const struct nilo_login_set set = {.access_token = row->token, .access_until = row->until, .refresh_until = NILO_US_NONE, .account = row->account,
                                       .account_name = row->account_name};
    r->ret->changed += !is_new;
    return nilo__login_write(l, &c, &set, "the app's table has a new token", err);
}

static bool is_there(const struct reading *r, const struct nilo_connection *c)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->rows[i].name, c->name) == 0 && strcmp(r->rows[i].workspace, c->workspace_name) == 0)
            return true;
    }
    return false;
}

static int disable_gone(struct reading *r, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    size_t n;
    int rc = nilo_store_connections(r->l->store, &all, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        bool is_new = false;
        if (strcmp(all[i].origin, "sql") == 0 && !is_there(r, &all[i]))
            rc = nilo_store_connection_turn(r->l->store, all[i].id, "disabled", "its row is gone from the app's table", &is_new, err);
        r->ret->disabled += is_new;
    }
    free(all);
    return rc;
}

static int by_connection(const void *a, const void *b)
{
    const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
    int c = strcmp(x->workspace, y->workspace);
    c = c != 0 ? c : strcmp(x->name, y->name);
    return c != 0 ? c : x < y ? -1 : x > y;
}

/* Two people of a team may have signed in for the same account: one of them counts, the first; else they would take turns on every look. */
static int find_repeated(struct reading *r, struct nilo_err *err)
{
    struct row **order = malloc((r->n + 1) * sizeof(struct row *));
    if (order == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < r->n; i++)
        order[i] = &r->rows[i];
    qsort(order, r->n, sizeof(struct row *), by_connection);
    for (size_t i = 1; i < r->n; i++) {
        if (strcmp(order[i]->workspace, order[i - 1]->workspace) != 0 || strcmp(order[i]->name, order[i - 1]->name) != 0)
            continue;
        order[i]->again = true;
        r->ret->refused++;
        note(r, "several rows are connection ", order[i]->name, ": the first counts; choose in the statement, or give names");
    }
    free(order);
    return 0;
}

static int write_all(struct reading *r, struct nilo_err *err)
{
    if (r->n > 0 && (nilo__login_ring(r->l, err) != 0 || find_repeated(r, err) != 0))
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        if (!r->rows[i].again && write_row(r, &r->rows[i], err) != 0)
            return -1;
    }
    return r->all ? disable_gone(r, err) : 0;
}

int nilo_login_from_sql(struct nilo_login *l, struct nilo_login_synced *ret, struct nilo_err *err)
{
    const struct nilo_config *c = l->config;
    struct reading r = {.l = l, .all = true, .ret = ret};
    struct nilo_err failed = {0};
    *ret = (struct nilo_login_synced){0};
    if (c->path == NULL) /* without a file nothing is known of such connections */
        return 0;
    nilo_arena_init(&r.arena, 0);
    for (int i = 0; i < c->n_connections_from_sql; i++) {
        struct nilo_err why = {0};
        size_t before = r.n;
        if (read_source(&r, &c->connections_from_sql[i], &why) == 0)
            continue;
        while (r.n > before) /* half of a source is none of it */
            nilo_secret_free(r.rows[--r.n].token);
        r.all = false;
        if (failed.code == NILO_OK)
            failed = why;
    }
    ret->rows = (int64_t)r.n;
    int rc = nilo_store_begin(l->store, err);
    if (rc == 0 && write_all(&r, err) != 0) {
        nilo_store_rollback(l->store);
        rc = -1;
    } else if (rc == 0) {
        rc = nilo_store_commit(l->store, err);
    }
    for (size_t i = 0; i < r.n; i++)
        nilo_secret_free(r.rows[i].token);
    free(r.rows);
    nilo_arena_done(&r.arena);
    if (rc == 0 && failed.code != NILO_OK) {
        if (err != NULL)
            *err = failed;
        return -1;
    }
    return rc;
}
