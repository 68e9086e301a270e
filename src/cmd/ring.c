/* The keys of the store that a command works on. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "db/db.h"

void nilo__ring_done(struct nilo__ring *ring)
{
    nilo_keys_free(ring->keys);
    free(ring->path);
    *ring = (struct nilo__ring){0};
}

int nilo__ring_open(struct nilo_store *s, struct nilo__ring *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    *ret = (struct nilo__ring){0};
    if (nilo_keys_path(nilo_store_uuid(s), &ret->path, &ret->place, err) != 0)
        return -1;
    if (nilo_keys_load(ret->path, nilo_store_uuid(s), &ret->keys, &why) == 0 || why.code == NILO_ENOENT)
        return 0;
    if (err != NULL)
        *err = why;
    return -1;
}

/* The folder of a file, resolved; NULL where it is not there yet. caller frees */
static char *folder_of(const char *path)
{
    char *copy = strdup(path), *slash = copy != NULL ? strrchr(copy, '/') : NULL;
    if (slash != NULL)
        slash[slash == copy] = '\0';
    char *real = copy != NULL ? realpath(slash != NULL ? copy : ".", NULL) : NULL;
    free(copy);
    return real;
}

static int check_place(struct nilo_store *s, const struct nilo__ring *ring, struct nilo_err *err)
{
    if (nilo_db_engine(nilo_store_db(s)) != NILO_DB_SQLITE)
        return 0;
    char *keys = folder_of(ring->path), *data = folder_of(nilo_store_target(s));
    bool same = keys != NULL && data != NULL && strcmp(keys, data) == 0;
    free(keys);
    free(data);
    if (!same)
        return 0;
    return nilo_err_set(err, NILO_EINVAL, "keys do not belong into the folder of the store, %s: whoever gets a copy of it would have both; name another "
                        "one with NILOMETER_KEYS", ring->path);
}

int nilo__ring_make(struct nilo_store *s, struct nilo__ring *ret, bool *ret_made, struct nilo_err *err)
{
    bool made = false;
    *ret_made = false;
    if (nilo__ring_open(s, ret, err) != 0)
        return -1;
    if (ret->keys != NULL && ret->place == NILO_KEYS_CREDENTIAL)
        return 0;
    struct nilo_keys *keys = ret->keys;
    if (check_place(s, ret, err) != 0 || (keys == NULL && nilo_keys_new(nilo_store_uuid(s), &keys, err) != 0))
        return -1;
    bool there = ret->keys != NULL;
    for (int kind = 0; kind < NILO_KEY_KINDS; kind++) {
        if (nilo_keys_current(keys, (enum nilo_key_kind)kind) != NULL)
            continue;
        made = true;
        if (nilo_keys_add(keys, (enum nilo_key_kind)kind, nilo_store_env(s), err) != 0)
            goto failed;
    }
    if (made && nilo_keys_save(keys, ret->path, there, err) != 0)
        goto failed;
    ret->keys = keys;
    *ret_made = made;
    return 0;
failed:
    if (!there)
        nilo_keys_free(keys);
    return -1;
}

int nilo__ring_check(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo__ring *ring, struct nilo_err *err)
{
    int expired = 0, back = 0;
    if (nilo_secret_check(s, ring->keys, &expired, &back, err) != 0)
        return -1;
    if (expired > 0)
        nilo_cmd_notice(ctx, "the master key that %d %s sealed with is not here, so that %s expired; history is as it was. nilometer key import "
                        "FILE brings the key back",
                        expired, expired == 1 ? "connection's secrets were" : "connections' secrets were", expired == 1 ? "it is" : "they are");
    if (back > 0)
        nilo_cmd_notice(ctx, "%d %s connected again: the key of %s secrets is back", back, back == 1 ? "connection is" : "connections are",
                        back == 1 ? "its" : "their");
    return 0;
}

int nilo__ring_say(struct nilo_store *s, bool *ret_wrong, struct nilo_buf *text, struct nilo_err *err)
{
    struct nilo__ring ring;
    struct nilo_err why = {0};
    int n = 0;
    if (nilo_secret_count(s, NULL, NULL, &n, err) != 0)
        return -1;
    *ret_wrong = true;
    if (nilo__ring_open(s, &ring, &why) != 0) {
        *ret_wrong = ring.path != NULL || n > 0;
        nilo_buf_adds(text, why.msg);
    } else if (ring.keys == NULL) {
        *ret_wrong = n > 0;
        nilo_buf_addf(text, "there is no key file %s; %s", ring.path,
                      n > 0 ? "what connections log in with cannot be read without it: bring back a copy, nilometer key import FILE"
                            : "nilometer init makes it, and nilometer key import FILE brings a copy back: until then no secret is kept and no token signed");
    } else {
        *ret_wrong = false;
    }
    if (ring.keys != NULL)
        nilo_buf_adds(text, ring.path);
    nilo__ring_done(&ring);
    return text->failed ? nilo_err_nomem(err) : 0;
}

int nilo__ring_look(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err)
{
    struct nilo__ring ring;
    struct nilo_err why = {0};
    int n;
    if (nilo_secret_count(s, NULL, NULL, &n, err) != 0)
        return -1;
    if (n == 0)
        return 0;
    if (nilo__ring_open(s, &ring, &why) != 0)
        nilo_cmd_notice(ctx, "%s", why.msg);
    int rc = nilo__ring_check(ctx, s, &ring, err);
    nilo__ring_done(&ring);
    return rc;
}
