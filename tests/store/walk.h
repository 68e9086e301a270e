/* Random operations on a store through record, each done to the naive model too, and the comparison of the two. */
#ifndef NILO_TESTS_STORE_WALK_H
#define NILO_TESTS_STORE_WALK_H

#include "store/naive.h"
#include "store/stores.h"

#define WALK_KEPT 3
struct walk_kept;
struct walk {
    struct stores *stores;
    struct naive model;
    struct nilo_seeded_random seeded;
    struct nilo_random random;
    struct nilo_seeded_random looks_seeded; /* for comparing: looking more often changes no operation */
    struct nilo_random looks;
    struct walk_kept *kept[WALK_KEPT]; /* what was shown at earlier moments */
    int n_kept;
    uint64_t seed;
    struct nilo_connection conns[N_CONNS];
    int64_t workspaces[N_WORKSPACES], owners[N_OWNERS];
    struct nilo_entity_ref refs[N_ENTITIES]; /* id 0: not made yet */
    int64_t counter[N_ENTITIES][N_METRICS];  /* what a lifetime counter stands at */
    int n_ops;
    nilo_us last_run;
    char what[256];     /* the newest operation */
    char difference[1024]; /* the first one found; "" = none */
};

/** walk_new - a fresh store and model; days is how many the walk may take. NULL where the engine is missing */
struct walk *walk_new(struct stores *s, uint64_t seed, int n_ops);
void walk_free(struct walk *w);
/** walk_step - one random operation, and what it answered compared. false: w->difference says what was other */
bool walk_step(struct walk *w);
/** walk_compare - everything shown and derived. false: w->difference */
bool walk_compare(struct walk *w);
/** walk_rebuild - rebuild gives the same digest. false: w->difference */
bool walk_rebuild(struct walk *w);
/** walk_verify - nilo_store_verify finds nothing. false: w->difference */
bool walk_verify(struct walk *w);
/** walk_all - a walk from its start; fails the test telling seed and operation. NILO_WALK="seed operations" goes before */
void walk_all(struct stores *s, uint64_t seed, int ops);

#endif
