/* The PostgreSQL driver. The only file of db that knows libpq-fe.h.
 *
 * The connection is non-blocking throughout: every wait is a poll() with a limit, so that neither a server that went
 * silent nor a full pipe in both directions can hang us. Values travel as text, bytes in binary; rows come one by one.
 * The password of the URL is never shown: what is shown of the target is put together from its harmless parts, and a
 * URL that libpq may have cut in the wrong place is refused without quoting it. */
#include "db/db_priv.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define WINDOW       256       /* sets on their way in a pipeline */
#define WINDOW_BYTES (1 << 20) /* what they may weigh before we wait for the server to read on */
#define GRACE_MS     5000      /* how much later than statement_timeout the server may answer before we give it up */
#define LOOK_MS      1000      /* between two looks at the flag of an interruption */
#define DRAIN_ROWS   1000      /* left-over rows that are read and dropped before the server is asked to stop */
#define VERSION_MIN  120000    /* PostgreSQL 12 */

enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_OID = 26 };
enum { OID_FLOAT4 = 700, OID_FLOAT8 = 701, OID_NUMERIC = 1700 };

struct pg {
    struct nilo_db base;
    PGconn *conn;
    PGcancel *cancel;
    char *password; /* of the URL, to be blotted out of messages; NULL = none, or it is public anyway */
    char *lost;     /* why the connection is gone; every call says so */
    atomic_int interrupted;
    int64_t started, deadline; /* of what runs; deadline 0 = none */
    int64_t applied_timeout;   /* what the session's statement_timeout is; -1 = not known */
    bool timeout_in_tx;        /* it was set in this transaction, whose end may take it back */
    bool begun;                /* by nilo_db_begin */
    bool active_in_tx;         /* what runs was started inside a transaction */
    bool ddl_in_tx;
    unsigned generation;           /* grows with every change of the schema that we see */
    unsigned names;                /* prepared statements so far */
    const struct pg_stmt *active;  /* rows of it are still to come */
    const struct pg_stmt *unnamed; /* whose text the server's unnamed statement holds */
};

struct pg_stmt {
    struct nilo_db_stmt base;
    char *numbered; /* the text with $N */
    char name[24];  /* "" = the unnamed statement */
    bool on_server; /* under that name, as of that generation */
    unsigned generation;
    PGresult *described;
    PGresult *result; /* the current row (or rows, in a pipeline) */
    int at;           /* row in result */
    int64_t changes;
    char *args; /* parameters as libpq wants them */
    size_t args_size;
    char *bytes;     /* decoded bytea columns of the current row */
    size_t *offsets; /* where each begins */
    size_t bytes_size;
    int n_offsets;
};

static struct pg *pg_of(const struct nilo_db *db)
{
    return (struct pg *)(void *)(uintptr_t)db;
}

static struct pg_stmt *stmt_of(const struct nilo_db_stmt *s)
{
    return (struct pg_stmt *)(void *)(uintptr_t)s;
}

/* ---- errors ------------------------------------------------------------------------------------------------------- */

/* One line, without the password. */
static void clean(const struct pg *p, const char *text, char *out, size_t size)
{
    size_t n = 0, secret = p->password != NULL ? strlen(p->password) : 0;
    bool gap = false;
    while (*text != '\0' && n + 5 < size) {
        if (isspace((unsigned char)*text)) {
            gap = n > 0;
            text++;
            continue;
        }
        if (gap)
            out[n++] = ' ';
        gap = false;
        if (secret > 0 && strncmp(text, p->password, secret) == 0) {
            memcpy(out + n, "***", 3);
            n += 3;
            text += secret;
        } else {
            out[n++] = *text++;
        }
    }
    out[n] = '\0';
}

/* A server that is down, or a connection to it that is lost: whose server? */
static enum nilo_code away(const struct pg *p)
{
    return p->base.mode == NILO_DB_SOURCE ? NILO_ESOURCE : NILO_EAWAY;
}

static int lose(struct pg *p, enum nilo_code code, const char *why, struct nilo_err *err)
{
    if (code == NILO_ESOURCE)
        code = away(p);
    char text[512];
    clean(p, why, text, sizeof text);
    if (p->lost == NULL)
        p->lost = strdup(text);
    if (p->lost == NULL)
        p->lost = strdup("");
    return nilo_err_set(err, code, "the connection to %s was lost: %s", p->base.target, text);
}

static const struct {
    char prefix[6];
    enum nilo_code code;
} sqlstates[] = {
    {"23505", NILO_EEXIST},    {"23502", NILO_ENULL},    {"23", NILO_EINVAL},        {"22P02", NILO_ENUMBER},
    {"22003", NILO_EOVERFLOW}, {"22007", NILO_EDATE},    {"22008", NILO_EDATERANGE}, {"22", NILO_EINVAL},
    {"57014", NILO_ETIMEOUT},  {"53100", NILO_EFULL},    {"53200", NILO_ENOMEM},     {"53300", NILO_ESOURCE},
    {"54", NILO_EINVAL},       {"40", NILO_EBUSY},       {"55P03", NILO_EBUSY},      {"25006", NILO_EREADONLY},
    {"25P03", NILO_ESOURCE},   {"08", NILO_ESOURCE},     {"57P", NILO_ESOURCE},      {"42501", NILO_EPERM},
    {"XX001", NILO_ECORRUPT},  {"XX002", NILO_ECORRUPT}, {"58030", NILO_EIO},
};

