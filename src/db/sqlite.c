/* The SQLite driver: opening with one clear sentence for everything that can be wrong, running statements, telling a
 * timeout from an interruption, checkpoints by the writing connection only. The only file of db that knows sqlite3.h.
 *
 * SQLite before 3.51.3 damages a WAL database when one connection checkpoints while another commits. So readers never
 * checkpoint (autocheckpoint off, none on close), and the one writer does it after its own commits (on_commit). */
#include "db/db_priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHECKPOINT_PAGES 1000       /* WAL pages after which the writer copies them back */
#define WAL_KEEP_BYTES   "67108864" /* a WAL that once grew is cut to this */
#define PROGRESS_OPS     1000       /* virtual machine steps between two looks at the clock: about 10 us */

struct lite {
    struct nilo_db base;
    sqlite3 *db;
    bool begun;             /* by nilo_db_begin; SQLite may have rolled back on its own since */
    bool dead;              /* an fsync failed: what the disk holds is unknown, so nothing goes on */
    int running;            /* statements between their first and last row */
    int64_t deadline;       /* of the statement being stepped, mono ms; 0 = none */
    int64_t busy_since;     /* when the wait for a lock began */
    atomic_int interrupted; /* holds until no statement runs any more */
};

struct lite_stmt {
    struct nilo_db_stmt base;
    sqlite3_stmt *stmt;
    int64_t deadline;
    int64_t changes_before, changes;
};

static struct lite *lite_of(const struct nilo_db *db)
{
    return (struct lite *)(void *)(uintptr_t)db;
}

static struct lite_stmt *stmt_of(const struct nilo_db_stmt *s)
{
    return (struct lite_stmt *)(void *)(uintptr_t)s;
}

/* ---- errors ------------------------------------------------------------------------------------------------------- */

static int constraint_error(const struct lite *l, int extended, struct nilo_err *err)
{
    const char *text = sqlite3_errmsg(l->db);
    if (strncmp(text, NILO__DB_CLOSED, strlen(NILO__DB_CLOSED)) == 0) {
        text += strlen(NILO__DB_CLOSED);
        return nilo_err_set(err, NILO_ECLOSED, "%s", text + strspn(text, " "));
    }
    enum nilo_code code = NILO_EINVAL;
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        code = NILO_EEXIST;
        break;
    case SQLITE_CONSTRAINT_NOTNULL:
        code = NILO_ENULL;
        break;
    case SQLITE_CONSTRAINT_TRIGGER:
        code = NILO_ESTORE;
        break;
    default:
        break;
    }
    return nilo_err_set(err, code, "%s: %s", l->base.target, text);
}

static bool is_fsync(int extended)
{
    return extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC;
}

static int io_error(struct lite *l, int extended, struct nilo_err *err)
{
    if (is_fsync(extended))
        l->dead = true;
    int sys = sqlite3_system_errno(l->db);
    if (sys == ENOSPC || sys == EDQUOT)
        return nilo_err_set(err, NILO_EFULL, "the disk that holds %s is full", l->base.target);
    nilo_err_set(err, extended == SQLITE_IOERR_NOMEM ? NILO_ENOMEM : NILO_EIO, "%s: %s%s%s", l->base.target,
                 sqlite3_errstr(extended), sys != 0 ? ": " : "", sys != 0 ? strerror(sys) : "");
    if (err != NULL)
        err->sys = sys;
    return -1;
}

static int cantopen_error(const struct lite *l, struct nilo_err *err)
{
    int sys = sqlite3_system_errno(l->db);
    if (sys == ENOSPC || sys == EDQUOT)
        return nilo_err_set(err, NILO_EFULL, "the disk that holds %s is full", l->base.target);
    enum nilo_code code = NILO_ESTORE;
    if (sys == ENOENT || sys == ENOTDIR)
        code = NILO_ENOENT;
    else if (sys == EROFS)
        code = NILO_EREADONLY;
    if (sys == 0)
        nilo_err_set(err, code, "cannot open %s or the -wal and -shm files beside it", l->base.target);
    else
        nilo_err_set(err, code, "cannot open %s or the -wal and -shm files beside it: %s", l->base.target,
                     strerror(sys));
    if (err != NULL)
        err->sys = sys;
    return -1;
}

