/* One interface over SQLite and libpq: statements with bound parameters, transactions, timeouts, migrations.
 * Knows nothing about metrics. SQL text is written once where both engines read it the same way: placeholders are ?1, ?2, ... (the
 * PostgreSQL driver turns them into $1, $2, ... outside of quotes and comments), types are bigint/int64, text, bytes and NULL. */
#ifndef NILO_DB_DB_H
#define NILO_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"

enum nilo_db_engine { NILO_DB_SQLITE, NILO_DB_POSTGRES };

struct nilo_db;      /* one connection: one thread at a time */
struct nilo_db_stmt; /* a prepared statement of that connection */

enum nilo_db_mode {
    NILO_DB_READ,   /* SQLite: mode=ro, autocheckpoint 0, no checkpoint on close; PostgreSQL: default_transaction_read_only */
    NILO_DB_WRITE,  /* the one writing connection; must exist */
    NILO_DB_CREATE, /* as WRITE, made where absent */
    NILO_DB_SOURCE  /* someone else's database: read-only, never created; no pragma that writes, no schema of ours expected */
};

struct nilo_db_options {
    enum nilo_db_mode mode;
    const char *vfs;       /* SQLite */
    int64_t timeout_ms;    /* a statement may take that long; 0 = no limit */
    int64_t lock_wait_ms;  /* SQLite busy timeout / PostgreSQL lock_timeout; 0 = 5000 */
    int64_t connect_ms;    /* PostgreSQL connect timeout; 0 = 10000 */
    struct nilo_db_turns *turns; /* WRITE, CREATE: shared with other connections of this process; NULL: it is the only one that writes */
};

/* Connections of one process, each of its own thread, that write the same database. A transaction waits for its turn in nilo_db_begin() and gives it
 * back at its end; a statement that writes outside of one has a turn of its own. A thread that is in a transaction opens none on another of them. */
int nilo_db_turns_new(struct nilo_db_turns **ret, struct nilo_err *err);
void nilo_db_turns_free(struct nilo_db_turns *t); /* NULL is fine; no connection uses it any more */
uint64_t nilo_db_turns_count(const struct nilo_db_turns *t); /* turns that are over: something may have been written in each. Any thread */
/* Explicitly, around several transactions; nests. */
void nilo_db_turn_take(struct nilo_db *db);
void nilo_db_turn_give(struct nilo_db *db);

/** nilo_db_open - target is a path ("./nilometer.db", "sqlite:path") or a "postgres://" / "postgresql://" URL
 *  SQLite: WAL, synchronous FULL, foreign_keys ON, recursive_triggers ON, trusted_schema OFF, DEFENSIVE, lowered limits. A directory, a
 *  text file, an unreadable file, no rights, a full disk: one sentence each, naming the path. PostgreSQL: a password in
 *  the URL never shows up in a message.
 *  errors  NILO_ENOENT, NILO_ESTORE, NILO_ECORRUPT (not a database), NILO_EFULL, NILO_EREADONLY, NILO_EAWAY (server down; NILO_ESOURCE where the mode is SOURCE), NILO_ETIMEOUT
 *  owner   caller, nilo_db_close() */
int nilo_db_open(const char *target, const struct nilo_db_options *options, struct nilo_db **ret_db, struct nilo_err *err);
void nilo_db_close(struct nilo_db *db);
enum nilo_db_engine nilo_db_engine(const struct nilo_db *db);
/** nilo_db_target - the target with any password replaced by *** : what messages may show */
const char *nilo_db_target(const struct nilo_db *db);
void nilo_db_timeout(struct nilo_db *db, int64_t timeout_ms); /* for the statements that follow; 0 = none */
/** nilo_db_watch - asked while statements run (SQLite: every some thousand steps, PostgreSQL: once a second while the server says nothing); once it says
 *  true the statement ends with NILO_ECANCELLED. fn NULL: nobody is asked. Not inherited by other threads: fn is called in this one */
void nilo_db_watch(struct nilo_db *db, bool (*fn)(void *ctx), void *ctx);

/* ---- running SQL ------------------------------------------------------------------------------------------------------ */

enum nilo_db_type { NILO_DB_NULL, NILO_DB_INT, NILO_DB_TEXT, NILO_DB_BYTES, NILO_DB_REAL };

struct nilo_db_value {
    enum nilo_db_type type;
    int64_t i;        /* NILO_DB_INT; booleans of PostgreSQL come as 0/1 */
    const char *p;    /* TEXT (NUL-terminated), BYTES, and the exact text of REAL/numeric values */
    size_t len;       /* of p */
};
#define NILO_DBV_NULL ((struct nilo_db_value){.type = NILO_DB_NULL})
#define NILO_DBV_INT(x) ((struct nilo_db_value){.type = NILO_DB_INT, .i = (x)})
#define NILO_DBV_TEXT(s) nilo_dbv_text(s) /* NULL pointer = NULL */
struct nilo_db_value nilo_dbv_text(const char *s);
struct nilo_db_value nilo_dbv_textn(const char *s, size_t n); /* s NULL = NULL */
struct nilo_db_value nilo_dbv_bytes(const void *p, size_t n);

