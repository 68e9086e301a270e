/* The http client of the program (connect/http.h) over the emulator in this process: no sockets, a virtual clock, so that a year of collecting runs in
 * seconds and a seed replays bit for bit. */
#ifndef NILO_TESTS_EMULATOR_IN_PROCESS_H
#define NILO_TESTS_EMULATOR_IN_PROCESS_H

#include "connect/http.h"
#include "emulator/emulator.h"

/* What a test sees of the wire, and does to it. Everything may be NULL. */
struct emulator_http_watch {
    /* before a request reaches the platform. 0: it goes on; above: answered with that status in the platform's place, after a tenth of a second, with
     * that Retry-After unless it stays -1; -1: it is not sent, the client hears of a failure of its own */
    int (*start)(void *ctx, const struct nilo_http_job *job, int64_t *ret_retry_after_s);
    void (*sent)(void *ctx);                                      /* the platform has answered it; nothing of that is here yet */
    void (*land)(void *ctx, uint64_t job, const struct nilo_http_outcome *o);   /* the answer is here; the program sees it next */
    void *ctx;
    const bool *gone;      /* while true the process is dead: nothing goes out and nothing comes in */
    const nilo_us *ahead;  /* how far the wall clock is ahead of the world's time; NULL: the world's time goes with the monotonic clock */
};

/** emulator_http_new - a client whose requests the emulator answers, whatever their host
 *  clock  the emulator's time is the wall clock's as it stands now, and goes on with the monotonic one; moved by nilo_http_poll() to when the next answer is there, at most by its span; env->clock must be nilo_virtual_clock(clock)
 *  Misbehaviour on the wire ends a request as libcurl would: a reset is NILO_HTTP_BROKEN, silence NILO_HTTP_TOO_SLOW after 15 s, and so on.
 *  owner  caller, nilo_http_free(); em and clock must live longer */
int emulator_http_watched(struct emulator *em, struct nilo_virtual_clock *clock, const struct nilo_env *env, const struct emulator_http_watch *watch,
                          struct nilo_http **ret, struct nilo_err *err); /* *watch is copied */
int emulator_http_new(struct emulator *em, struct nilo_virtual_clock *clock, const struct nilo_env *env, struct nilo_http **ret, struct nilo_err *err);

#endif