static int busy_error(const struct lite *l, struct nilo_err *err)
{
    if (atomic_load(&l->interrupted))
        return nilo_err_set(err, NILO_ECANCELLED, "stopped while waiting for a lock on %s", l->base.target);
    /* However long it waited: a lock passes by itself, a statement that takes too long does not. */
    return nilo_err_set(err, NILO_EBUSY, "%s is locked by another process", l->base.target);
}

/* The one place where SQLite's codes become ours. `rc` is what the failing call returned (extended codes are on). */
static int lite_error(struct lite *l, int rc, struct nilo_err *err)
{
    const char *target = l->base.target;
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return nilo_err_set(err, NILO_EFULL, "the disk that holds %s is full", target);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return busy_error(l, err);
    case SQLITE_INTERRUPT:
        if (atomic_load(&l->interrupted))
            return nilo_err_set(err, NILO_ECANCELLED, "stopped");
        return nilo_err_set(err, NILO_ETIMEOUT, "%s: the statement took longer than %" PRId64 " ms", target,
                            l->base.timeout_ms);
    case SQLITE_NOTADB:
        return nilo_err_set(err, NILO_ECORRUPT, "%s is not an SQLite database, or one that is encrypted", target);
    case SQLITE_CORRUPT:
        return nilo_err_set(err, NILO_ECORRUPT, "%s is damaged: %s; restore it from a backup", target,
                            sqlite3_errmsg(l->db));
    case SQLITE_READONLY:
        if (rc == SQLITE_READONLY_CANTINIT || rc == SQLITE_READONLY_DIRECTORY || rc == SQLITE_READONLY_RECOVERY)
            return nilo_err_set(
                err, NILO_ESTORE,
                "%s cannot be read: it is in WAL mode, and the -wal and -shm files beside it cannot be made; "
                "allow writing to its folder, or keep it open in its own program",
                target);
        return nilo_err_set(err, NILO_EREADONLY, "%s: %s", target, sqlite3_errmsg(l->db));
    case SQLITE_CANTOPEN:
        return cantopen_error(l, err);
    case SQLITE_IOERR:
        return io_error(l, rc, err);
    case SQLITE_CONSTRAINT:
        return constraint_error(l, rc, err);
    case SQLITE_NOMEM:
        return nilo_err_nomem(err);
    case SQLITE_TOOBIG:
        return nilo_err_set(err, NILO_EINVAL, "%s: %s", target, sqlite3_errmsg(l->db));
    case SQLITE_ERROR:
        if (strcmp(sqlite3_errmsg(l->db), "integer overflow") == 0)
            return nilo_err_set(err, NILO_EOVERFLOW, "%s: a sum does not fit into 64 bits", target);
        break;
    default:
        break;
    }
    return nilo_err_set(err, NILO_ESTORE, "%s: %s", target, sqlite3_errmsg(l->db));
}

/* Refuses to go on where going on would be wrong. */
static int usable(const struct lite *l, struct nilo_err *err)
{
    if (l->dead)
        return nilo_err_set(err, NILO_EIO,
                            "%s: writing to the disk failed earlier; nothing more is done until a restart",
                            l->base.target);
    /* After a full disk or an I/O error SQLite itself rolls back; the next statement would then commit on its own. */
    if (l->begun && sqlite3_get_autocommit(l->db))
        return nilo_err_set(err, NILO_ESTORE, "%s: the transaction was undone by an earlier error", l->base.target);
    return 0;
}

/* ---- time limits and interruption ------------------------------------------------------------------------------------ */

static int on_progress(void *ctx)
{
    struct lite *l = ctx;
    if (l->base.watch != NULL && l->base.watch(l->base.watch_ctx))
        atomic_store(&l->interrupted, 1);
    return atomic_load_explicit(&l->interrupted, memory_order_relaxed) ||
           (l->deadline != 0 && nilo__db_mono_ms() >= l->deadline);
}

