/* Secrets in the store: sealed, bound to their row, sealed anew at a rotation, and what is left of them without their key. Both engines. */
#include "store/stores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
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

/* As secrets were sealed before there were data keys: by the master key itself. */
static void put_bare(struct stores *s, const struct nilo_keys *r, const struct nilo_connection *c, const char *kind, const char *secret)
{
    const struct nilo_key *key = nilo_keys_current(r, NILO_KEY_MASTER);
    unsigned char nonce[NILO_NONCE_LEN], sealed[200];
    char uuid[NILO_UUID_TEXT], ad[256];
    nilo_uuid_format(nilo_store_uuid(s->store), uuid);
    int n = snprintf(ad, sizeof ad, "nilometer connection_secret 1 %s %lld %lld %s", uuid, (long long)c->workspace, (long long)c->id, kind);
    s->env.random.fill(s->env.random.ctx, nonce, sizeof nonce);
    nilo_seal(nilo_keys_bytes(r, key), nonce, ad, (size_t)n, secret, strlen(secret), sealed);
    const struct nilo_secret_row row = {.workspace = c->workspace, .connection = c->id, .kind = kind, .key_id = key->id, .nonce = nonce,
                                        .nonce_len = sizeof nonce, .ciphertext = sealed, .ciphertext_len = strlen(secret) + NILO_SEAL_MORE};
    ok(s, nilo_store_secret_set(s->store, &row, &s->err));
}

#define MANY 60 /* connections: more than a step */

static void name_of(int i, char name[16])
{
    snprintf(name, 16, "c%03d", i);
}

static void make_many(struct stores *s, const struct nilo_keys *r, struct nilo_connection c[MANY], bool bare)
{
    for (int i = 0; i < MANY; i++) {
        char name[16];
        name_of(i, name);
        c[i] = stores_connection(s, i % 2 == 0 ? "w" : "x", NULL, name, "youtube", "db");
        (bare && i % 3 == 0 ? put_bare : put)(s, r, &c[i], "token", name);
        (bare && i % 3 == 0 ? put_bare : put)(s, r, &c[i], "refresh_token", name);
    }
}

static void all_hold(struct stores *s, const struct nilo_keys *r, const struct nilo_connection c[MANY])
{
    for (int i = 0; i < MANY; i++) {
        char name[16];
        name_of(i, name);
        holds(s, r, &c[i], "token", name);
        holds(s, r, &c[i], "refresh_token", name);
    }
}

static int left(struct stores *s, const struct nilo_keys *r)
{
    int n;
    ok(s, nilo_secret_count(s->store, r, NULL, &n, &s->err));
    return n;
}

static void a_connection_has_one_data_key_for_all_its_secrets(struct stores *s)
{
    struct nilo_connection a = stores_connection(s, "w", NULL, "a", "youtube", "db"), b = stores_connection(s, "w", NULL, "b", "youtube", "db");
    struct nilo_keys *r = ring(s);
    bool was;
    put(s, r, &a, "token", CANARY);
    put(s, r, &a, "refresh_token", "1");
    put(s, r, &b, "token", CANARY);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_key"), 2);
    assert_int_equal(stores_int(s, "SELECT count(DISTINCT key_id) FROM connection_secret"), 2);
    assert_int_equal(stores_int(s, "SELECT count(DISTINCT wrapped) FROM connection_key"), 2);
    /* what the master key sealed is 48 bytes, a key and a tag: no secret is under it */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_key WHERE length(wrapped) <> 48"), 0);
    /* the last secret of a connection takes its data key along */
    ok(s, nilo_store_secret_delete(s->store, a.id, "token", &was, &s->err));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_key"), 2);
    ok(s, nilo_store_secret_delete(s->store, a.id, "refresh_token", &was, &s->err));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_key"), 1);
    holds(s, r, &b, "token", CANARY);
    nilo_keys_free(r);
}

