/* Chunked bodies: the same body and the same end however the input is cut; the limit holds; the body, cut into chunks again, reads the same. */
#include <string.h>

#include "api/http_chunk.h"
#include "fuzz.h"

#define LIMIT 600

struct body {
    char bytes[LIMIT];
    size_t n, used;
    enum nilo_http_step end;
    enum nilo_http_reason reason;
};

static void decode(const char *in, size_t n, size_t step, struct body *ret)
{
    struct nilo_http_chunks c;
    nilo_http_chunks_start(&c, LIMIT);
    *ret = (struct body){.end = NILO_HTTP_MORE};
    for (size_t at = 0; at < n && ret->end == NILO_HTTP_MORE;) {
        size_t take = n - at < step ? n - at : step, used, got;
        char *exact = malloc(take);
        const char *p;
        NILO_FUZZ_CHECK(exact != NULL);
        memcpy(exact, in + at, take);
        ret->end = nilo_http_chunks_next(&c, exact, take, &used, &p, &got);
        NILO_FUZZ_CHECK(used <= take && got <= used && (ret->end == NILO_HTTP_BAD || used > 0));
        NILO_FUZZ_CHECK(ret->n + got <= LIMIT);
        memcpy(ret->bytes + ret->n, p, got);
        ret->n += got;
        at += used;
        ret->used = at;
        free(exact);
    }
    ret->reason = c.reason;
    NILO_FUZZ_CHECK(c.total == (int64_t)ret->n);
}

static void round_trip(const struct body *b)
{
    char text[LIMIT * 8];
    size_t n = 0;
    for (size_t at = 0; at < b->n;) {
        size_t take = at % 7 + 1 < b->n - at ? at % 7 + 1 : b->n - at;
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%zX;x=\"y\"\r\n", take);
        NILO_FUZZ_CHECK(n + take + 2 < sizeof(text));
        memcpy(text + n, b->bytes + at, take);
        memcpy(text + n + take, "\r\n", 2);
        n += take + 2;
        at += take;
    }
    NILO_FUZZ_CHECK(n + 5 < sizeof(text));
    memcpy(text + n, "0\r\n\r\n", 5);
    n += 5;
    struct body c;
    decode(text, n, sizeof(text), &c);
    NILO_FUZZ_CHECK(c.end == NILO_HTTP_DONE && c.used == n && c.n == b->n && memcmp(c.bytes, b->bytes, b->n) == 0);
}

int nilo_fuzz_http_chunk(const uint8_t *data, size_t n)
{
    struct body a, b;
    decode((const char *)data, n, n > 0 ? n : 1, &a);
    for (size_t step = 1; step <= 5; step += 2) {
        decode((const char *)data, n, step, &b);
        NILO_FUZZ_CHECK(a.end == b.end && a.reason == b.reason && a.n == b.n && memcmp(a.bytes, b.bytes, a.n) == 0);
        NILO_FUZZ_CHECK(a.end != NILO_HTTP_DONE || a.used == b.used);
    }
    if (a.end == NILO_HTTP_DONE)
        round_trip(&a);
    return 0;
}
