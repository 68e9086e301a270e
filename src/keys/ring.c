/* A ring of keys in memory. */
#include <string.h>

#include "base/hash.h"
#include "keys/keys_priv.h"

#define ID_BYTES 8

const char *nilo_key_kind_name(int kind)
{
    switch (kind) {
#define X(name, value, text) \
    case name:               \
        return text;
        NILO_KEY_KIND_ROWS(X)
#undef X
    default:
        return "?";
    }
}

int nilo_key_kind_value(const char *name)
{
    for (int kind = 0; kind < NILO_KEY_KINDS; kind++) {
        if (strcmp(nilo_key_kind_name(kind), name) == 0)
            return kind;
    }
    return -1;
}

int nilo_keys_new(const unsigned char store[16], struct nilo_keys **ret, struct nilo_err *err)
{
    struct nilo_keys *r = nilo_secret_alloc(sizeof *r);
    if (r == NULL)
        return nilo_err_nomem(err);
    memset(r, 0, sizeof *r);
    memcpy(r->store, store, sizeof r->store);
    *ret = r;
    return 0;
}

void nilo_keys_free(struct nilo_keys *r)
{
    nilo_secret_free(r);
}

int nilo_keys_n(const struct nilo_keys *r)
{
    return r->n;
}

const struct nilo_key *nilo_keys_at(const struct nilo_keys *r, int i)
{
    return &r->keys[i];
}

const struct nilo_key *nilo_keys_current(const struct nilo_keys *r, enum nilo_key_kind kind)
{
    for (int i = 0; i < r->n; i++) {
        if (r->keys[i].kind == kind && r->keys[i].current)
            return &r->keys[i];
    }
    return NULL;
}

const struct nilo_key *nilo__keys_master(const struct nilo_keys *r, struct nilo_err *err)
{
    const struct nilo_key *key = r != NULL ? nilo_keys_current(r, NILO_KEY_MASTER) : NULL;
    if (key == NULL)
        nilo_err_set(err, NILO_ENOENT, "there is no master key; nilometer init makes one, nilometer key import FILE brings one back");
    return key;
}

static int place_of(const struct nilo_keys *r, const char *id)
{
    for (int i = 0; i < r->n; i++) {
        if (strcmp(r->keys[i].id, id) == 0)
            return i;
    }
    return -1;
}

const struct nilo_key *nilo_keys_find(const struct nilo_keys *r, enum nilo_key_kind kind, const char *id)
{
    int at = place_of(r, id);
    return at >= 0 && r->keys[at].kind == kind ? &r->keys[at] : NULL;
}

const unsigned char *nilo_keys_bytes(const struct nilo_keys *r, const struct nilo_key *key)
{
    return r->bytes[key - r->keys];
}

/* Kind by kind, in the order they came. */
int nilo__keys_put(struct nilo_keys *r, const struct nilo_key *key, const unsigned char bytes[NILO_KEY_LEN], struct nilo_err *err)
{
    if (r->n == NILO__KEYS_MAX)
        return nilo_err_set(err, NILO_EFULL, "there are %d keys already; forget old ones: nilometer key list, nilometer key forget ID", NILO__KEYS_MAX);
    int at = r->n;
    while (at > 0 && r->keys[at - 1].kind > key->kind)
        at--;
    for (int i = r->n; i > at; i--) {
        r->keys[i] = r->keys[i - 1];
        memcpy(r->bytes[i], r->bytes[i - 1], NILO_KEY_LEN);
    }
    r->keys[at] = *key;
    memcpy(r->bytes[at], bytes, NILO_KEY_LEN);
    r->n++;
    return 0;
}

int nilo_keys_add(struct nilo_keys *r, enum nilo_key_kind kind, const struct nilo_env *env, struct nilo_err *err)
{
    unsigned char id[ID_BYTES], *bytes;
    struct nilo_key key = {.kind = kind, .made_at = env->clock.wall(env->clock.ctx), .current = true};
    if (r->n == NILO__KEYS_MAX)
        return nilo__keys_put(r, &key, r->bytes[0], err);
    env->random.fill(env->random.ctx, id, sizeof id);
    nilo_hex(id, sizeof id, key.id);
    if (place_of(r, key.id) >= 0)
        return nilo_err_set(err, NILO_EINTERNAL, "the source of randomness repeats itself; no key was made of it");
    bytes = nilo_secret_alloc(NILO_KEY_LEN);
    if (bytes == NULL)
        return nilo_err_nomem(err);
    env->random.fill(env->random.ctx, bytes, NILO_KEY_LEN);
    for (int i = 0; i < r->n; i++)
        r->keys[i].current = r->keys[i].current && r->keys[i].kind != kind;
    int rc = nilo__keys_put(r, &key, bytes, err);
    nilo_secret_free(bytes);
    return rc;
}

int nilo_keys_merge(struct nilo_keys *r, const struct nilo_keys *from, int *ret_n, struct nilo_err *err)
{
    int n = 0;
    bool had[NILO_KEY_KINDS];
    for (int kind = 0; kind < NILO_KEY_KINDS; kind++)
        had[kind] = nilo_keys_current(r, (enum nilo_key_kind)kind) != NULL;
    for (int i = 0; i < from->n; i++) {
        struct nilo_key key = from->keys[i];
        int at = place_of(r, key.id);
        if (at >= 0 && (r->keys[at].kind != key.kind || memcmp(r->bytes[at], from->bytes[i], NILO_KEY_LEN) != 0))
            return nilo_err_set(err, NILO_ECORRUPT, "the key %s differs from the one of that name that is here; one of the two files is damaged", key.id);
        if (at >= 0)
            continue;
        key.current = key.current && !had[key.kind];
        if (nilo__keys_put(r, &key, from->bytes[i], err) != 0)
            return -1;
        n++;
    }
    *ret_n = n;
    return 0;
}

int nilo_keys_forget(struct nilo_keys *r, const char *id, struct nilo_err *err)
{
    int at = place_of(r, id);
    if (at < 0)
        return nilo_err_set(err, NILO_ENOENT, "there is no key %.40s; nilometer key list shows them", id);
    if (r->keys[at].current)
        return nilo_err_set(err, NILO_EINVAL, "%s is the current %s key; make another one first: nilometer key rotate %s", id,
                            nilo_key_kind_name((int)r->keys[at].kind), nilo_key_kind_name((int)r->keys[at].kind));
    for (int i = at; i + 1 < r->n; i++) {
        r->keys[i] = r->keys[i + 1];
        memcpy(r->bytes[i], r->bytes[i + 1], NILO_KEY_LEN);
    }
    r->n--;
    nilo_secret_wipe(r->bytes[r->n], NILO_KEY_LEN);
    return 0;
}
