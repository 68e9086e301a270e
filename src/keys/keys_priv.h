/* Inside keys: what a ring is made of, and the data keys between it and secrets. */
#ifndef NILO_KEYS_KEYS_PRIV_H
#define NILO_KEYS_KEYS_PRIV_H

#include "keys/keys.h"

#define NILO__KEYS_MAX 64

struct nilo_keys {
    unsigned char store[16];
    struct nilo_key keys[NILO__KEYS_MAX];
    unsigned char bytes[NILO__KEYS_MAX][NILO_KEY_LEN];
    int n;
};

/** nilo__keys_put - another key; errors: NILO_EFULL */
int nilo__keys_put(struct nilo_keys *r, const struct nilo_key *key, const unsigned char bytes[NILO_KEY_LEN], struct nilo_err *err);
/** nilo__keys_master - the current master key; errors: NILO_ENOENT there is none (r NULL: no ring) */
const struct nilo_key *nilo__keys_master(const struct nilo_keys *r, struct nilo_err *err);

/* ---- data keys ----------------------------------------------------------------------------------------------------------------- */

#define NILO__DATA_ID_TEXT 18 /* "d" and 16 digits: no master key's id looks like it */

/* One that is open. */
struct nilo__data_key {
    int64_t workspace, connection;
    char id[NILO__DATA_ID_TEXT];
    unsigned char *bytes; /* NILO_KEY_LEN, secret memory */
};
void nilo__data_key_done(struct nilo__data_key *k);
bool nilo__data_key_id(const char *id); /* that is what it looks like */

/** nilo__data_key_open - owner: caller, nilo__data_key_done()
 *  errors  NILO_ENOENT its master key is not in the ring; NILO_ECORRUPT damaged, or another connection's */
int nilo__data_key_open(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_data_key_row *row, struct nilo__data_key *ret, struct nilo_err *err);
/** nilo__data_key_wrap - puts it into the store, wrapped by the current master key. row: workspace, connection, seq, id, rotation */
int nilo__data_key_wrap(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_data_key_row *row, const struct nilo__data_key *key,
                        struct nilo_err *err);
/** nilo__data_key_new - a new one, which is the connection's current one from now on. owner: caller, nilo__data_key_done() */
int nilo__data_key_new(struct nilo_store *s, const struct nilo_keys *r, int64_t workspace, int64_t connection, struct nilo__data_key *ret,
                       struct nilo_err *err);
/** nilo__data_key_current - the connection's, wrapped by the current master key from now on; a new one where there is none that opens */
int nilo__data_key_current(struct nilo_store *s, const struct nilo_keys *r, int64_t workspace, int64_t connection, struct nilo__data_key *ret,
                           struct nilo_err *err);
/** nilo__data_keys_rotation - how many rotations of data keys were begun */
int nilo__data_keys_rotation(struct nilo_store *s, int64_t *ret, struct nilo_err *err);

/* ---- secrets -------------------------------------------------------------------------------------------------------------------- */

/** nilo__secret_move - seals an existing secret with that data key
 *  errors  NILO_ENOENT, NILO_ECORRUPT: it does not open, nothing was changed */
int nilo__secret_move(struct nilo_store *s, const struct nilo_keys *r, const struct nilo_secret_row *row, const struct nilo__data_key *to, struct nilo_err *err);

#endif
