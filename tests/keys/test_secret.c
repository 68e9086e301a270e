/* Secrets in the store: sealed, bound to their row, sealed anew at a rotation, and what is left of them without their key. Both engines. */
#include "store/stores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/keys.h"

#define CANARY "canary-9f3c-do-not-show"

static struct nilo_keys *ring(struct stores *s)
{
    struct nilo_keys *r;
    ok(s, nilo_keys_new(nilo_store_uuid(s->store), &r, &s->err));
    ok(s, nilo_keys_add(r, NILO_KEY_MASTER, &s->env, &s->err));
    return r;
}

static void put(struct stores *s, const struct nilo_keys *r, const struct nilo_connection *c, const char *kind, const char *secret)
{
    ok(s, nilo_secret_put(s->store, r, c, kind, secret, strlen(secret), &s->err));
}

static void holds(struct stores *s, const struct nilo_keys *r, const struct nilo_connection *c, const char *kind, const char *wanted)
{
    char *secret;
    size_t n;
    ok(s, nilo_secret_get(s->store, r, c, kind, &secret, &n, &s->err));
    assert_int_equal(n, strlen(wanted));
    assert_string_equal(secret, wanted);
    nilo_secret_free(secret);
}

static void a_secret_is_kept_sealed_and_opens_again(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", "db");
    struct nilo_keys *r = ring(s);
    char *secret;
    size_t n;
    put(s, r, &c, "token", CANARY);
    put(s, r, &c, "refresh_token", "other");
    stores_reopen(s, NILO_STORE_WRITE);
    holds(s, r, &c, "token", CANARY);
    holds(s, r, &c, "refresh_token", "other");
    put(s, r, &c, "token", "renewed");
    holds(s, r, &c, "token", "renewed");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_secret"), 2);
    assert_int_equal(stores_int(s, "SELECT count(DISTINCT nonce) FROM connection_secret"), 2);
    char *all = stores_text(s, "SELECT nonce, ciphertext FROM connection_secret");
    assert_null(strstr(all, "renewed"));
    free(all);
    fails(s, NILO_ENOENT, nilo_secret_get(s->store, r, &c, "nothing", &secret, &n, &s->err));
    const struct {
        const char *kind, *secret;
    } wrong[] = {{"", "x"}, {"Token", "x"}, {"to ken", "x"}, {"1token", "x"}, {"token", ""}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        fails(s, NILO_EINVAL, nilo_secret_put(s->store, r, &c, wrong[i].kind, wrong[i].secret, strlen(wrong[i].secret), &s->err));
    fails(s, NILO_ENOENT, nilo_secret_put(s->store, NULL, &c, "token", "x", 1, &s->err));
    nilo_keys_free(r);
}

static void a_secret_moved_to_another_row_is_refused(struct stores *s)
{
    struct nilo_connection a = stores_connection(s, "w", NULL, "a", "youtube", "db"), b = stores_connection(s, "w", NULL, "b", "youtube", "db");
    struct nilo_connection x = stores_connection(s, "x", NULL, "a", "youtube", "db");
    struct nilo_keys *r = ring(s);
    char *secret;
    size_t n;
    put(s, r, &a, "token", CANARY);
    const struct {
        const struct nilo_connection *to;
        const char *kind;
    } moves[] = {{&b, "token"}, {&x, "token"}, {&a, "password"}};
    for (size_t i = 0; i < 3; i++) {
        char sql[512];
        snprintf(sql, sizeof sql,
                 "INSERT INTO connection_secret (workspace_id, connection_id, kind, key_id, nonce, ciphertext, updated_at) SELECT %lld, %lld, '%s', key_id,"
                 " nonce, ciphertext, updated_at FROM connection_secret WHERE connection_id = %lld AND kind = 'token'",
                 (long long)moves[i].to->workspace, (long long)moves[i].to->id, moves[i].kind, (long long)a.id);
        stores_exec(s, sql);
        fails(s, NILO_ECORRUPT, nilo_secret_get(s->store, r, moves[i].to, moves[i].kind, &secret, &n, &s->err));
        assert_null(strstr(s->err.msg, "canary"));
    }
    holds(s, r, &a, "token", CANARY);
    /* nor does one that was copied from another store: its uuid is in it */
    stores_exec(s, "UPDATE connection_secret SET key_id = 'ffffffffffffffff' WHERE kind = 'password'");
    fails(s, NILO_ENOENT, nilo_secret_get(s->store, r, &a, "password", &secret, &n, &s->err));
    assert_non_null(strstr(s->err.msg, "ffffffffffffffff"));
    stores_exec(s, "UPDATE connection_secret SET nonce = ciphertext");
    fails(s, NILO_ECORRUPT, nilo_secret_get(s->store, r, &a, "token", &secret, &n, &s->err));
    nilo_keys_free(r);
}

static void a_rotation_seals_all_or_nothing(struct stores *s)
{
    struct nilo_keys *r = ring(s);
    struct nilo_connection c[5];
    char first[NILO_KEY_ID_TEXT], name[16];
    int n;
    memcpy(first, nilo_keys_current(r, NILO_KEY_MASTER)->id, sizeof first);
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "c%d", i);
        c[i] = stores_connection(s, i < 3 ? "w" : "x", NULL, name, "youtube", "db");
        put(s, r, &c[i], "token", name);
    }
    ok(s, nilo_keys_add(r, NILO_KEY_MASTER, &s->env, &s->err));
    /* between the two steps of a rotation everything opens */
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "c%d", i);
        holds(s, r, &c[i], "token", name);
    }
    ok(s, nilo_secret_count(s->store, r, NULL, &n, &s->err));
    assert_int_equal(n, 5);
    /* one that is damaged: none is changed */
    stores_exec(s, "UPDATE connection_secret SET kind = 'moved' WHERE connection_id = (SELECT id FROM connection WHERE name = 'c4')");
    fails(s, NILO_ECORRUPT, nilo_secret_reseal(s->store, r, &n, &s->err));
    ok(s, nilo_secret_count(s->store, r, first, &n, &s->err));
    assert_int_equal(n, 5);
    stores_exec(s, "UPDATE connection_secret SET kind = 'token'");
    ok(s, nilo_secret_reseal(s->store, r, &n, &s->err));
    assert_int_equal(n, 5);
    ok(s, nilo_secret_count(s->store, r, first, &n, &s->err));
    assert_int_equal(n, 0);
    ok(s, nilo_secret_reseal(s->store, r, &n, &s->err));
    assert_int_equal(n, 0);
    ok(s, nilo_keys_forget(r, first, &s->err));
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "c%d", i);
        holds(s, r, &c[i], "token", name);
    }
    nilo_keys_free(r);
}

