/* What Google's services have in common: the shape of errors, and how a call shows who it is. */
#ifndef NILO_TESTS_EMULATOR_GOOGLE_H
#define NILO_TESTS_EMULATOR_GOOGLE_H

#include "emulator/emulator_priv.h"

struct google_error {
    int code;
    const char *status, *message, *domain, *reason, *location, *location_type, *detail; /* detail: a reason in details[]; NULL = none */
};
void google_error(struct emu_call *c, const struct google_error *e);
/** google_fail - a status as the weather sends it: 429, 403 (a rate), 5xx */
void google_fail(struct emu_call *c, int status, bool rate);
/** google_admit - API key or access token, rates, units: each refused as the platform does, and counted */
void google_admit(struct emu_call *c);

/** google_answer - takes over a finished JSON text: etag, 304, headers */
void google_answer(struct emu_call *c, const struct nilo_buf *json, const char *etag);
void google_etag(const struct emulator *em, const void *p, size_t n, char out[32]);
void google_time(nilo_us at, char out[32]); /* 2026-06-10T12:00:00Z */
/** google_list - {"kind":..,"etag":..,["nextPageToken":..,]["prevPageToken":..,]["items":[..],]"pageInfo":{..}} around ready items; NULL = none at all */
void google_list(struct emu_call *c, const char *kind, const struct nilo_buf *items, const char *next, const char *previous, int64_t total, int64_t per_page);

bool google_part(const struct emu_call *c, const char *part);
/** google_missing - 400 missingRequiredParameter */
void google_missing(struct emu_call *c, const char *message, const char *location);
int google_account(const struct emu_call *c); /* -1 = an API key */
bool google_owns(const struct emu_call *c, int32_t channel);

#endif