static enum nilo_code code_of(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof sqlstates / sizeof sqlstates[0]; i++) {
        if (strncmp(sqlstate, sqlstates[i].prefix, strlen(sqlstates[i].prefix)) == 0)
            return sqlstates[i].code;
    }
    return NILO_ESTORE;
}

static int cancelled_error(const struct pg *p, struct nilo_err *err)
{
    int64_t limit = p->base.timeout_ms, elapsed = nilo__db_mono_ms() - p->started;
    if (atomic_load(&p->interrupted))
        return nilo_err_set(err, NILO_ECANCELLED, "stopped");
    if (limit > 0 && elapsed + 50 >= limit)
        return nilo_err_set(err, NILO_ETIMEOUT, "%s: the statement took longer than %" PRId64 " ms", p->base.target,
                            limit);
    return nilo_err_set(err, NILO_ECANCELLED, "%s: the statement was cancelled on the server", p->base.target);
}

/* The one place where the server's codes become ours. */
static int pg_error(struct pg *p, const PGresult *res, struct nilo_err *err)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    if (state == NULL || primary == NULL) {
        if (PQstatus(p->conn) == CONNECTION_BAD)
            return lose(p, NILO_ESOURCE, PQerrorMessage(p->conn), err);
        state = "XX000";
        primary = PQresultErrorMessage(res);
    }
    char text[768];
    clean(p, primary, text, sizeof text);
    size_t closed = strlen(NILO__DB_CLOSED);
    if (strcmp(state, "P0001") == 0 && strncmp(text, NILO__DB_CLOSED, closed) == 0)
        return nilo_err_set(err, NILO_ECLOSED, "%s", text + closed + strspn(text + closed, " "));
    if (strcmp(state, "57014") == 0)
        return cancelled_error(p, err);
    if (strcmp(state, "0A000") == 0)
        p->generation++; /* "cached plan must not change result type": somebody changed a table; prepared anew next time */
    enum nilo_code code = code_of(state);
    if (code == NILO_ESOURCE)
        return lose(p, code, primary, err);
    return nilo_err_set(err, code, "%s: %s", p->base.target, text);
}

static int conn_error(struct pg *p, struct nilo_err *err)
{
    if (PQstatus(p->conn) == CONNECTION_BAD)
        return lose(p, NILO_ESOURCE, PQerrorMessage(p->conn), err);
    char text[768];
    clean(p, PQerrorMessage(p->conn), text, sizeof text);
    return nilo_err_set(err, NILO_ESTORE, "%s: %s", p->base.target, text);
}

static int usable(const struct pg *p, struct nilo_err *err)
{
    if (p->lost != NULL)
        return nilo_err_set(err, away(p), "the connection to %s was lost: %s", p->base.target, p->lost);
    if (p->active != NULL)
        return nilo_err_set(err, NILO_EINTERNAL, "another statement still has rows to give: %.80s",
                            p->active->base.sql);
    return 0;
}

/* ---- waiting -------------------------------------------------------------------------------------------------------- */

static void pg_interrupt(struct nilo_db *db);

static int wait_socket(struct pg *p, short events, struct nilo_err *err)
{
    for (;;) {
        if (p->base.watch != NULL && !atomic_load(&p->interrupted) && p->base.watch(p->base.watch_ctx))
            pg_interrupt(&p->base);
        int64_t left = p->deadline == 0 ? -1 : p->deadline - nilo__db_mono_ms();
        if (p->deadline != 0 && left <= 0)
            return lose(p, NILO_ETIMEOUT, "the server does not answer", err);
        struct pollfd fd = {.fd = PQsocket(p->conn), .events = events};
        int n = poll(&fd, 1, left < 0 || left > LOOK_MS ? LOOK_MS : (int)left);
        if (n > 0)
            return 0;
        if (p->deadline == 0 && atomic_load(&p->interrupted)) /* a server that is gone does not answer to that either */
            p->deadline = nilo__db_mono_ms() + GRACE_MS;
        if (n < 0 && errno != EINTR)
            return lose(p, NILO_ESOURCE, strerror(errno), err);
    }
}

/* Send what is queued and read what comes, until a result can be taken without waiting. Reading while writing is what
 * keeps a pipeline from locking up when both sides' buffers are full. */
static int pump(struct pg *p, struct nilo_err *err)
{
    for (;;) {
        int unsent = PQflush(p->conn);
        if (unsent < 0)
            return conn_error(p, err);
        if (!PQisBusy(p->conn))
            return 0;
        if (wait_socket(p, unsent ? POLLIN | POLLOUT : POLLIN, err) != 0)
            return -1;
        if (!PQconsumeInput(p->conn))
            return conn_error(p, err);
    }
}

/* *ret NULL at the end of a statement's results. */
static int take(struct pg *p, PGresult **ret, struct nilo_err *err)
{
    if (pump(p, err) != 0)
        return -1;
    PGresult *res = PQgetResult(p->conn);
    ExecStatusType status = res != NULL ? PQresultStatus(res) : PGRES_COMMAND_OK;
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
        PQclear(res);
        return lose(p, NILO_EINVAL, "COPY was asked for, which is not supported", err);
    }
    *ret = res;
    return 0;
}

static bool is_error(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_PIPELINE_ABORTED;
}

