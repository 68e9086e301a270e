/* Inside keys: what a ring is made of. */
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

#endif