static void a_data_key_that_was_moved_or_damaged_opens_nothing(struct stores *s)
{
    struct nilo_connection a = stores_connection(s, "w", NULL, "a", "youtube", "db"), b = stores_connection(s, "w", NULL, "b", "youtube", "db");
    struct nilo_connection x = stores_connection(s, "x", NULL, "a", "youtube", "db");
    struct nilo_keys *r = ring(s);
    const struct nilo_connection *const to[] = {&b, &x};
    char *secret, sql[600];
    size_t n;
    put(s, r, &a, "token", CANARY);
    /* the data key and the secret together, to another connection and another workspace */
    for (int i = 0; i < 2; i++) {
        snprintf(sql, sizeof sql, "INSERT INTO connection_key (workspace_id, connection_id, seq, id, master_id, nonce, wrapped, rotation, made_at, wrapped_at) "
                 "SELECT %lld, %lld, seq, id, master_id, nonce, wrapped, rotation, made_at, wrapped_at FROM connection_key WHERE connection_id = %lld",
                 (long long)to[i]->workspace, (long long)to[i]->id, (long long)a.id);
        stores_exec(s, sql);
        snprintf(sql, sizeof sql, "INSERT INTO connection_secret (workspace_id, connection_id, kind, key_id, nonce, ciphertext, updated_at) SELECT %lld, %lld, kind, "
                 "key_id, nonce, ciphertext, updated_at FROM connection_secret WHERE connection_id = %lld", (long long)to[i]->workspace, (long long)to[i]->id,
                 (long long)a.id);
        stores_exec(s, sql);
        fails(s, NILO_ECORRUPT, nilo_secret_get(s->store, r, to[i], "token", &secret, &n, &s->err));
        assert_null(strstr(s->err.msg, "canary"));
    }
    holds(s, r, &a, "token", CANARY);
    /* a new secret replaces what does not open */
    put(s, r, &b, "token", "mine");
    holds(s, r, &b, "token", "mine");
    /* another data key of the same connection under the first one's name */
    snprintf(sql, sizeof sql, "UPDATE connection_key SET wrapped = (SELECT k.wrapped FROM connection_key k WHERE k.connection_id = %lld AND k.seq = "
             "(SELECT max(seq) FROM connection_key WHERE connection_id = %lld)) WHERE connection_id = %lld", (long long)b.id, (long long)b.id, (long long)a.id);
    stores_exec(s, sql);
    fails(s, NILO_ECORRUPT, nilo_secret_get(s->store, r, &a, "token", &secret, &n, &s->err));
    /* and without any */
    snprintf(sql, sizeof sql, "DELETE FROM connection_key WHERE connection_id = %lld", (long long)a.id);
    stores_exec(s, sql);
    fails(s, NILO_ECORRUPT, nilo_secret_get(s->store, r, &a, "token", &secret, &n, &s->err));
    assert_non_null(strstr(s->err.msg, "lost its data key"));
    put(s, r, &a, "token", "again");
    holds(s, r, &a, "token", "again");
    nilo_keys_free(r);
}

static void secrets_from_before_data_keys_open_and_get_one_at_the_next_write(struct stores *s)
{
    struct nilo_connection a = stores_connection(s, "w", NULL, "a", "youtube", "db"), b = stores_connection(s, "w", NULL, "b", "youtube", "db");
    struct nilo_keys *r = ring(s);
    put_bare(s, r, &a, "token", CANARY);
    put_bare(s, r, &a, "refresh_token", "1");
    put_bare(s, r, &b, "token", "2");
    holds(s, r, &a, "token", CANARY);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_key"), 0);
    put(s, r, &a, "token", "renewed");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_key"), 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_secret s JOIN connection_key k ON k.id = s.key_id"), 2);
    holds(s, r, &a, "token", "renewed");
    holds(s, r, &a, "refresh_token", "1");
    holds(s, r, &b, "token", "2");
    nilo_keys_free(r);
}

static void a_rotation_of_the_master_key_wraps_data_keys_anew_and_touches_no_secret(struct stores *s)
{
    struct nilo_connection c[MANY];
    struct nilo_keys *r = ring(s);
    char first[NILO_KEY_ID_TEXT];
    int n;
    make_many(s, r, c, false);
    memcpy(first, nilo_keys_current(r, NILO_KEY_MASTER)->id, sizeof first);
    char *before = stores_text(s, "SELECT connection_id, kind, key_id, nonce, ciphertext FROM connection_secret ORDER BY connection_id, kind");
    char *wrapped = stores_text(s, "SELECT wrapped FROM connection_key ORDER BY connection_id");
    ok(s, nilo_keys_add(r, NILO_KEY_MASTER, &s->env, &s->err));
    assert_int_equal(left(s, r), 2 * MANY);
    ok(s, nilo_secret_reseal(s->store, r, 0, &n, &s->err));
    assert_int_equal(n, 2 * MANY);
    assert_int_equal(left(s, r), 0);
    char *after = stores_text(s, "SELECT connection_id, kind, key_id, nonce, ciphertext FROM connection_secret ORDER BY connection_id, kind");
    char *now = stores_text(s, "SELECT wrapped FROM connection_key ORDER BY connection_id");
    assert_string_equal(before, after);
    assert_string_not_equal(wrapped, now);
    ok(s, nilo_keys_forget(r, first, &s->err));
    all_hold(s, r, c);
    ok(s, nilo_secret_reseal(s->store, r, 0, &n, &s->err));
    assert_int_equal(n, 0);
    free(before);
    free(after);
    free(wrapped);
    free(now);
    nilo_keys_free(r);
}