static void clock_starts(struct pg *p)
{
    p->started = nilo__db_mono_ms();
    p->deadline = p->base.timeout_ms > 0 ? p->started + p->base.timeout_ms + GRACE_MS : 0;
}

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* A changed schema makes the columns we remember of prepared statements wrong. */
static void note_ddl(struct pg *p, const PGresult *res)
{
    const char *tag = PQcmdStatus((PGresult *)(uintptr_t)res);
    if (has_prefix(tag, "CREATE") || has_prefix(tag, "ALTER") || has_prefix(tag, "DROP")) {
        p->generation++;
        p->ddl_in_tx = p->active_in_tx;
    }
}

/* All results of what was sent. The first error wins; *ret_last (may be NULL) = the last good result, caller clears. */
static int finish_results(struct pg *p, PGresult **ret_last, struct nilo_err *err)
{
    PGresult *last = NULL, *res = NULL;
    int result = 0;
    for (;;) {
        if (take(p, &res, result == 0 ? err : NULL) != 0) {
            result = -1;
            break;
        }
        if (res == NULL)
            break;
        if (is_error(res)) {
            if (result == 0)
                result = pg_error(p, res, err);
            PQclear(res);
            continue;
        }
        note_ddl(p, res);
        PQclear(last);
        last = res;
    }
    if (result == 0 && ret_last != NULL)
        *ret_last = last;
    else
        PQclear(last);
    return result;
}

/* Text without parameters, in the simple protocol, which also takes several statements. Ends the unnamed statement. */
static int simple(struct pg *p, const char *sql, PGresult **ret_last, struct nilo_err *err)
{
    p->unnamed = NULL;
    if (!PQsendQuery(p->conn, sql))
        return conn_error(p, err);
    return finish_results(p, ret_last, err);
}

static void tx_ended(struct pg *p, bool undone)
{
    if (undone && p->ddl_in_tx)
        p->generation++;
    if (p->timeout_in_tx)
        p->applied_timeout = -1;
    p->ddl_in_tx = p->timeout_in_tx = p->begun = false;
}

/* Before anything is sent: the session's time limit, the clock, the flag of an interruption that came too late. */
static int run_begins(struct pg *p, struct nilo_err *err)
{
    if (usable(p, err) != 0)
        return -1;
    PGTransactionStatusType tx = PQtransactionStatus(p->conn);
    atomic_store(&p->interrupted, 0);
    clock_starts(p);
    p->active_in_tx = tx == PQTRANS_INTRANS || tx == PQTRANS_INERROR;
    if (!p->active_in_tx) /* the last one may have been ended through nilo_db_exec() */
        tx_ended(p, true);
    if (p->applied_timeout != p->base.timeout_ms && tx != PQTRANS_INERROR) {
        char sql[64];
        snprintf(sql, sizeof sql, "SET statement_timeout = %" PRId64,
                 p->base.timeout_ms > INT_MAX ? (int64_t)INT_MAX : p->base.timeout_ms);
        if (simple(p, sql, NULL, err) != 0)
            return -1;
        p->applied_timeout = p->base.timeout_ms;
        p->timeout_in_tx = tx == PQTRANS_INTRANS;
    }
    return 0;
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static const char *option(const PQconninfoOption *all, const char *keyword)
{
    for (; all->keyword != NULL; all++) {
        if (strcmp(all->keyword, keyword) == 0)
            return all->val != NULL ? all->val : "";
    }
    return "";
}

static void add_escaped(struct nilo_buf *b, const char *s)
{
    for (; *s != '\0'; s++) {
        if (isalnum((unsigned char)*s) || strchr("-._~,", *s) != NULL)
            nilo_buf_addc(b, *s);
        else
            nilo_buf_addf(b, "%%%02X", (unsigned char)*s);
    }
}

/* What messages may show: user, host, port and database; parameters behind "?" are left out, as one may be a password. */
static char *public_target(const PQconninfoOption *o)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 4096);
    nilo_buf_adds(&b, "postgres://");
    if (option(o, "user")[0] != '\0' || option(o, "password")[0] != '\0') {
        add_escaped(&b, option(o, "user"));
        nilo_buf_adds(&b, option(o, "password")[0] != '\0' ? ":***@" : "@");
    }
    add_escaped(&b, option(o, "host")[0] != '\0' ? option(o, "host") : option(o, "hostaddr"));
    if (option(o, "port")[0] != '\0') {
        nilo_buf_addc(&b, ':');
        add_escaped(&b, option(o, "port"));
    }
    nilo_buf_addc(&b, '/');
    add_escaped(&b, option(o, "dbname"));
    char *text = nilo_buf_take(&b);
    nilo_buf_done(&b);
    return text;
}

/* A password that holds @ or / as they are makes libpq take part of it for a host, a port or a database name. */
static bool cut_wrongly(const PQconninfoOption *o)
{
    return strchr(option(o, "host"), '@') != NULL || strchr(option(o, "port"), '@') != NULL ||
           strchr(option(o, "dbname"), '@') != NULL;
}

static bool is_public(const PQconninfoOption *o, const char *password)
{
    return strcmp(password, option(o, "user")) == 0 || strcmp(password, option(o, "dbname")) == 0 ||
           strcmp(password, option(o, "host")) == 0;
}

