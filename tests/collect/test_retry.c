/* Retries: the pauses before them, the credit that keeps them a tenth of the traffic, and circuits that open, are probed and close. */
#include "support/nilo_test.h"

#include "collect/retry.h"

#define SECOND NILO_US_SECOND

static struct nilo_seeded_random seeded;

static struct nilo_random chance(uint64_t seed)
{
    nilo_seeded_random_init(&seeded, seed);
    return nilo_seeded_random(&seeded);
}

static void pauses_double_and_are_spread(void **state)
{
    struct nilo_random random = chance(1);
    nilo_us least[12], most[12];
    (void)state;
    for (int try = 2; try < 12; try++) {
        least[try] = INT64_MAX;
        most[try] = 0;
        for (int i = 0; i < 500; i++) {
            nilo_us d = nilo_retry_delay(try, &random);
            least[try] = d < least[try] ? d : least[try];
            most[try] = d > most[try] ? d : most[try];
        }
        nilo_us span = NILO_RETRY_BASE << (try - 2) < NILO_RETRY_CAP ? NILO_RETRY_BASE << (try - 2) : NILO_RETRY_CAP;
        assert_in_range(least[try], span / 2, span / 2 + span / 20);
        assert_in_range(most[try], span - span / 20, span);
    }
}

static void nobody_comes_back_before_the_platform_says(void **state)
{
    struct nilo_random random = chance(2);
    const nilo_us waits[] = {0, SECOND, 17 * SECOND, NILO_US_HOUR, NILO_US_DAY};
    (void)state;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        for (int k = 0; k < 200; k++) {
            nilo_us at = nilo_retry_after(1000, waits[i], &random);
            assert_in_range(at, 1000 + waits[i], 1000 + waits[i] + waits[i] / 10);
            assert_true(at <= 1000 + waits[i] + NILO_US_MINUTE);
        }
    }
    assert_true(nilo_retry_after(1000, -1, &random) >= 1000 + NILO_US_MINUTE);
    assert_true(nilo_retry_after(1000, INT64_MAX, &random) <= 1000 + NILO_US_DAY + NILO_US_MINUTE); /* 99999999999 seconds */
}

static void retries_stay_below_a_tenth(void **state)
{
    struct nilo_host h;
    int64_t base = 0, retries = 0;
    (void)state;
    nilo_host_init(&h);
    for (int i = 0; i < 10000; i++) {
        nilo_host_sent(&h, i, false);
        base++;
        while (nilo_host_take_retry(&h, i)) { /* everything fails for ever */
            nilo_host_sent(&h, i, true);
            retries++;
        }
        if (base >= 150)
            assert_true(retries * 10 <= base);
    }
    assert_true(retries * 100 > base * 5); /* and there are some */
    for (int i = 0; i < 100000; i++)
        nilo_host_sent(&h, i, false);
    assert_int_equal(h.row.credit, NILO_CREDIT_MOST); /* a quiet year saves up no storm */
}

static void eight_hours_give_a_retry_where_little_is_asked(void **state)
{
    struct nilo_host h;
    (void)state;
    nilo_host_init(&h);
    h.row.at = 1000;
    for (int i = 0; i < 3; i++)
        assert_true(nilo_host_take_retry(&h, 1000));
    assert_false(nilo_host_take_retry(&h, 1000 + 8 * NILO_US_HOUR - 1));
    assert_true(nilo_host_take_retry(&h, 1000 + 8 * NILO_US_HOUR));
    assert_false(nilo_host_take_retry(&h, 1000 + 8 * NILO_US_HOUR));
    for (int i = 0; i < 3; i++) /* a year saves up no more than the first three */
        assert_true(nilo_host_take_retry(&h, 366 * NILO_US_DAY));
    assert_false(nilo_host_take_retry(&h, 366 * NILO_US_DAY));
}