/* Cut off after any number of connections, with writes in between; every secret opens at any time, and the next call does the rest. */
static void a_rotation_that_is_cut_off_goes_on_where_it_was(struct stores *s)
{
    struct nilo_connection c[MANY];
    struct nilo_keys *r = ring(s);
    int n, rounds = 0;
    make_many(s, r, c, true);
    ok(s, nilo_keys_add(r, NILO_KEY_MASTER, &s->env, &s->err));
    for (int was = left(s, r); was > 0; rounds++) {
        ok(s, nilo_secret_reseal(s->store, r, 8, &n, &s->err));
        stores_reopen(s, NILO_STORE_WRITE);
        int is = left(s, r);
        assert_int_equal(is, was - n);
        assert_true(n > 0 && n <= 16);
        was = is;
        all_hold(s, r, c);
        /* one that is written meanwhile is the new key's already */
        char name[16];
        name_of(MANY - 1 - rounds, name);
        put(s, r, &c[MANY - 1 - rounds], "token", name);
        was = left(s, r);
    }
    assert_true(rounds > 5);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_key"), MANY);
    assert_int_equal(stores_int(s, "SELECT count(DISTINCT master_id) FROM connection_key"), 1);
    nilo_keys_free(r);
}

static void a_rotation_of_data_keys_seals_every_secret_anew_in_steps(struct stores *s)
{
    struct nilo_connection c[MANY];
    struct nilo_keys *r = ring(s);
    int n, behind, rounds = 0;
    make_many(s, r, c, true);
    ok(s, nilo_data_keys_behind(s->store, &behind, &s->err));
    assert_int_equal(behind, 0);
    ok(s, nilo_data_keys_begin(s->store, &s->err));
    stores_exec(s, "CREATE TABLE was AS SELECT id FROM connection_key");
    do {
        ok(s, nilo_data_keys_rotate(s->store, r, 14, &n, &s->err));
        stores_reopen(s, NILO_STORE_WRITE);
        all_hold(s, r, c);
        ok(s, nilo_data_keys_behind(s->store, &behind, &s->err));
        rounds++;
    } while (behind > 0);
    assert_int_equal(rounds, 5);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_key WHERE id IN (SELECT id FROM was)"), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_key"), MANY);
    ok(s, nilo_data_keys_rotate(s->store, r, 0, &n, &s->err));
    assert_int_equal(n, 0);
    stores_exec(s, "DROP TABLE was");
    nilo_keys_free(r);
}

static void one_connection_that_cannot_be_rotated_keeps_no_other(struct stores *s)
{
    struct nilo_connection c[MANY];
    struct nilo_keys *r = ring(s);
    int n;
    make_many(s, r, c, false);
    stores_exec(s, "UPDATE connection_key SET nonce = wrapped WHERE connection_id = (SELECT id FROM connection WHERE name = 'c004')");
    ok(s, nilo_keys_add(r, NILO_KEY_MASTER, &s->env, &s->err));
    fails(s, NILO_ECORRUPT, nilo_secret_reseal(s->store, r, 0, &n, &s->err));
    assert_non_null(strstr(s->err.msg, "connection c004 of w"));
    assert_int_equal(left(s, r), 2);
    put(s, r, &c[4], "token", "c004");
    put(s, r, &c[4], "refresh_token", "c004");
    assert_int_equal(left(s, r), 0);
    all_hold(s, r, c);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_key"), MANY);
    nilo_keys_free(r);
}

/* A copy from before the erasure needs its own data key and the master key; the store that was erased has neither secret nor key. */
static void erasing_a_connection_destroys_its_data_key(struct stores *s)
{
    struct nilo_connection a = stores_connection(s, "w", NULL, "a", "youtube", "db"), b = stores_connection(s, "w", NULL, "b", "youtube", "db");
    struct nilo_keys *r = ring(s);
    put(s, r, &a, "token", CANARY);
    put(s, r, &b, "token", "2");
    struct nilo_erase what = {.kind = NILO_ERASE_CONNECTION, .workspace = a.workspace, .name = "a", .author = "test"};
    struct nilo_erasure done;
    ok(s, nilo_store_erase(s->store, &what, &done, &s->err));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_key"), 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection_secret"), 1);
    holds(s, r, &b, "token", "2");
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
        STORES_TEST(a_connection_has_one_data_key_for_all_its_secrets),
        STORES_TEST(a_data_key_that_was_moved_or_damaged_opens_nothing),
        STORES_TEST(secrets_from_before_data_keys_open_and_get_one_at_the_next_write),
        STORES_TEST(a_rotation_of_the_master_key_wraps_data_keys_anew_and_touches_no_secret),
        STORES_TEST(a_rotation_that_is_cut_off_goes_on_where_it_was),
        STORES_TEST(a_rotation_of_data_keys_seals_every_secret_anew_in_steps),
        STORES_TEST(one_connection_that_cannot_be_rotated_keeps_no_other),
        STORES_TEST(erasing_a_connection_destroys_its_data_key),
        STORES_TEST(without_their_key_connections_expire_and_come_back),
    };
    return stores_run("keys/secret", tests, sizeof tests / sizeof tests[0]);
}
