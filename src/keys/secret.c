/* Secrets of connections: sealed with their connection's data key before they reach the store, bound to the row that they belong to. Those from before there
 * were data keys are sealed with a master key itself; they open, and get a data key when anything of their connection is written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "keys/keys_priv.h"

#define AD_MAX 256

/* What a secret belongs to: put into another row, workspace or store it does not open. data_key NULL: as it was before there were any. */
static size_t identity(struct nilo_store *s, int64_t workspace, int64_t connection, const char *kind, const char *data_key, char ad[AD_MAX])
{
    char uuid[NILO_UUID_TEXT];
    nilo_uuid_format(nilo_store_uuid(s), uuid);
    int n = snprintf(ad, AD_MAX, "nilometer connection_secret %d %s %lld %lld %s%s%.40s", data_key != NULL ? 2 : 1, uuid, (long long)workspace,
                     (long long)connection, kind, data_key != NULL ? " " : "", data_key != NULL ? data_key : "");
    return (size_t)n;
}

static bool kind_ok(const char *kind)
{
    size_t n = strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && n <= 48 && kind[n] == '\0' && kind[0] >= 'a' && kind[0] <= 'z';
}

static int seal_into(struct nilo_store *s, const struct nilo__data_key *key, const char *kind, const void *plain, size_t n, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    unsigned char nonce[NILO_NONCE_LEN], *sealed = malloc(n + NILO_SEAL_MORE);
    char ad[AD_MAX];
    if (sealed == NULL)
        return nilo_err_nomem(err);
    size_t ad_len = identity(s, key->workspace, key->connection, kind, key->id, ad);
    env->random.fill(env->random.ctx, nonce, sizeof nonce);
    nilo_seal(key->bytes, nonce, ad, ad_len, plain, n, sealed);
    const struct nilo_secret_row row = {.workspace = key->workspace,
                                        .connection = key->connection,
                                        .kind = kind,
                                        .key_id = key->id,
                                        .nonce = nonce,
                                        .nonce_len = sizeof nonce,
                                        .ciphertext = sealed,
                                        .ciphertext_len = n + NILO_SEAL_MORE};
    int rc = nilo_store_secret_set(s, &row, err);
    free(sealed);
    return rc;
}

/* The connection's other secrets follow: from before there were data keys, or under a data key that came back. What does not open stays as it is. */
static int bring_along(struct nilo_store *s, const struct nilo_keys *r, const struct nilo__data_key *key, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_secret_row *rows;
    struct nilo_err why = {0};
    size_t n;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_secrets(s, key->connection, &arena, &rows, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (rows[i].workspace != key->workspace || strcmp(rows[i].key_id, key->id) == 0 || nilo__secret_move(s, r, &rows[i], key, &why) == 0)
            continue;
        rc = why.code == NILO_ENOENT || why.code == NILO_ECORRUPT ? 0 : nilo_err_set(err, why.code, "%s", why.msg);
    }
    nilo_arena_done(&arena);
    return rc == 0 ? nilo_store_data_keys_prune(s, key->connection, err) : -1;
}

int nilo_secret_put(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_connection *c, const char *kind, const void *plain, size_t n,
                    struct nilo_err *err)
{
    struct nilo__data_key key;
    if (!kind_ok(kind))
        return nilo_err_set(err, NILO_EINVAL, "a kind of secret is a word of small letters, digits and _, such as token or refresh_token");
    if (n == 0 || n > NILO_SECRET_MAX)
        return nilo_err_set(err, NILO_EINVAL, "a secret has 1 to %d bytes", NILO_SECRET_MAX);
    if (nilo__data_key_current(s, r, c->workspace, c->id, &key, err) != 0)
        return -1;
    int rc = seal_into(s, &key, kind, plain, n, err);
    if (rc == 0)
        rc = bring_along(s, r, &key, err);
    nilo__data_key_done(&key);
    return rc;
}

/* ---- opening ----------------------------------------------------------------------------------------------------------------------- */

static int missing(const struct nilo_secret_row *row, struct nilo_err *err)
{
    if (row->data_key.id == NULL && nilo__data_key_id(row->key_id))
        return nilo_err_set(err, NILO_ECORRUPT, "the secret %.48s has lost its data key, or was moved here from another place; store it again", row->kind);
    return nilo_err_set(err, NILO_ENOENT, "the secret %.48s is sealed with the master key %.40s, which is not here; nilometer key import FILE brings it back",
                        row->kind, row->master_id);
}

