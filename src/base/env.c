/* Time and randomness: the system's, a virtual clock, a seeded generator. */
#include "base/env.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/day.h"
#include "base/hash.h"

/* ---- the system's ---------------------------------------------------------------------------------------------------- */

/* Where a clock that NILO_NOW set stands: `wall` when the monotonic clock showed `mono`. The environment belongs to the
 * whole process, so one of these does; it is written before any thread starts. */
static struct {
    nilo_us wall, mono;
} displaced;

static nilo_us read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t); /* cannot fail for the two clocks asked here */
    return (nilo_us)t.tv_sec * NILO_US_SECOND + t.tv_nsec / 1000;
}

static nilo_us system_wall(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_REALTIME);
}

static nilo_us system_mono(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_MONOTONIC);
}

static nilo_us displaced_wall(void *ctx)
{
    (void)ctx;
    return displaced.wall + (read_clock(CLOCK_MONOTONIC) - displaced.mono);
}

static void system_sleep(void *ctx, nilo_us span)
{
    (void)ctx;
    if (span <= 0)
        return;
    struct timespec t = {.tv_sec = (time_t)(span / NILO_US_SECOND), .tv_nsec = (long)(span % NILO_US_SECOND) * 1000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static void system_fill(void *ctx, void *p, size_t n)
{
    (void)ctx;
    nilo__random_fill(p, n);
}

/* Empty counts as unset: `NILO_NOW= nilometer ...` is how a shell takes a variable away for one command. */
static int displace(const char *now, struct nilo_clock *clock, struct nilo_err *err)
{
    struct nilo_iso iso;
    if (now == NULL || now[0] == '\0')
        return 0;
    if (nilo_iso_parse(now, strlen(now), &iso, err) != 0)
        return nilo_err_wrap(err, "NILO_NOW");
    displaced.mono = read_clock(CLOCK_MONOTONIC);
    displaced.wall = iso.us;
    clock->wall = displaced_wall;
    return 0;
}

int nilo_env_plain(struct nilo_env *ret_env, struct nilo_err *err)
{
    if (nilo__sodium_init() != 0)
        return nilo_err_set(err, NILO_EINTERNAL, "the system gives no random numbers");
    *ret_env = (struct nilo_env){
        .clock = {.wall = system_wall, .mono = system_mono, .sleep = system_sleep},
        .random = {.fill = system_fill},
    };
    return 0;
}

int nilo_env_system(struct nilo_env *ret_env, struct nilo_err *err)
{
    struct nilo_env env;
    if (nilo_env_plain(&env, err) != 0 || displace(getenv("NILO_NOW"), &env.clock, err) != 0)
        return -1;
    *ret_env = env;
    return 0;
}

/* ---- a virtual clock ------------------------------------------------------------------------------------------------- */

void nilo_virtual_clock_init(struct nilo_virtual_clock *v, nilo_us wall)
{
    *v = (struct nilo_virtual_clock){.wall = wall, .mono = 0};
}

void nilo_virtual_clock_advance(struct nilo_virtual_clock *v, nilo_us span)
{
    v->wall += span;
    v->mono += span;
}

static nilo_us virtual_wall(void *ctx)
{
    return ((struct nilo_virtual_clock *)ctx)->wall;
}

static nilo_us virtual_mono(void *ctx)
{
    return ((struct nilo_virtual_clock *)ctx)->mono;
}

static void virtual_sleep(void *ctx, nilo_us span)
{
    if (span > 0)
        nilo_virtual_clock_advance(ctx, span);
}

struct nilo_clock nilo_virtual_clock(struct nilo_virtual_clock *v)
{
    return (struct nilo_clock){.wall = virtual_wall, .mono = virtual_mono, .sleep = virtual_sleep, .ctx = v};
}

/* ---- a seeded generator: xoshiro256**, its state filled by splitmix64 as its authors advise -------------------------- */

static uint64_t rotl64(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static uint64_t xoshiro_next(uint64_t s[4])
{
    uint64_t result = rotl64(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl64(s[3], 45);
    return result;
}

static uint64_t splitmix_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void nilo_seeded_random_init(struct nilo_seeded_random *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix_next(&seed);
}

/* Least significant byte first, whatever the machine: the same seed gives the same bytes. */
static void seeded_fill(void *ctx, void *p, size_t n)
{
    struct nilo_seeded_random *r = ctx;
    unsigned char *out = p;
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++) {
        if (i % 8 == 0)
            word = xoshiro_next(r->s);
        out[i] = (unsigned char)(word >> (i % 8 * 8));
    }
}

struct nilo_random nilo_seeded_random(struct nilo_seeded_random *r)
{
    return (struct nilo_random){.fill = seeded_fill, .ctx = r};
}

uint64_t nilo_random_u64(const struct nilo_random *r)
{
    unsigned char bytes[8];
    uint64_t v = 0;
    r->fill(r->ctx, bytes, sizeof(bytes));
    for (int i = 7; i >= 0; i--)
        v = v << 8 | bytes[i];
    return v;
}

uint64_t nilo_random_below(const struct nilo_random *r, uint64_t n)
{
    assert(n > 0);
    uint64_t uneven = (0 - n) % n; /* 2^64 mod n: so many of the lowest values would make the small answers likelier */
    uint64_t v;
    do {
        v = nilo_random_u64(r);
    } while (v < uneven);
    return v % n;
}
