/* What people do with connections: pauses. */
#include "stores.h"

#include <stdlib.h>
#include <string.h>

static void a_pause_is_kept_until_it_is_ended(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "sql", "file");
    bool new = false;
    assert_true(c.paused_at == NILO_US_NONE);
    ok(s, nilo_store_pause(s->store, c.id, "the database moves", &new, &s->err));
    assert_true(new);
    nilo_us at = s->clock.wall;
    stores_reopen(s, NILO_STORE_WRITE);
    ok(s, nilo_store_connection_get(s->store, c.id, &c, &s->err));
    assert_int_equal(c.paused_at, at);
    assert_string_equal(c.pause_reason, "the database moves");
    nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
    ok(s, nilo_store_pause(s->store, c.id, NULL, &new, &s->err));
    assert_false(new);
    ok(s, nilo_store_connection_get(s->store, c.id, &c, &s->err));
    assert_int_equal(c.paused_at, at);
    assert_string_equal(c.pause_reason, "the database moves");
    ok(s, nilo_store_pause(s->store, c.id, "it moves on", &new, &s->err));
    assert_false(new);
    bool was = false;
    ok(s, nilo_store_resume(s->store, c.id, &was, &s->err));
    assert_true(was);
    ok(s, nilo_store_connection_get(s->store, c.id, &c, &s->err));
    assert_true(c.paused_at == NILO_US_NONE);
    assert_string_equal(c.pause_reason, "");
    ok(s, nilo_store_resume(s->store, c.id, &was, &s->err));
    assert_false(was);
    assert_rows(s, "SELECT resumed_at - paused_at, reason FROM connection_pause", "3600000000 it moves on");
}

static void pauses_follow_each_other_also_when_the_clock_does_not(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "sql", "file");
    bool changed;
    for (int i = 0; i < 4; i++) {
        ok(s, nilo_store_pause(s->store, c.id, NULL, &changed, &s->err));
        assert_true(changed);
        nilo_virtual_clock_advance(&s->clock, i % 2 == 0 ? 0 : -NILO_US_HOUR);
        ok(s, nilo_store_resume(s->store, c.id, &changed, &s->err));
        assert_true(changed);
    }
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_pause"), 4);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_pause a JOIN connection_pause b ON a.paused_at < b.paused_at "
                                   "AND a.resumed_at > b.paused_at"), 0);
}

static void a_connection_is_listed_once_however_often_it_was_paused(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "sql", "file"), *all;
    size_t n;
    bool changed;
    stores_connection(s, "w", NULL, "d", "sql", "file");
    for (int i = 0; i < 3; i++) {
        ok(s, nilo_store_pause(s->store, c.id, NULL, &changed, &s->err));
        ok(s, nilo_store_resume(s->store, c.id, &changed, &s->err));
    }
    ok(s, nilo_store_pause(s->store, c.id, NULL, &changed, &s->err));
    ok(s, nilo_store_connections(s->store, &all, &n, &s->err));
    assert_int_equal(n, 2);
    assert_true(all[0].paused_at != NILO_US_NONE);
    assert_true(all[1].paused_at == NILO_US_NONE);
    free(all);
}

static void a_reason_is_one_line(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "sql", "file");
    char most[202];
    bool changed;
    memset(most, 'x', 201);
    most[201] = '\0';
    const char *const wrong[] = {"two\nlines", "\x1b[2J", "\xff", most};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        fails(s, NILO_EINVAL, nilo_store_pause(s->store, c.id, wrong[i], &changed, &s->err));
    most[200] = '\0';
    ok(s, nilo_store_pause(s->store, c.id, most, &changed, &s->err));
    ok(s, nilo_store_connection_get(s->store, c.id, &c, &s->err));
    assert_string_equal(c.pause_reason, most);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_pause_is_kept_until_it_is_ended),
        STORES_TEST(pauses_follow_each_other_also_when_the_clock_does_not),
        STORES_TEST(a_connection_is_listed_once_however_often_it_was_paused),
        STORES_TEST(a_reason_is_one_line),
    };
    return stores_run("store/care", tests, sizeof tests / sizeof tests[0]);
}
