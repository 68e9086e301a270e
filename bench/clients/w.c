/* See w.h: making the data set and reading it. */
#include "w.h"

#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC     UINT64_C(0x57206f6c694e2031)
#define HEAD_SIZE 4096

const char *const w_metric[W_METRICS] = {"views", "likes", "comments", "shares", "saves"};

struct head {
    uint64_t magic;
    uint32_t videos, days;
};

void client_fail(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fprintf(stderr, "%s: ", client.name);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

/* ---- chance: a counter that is mixed well, so that each video has a stream of its own ---------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32);
}

static uint64_t next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(*state);
}

static double uniform(uint64_t *state)
{
    return ((double)(next(state) >> 11) + 0.5) * 0x1p-53;
}

static double normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(uniform(state)));
    return radius * cos(2 * 3.14159265358979323846 * uniform(state));
}

/* A whole number whose mean is x. */
static int64_t whole(double x, uint64_t *state)
{
    double below = floor(x);
    return (int64_t)below + (uniform(state) < x - below ? 1 : 0);
}

/* ---- the life of one video -------------------------------------------------------------------------------------------------------------- */

struct life {
    uint64_t chance;
    bool flat;           /* hardly anybody looks any more */
    double rate;         /* views a day when it was new */
    double age;          /* days on the first day */
    double spike;        /* times its usual views on top */
    double share[W_METRICS]; /* of the views */
    int64_t total[W_METRICS];
};

static void be_born(struct life *l, uint32_t video)
{
    /* Of a hundred views about two likes; the other counters follow at a tenth of that. */
    static const double least[W_METRICS] = {1, 0.004, 0.0004, 0.0008, 0.0008}, range[W_METRICS] = {0, 0.08, 0.008, 0.008, 0.008};
    *l = (struct life){.chance = mix(video + UINT64_C(0x1234567))};
    l->flat = uniform(&l->chance) < 0.2;
    l->rate = exp(4 + 2.2 * normal(&l->chance));
    l->age = 400 * uniform(&l->chance);
    for (int m = 0; m < W_METRICS; m++) {
        double luck = uniform(&l->chance);
        l->share[m] = least[m] + range[m] * luck * luck;
        l->total[m] = whole(l->rate * (20 + l->age) * l->share[m], &l->chance);
    }
}

static void live_a_day(struct life *l, uint32_t day)
{
    double weekend = day % 7 >= 5 ? 1.25 : 1, ageing = pow(1 + (l->age + day) / 30, -0.7), noise = exp(0.5 * normal(&l->chance));
    if (uniform(&l->chance) < 0.002)
        l->spike = 10 + 60 * uniform(&l->chance);
    double expected = l->flat ? (uniform(&l->chance) < 0.02 ? 1 : 0) : l->rate * weekend * ageing * noise * (1 + l->spike);
    int64_t views = whole(expected, &l->chance);
    l->total[0] += views;
    for (int m = 1; m < W_METRICS; m++)
        l->total[m] += whole((double)views * l->share[m] * (0.7 + 0.6 * uniform(&l->chance)), &l->chance);
    l->spike = l->spike > 0.1 ? 0.6 * l->spike : 0;
    if (uniform(&l->chance) < 0.0005) { /* the platform takes back what robots did */
        for (int m = 0; m < W_METRICS; m++)
            l->total[m] -= l->total[m] / 200;
    }
}

static void be_read(struct life *l, int64_t row[W_METRICS])
{
    bool absent = uniform(&l->chance) < 0.01;
    for (int m = 0; m < W_METRICS; m++) {
        bool unreported = uniform(&l->chance) < 0.01;
        row[m] = absent || unreported ? W_NONE : l->total[m];
    }
}

bool w_generate(const char *path, uint32_t videos, uint32_t days)
{
    static char head[HEAD_SIZE];
    const struct head h = {MAGIC, videos, days};
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return false;
    memcpy(head, &h, sizeof h);
    bool good = fwrite(head, sizeof head, 1, f) == 1;
    for (uint32_t v = 0; v < videos && good; v++) {
        struct life life;
        be_born(&life, v);
        for (uint32_t d = 0; d < days + W_MORE_DAYS && good; d++) {
            int64_t row[W_METRICS];
            live_a_day(&life, d);
            be_read(&life, row);
            good = fwrite(row, sizeof row, 1, f) == 1;
        }
    }
    return fclose(f) == 0 && good;
}

struct w w_open(const char *path)
{
    struct head h;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || read(fd, &h, sizeof h) != sizeof h || h.magic != MAGIC)
        client_fail("%s is no data set", path);
    char *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    size_t wanted = HEAD_SIZE + sizeof(int64_t) * h.videos * (h.days + W_MORE_DAYS) * W_METRICS;
    if (map == MAP_FAILED || (size_t)st.st_size != wanted)
        client_fail("%s is cut off", path);
    close(fd);
    return (struct w){h.videos, h.days, (const int64_t *)(const void *)(map + HEAD_SIZE)};
}

