/* What is tried again, when, and what a failure leaves alone: a clock and a randomness that are told what to say, a server that hangs up on everybody,
 * a store that refuses to be written. */
#include "support/nilo_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "collect/world.h"
#include "support/pg.h"
#include "support/tmp.h"

#define NOW "2025-01-11T00:05:00Z"
#define WAITS 16

/* ---- a clock that writes down how long it was slept on, and dice that fall as told ------------------------------------------------------ */

static struct {
    struct nilo_clock real;
    nilo_us waits[WAITS];
    size_t n;
} slept;

static nilo_us wall(void *ctx) { return (void)ctx, slept.real.wall(slept.real.ctx); }
static nilo_us mono(void *ctx) { return (void)ctx, slept.real.mono(slept.real.ctx); }
static void sleep_on(void *ctx, nilo_us span)
{
    (void)ctx;
    assert_true(slept.n < WAITS);
    slept.waits[slept.n++] = span;
    slept.real.sleep(slept.real.ctx, span);
}

static void all_bytes(void *ctx, void *p, size_t n)
{
    memset(p, *(const unsigned char *)ctx, n);
}

/* The store anew, with these two. dice: NULL = those of the world */
static void watch(struct world *w, const unsigned char *dice)
{
    slept.real = w->env.clock;
    slept.n = 0;
    w->env.clock = (struct nilo_clock){wall, mono, sleep_on, NULL};
    if (dice != NULL)
        w->env.random = (struct nilo_random){all_bytes, (void *)(uintptr_t)dice};
    nilo_store_close(w->store);
    if (nilo_store_open(w->store_path, NILO_STORE_WRITE, &w->env, &w->store, &w->err) != 0)
        fail_msg("%s", w->err.msg);
}

/* ---- a server that hangs up --------------------------------------------------------------------------------------------------------------- */

static struct {
    int fd;
    char folder[200], path[256];
    atomic_int calls;
    pthread_t thread;
} server;

static void *hang_up(void *ctx)
{
    (void)ctx;
    for (int fd; (fd = accept(server.fd, NULL, NULL)) >= 0;) {
        atomic_fetch_add(&server.calls, 1);
        close(fd);
    }
    return NULL;
}

static int start_server(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)state;
    snprintf(server.folder, sizeof server.folder, "%s", nilo_test_tmp());
    snprintf(server.path, sizeof server.path, "%s/.s.PGSQL.5432", server.folder);
    assert_true(strlen(server.path) < sizeof at.sun_path);
    memcpy(at.sun_path, server.path, strlen(server.path) + 1);
    server.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return bind(server.fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(server.fd, 8) != 0 || pthread_create(&server.thread, NULL, hang_up, NULL) != 0;
}

static int stop_server(void **state)
{
    (void)state;
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    return unlink(server.path);
}

static void begin(struct world *w, const char *name)
{
    char config[1024];
    snprintf(config, sizeof config,
             "connections:\n  - {name: down, workspace: a, platform: sql, database: 'postgres://nobody@/x?host=%s', users: u, posts: p, comments: c}\n", server.folder);
    world_init(w, name, NULL, config, NOW);
}

/* Dice of all ones: 2^64 - 1 is 51,615 both modulo 250,000 and modulo 500,000. */
static void three_tries_with_a_pause_that_doubles(void **state)
{
    static const unsigned char ones = 0xff;
    struct world w;
    (void)state;
    begin(&w, "doubles");
    watch(&w, &ones);
    atomic_store(&server.calls, 0);
    assert_int_equal(world_collect(&w, "2025-01-10"), 0);
    assert_int_equal(atomic_load(&server.calls), 3);
    assert_int_equal(slept.n, 2);
    assert_int_equal(slept.waits[0], NILO_US_SECOND + 51615);
    assert_int_equal(slept.waits[1], 2 * NILO_US_SECOND + 51615);
    assert_string_equal(w.runs[0].status, "failed");
    world_done(&w);
}

