/* Shared inside store/rows: the handle and what its files ask of each other. */
#ifndef NILO_STORE_ROWS_ROWS_H
#define NILO_STORE_ROWS_ROWS_H

#include "store/store.h"

struct nilo_store {
    struct nilo_db *db;
    struct nilo_env env;
    char *target;
    enum nilo_store_mode mode;
    int lock_fd; /* -1: none held */
    const char *own; /* while it is opened: see nilo__open_again() */
    unsigned char uuid[16];
    struct nilo_arena catalog_arena; /* holds the catalogue's rows and texts */
    struct nilo_catalog catalog;
    size_t catalog_room; /* metrics that its array has room for */
    bool catalog_loaded;
    struct nilo__calendar_entry **calendars; /* each its own allocation: callers hold on to them */
    size_t n_calendars;
    struct nilo__erased *erased; /* keyed hashes, ascending; loaded when first asked for */
    size_t n_erased;
    struct nilo__erase_key *erase_keys; /* of workspaces */
    size_t n_erase_keys;
    bool erased_loaded;
    struct nilo_store_share *share; /* NULL: the only handle that writes */
    struct nilo_store *next_beside; /* of the share's list */
    int64_t session;                /* PostgreSQL, beside: the server's number of it */
    uint64_t seen;                  /* changes of the share that the caches know */
    bool touched;                   /* the open transaction changes what others cache */
    struct nilo__retired *retired;  /* caches of before, to which callers may still point */
    bool within, cached_within;     /* a transaction is open; the catalogue or a calendar was read in it, and may hold what is rolled back */
    int64_t left_open[64];          /* runs that ended and could not be logged so: nilo_store_run_left() */
    size_t n_left_open;
    bool left_told;                 /* the open transaction logs them */
    struct {
        int64_t workspace;
        int32_t metric;             /* 0: nothing here yet */
    } used[64];                     /* some of the rows that metric_used has */
    char *reader;                   /* PostgreSQL: the role it reads as; NULL = its own */
    char *wall;                     /* what of nilometer.workspaces the session has; NULL = not known */
};

/* Whose numbers are our own: the one condition on a row of `connection` that keeps a competitor's out of every sum and list that is not its connection's. */
#define NILO__OWN(alias) alias ".role <> 'competitor'"

/* share.c */
/** nilo__touched - metrics, zones or what was erased is being changed: other handles read it anew after the transaction */
void nilo__touched(struct nilo_store *s);
void nilo__touched_over(struct nilo_store *s, bool committed);
/* small.c: the caches leave the handle, for nilo__retired_free(). false: no memory, they stay */
bool nilo__retire(struct nilo_store *s);
void nilo__retired_free(struct nilo_store *s);
/* open.c */
int nilo__open(const char *target, enum nilo_store_mode mode, const struct nilo_env *env, struct nilo_store_share *share, struct nilo_store **ret,
               struct nilo_err *err);
/* PostgreSQL: to write, by who had the lock and lost its connection; own: numbers of sessions beside it that are still there, "1,2" */
int nilo__open_again(const char *target, const struct nilo_env *env, const char *own, struct nilo_store **ret, struct nilo_err *err);
int nilo__identity(struct nilo_store *s, struct nilo_err *err); /* reads s->uuid */
void nilo__share_leave(struct nilo_store *s);
struct nilo_db_turns *nilo__share_turns(struct nilo_store_share *h);
/* PostgreSQL: a session beside the one with the lock; no other process gets the lock while it is there. */
int nilo__server_beside(struct nilo_store *s, struct nilo_err *err);

/* Prepare and start in one go; the statement lives in the connection's cache. */
int nilo__query(struct nilo_store *s, struct nilo_db_stmt **ret, struct nilo_err *err, const char *sql, int n,
                const struct nilo_db_value *params);
int nilo__run(struct nilo_store *s, struct nilo_err *err, const char *sql, int n, const struct nilo_db_value *params);
#define NILO__PARAMS(...)                                                                                              \
    (int)(sizeof((struct nilo_db_value[]){__VA_ARGS__}) / sizeof(struct nilo_db_value)), (struct nilo_db_value[]) { __VA_ARGS__ }
