/* Data keys: a random key for each connection, which seals its secrets and is itself sealed ("wrapped") by the master key. So a rotation of the master key
 * touches no secret, and who erases a connection's data key has erased what it sealed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "keys/keys_priv.h"

#define AD_MAX   256
#define ID_BYTES 8
#define ROTATION "data_key_rotation" /* in meta */

bool nilo__data_key_id(const char *id)
{
    return id[0] == 'd' && strlen(id) == NILO__DATA_ID_TEXT - 1;
}

void nilo__data_key_done(struct nilo__data_key *k)
{
    nilo_secret_free(k->bytes);
    *k = (struct nilo__data_key){0};
}

/* What a data key belongs to: put into another row, connection, workspace or store it does not open. */
static size_t identity(struct nilo_store *s, const struct nilo_data_key_row *row, char ad[AD_MAX])
{
    char uuid[NILO_UUID_TEXT];
    nilo_uuid_format(nilo_store_uuid(s), uuid);
    int n = snprintf(ad, AD_MAX, "nilometer connection_key 1 %s %lld %lld %.40s", uuid, (long long)row->workspace, (long long)row->connection, row->id);
    return (size_t)n;
}

static int open_into(struct nilo_store *s, const unsigned char *master, const struct nilo_data_key_row *row, unsigned char *bytes, struct nilo_err *err)
{
    char ad[AD_MAX];
    size_t ad_len = identity(s, row, ad);
    if (row->nonce_len == NILO_NONCE_LEN && row->wrapped_len == NILO_KEY_LEN + NILO_SEAL_MORE &&
        nilo_unseal(master, row->nonce, ad, ad_len, row->wrapped, row->wrapped_len, bytes) == 0)
        return 0;
    return nilo_err_set(err, NILO_ECORRUPT, "the data key %.40s of a connection is damaged, or was moved here from another place; store the secrets that it seals "
                        "again", row->id);
}

int nilo__data_key_open(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_data_key_row *row, struct nilo__data_key *ret, struct nilo_err *err)
{
    const struct nilo_key *master = r != NULL ? nilo_keys_find(r, NILO_KEY_MASTER, row->master_id) : NULL;
    struct nilo__data_key key = {.workspace = row->workspace, .connection = row->connection};
    if (master == NULL)
        return nilo_err_set(err, NILO_ENOENT, "the data key of a connection is sealed with the master key %.40s, which is not here; nilometer key import FILE brings it "
                            "back", row->master_id);
    key.bytes = nilo_secret_alloc(NILO_KEY_LEN);
    if (key.bytes == NULL)
        return nilo_err_nomem(err);
    snprintf(key.id, sizeof key.id, "%.*s", (int)sizeof key.id - 1, row->id);
    if (open_into(s, nilo_keys_bytes(r, master), row, key.bytes, err) != 0) {
        nilo__data_key_done(&key);
        return -1;
    }
    *ret = key;
    return 0;
}

int nilo__data_key_wrap(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_data_key_row *row, const struct nilo__data_key *key,
                        struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    const struct nilo_key *master = nilo__keys_master(r, err);
    unsigned char nonce[NILO_NONCE_LEN], wrapped[NILO_KEY_LEN + NILO_SEAL_MORE];
    char ad[AD_MAX];
    if (master == NULL)
        return -1;
    size_t ad_len = identity(s, row, ad);
    env->random.fill(env->random.ctx, nonce, sizeof nonce);
    nilo_seal(nilo_keys_bytes(r, master), nonce, ad, ad_len, key->bytes, NILO_KEY_LEN, wrapped);
    struct nilo_data_key_row to = *row;
    to.master_id = master->id;
    to.nonce = nonce;
    to.nonce_len = sizeof nonce;
    to.wrapped = wrapped;
    to.wrapped_len = sizeof wrapped;
    return nilo_store_data_key_set(s, &to, err);
}

int nilo__data_keys_rotation(struct nilo_store *s, int64_t *ret, struct nilo_err *err)
{
    char *text = NULL;
    if (nilo_store_meta_get(s, ROTATION, &text, err) != 0)
        return -1;
    *ret = text != NULL ? strtoll(text, NULL, 10) : 0;
    free(text);
    return 0;
}

int nilo_data_keys_begin(struct nilo_store *s, struct nilo_err *err)
{
    int64_t n;
    char text[24];
    if (nilo__data_keys_rotation(s, &n, err) != 0)
        return -1;
    snprintf(text, sizeof text, "%lld", (long long)n + 1);
    return nilo_store_meta_set(s, ROTATION, text, err);
}

static int make(struct nilo_store *s, const struct nilo_keys *r, int64_t workspace, int64_t connection, int64_t seq, struct nilo__data_key *ret,
                struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    struct nilo__data_key key = {.workspace = workspace, .connection = connection, .id = "d"};
    struct nilo_data_key_row row = {.workspace = workspace, .connection = connection, .seq = seq, .id = key.id};
    unsigned char id[ID_BYTES];
    if (nilo__data_keys_rotation(s, &row.rotation, err) != 0)
        return -1;
    key.bytes = nilo_secret_alloc(NILO_KEY_LEN);
    if (key.bytes == NULL)
        return nilo_err_nomem(err);
    env->random.fill(env->random.ctx, id, sizeof id);
    nilo_hex(id, sizeof id, key.id + 1);
    env->random.fill(env->random.ctx, key.bytes, NILO_KEY_LEN);
    if (nilo__data_key_wrap(s, r, &row, &key, err) != 0) {
        nilo__data_key_done(&key);
        return -1;
    }
    *ret = key;
    return 0;
}

/* fresh: also where there is one that opens. */
static int current(struct nilo_store *s, const struct nilo_keys *r, int64_t workspace, int64_t connection, bool fresh, struct nilo__data_key *ret,
                   struct nilo_err *err)
{
    const struct nilo_key *master = nilo__keys_master(r, err);
    struct nilo_data_key_row *rows;
    struct nilo_arena arena;
    size_t n;
    if (master == NULL)
        return -1;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_data_keys(s, connection, &arena, &rows, &n, err);
    if (rc == 0 && !fresh && n > 0 && (rc = nilo__data_key_open(s, r, &rows[0], ret, err)) == 0) {
        if (strcmp(rows[0].master_id, master->id) != 0 && (rc = nilo__data_key_wrap(s, r, &rows[0], ret, err)) != 0)
            nilo__data_key_done(ret);
    } else if (rc == 0 || err->code == NILO_ENOENT || err->code == NILO_ECORRUPT) {
        /* one that does not open stays, for what it has sealed: its master key may come back */
        rc = make(s, r, workspace, connection, n > 0 ? rows[0].seq + 1 : 1, ret, err);
    }
    nilo_arena_done(&arena);
    return rc;
}

int nilo__data_key_new(struct nilo_store *s, const struct nilo_keys *r, int64_t workspace, int64_t connection, struct nilo__data_key *ret,
                       struct nilo_err *err)
{
    return current(s, r, workspace, connection, true, ret, err);
}

int nilo__data_key_current(struct nilo_store *s, const struct nilo_keys *r, int64_t workspace, int64_t connection, struct nilo__data_key *ret,
                           struct nilo_err *err)
{
    return current(s, r, workspace, connection, false, ret, err);
}