/* Not sqlite3_busy_timeout(): that one cannot be interrupted and does not know the statement's deadline. */
static int on_busy(void *ctx, int tries)
{
    struct lite *l = ctx;
    int64_t now = nilo__db_mono_ms();
    if (tries == 0)
        l->busy_since = now;
    if (now - l->busy_since >= l->base.lock_wait_ms || on_progress(l))
        return 0;
    int ms = tries < 4 ? 1 << tries : 20;
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
    return 1;
}

static void lite_interrupt(struct nilo_db *db)
{
    struct lite *l = lite_of(db);
    atomic_store(&l->interrupted, 1);
    sqlite3_interrupt(l->db);
}

static int64_t deadline_from_now(const struct lite *l)
{
    return l->base.timeout_ms > 0 ? nilo__db_mono_ms() + l->base.timeout_ms : 0;
}

/* An interruption that came while nothing ran is over. */
static void run_begins(struct lite *l)
{
    if (l->running++ == 0)
        atomic_store(&l->interrupted, 0);
}

static void run_ends(struct lite *l)
{
    assert(l->running > 0);
    l->running--;
    l->deadline = 0;
}

/* After each commit of the writer. SQLite's own hook drops the result of the checkpoint; we need to know of a failed
 * fsync. The commit itself is safe in the WAL by now, so it is still reported as done. */
static int on_commit(void *ctx, sqlite3 *db, const char *schema, int pages)
{
    struct lite *l = ctx;
    if (pages < CHECKPOINT_PAGES)
        return SQLITE_OK;
    if (is_fsync(sqlite3_wal_checkpoint_v2(db, schema, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL)))
        l->dead = true;
    return SQLITE_OK;
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

/* `path` is not there: can it be made, and if it is not to be made, is at least the folder right? */
static int check_folder(const char *path, bool create, struct nilo_err *err)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return nilo_err_nomem(err);
    const char *folder = dirname(copy);
    struct stat st;
    int rc = 0, missing = stat(folder, &st) != 0 ? errno : 0;
    if (missing == ENOENT)
        rc = nilo_err_set(err, NILO_ENOENT, "cannot open %s: the folder %s does not exist; create it first", path,
                          folder);
    else if (missing != 0 && missing != ENOTDIR)
        rc = nilo_err_sys(err, NILO_ESTORE, "cannot open %s: the folder %s cannot be entered", path, folder);
    else if (missing != 0 || !S_ISDIR(st.st_mode))
        rc = nilo_err_set(err, NILO_ENOENT, "cannot open %s: %s is not a folder", path, folder);
    else if (create && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        rc = nilo_err_sys(err, errno == EROFS ? NILO_EREADONLY : NILO_ESTORE,
                          "cannot make %s: the folder %s cannot be written to", path, folder);
    free(copy);
    return rc;
}

/* What SQLite would all call "unable to open database file". The file is never opened here: closing a second descriptor
 * would drop the locks that other connections of this process hold on it (POSIX). */
static int check_path(const char *path, enum nilo_db_mode mode, struct nilo_err *err)
{
    bool writes = mode == NILO_DB_WRITE || mode == NILO_DB_CREATE;
    struct stat st;
    if (stat(path, &st) != 0) {
        int missing = errno;
        if (missing != ENOENT && missing != ENOTDIR)
            return nilo_err_sys(err, NILO_ESTORE, "cannot open %s", path);
        if (check_folder(path, mode == NILO_DB_CREATE, err) != 0)
            return -1;
        if (mode != NILO_DB_CREATE)
            return nilo_err_set(err, NILO_ENOENT, "there is no database at %s; check the path", path);
        return 0;
    }
    if (S_ISDIR(st.st_mode))
        return nilo_err_set(err, NILO_ESTORE, "%s is a folder, not a database; name a file inside it", path);
    if (!S_ISREG(st.st_mode))
        return nilo_err_set(err, NILO_ESTORE, "%s is not a regular file, so it cannot be a database", path);
    if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0)
        return nilo_err_sys(err, NILO_ESTORE, "cannot read %s; check its owner and mode", path);
    if (writes && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0)
        return nilo_err_sys(err, NILO_EREADONLY, "cannot write to %s; check its owner and mode", path);
    return 0;
}

