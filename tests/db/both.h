/* Runs each test of a table on SQLite and on PostgreSQL: a fresh database each time, opened for writing. */
#ifndef NILO_TESTS_DB_BOTH_H
#define NILO_TESTS_DB_BOTH_H

#include "support/nilo_test.h"

#include "db/db.h"

struct both {
    enum nilo_db_engine engine;
    const char *target; /* of the database that the test got */
    struct nilo_db *db; /* NILO_DB_CREATE; closed after the test unless it is NULL by then */
    struct nilo_err err;
};

typedef void both_fn(struct both *b);
struct both_test {
    const char *name;
    both_fn *run;
};
#define BOTH_TEST(fn)                                                                                                  \
    {                                                                                                                  \
#fn, fn                                                                                                        \
    }

int both_run(const char *suite, const struct both_test *tests, size_t n);

/** both_open - one more connection to the test's database; fails the test when that does not work */
struct nilo_db *both_open(struct both *b, enum nilo_db_mode mode);

/* Fail the test with the message of the error, or because there was none. */
#define ok(b, call)          both_ok((b), (call), #call, __FILE__, __LINE__)
#define fails(b, code, call) both_fails((b), (code), (call), #call, __FILE__, __LINE__)
void both_ok(struct both *b, int rc, const char *call, const char *file, int line);
void both_fails(struct both *b, enum nilo_code code, int rc, const char *call, const char *file, int line);

void both_exec(struct both *b, const char *sql);
/** both_int - the first column of the only row; fails the test if there is none */
int64_t both_int(struct both *b, struct nilo_db *db, const char *sql);
struct nilo_db_stmt *both_prepare(struct both *b, const char *sql);

#define PARAMS(...)                                                                                                    \
    (struct nilo_db_value[]){__VA_ARGS__},                                                                             \
        (int)(sizeof((struct nilo_db_value[]){__VA_ARGS__}) / sizeof(struct nilo_db_value))

#endif