/** nilo_db_exec - one or several statements without parameters or rows (DDL, BEGIN, PRAGMA) */
int nilo_db_exec(struct nilo_db *db, const char *sql, struct nilo_err *err);

/** nilo_db_prepare - one statement; kept in the connection's cache by its text, so preparing the same text again is cheap
 *  owner  the connection: never freed by the caller, valid until nilo_db_close()
 *  types  PostgreSQL: parameters are sent as text with unspecified type; write casts (?1::bigint works in neither engine alike:
 *         use CAST(?1 AS bigint)) only where the server cannot infer. Bytes go where a bytea column or cast is expected. A text with a NUL
 *         in it is refused on both engines. A few hundred parameters are fine, 7,400 the most: libpq gives up where the description of more
 *         comes in pieces. SQLite takes 0.5 s to prepare 10,000 and 5 s for 30,000.
 *  errors NILO_EINVAL more than 1 MB of SQL, NILO_ESTORE what the engine says (two statements in one text, too) */
int nilo_db_prepare(struct nilo_db *db, const char *sql, struct nilo_db_stmt **ret_stmt, struct nilo_err *err);

/** nilo_db_prepare_once - as nilo_db_prepare, for a text made for one request: not kept, as each kept text stays until close (and more
 *  than 4096 are refused). SQLite keeps the last 32 that ended, so that a request that comes again is not prepared again
 *  owner  caller, nilo_db_finish() before nilo_db_close(); nilo_db_finish(NULL) and on a kept statement only resets it */
int nilo_db_prepare_once(struct nilo_db *db, const char *sql, struct nilo_db_stmt **ret_stmt, struct nilo_err *err);
void nilo_db_finish(struct nilo_db_stmt *s);

/** nilo_db_query - start a statement with its parameters; rows are then fetched one by one. A statement still running is reset first.
 *  PostgreSQL: rows come in single-row mode or a portal (constant memory); one statement at a time is active on a connection, so finish or
 *  nilo_db_reset() before the next. On SQLite several may be active. Write code for the stricter of the two. */
int nilo_db_query(struct nilo_db_stmt *s, const struct nilo_db_value *params, int n, struct nilo_err *err);
/** nilo_db_row - 1 and a row, 0 at the end (the statement is reset), -1 error. Values stay valid until the next call on the statement */
int nilo_db_row(struct nilo_db_stmt *s, struct nilo_err *err);
/** nilo_db_ints - the next rows of a statement whose columns are all integers, most at a time: `columns` numbers a row, INT64_MIN for NULL. What a loop over
 *  nilo_db_row() would give, without its price for each number
 *  returns  rows, fewer than most at the end (the statement is reset), -1 error: NILO_EOVERFLOW INT64_MIN itself was among them */
int nilo_db_ints(struct nilo_db_stmt *s, int columns, int64_t *ret, int most, struct nilo_err *err);
void nilo_db_reset(struct nilo_db_stmt *s);
int nilo_db_columns(const struct nilo_db_stmt *s);
const char *nilo_db_column_name(const struct nilo_db_stmt *s, int column);
struct nilo_db_value nilo_db_column(struct nilo_db_stmt *s, int column); /* 0-based */
/* NULL = 0. Of a number that is none in the engine's type (numeric sums) its whole part, of other text 0 */
int64_t nilo_db_column_int(struct nilo_db_stmt *s, int column);
const char *nilo_db_column_text(struct nilo_db_stmt *s, int column); /* NULL = NULL; integers in decimal */
bool nilo_db_column_null(struct nilo_db_stmt *s, int column);

/** nilo_db_run - query to the end, no rows wanted; ret_changes may be NULL */
int nilo_db_run(struct nilo_db_stmt *s, const struct nilo_db_value *params, int n, int64_t *ret_changes, struct nilo_err *err);

/** nilo_db_many - the same statement for many parameter sets in order: SQLite loops, PostgreSQL pipelines (libpq pipeline mode), so
 *  that a network round trip is paid once a few hundred sets, not once a set.
 *  next     fills params for set i; called in order for i = 0 .. count-1, the pointers need to live until that call's set was sent
 *  row      may be NULL; called for every result row, with the index of its set; nilo_db_column*() work on s
 *  errors   stops at the first failing set, named in the message ("set 17 of 300: ..."); sets behind it may have run on the server. Inside
 *           a transaction the caller rolls back; outside of one it makes its own: all sets or none, on both engines.
 *           While it runs, next and row use no other statement of this connection */
typedef void nilo_db_params_fn(void *ctx, size_t i, struct nilo_db_value *params);
typedef int nilo_db_row_fn(void *ctx, size_t i, struct nilo_db_stmt *s, struct nilo_err *err);
int nilo_db_many(struct nilo_db_stmt *s, size_t count, int n_params, nilo_db_params_fn *next, nilo_db_row_fn *row, void *ctx,
                 struct nilo_err *err);

