/* Asking the emulator in process: what the tests of this folder share. */
#ifndef NILO_TESTS_EMULATOR_ASKING_H
#define NILO_TESTS_EMULATOR_ASKING_H

#include "emulator/emulator.h"

#define NOW INT64_C(1795248000000000) /* 2026-11-21T08:00:00Z = midnight in California */
#define HOUR NILO_US_HOUR
#define DAY  NILO_US_DAY

struct emulator *asking_new(const char *options); /* latency_ms=0 and these; fails the test when they are refused */

/** asking - a request with the API key of project 0, or with what is given
 *  auth  NULL = the key; "" = nothing; else "Bearer ..." as the Authorization header
 *  form  NULL = GET, else POST with it
 *  returns the body, status in *ret_status (may be NULL). The response stays until the next call */
const char *asking(struct emulator *em, nilo_us now, const char *auth, const char *form, int *ret_status, const char *target, ...)
    __attribute__((format(printf, 6, 7)));
const struct emulator_response *asking_last(void);
void asking_done(void);

/** asking_text - a member of a JSON body by its path; "" = none. One of eight buffers in turn */
const char *asking_text(const char *json, const char *path);
int64_t asking_number(const char *json, const char *path); /* -1 = none */

/** asking_ids - "a,b,c": videos from..from+n-1 of a channel */
const char *asking_ids(struct emulator *em, int channel, int from, int n);

#endif
