/* Tokens known again. Who asks once a second shows the same token each time; its signature and its JSON are then read once. The token itself is not kept,
 * but a hash of it under a key that is drawn at the start, so nobody can make another one that is taken for it.
 *
 * A table of places: a token has one, and puts out who was there. All is gone with the table of keys, so a reload of the configuration forgets it. */
#include "api/jwt_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 1024

struct place {
    pthread_mutex_t lock;
    struct nilo__jwt_mark mark; /* first word 0: empty */
    struct nilo__jwt_said said; /* text in the arena, kid in the table of keys */
    struct nilo_arena arena;
};

struct nilo__jwt_seen {
    struct place places[PLACES];
};

void nilo_jwt_keys_remember(struct nilo_jwt_keys *k, const struct nilo_random *random)
{
    if (k->seen != NULL)
        return;
    random->fill(random->ctx, k->seen_key, sizeof(k->seen_key));
    k->seen = calloc(1, sizeof(*k->seen)); /* no memory: nothing is remembered */
    for (size_t i = 0; k->seen != NULL && i < PLACES; i++) {
        pthread_mutex_init(&k->seen->places[i].lock, NULL);
        nilo_arena_init(&k->seen->places[i].arena, 0);
    }
}

void nilo__jwt_seen_free(struct nilo__jwt_seen *seen)
{
    for (size_t i = 0; seen != NULL && i < PLACES; i++) {
        pthread_mutex_destroy(&seen->places[i].lock);
        nilo_arena_done(&seen->places[i].arena);
    }
    free(seen);
}

struct nilo__jwt_mark nilo__jwt_mark_of(const struct nilo_jwt_keys *k, const char *text, size_t len)
{
    unsigned char mac[NILO_MAC_LEN];
    struct nilo__jwt_mark m = {{0, 0}};
    if (k->seen != NULL) {
        nilo_mac(k->seen_key, text, len, mac);
        memcpy(m.words, mac, sizeof(m.words));
        m.words[0] |= 1; /* not what an empty place has */
    }
    return m;
}

static bool copy_text(const char **text, struct nilo_arena *arena)
{
    return *text == NULL || (*text = nilo_arena_strdup(arena, *text)) != NULL;
}

static bool copy(const struct nilo__jwt_said *from, struct nilo_arena *arena, struct nilo__jwt_said *ret)
{
    struct nilo_jwt_claims c = from->claims;
    if (!copy_text(&c.role, arena) || !copy_text(&c.sub, arena) || !copy_text(&c.jti, arena))
        return false;
    const char **list = c.n_workspaces > 0 ? nilo_arena_array(arena, c.n_workspaces, sizeof(*list)) : NULL;
    if (list == NULL && c.n_workspaces > 0)
        return false;
    for (size_t i = 0; i < c.n_workspaces; i++) {
        list[i] = c.workspaces[i];
        if (!copy_text(&list[i], arena))
            return false;
    }
    c.workspaces = list;
    *ret = (struct nilo__jwt_said){.claims = c, .nbf = from->nbf};
    return true;
}

bool nilo__jwt_recall(const struct nilo_jwt_keys *k, const struct nilo__jwt_mark *mark, struct nilo_arena *arena, struct nilo__jwt_said *ret)
{
    if (k->seen == NULL)
        return false;
    struct place *p = &k->seen->places[mark->words[1] % PLACES];
    pthread_mutex_lock(&p->lock);
    bool known = memcmp(&p->mark, mark, sizeof(*mark)) == 0 && copy(&p->said, arena, ret);
    pthread_mutex_unlock(&p->lock);
    return known;
}

void nilo__jwt_remember(const struct nilo_jwt_keys *k, const struct nilo__jwt_mark *mark, const struct nilo__jwt_said *said)
{
    if (k->seen == NULL)
        return;
    struct place *p = &k->seen->places[mark->words[1] % PLACES];
    pthread_mutex_lock(&p->lock);
    nilo_arena_reset(&p->arena);
    p->mark = copy(said, &p->arena, &p->said) ? *mark : (struct nilo__jwt_mark){{0, 0}};
    pthread_mutex_unlock(&p->lock);
}
