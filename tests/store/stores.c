#include "store/stores.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys/keys.h"
#include "support/pg.h"
#include "support/tmp.h"

static int serial;

nilo_us stores_us(const char *iso)
{
    struct nilo_iso at;
    struct nilo_err err;
    if (nilo_iso_parse(iso, strlen(iso), &at, &err) < 0)
        fail_msg("%s: %s", iso, err.msg);
    return at.us;
}

nilo_day stores_day(const char *text)
{
    nilo_day day = NILO_DAY_NONE;
    struct nilo_err err;
    if (nilo_day_parse(text, strlen(text), &day, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return day;
}

/* A store of each engine as it is when it was just made: every fresh one is a copy, which costs a fraction of making it. Made in the way
 * of the product, and chance goes on where it stood after that, so a test cannot tell the two apart. */
static struct {
    bool is_there;
    struct nilo_seeded_random random;
} made[2];
#define MADE "store_as_made"

static int make(struct stores *s)
{
    s->target = s->engine == NILO_DB_SQLITE ? nilo_test_path(MADE) : nilo_test_pg_database(MADE);
    if (s->target == NULL)
        return -1;
    stores_reopen(s, NILO_STORE_CREATE);
    nilo_store_close(s->store);
    s->store = NULL;
    made[s->engine].is_there = true;
    made[s->engine].random = s->random;
    return 0;
}

int stores_fresh(struct stores *s)
{
    char name[32];
    nilo_store_close(s->store);
    s->store = NULL;
    snprintf(name, sizeof name, "store%d", ++serial);
    s->err = (struct nilo_err){.code = NILO_OK};
    nilo_virtual_clock_init(&s->clock, stores_us(STORES_START));
    nilo_seeded_random_init(&s->random, 7);
    s->env = (struct nilo_env){.clock = nilo_virtual_clock(&s->clock), .random = nilo_seeded_random(&s->random)};
    if (!made[s->engine].is_there && make(s) < 0)
        return -1;
    s->random = made[s->engine].random;
    s->target = s->engine == NILO_DB_SQLITE ? nilo_test_path(name) : nilo_test_pg_copy(name, MADE);
    if (s->engine == NILO_DB_SQLITE)
        nilo_test_copy(nilo_test_path(MADE), s->target);
    stores_reopen(s, NILO_STORE_CREATE);
    return 0;
}

void stores_reopen(struct stores *s, enum nilo_store_mode mode)
{
    nilo_store_close(s->store);
    s->store = NULL;
    ok(s, nilo_store_open(s->target, mode, &s->env, &s->store, &s->err));
}

struct bound {
    struct stores stores; /* first: the state that the set-up gets */
    stores_fn *run;
    char name[160];
};

static void run_one(void **state)
{
    struct bound *t = *state;
    if (stores_fresh(&t->stores) < 0) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    t->run(&t->stores);
}

static int tear_down(void **state)
{
    struct stores *s = *state;
    nilo_store_close(s->store);
    s->store = NULL;
    return 0;
}

int stores_run(const char *suite, const struct stores_test *tests, size_t n)
{
    static const char *const engines[] = {[NILO_DB_SQLITE] = "sqlite", [NILO_DB_POSTGRES] = "postgres"};
    struct bound *bound = calloc(2 * n, sizeof *bound);
    struct CMUnitTest *list = calloc(2 * n, sizeof *list);
    if (bound == NULL || list == NULL)
        return 99;
    const char *only = getenv("NILO_ENGINE");
    size_t first = only && strcmp(only, "postgres") == 0 ? n : 0, end = only && strcmp(only, "sqlite") == 0 ? n : 2 * n;
    for (size_t i = 0; i < 2 * n; i++) {
        struct bound *t = &bound[i];
        t->stores.engine = i < n ? NILO_DB_SQLITE : NILO_DB_POSTGRES;
        t->run = tests[i % n].run;
        snprintf(t->name, sizeof t->name, "%s: %s", engines[t->stores.engine], tests[i % n].name);
        list[i] = (struct CMUnitTest){t->name, run_one, NULL, tear_down, t};
    }
    int failed = _cmocka_run_group_tests(suite, list + first, end - first, NULL, NULL);
    free(bound);
    free(list);
    return failed;
}

void stores_ok(struct stores *s, int rc, const char *call, const char *file, int line)
{
    if (rc == 0)
        return;
    print_error("%s gave %d: %s (%s)\n", call, rc, s->err.msg, nilo_code_text(s->err.code));
    _fail(file, line);
}

void stores_fails(struct stores *s, enum nilo_code code, int rc, const char *call, const char *file, int line)
{
    if (rc == -1 && s->err.code == code && s->err.msg[0] != '\0')
        return;
    print_error("%s gave %d: \"%s\" (%s), expected %s\n", call, rc, rc ? s->err.msg : "", nilo_code_text(s->err.code),
                nilo_code_text(code));
    _fail(file, line);
}

void stores_exec(struct stores *s, const char *sql)
{
    stores_ok(s, nilo_db_exec(nilo_store_db(s->store), sql, &s->err), sql, __FILE__, __LINE__);
}

static struct nilo_db_stmt *start(struct stores *s, const char *sql)
{
    struct nilo_db_stmt *stmt = NULL;
    stores_ok(s, nilo_db_prepare(nilo_store_db(s->store), sql, &stmt, &s->err), sql, __FILE__, __LINE__);
    stores_ok(s, nilo_db_query(stmt, NULL, 0, &s->err), sql, __FILE__, __LINE__);
    return stmt;
}

int64_t stores_int(struct stores *s, const char *sql)
{
    struct nilo_db_stmt *stmt = start(s, sql);
    if (nilo_db_row(stmt, &s->err) != 1)
        fail_msg("no row from %s: %s", sql, s->err.msg);
    int64_t value = nilo_db_column_int(stmt, 0);
    stores_ok(s, nilo_db_row(stmt, &s->err), sql, __FILE__, __LINE__);
    return value;
}

char *stores_text(struct stores *s, const char *sql)
{
    struct nilo_db_stmt *stmt = start(s, sql);
    struct nilo_buf b;
    int got, rows = 0;
    nilo_buf_init(&b, 1 << 24);
    while ((got = nilo_db_row(stmt, &s->err)) == 1) {
        if (rows++)
            nilo_buf_addc(&b, '|');
        for (int i = 0; i < nilo_db_columns(stmt); i++) {
            struct nilo_db_value v = nilo_db_column(stmt, i);
            if (i)
                nilo_buf_addc(&b, ' ');
            if (v.type == NILO_DB_NULL)
                nilo_buf_addc(&b, '~');
            else if (v.type == NILO_DB_INT)
                nilo_buf_addf(&b, "%" PRId64, v.i);
            else
                nilo_buf_add(&b, v.p, v.len);
        }
    }
    stores_ok(s, got, sql, __FILE__, __LINE__);
    char *text = strdup(nilo_buf_str(&b));
    nilo_buf_done(&b);
    return text;
}

struct nilo_connection stores_connection(struct stores *s, const char *workspace, const char *zone, const char *name,
                                         const char *platform, const char *origin)
{
    struct nilo_workspace w;
    struct nilo_connection c = {0};
    ok(s, nilo_store_workspace(s->store, workspace, true, zone, &w, &s->err));
    ok(s, nilo_store_connection(s->store, w.id, name, true, platform, origin, &c, &s->err));
    return c;
}

void stores_keys(struct stores *s)
{
    struct nilo_keys *r;
    enum nilo_keys_place place;
    char *path;
    setenv("NILOMETER_KEYS", nilo_test_path("keys"), 1);
    ok(s, nilo_keys_path(nilo_store_uuid(s->store), &path, &place, &s->err));
    unlink(path); /* stores of tests are of one identity */
    ok(s, nilo_keys_new(nilo_store_uuid(s->store), &r, &s->err));
    ok(s, nilo_keys_add(r, NILO_KEY_MASTER, &s->env, &s->err));
    ok(s, nilo_keys_save(r, path, false, &s->err));
    nilo_keys_free(r);
    free(path);
}
