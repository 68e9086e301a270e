/* Opening and closing the rows store: lock, migrations, identity, transactions, meta values. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/embed.h"
#include "base/hash.h"
#include "store/rows/rows.h"

/* Append-only, in order; a step is one file for each engine (same tables, other triggers). */
static const char *const migrations[] = {"core", "connection_care", "erase", "thinning", "guards", "drop", "access", "apps", "login", "collecting",
                                         "raw", "best_import", "data_key", "reports", "changed", "erase_names", "content_event", "metric_used", "item_account",
                                         "row_security", "collect_variant", "app_days", "posted_run", "hook", "metric_changed", "connection_tap"};
#define N_MIGRATIONS ((int)(sizeof migrations / sizeof migrations[0]))
#define LOCK_KEY "6110173"  /* PostgreSQL advisory lock of the one writer */
#define BESIDE_KEY "6110174" /* shared by the other sessions of its process */

static int migrate(struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_db_step steps[N_MIGRATIONS];
    char names[N_MIGRATIONS][128];
    const char *engine = nilo_db_engine(s->db) == NILO_DB_SQLITE ? "sqlite" : "postgres";
    for (int i = 0; i < N_MIGRATIONS; i++) {
        snprintf(names[i], sizeof names[i], "store/rows/sql/%04d_%s.%s.sql", i + 1, migrations[i], engine);
        steps[i].name = migrations[i];
        const struct nilo_embedded *file = nilo_embedded_get(nilo_embedded_sql, names[i]);
        if (!file)
            return nilo_err_set(err, NILO_EINTERNAL, "the migration %s is not in this program", names[i]);
        steps[i].sql = file->text;
    }
    return nilo_db_migrate(s->db, steps, N_MIGRATIONS, s->env.clock.wall(s->env.clock.ctx), err);
}

static int check_version(struct nilo_store *s, struct nilo_err *err)
{
    int version;
    if (nilo_db_schema_version(s->db, &version, err) < 0)
        return -1;
    if (version == 0)
        return nilo_err_set(err, NILO_ENOENT, "%s is a database but no Nilometer store; if it is another program's, name the store with --store, and make one with: nilometer init",
                            s->target);
    if (version > N_MIGRATIONS)
        return nilo_err_set(err, NILO_ENEWER,
                            "%s was made by a newer version of nilometer (schema %d, this program knows %d); use that version", s->target,
                            version, N_MIGRATIONS);
    if (version < N_MIGRATIONS)
        return nilo_err_set(err, NILO_ESTORE, "%s has schema %d and this program needs %d; run nilometer init on it, which upgrades it",
                            s->target, version, N_MIGRATIONS);
    return 0;
}

/* ---- the one writer ------------------------------------------------------------------------------------------------------ */

const char *nilo__sqlite_path(const char *target) { return strncmp(target, "sqlite:", 7) == 0 ? target + 7 : target; }

bool nilo__is_postgres(const char *target)
{
    return strncmp(target, "postgres://", 11) == 0 || strncmp(target, "postgresql://", 13) == 0;
}

static int lock_refused(int fd, const char *path, struct nilo_err *err)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? (size_t)n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return nilo_err_set(err, NILO_ELOCKED, "%s is in use by another nilometer (process %s); wait for it or stop it", path,
                        text[0] ? text : "unknown");
}

/* An open-file-description lock on PATH.lock: gone with the process however it dies, and not lost when another
 * descriptor of the file is closed (POSIX locks are). The file stays: removing it would let two writers lock different inodes. */
int nilo__lock_file(const char *path, struct nilo_err *err)
{
    struct nilo_buf name;
    nilo_buf_init(&name, 8192);
    nilo_buf_addf(&name, "%s.lock", path);
    if (name.failed) {
        nilo_buf_done(&name);
        return nilo_err_set(err, NILO_EINVAL, "the path of the store is too long");
    }
    int fd = open(name.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            nilo_err_set(err, NILO_ENOENT, "the folder of %s is not there; make it first, or name another place for the store", path);
        else
            nilo_err_sys(err, errno == EACCES || errno == EROFS ? NILO_EREADONLY : NILO_EIO, "cannot write the lock file %s", name.data);
        nilo_buf_done(&name);
        return -1;
    }
    nilo_buf_done(&name);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        if (errno == EAGAIN || errno == EACCES)
            lock_refused(fd, path, err);
        else
            nilo_err_sys(err, NILO_EIO, "cannot lock %s.lock", path);
        close(fd);
        return -1;
    }
    char pid[32];
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    /* only for the message above: a full disk must not keep a writer from starting */
    bool written = ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)n, 0) == n;
    (void)written;
    return fd;
}