static void set_limits(sqlite3 *db, enum nilo_db_mode mode)
{
    static const int limits[][2] = {
        {SQLITE_LIMIT_LENGTH, 64 << 20},       {SQLITE_LIMIT_SQL_LENGTH, (int)NILO__DB_SQL_MAX},
        {SQLITE_LIMIT_VDBE_OP, 5000000},       {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 10000},
        {SQLITE_LIMIT_VARIABLE_NUMBER, NILO__DB_PARAMS_MOST}, {SQLITE_LIMIT_TRIGGER_DEPTH, 32},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        sqlite3_limit(db, limits[i][0], limits[i][1]);
    /* VACUUM attaches its copy. A source reaches no other file. */
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, mode == NILO_DB_SOURCE ? 0 : 1);
}

static void set_flags(sqlite3 *db, enum nilo_db_mode mode)
{
    bool ours = mode != NILO_DB_SOURCE, writes = mode == NILO_DB_WRITE || mode == NILO_DB_CREATE;
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    /* "x" is a column, never a text, as in PostgreSQL: a condition on one that is gone would else count everything, or nothing. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    if (ours) /* an app's views may lean on it */
        sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    if (!writes)
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

static int pragma(struct lite *l, const char *sql, struct nilo_err *err)
{
    int rc = sqlite3_exec(l->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : lite_error(l, rc, err);
}

static int pragma_text(struct lite *l, const char *sql, char *ret, size_t size, struct nilo_err *err)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(l->db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        snprintf(ret, size, "%s", (const char *)sqlite3_column_text(s, 0));
    int end = sqlite3_finalize(s);
    if (rc == SQLITE_ROW)
        return 0;
    return lite_error(l, rc == SQLITE_DONE ? end : rc, err);
}

static int set_wal(struct lite *l, struct nilo_err *err)
{
    char mode[16] = "";
    if (pragma_text(l, "PRAGMA journal_mode=WAL", mode, sizeof mode, err) != 0)
        return nilo_err_wrap(err, "cannot switch to write-ahead logging");
    if (strcmp(mode, "wal") != 0 && strcmp(mode, "memory") != 0)
        return nilo_err_set(err, NILO_ESTORE,
                            "%s: write-ahead logging is not possible there (journal mode stays %s); use a local disk",
                            l->base.target, mode);
    sqlite3_wal_hook(l->db, on_commit, l);
    return pragma(l, "PRAGMA synchronous=FULL; PRAGMA journal_size_limit=" WAL_KEEP_BYTES, err);
}

/* In this order: what may be wrong with the file comes to light at the first read, before anything is changed. */
static int configure(struct lite *l, struct nilo_err *err)
{
    enum nilo_db_mode mode = l->base.mode;
    bool writes = mode == NILO_DB_WRITE || mode == NILO_DB_CREATE;
    sqlite3_extended_result_codes(l->db, 1);
    sqlite3_busy_handler(l->db, on_busy, l);
    sqlite3_progress_handler(l->db, PROGRESS_OPS, on_progress, l);
    set_limits(l->db, mode);
    set_flags(l->db, mode);
    if (pragma(l, writes ? "PRAGMA wal_autocheckpoint=0" : "PRAGMA wal_autocheckpoint=0; PRAGMA query_only=ON", err) !=
        0)
        return -1;
    char ignored[16];
    if (pragma_text(l, "SELECT count(*) FROM sqlite_schema", ignored, sizeof ignored, err) != 0)
        return -1;
    if (pragma(l, "PRAGMA recursive_triggers=ON; PRAGMA cell_size_check=ON", err) != 0)
        return -1;
    return writes ? set_wal(l, err) : 0;
}

static const struct nilo__db_ops lite_ops;

int nilo__sqlite_open(const char *path, const struct nilo_db_options *options, struct nilo_db **ret_db,
                      struct nilo_err *err)
{
    bool memory = strcmp(path, ":memory:") == 0;
    if (path[0] == '\0')
        return nilo_err_set(err, NILO_EINVAL, "the path of the database is empty");
    /* Another VFS may keep its files where stat() does not see them. */
    if (!memory && options->vfs == NULL && check_path(path, options->mode, err) != 0)
        return -1;
    struct lite *l = calloc(1, sizeof *l);
    if (l == NULL)
        return nilo_err_nomem(err);
    l->base.ops = &lite_ops;
    l->base.engine = NILO_DB_SQLITE;
    l->base.mode = options->mode;
    l->base.timeout_ms = options->timeout_ms;
    l->base.lock_wait_ms = options->lock_wait_ms > 0 ? options->lock_wait_ms : 5000;
    l->base.target = strdup(path);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (options->mode == NILO_DB_WRITE)
        flags |= SQLITE_OPEN_READWRITE;
    else if (options->mode == NILO_DB_CREATE)
        flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    else
        flags |= SQLITE_OPEN_READONLY;
    int rc = l->base.target == NULL ? SQLITE_NOMEM : sqlite3_open_v2(path, &l->db, flags, options->vfs);
    if (rc == SQLITE_OK && configure(l, err) == 0) {
        *ret_db = &l->base;
        return 0;
    }
    if (l->db == NULL)
        nilo_err_nomem(err);
    else if (rc != SQLITE_OK)
        lite_error(l, rc, err);
    sqlite3_close(l->db);
    free(l->base.target);
    free(l);
    return -1;
}

static void lite_close(struct nilo_db *db)
{
    struct lite *l = lite_of(db);
    sqlite3_progress_handler(l->db, 0, NULL, NULL);
    int rc = sqlite3_close(l->db);
    assert(rc == SQLITE_OK); /* a statement or backup was left open: ours to avoid */
    (void)rc;
}

/* ---- statements ------------------------------------------------------------------------------------------------------ */

static int exec_one(struct lite *l, sqlite3_stmt *stmt, struct nilo_err *err)
{
    int rc;
    do
        rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW);
    if (rc == SQLITE_DONE)
        return 0;
    return lite_error(l, rc, err);
}

static int lite_exec(struct nilo_db *db, const char *sql, struct nilo_err *err)
{
    struct lite *l = lite_of(db);
    int result = usable(l, err);
    if (result != 0)
        return result;
    run_begins(l);
    l->deadline = deadline_from_now(l);
    while (result == 0 && *sql != '\0') {
        sqlite3_stmt *stmt = NULL;
        const char *tail = NULL;
        int rc = sqlite3_prepare_v2(l->db, sql, -1, &stmt, &tail);
        if (rc != SQLITE_OK)
            result = lite_error(l, rc, err);
        else if (stmt != NULL)
            result = exec_one(l, stmt, err);
        sqlite3_finalize(stmt);
        sql = tail;
    }
    run_ends(l);
    if (result == 0 && sqlite3_get_autocommit(l->db)) /* the text itself may have ended the transaction */
        l->begun = false;
    return result;
}

static bool only_blanks(const char *sql)
{
    return sql[strspn(sql, " \t\r\n;")] == '\0';
}

static int lite_prepare(struct nilo_db *db, const char *sql, bool once, struct nilo_db_stmt **ret, struct nilo_err *err)
{
    struct lite *l = lite_of(db);
    (void)once; /* those of one request live long enough, too */
    if (usable(l, err) != 0)
        return -1;
    struct lite_stmt *s = calloc(1, sizeof *s);
    if (s == NULL)
        return nilo_err_nomem(err);
    const char *tail = NULL;
    int rc = sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, &tail);
    if (rc != SQLITE_OK)
        lite_error(l, rc, err);
    else if (s->stmt == NULL)
        nilo_err_set(err, NILO_EINTERNAL, "an empty SQL statement");
    else if (!only_blanks(tail))
        nilo_err_set(err, NILO_ESTORE, "more than one SQL statement at once: %.40s", tail);
    else {
        s->base.n_params = sqlite3_bind_parameter_count(s->stmt);
        *ret = &s->base;
        return 0;
    }
    sqlite3_finalize(s->stmt);
    free(s);
    return -1;
}

