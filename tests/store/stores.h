/* Runs each test of a table on a fresh store of each engine: SQLite in a file and a private PostgreSQL. The clock is virtual
 * and stands still, randomness is seeded. NILO_ENGINE=sqlite or =postgres runs that half only. */
#ifndef NILO_TESTS_STORE_STORES_H
#define NILO_TESTS_STORE_STORES_H

#include "support/nilo_test.h"

#include "store/store.h"

struct stores {
    enum nilo_db_engine engine;
    const char *target; /* of the store that the test got */
    struct nilo_virtual_clock clock;
    struct nilo_seeded_random random;
    struct nilo_env env;
    struct nilo_store *store; /* opened with NILO_STORE_CREATE; closed after the test unless NULL by then */
    struct nilo_err err;
};

typedef void stores_fn(struct stores *s);
struct stores_test {
    const char *name;
    stores_fn *run;
};
/* Blanks for underscores would be nicer, but the name is what one greps for. */
#define STORES_TEST(fn) {#fn, fn}
#define STORES_START "2025-03-20T10:00:00Z"

int stores_run(const char *suite, const struct stores_test *tests, size_t n);
/** stores_fresh - a new store for s, of its engine; an open one is closed first. 0, or -1 where there is no PostgreSQL */
int stores_fresh(struct stores *s);
void stores_reopen(struct stores *s, enum nilo_store_mode mode);

/* Fail the test with the message of the error, or because there was none. */
#define ok(s, call)          stores_ok((s), (call), #call, __FILE__, __LINE__)
#define fails(s, code, call) stores_fails((s), (code), (call), #call, __FILE__, __LINE__)
void stores_ok(struct stores *s, int rc, const char *call, const char *file, int line);
/* The message stays in s->err for a look at its words. */
void stores_fails(struct stores *s, enum nilo_code code, int rc, const char *call, const char *file, int line);

nilo_us stores_us(const char *iso);
nilo_day stores_day(const char *text);

/* Raw SQL on the store's own connection. */
void stores_exec(struct stores *s, const char *sql);
int64_t stores_int(struct stores *s, const char *sql); /* first column of the only row; NULL is 0 */
/** stores_text - all rows as text: columns separated by blanks, rows by '|', NULL as ~; owner: caller, free() */
char *stores_text(struct stores *s, const char *sql);
#define assert_rows(s, sql, expected)                                                                                  \
    do {                                                                                                               \
        char *rows_ = stores_text((s), (sql));                                                                         \
        assert_string_equal(rows_, (expected));                                                                        \
        free(rows_);                                                                                                   \
    } while (0)

/** stores_keys - a new master key for the store, in the test's folder */
void stores_keys(struct stores *s);

/* A workspace and a connection in it, made where absent. */
struct nilo_connection stores_connection(struct stores *s, const char *workspace, const char *zone, const char *name,
                                         const char *platform, const char *origin);

#endif
