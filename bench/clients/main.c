/* Times one client: CLIENT FILE TARGET MODE [RUNS]. A line "name<TAB>value" for each figure; times in seconds, check_* are the sums of the answers.
 *   load     everything before the days kept back
 *   query    each question RUNS times after one that is not counted; the median of them
 *   append   the days kept back but the last one, each then once again; medians */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "w.h"

#define RUNS_MAX 1000
#define SLOW     2.0 /* seconds: of a question that takes that long a few runs tell enough */
#define FEW      3

static struct w w;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, ascending);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void tell(const char *name, double seconds)
{
    printf("%s\t%.9g\n", name, seconds);
    fflush(stdout);
}

static void tell_count(const char *name, uint64_t n)
{
    printf("%s\t%llu\n", name, (unsigned long long)n);
    fflush(stdout);
}

/* ---- questions -------------------------------------------------------------------------------------------------------------------------- */

static uint64_t latest(int n)
{
    uint32_t videos[W_LATEST];
    w_ask_latest(&w, n, videos);
    return client.latest(videos);
}
static uint64_t owner_days(int n) { return client.owner_days(w_ask_owner(&w, n)); }
static uint64_t owner_kept(int n) { return client.owner_kept(w_ask_owner(&w, n)); }
static uint64_t top(int n) { return client.top(w_ask_threshold(n)); }
static uint64_t totals(int n) { return (void)n, client.totals(); }
static uint64_t totals_kept(int n) { return (void)n, client.totals_kept(); }
static uint64_t one_video(int n) { return client.one_video(w_ask_video(&w, n)); }

/* The checksum is of the same three questions, however many are timed. */
static void ask(const char *name, bool can, uint64_t (*question)(int), int runs)
{
    double times[RUNS_MAX];
    char check[64];
    uint64_t sum = 0;
    if (!can)
        return;
    double began = now();
    for (int i = 0; i < FEW; i++)
        sum += question(i) * (uint64_t)(i + 1);
    if ((now() - began) / FEW > SLOW)
        runs = FEW;
    for (int i = 0; i < runs; i++) {
        double start = now();
        question(FEW + i);
        times[i] = now() - start;
    }
    tell(name, median(times, runs));
    snprintf(check, sizeof check, "check_%s", name);
    tell_count(check, sum);
}

static void query(int runs)
{
    ask("Q1", client.latest != NULL, latest, runs);
    ask("Q2", client.owner_days != NULL, owner_days, runs);
    ask("Q2_kept", client.owner_kept != NULL, owner_kept, runs);
    ask("Q3", client.top != NULL, top, runs);
    ask("Q4", client.totals != NULL, totals, runs);
    ask(client.keeps_levels ? "Q4_levels" : "Q4_kept", client.totals_kept != NULL, totals_kept, runs);
    ask("Q5", client.one_video != NULL, one_video, runs);
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------------- */

static void load(void)
{
    uint64_t values = 0;
    for (uint32_t v = 0; v < w.videos; v++) {
        for (uint32_t d = 0; d < w.days; d++) {
            for (int m = 0; m < W_METRICS; m++)
                values += w_row(&w, v, d)[m] != W_NONE;
        }
    }
    double began = now();
    client.load();
    tell("I1", now() - began);
    tell_count("values", values);
    if (client.bytes != NULL)
        tell("bytes_per_value", (double)client.bytes() / (double)values);
}

static void append(void)
{
    double once[W_MORE_DAYS], again[W_MORE_DAYS];
    int n = 0;
    for (uint32_t d = w.days; d + 1 < w.days + W_MORE_DAYS; d++, n++) {
        double began = now();
        client.append(d);
        once[n] = now() - began;
        int64_t rows = client.rows != NULL ? client.rows() : 0;
        began = now();
        client.append(d);
        again[n] = now() - began;
        if (client.rows != NULL && client.rows() != rows)
            client_fail("a day that was appended twice is there twice");
    }
    tell("I2", median(once, n));
    tell("I2_again", median(again, n));
    if (client.rows != NULL)
        tell_count("check_rows", (uint64_t)client.rows());
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s FILE TARGET load|query|append [RUNS]\n", argv[0]);
        return 2;
    }
    int runs = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 15;
    w = w_open(argv[1]);
    client.open(&w, argv[2], strcmp(argv[3], "load") == 0);
    if (strcmp(argv[3], "load") == 0)
        load();
    else if (strcmp(argv[3], "append") == 0)
        append();
    else
        query(runs < 1 ? 1 : runs > RUNS_MAX ? RUNS_MAX : runs);
    client.close();
    return 0;
}
