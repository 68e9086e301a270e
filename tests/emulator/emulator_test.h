/* The emulator for other tests: as a process of its own behind real HTTP. (In process, without sockets, it is emulator/emulator.h.)
 *
 *     struct emulator_server *e = emulator_start("seed=7 channels=2 latency_ms=0", "2026-11-21T08:00:00Z");
 *     ... base URL emulator_url(e) ...
 *     emulator_do(e, "/_emulator/item?channel=0&video=3&state=deleted");
 *     assert_int_equal(emulator_count(e, "over_quota"), 0);
 *     emulator_stop(e);
 */
#ifndef NILO_TESTS_EMULATOR_TEST_H
#define NILO_TESTS_EMULATOR_TEST_H

#include <stdint.h>

struct emulator_server;

/** emulator_start - starts the program (NILO_EMULATOR) and waits until it listens; skips the running test when that is not set, fails it when it does not start
 *  options  "name=value ..." (tests/emulator/README.md); NULL = none
 *  now      the virtual time it begins at, standing still; NULL = the real time, running
 *  owner    caller, emulator_stop(); ends by itself when the test process does */
struct emulator_server *emulator_start(const char *options, const char *now);
void emulator_stop(struct emulator_server *e);

/** emulator_url - "http://127.0.0.1:PORT": in place of https://www.googleapis.com and the other hosts of all platforms. Where the path alone
 *  would not tell the host, "URL/www.googleapis.com" does */
const char *emulator_url(const struct emulator_server *e);
int emulator_port(const struct emulator_server *e);

/** emulator_ask - the body of GET target; fails the running test when the status is not 200.  owner  caller, free() */
char *emulator_ask(struct emulator_server *e, const char *target);
/** emulator_do - the same, the answer thrown away */
void emulator_do(struct emulator_server *e, const char *target);
/** emulator_time - moves the virtual time forward */
void emulator_advance(struct emulator_server *e, int64_t seconds);

/** emulator_text, emulator_number - a member of a JSON answer by its path: emulator_text(e, "/_emulator/world", "projects.0.key").
 *  emulator_text: owner caller, free(). Both fail the running test when there is no such member */
char *emulator_text(struct emulator_server *e, const char *target, const char *path);
int64_t emulator_number(struct emulator_server *e, const char *target, const char *path);
/** emulator_count - a member of /_emulator/counters: "over_quota", "projects.0.buckets.1.used" */
int64_t emulator_count(struct emulator_server *e, const char *path);

/** emulator_json - a member of a JSON text by its path; strings unescaped, all else as written. NULL = no such.  owner  caller, free() */
char *emulator_json(const char *json, const char *path);

#endif