/* A quarter more at most, and not the same for everybody. */
static void the_pauses_are_spread_within_a_quarter(void **state)
{
    static const nilo_us whole[] = {NILO_US_SECOND, 2 * NILO_US_SECOND};
    nilo_us least[2] = {INT64_MAX, INT64_MAX}, most[2] = {0, 0};
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world w;
        begin(&w, "spread");
        nilo_seeded_random_init(&w.random, seed);
        watch(&w, NULL);
        assert_int_equal(world_collect(&w, "2025-01-10"), 0);
        assert_int_equal(slept.n, 2);
        for (int i = 0; i < 2; i++) {
            assert_in_range(slept.waits[i], whole[i], whole[i] * 5 / 4 - 1);
            least[i] = slept.waits[i] < least[i] ? slept.waits[i] : least[i];
            most[i] = slept.waits[i] > most[i] ? slept.waits[i] : most[i];
        }
        assert_true(slept.waits[1] > slept.waits[0]);
        world_done(&w);
    }
    for (int i = 0; i < 2; i++) /* 40 throws: within the first and the last tenth of the quarter */
        assert_true(least[i] < whole[i] + whole[i] / 40 && most[i] > whole[i] + whole[i] * 9 / 40);
}

/* ---- a store that cannot be written ------------------------------------------------------------------------------------------------------- */

static const char *app(void)
{
    const char *path = nilo_test_path("strike.app");
    nilo_test_remove(path);
    world_sql(path, "CREATE TABLE u (created_at TEXT); CREATE TABLE p (created_at TEXT); CREATE TABLE c (created_at TEXT);"
                    "INSERT INTO u VALUES ('2025-01-09 05:00:00'), ('2025-01-10 06:00:00'); INSERT INTO p VALUES ('2025-01-10 05:00:00')");
    return path;
}

/* The values go, and the log of what failed stays: it is written behind the transaction that was rolled back. */
static void a_run_that_the_store_refuses_is_logged(const char *store, const char *strike, const char *over)
{
    struct world w;
    char config[1024];
    snprintf(config, sizeof config, "connections:\n  - {name: app, workspace: a, platform: sql, database: %s, users: u, posts: p, comments: c}\n", app());
    world_init(&w, "strike", store, config, "2025-01-10T08:00:00Z");
    const char *target = store ? store : w.store_path;
    world_collects(&w, "2025-01-09");
    int64_t values = world_count(target, "SELECT count(*) FROM day_value"), readings = world_count(target, "SELECT count(*) FROM observation");
    assert_true(values > 0 && readings > 0);
    world_now(&w, NOW);
    world_sql(target, strike);
    world_collect(&w, "2025-01-10");
    assert_int_equal(world_count(target, "SELECT count(*) FROM run WHERE status = 3 AND error LIKE '%on strike%' AND ended_at IS NOT NULL"), 1);
    assert_int_equal(world_count(target, "SELECT count(*) FROM run WHERE status = 0"), 0);
    assert_int_equal(world_count(target, "SELECT count(*) FROM day_value"), values);
    assert_int_equal(world_count(target, "SELECT count(*) FROM observation"), readings);
    world_sql(target, over);
    world_collects(&w, "2025-01-10");
    assert_int_equal(world_value(&w, "app", "users_total", "2025-01-10"), 2);
    assert_int_equal(world_count(target, "SELECT count(*) FROM run WHERE status = 3"), 1);
    world_done(&w);
}

static void a_failed_run_is_logged_outside_of_the_failed_transaction(void **state)
{
    (void)state;
    a_run_that_the_store_refuses_is_logged(NULL, "CREATE TRIGGER strike BEFORE INSERT ON observation BEGIN SELECT RAISE(ABORT, 'the disk is on strike'); END",
                                           "DROP TRIGGER strike");
}

static void the_same_on_postgres(void **state)
{
    (void)state;
    const char *store = nilo_test_pg_database("strike");
    if (store == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
    a_run_that_the_store_refuses_is_logged(store,
                                           "CREATE FUNCTION strike() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''the disk is on strike''; END';"
                                           "CREATE TRIGGER strike BEFORE INSERT ON observation FOR EACH ROW EXECUTE FUNCTION strike()",
                                           "DROP TRIGGER strike ON observation");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three_tries_with_a_pause_that_doubles, start_server, stop_server),
        cmocka_unit_test_setup_teardown(the_pauses_are_spread_within_a_quarter, start_server, stop_server),
        cmocka_unit_test(a_failed_run_is_logged_outside_of_the_failed_transaction),
        cmocka_unit_test(the_same_on_postgres),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
