/* The emulator over real HTTP/1.1 on loopback: sockets, timers for latency, the virtual clock, and the ways an answer can go wrong on the wire. */
#ifndef NILO_TESTS_EMULATOR_FRONT_H
#define NILO_TESTS_EMULATOR_FRONT_H

#include "emulator/emulator.h"

struct emulator_front;

/** emulator_front_new - listens on 127.0.0.1; the emulator stays the caller's
 *  port       0 = any free one
 *  until_eof  a descriptor whose end ends the loop (the parent has gone), or -1 */
int emulator_front_new(struct emulator *em, int port, int until_eof, struct emulator_front **ret, struct nilo_err *err);
void emulator_front_free(struct emulator_front *f);
int emulator_front_port(const struct emulator_front *f);
/** emulator_front_time - the virtual clock stands at `at` and from there on runs at speed per cent of the real one (0 = stands still) */
void emulator_front_time(struct emulator_front *f, nilo_us at, int64_t speed_percent);
int emulator_front_run(struct emulator_front *f); /* until SIGTERM, SIGINT or until_eof's end */

#endif