static int server_refused(struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got = 0;
    char who[128] = "unknown";
    if (nilo__query(s, &stmt, err,
                    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND "
                    "l.granted AND l.objid = " LOCK_KEY " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                    0, NULL) == 0 && (got = nilo_db_row(stmt, err)) == 1) {
        const char *name = nilo_db_column_text(stmt, 0);
        if (name && strncmp(name, "nilometer ", 10) == 0)
            snprintf(who, sizeof who, "%s", name + 10);
        nilo_db_reset(stmt);
    }
    return nilo_err_set(err, NILO_ELOCKED, "%s is in use by another nilometer (process %s); wait for it or stop it", s->target, who);
}

/* How many sessions stand beside the lock, of ours or of others? While one of ours is there nobody else can have come by the lock. */
static int count_beside(struct nilo_store *s, bool ours, int64_t *ret, struct nilo_err *err)
{
    struct nilo_buf sql;
    nilo_buf_init(&sql, 1 << 16);
    nilo_buf_addf(&sql,
                  "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = " BESIDE_KEY " AND database = (SELECT oid FROM "
                  "pg_database WHERE datname = current_database()) AND pid %s (%s)", ours ? "IN" : "NOT IN", s->own);
    struct nilo_db_stmt *stmt = NULL;
    int rc = sql.failed ? nilo_err_nomem(err) : nilo_db_prepare_once(s->db, nilo_buf_str(&sql), &stmt, err);
    if (rc == 0)
        rc = nilo_db_query(stmt, NULL, 0, err);
    if (rc == 0 && (rc = nilo_db_row(stmt, err)) == 1) {
        *ret = nilo_db_column_int(stmt, 0);
        rc = 0;
    }
    nilo_db_finish(stmt);
    nilo_buf_done(&sql);
    return rc;
}

static int only_own(struct nilo_store *s, struct nilo_err *err)
{
    int64_t others = 0;
    int rc = count_beside(s, false, &others, err);
    return rc == 0 && others > 0 ? nilo_err_set(err, NILO_EBUSY, "another session writes") : rc;
}

/* Waits a moment: the server notices only after a while that a writer closed or died. The lock is the session's, not the
 * transaction's; the name is for the message above. */
static int lock_server(struct nilo_store *s, struct nilo_err *err)
{
    char host[64] = "", name[160];
    if (nilo_db_begin(s->db, err) < 0)
        return -1;
    int rc = nilo_db_exec(s->db, "SET LOCAL lock_timeout = 1000", err);
    if (rc == 0)
        rc = nilo__run(s, err, "SELECT pg_advisory_lock(" LOCK_KEY ")", 0, NULL);
    if (rc == 0 && s->own) /* nor is there a session beside one that lost its lock */
        rc = only_own(s, err);
    else if (rc == 0)
        rc = nilo__run(s, err, "SELECT pg_advisory_xact_lock(" BESIDE_KEY ")", 0, NULL);
    if (rc == 0)
        rc = nilo_db_commit(s->db, err);
    if (rc < 0) {
        nilo_db_rollback(s->db);
        return err && err->code == NILO_EBUSY ? server_refused(s, err) : -1;
    }
    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = '\0';
    snprintf(name, sizeof name, "nilometer %ld on %s", (long)getpid(), host[0] ? host : "unknown");
    return nilo__run(s, err, "SELECT set_config('application_name', ?1, false)", NILO__PARAMS(NILO_DBV_TEXT(name)));
}

int nilo__server_beside(struct nilo_store *s, struct nilo_err *err)
{
    if (nilo_db_begin(s->db, err) < 0)
        return -1;
    int rc = nilo_db_exec(s->db, "SET LOCAL lock_timeout = 1000", err);
    if (rc == 0)
        rc = nilo__run(s, err, "SELECT pg_advisory_lock_shared(" BESIDE_KEY ")", 0, NULL);
    if (rc == 0)
        return nilo_db_commit(s->db, err);
    nilo_db_rollback(s->db);
    return -1;
}

/* Runs whose process died: nobody holds the lock but us, so nobody is running them. */
static int mark_interrupted(struct nilo_store *s, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "UPDATE run SET status = ?1, error = 'the process ended in the middle of this run; what it had committed stays' "
                     "WHERE status IN (0, 5) AND status = ?2", /* the partial index of open runs */
                     NILO__PARAMS(NILO_DBV_INT(NILO_INTERRUPTED), NILO_DBV_INT(NILO_RUNNING)));
}