static int read_url(struct pg *p, const char *url, struct nilo_err *err)
{
    char *ignored = NULL; /* libpq quotes the URL in it */
    PQconninfoOption *o = PQconninfoParse(url, &ignored);
    PQfreemem(ignored);
    int result = 0;
    if (o == NULL || cut_wrongly(o)) {
        result = nilo_err_set(
            err, NILO_EINVAL,
            "the PostgreSQL URL cannot be read: it must look like postgres://user:password@host:port/database, "
            "with @ / : ? %% # in the password written as %%40 %%2F %%3A %%3F %%25 %%23");
    } else {
        const char *password = option(o, "password");
        p->base.target = public_target(o);
        if (strlen(password) >= 3 && !is_public(o, password))
            p->password = strdup(password);
        if (p->base.target == NULL || (strlen(password) >= 3 && !is_public(o, password) && p->password == NULL))
            result = nilo_err_nomem(err);
    }
    PQconninfoFree(o);
    return result;
}

static int connect_error(const struct pg *p, struct nilo_err *err)
{
    char text[768];
    clean(p, PQerrorMessage(p->conn), text, sizeof text);
    /* libpq tells no SQLSTATE here; a server that speaks another language gets the code of one that is down. */
    enum nilo_code code = away(p);
    if (strstr(text, "FATAL: database \"") != NULL && strstr(text, "does not exist") != NULL)
        code = NILO_ENOENT;
    else if (strstr(text, "authentication failed") != NULL || strstr(text, "pg_hba.conf") != NULL ||
             strstr(text, "no password supplied") != NULL || strstr(text, "FATAL: role \"") != NULL)
        code = NILO_ESTORE;
    return nilo_err_set(err, code, "cannot connect to %s: %s", p->base.target, text);
}

static void say_nothing(void *ctx, const char *message)
{
    (void)ctx, (void)message;
}

static int connect_server(struct pg *p, const char *url, int64_t connect_ms, struct nilo_err *err)
{
    /* Before the URL: it may say otherwise. After it: it may not. */
    static const char *const keys[] = {"keepalives_idle",
                                       "keepalives_interval",
                                       "keepalives_count",
                                       "fallback_application_name",
                                       "dbname",
                                       "client_encoding",
                                       NULL};
    const char *const values[] = {"60", "10", "3", "nilometer", url, "UTF8", NULL};
    p->conn = PQconnectStartParams(keys, values, 1);
    if (p->conn == NULL)
        return nilo_err_nomem(err);
    PQsetNoticeProcessor(p->conn, say_nothing, NULL);
    p->deadline = nilo__db_mono_ms() + connect_ms;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (PQstatus(p->conn) != CONNECTION_BAD && state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        if (wait_socket(p, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, NULL) != 0)
            return nilo_err_set(err, NILO_ETIMEOUT, "cannot connect to %s: no answer within %" PRId64 " ms",
                                p->base.target, connect_ms);
        state = PQconnectPoll(p->conn);
    }
    if (PQstatus(p->conn) != CONNECTION_OK)
        return connect_error(p, err);
    p->cancel = PQgetCancel(p->conn);
    if (p->cancel == NULL || PQsetnonblocking(p->conn, 1) != 0)
        return nilo_err_nomem(err);
    return 0;
}

static int check_server(const struct pg *p, struct nilo_err *err)
{
    const char *standby = PQparameterStatus(p->conn, "in_hot_standby");
    bool writes = p->base.mode == NILO_DB_WRITE || p->base.mode == NILO_DB_CREATE;
    int version = PQserverVersion(p->conn);
    if (version < VERSION_MIN)
        return nilo_err_set(err, NILO_ESTORE, "%s is PostgreSQL %d; %d or newer is needed", p->base.target,
                            version / 10000, VERSION_MIN / 10000);
    if (writes && standby != NULL && strcmp(standby, "on") == 0)
        return nilo_err_set(err, NILO_EREADONLY, "%s is a standby, which cannot be written to; name the primary",
                            p->base.target);
    return 0;
}

/* What a role, a database or a server configuration may have set otherwise and our texts rely on. */
static int set_session(struct pg *p, struct nilo_err *err)
{
    char sql[768];
    bool writes = p->base.mode == NILO_DB_WRITE || p->base.mode == NILO_DB_CREATE;
    int64_t lock_ms = p->base.lock_wait_ms > INT_MAX ? INT_MAX : p->base.lock_wait_ms;
    snprintf(sql, sizeof sql,
             "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres';"
             "SET standard_conforming_strings = on; SET bytea_output = 'hex'; SET extra_float_digits = 1;"
             "SET lock_timeout = %" PRId64 "; SET idle_in_transaction_session_timeout = '1h'; %s %s",
             lock_ms, PQserverVersion(p->conn) >= 140000 ? "SET idle_session_timeout = 0;" : "",
             writes ? "" : "SET default_transaction_read_only = on;");
    clock_starts(p);
    p->deadline = p->started + 10000;
    return simple(p, sql, NULL, err);
}

static void pg_close(struct nilo_db *db)
{
    struct pg *p = pg_of(db);
    PQfreeCancel(p->cancel);
    PQfinish(p->conn);
    if (p->password != NULL)
        explicit_bzero(p->password, strlen(p->password));
    free(p->password);
    free(p->lost);
}

static const struct nilo__db_ops pg_ops;