struct reads {
    nilo_db_reads_fn *fn;
    void *ctx;
};

static int on_access(void *ctx, int action, const char *table, const char *column, const char *schema, const char *inner)
{
    const struct reads *r = ctx;
    (void)inner;
    if (action == SQLITE_READ && table != NULL && column != NULL && *column != '\0' && schema != NULL && strcmp(schema, "main") == 0)
        r->fn(r->ctx, table, column);
    return SQLITE_OK;
}

static int lite_reads(struct nilo_db *db, const char *sql, nilo_db_reads_fn *fn, void *ctx, struct nilo_err *err)
{
    struct lite *l = lite_of(db);
    struct reads r = {fn, ctx};
    sqlite3_stmt *s = NULL;
    if (usable(l, err) != 0)
        return -1;
    sqlite3_set_authorizer(l->db, on_access, &r);
    int rc = sqlite3_prepare_v2(l->db, sql, -1, &s, NULL);
    sqlite3_set_authorizer(l->db, NULL, NULL);
    if (rc != SQLITE_OK)
        return lite_error(l, rc, err);
    sqlite3_finalize(s);
    return 0;
}

static void lite_reset(struct nilo_db_stmt *base)
{
    struct lite_stmt *s = stmt_of(base);
    sqlite3_reset(s->stmt);
    if (base->running)
        run_ends(lite_of(base->db));
    base->running = false;
}

