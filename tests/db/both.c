#include "both.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pg.h"
#include "support/tmp.h"

static int serial;

static int set_up(void **state)
{
    struct both *b = *state;
    char name[32];
    snprintf(name, sizeof name, "db%d", ++serial);
    b->target = b->engine == NILO_DB_SQLITE ? nilo_test_path(name) : nilo_test_pg_database(name);
    b->err = (struct nilo_err){.code = NILO_OK};
    b->db = NULL;
    if (b->target == NULL)
        return 0;
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    if (nilo_db_open(b->target, &options, &b->db, &b->err) == 0)
        return 0;
    fprintf(stderr, "%s\n", b->err.msg);
    return -1;
}

static int tear_down(void **state)
{
    struct both *b = *state;
    nilo_db_close(b->db);
    b->db = NULL;
    return 0;
}

struct bound {
    struct both both; /* first: the state that set_up gets */
    both_fn *run;
    char name[128];
};

static void run_one(void **state)
{
    struct bound *t = *state;
    if (t->both.target == NULL) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    t->run(&t->both);
}

int both_run(const char *suite, const struct both_test *tests, size_t n)
{
    static const char *const engines[] = {[NILO_DB_SQLITE] = "sqlite", [NILO_DB_POSTGRES] = "postgres"};
    struct bound *bound = calloc(2 * n, sizeof *bound);
    struct CMUnitTest *list = calloc(2 * n, sizeof *list);
    if (bound == NULL || list == NULL)
        return 99;
    for (size_t i = 0; i < 2 * n; i++) {
        struct bound *t = &bound[i];
        t->both.engine = i < n ? NILO_DB_SQLITE : NILO_DB_POSTGRES;
        t->run = tests[i % n].run;
        snprintf(t->name, sizeof t->name, "%s: %s", engines[t->both.engine], tests[i % n].name);
        list[i] = (struct CMUnitTest){t->name, run_one, set_up, tear_down, t};
    }
    int failed = _cmocka_run_group_tests(suite, list, 2 * n, NULL, NULL);
    free(bound);
    free(list);
    return failed;
}

struct nilo_db *both_open(struct both *b, enum nilo_db_mode mode)
{
    struct nilo_db *db = NULL;
    const struct nilo_db_options options = {.mode = mode, .lock_wait_ms = 100};
    ok(b, nilo_db_open(b->target, &options, &db, &b->err));
    return db;
}

void both_ok(struct both *b, int rc, const char *call, const char *file, int line)
{
    if (rc == 0)
        return;
    print_error("%s gave %d: %s (%s)\n", call, rc, b->err.msg, nilo_code_text(b->err.code));
    _fail(file, line);
}

void both_fails(struct both *b, enum nilo_code code, int rc, const char *call, const char *file, int line)
{
    if (rc == -1 && b->err.code == code && b->err.msg[0] != '\0') {
        b->err = (struct nilo_err){.code = NILO_OK, .msg = ""};
        return;
    }
    print_error("%s gave %d: \"%s\" (%s), expected %s\n", call, rc, b->err.msg, nilo_code_text(b->err.code),
                nilo_code_text(code));
    _fail(file, line);
}

void both_exec(struct both *b, const char *sql)
{
    ok(b, nilo_db_exec(b->db, sql, &b->err));
}

int64_t both_int(struct both *b, struct nilo_db *db, const char *sql)
{
    struct nilo_db_stmt *s;
    ok(b, nilo_db_prepare(db, sql, &s, &b->err));
    ok(b, nilo_db_query(s, NULL, 0, &b->err));
    if (nilo_db_row(s, &b->err) != 1)
        fail_msg("no row from %s: %s", sql, b->err.msg);
    int64_t value = nilo_db_column_int(s, 0);
    ok(b, nilo_db_row(s, &b->err));
    return value;
}

struct nilo_db_stmt *both_prepare(struct both *b, const char *sql)
{
    struct nilo_db_stmt *s = NULL;
    ok(b, nilo_db_prepare(b->db, sql, &s, &b->err));
    return s;
}
