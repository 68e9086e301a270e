/* See kill_rounds.h. */
#include "support/nilo_test.h"

#include "collect/kill_rounds.h"

#include <fcntl.h>
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collect/world.h"
#include "support/tmp.h"

#define BEFORE "2025-01-10T00:05:00Z"
#define NIGHT  "2025-01-18T00:05:00Z" /* a week to complete, and today */
#define STORE  "killed.store"

static struct nilo_random dice;

/* ---- the program ------------------------------------------------------------------------------------------------------------------------------ */

static int64_t mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void exec_program(const char *now, const char *command, const char *run_id)
{
    const char *config = nilo_test_path("killed.yaml"), *store = nilo_test_path(STORE), *program = getenv("NILO_PROGRAM");
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDOUT_FILENO);
    setenv("NILO_NOW", now, 1);
    if (run_id != NULL)
        execl(program, program, "--config", config, "--store", store, command, "--run-id", run_id, (char *)NULL);
    else
        execl(program, program, "--config", config, "--store", store, command, (char *)NULL);
    _exit(127);
}

/* Runs it; kill_after < 0: to its end. The exit status, or -1 when it was killed. */
static int program(const char *now, const char *command, const char *run_id, int64_t kill_after)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        exec_program(now, command, run_id);
    if (kill_after >= 0) {
        struct timespec t = {.tv_sec = kill_after / 1000000, .tv_nsec = kill_after % 1000000 * 1000};
        nanosleep(&t, NULL);
        kill(child, SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- stores ----------------------------------------------------------------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
    char block[65536];
    FILE *in = fopen(from, "rb"), *out;
    size_t n;
    if (in == NULL) {
        nilo_test_remove(to);
        return;
    }
    out = fopen(to, "wb");
    assert_non_null(out);
    while ((n = fread(block, 1, sizeof block, in)) > 0)
        assert_int_equal(fwrite(block, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void copy_store(const char *from, const char *to)
{
    static const char *const parts[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char a[300], b[300];
        snprintf(a, sizeof a, "%s%s", nilo_test_path(from), parts[i]);
        snprintf(b, sizeof b, "%s%s", nilo_test_path(to), parts[i]);
        if (i < 2)
            copy_file(a, b);
        else
            nilo_test_remove(b);
    }
}

struct dump {
    struct nilo_store *store;
    struct nilo_buf *text;
};

static int dump_cell(void *ctx, const struct nilo_scan_row *row)
{
    struct dump *d = ctx;
    char day[NILO_DAY_TEXT];
    nilo_day_format(row->day, day);
    nilo_buf_addf(d->text, "%s %s %lld %s %s\n", day, nilo_catalog_by_id(nilo_store_catalog(d->store), row->metric)->name,
                  (long long)row->value, nilo_absence_name((int)row->absence), nilo_provenance_name((int)row->provenance));
    return 0;
}

static void dump_closed(struct nilo_db *db, struct nilo_buf *text)
{
    struct nilo_err err = {0};
    struct nilo_db_stmt *stmt;
    int row;
    if (nilo_db_prepare(db, "SELECT day, status, values_n FROM day_close ORDER BY day", &stmt, &err) != 0 ||
        nilo_db_query(stmt, NULL, 0, &err) != 0)
        fail_msg("%s", err.msg);
    while ((row = nilo_db_row(stmt, &err)) == 1)
        nilo_buf_addf(text, "%lld %s %lld\n", (long long)nilo_db_column_int(stmt, 0), nilo_db_column_text(stmt, 1),
                      (long long)nilo_db_column_int(stmt, 2));
    assert_int_equal(row, 0);
}

/* What it says about days, without run ids and instants; and whether what is derived could be derived again. */
static char *dump_store(void)
{
    struct nilo_env env;
    struct nilo_err err = {0};
    struct nilo_buf text;
    struct nilo_connection *connections = NULL;
    char derived[65], again[65];
    size_t n = 0;
    setenv("NILO_NOW", NIGHT, 1);
    assert_int_equal(nilo_env_system(&env, &err), 0);
    unsetenv("NILO_NOW");
    struct dump d = {.text = &text};
    const struct nilo_select select = {.external_id = NILO_APP_ID, .kind = NILO_APP, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE,
                                       .as_of = NILO_US_NONE};
    nilo_buf_init(&text, 8u << 20);
    if (nilo_store_open(nilo_test_path(STORE), NILO_STORE_WRITE, &env, &d.store, &err) != 0 ||
        nilo_store_scan(d.store, &NILO_SCOPE_ALL, &select, dump_cell, &d, &err) != 0 ||
        nilo_store_connections(d.store, &connections, &n, &err) != 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < n; i++)
        nilo_buf_addf(&text, "%s closed %d read %d\n", connections[i].name, connections[i].closed_until.n, connections[i].read_until.n);
    free(connections);
    dump_closed(nilo_store_db(d.store), &text);
    assert_int_equal(nilo_store_digest(d.store, derived, &err), 0);
    assert_int_equal(nilo_store_rebuild(d.store, NULL, NULL, &err), 0);
    assert_int_equal(nilo_store_digest(d.store, again, &err), 0);
    assert_string_equal(derived, again);
    nilo_store_close(d.store);
    char *taken = nilo_buf_take(&text);
    assert_non_null(taken);
    return taken;
}

/* ---- rounds ----------------------------------------------------------------------------------------------------------------------------------- */

/* years: a user who came long ago, so that there is something to fill back. */
static void make_world(bool years)
{
    char config[600];
    const char *app = nilo_test_path("killed.app");
    nilo_test_remove(app);
    world_sql(app, "CREATE TABLE u (created_at TEXT); CREATE TABLE p (created_at TEXT); CREATE TABLE c (created_at TEXT);"
                   "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO c "
                   "SELECT datetime(1735689600 + i * 90, 'unixepoch') FROM n;"
                   "INSERT INTO p SELECT created_at FROM c WHERE rowid % 7 = 0; INSERT INTO u SELECT created_at FROM c WHERE rowid % 100 = 0");
    if (years)
        world_sql(app, "INSERT INTO u VALUES ('2021-01-01 00:00:00')");
    snprintf(config, sizeof config, "connections:\n  - {name: app, platform: sql, database: %s, users: u, posts: p, comments: c}\n", app);
    nilo_test_write(nilo_test_path("killed.yaml"), config, strlen(config));
    copy_store("nothing", STORE);
    assert_int_equal(program(BEFORE, "init", NULL, -1), 0);
    assert_int_equal(program(BEFORE, "collect", NULL, -1), 0);
    copy_store(STORE, "before.store");
}

static void check_same(const char *wanted, int round, int64_t kill_after)
{
    char *got = dump_store();
    if (strcmp(got, wanted) != 0)
        fail_msg("round %d, killed after %lld us:\n%s\nwanted:\n%s", round, (long long)kill_after, got, wanted);
    free(got);
}

void kill_rounds(const char *command, int rounds)
{
    bool fills = strcmp(command, "backfill") == 0;
    const char *id = fills ? NULL : "night";
    struct nilo_seeded_random seeded;
    int killed = 0;
    nilo_test_program();
    nilo_seeded_random_init(&seeded, 20250118);
    dice = nilo_seeded_random(&seeded);
    make_world(fills);
    int64_t began = mono_us();
    assert_int_equal(program(NIGHT, command, id, -1), 0);
    int64_t takes = mono_us() - began;
    char *wanted = dump_store();
    /* Not empty, and not without the week: else every round would be equal. */
    assert_non_null(strstr(wanted, "2025-01-17 posts_created"));
    for (int i = 0; i < rounds; i++) {
        int64_t kill_after = (int64_t)nilo_random_below(&dice, (uint64_t)(takes + takes / 10));
        copy_store("before.store", STORE);
        if (program(NIGHT, command, id, kill_after) == -1)
            killed++;
        else if (kill_after < takes)
            takes = kill_after; /* it is faster than it was: the machine has less to do now */
        /* Once again, now and then killed again, then left alone. */
        if (i % 4 == 0)
            program(NIGHT, command, id, kill_after / 2);
        assert_int_equal(program(NIGHT, command, id, -1), 0);
        check_same(wanted, i, kill_after);
    }
    free(wanted);
    assert_true(killed * 3 >= rounds);
}