static void lite_finish(struct nilo_db_stmt *base)
{
    struct lite_stmt *s = stmt_of(base);
    lite_reset(base);
    sqlite3_finalize(s->stmt);
    free(s);
}

static void lite_rest(struct nilo_db_stmt *base)
{
    sqlite3_clear_bindings(stmt_of(base)->stmt);
}

static int bind_one(sqlite3_stmt *stmt, int i, const struct nilo_db_value *v, sqlite3_destructor_type keep)
{
    switch (v->type) {
    case NILO_DB_INT:
        return sqlite3_bind_int64(stmt, i, v->i);
    case NILO_DB_TEXT:
        return sqlite3_bind_text64(stmt, i, v->p, v->len, keep, SQLITE_UTF8);
    case NILO_DB_BYTES:
        /* A NULL pointer would bind NULL. */
        return sqlite3_bind_blob64(stmt, i, v->len > 0 ? v->p : "", v->len, keep);
    case NILO_DB_REAL:
        return sqlite3_bind_double(stmt, i, strtod(v->p, NULL));
    case NILO_DB_NULL:
    default:
        return sqlite3_bind_null(stmt, i);
    }
}

static int start(struct lite_stmt *s, const struct nilo_db_value *params, int n, sqlite3_destructor_type keep,
                 struct nilo_err *err)
{
    struct lite *l = lite_of(s->base.db);
    lite_reset(&s->base);
    if (usable(l, err) != 0)
        return -1;
    for (int i = 0; i < n; i++) {
        int rc = bind_one(s->stmt, i + 1, &params[i], keep);
        if (rc != SQLITE_OK)
            return lite_error(l, rc, err);
    }
    run_begins(l);
    s->base.running = true;
    s->deadline = deadline_from_now(l);
    s->changes_before = sqlite3_total_changes64(l->db);
    return 0;
}

static int lite_query(struct nilo_db_stmt *base, const struct nilo_db_value *params, int n, struct nilo_err *err)
{
    return start(stmt_of(base), params, n, SQLITE_TRANSIENT, err);
}

static int lite_row(struct nilo_db_stmt *base, struct nilo_err *err)
{
    struct lite_stmt *s = stmt_of(base);
    struct lite *l = lite_of(base->db);
    int rc = SQLITE_INTERRUPT;
    l->deadline = s->deadline;
    if (!on_progress(l))
        rc = sqlite3_step(s->stmt);
    if (rc == SQLITE_ROW) {
        if (nilo__db_texts(base, sqlite3_column_count(s->stmt)))
            return 1;
        lite_reset(base);
        return nilo_err_nomem(err);
    }
    int result = rc == SQLITE_DONE ? 0 : lite_error(l, rc, err);
    /* Only DML moves the total; sqlite3_changes64() alone would repeat the number of an earlier statement. */
    s->changes = sqlite3_total_changes64(l->db) != s->changes_before ? sqlite3_changes64(l->db) : 0;
    lite_reset(base);
    return result;
}

