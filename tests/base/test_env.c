/* Time and randomness: the virtual ones do what scenarios rely on, the system's are real, NILO_NOW moves the wall clock. */
#include "support/nilo_test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/env.h"

#define JAN_2025 (INT64_C(1735689600) * NILO_US_SECOND) /* 2025-01-01T00:00:00Z */

static void a_virtual_clock_stands_still_until_moved(void **state)
{
    (void)state;
    struct nilo_virtual_clock v;
    nilo_virtual_clock_init(&v, JAN_2025);
    struct nilo_clock clock = nilo_virtual_clock(&v);
    nilo_us mono = clock.mono(clock.ctx);
    assert_int_equal(clock.wall(clock.ctx), JAN_2025);
    assert_int_equal(clock.wall(clock.ctx), JAN_2025);
    nilo_virtual_clock_advance(&v, NILO_US_DAY);
    clock.sleep(clock.ctx, 5);
    clock.sleep(clock.ctx, -7);
    clock.sleep(clock.ctx, 0);
    assert_int_equal(clock.wall(clock.ctx), JAN_2025 + NILO_US_DAY + 5);
    assert_int_equal(clock.mono(clock.ctx) - mono, NILO_US_DAY + 5);
}

static void a_seed_gives_the_published_sequence(void **state)
{
    (void)state;
    /* xoshiro256** from splitmix64(0), as other implementations print it */
    const uint64_t wanted[] = {UINT64_C(0x99ec5f36cb75f2b4), UINT64_C(0xbf6e1f784956452a), UINT64_C(0x1a5f849d4933e6e0),
                               UINT64_C(0x6aa594f1262d2d2c)};
    const unsigned char bytes[] = {0xb4, 0xf2, 0x75, 0xcb, 0x36, 0x5f, 0xec, 0x99, 0x2a, 0x45};
    struct nilo_seeded_random r;
    struct nilo_random random = nilo_seeded_random(&r);
    nilo_seeded_random_init(&r, 0);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_true(nilo_random_u64(&random) == wanted[i]);
    unsigned char got[sizeof(bytes)];
    nilo_seeded_random_init(&r, 0);
    random.fill(random.ctx, got, sizeof(got));
    assert_memory_equal(got, bytes, sizeof(bytes));
}

static void seeds_differ(void **state)
{
    (void)state;
    struct nilo_seeded_random a, b;
    nilo_seeded_random_init(&a, 1);
    nilo_seeded_random_init(&b, 2);
    struct nilo_random from_a = nilo_seeded_random(&a), from_b = nilo_seeded_random(&b);
    for (int i = 0; i < 100; i++)
        assert_true(nilo_random_u64(&from_a) != nilo_random_u64(&from_b));
}

/* A source that plays back what it was given. */
struct script {
    const uint64_t *values;
    int at;
};

static void scripted_fill(void *ctx, void *p, size_t n)
{
    struct script *s = ctx;
    uint64_t v = s->values[s->at++];
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)p)[i] = (unsigned char)(v >> (i * 8));
}

