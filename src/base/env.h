/* What the outside world gives us, by parameter: time and randomness. Disk enters through the SQLite VFS name and
 * the file descriptors in nilo_env; tests replace each. A program makes one nilo_env at start and hands it down. */
#ifndef NILO_BASE_ENV_H
#define NILO_BASE_ENV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Microseconds UTC since 1970-01-01. */
typedef int64_t nilo_us;
#define NILO_US_SECOND INT64_C(1000000)
#define NILO_US_MINUTE (60 * NILO_US_SECOND)
#define NILO_US_HOUR (60 * NILO_US_MINUTE)
#define NILO_US_DAY (24 * NILO_US_HOUR)
#define NILO_US_NONE INT64_MIN

struct nilo_clock {
    nilo_us (*wall)(void *ctx);             /* civil time */
    nilo_us (*mono)(void *ctx);             /* never steps; no meaning but differences */
    void (*sleep)(void *ctx, nilo_us span); /* at least span, unless a signal wakes it */
    void *ctx;
};

struct nilo_random {
    void (*fill)(void *ctx, void *p, size_t n); /* cryptographically strong in production, seeded in tests */
    void *ctx;
};

struct nilo_env {
    struct nilo_clock clock;
    struct nilo_random random;
    const char *vfs;      /* SQLite VFS name, NULL = the system's */
    const char *tmp_dir;  /* for sorting and spooling; NULL = TMPDIR or /tmp */
    const char *zoneinfo; /* folder of compiled zones, NULL = /usr/share/zoneinfo */
};

/** nilo_env_system - the real clock and random source. Honours NILO_NOW (an ISO 8601 instant: the wall clock starts
 *  there and runs on; empty = unset), so that a demonstration and tests can stand on any day. Call it before threads start.
 *  errors  NILO_EDATE, NILO_EDATERANGE unreadable NILO_NOW */
int nilo_env_system(struct nilo_env *ret_env, struct nilo_err *err);
/** nilo_env_plain - the same without NILO_NOW, and without state of the process: for the library, in any thread */
int nilo_env_plain(struct nilo_env *ret_env, struct nilo_err *err);

/* A virtual clock: stands still until moved; sleep() moves it. */
struct nilo_virtual_clock {
    nilo_us wall, mono;
};
void nilo_virtual_clock_init(struct nilo_virtual_clock *v, nilo_us wall);
void nilo_virtual_clock_advance(struct nilo_virtual_clock *v, nilo_us span); /* both clocks */
struct nilo_clock nilo_virtual_clock(struct nilo_virtual_clock *v);

/* A seeded generator (splitmix64/xoshiro): the same seed gives the same bytes on every machine. */
struct nilo_seeded_random {
    uint64_t s[4];
};
void nilo_seeded_random_init(struct nilo_seeded_random *r, uint64_t seed);
struct nilo_random nilo_seeded_random(struct nilo_seeded_random *r);
uint64_t nilo_random_u64(const struct nilo_random *r);
uint64_t nilo_random_below(const struct nilo_random *r, uint64_t n); /* 0..n-1 without bias; n > 0 */

#endif