/* One integer of one row; fallback when there is no row or it is NULL. */
int nilo__query_int(struct nilo_store *s, int64_t fallback, int64_t *ret, struct nilo_err *err, const char *sql, int n,
                    const struct nilo_db_value *params);
/* All rows of a list, each taken into an element of `size` bytes of an array in the arena, which stays. Nothing is counted before: what is added
 * meanwhile is there or not, and nothing is cut off. ret stays untouched on failure. */
typedef int nilo__take_fn(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err);
int nilo__take_all(struct nilo_store *s, struct nilo_arena *arena, size_t size, nilo__take_fn *take, void **ret, size_t *ret_n, struct nilo_err *err,
                   const char *sql, int n, const struct nilo_db_value *params);
/* An instant, or NULL for NILO_US_NONE, as a value and as a column; a text or NULL, in the arena; now. */
struct nilo_db_value nilo__us(nilo_us us);
nilo_us nilo__us_column(struct nilo_db_stmt *stmt, int column);
int nilo__text_column(struct nilo_db_stmt *stmt, int column, struct nilo_arena *arena, const char **ret, struct nilo_err *err);
nilo_us nilo__now(const struct nilo_store *s);
/* The next n ids of a sequence; returns the first. */
int nilo__next_ids(struct nilo_store *s, const char *sequence, int64_t n, int64_t *ret_first, struct nilo_err *err);
/* The lock file of an SQLite store: a descriptor that holds it, or -1. */
int nilo__lock_file(const char *path, struct nilo_err *err);
bool nilo__is_postgres(const char *target);
/* "mysql://user:password@host" would become a file name, and be shown as one. errors: NILO_EINVAL */
int nilo__target_check(const char *target, struct nilo_err *err);
const char *nilo__sqlite_path(const char *target);
/* drop.c: what totals hold of dropped days beside what is left of these; before all else is derived. workspace 0 = all */
int nilo__carry_totals(struct nilo_store *s, int64_t workspace, struct nilo_err *err);
/* Everything derived of these items (bucket, id ascending), which have nothing derived yet. rebuild.c; in a transaction */
int nilo__derive_all(struct nilo_store *s, const struct nilo_entity_ref *all, size_t n, nilo_progress_fn *progress, void *ctx,
                     struct nilo_err *err);
/* export.c: which numbers a column of nilo_whole_tables holds. The first such column of a table of its own makes them. */
enum nilo__ids { NILO__NO_IDS, NILO__WORKSPACES, NILO__CONNECTIONS, NILO__METRICS, NILO__OWNERS, NILO__ITEMS, NILO__CREDITS, NILO__RUNS,
                 NILO__CLOSES, NILO__ERASURES, NILO__THINNINGS, NILO__EVENTS, NILO__IDS_COUNT };
/* Whose rows a workspace's export takes. */
enum nilo__reach { NILO__REACH_STORE, NILO__REACH_ALL, NILO__REACH_SELF, NILO__REACH_WORKSPACE, NILO__REACH_ITEM, NILO__REACH_RUN,
                   NILO__REACH_CONNECTION };
#define NILO__GONE "(erased)"
/* erase_names.c: nilo__has_word - is the word in the text, not as part of a longer one? An id that is one digit must not take every message with a digit along. */
bool nilo__has_word(const char *text, const char *word);
struct nilo__gone {
    const char *const *people; /* a few */
    size_t n_people;
    const char *const *items; /* ids and titles */
    size_t n_items;
};
/* In the metadata of the workspace's own metrics "(erased)" takes the place of texts that name one of the people, or are one of the items. ret_values:
 * of how many values of days */
int nilo__erase_in_metadata(struct nilo_store *s, int64_t workspace, const struct nilo__gone *gone, int64_t *ret_values, struct nilo_err *err);
/* erase.c: forgets the hashes; refuses to make anew what was erased (NILO_EPERM). */
void nilo__erased_forget(struct nilo_store *s);
int nilo__erased_refuse(struct nilo_store *s, int64_t workspace, enum nilo_erase_kind what, int kind, const char *platform, const char *name,
                        struct nilo_err *err);