int nilo__postgres_open(const char *url, const struct nilo_db_options *options, struct nilo_db **ret_db,
                        struct nilo_err *err)
{
    struct pg *p = calloc(1, sizeof *p);
    if (p == NULL)
        return nilo_err_nomem(err);
    p->base.ops = &pg_ops;
    p->base.engine = NILO_DB_POSTGRES;
    p->base.mode = options->mode;
    p->base.timeout_ms = options->timeout_ms;
    p->base.lock_wait_ms = options->lock_wait_ms > 0 ? options->lock_wait_ms : 5000;
    p->applied_timeout = -1;
    if (read_url(p, url, err) == 0 &&
        connect_server(p, url, options->connect_ms > 0 ? options->connect_ms : 10000, err) == 0 &&
        check_server(p, err) == 0 && set_session(p, err) == 0) {
        *ret_db = &p->base;
        return 0;
    }
    pg_close(&p->base);
    free(p->base.target);
    free(p);
    return -1;
}

/* ---- statements ------------------------------------------------------------------------------------------------------ */

static int pg_exec(struct nilo_db *db, const char *sql, struct nilo_err *err)
{
    struct pg *p = pg_of(db);
    if (run_begins(p, err) != 0)
        return -1;
    return simple(p, sql, NULL, err);
}

/* Parse and describe. The name is free on the server. */
static int prepare_on_server(struct pg *p, struct pg_stmt *s, struct nilo_err *err)
{
    s->on_server = false;
    if (!PQsendPrepare(p->conn, s->name, s->numbered, 0, NULL))
        return conn_error(p, err);
    if (finish_results(p, NULL, err) != 0)
        return -1;
    s->on_server = true;
    s->generation = p->generation;
    if (s->name[0] == '\0')
        p->unnamed = s;
    if (!PQsendDescribePrepared(p->conn, s->name))
        return conn_error(p, err);
    PGresult *described = NULL;
    if (finish_results(p, &described, err) != 0)
        return -1;
    PQclear(s->described);
    s->described = described;
    return 0;
}

/* A kept statement is prepared anew after the schema changed, the unnamed one when another text took its place. */
static int ensure_prepared(struct pg *p, struct pg_stmt *s, struct nilo_err *err)
{
    bool kept = s->name[0] != '\0';
    if (s->on_server && s->generation == p->generation && (kept || p->unnamed == s))
        return 0;
    if (kept && s->on_server) {
        char sql[64];
        snprintf(sql, sizeof sql, "DEALLOCATE %s", s->name);
        if (simple(p, sql, NULL, err) != 0)
            return -1;
        s->on_server = false;
    }
    return prepare_on_server(p, s, err);
}

static void free_pg_stmt(struct pg_stmt *s)
{
    PQclear(s->described);
    PQclear(s->result);
    free(s->numbered);
    free(s->args);
    free(s->bytes);
    free(s->offsets);
    free(s);
}

static int number_params(struct pg_stmt *s, const char *sql, struct nilo_err *err)
{
    struct nilo_buf numbered;
    nilo_buf_init(&numbered, NILO__DB_SQL_MAX + NILO__DB_SQL_MAX / 8);
    int rc = nilo__db_number_params(sql, &numbered, &s->base.n_params, err);
    if (rc == 0 && (s->numbered = nilo_buf_take(&numbered)) == NULL)
        rc = nilo_err_nomem(err);
    nilo_buf_done(&numbered);
    return rc;
}

static int pg_prepare(struct nilo_db *db, const char *sql, bool once, struct nilo_db_stmt **ret, struct nilo_err *err)
{
    struct pg *p = pg_of(db);
    struct pg_stmt *s = calloc(1, sizeof *s);
    if (s == NULL)
        return nilo_err_nomem(err);
    if (!once)
        snprintf(s->name, sizeof s->name, "nilo_%u", ++p->names);
    if (number_params(s, sql, err) == 0 && run_begins(p, err) == 0 && prepare_on_server(p, s, err) == 0) {
        *ret = &s->base;
        return 0;
    }
    free_pg_stmt(s);
    return -1;
}

/* Parameters as libpq takes them, in one piece of memory: pointers, lengths, formats, then the texts. */
static int make_args(struct pg_stmt *s, const struct nilo_db_value *params, int n, struct nilo_err *err)
{
    size_t head = (size_t)n * (sizeof(char *) + 2 * sizeof(int)), size = head + 1;
    for (int i = 0; i < n; i++)
        size += params[i].type == NILO_DB_INT ? 24 : params[i].len + 1;
    if (size > s->args_size) {
        char *bigger = realloc(s->args, size * 2);
        if (bigger == NULL)
            return nilo_err_nomem(err);
        s->args = bigger;
        s->args_size = size * 2;
    }
    const char **values = (const char **)(void *)s->args;
    int *lengths = (int *)(void *)(values + n), *formats = lengths + n;
    char *text = s->args + head;
    for (int i = 0; i < n; i++) {
        const struct nilo_db_value *v = &params[i];
        values[i] = v->type == NILO_DB_NULL ? NULL : text;
        formats[i] = v->type == NILO_DB_BYTES;
        lengths[i] = (int)v->len;
        if (v->type == NILO_DB_INT) {
            text += snprintf(text, 24, "%" PRId64, v->i) + 1;
        } else if (v->type != NILO_DB_NULL) {
            if (v->len > 0)
                memcpy(text, v->p, v->len);
            text[v->len] = '\0';
            text += v->len + 1;
        }
    }
    return 0;
}