static void a_host_that_fails_is_left_alone_and_probed(void **state)
{
    struct nilo_random random = chance(3);
    struct nilo_host h;
    nilo_us now = 1000 * SECOND, longest = 0;
    (void)state;
    nilo_host_init(&h);
    for (int i = 1; i < NILO_CIRCUIT_FAILURES; i++) {
        assert_int_equal(nilo_host_may(&h, now), NILO_HOST_YES);
        nilo_host_sent(&h, now, false);
        assert_false(nilo_host_went(&h, now, true, false, &random));
    }
    nilo_host_sent(&h, now, false);
    nilo_host_sent(&h, now, false);
    assert_true(nilo_host_went(&h, now, true, false, &random));
    assert_int_equal(nilo_host_may(&h, now), NILO_HOST_NO);
    assert_false(nilo_host_went(&h, now, true, false, &random)); /* that was on its way when it opened */
    for (int i = 0; i < 10; i++) {
        assert_int_equal(nilo_host_may(&h, h.row.open_until - 1), NILO_HOST_NO);
        longest = h.row.open_until - now > longest ? h.row.open_until - now : longest;
        now = h.row.open_until;
        assert_int_equal(nilo_host_may(&h, now), NILO_HOST_PROBE);
        assert_true(nilo_host_sent(&h, now, false));
        assert_int_equal(nilo_host_may(&h, now), NILO_HOST_NO); /* one probe */
        assert_true(nilo_host_went(&h, now, true, true, &random));
    }
    assert_in_range(longest, NILO_CIRCUIT_MOST / 2, NILO_CIRCUIT_MOST); /* it stays below two minutes: so soon is all well again */
    now = h.row.open_until;
    assert_true(nilo_host_sent(&h, now, false));
    assert_false(nilo_host_went(&h, now, false, true, &random));
    assert_int_equal(nilo_host_may(&h, now), NILO_HOST_YES);
    assert_int_equal(h.row.opened, 0);
}

/* What was on its way when the host said not to come is answered all the same: nobody comes sooner for it. */
static void a_wait_holds_whatever_still_arrives(void **state)
{
    struct nilo_random random = chance(5);
    struct nilo_host h;
    nilo_us now = 1000 * SECOND, until = now + 30 * SECOND;
    (void)state;
    nilo_host_init(&h);
    nilo_host_sent(&h, now, false);
    nilo_host_sent(&h, now, false);
    assert_false(nilo_host_went(&h, now + 1, true, false, &random));
    nilo_host_rest(&h, until);
    assert_false(nilo_host_went(&h, now + 2, false, false, &random));
    assert_int_equal(nilo_host_may(&h, until - 1), NILO_HOST_NO);
    assert_int_equal(nilo_host_may(&h, until), NILO_HOST_PROBE);
    assert_true(nilo_host_sent(&h, until, false));
    assert_false(nilo_host_went(&h, until + 1, false, true, &random));
    assert_int_equal(nilo_host_may(&h, until + 1), NILO_HOST_YES);
}

static void what_comes_back_late_is_not_the_probes_outcome(void **state)
{
    struct nilo_random random = chance(1);
    struct nilo_host h;
    nilo_us now = 1000 * SECOND;
    (void)state;
    nilo_host_init(&h);
    for (int i = 0; i < NILO_CIRCUIT_FAILURES + 2; i++)
        assert_false(nilo_host_sent(&h, now, false));
    for (int i = 0; i < NILO_CIRCUIT_FAILURES; i++)
        nilo_host_went(&h, now, true, false, &random);
    now = h.row.open_until;
    assert_true(nilo_host_sent(&h, now, false));
    /* the two that were out when it opened: neither a second probe, nor a host that is well */
    assert_false(nilo_host_went(&h, now + 1, true, false, &random));
    assert_int_equal(nilo_host_may(&h, now + 1), NILO_HOST_NO);
    assert_false(nilo_host_went(&h, now + 2, false, false, &random));
    assert_int_equal(nilo_host_may(&h, now + 2), NILO_HOST_NO);
    assert_false(nilo_host_went(&h, now + 3, false, true, &random));
    assert_int_equal(nilo_host_may(&h, now + 3), NILO_HOST_YES);
}

static void one_answer_in_between_keeps_the_circuit_closed(void **state)
{
    struct nilo_random random = chance(4);
    struct nilo_host h;
    (void)state;
    nilo_host_init(&h);
    for (int i = 0; i < 100; i++) {
        nilo_host_sent(&h, i, false);
        assert_false(nilo_host_went(&h, i, i % NILO_CIRCUIT_FAILURES != 0, false, &random));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_back_late_is_not_the_probes_outcome),
        cmocka_unit_test(pauses_double_and_are_spread),
        cmocka_unit_test(nobody_comes_back_before_the_platform_says),
        cmocka_unit_test(retries_stay_below_a_tenth),
        cmocka_unit_test(eight_hours_give_a_retry_where_little_is_asked),
        cmocka_unit_test(a_host_that_fails_is_left_alone_and_probed),
        cmocka_unit_test(a_wait_holds_whatever_still_arrives),
        cmocka_unit_test(one_answer_in_between_keeps_the_circuit_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
