/* The member names one JSON object has shown so far. Private to json.c. */
#ifndef NILO_BASE_JSON_NAMES_H
#define NILO_BASE_JSON_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"

struct nilo__names {
    struct nilo_buf bytes; /* all names, end to end */
    struct nilo__name *list;
    size_t n, cap;
    uint32_t *slots; /* index + 1 into list, 0 = free; in use once the object is too large to search in line */
    size_t n_slots, slots_cap;
    unsigned char key[NILO__KEY_LEN];
    bool has_key;
};

void nilo__names_init(struct nilo__names *set);
void nilo__names_done(struct nilo__names *set);
void nilo__names_reset(struct nilo__names *set); /* memory is kept for the next object */

/** nilo__names_add - 1 added, 0 it was there already, -1 out of memory */
int nilo__names_add(struct nilo__names *set, const char *name, size_t len);

#endif