static int send_query(struct pg *p, struct pg_stmt *s, const struct nilo_db_value *params, int n, struct nilo_err *err)
{
    for (int i = 0; i < n; i++)
        if (params[i].type != NILO_DB_INT && params[i].type != NILO_DB_NULL && params[i].len > INT_MAX / 2)
            return nilo_err_set(err, NILO_EINVAL, "a value of %zu bytes is too long", params[i].len);
    if (make_args(s, params, n, err) != 0)
        return -1;
    const char **values = (const char **)(void *)s->args;
    const int *lengths = (const int *)(void *)(values + n);
    if (!PQsendQueryPrepared(p->conn, s->name, n, values, lengths, lengths + n, 0))
        return conn_error(p, err);
    return 0;
}

static void run_ends(struct pg *p, struct pg_stmt *s)
{
    PQclear(s->result);
    s->result = NULL;
    s->base.running = false;
    p->active = NULL;
}

static int pg_query(struct nilo_db_stmt *base, const struct nilo_db_value *params, int n, struct nilo_err *err)
{
    struct pg_stmt *s = stmt_of(base);
    struct pg *p = pg_of(base->db);
    if (run_begins(p, err) != 0 || ensure_prepared(p, s, err) != 0 || send_query(p, s, params, n, err) != 0)
        return -1;
    if (!PQsetSingleRowMode(p->conn))
        return lose(p, NILO_EINTERNAL, "libpq refuses single-row mode", err);
    s->changes = 0;
    base->running = true;
    p->active = s;
    return 0;
}

/* Bytes come as \x and hexadecimal digits. Decoded when the row arrives, so that reading a column cannot fail. */
static int decode_bytes(struct pg_stmt *s, struct nilo_err *err)
{
    int columns = PQnfields(s->result);
    size_t total = 1;
    if (!nilo__db_texts(&s->base, columns))
        return nilo_err_nomem(err);
    for (int c = 0; c < columns; c++)
        if (PQftype(s->result, c) == OID_BYTEA)
            total += (size_t)PQgetlength(s->result, s->at, c) / 2 + 1;
    if (total == 1)
        return 0;
    if (total > s->bytes_size || columns > s->n_offsets) {
        free(s->bytes);
        free(s->offsets);
        s->bytes = malloc(total * 2);
        s->offsets = calloc((size_t)columns, sizeof *s->offsets);
        s->bytes_size = s->bytes != NULL ? total * 2 : 0;
        s->n_offsets = s->offsets != NULL ? columns : 0;
        if (s->bytes == NULL || s->offsets == NULL)
            return nilo_err_nomem(err);
    }
    size_t used = 0;
    for (int c = 0; c < columns; c++) {
        if (PQftype(s->result, c) != OID_BYTEA || PQgetisnull(s->result, s->at, c))
            continue;
        const char *hex = PQgetvalue(s->result, s->at, c);
        size_t digits = (size_t)PQgetlength(s->result, s->at, c) - 2;
        s->offsets[c] = used;
        if (!has_prefix(hex, "\\x") || nilo_unhex(hex + 2, digits, (unsigned char *)s->bytes + used) != 0)
            return nilo_err_set(err, NILO_ESTORE, "%s: unreadable bytes in column %d", s->base.db->target, c + 1);
        used += digits / 2;
        s->bytes[used++] = '\0';
    }
    return 0;
}

static int64_t changes_of(PGresult *res)
{
    const char *tag = PQcmdStatus(res); /* of a SELECT it counts rows, which are no changes */
    bool dml =
        has_prefix(tag, "INSERT") || has_prefix(tag, "UPDATE") || has_prefix(tag, "DELETE") || has_prefix(tag, "MERGE");
    return dml ? strtoll(PQcmdTuples(res), NULL, 10) : 0;
}

static void pg_reset(struct nilo_db_stmt *base);

static int pg_row(struct nilo_db_stmt *base, struct nilo_err *err)
{
    struct pg_stmt *s = stmt_of(base);
    struct pg *p = pg_of(base->db);
    PGresult *res = NULL;
    PQclear(s->result);
    s->result = NULL;
    int result = take(p, &res, err);
    if (result == 0 && res != NULL && PQresultStatus(res) == PGRES_SINGLE_TUPLE) {
        s->result = res;
        s->at = 0;
        if (decode_bytes(s, err) == 0)
            return 1;
        pg_reset(base);
        return -1;
    }
    if (result == 0 && res != NULL && is_error(res)) {
        result = pg_error(p, res, err);
    } else if (result == 0 && res != NULL) {
        s->changes = changes_of(res);
        note_ddl(p, res);
    }
    PQclear(res);
    run_ends(p, s);
    if (p->lost == NULL && finish_results(p, NULL, result == 0 ? err : NULL) != 0)
        result = -1;
    return result;
}

/* Rows that nobody wants any more. Cancelling would undo an open transaction, so there they are all read. */
static void pg_reset(struct nilo_db_stmt *base)
{
    struct pg_stmt *s = stmt_of(base);
    struct pg *p = pg_of(base->db);
    PGresult *res = NULL;
    for (int rows = 0; p->lost == NULL && take(p, &res, NULL) == 0 && res != NULL; rows++) {
        PQclear(res);
        char ignored[256];
        if (rows == DRAIN_ROWS && !p->active_in_tx)
            PQcancel(p->cancel, ignored, sizeof ignored);
    }
    run_ends(p, s);
}