static int lite_ints(struct nilo_db_stmt *base, int columns, int64_t *ret, int most, struct nilo_err *err)
{
    sqlite3_stmt *stmt = stmt_of(base)->stmt;
    int n = 0, rc = lite_row(base, err); /* the first one as always: time limits, errors */
    while (rc == 1) {
        for (int i = 0; i < columns; i++, ret++) {
            *ret = sqlite3_column_int64(stmt, i);
            if (*ret == 0 && sqlite3_column_type(stmt, i) == SQLITE_NULL)
                *ret = INT64_MIN;
            else if (*ret == INT64_MIN)
                rc = nilo__db_no_int(err);
        }
        if (rc != 1)
            break;
        if (++n == most)
            return n;
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
            rc = 1;
        else if (rc == SQLITE_DONE)
            rc = 0;
        else
            rc = lite_error(lite_of(base->db), rc, err);
    }
    lite_reset(base);
    return rc < 0 ? -1 : n;
}

static int64_t lite_changes(struct nilo_db_stmt *s)
{
    return stmt_of(s)->changes;
}

static int lite_columns(const struct nilo_db_stmt *s)
{
    return sqlite3_column_count(stmt_of(s)->stmt);
}

static const char *lite_column_name(const struct nilo_db_stmt *s, int column)
{
    return sqlite3_column_name(stmt_of(s)->stmt, column);
}

/* The shortest text that reads back as the same number; infinities as PostgreSQL writes them (SQLite has no NaN). */
static const char *real_text(double v, char out[NILO__DB_NUMBER])
{
    if (isinf(v))
        return v > 0 ? "Infinity" : "-Infinity";
    /* 15 digits are always enough to see a shorter one, but for numbers too small to have that many. */
    for (int digits = fabs(v) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(out, NILO__DB_NUMBER, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    return out;
}

static struct nilo_db_value lite_column(struct nilo_db_stmt *base, int column)
{
    sqlite3_stmt *stmt = stmt_of(base)->stmt;
    struct nilo_db_value v = {.type = NILO_DB_NULL};
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        v.type = NILO_DB_INT;
        v.i = sqlite3_column_int64(stmt, column);
        break;
    case SQLITE_FLOAT:
        v.type = NILO_DB_REAL;
        v.p = real_text(sqlite3_column_double(stmt, column), base->texts[column]);
        v.len = strlen(v.p);
        break;
    case SQLITE_TEXT:
        v.type = NILO_DB_TEXT;
        v.p = (const char *)sqlite3_column_text(stmt, column);
        v.len = (size_t)sqlite3_column_bytes(stmt, column);
        break;
    case SQLITE_BLOB:
        v.type = NILO_DB_BYTES;
        v.p = sqlite3_column_blob(stmt, column);
        v.len = (size_t)sqlite3_column_bytes(stmt, column);
        if (v.p == NULL)
            v.p = "";
        break;
    default:
        break;
    }
    return v;
}

static int lite_many(struct nilo_db_stmt *base, size_t count, int n_params, nilo_db_params_fn *next,
                     nilo_db_row_fn *row, void *ctx, size_t *ret_failed, struct nilo_err *err)
{
    struct lite_stmt *s = stmt_of(base);
    struct nilo_db_value *params = calloc((size_t)n_params + 1, sizeof *params);
    if (params == NULL)
        return nilo_err_nomem(err);
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        next(ctx, i, params);
        *ret_failed = i;
        result = nilo__db_check_params(params, n_params, err);
        if (result == 0)
            result = start(s, params, n_params, SQLITE_STATIC, err);
        while (result == 0 && (result = lite_row(base, err)) == 1) {
            result = row == NULL ? 0 : row(ctx, i, base, err);
            if (result != 0)
                *ret_failed = SIZE_MAX; /* the callback's own failure, in its own words */
        }
    }
    lite_reset(base);
    sqlite3_clear_bindings(s->stmt); /* they point into the caller's memory */
    free(params);
    return result == 0 ? 0 : -1;
}

/* ---- transactions ------------------------------------------------------------------------------------------------------ */

static int plain(struct lite *l, const char *sql, struct nilo_err *err)
{
    run_begins(l);
    int rc = sqlite3_exec(l->db, sql, NULL, NULL, NULL);
    int result = rc == SQLITE_OK ? 0 : lite_error(l, rc, err);
    run_ends(l);
    return result;
}

