/* Who may ask over HTTP, as the store keeps it: keys as hashes, what was revoked, workspaces that are closed; on both engines. */
#include "stores.h"

#include <stdlib.h>
#include <string.h>

#define ADMIN NILO_ROLE_ADMIN

static const unsigned char hash[32] = {1, 2, 0, 3};

static int add(struct stores *s, const char *id, enum nilo_role role, const char *name, const char *const *places, size_t n, nilo_us expires_at)
{
    struct nilo_access_key k = {.id = id, .role = role, .name = name, .hashed_by = "0123456789abcdef", .expires_at = expires_at,
                                .workspaces_said = places != NULL, .workspaces = places, .n_workspaces = n};
    memcpy(k.hash, hash, sizeof(hash));
    return nilo_store_key_add(s->store, &k, &s->err);
}

static struct nilo_arena arena;

static struct nilo_access all(struct stores *s)
{
    struct nilo_access a;
    int64_t changes;
    nilo_arena_done(&arena);
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_access(s->store, &arena, &a, &s->err));
    ok(s, nilo_store_access_changes(s->store, &changes, &s->err));
    assert_int_equal(a.changes, changes);
    return a;
}

static void done(void)
{
    nilo_arena_done(&arena);
    nilo_arena_init(&arena, 0);
}

static void keys_come_back_as_they_were_given_with_their_workspaces(struct stores *s)
{
    static const char *const places[] = {"b", "a"};
    stores_connection(s, "a", "UTC", "c", "youtube", "file");
    stores_connection(s, "b", "UTC", "c", "youtube", "file");
    assert_int_equal(all(s).n_keys, 0);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, add(s, "Zz", ADMIN, "the app", places, 2, 77));
    ok(s, add(s, "aa", NILO_ROLE_SERVICE, NULL, NULL, 0, NILO_US_NONE));
    ok(s, add(s, "aB", ADMIN, NULL, places, 1, NILO_US_NONE));
    ok(s, nilo_store_commit(s->store, &s->err));
    struct nilo_access a = all(s);
    assert_int_equal(a.n_keys, 3);
    assert_string_equal(a.keys[0].id, "Zz"); /* byte by byte, whatever the collation of the database is */
    assert_string_equal(a.keys[1].id, "aB");
    assert_string_equal(a.keys[2].id, "aa");
    assert_int_equal(a.keys[0].n_workspaces, 2);
    assert_string_equal(a.keys[0].workspaces[0], "a");
    assert_string_equal(a.keys[0].workspaces[1], "b");
    assert_int_equal(a.keys[1].n_workspaces, 1);
    assert_string_equal(a.keys[1].workspaces[0], "b");
    assert_int_equal(a.keys[2].n_workspaces, 0);
    assert_false(a.keys[2].workspaces_said);
    assert_int_equal(a.keys[2].role, NILO_ROLE_SERVICE);
    assert_string_equal(a.keys[0].name, "the app");
    assert_null(a.keys[1].name);
    assert_int_equal(a.keys[0].expires_at, 77);
    assert_true(a.keys[1].expires_at == NILO_US_NONE && a.keys[0].revoked_at == NILO_US_NONE);
    assert_int_equal(a.keys[0].made_at, stores_us(STORES_START));
    assert_memory_equal(a.keys[0].hash, hash, 32);
    done();
}

static void a_key_for_no_workspace_or_by_a_bad_name_is_not_made(struct stores *s)
{
    static const char *const places[] = {"nowhere"};
    fails(s, NILO_ENOENT, add(s, "k", ADMIN, NULL, places, 1, NILO_US_NONE));
    fails(s, NILO_EINVAL, add(s, "l", ADMIN, "two\nlines", NULL, 0, NILO_US_NONE));
}