/* A table's columns, for rows that come by the thousand. */
struct nilo_db_field {
    const char *name;
    const char *type; /* as PostgreSQL calls it: smallint, integer, bigint, text, bytea */
};
struct nilo_db_insert {
    const char *table;
    const struct nilo_db_field *fields;
    int n_fields;
    const char *conflict; /* NULL, or "ON CONFLICT ..." */
};
#define NILO_DB_FIELDS_MAX 32

/** nilo_db_insert - many rows into one table, in order: as nilo_db_many() with an INSERT, and on PostgreSQL with a statement for some thousand
 *  rows instead of one a row, so that its triggers of statements run once for them, and a row costs a tenth
 *  next     as of nilo_db_many(), one value a field
 *  what     with DO UPDATE no key may come twice in one call
 *  errors   as nilo_db_many(); the message names the rows of the statement */
int nilo_db_insert(struct nilo_db *db, const struct nilo_db_insert *what, size_t count, nilo_db_params_fn *next, void *ctx,
                   struct nilo_err *err);

/* Rows by their keys. */
struct nilo_db_find {
    const char *columns;              /* "t.value, t.day"; or aggregates: one row a key then */
    const char *from;                 /* "known AS t", with joins if need be; nothing in it is called wanted */
    const struct nilo_db_field *keys; /* columns of it that equal the set's values: {"t.bucket", "smallint"} */
    int n_keys;
    const char *also;                 /* NULL, or one more condition, without parameters */
};
/** nilo_db_find - the rows of many keys; as nilo_db_many() with a SELECT, and on PostgreSQL with a statement for some thousand keys
 *  next, row, errors  as of nilo_db_many(); rows come in the order of the sets. row sees the columns, and no other statement is used meanwhile */
int nilo_db_find(struct nilo_db *db, const struct nilo_db_find *what, size_t count, nilo_db_params_fn *next, nilo_db_row_fn *row, void *ctx,
                 struct nilo_err *err);

/* ---- transactions ------------------------------------------------------------------------------------------------------ */

/** nilo_db_begin - SQLite: BEGIN IMMEDIATE when the mode writes, else BEGIN; PostgreSQL: REPEATABLE READ READ ONLY for READ/SOURCE, else
 *  READ COMMITTED. No nesting. A failed COMMIT leaves nothing open. */
int nilo_db_begin(struct nilo_db *db, struct nilo_err *err);
int nilo_db_commit(struct nilo_db *db, struct nilo_err *err);
void nilo_db_rollback(struct nilo_db *db); /* harmless when none is open */
bool nilo_db_in_transaction(const struct nilo_db *db);
/** nilo_db_snapshot - does it only read, so that a transaction shows one state and keeps nobody waiting? */
bool nilo_db_snapshot(const struct nilo_db *db);
/** nilo_db_interrupt - from another thread or a signal handler: the running statement ends with NILO_ECANCELLED */
void nilo_db_interrupt(struct nilo_db *db);

/* progress: may be NULL; pages, in any order of time */
/** nilo_db_copy - the whole database as one transaction sees it, to a new file at path; others go on reading and writing. Not synced to
 *  disk, and on failure the caller removes what is there.
 *  errors  NILO_EINVAL not an SQLite database, NILO_EFULL, NILO_EIO */
int nilo_db_copy(struct nilo_db *db, const char *path, void (*progress)(void *ctx, int64_t done, int64_t of), void *ctx, struct nilo_err *err);

/** nilo_db_reads - which columns of which tables a statement reads: SQLite tells, without running it
 *  fn      called for each as often as it stands there, in no order; with the names as the schema spells them. It uses no statement of db
 *  errors  NILO_EINVAL not an SQLite database; what nilo_db_prepare() says of the statement */
typedef void nilo_db_reads_fn(void *ctx, const char *table, const char *column);
int nilo_db_reads(struct nilo_db *db, const char *sql, nilo_db_reads_fn *fn, void *ctx, struct nilo_err *err);

/* ---- migrations -------------------------------------------------------------------------------------------------------- */

/** nilo_db_migrate - bring the schema to the newest of `steps` (append-only, index + 1 = version), each in one transaction,
 *  recorded in table nilo_migration (version, name, checksum SHA-256 hex, applied_at microseconds). Safe when two processes try at once on PostgreSQL
 *  (advisory lock). now = wall clock for applied_at.
 *  errors  NILO_ENEWER the store has a version we do not know (the message names both), NILO_ECORRUPT a recorded checksum differs */
struct nilo_db_step {
    const char *name;
    const char *sql;
};
int nilo_db_migrate(struct nilo_db *db, const struct nilo_db_step *steps, int n, nilo_us now, struct nilo_err *err);
/** nilo_db_schema_version - 0 when nothing was ever applied */
int nilo_db_schema_version(struct nilo_db *db, int *ret_version, struct nilo_err *err);

#endif
