/* What connections log in with, in the store: of two who renew the same tokens one stores; and how a status became what it is. Both engines. */
#include "stores.h"

#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1742464800000000) /* of STORES_START */

static struct nilo_login_row login_of(struct stores *s, int64_t connection)
{
    static struct nilo_arena arena; /* of one row at a time */
    struct nilo_login_row row = {0};
    bool there = false;
    nilo_arena_done(&arena);
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_login(s->store, connection, &arena, &there, &row, &s->err));
    assert_true(there);
    return row;
}

static int64_t put(struct stores *s, int64_t connection, nilo_us access_until)
{
    const struct nilo_login_row row = {.connection = connection, .account = "UC1", .account_name = "A channel", .scopes = "a b", .connected_at = T0,
                                       .access_until = access_until, .refresh_until = NILO_US_NONE, .renewable = true};
    int64_t generation;
    ok(s, nilo_store_login_put(s->store, &row, &generation, &s->err));
    return generation;
}

static void a_login_is_kept_and_replaced(struct stores *s)
{
    struct nilo_connection a = stores_connection(s, "w", NULL, "a", "youtube", "db"), b = stores_connection(s, "w", NULL, "b", "youtube", "db");
    struct nilo_arena arena;
    struct nilo_login_row *rows, row;
    size_t n;
    bool there = true, was;
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_login(s->store, a.id, &arena, &there, &row, &s->err));
    assert_false(there);
    assert_int_equal(put(s, a.id, T0 + NILO_US_HOUR), 1);
    assert_int_equal(put(s, b.id, NILO_US_NONE), 1);
    row = login_of(s, a.id);
    assert_string_equal(row.account, "UC1");
    assert_string_equal(row.scopes, "a b");
    assert_true(row.renewable && row.access_until == T0 + NILO_US_HOUR && row.refresh_until == NILO_US_NONE && row.lease_until == NILO_US_NONE);
    assert_int_equal(put(s, a.id, T0), 2);
    ok(s, nilo_store_logins(s->store, &arena, &rows, &n, &s->err));
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].generation, 2);
    assert_true(rows[1].access_until == NILO_US_NONE);
    ok(s, nilo_store_login_delete(s->store, a.id, &was, &s->err));
    assert_true(was);
    ok(s, nilo_store_login_delete(s->store, a.id, &was, &s->err));
    assert_false(was);
    nilo_arena_done(&arena);
}

static void one_of_two_gets_the_lease(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", "db");
    int64_t first, second;
    put(s, c.id, T0);
    ok(s, nilo_store_login_lease(s->store, c.id, 1, T0, T0 + NILO_US_MINUTE, &first, &s->err));
    assert_int_equal(first, 1);
    ok(s, nilo_store_login_lease(s->store, c.id, 1, T0 + NILO_US_SECOND, T0 + NILO_US_MINUTE, &second, &s->err));
    assert_int_equal(second, 0);
    /* it ended without a word: the next one gets it, and sees that something was sent */
    assert_true(login_of(s, c.id).asked_at == T0);
    ok(s, nilo_store_login_lease(s->store, c.id, 1, T0 + NILO_US_MINUTE, T0 + 2 * NILO_US_MINUTE, &second, &s->err));
    assert_int_equal(second, 2);
    /* of a set that is not the newest nothing is renewed */
    ok(s, nilo_store_login_lease(s->store, c.id, 7, T0 + NILO_US_HOUR, T0 + 2 * NILO_US_HOUR, &first, &s->err));
    assert_int_equal(first, 0);
}

