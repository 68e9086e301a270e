/* The http client of the program (connect/http.h) over the emulator in this process: no sockets, a virtual clock, so that a year of collecting runs in
 * seconds and a seed replays bit for bit. */
#ifndef NILO_TESTS_EMULATOR_IN_PROCESS_H
#define NILO_TESTS_EMULATOR_IN_PROCESS_H

#include "connect/http.h"
#include "emulator/emulator.h"

/** emulator_http_new - a client whose requests the emulator answers, whatever their host
 *  clock  the emulator's time is the wall clock's as it stands now, and goes on with the monotonic one; moved by nilo_http_poll() to when the next answer is there, at most by its span; env->clock must be nilo_virtual_clock(clock)
 *  Misbehaviour on the wire ends a request as libcurl would: a reset is NILO_HTTP_BROKEN, silence NILO_HTTP_TOO_SLOW after 15 s, and so on.
 *  owner  caller, nilo_http_free(); em and clock must live longer */
int emulator_http_new(struct emulator *em, struct nilo_virtual_clock *clock, const struct nilo_env *env, struct nilo_http **ret, struct nilo_err *err);

#endif