static int unseal_with(struct nilo_store *s, const unsigned char *key, const struct nilo_secret_row *row, char **ret, size_t *ret_n, struct nilo_err *err)
{
    char ad[AD_MAX];
    if (!kind_ok(row->kind) || row->nonce_len != NILO_NONCE_LEN || row->ciphertext_len < NILO_SEAL_MORE ||
        row->ciphertext_len > NILO_SECRET_MAX + NILO_SEAL_MORE)
        return nilo_err_set(err, NILO_ECORRUPT, "the secret %.48s is damaged; store it again", row->kind);
    size_t n = row->ciphertext_len - NILO_SEAL_MORE;
    char *plain = nilo_secret_alloc(n + 1);
    if (plain == NULL)
        return nilo_err_nomem(err);
    size_t ad_len = identity(s, row->workspace, row->connection, row->kind, row->data_key.id, ad);
    if (nilo_unseal(key, row->nonce, ad, ad_len, row->ciphertext, row->ciphertext_len, (unsigned char *)plain) != 0) {
        nilo_secret_free(plain);
        return nilo_err_set(err, NILO_ECORRUPT, "the secret %.48s is damaged, or was moved here from another place; store it again", row->kind);
    }
    plain[n] = '\0';
    *ret = plain;
    *ret_n = n;
    return 0;
}

static int unseal(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_secret_row *row, char **ret, size_t *ret_n, struct nilo_err *err)
{
    const struct nilo_key *master = r != NULL ? nilo_keys_find(r, NILO_KEY_MASTER, row->master_id) : NULL;
    struct nilo__data_key data;
    if (master == NULL)
        return missing(row, err);
    if (row->data_key.id == NULL)
        return unseal_with(s, nilo_keys_bytes(r, master), row, ret, ret_n, err);
    if (nilo__data_key_open(s, r, &row->data_key, &data, err) != 0)
        return -1;
    int rc = unseal_with(s, data.bytes, row, ret, ret_n, err);
    nilo__data_key_done(&data);
    return rc;
}

int nilo__secret_move(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_secret_row *row, const struct nilo__data_key *to, struct nilo_err *err)
{
    char *plain = NULL;
    size_t n = 0;
    if (unseal(s, r, row, &plain, &n, err) != 0)
        return -1;
    int rc = seal_into(s, to, row->kind, plain, n, err);
    nilo_secret_free(plain);
    return rc;
}

int nilo_secret_get(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_connection *c, const char *kind, char **ret, size_t *ret_n,
                    struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_secret_row *rows;
    size_t n, i = 0;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_secrets(s, c->id, &arena, &rows, &n, err);
    while (rc == 0 && i < n && (strcmp(rows[i].kind, kind) != 0 || rows[i].workspace != c->workspace))
        i++;
    if (rc == 0 && i == n)
        rc = nilo_err_set(err, NILO_ENOENT, "connection %s has no secret %.48s", c->name, kind);
    if (rc == 0)
        rc = unseal(s, r, &rows[i], ret, ret_n, err);
    nilo_arena_done(&arena);
    return rc;
}

/* ---- a ring that lacks keys ------------------------------------------------------------------------------------------------------------- */

/* What the secrets of one connection say about it: they stand next to each other. */
static int check_connection(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_secret_row *rows, size_t n, int *expired, int *back,
                            struct nilo_err *err)
{
    struct nilo_connection c;
    bool missing = false, was = false;
    if (nilo_store_connection_get(s, rows[0].connection, &c, err) != 0)
        return -1;
    /* one that is expired or disabled for another reason stays so when the key comes back: it gets no mark */
    bool ours = strcmp(c.status, "expired") != 0 && strcmp(c.status, "disabled") != 0;
    for (size_t i = 0; i < n; i++) {
        bool lost = r == NULL || nilo_keys_find(r, NILO_KEY_MASTER, rows[i].master_id) == NULL;
        missing = missing || lost;
        was = was || rows[i].unreadable;
        if ((lost ? ours : rows[i].unreadable) && nilo_store_secret_mark(s, c.id, rows[i].kind, lost, err) != 0)
            return -1;
    }
    *expired += missing;
    if (missing && ours)
        return nilo_store_connection_status(s, c.id, "expired", err);
    if (missing || !was || strcmp(c.status, "expired") != 0)
        return 0;
    ++*back;
    return nilo_store_connection_status(s, c.id, "connected", err);
}

static int check_all(struct nilo_store *s, const struct nilo_keys *r, int *expired, int *back, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_secret_row *rows;
    size_t n;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_secrets(s, 0, &arena, &rows, &n, err);
    for (size_t i = 0, next; rc == 0 && i < n; i = next) {
        for (next = i + 1; next < n && rows[next].connection == rows[i].connection; next++)
            ;
        rc = check_connection(s, r, &rows[i], next - i, expired, back, err);
    }
    nilo_arena_done(&arena);
    return rc;
}

int nilo_secret_check(struct nilo_store *s, const struct nilo_keys *r, int *ret_expired, int *ret_back, struct nilo_err *err)
{
    int expired = 0, back = 0;
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (check_all(s, r, &expired, &back, err) != 0) {
        nilo_store_rollback(s);
        return -1;
    }
    if (nilo_store_commit(s, err) != 0)
        return -1;
    *ret_expired = expired;
    *ret_back = back;
    return 0;
}