static void the_next_set_is_stored_once(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", "db");
    int64_t fence;
    bool taken;
    put(s, c.id, T0);
    ok(s, nilo_store_login_lease(s->store, c.id, 1, T0, T0 + NILO_US_MINUTE, &fence, &s->err));
    const struct nilo_login_row next = {.connection = c.id, .renewed_at = T0 + 5, .access_until = T0 + NILO_US_HOUR, .refresh_until = T0 + NILO_US_DAY,
                                        .renewable = true};
    ok(s, nilo_store_login_renewed(s->store, 1, &next, &taken, &s->err));
    assert_true(taken);
    struct nilo_login_row row = login_of(s, c.id);
    assert_true(row.generation == 2 && row.renewed_at == T0 + 5 && row.refresh_until == T0 + NILO_US_DAY && row.lease_until == NILO_US_NONE);
    assert_true(row.asked_at == NILO_US_NONE);
    assert_string_equal(row.account, "UC1");
    /* another one, that came from the same set */
    ok(s, nilo_store_login_renewed(s->store, 1, &next, &taken, &s->err));
    assert_false(taken);
    assert_int_equal(login_of(s, c.id).generation, 2);
    /* and its failure is nobody's any more */
    ok(s, nilo_store_login_failed(s->store, c.id, fence, "late", T0, &s->err));
    assert_null(login_of(s, c.id).problem);
}

static void a_failure_is_kept_until_the_next_set(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", "db");
    int64_t fence;
    bool taken;
    put(s, c.id, T0);
    for (int i = 1; i <= 2; i++) {
        ok(s, nilo_store_login_lease(s->store, c.id, 1, T0, T0 + NILO_US_MINUTE, &fence, &s->err));
        assert_int_not_equal(fence, 0);
        ok(s, nilo_store_login_failed(s->store, c.id, fence, "no answer", T0 + 30 * NILO_US_SECOND, &s->err));
        struct nilo_login_row row = login_of(s, c.id);
        assert_true(row.failures == i && row.lease_until == NILO_US_NONE && row.retry_at == T0 + 30 * NILO_US_SECOND);
        assert_string_equal(row.problem, "no answer");
    }
    const struct nilo_login_row next = {.connection = c.id, .renewed_at = T0, .access_until = NILO_US_NONE, .refresh_until = NILO_US_NONE};
    ok(s, nilo_store_login_renewed(s->store, 1, &next, &taken, &s->err));
    assert_true(taken && login_of(s, c.id).failures == 0 && login_of(s, c.id).problem == NULL && !login_of(s, c.id).renewable);
}

static void each_change_of_status_is_kept_with_its_reason(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", "db");
    struct nilo_arena arena;
    struct nilo_status_row *rows;
    size_t n;
    bool is_new;
    char long_reason[500];
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_connection_turn(s->store, c.id, "connected", "again", &is_new, &s->err));
    assert_false(is_new);
    ok(s, nilo_store_connection_turn(s->store, c.id, "expired", "it was revoked", &is_new, &s->err));
    assert_true(is_new);
    nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
    ok(s, nilo_store_connection_status(s->store, c.id, "connected", &s->err));
    ok(s, nilo_store_connection_turns(s->store, c.id, 10, &arena, &rows, &n, &s->err));
    assert_int_equal(n, 2);
    assert_string_equal(rows[0].status, "connected");
    assert_string_equal(rows[0].was, "expired");
    assert_null(rows[0].reason);
    assert_string_equal(rows[1].reason, "it was revoked");
    assert_true(rows[0].at - rows[1].at == NILO_US_HOUR);
    ok(s, nilo_store_connection_turns(s->store, c.id, 1, &arena, &rows, &n, &s->err));
    assert_int_equal(n, 1);
    memset(long_reason, 'x', sizeof long_reason - 1);
    long_reason[sizeof long_reason - 1] = '\0';
    fails(s, NILO_EINVAL, nilo_store_connection_turn(s->store, c.id, "failing", long_reason, NULL, &s->err));
    ok(s, nilo_store_connection_get(s->store, c.id, &c, &s->err));
    assert_string_equal(c.status, "connected");
    nilo_arena_done(&arena);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_login_is_kept_and_replaced),
        STORES_TEST(one_of_two_gets_the_lease),
        STORES_TEST(the_next_set_is_stored_once),
        STORES_TEST(a_failure_is_kept_until_the_next_set),
        STORES_TEST(each_change_of_status_is_kept_with_its_reason),
    };
    return stores_run("store/login", tests, sizeof tests / sizeof tests[0]);
}