static void pg_finish(struct nilo_db_stmt *base)
{
    struct pg_stmt *s = stmt_of(base);
    struct pg *p = pg_of(base->db);
    if (base->running)
        pg_reset(base);
    if (p->unnamed == s)
        p->unnamed = NULL;
    free_pg_stmt(s);
}

static int64_t pg_changes(struct nilo_db_stmt *s)
{
    return stmt_of(s)->changes;
}

static const PGresult *shape(const struct pg_stmt *s)
{
    return s->result != NULL ? s->result : s->described;
}

static int pg_columns(const struct nilo_db_stmt *s)
{
    return PQnfields(shape(stmt_of(s)));
}

static const char *pg_column_name(const struct nilo_db_stmt *s, int column)
{
    return PQfname(shape(stmt_of(s)), column);
}

static struct nilo_db_value pg_column(struct nilo_db_stmt *base, int column)
{
    const struct pg_stmt *s = stmt_of(base);
    struct nilo_db_value v = {.type = NILO_DB_NULL};
    if (s->result == NULL || PQgetisnull(s->result, s->at, column))
        return v;
    v.p = PQgetvalue(s->result, s->at, column);
    v.len = (size_t)PQgetlength(s->result, s->at, column);
    switch (PQftype(s->result, column)) {
    case OID_BOOL:
        v.type = NILO_DB_INT;
        v.i = v.p[0] == 't';
        break;
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_OID:
        v.type = NILO_DB_INT;
        v.i = strtoll(v.p, NULL, 10);
        break;
    case OID_BYTEA:
        v.type = NILO_DB_BYTES;
        v.p = s->bytes + s->offsets[column];
        v.len = (v.len - 2) / 2;
        break;
    case OID_FLOAT4:
    case OID_FLOAT8:
    case OID_NUMERIC:
        v.type = NILO_DB_REAL;
        break;
    default:
        v.type = NILO_DB_TEXT;
        break;
    }
    return v;
}

/* ---- many sets: pipeline mode ------------------------------------------------------------------------------------------- */

struct pipeline {
    struct pg *p;
    struct pg_stmt *s;
    size_t count, sent, received;
    size_t queued; /* bytes since nothing was left to send */
    int n_params;
    struct nilo_db_value *params;
    nilo_db_params_fn *next;
    nilo_db_row_fn *row;
    void *ctx;
    bool failed;
    size_t failed_at; /* SIZE_MAX: not a set's fault */
    struct nilo_err *err;
};

static void pipe_fail(struct pipeline *q, size_t set)
{
    if (!q->failed || set < q->failed_at)
        q->failed_at = set;
    q->failed = true;
}

/* Are more bytes waiting to be sent than we want to hold? -1 error */
static int pipe_heavy(struct pipeline *q)
{
    for (int i = 0; i < q->n_params; i++)
        q->queued += 16 + q->params[i].len;
    if (q->queued < WINDOW_BYTES)
        return 0;
    int unsent = PQflush(q->p->conn);
    if (unsent < 0)
        return conn_error(q->p, q->err);
    if (!unsent)
        q->queued = 0;
    return unsent;
}

/* Fill the window. A flush request now and then, so that the server sends the results that we are going to wait for. */
static int pipe_send(struct pipeline *q)
{
    while (!q->failed && q->sent < q->count && q->sent - q->received < WINDOW) {
        q->next(q->ctx, q->sent, q->params);
        if (nilo__db_check_params(q->params, q->n_params, q->err) != 0 ||
            send_query(q->p, q->s, q->params, q->n_params, q->err) != 0) {
            pipe_fail(q, q->sent);
            return q->p->lost != NULL ? -1 : 0;
        }
        q->sent++;
        int heavy = pipe_heavy(q);
        if (heavy < 0)
            return -1;
        if ((heavy || q->sent % (WINDOW / 4) == 0) && !PQsendFlushRequest(q->p->conn))
            return conn_error(q->p, q->err);
        if (heavy)
            break;
    }
    return 0;
}

static void pipe_rows(struct pipeline *q, PGresult *res)
{
    q->s->result = res;
    for (q->s->at = 0; !q->failed && q->s->at < PQntuples(res); q->s->at++) {
        if (decode_bytes(q->s, q->err) != 0 ||
            (q->row != NULL && q->row(q->ctx, q->received, &q->s->base, q->err) != 0))
            pipe_fail(q, SIZE_MAX);
    }
    q->s->result = NULL;
}

/* The results of one set, to its end. After a failure (theirs or ours) the rest is only read away. */
static int pipe_receive(struct pipeline *q)
{
    PGresult *res = NULL;
    for (;;) {
        if (take(q->p, &res, q->failed ? NULL : q->err) != 0)
            return -1;
        if (res == NULL)
            break;
        if (is_error(res)) {
            /* An earlier set than the one that we found wrong ourselves: its error is the first. */
            if (PQresultStatus(res) != PGRES_PIPELINE_ABORTED && (!q->failed || q->received < q->failed_at)) {
                pg_error(q->p, res, q->err);
                pipe_fail(q, q->received);
            }
        } else if (!q->failed) {
            pipe_rows(q, res);
        }
        PQclear(res);
    }
    q->received++;
    clock_starts(q->p);
    if (!q->failed && atomic_load(&q->p->interrupted)) {
        nilo_err_set(q->err, NILO_ECANCELLED, "stopped");
        pipe_fail(q, SIZE_MAX);
    }
    return 0;
}