const int64_t *w_row(const struct w *w, uint32_t video, uint32_t day)
{
    return w->values + ((size_t)video * (w->days + W_MORE_DAYS) + day) * W_METRICS;
}

bool w_is_absent(const int64_t *row)
{
    bool none = true;
    for (int m = 0; m < W_METRICS; m++)
        none = none && row[m] == W_NONE;
    return none;
}

/* ---- names ------------------------------------------------------------------------------------------------------------------------------ */

void w_external_id(uint32_t video, char out[W_ID])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint64_t bits = mix(video + UINT64_C(0xabcdef0123)); /* mix() maps no two numbers to one, and 64 bits are 11 letters */
    for (int i = 0; i < W_ID - 1; i++, bits >>= 6)
        out[i] = letters[bits & 63];
    out[W_ID - 1] = '\0';
}

void w_title(uint32_t video, char out[W_TITLE])
{
    snprintf(out, W_TITLE, "How I did it, part %u: the one with the long title", video);
}

void w_owner(uint32_t owner, char out[W_ID])
{
    snprintf(out, W_ID, "own%07u", owner % 10000000);
}

uint32_t w_owners(const struct w *w)
{
    return (w->videos + W_PER_OWNER - 1) / W_PER_OWNER;
}

int64_t w_captured_at(uint32_t video, uint32_t day)
{
    int64_t second = 7200 + (int64_t)(mix(video) % 3600);
    return ((int64_t)(W_DAY0 + day) * 86400 + second) * 1000000;
}

int64_t w_run(uint32_t day)
{
    return 1 + day;
}

/* ---- questions and answers -------------------------------------------------------------------------------------------------------------- */

void w_ask_latest(const struct w *w, int n, uint32_t videos[W_LATEST])
{
    uint64_t state = mix((uint64_t)n + 11);
    uint32_t step = 1 + (uint32_t)(next(&state) % (w->videos / W_LATEST > 0 ? w->videos / W_LATEST : 1)), at = (uint32_t)(next(&state) % w->videos);
    for (int i = 0; i < W_LATEST; i++)
        videos[i] = (at + (uint32_t)i * step) % w->videos; /* no two the same: W_LATEST steps are at most once around */
}

uint32_t w_ask_owner(const struct w *w, int n)
{
    uint64_t state = mix((uint64_t)n + 22);
    return (uint32_t)(next(&state) % (w->videos / W_PER_OWNER));
}

int64_t w_ask_threshold(int n)
{
    return 1000 + 10 * (n % 100);
}

uint32_t w_ask_video(const struct w *w, int n)
{
    uint64_t state = mix((uint64_t)n + 33);
    return (uint32_t)(next(&state) % w->videos);
}

uint64_t w_add(const int64_t row[W_METRICS])
{
    uint64_t sum = 0;
    for (int m = 0; m < W_METRICS; m++)
        sum += row[m] == W_NONE ? 0 : (uint64_t)row[m];
    return sum;
}

uint64_t w_hash(const char *external_id)
{
    uint64_t h = 7;
    for (; *external_id != '\0'; external_id++)
        h = mix(h ^ (unsigned char)*external_id);
    return h;
}
