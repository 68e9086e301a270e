/* Kept answers: they come back byte for byte and in order, go when their time is over, and whenever anybody of the workspace is erased. */
#include "stores.h"

#include <stdlib.h>
#include <string.h>

#include "store/raw.h"

static nilo_us at(int hour)
{
    return stores_us("2025-03-20T00:00:00Z") + hour * NILO_US_HOUR;
}

static struct nilo_raw raw(int64_t connection, int hour, const char *body, size_t n)
{
    return (struct nilo_raw){.connection = connection, .run = 7, .op = "metrics", .variant = 1, .ask = "{\"ids\":[\"a\"]}", .asked_at = at(hour), .answered_at = at(hour) + 5,
                             .status = 200, .body = body, .n_body = n};
}

/* All of a connection in order, as "hour:bytes ...". */
static void assert_kept(struct stores *s, int64_t connection, int from, int to, const char *expected)
{
    struct nilo_arena arena;
    struct nilo_buf b;
    struct nilo_raw r = {.id = 0};
    bool there;
    nilo_arena_init(&arena, 0);
    nilo_buf_init(&b, 4096);
    for (;;) {
        ok(s, nilo_store_raw_next(s->store, connection, r.id, at(from), at(to), &arena, &there, &r, &s->err));
        if (!there)
            break;
        nilo_buf_addf(&b, "%d:%zu ", (int)((r.asked_at - at(0)) / NILO_US_HOUR), r.n_body);
        assert_string_equal(r.op, "metrics");
        assert_string_equal(r.ask, "{\"ids\":[\"a\"]}");
        assert_true(r.connection == connection && r.run == 7 && r.variant == 1 && r.status == 200 && r.answered_at == r.asked_at + 5);
    }
    assert_string_equal(nilo_buf_str(&b), expected);
    nilo_buf_done(&b);
    nilo_arena_done(&arena);
}

static void answers_come_back_byte_for_byte_and_in_order(struct stores *s)
{
    static char big[300000];
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db"), other = stores_connection(s, "w", "UTC", "more", "youtube", "db");
    struct nilo_arena arena;
    struct nilo_raw r;
    bool there;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 % 251);
    const struct nilo_raw first[] = {raw(c.id, 1, "{}", 2), raw(other.id, 2, "x", 1), raw(c.id, 3, big, sizeof big)}, second = raw(c.id, 2, "a\0b", 3);
    ok(s, nilo_store_raw_put(s->store, first, 3, &s->err));
    ok(s, nilo_store_raw_put(s->store, &second, 1, &s->err));
    ok(s, nilo_store_raw_put(s->store, NULL, 0, &s->err));
    assert_kept(s, c.id, 0, 24, "1:2 3:300000 2:3 ");
    assert_kept(s, c.id, 2, 24, "3:300000 2:3 ");
    assert_kept(s, c.id, 0, 2, "1:2 ");
    assert_kept(s, other.id, 0, 24, "2:1 ");
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_raw_next(s->store, c.id, 1, at(0), at(24), &arena, &there, &r, &s->err));
    assert_true(there);
    assert_memory_equal(r.body, big, sizeof big);
    ok(s, nilo_store_raw_next(s->store, c.id, 3, at(0), at(24), &arena, &there, &r, &s->err));
    assert_memory_equal(r.body, "a\0b", 4);
    nilo_arena_done(&arena);
}

static void they_take_less_room_than_they_are_long(struct stores *s)
{
    static char json[100000];
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db");
    int64_t n, packed, bytes;
    for (size_t i = 0, n_items = 0; i + 80 < sizeof json; n_items++)
        i += (size_t)snprintf(json + i, 80, "{\"id\":\"video%05zu\",\"viewCount\":\"%07zu\"},", n_items, n_items * 37 % 9999999);
    const struct nilo_raw one = raw(c.id, 1, json, strlen(json));
    ok(s, nilo_store_raw_put(s->store, &one, 1, &s->err));
    ok(s, nilo_store_raw_size(s->store, 0, &n, &packed, &bytes, &s->err));
    assert_true(n == 1 && bytes == (int64_t)strlen(json) && packed > 0 && packed < bytes / 3);
    ok(s, nilo_store_raw_size(s->store, c.id + 1, &n, &packed, &bytes, &s->err));
    assert_true(n == 0 && bytes == 0 && packed == 0);
}

static void they_go_when_their_time_is_over(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db"), other = stores_connection(s, "w", "UTC", "more", "youtube", "db");
    const struct nilo_raw all[] = {raw(c.id, 1, "1", 1), raw(c.id, 5, "1", 1), raw(other.id, 1, "1", 1), raw(other.id, 5, "1", 1)};
    int64_t n;
    ok(s, nilo_store_raw_put(s->store, all, 4, &s->err));
    ok(s, nilo_store_raw_forget(s->store, c.id, at(3), &n, &s->err));
    assert_int_equal(n, 1);
    assert_kept(s, c.id, 0, 24, "5:1 ");
    assert_kept(s, other.id, 0, 24, "1:1 5:1 ");
    ok(s, nilo_store_raw_forget(s->store, 0, at(3), &n, &s->err));
    assert_int_equal(n, 1);
    ok(s, nilo_store_raw_forget(s->store, 0, at(6), NULL, &s->err));
    assert_rows(s, "SELECT count(*) FROM raw_answer", "0");
}

static void erasing_anybody_takes_those_of_the_workspace(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db"), other = stores_connection(s, "v", "UTC", "yt", "youtube", "db");
    const struct nilo_raw all[] = {raw(c.id, 1, "somebody", 8), raw(other.id, 1, "somebody", 8)};
    int64_t owner;
    struct nilo_erasure done;
    ok(s, nilo_store_raw_put(s->store, all, 2, &s->err));
    ok(s, nilo_store_owner(s->store, c.workspace, "anna", true, &owner, &s->err));
    const struct nilo_erase what = {.kind = NILO_ERASE_OWNER, .workspace = c.workspace, .name = "anna", .author = "test"};
    ok(s, nilo_store_erase(s->store, &what, &done, &s->err));
    assert_kept(s, c.id, 0, 24, "");
    assert_kept(s, other.id, 0, 24, "1:8 ");
}

static void damaged_ones_are_said_to_be(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db");
    const struct nilo_raw one = raw(c.id, 1, "something", 9);
    struct nilo_arena arena;
    struct nilo_raw r;
    bool there;
    ok(s, nilo_store_raw_put(s->store, &one, 1, &s->err));
    nilo_arena_init(&arena, 0);
    static const char *const damages[] = {"UPDATE raw_answer SET size = 8", "UPDATE raw_answer SET size = 99999999999", "UPDATE raw_answer SET size = -1"};
    for (size_t i = 0; i < 3; i++) {
        stores_exec(s, damages[i]);
        fails(s, NILO_ECORRUPT, nilo_store_raw_next(s->store, c.id, 0, at(0), at(24), &arena, &there, &r, &s->err));
    }
    nilo_arena_done(&arena);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(answers_come_back_byte_for_byte_and_in_order), STORES_TEST(they_take_less_room_than_they_are_long), STORES_TEST(they_go_when_their_time_is_over),
        STORES_TEST(erasing_anybody_takes_those_of_the_workspace), STORES_TEST(damaged_ones_are_said_to_be),
    };
    return stores_run("raw", tests, sizeof tests / sizeof tests[0]);
}