static void numbers_below_a_bound_are_without_bias(void **state)
{
    (void)state;
    /* 2^64 mod n of the lowest values are thrown away, so that every answer stands for equally many */
    static const struct {
        uint64_t n, values[3], wanted;
        int taken;
    } cases[] = {
        {3, {0, 5, 9}, 2, 2},
        {3, {1, 9, 9}, 1, 1},
        {4, {0, 9, 9}, 0, 1},
        {1, {77, 9, 9}, 0, 1},
        {UINT64_MAX, {0, UINT64_MAX, 9}, 0, 2},
        {(UINT64_C(1) << 63) + 1, {5, (UINT64_C(1) << 63) - 2, (UINT64_C(1) << 63) - 1}, (UINT64_C(1) << 63) - 1, 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct script script = {.values = cases[i].values};
        struct nilo_random random = {.fill = scripted_fill, .ctx = &script};
        assert_true(nilo_random_below(&random, cases[i].n) == cases[i].wanted);
        assert_int_equal(script.at, cases[i].taken);
    }
}

static void numbers_below_a_bound_reach_all_of_it_evenly(void **state)
{
    (void)state;
    int counts[7] = {0};
    struct nilo_seeded_random r;
    nilo_seeded_random_init(&r, 99);
    struct nilo_random random = nilo_seeded_random(&r);
    for (int i = 0; i < 70000; i++) {
        uint64_t v = nilo_random_below(&random, 7);
        assert_true(v < 7);
        counts[v]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 9600, 10400);
}

static struct nilo_env system_env(const char *now)
{
    struct nilo_env env = {.vfs = "unset"};
    struct nilo_err err = {.code = NILO_OK};
    if (now == NULL)
        unsetenv("NILO_NOW");
    else
        setenv("NILO_NOW", now, 1);
    int rc = nilo_env_system(&env, &err);
    unsetenv("NILO_NOW");
    if (rc != 0)
        fail_msg("%s", err.msg);
    return env;
}

static void the_system_clock_is_the_machines(void **state)
{
    (void)state;
    const char *const unset[] = {NULL, ""};
    for (size_t i = 0; i < sizeof(unset) / sizeof(unset[0]); i++) {
        struct nilo_env env = system_env(unset[i]);
        nilo_us before = (nilo_us)time(NULL) * NILO_US_SECOND;
        nilo_us wall = env.clock.wall(env.clock.ctx);
        assert_true(wall >= before - NILO_US_SECOND && wall < before + NILO_US_MINUTE);
        assert_null(env.vfs);
        assert_null(env.tmp_dir);
        assert_null(env.zoneinfo);
    }
}

static void sleeping_takes_at_least_that_long(void **state)
{
    (void)state;
    struct nilo_env env = system_env(NULL);
    nilo_us before = env.clock.mono(env.clock.ctx);
    env.clock.sleep(env.clock.ctx, 20000);
    nilo_us after = env.clock.mono(env.clock.ctx);
    assert_true(after - before >= 20000);
    env.clock.sleep(env.clock.ctx, -NILO_US_DAY); /* returns at once */
    assert_true(env.clock.mono(env.clock.ctx) - after < NILO_US_HOUR);
}

static void system_randomness_differs_from_call_to_call(void **state)
{
    (void)state;
    struct nilo_env env = system_env(NULL);
    uint64_t a = nilo_random_u64(&env.random), b = nilo_random_u64(&env.random);
    assert_true(a != b);
}

static void nilo_now_moves_the_wall_clock_and_it_runs_on(void **state)
{
    (void)state;
    const char *const texts[] = {"2025-01-01", "2025-01-01T00:00:00Z", "2025-01-01T02:00:00+02:00"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct nilo_env env = system_env(texts[i]);
        nilo_us first = env.clock.wall(env.clock.ctx);
        assert_true(first >= JAN_2025 && first < JAN_2025 + NILO_US_MINUTE);
        env.clock.sleep(env.clock.ctx, 3000);
        assert_true(env.clock.wall(env.clock.ctx) - first >= 3000);
    }
}

static void an_unreadable_nilo_now_is_named_and_nothing_is_filled(void **state)
{
    (void)state;
    static const struct {
        const char *now;
        enum nilo_code code;
    } cases[] = {{"yesterday", NILO_EDATE}, {"2025-01-01T00:00:00Zx", NILO_EDATE}, {"2025-02-30", NILO_EDATERANGE}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_env env = {.vfs = "untouched"};
        struct nilo_err err;
        setenv("NILO_NOW", cases[i].now, 1);
        assert_int_equal(nilo_env_system(&env, &err), -1);
        unsetenv("NILO_NOW");
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(strncmp(err.msg, "NILO_NOW: ", 10), 0);
        assert_string_equal(env.vfs, "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_virtual_clock_stands_still_until_moved),
        cmocka_unit_test(a_seed_gives_the_published_sequence),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(numbers_below_a_bound_are_without_bias),
        cmocka_unit_test(numbers_below_a_bound_reach_all_of_it_evenly),
        cmocka_unit_test(the_system_clock_is_the_machines),
        cmocka_unit_test(sleeping_takes_at_least_that_long),
        cmocka_unit_test(system_randomness_differs_from_call_to_call),
        cmocka_unit_test(nilo_now_moves_the_wall_clock_and_it_runs_on),
        cmocka_unit_test(an_unreadable_nilo_now_is_named_and_nothing_is_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
