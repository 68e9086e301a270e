/* Finding duplicate member names. A few are compared one by one; more go into a hash table under a random key, so that
 * nobody outside can prepare names that fall together; equality is always decided by the bytes. */
#include "base/json_names.h"

#include <stdlib.h>
#include <string.h>

#define IN_LINE     16 /* up to here comparing is cheaper than hashing */
#define FIRST_SLOTS 64

struct nilo__name {
    size_t at, len; /* in bytes */
    uint64_t hash;  /* only where slots are in use */
};

void nilo__names_init(struct nilo__names *set)
{
    *set = (struct nilo__names){.n = 0};
    nilo_buf_init(&set->bytes, SIZE_MAX);
}

void nilo__names_done(struct nilo__names *set)
{
    nilo_buf_done(&set->bytes);
    free(set->list);
    free(set->slots);
    nilo__names_init(set);
}

void nilo__names_reset(struct nilo__names *set)
{
    nilo_buf_reset(&set->bytes);
    set->n = 0;
    set->n_slots = 0;
}

static int is_name(const struct nilo__names *set, const struct nilo__name *entry, const char *name, size_t len)
{
    return entry->len == len && memcmp(set->bytes.data + entry->at, name, len) == 0;
}

/* The slot where a name with that hash is, or belongs. At least half of the slots are free, so this ends. */
static uint32_t *find_slot(const struct nilo__names *set, uint64_t hash, const char *name, size_t len)
{
    size_t mask = set->n_slots - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &set->slots[i];
        if (*slot == 0)
            return slot;
        const struct nilo__name *entry = &set->list[*slot - 1];
        if (entry->hash == hash && is_name(set, entry, name, len))
            return slot;
    }
}

/* Puts all names of the list into n_slots empty slots. */
static int rehash(struct nilo__names *set, size_t n_slots)
{
    if (n_slots > set->slots_cap) {
        uint32_t *slots = realloc(set->slots, n_slots * sizeof(*slots));
        if (slots == NULL)
            return -1;
        set->slots = slots;
        set->slots_cap = n_slots;
    }
    memset(set->slots, 0, n_slots * sizeof(*set->slots));
    set->n_slots = n_slots;
    for (size_t i = 0; i < set->n; i++) {
        const struct nilo__name *entry = &set->list[i];
        *find_slot(set, entry->hash, set->bytes.data + entry->at, entry->len) = (uint32_t)i + 1;
    }
    return 0;
}

static int start_hashing(struct nilo__names *set)
{
    if (!set->has_key) /* one for all objects of this level: asking the system costs more than a small object */
        nilo__random_fill(set->key, sizeof(set->key));
    set->has_key = true;
    for (size_t i = 0; i < set->n; i++) {
        struct nilo__name *entry = &set->list[i];
        entry->hash = nilo__keyed_hash(set->key, set->bytes.data + entry->at, entry->len);
    }
    return rehash(set, FIRST_SLOTS);
}

static int append(struct nilo__names *set, const char *name, size_t len, uint64_t hash)
{
    if (set->n == set->cap) {
        size_t cap = set->cap == 0 ? IN_LINE : set->cap * 2;
        struct nilo__name *list = realloc(set->list, cap * sizeof(*list));
        if (list == NULL)
            return -1;
        set->list = list;
        set->cap = cap;
    }
    struct nilo__name entry = {.at = set->bytes.len, .len = len, .hash = hash};
    if (set->n == UINT32_MAX - 1 || nilo_buf_add(&set->bytes, name, len) != 0)
        return -1;
    set->list[set->n++] = entry;
    return 0;
}

static int add_in_line(struct nilo__names *set, const char *name, size_t len)
{
    for (size_t i = 0; i < set->n; i++) {
        if (is_name(set, &set->list[i], name, len))
            return 0;
    }
    return append(set, name, len, 0) == 0 ? 1 : -1;
}

static int add_hashed(struct nilo__names *set, const char *name, size_t len)
{
    uint64_t hash = nilo__keyed_hash(set->key, name, len);
    uint32_t *slot = find_slot(set, hash, name, len);
    if (*slot != 0)
        return 0;
    if (append(set, name, len, hash) != 0)
        return -1;
    *slot = (uint32_t)set->n;
    if (set->n > set->n_slots / 2 && rehash(set, set->n_slots * 2) != 0)
        return -1;
    return 1;
}

int nilo__names_add(struct nilo__names *set, const char *name, size_t len)
{
    if (set->n < IN_LINE)
        return add_in_line(set, name, len);
    if (set->n_slots == 0 && start_hashing(set) != 0)
        return -1;
    return add_hashed(set, name, len);
}