static int pipe_sync(struct pipeline *q)
{
    PGresult *res = NULL;
    do {
        PQclear(res);
        if (take(q->p, &res, q->failed ? NULL : q->err) != 0)
            return -1;
    } while (res == NULL || PQresultStatus(res) != PGRES_PIPELINE_SYNC);
    PQclear(res);
    return 0;
}

/* Half-empty the window before filling it again, so that sending stays in large pieces. */
static int pipe_run(struct pipeline *q)
{
    bool synced = false;
    while (!synced || q->received < q->sent) {
        if (!synced && pipe_send(q) != 0)
            return -1;
        if (!synced && (q->failed || q->sent == q->count)) {
            if (!PQpipelineSync(q->p->conn))
                return conn_error(q->p, q->failed ? NULL : q->err);
            synced = true;
        }
        size_t leave = synced ? 0 : (q->sent - q->received) / 2;
        while (q->sent - q->received > leave && (synced || !q->failed))
            if (pipe_receive(q) != 0)
                return -1;
    }
    return pipe_sync(q);
}

static int pg_many(struct nilo_db_stmt *base, size_t count, int n_params, nilo_db_params_fn *next, nilo_db_row_fn *row,
                   void *ctx, size_t *ret_failed, struct nilo_err *err)
{
    struct pg_stmt *s = stmt_of(base);
    struct pg *p = pg_of(base->db);
    if (run_begins(p, err) != 0 || ensure_prepared(p, s, err) != 0)
        return -1;
    struct pipeline q = {.p = p,
                         .s = s,
                         .count = count,
                         .n_params = n_params,
                         .next = next,
                         .row = row,
                         .ctx = ctx,
                         .failed_at = SIZE_MAX,
                         .err = err};
    q.params = calloc((size_t)n_params + 1, sizeof *q.params);
    if (q.params == NULL)
        return nilo_err_nomem(err);
    p->active = s;
    int result = PQenterPipelineMode(p->conn) ? pipe_run(&q) : conn_error(p, err);
    run_ends(p, s);
    if (p->lost == NULL && !PQexitPipelineMode(p->conn))
        result = lose(p, NILO_ESOURCE, PQerrorMessage(p->conn), result == 0 ? err : NULL);
    free(q.params);
    *ret_failed = q.failed_at;
    return result == 0 && !q.failed ? 0 : -1;
}

/* ---- transactions ------------------------------------------------------------------------------------------------------ */

static int pg_begin(struct nilo_db *db, struct nilo_err *err)
{
    struct pg *p = pg_of(db);
    bool writes = db->mode == NILO_DB_WRITE || db->mode == NILO_DB_CREATE;
    if (run_begins(p, err) != 0)
        return -1;
    if (simple(p, writes ? "BEGIN ISOLATION LEVEL READ COMMITTED" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
               NULL, err) != 0)
        return -1;
    p->begun = true;
    return 0;
}

static bool pg_in_transaction(const struct nilo_db *db)
{
    const struct pg *p = pg_of(db);
    if (p->lost != NULL)
        return p->begun;
    PGTransactionStatusType tx = PQtransactionStatus(p->conn);
    return tx == PQTRANS_INTRANS || tx == PQTRANS_INERROR || (tx == PQTRANS_ACTIVE && p->active_in_tx);
}

static void pg_rollback(struct nilo_db *db)
{
    struct pg *p = pg_of(db);
    nilo__db_reset_all(db);
    if (p->lost == NULL) {
        clock_starts(p);
        simple(p, "ROLLBACK", NULL, NULL);
    }
    tx_ended(p, true);
}

static int pg_commit(struct nilo_db *db, struct nilo_err *err)
{
    struct pg *p = pg_of(db);
    PGresult *res = NULL;
    int result = run_begins(p, err);
    if (result == 0 && simple(p, "COMMIT", &res, err) != 0) {
        result = -1;
        if (p->lost != NULL)
            nilo_err_wrap(err, "it is not known whether the last transaction was stored");
    }
    /* In a transaction that failed before, COMMIT succeeds, and means ROLLBACK. */
    if (result == 0 && !has_prefix(PQcmdStatus(res), "COMMIT"))
        result = nilo_err_set(err, NILO_ESTORE, "%s: the transaction was undone by an earlier error", db->target);
    PQclear(res);
    if (result != 0 && pg_in_transaction(db))
        pg_rollback(db);
    tx_ended(p, result != 0);
    return result;
}

static void pg_interrupt(struct nilo_db *db)
{
    struct pg *p = pg_of(db);
    char ignored[256]; /* on the stack: PQcancel() may then be called from a signal handler */
    atomic_store(&p->interrupted, 1);
    PQcancel(p->cancel, ignored, sizeof ignored);
}

static const struct nilo__db_ops pg_ops = {
    .close = pg_close,
    .exec = pg_exec,
    .prepare = pg_prepare,
    .finish = pg_finish,
    .query = pg_query,
    .row = pg_row,
    .reset = pg_reset,
    .columns = pg_columns,
    .column_name = pg_column_name,
    .column = pg_column,
    .changes = pg_changes,
    .many = pg_many,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .in_transaction = pg_in_transaction,
    .interrupt = pg_interrupt,
};
