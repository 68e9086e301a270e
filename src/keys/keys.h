/* The keys of a store, which lie outside of it, and the secrets in the store that they seal.
 *
 * A ring is one file, 0600, of three kinds of keys: master (seals secrets), token (signs what the API hands out), signing (signs roots). Of each
 * kind one is current; the others were rotated and still open and check what they once made. The ring's file names its store. It is never
 * written into the store, a backup, an export or a log; it is looked for in $CREDENTIALS_DIRECTORY/nilometer.keys (systemd; read-only), else
 * in the folder $NILOMETER_KEYS, else in $XDG_CONFIG_HOME/nilometer/keys, else in ~/.config/nilometer/keys, there as STORE-ID.keys. */
#ifndef NILO_KEYS_KEYS_H
#define NILO_KEYS_KEYS_H

#include "base/crypt.h"
#include "store/store.h"

#define NILO_KEY_KIND_ROWS(X)                                                                                          \
    X(NILO_KEY_MASTER, 0, "master")                                                                                    \
    X(NILO_KEY_TOKEN, 1, "token")                                                                                      \
    X(NILO_KEY_SIGNING, 2, "signing")
enum nilo_key_kind { NILO_KEY_KIND_ROWS(NILO_ENUM3) NILO_KEY_KINDS };
const char *nilo_key_kind_name(int kind);
int nilo_key_kind_value(const char *name); /* -1 for an unknown name */

#define NILO_KEY_ID_TEXT 17
struct nilo_key {
    enum nilo_key_kind kind;
    char id[NILO_KEY_ID_TEXT]; /* random, says nothing about the key */
    nilo_us made_at;
    bool current;
};

struct nilo_keys; /* a ring in memory that is not swapped or dumped */

/* Who said where the ring is: nobody, $NILOMETER_KEYS, systemd (which hands over a file that is not written). */
enum nilo_keys_place { NILO_KEYS_DEFAULT, NILO_KEYS_GIVEN, NILO_KEYS_CREDENTIAL };

/** nilo_keys_path - where the ring of a store is, or would be
 *  errors  NILO_ENOENT no folder can be told from the environment. owner: caller, free() */
int nilo_keys_path(const unsigned char store[16], char **ret, enum nilo_keys_place *ret_place, struct nilo_err *err);

/** nilo_keys_load - the ring in a file
 *  errors  NILO_ENOENT no such file; NILO_EPERM others may read it, or it is not ours; NILO_EINVAL it is another store's; NILO_ECORRUPT,
 *          NILO_EIO. No message holds a key
 *  owner   caller, nilo_keys_free() */
int nilo_keys_load(const char *path, const unsigned char store[16], struct nilo_keys **ret, struct nilo_err *err);
/** nilo_keys_new - a ring without keys */
int nilo_keys_new(const unsigned char store[16], struct nilo_keys **ret, struct nilo_err *err);
void nilo_keys_free(struct nilo_keys *r);

/** nilo_keys_save - on disk when it returns; the old file stays until the new one is whole. Makes the folder (0700) where absent.
 *  replace  false: NILO_EEXIST when something is at path */
int nilo_keys_save(const struct nilo_keys *r, const char *path, bool replace, struct nilo_err *err);

/** nilo_keys_add - a new random key, the current one of its kind from now on; the one before is kept
 *  errors  NILO_EFULL 64 keys are there already: forget some */
int nilo_keys_add(struct nilo_keys *r, enum nilo_key_kind kind, const struct nilo_env *env, struct nilo_err *err);
/** nilo_keys_merge - the keys of `from` that are not in r; they become current only where r has none of the kind. ret_n: how many came */
int nilo_keys_merge(struct nilo_keys *r, const struct nilo_keys *from, int *ret_n, struct nilo_err *err);
/** nilo_keys_forget - errors: NILO_ENOENT no such key, NILO_EINVAL it is a current one */
int nilo_keys_forget(struct nilo_keys *r, const char *id, struct nilo_err *err);

/* Keys in the order they were made, kind by kind. */
int nilo_keys_n(const struct nilo_keys *r);
const struct nilo_key *nilo_keys_at(const struct nilo_keys *r, int i);
const struct nilo_key *nilo_keys_current(const struct nilo_keys *r, enum nilo_key_kind kind);           /* NULL = none */
const struct nilo_key *nilo_keys_find(const struct nilo_keys *r, enum nilo_key_kind kind, const char *id); /* NULL = none */
/* The NILO_KEY_LEN bytes of a key of r; valid as long as it is. */
const unsigned char *nilo_keys_bytes(const struct nilo_keys *r, const struct nilo_key *key);

/* ---- secrets of connections ------------------------------------------------------------------------------------------------------- */

#define NILO_SECRET_MAX 16384

/* Each connection has a data key, wrapped by the master key, that seals its secrets. */

/** nilo_secret_put - seals a secret with the connection's data key, which is made where there is none, and wrapped by the current master key from now on;
 *  replaces the secret of that kind; the connection's others that are sealed otherwise follow. Within the caller's transaction, with a ring that was read in it:
 *  then no rotation and no forgetting of keys comes between. kind: [a-z][a-z0-9_]{0,47}
 *  errors  NILO_EINVAL empty, too long or a bad kind; NILO_ENOENT the ring has no master key */
int nilo_secret_put(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_connection *c, const char *kind, const void *plain, size_t n,
                    struct nilo_err *err);
/** nilo_secret_get - opens it. owner: caller, nilo_secret_free(); *ret has a NUL behind its *ret_n bytes
 *  errors  NILO_ENOENT there is none, or its key is not in the ring (the message names the key); NILO_ECORRUPT it was damaged, or belongs to
 *          another store, workspace, connection or kind */
int nilo_secret_get(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_connection *c, const char *kind, char **ret, size_t *ret_n,
                    struct nilo_err *err);
/** nilo_secret_reseal - the rotation of the master key behind the new key in the ring: data keys that another one wraps are wrapped by the current one, secrets
 *  that a master key seals itself get a data key. In steps of some connections, own transactions each; what is left of one that was cut off is done by the next
 *  call. most: connections at most, 0 = all. ret_n: secrets that are the current key's now
 *  errors  those of nilo_secret_get(), of the first connection that cannot be done: all others are */
int nilo_secret_reseal(struct nilo_store *s, const struct nilo_keys *r, int most, int *ret_n, struct nilo_err *err);
/** nilo_secret_count - secrets that are that master key's in the end; id NULL: any other's than the ring's current one (r NULL: any's) */
int nilo_secret_count(struct nilo_store *s, const struct nilo_keys *r, const char *id, int *ret, struct nilo_err *err);
/** nilo_data_keys_begin - from now on all data keys that are there are of an earlier rotation */
int nilo_data_keys_begin(struct nilo_store *s, struct nilo_err *err);
/** nilo_data_keys_rotate - connections whose data key is of an earlier rotation get a new one, their secrets are sealed with it, the old one is deleted. Steps,
 *  most, ret_n and errors as above */
int nilo_data_keys_rotate(struct nilo_store *s, const struct nilo_keys *r, int most, int *ret_n, struct nilo_err *err);
/** nilo_data_keys_behind - secrets that such a rotation has left */
int nilo_data_keys_behind(struct nilo_store *s, int *ret, struct nilo_err *err);
/** nilo_secret_check - connections with a secret whose key is not in the ring (NULL = there is none) are expired until it is again; history
 *  stays as it is. Own transaction. ret_expired: such connections; ret_back: those that are connected again */
int nilo_secret_check(struct nilo_store *s, const struct nilo_keys *r, int *ret_expired, int *ret_back, struct nilo_err *err);

#endif
