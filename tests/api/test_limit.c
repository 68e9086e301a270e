/* Limits, with the time given: exact at n-1, n and n+1, anywhere in the minute; waits that double; memory that has an end. */
#include "support/nilo_test.h"

#include <stdlib.h>
#include <string.h>

#include "api/limit.h"

#define S NILO_US_SECOND

static struct nilo_limit *l;
static struct nilo_seeded_random seeded;

static int set_up(void **state)
{
    struct nilo_err err = {0};
    (void)state;
    nilo_seeded_random_init(&seeded, 3);
    struct nilo_random random = nilo_seeded_random(&seeded);
    return nilo_limit_new(&random, &l, &err);
}

static int tear_down(void **state)
{
    (void)state;
    nilo_limit_free(l);
    return 0;
}

static bool take(const char *user, int64_t max, nilo_us now, struct nilo_quota *q)
{
    struct nilo_quota ignored;
    return nilo_limit_take(l, user, strlen(user), max, now, q != NULL ? q : &ignored);
}

static void exactly_so_many_pass_and_the_next_one_waits(void **state)
{
    (void)state;
    struct nilo_quota q;
    for (int i = 0; i < 99; i++)
        assert_true(take("a", 100, 1000 * S + i, &q));
    assert_int_equal(q.remaining, 1);
    assert_true(take("a", 100, 1010 * S, &q));
    assert_int_equal(q.remaining, 0);
    assert_int_equal(q.reset, 50 * S);
    assert_false(take("a", 100, 1010 * S, &q));
    assert_int_equal(q.limit, 100);
    assert_int_equal(q.reset, 50 * S);
    assert_true(take("b", 100, 1010 * S, NULL));
    assert_false(take("a", 100, 1060 * S - 1, &q));
    assert_int_equal(q.reset, 1);
    assert_true(take("a", 100, 1060 * S, &q));
    assert_int_equal(q.remaining, 0);
    assert_false(take("a", 100, 1060 * S, NULL));
    assert_true(take("a", 100, 1060 * S + 1, NULL));
}

/* Against a naive count of the instants that were let through: no minute holds more, and none is refused that had room. */
static void no_minute_holds_more_wherever_it_begins(void **state)
{
    (void)state;
    static const int64_t maxes[] = {1, 7, 100};
    static nilo_us passed[20000];
    struct nilo_random random = nilo_seeded_random(&seeded);
    for (size_t m = 0; m < 3; m++) {
        size_t n = 0, first = 0;
        nilo_us now = 0;
        char user[8];
        int refused = 0;
        snprintf(user, sizeof(user), "u%zu", m);
        for (int i = 0; i < 20000; i++) {
            now += (nilo_us)nilo_random_below(&random, nilo_random_below(&random, 20) == 0 ? 20 * S : (uint64_t)(2 * NILO_US_MINUTE / (3 * maxes[m])));
            while (first < n && passed[first] <= now - NILO_LIMIT_WINDOW)
                first++;
            bool room = (int64_t)(n - first) < maxes[m];
            assert_int_equal(take(user, maxes[m], now, NULL), room);
            refused += !room;
            if (room)
                passed[n++] = now;
        }
        assert_in_range(refused, 1000, 19000);
    }
}

static void a_limit_that_is_lowered_or_raised_holds_at_once(void **state)
{
    (void)state;
    struct nilo_quota q;
    for (int i = 0; i < 10; i++)
        assert_true(take("a", 10, i * S, NULL));
    assert_false(take("a", 5, 10 * S, &q));
    assert_int_equal(q.reset, 55 * S); /* that of second 5: then 4 are left */
    assert_true(take("a", 11, 10 * S, NULL));
    assert_false(take("a", 11, 10 * S, NULL));
}

static void the_tenth_failure_makes_an_address_wait_and_each_one_more_doubles_it(void **state)
{
    (void)state;
    static const int waits[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    nilo_us now = 100 * S;
    for (int i = 0; i < 9; i++) {
        nilo_limit_failed(l, "192.0.2.1", now);
        assert_int_equal(nilo_limit_wait(l, "192.0.2.1", now), 0);
    }
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        nilo_limit_failed(l, "192.0.2.1", now);
        assert_int_equal(nilo_limit_wait(l, "192.0.2.1", now), waits[i] * S);
        assert_int_equal(nilo_limit_wait(l, "192.0.2.2", now), 0);
        now += waits[i] * S;
        assert_int_equal(nilo_limit_wait(l, "192.0.2.1", now - 1), 1);
        assert_int_equal(nilo_limit_wait(l, "192.0.2.1", now), 0);
    }
    /* a minute without: ten more are free */
    now += NILO_LIMIT_WINDOW - 1;
    nilo_limit_failed(l, "192.0.2.1", now);
    assert_int_equal(nilo_limit_wait(l, "192.0.2.1", now), 60 * S);
    now += 120 * S;
    for (int i = 0; i < 9; i++)
        nilo_limit_failed(l, "192.0.2.1", now);
    assert_int_equal(nilo_limit_wait(l, "192.0.2.1", now), 0);
    nilo_limit_failed(l, "192.0.2.1", now);
    assert_int_equal(nilo_limit_wait(l, "192.0.2.1", now), 1 * S);
}

static void nine_a_minute_never_wait(void **state)
{
    (void)state;
    for (nilo_us now = 0; now < 100 * NILO_US_MINUTE; now += 61 * S / 9) {
        nilo_limit_failed(l, "192.0.2.1", now);
        assert_int_equal(nilo_limit_wait(l, "192.0.2.1", now), 0);
    }
}

static void a_net_of_ipv6_is_one_and_a_socket_is_none(void **state)
{
    (void)state;
    char text[64];
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof(text), "2001:db8::%x", i);
        nilo_limit_failed(l, text, 0);
        nilo_limit_failed(l, "unix", 0);
    }
    assert_int_not_equal(nilo_limit_wait(l, "2001:db8::ffff:1", 0), 0);
    assert_int_equal(nilo_limit_wait(l, "2001:db8:0:1::1", 0), 0);
    assert_int_equal(nilo_limit_wait(l, "unix", 0), 0);
    for (int i = 0; i < 10; i++)
        nilo_limit_failed(l, "::ffff:192.0.2.7", 0);
    assert_int_not_equal(nilo_limit_wait(l, "192.0.2.7", 0), 0);
}

/* More users than are remembered: the oldest are forgotten, the newest are not, and a user is no address. */
static void memory_has_an_end(void **state)
{
    (void)state;
    char user[32];
    assert_true(take("first", 1, 0, NULL));
    for (int i = 0; i < NILO_LIMIT_USERS + 10; i++) {
        snprintf(user, sizeof(user), "%d", i);
        assert_true(take(user, 1, 1 + i, NULL));
    }
    assert_false(take(user, 1, NILO_LIMIT_USERS + 20, NULL));
    assert_true(take("first", 1, NILO_LIMIT_USERS + 20, NULL));
    for (int64_t i = 0; i < NILO_LIMIT_MAX; i++)
        assert_true(take("busy", NILO_LIMIT_MAX, NILO_US_SECOND + i, NULL));
    assert_false(take("busy", NILO_LIMIT_MAX, 2 * NILO_US_SECOND, NULL));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(exactly_so_many_pass_and_the_next_one_waits),
        T(no_minute_holds_more_wherever_it_begins),
        T(a_limit_that_is_lowered_or_raised_holds_at_once),
        T(the_tenth_failure_makes_an_address_wait_and_each_one_more_doubles_it),
        T(nine_a_minute_never_wait),
        T(a_net_of_ipv6_is_one_and_a_socket_is_none),
        T(memory_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
