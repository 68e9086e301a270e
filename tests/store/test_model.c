/* The record on a rows store against the naive model: random operations, 0 differences, and rebuild bit for bit.
 * A difference is told with its seed and the operation that made it. Another run: NILO_WALK="seed operations". The long ones are in
 * test_model_10000*.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/walk_priv.h"

static void random_operations_give_what_the_naive_model_gives(struct stores *s)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        walk_all(s, seed, 250);
}

/* Looks through scan and totals until they too have come by it: one row of many hundred may take a while. */
static bool kernels_find(struct walk *w)
{
    for (int i = 0; i < 1500; i++)
        if (!walk_compare_kernels(w))
            return true;
    return false;
}

/* Canary: the comparison must find each of these planted bugs, and rebuild must not find what only the model can. */
static void a_planted_bug_is_found(struct stores *s)
{
    static const char *const bugs[] = {
        ("UPDATE total SET lo = lo + 1 WHERE scope_kind = 0 AND metric_id = 1 AND day = (SELECT max(day) FROM total WHERE scope_kind = 0 AND "
         "metric_id = 1)"),
        "UPDATE total SET hi = hi + 1 WHERE scope_kind = 2 AND day = (SELECT min(day) FROM total WHERE scope_kind = 2)",
        "UPDATE total SET fresh = fresh + 1 WHERE scope_kind = 1 AND metric_id = 0 AND day = (SELECT max(day) FROM total)",
        "UPDATE best SET value = value - 1 WHERE entity_id = (SELECT min(entity_id) FROM best) AND metric_id = 1",
        "UPDATE best SET run_id = run_id + 1 WHERE entity_id = (SELECT max(entity_id) FROM best)",
        "DELETE FROM known WHERE metric_id = 5 AND entity_id = (SELECT min(entity_id) FROM known WHERE metric_id = 5)",
        "UPDATE known SET value = value + 1 WHERE metric_id = 1 AND entity_id = (SELECT min(entity_id) FROM known WHERE metric_id = 1)",
        "UPDATE latest SET first_day = first_day + 1 WHERE entity_id = (SELECT max(entity_id) FROM latest)",
        "UPDATE day_value SET value = value - 1 WHERE value IS NOT NULL AND seq = 0 AND day = (SELECT max(day) FROM day_value)",
        "DELETE FROM day_value WHERE seq = 0 AND day = (SELECT max(day) FROM day_value)",
        "UPDATE connection SET closed_until = closed_until + 1 WHERE name = 'tube'",
    };
    struct walk *w = walk_new(s, 4711, 120);
    if (!w) {
        printf("# skipped: there is no such engine here\n");
        skip();
        return;
    }
    for (int op = 0; op < 120; op++)
        if (!walk_step(w))
            fail_msg("%s: %s", w->what, w->difference);
    walk_keep(w);
    for (size_t i = 0; i < sizeof bugs / sizeof bugs[0]; i++) {
        ok(s, nilo_store_begin(s->store, &s->err));
        stores_exec(s, bugs[i]);
        w->difference[0] = '\0';
        if (walk_compare(w))
            fail_msg("not found: %s", bugs[i]);
        bool cells = strstr(bugs[i], "day_value") != NULL, totals = strstr(bugs[i], "UPDATE total") && !strstr(bugs[i], "metric_id = 0");
        if ((cells || totals) && !kernels_find(w))
            fail_msg("not found by scan and totals: %s", bugs[i]);
        if (strstr(bugs[i], "UPDATE day_value") && walk_compare_as_of(w))
            fail_msg("not found in what was shown earlier: %s", bugs[i]);
        nilo_store_rollback(s->store);
        w->difference[0] = '\0';
        if (!walk_compare(w))
            fail_msg("after the bug was taken back: %s", w->difference);
    }
    /* rebuild repairs derived rows, so it must say that they changed */
    stores_exec(s, bugs[3]);
    assert_false(walk_rebuild(w));
    w->difference[0] = '\0';
    assert_true(walk_compare(w));
    walk_free(w);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(random_operations_give_what_the_naive_model_gives),
        STORES_TEST(a_planted_bug_is_found),
    };
    return stores_run("store/model", tests, sizeof tests / sizeof tests[0]);
}
