/* Times requests against a store as the server runs them, in one process: parse, run, JSON, the bytes thrown away.
 *   ask STORE RUNS REQUEST...     a REQUEST is what follows /rest/v1/: "daily_metrics?...", "rpc/activity?days=30"
 * A line a request: median, 95th percentile and least milliseconds (of processor time; of a server's answers: that passed), rows, bytes, a hash of the bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "query/query.h"

#define RUNS_MAX 100000

struct bytes {
    uint64_t n, hash;
};

static struct nilo_err err;

static void must(int result)
{
    if (result == 0)
        return;
    fprintf(stderr, "%s\n", err.msg);
    exit(1);
}

static clockid_t counted = CLOCK_PROCESS_CPUTIME_ID; /* a server works elsewhere: then it is time that passes */

static double now(void)
{
    struct timespec t;
    clock_gettime(counted, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The hash tells answers of two builds apart; it is no checksum. */
static int take(void *ctx, const char *p, size_t n, struct nilo_err *e)
{
    struct bytes *b = ctx;
    (void)e;
    for (size_t i = 0; i < n; i++)
        b->hash = b->hash * 31 + (unsigned char)p[i];
    b->n += n;
    return 0;
}

static int64_t ask(struct nilo_store *store, const char *text, struct bytes *bytes)
{
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    const struct nilo_scope scope = NILO_SCOPE_ALL;
    struct nilo_query *q;
    struct nilo_writer *w;
    request.any_range = true;
    must(nilo_query_text(store, text, strlen(text), &request, &q, NULL, &err));
    must(nilo_writer_new(NILO_FORMAT_JSON, false, take, bytes, &w, &err));
    const struct nilo_sink sink = nilo_writer_sink(w);
    must(nilo_query_run(q, store, &scope, &sink, &err));
    must(nilo_writer_end(w, &err));
    int64_t rows = nilo_writer_rows(w);
    nilo_writer_free(w);
    nilo_query_free(q);
    return rows;
}

int main(int argc, char **argv)
{
    static double times[RUNS_MAX];
    struct nilo_env env;
    struct nilo_store *store;
    if (argc < 4) {
        fprintf(stderr, "usage: %s STORE RUNS REQUEST...\n", argv[0]);
        return 2;
    }
    int runs = (int)strtol(argv[2], NULL, 10);
    runs = runs < 1 ? 1 : runs > RUNS_MAX ? RUNS_MAX : runs;
    must(nilo_env_system(&env, &err));
    if (strstr(argv[1], "://") != NULL)
        counted = CLOCK_MONOTONIC;
    must(nilo_store_open(argv[1], NILO_STORE_READ, &env, &store, &err));
    for (int i = 3; i < argc; i++) {
        struct bytes bytes = {0};
        int64_t rows = ask(store, argv[i], &bytes);
        for (int k = 0; k < runs; k++) {
            struct bytes again = {0};
            double began = now();
            ask(store, argv[i], &again);
            times[k] = now() - began;
        }
        qsort(times, (size_t)runs, sizeof *times, ascending);
        printf("%10.3f %10.3f %10.3f %8lld %10llu %016llx %s\n", times[runs / 2], times[(runs * 95 + 99) / 100 - 1], times[0], (long long)rows, (unsigned long long)bytes.n,
               (unsigned long long)bytes.hash, argv[i]);
        fflush(stdout);
    }
    nilo_store_close(store);
    return 0;
}
