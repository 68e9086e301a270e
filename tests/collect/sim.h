/* Platforms in process: the emulator's core behind the real interface of the HTTP client, under a virtual clock that waiting moves. So a day of collecting
 * runs in a moment, and one seed gives the same requests at the same times. */
#ifndef NILO_TESTS_COLLECT_SIM_H
#define NILO_TESTS_COLLECT_SIM_H

#include "../store/stores.h"

#include "collect/platform.h"
#include "emulator/emulator.h"

#define SIM_OUTCOMES 64

struct sim_outcome {
    char connection[64], status[16], error[256], note[512], failure[300];
    int64_t run, discovered, due, read, failed, gone, back, left, requests, retries;
    nilo_us again_at;
    size_t n_failures, n_notes;
    int64_t all_failures;
};

struct sim {
    struct stores *s;
    struct emulator *em;
    struct nilo_http *http;
    struct nilo_platforms *platforms;
    /* of the token source */
    bool oauth, no_refresh;
    const char *const *own; /* NULL, or "name", "token", ..., NULL: connections with a token of their own, which cannot be renewed */
    int project;
    char key[EMULATOR_TEXT], client[EMULATOR_TEXT], secret[EMULATOR_TEXT], refresh[EMULATOR_TEXT], access[EMULATOR_TEXT];
    int refreshes;
    /* what was seen */
    int64_t requests, under_way, most_under_way, early; /* early: before a Retry-After of the same host had passed */
    /* the circuit: after five failures in a row nothing goes out for a while, then one request at a time until one is answered */
    int64_t in_a_row, opened, closed, past_circuit; /* past_circuit: requests that went out all the same */
    nilo_us failed_at; /* of the fifth, or of the last probe */
    uint64_t probe;    /* 0 = none is out */
    nilo_us not_before, ahead; /* ahead stays 0: the world's time is the wall clock's */
    struct sim_outcome outcomes[SIM_OUTCOMES];
    size_t n_outcomes;
    /* faults of a test's own: an answer in place of the emulator's; 0 = none */
    int (*fault)(void *ctx, nilo_us now, const char *target, int64_t *ret_retry_after_s);
    void *fault_ctx;
};

void sim_init(struct sim *sim, struct stores *s, const char *options);
void sim_done(struct sim *sim);
/** sim_want - a connection that lists that channel; made where absent */
struct nilo_platform_want sim_want(struct sim *sim, const char *name, int channel);
/** sim_collect - one run of each; outcomes in sim->outcomes */
void sim_collect(struct sim *sim, const struct nilo_platform_want *wants, size_t n);
int64_t sim_counter(struct sim *sim, const char *path); /* of /_emulator/counters */
char *sim_counter_text(struct sim *sim, const char *path); /* NULL = there is none; free() */
void sim_control(struct sim *sim, const char *target);

#endif