/* A transaction is over: what was read within it leaves the handle if it is rolled back; all else stays, for somebody may be pointing to it. */
void nilo__transaction_over(struct nilo_store *s, bool committed);
/* content_event.c: what an item's attributes change about whether it is there. In the transaction that changes them. */
struct nilo__presence {
    struct nilo_entity_ref entity;
    enum nilo_presence is, was;
    nilo_us at;         /* NILO_US_NONE: now */
    const char *status; /* the platform's word for it, or NULL */
};
/* Before attributes are merged: what they will change of items that are there. owner: caller, free() */
int nilo__presence_before(struct nilo_store *s, const struct nilo_entity_in *in, const struct nilo_entity_ref *ref, size_t n, struct nilo__presence **ret,
                          size_t *ret_n, struct nilo_err *err);
/* Of items, as they are; and what has become otherwise since, now. */
int nilo__presence_read(struct nilo_store *s, const struct nilo_entity_ref *all, size_t n, enum nilo_presence *ret, struct nilo_err *err);
int nilo__presence_changed(struct nilo_store *s, int64_t workspace, const struct nilo_entity_ref *all, size_t n, const enum nilo_presence *before,
                           struct nilo_err *err);
/* As it is now, and whose it is; workspace 0: there is no such item. */
int nilo__presence_of_item(struct nilo_store *s, struct nilo_entity_ref e, enum nilo_presence *ret, int64_t *ret_workspace, struct nilo_err *err);
int nilo__presence_events(struct nilo_store *s, int64_t workspace, const struct nilo__presence *all, size_t n, struct nilo_err *err);
/* Drops what is cached from the database (catalogue, calendars). */
void nilo__forget(struct nilo_store *s);
/* scope.c: appends " AND <column> IN (...)" for the scope; nothing when it holds all; "AND 1=0" when it holds none. */
void nilo__scope_sql(const struct nilo_scope *scope, const char *column, struct nilo_buf *sql);
bool nilo__in_scope(const struct nilo_scope *scope, int64_t workspace);
/* PostgreSQL: the role behind nilo_store_wall(), where this session may make it. One that cannot be made is no failure. */
int nilo__reader_make(struct nilo_store *s, struct nilo_err *err);
/* What is asked whoever asks: on PostgreSQL of a view that the wall does not narrow. */
const char *nilo__every(const struct nilo_store *s, const char *sqlite, const char *postgres);
/* Appends the condition that the row v of day_value is what was shown then (NILO_US_NONE = now). */
void nilo__shown_sql(bool postgres, nilo_us as_of, struct nilo_buf *sql);
/* Appends a FROM item (connection_id, day): the first day of each connection that was not closed at a time, so that its
 * bases may have been replaced since. Five minutes of doubt: so far clocks may differ (check.c). */
void nilo__open_then_sql(nilo_us as_of, struct nilo_buf *sql);
/* Conditions on the cell z, and its best reading v by then: a FROM item on PostgreSQL, conditions on SQLite. */
void nilo__first_after_sql(nilo_us as_of, struct nilo_buf *sql);
void nilo__best_reading_sql(bool postgres, nilo_us as_of, struct nilo_buf *sql);
/* item (bucket, entity_id, win): the windows in which a table holds anything of the items of connection ?1. It hops from one window to the
 * next, so that ranges of days behind it are looked up and no item's history is read. */
#define NILO__WINDOWS(table)                                                                                           \
    "WITH RECURSIVE item (bucket, entity_id, win) AS (SELECT e.bucket, e.id, (SELECT min(x.win) FROM " table " x WHERE x.bucket = e.bucket " \
    "AND x.entity_id = e.id) FROM entity e WHERE e.connection_id = ?1 UNION ALL SELECT i.bucket, i.entity_id, (SELECT min(x.win) FROM " \
    table " x WHERE x.bucket = i.bucket AND x.entity_id = i.entity_id AND x.win > i.win) FROM item i WHERE i.win IS NOT NULL) "

#endif