/* ---- identity -------------------------------------------------------------------------------------------------------------- */

static int define_builtins(struct nilo_store *s, struct nilo_err *err)
{
    for (size_t i = 0; i < nilo_builtin_metrics_n; i++)
        if (nilo_store_metric_define(s, &nilo_builtin_metrics[i], NULL, err) < 0)
            return -1;
    return 0;
}

static int first_time(struct nilo_store *s, struct nilo_err *err)
{
    char hex[33];
    s->env.random.fill(s->env.random.ctx, s->uuid, sizeof s->uuid);
    nilo_hex(s->uuid, sizeof s->uuid, hex);
    if (nilo_store_begin(s, err) < 0)
        return -1;
    if (nilo_store_meta_set(s, "uuid", hex, err) < 0 || define_builtins(s, err) < 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

int nilo__identity(struct nilo_store *s, struct nilo_err *err)
{
    char *hex;
    if (nilo_store_meta_get(s, "uuid", &hex, err) < 0)
        return -1;
    if (!hex) {
        if (s->mode == NILO_STORE_READ)
            return nilo_err_set(err, NILO_ENOENT, "the store %s was never finished; run: nilometer init", s->target);
        return first_time(s, err);
    }
    int bad = strlen(hex) != 32 || nilo_unhex(hex, 32, s->uuid) < 0;
    free(hex);
    return bad ? nilo_err_set(err, NILO_ECORRUPT, "the store %s has a damaged identity (meta.uuid); restore a backup", s->target) : 0;
}

/* ---- open, close -------------------------------------------------------------------------------------------------------------- */

static int must_exist(const char *path, struct nilo_err *err)
{
    struct stat st;
    if (stat(path, &st) == 0)
        return 0;
    if (errno == ENOENT)
        return nilo_err_set(err, NILO_ENOENT, "there is no store at %s; make one with: nilometer init --store %s", path, path);
    return nilo_err_sys(err, NILO_EIO, "cannot look at the store %s", path);
}

/* A file that another program made is not touched: opening it for writing would switch its journal mode, and init would put our tables
 * beside its own. What cannot be read like this is left to the writing connection's own errors. */
static int check_ours(struct nilo_store *s, const char *path, struct nilo_err *err)
{
    struct stat st;
    struct nilo_db *db;
    struct nilo_db_stmt *stmt;
    int version = 0;
    bool others = false;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    if (st.st_size == 0 && s->mode == NILO_STORE_WRITE)
        return nilo_err_set(err, NILO_ENOENT, "%s is an empty file; make a store of it with: nilometer init --store %s", path, path);
    struct nilo_db_options options = {.mode = NILO_DB_SOURCE, .vfs = s->env.vfs};
    if (st.st_size == 0 || nilo_db_open(path, &options, &db, err) < 0)
        return st.st_size > 0 && err && err->code == NILO_ECORRUPT ? -1 : 0;
    int rc = nilo_db_schema_version(db, &version, err);
    if (rc == 0 && version == 0 && nilo_db_prepare(db, "SELECT 1 FROM sqlite_master LIMIT 1", &stmt, err) == 0 &&
        nilo_db_query(stmt, NULL, 0, err) == 0)
        others = nilo_db_row(stmt, err) == 1;
    nilo_db_close(db);
    if (rc == 0 && others)
        return nilo_err_set(err, s->mode == NILO_STORE_CREATE ? NILO_EEXIST : NILO_ENOENT,
                            "%s is a database of another program and no Nilometer store; name another file with --store, one that is made by: "
                            "nilometer init", path);
    return 0;
}

static int open_locked(struct nilo_store *s, const char *target, struct nilo_err *err)
{
    struct stat st;
    bool sqlite = !nilo__is_postgres(target);
    if (sqlite && s->mode != NILO_STORE_CREATE && must_exist(nilo__sqlite_path(target), err) < 0)
        return -1;
    if (sqlite && s->mode != NILO_STORE_READ && check_ours(s, nilo__sqlite_path(target), err) < 0)
        return -1;
    /* a directory or a missing folder gets the driver's sentence, not the lock file's */
    bool lockable = sqlite && !s->share && s->mode != NILO_STORE_READ && !(stat(nilo__sqlite_path(target), &st) == 0 && !S_ISREG(st.st_mode));
    if (lockable && (s->lock_fd = nilo__lock_file(nilo__sqlite_path(target), err)) < 0)
        return -1;
    static const enum nilo_db_mode modes[] = {NILO_DB_READ, NILO_DB_WRITE, NILO_DB_CREATE};
    struct nilo_db_options options = {.mode = modes[s->mode], .vfs = s->env.vfs, .turns = s->share ? nilo__share_turns(s->share) : NULL};
    if (nilo_db_open(target, &options, &s->db, err) < 0)
        return -1;
    free(s->target);
    s->target = strdup(nilo_db_target(s->db));
    if (!s->target)
        return nilo_err_nomem(err);
    if (s->mode == NILO_STORE_READ)
        return check_version(s, err) < 0 ? -1 : nilo__identity(s, err);
    if (s->share)
        return (!sqlite && nilo__server_beside(s, err) < 0) || check_version(s, err) < 0 ? -1 : nilo__identity(s, err);
    if (!sqlite && lock_server(s, err) < 0)
        return -1;
    int version;
    if (s->mode == NILO_STORE_WRITE) {
        if (nilo_db_schema_version(s->db, &version, err) < 0)
            return -1;
        if (version == 0 || version > N_MIGRATIONS)
            return check_version(s, err);
    }
    if (migrate(s, err) < 0 || nilo__identity(s, err) < 0 || nilo__reader_make(s, err) < 0)
        return -1;
    int64_t at_work = 0;
    if (s->own && count_beside(s, true, &at_work, err) < 0)
        return -1;
    return at_work > 0 ? 0 : mark_interrupted(s, err);
}

int nilo__target_check(const char *target, struct nilo_err *err)
{
    static const char *const known[] = {"postgres", "postgresql", "sqlite"};
    const char *end = strstr(target, "://");
    size_t len = end ? (size_t)(end - target) : 0;
    if (target[0] == '\0')
        return nilo_err_set(err, NILO_EINVAL, "a store is a path or a postgres:// URL, not an empty text");
    if (len == 0 || strspn(target, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-") < len)
        return 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(known[i]) == len && memcmp(target, known[i], len) == 0)
            return 0;
    }
    return nilo_err_set(err, NILO_EINVAL, "a store is a path or a postgres:// URL, not %.*s://", (int)(len < 40 ? len : 40), target);
}

static int open_with(const char *target, enum nilo_store_mode mode, const struct nilo_env *env, struct nilo_store_share *share, const char *own,
                     struct nilo_store **ret, struct nilo_err *err)
{
    if (nilo__target_check(target, err) < 0)
        return -1;
    struct nilo_store *s = calloc(1, sizeof *s);
    if (!s)
        return nilo_err_nomem(err);
    s->env = *env;
    s->mode = mode;
    s->share = share;
    s->own = own;
    s->lock_fd = -1;
    nilo_arena_init(&s->catalog_arena, 0);
    if (open_locked(s, target, err) < 0) {
        nilo_store_close(s);
        return -1;
    }
    s->own = NULL;
    *ret = s;
    return 0;
}

int nilo__open(const char *target, enum nilo_store_mode mode, const struct nilo_env *env, struct nilo_store_share *share, struct nilo_store **ret,
               struct nilo_err *err)
{
    return open_with(target, mode, env, share, NULL, ret, err);
}

int nilo__open_again(const char *target, const struct nilo_env *env, const char *own, struct nilo_store **ret, struct nilo_err *err)
{
    return open_with(target, NILO_STORE_WRITE, env, NULL, own, ret, err);
}

int nilo_store_open(const char *target, enum nilo_store_mode mode, const struct nilo_env *env, struct nilo_store **ret,
                    struct nilo_err *err)
{
    return nilo__open(target, mode, env, NULL, ret, err);
}

void nilo_store_close(struct nilo_store *s)
{
    if (!s)
        return;
    if (s->share)
        nilo__share_leave(s); /* nobody interrupts it from here on */
    nilo_db_close(s->db);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    nilo__forget(s);
    nilo__retired_free(s);
    nilo_arena_done(&s->catalog_arena);
    free(s->target);
    free(s->reader);
    free(s->wall);
    free(s);
}

const struct nilo_env *nilo_store_env(const struct nilo_store *s) { return &s->env; }
struct nilo_db *nilo_store_db(struct nilo_store *s) { return s->db; }
const char *nilo_store_target(const struct nilo_store *s) { return s->target; }
const unsigned char *nilo_store_uuid(const struct nilo_store *s) { return s->uuid; }

int nilo_store_place(struct nilo_store *s, char **ret, struct nilo_err *err)
{
    struct nilo_db_stmt *st;
    if (nilo_db_engine(s->db) == NILO_DB_SQLITE) {
        *ret = strdup(s->target);
        return *ret ? 0 : nilo_err_nomem(err);
    }
    if (nilo__query(s, &st, err, "SELECT datname || ' ' || oid || ' ' || current_setting('port') FROM pg_database WHERE datname = current_database()", 0, NULL) < 0)
        return -1;
    int rc = nilo_db_row(st, err);
    char *place = rc == 1 ? strdup(nilo_db_column_text(st, 0)) : NULL;
    nilo_db_reset(st);
    if (rc != 1 || !place)
        return rc < 0 ? -1 : nilo_err_nomem(err);
    *ret = place;
    return 0;
}

int nilo_store_begin(struct nilo_store *s, struct nilo_err *err)
{
    if (nilo_db_begin(s->db, err) < 0)
        return -1;
    if (s->mode != NILO_STORE_READ)
        nilo_store_refresh(s);
    s->within = true;
    return 0;
}
int nilo_store_commit(struct nilo_store *s, struct nilo_err *err)
{
    nilo_db_turn_take(s->db); /* the next writer's begin comes after it is known what changed */
    int rc = nilo_db_commit(s->db, err);
    nilo__touched_over(s, rc == 0);
    nilo_db_turn_give(s->db);
    nilo__transaction_over(s, rc == 0);
    return rc;
}
void nilo_store_rollback(struct nilo_store *s)
{
    nilo_db_rollback(s->db);
    nilo__touched_over(s, false);
    nilo__transaction_over(s, false);
}

int nilo_store_renew(struct nilo_store *s, struct nilo_err *err)
{
    nilo__forget(s);
    return nilo__identity(s, err);
}

int nilo_store_version(struct nilo_store *s, char out[NILO_STORE_VERSION], struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    bool postgres = nilo_db_engine(s->db) == NILO_DB_POSTGRES;
    if (nilo__query(s, &stmt, err, postgres ? "SELECT md5(CAST(pg_current_snapshot() AS text))" : "PRAGMA data_version", 0, NULL) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    const char *text = got == 1 ? nilo_db_column_text(stmt, 0) : NULL;
    if (text != NULL)
        snprintf(out, NILO_STORE_VERSION, "%s", text);
    nilo_db_reset(stmt);
    if (got == 1 && text == NULL)
        return nilo_err_set(err, NILO_ESTORE, "the database does not say what version it is of");
    return got == 1 ? 0 : -1;
}

/* ---- helpers shared in this folder ------------------------------------------------------------------------------------------ */

int nilo__query(struct nilo_store *s, struct nilo_db_stmt **ret, struct nilo_err *err, const char *sql, int n,
                const struct nilo_db_value *params)
{
    if (nilo_db_prepare(s->db, sql, ret, err) < 0)
        return -1;
    return nilo_db_query(*ret, params, n, err);
}

int nilo__run(struct nilo_store *s, struct nilo_err *err, const char *sql, int n, const struct nilo_db_value *params)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(s->db, sql, &stmt, err) < 0)
        return -1;
    return nilo_db_run(stmt, params, n, NULL, err);
}

int nilo__query_int(struct nilo_store *s, int64_t fallback, int64_t *ret, struct nilo_err *err, const char *sql, int n,
                    const struct nilo_db_value *params)
{
    struct nilo_db_stmt *stmt;
    if (nilo__query(s, &stmt, err, sql, n, params) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got < 0)
        return -1;
    *ret = got == 1 && !nilo_db_column_null(stmt, 0) ? nilo_db_column_int(stmt, 0) : fallback;
    nilo_db_reset(stmt);
    return 0;
}

int nilo__take_all(struct nilo_store *s, struct nilo_arena *arena, size_t size, nilo__take_fn *take, void **ret, size_t *ret_n, struct nilo_err *err,
                   const char *sql, int n, const struct nilo_db_value *params)
{
    struct nilo_db_stmt *stmt;
    size_t cap = 16, count = 0;
    int got;
    char *rows = nilo_arena_array(arena, cap, size);
    if (!rows)
        return nilo_err_nomem(err);
    if (nilo__query(s, &stmt, err, sql, n, params) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (count == cap) {
            char *more = nilo_arena_array(arena, 2 * cap, size);
            if (!more) {
                got = nilo_err_nomem(err);
                break;
            }
            rows = memcpy(more, rows, cap * size);
            cap *= 2;
        }
        if ((got = take(stmt, arena, rows + count++ * size, err)) < 0)
            break;
    }
    nilo_db_reset(stmt);
    if (got < 0)
        return -1;
    *ret = rows;
    *ret_n = count;
    return 0;
}

struct nilo_db_value nilo__us(nilo_us us) { return us == NILO_US_NONE ? NILO_DBV_NULL : NILO_DBV_INT(us); }

nilo_us nilo__us_column(struct nilo_db_stmt *stmt, int column)
{
    return nilo_db_column_null(stmt, column) ? NILO_US_NONE : nilo_db_column_int(stmt, column);
}

int nilo__text_column(struct nilo_db_stmt *stmt, int column, struct nilo_arena *arena, const char **ret, struct nilo_err *err)
{
    const char *text = nilo_db_column_text(stmt, column);
    *ret = text ? nilo_arena_strdup(arena, text) : NULL;
    return text && !*ret ? nilo_err_nomem(err) : 0;
}

nilo_us nilo__now(const struct nilo_store *s) { return s->env.clock.wall(s->env.clock.ctx); }

int nilo__next_ids(struct nilo_store *s, const char *sequence, int64_t n, int64_t *ret_first, struct nilo_err *err)
{
    int64_t next;
    if (nilo__query_int(s, -1, &next, err, "UPDATE id_seq SET next = next + ?1 WHERE name = ?2 RETURNING next",
                        NILO__PARAMS(NILO_DBV_INT(n), NILO_DBV_TEXT(sequence))) < 0)
        return -1;
    if (next < 0)
        return nilo_err_set(err, NILO_EINTERNAL, "no id sequence named %s", sequence);
    *ret_first = next - n;
    return 0;
}

int nilo_store_meta_get(struct nilo_store *s, const char *key, char **ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo__query(s, &stmt, err, "SELECT value FROM meta WHERE key = ?1", NILO__PARAMS(NILO_DBV_TEXT(key))) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got < 0)
        return -1;
    *ret = NULL;
    if (got == 1 && !(*ret = strdup(nilo_db_column_text(stmt, 0)))) {
        nilo_db_reset(stmt);
        return nilo_err_nomem(err);
    }
    nilo_db_reset(stmt);
    return 0;
}

int nilo_store_meta_set(struct nilo_store *s, const char *key, const char *value, struct nilo_err *err)
{
    if (!value)
        return nilo__run(s, err, "DELETE FROM meta WHERE key = ?1", NILO__PARAMS(NILO_DBV_TEXT(key)));
    return nilo__run(s, err, "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                     NILO__PARAMS(NILO_DBV_TEXT(key), NILO_DBV_TEXT(value)));
}