static void a_revoked_key_stays_revoked_whatever_sql_says(struct stores *s)
{
    bool new;
    ok(s, add(s, "k", ADMIN, NULL, NULL, 0, NILO_US_NONE));
    int64_t before = all(s).changes;
    fails(s, NILO_ENOENT, nilo_store_key_revoke(s->store, "other", &new, &s->err));
    ok(s, nilo_store_key_revoke(s->store, "k", &new, &s->err));
    assert_true(new);
    assert_int_equal(all(s).changes, before + 1);
    assert_int_equal(all(s).keys[0].revoked_at, stores_us(STORES_START));
    ok(s, nilo_store_key_revoke(s->store, "k", &new, &s->err));
    assert_false(new);
    assert_int_equal(all(s).changes, before + 1);
    static const char *const tries[] = {"UPDATE api_key SET revoked_at = NULL", "UPDATE api_key SET role = 3", "UPDATE api_key SET expires_at = 1",
                                        "INSERT INTO api_key (id, role, hashed_by, hash, workspaces_said, made_at) SELECT id, 3, hashed_by, hash, 0, 0 FROM api_key",
                                        ("INSERT OR REPLACE INTO api_key (id, role, hashed_by, hash, workspaces_said, made_at) SELECT id, 3, hashed_by, hash, 0, 0 "
                                         "FROM api_key")};
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        struct nilo_err why = {0};
        assert_int_equal(nilo_db_exec(nilo_store_db(s->store), tries[i], &why), -1);
    }
    assert_rows(s, "SELECT role, revoked_at FROM api_key", "2 1742464800000000");
    done();
}

static void tokens_and_users_are_revoked_until_nothing_of_them_is_valid(struct stores *s)
{
    nilo_us now = stores_us(STORES_START);
    bool was;
    ok(s, nilo_store_revoke(s->store, NILO_REVOKED_USER, "t", NILO_US_NONE, &s->err));
    ok(s, nilo_store_revoke(s->store, NILO_REVOKED_TOKEN, "t", now + NILO_US_HOUR, &s->err));
    ok(s, nilo_store_revoke(s->store, NILO_REVOKED_TOKEN, "t", now, &s->err)); /* never sooner */
    ok(s, nilo_store_revoke(s->store, NILO_REVOKED_TOKEN, "A", now, &s->err));
    fails(s, NILO_EINVAL, nilo_store_revoke(s->store, NILO_REVOKED_TOKEN, "", now, &s->err));
    struct nilo_access a = all(s);
    assert_int_equal(a.n_revoked, 3);
    assert_string_equal(a.revoked[0].id, "A");
    assert_int_equal(a.revoked[1].until, now + NILO_US_HOUR);
    assert_int_equal(a.revoked[2].kind, NILO_REVOKED_USER);
    assert_true(a.revoked[2].until == NILO_US_NONE);
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY + 1);
    ok(s, nilo_store_revoke(s->store, NILO_REVOKED_TOKEN, "b", NILO_US_NONE, &s->err));
    assert_rows(s, "SELECT kind, id FROM api_revoked ORDER BY kind, id", "0 b|0 t|1 t");
    ok(s, nilo_store_unrevoke(s->store, NILO_REVOKED_USER, "t", &was, &s->err));
    assert_true(was);
    int64_t changes = all(s).changes;
    ok(s, nilo_store_unrevoke(s->store, NILO_REVOKED_USER, "t", &was, &s->err));
    assert_false(was);
    assert_int_equal(all(s).changes, changes);
    done();
}

static void workspaces_are_closed_and_opened(struct stores *s)
{
    struct nilo_connection a = stores_connection(s, "a", "UTC", "c", "youtube", "file"), b = stores_connection(s, "b", "UTC", "c", "youtube", "file");
    bool new;
    assert_false(all(s).all_closed);
    ok(s, nilo_store_access_close(s->store, b.workspace, true, &new, &s->err));
    assert_true(new);
    ok(s, nilo_store_access_close(s->store, b.workspace, true, &new, &s->err));
    assert_false(new);
    assert_int_equal(all(s).n_closed, 1);
    assert_string_equal(all(s).closed[0], "b");
    assert_false(all(s).all_closed);
    ok(s, nilo_store_access_close(s->store, a.workspace, true, &new, &s->err));
    assert_true(all(s).all_closed);
    ok(s, nilo_store_access_close(s->store, b.workspace, false, &new, &s->err));
    assert_true(new);
    assert_string_equal(all(s).closed[0], "a");
    done();
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(keys_come_back_as_they_were_given_with_their_workspaces),
        STORES_TEST(a_key_for_no_workspace_or_by_a_bad_name_is_not_made),
        STORES_TEST(a_revoked_key_stays_revoked_whatever_sql_says),
        STORES_TEST(tokens_and_users_are_revoked_until_nothing_of_them_is_valid),
        STORES_TEST(workspaces_are_closed_and_opened),
    };
    nilo_arena_init(&arena, 0);
    return stores_run("access", tests, sizeof tests / sizeof tests[0]);
}
