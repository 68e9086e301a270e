/* What the two drivers and the dispatcher share. Nobody outside src/db includes this. */
#ifndef NILO_DB_DB_PRIV_H
#define NILO_DB_DB_PRIV_H

#include "base/buf.h"
#include "db/db.h"

/* A connection that prepared more different texts than this has a caller that pastes values into SQL. */
#define NILO__DB_STATEMENTS_MAX 4096
#define NILO__DB_SQL_MAX        ((size_t)1 << 20) /* bytes of one statement, on either engine */
#define NILO__DB_RESTING_MAX    32                /* statements of one request that stay prepared for the next one */
#define NILO__DB_RESTING_SQL    ((size_t)16 << 10) /* bytes of SQL; longer ones are freed at once */
#define NILO__DB_NUMBER         40                /* room for any number as text */
#define NILO__DB_CLOSED         "nilo closed:"    /* how the message of a trigger begins that guards a closed day */

/* One driver. The contract of each function is that of its namesake in db.h; what the dispatcher has seen to already:
 * the number of parameters fits, no text holds a NUL, `running` tells whether a statement must be reset. */
struct nilo__db_ops {
    void (*close)(struct nilo_db *db); /* statements were finished before */
    int (*exec)(struct nilo_db *db, const char *sql, struct nilo_err *err);
    /* A new statement each time; the dispatcher keeps them. Fills n_params. */
    int (*prepare)(struct nilo_db *db, const char *sql, bool once, struct nilo_db_stmt **ret, struct nilo_err *err);
    void (*finish)(struct nilo_db_stmt *s);
    void (*rest)(struct nilo_db_stmt *s); /* forgets parameters; NULL: a statement of one request is not kept for the next one */
    int (*query)(struct nilo_db_stmt *s, const struct nilo_db_value *params, int n, struct nilo_err *err);
    int (*row)(struct nilo_db_stmt *s, struct nilo_err *err);
    int (*ints)(struct nilo_db_stmt *s, int columns, int64_t *ret, int most, struct nilo_err *err); /* NULL: row by row */
    void (*reset)(struct nilo_db_stmt *s);
    int (*columns)(const struct nilo_db_stmt *s);
    const char *(*column_name)(const struct nilo_db_stmt *s, int column);
    struct nilo_db_value (*column)(struct nilo_db_stmt *s, int column);
    int64_t (*changes)(struct nilo_db_stmt *s); /* of the run that just ended */
    /* Inside a transaction; count > 0. Sets *ret_failed to the index of the set that failed, if it was a set. */
    int (*many)(struct nilo_db_stmt *s, size_t count, int n_params, nilo_db_params_fn *next, nilo_db_row_fn *row,
                void *ctx, size_t *ret_failed, struct nilo_err *err);
    int (*begin)(struct nilo_db *db, struct nilo_err *err);
    int (*commit)(struct nilo_db *db, struct nilo_err *err); /* on failure nothing stays open */
    void (*rollback)(struct nilo_db *db);
    bool (*in_transaction)(const struct nilo_db *db);
    void (*interrupt)(struct nilo_db *db);
    int (*copy)(struct nilo_db *db, const char *path, void (*progress)(void *ctx, int64_t done, int64_t of), void *ctx, struct nilo_err *err); /* NULL: the server has its own means */
    int (*reads)(struct nilo_db *db, const char *sql, nilo_db_reads_fn *fn, void *ctx, struct nilo_err *err); /* NULL: the engine does not tell */
};

/* First member of the connection of each driver. */
struct nilo_db {
    const struct nilo__db_ops *ops;
    enum nilo_db_engine engine;
    enum nilo_db_mode mode;
    char *target; /* without the password */
    int64_t timeout_ms, lock_wait_ms;
    bool (*watch)(void *ctx); /* should what runs be stopped? NULL = nobody says so */
    void *watch_ctx;
    struct nilo_db_stmt *all;      /* every statement, for close and rollback */
    struct nilo_db_stmt **buckets; /* the kept ones, by text */
    size_t n_buckets, n_kept;
    struct nilo_db_turns *turns; /* NULL: no other connection writes */
    int held;                    /* how often the turn was taken */
    bool in_turn;                /* ... once of them by the open transaction */
    struct nilo_db_stmt *resting[NILO__DB_RESTING_MAX]; /* ended ones of one request, the last one first */
    int n_resting;
};

/* First member of the statement of each driver. */
struct nilo_db_stmt {
    struct nilo_db *db;
    char *sql; /* as the caller wrote it */
    uint64_t hash;
    int n_params;
    bool once;    /* the caller ends it with nilo_db_finish() */
    bool running; /* rows may be left */
    bool in_turn; /* writes by itself: holds the turn until its end */
    struct nilo_db_stmt *next_kept, *next, *prev;
    char (*texts)[NILO__DB_NUMBER]; /* a text of its number for each column, made when asked for */
    int n_texts;
};

int nilo__sqlite_open(const char *path, const struct nilo_db_options *options, struct nilo_db **ret_db,
                      struct nilo_err *err);
int nilo__postgres_open(const char *url, const struct nilo_db_options *options, struct nilo_db **ret_db,
                        struct nilo_err *err);

/* A description of its parameters beyond 30,000 bytes, four each, libpq takes only if it comes in one piece ("lost synchronization with server"). */
#define NILO__DB_PARAMS_MOST 7400
/** nilo__db_number_params - ?N to $N outside of quotes, comments and dollar quotes; *ret_max = the largest N */
int nilo__db_number_params(const char *sql, struct nilo_buf *ret, int *ret_max, struct nilo_err *err);
/** nilo__db_check_params - refuses a text with a NUL in it: PostgreSQL would cut it there without a word */
int nilo__db_check_params(const struct nilo_db_value *params, int n, struct nilo_err *err);
int nilo__db_no_int(struct nilo_err *err); /* of nilo_db_ints() */
int64_t nilo__db_mono_ms(void);
bool nilo__db_only_reads(const char *sql);
void nilo__db_reset_all(struct nilo_db *db);
/** nilo__db_texts - room for one short text a column; false when memory ran out */
bool nilo__db_texts(struct nilo_db_stmt *s, int columns);

#endif