static void without_their_key_connections_expire_and_come_back(struct stores *s)
{
    struct nilo_connection a = stores_connection(s, "w", NULL, "a", "youtube", "db"), b = stores_connection(s, "w", NULL, "b", "youtube", "db");
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", "db"), d = stores_connection(s, "w", NULL, "d", "sql", "file");
    struct nilo_keys *r = ring(s), *empty = ring(s);
    int expired, back;
    put(s, r, &a, "token", "1");
    put(s, r, &a, "refresh_token", "2");
    put(s, r, &b, "token", "3");
    put(s, r, &c, "token", "4");
    ok(s, nilo_store_connection_status(s->store, b.id, "disabled", &s->err));
    ok(s, nilo_store_connection_status(s->store, c.id, "expired", &s->err)); /* for another reason: its platform said so */
    const struct nilo_keys *const lost[] = {NULL, empty};
    for (int i = 0; i < 2; i++) {
        ok(s, nilo_secret_check(s->store, lost[i], &expired, &back, &s->err));
        assert_int_equal(expired, 3);
        assert_int_equal(back, 0);
        assert_rows(s, "SELECT name, status FROM connection ORDER BY name", "a expired|b disabled|c expired|d connected");
    }
    ok(s, nilo_secret_check(s->store, r, &expired, &back, &s->err));
    assert_int_equal(expired, 0);
    assert_rows(s, "SELECT name, status FROM connection ORDER BY name", "a connected|b disabled|c expired|d connected");
    ok(s, nilo_secret_check(s->store, r, &expired, &back, &s->err));
    assert_int_equal(back, 0);
    holds(s, r, &a, "refresh_token", "2");
    (void)d;
    nilo_keys_free(empty);
    nilo_keys_free(r);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_secret_is_kept_sealed_and_opens_again),
        STORES_TEST(a_secret_moved_to_another_row_is_refused),
        STORES_TEST(a_rotation_seals_all_or_nothing),
        STORES_TEST(without_their_key_connections_expire_and_come_back),
    };
    return stores_run("keys/secret", tests, sizeof tests / sizeof tests[0]);
}