static int lite_begin(struct nilo_db *db, struct nilo_err *err)
{
    struct lite *l = lite_of(db);
    bool writes = db->mode == NILO_DB_WRITE || db->mode == NILO_DB_CREATE;
    if (usable(l, err) != 0 || plain(l, writes ? "BEGIN IMMEDIATE" : "BEGIN", err) != 0)
        return -1;
    l->begun = true;
    return 0;
}

static void lite_rollback(struct nilo_db *db)
{
    struct lite *l = lite_of(db);
    nilo__db_reset_all(db);
    if (!sqlite3_get_autocommit(l->db))
        plain(l, "ROLLBACK", NULL);
    l->begun = false;
}

static int lite_commit(struct nilo_db *db, struct nilo_err *err)
{
    struct lite *l = lite_of(db);
    if (usable(l, err) == 0 && plain(l, "COMMIT", err) == 0) {
        l->begun = false;
        return 0;
    }
    lite_rollback(db);
    return -1;
}

static bool lite_in_transaction(const struct nilo_db *db)
{
    const struct lite *l = lite_of(db);
    return l->begun || !sqlite3_get_autocommit(l->db);
}

#define COPY_PAGES 1024 /* a step, after which somebody is told */

/* The read transaction holds one state over all steps, so that others who write meanwhile do not make the copy begin anew. */
static int copy_pages(struct lite *l, sqlite3_backup *backup, void (*progress)(void *ctx, int64_t done, int64_t of), void *ctx)
{
    bool own = sqlite3_get_autocommit(l->db) != 0;
    int rc = own ? sqlite3_exec(l->db, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) : SQLITE_OK;
    while (rc == SQLITE_OK) {
        rc = sqlite3_backup_step(backup, COPY_PAGES);
        if (progress != NULL && rc == SQLITE_OK)
            progress(ctx, sqlite3_backup_pagecount(backup) - sqlite3_backup_remaining(backup), sqlite3_backup_pagecount(backup));
    }
    int finished = sqlite3_backup_finish(backup);
    if (own && !sqlite3_get_autocommit(l->db))
        sqlite3_exec(l->db, "COMMIT", NULL, NULL, NULL); /* nothing was written */
    return finished != SQLITE_OK ? finished : rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* A reader's snapshot of WAL mode, so writers go on meanwhile. The copy is left in rollback mode, a single file. */
static int lite_copy(struct nilo_db *db, const char *path, void (*progress)(void *ctx, int64_t done, int64_t of), void *ctx, struct nilo_err *err)
{
    struct lite *l = lite_of(db);
    sqlite3 *to = NULL;
    int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    sqlite3_backup *backup = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", l->db, "main") : NULL;
    if (backup != NULL) {
        rc = copy_pages(l, backup, progress, ctx);
    } else if (to != NULL && rc == SQLITE_OK) {
        rc = sqlite3_errcode(to);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        int sys = to != NULL ? sqlite3_system_errno(to) : 0;
        enum nilo_code code = (rc & 0xff) == SQLITE_FULL || sys == ENOSPC ? NILO_EFULL : NILO_EIO;
        nilo_err_set(err, code, "cannot copy %s to %s: %s", db->target, path,
                     sys != 0 ? strerror(sys) : sqlite3_errstr(rc));
    }
    sqlite3_close(to);
    return rc == SQLITE_OK ? 0 : -1;
}

static const struct nilo__db_ops lite_ops = {
    .close = lite_close,
    .exec = lite_exec,
    .prepare = lite_prepare,
    .finish = lite_finish,
    .rest = lite_rest,
    .query = lite_query,
    .row = lite_row,
    .ints = lite_ints,
    .reset = lite_reset,
    .columns = lite_columns,
    .column_name = lite_column_name,
    .column = lite_column,
    .changes = lite_changes,
    .many = lite_many,
    .begin = lite_begin,
    .commit = lite_commit,
    .rollback = lite_rollback,
    .in_transaction = lite_in_transaction,
    .interrupt = lite_interrupt,
    .copy = lite_copy,
    .reads = lite_reads,
};
