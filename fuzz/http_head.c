/* The request head: the same answer however the input is cut; every place inside of the head; what was read, written down again, reads the same. */
#include <string.h>

#include "api/http_head.h"
#include "fuzz.h"

static enum nilo_http_step whole(struct nilo_http_parser *p, const char *in, size_t n)
{
    nilo_http_parser_start(p, 0, 0);
    return nilo_http_parse(p, in, n);
}

/* In pieces, each in memory of exactly its size, so that a read behind its end is found. */
static enum nilo_http_step pieces(struct nilo_http_parser *p, const char *in, size_t n, size_t step)
{
    enum nilo_http_step s = NILO_HTTP_MORE;
    nilo_http_parser_start(p, 0, 0);
    for (size_t end = step; s == NILO_HTTP_MORE && end < n + step; end += step) {
        size_t take = end < n ? end : n;
        char *copy = malloc(take + 1);
        NILO_FUZZ_CHECK(copy != NULL);
        char *exact = copy + 1;
        memcpy(exact, in, take);
        s = nilo_http_parse(p, exact, take);
        free(copy);
    }
    return s;
}

static void same_span(struct nilo_span a, struct nilo_span b)
{
    NILO_FUZZ_CHECK(a.at == b.at && a.n == b.n);
}

static void same_head(const struct nilo_http_head *a, const struct nilo_http_head *b)
{
    NILO_FUZZ_CHECK(a->method == b->method && a->minor == b->minor && a->has_query == b->has_query);
    NILO_FUZZ_CHECK(a->content_length == b->content_length && a->chunked == b->chunked && a->keep_alive == b->keep_alive);
    NILO_FUZZ_CHECK(a->expect_continue == b->expect_continue && a->size == b->size && a->n_headers == b->n_headers);
    same_span(a->path, b->path);
    same_span(a->query, b->query);
    for (int i = 0; i < a->n_headers; i++) {
        same_span(a->headers[i].name, b->headers[i].name);
        same_span(a->headers[i].value, b->headers[i].value);
    }
}

static size_t put(char *out, const char *p, size_t n)
{
    memcpy(out, p, n);
    return n;
}

/* At most what was read: blanks are gone, and nothing else is added than what had to be there. */
static size_t again(const struct nilo_http_head *h, const char *in, char *out)
{
    size_t n = 0;
    n += put(out + n, nilo_method_name(h->method), strlen(nilo_method_name(h->method)));
    n += put(out + n, " ", 1);
    n += put(out + n, in + h->path.at, h->path.n);
    if (h->has_query) {
        n += put(out + n, "?", 1);
        n += put(out + n, in + h->query.at, h->query.n);
    }
    n += put(out + n, h->minor == 1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n", 11);
    for (int i = 0; i < h->n_headers; i++) {
        n += put(out + n, in + h->headers[i].name.at, h->headers[i].name.n);
        n += put(out + n, ":", 1);
        n += put(out + n, in + h->headers[i].value.at, h->headers[i].value.n);
        n += put(out + n, "\r\n", 2);
    }
    return n + put(out + n, "\r\n", 2);
}

static void round_trip(const struct nilo_http_head *h, const char *in)
{
    char *text = malloc(h->size);
    struct nilo_http_parser p;
    NILO_FUZZ_CHECK(text != NULL);
    size_t n = again(h, in, text);
    NILO_FUZZ_CHECK(n <= h->size && whole(&p, text, n) == NILO_HTTP_DONE && p.head.size == n);
    NILO_FUZZ_CHECK(p.head.method == h->method && p.head.n_headers == h->n_headers && p.head.content_length == h->content_length);
    NILO_FUZZ_CHECK(p.head.chunked == h->chunked && p.head.keep_alive == h->keep_alive && p.head.expect_continue == h->expect_continue);
    NILO_FUZZ_CHECK(p.head.path.n == h->path.n && memcmp(text + p.head.path.at, in + h->path.at, h->path.n) == 0);
    NILO_FUZZ_CHECK(p.head.query.n == h->query.n && memcmp(text + p.head.query.at, in + h->query.at, h->query.n) == 0);
    for (int i = 0; i < h->n_headers; i++) {
        struct nilo_span a = h->headers[i].value, b = p.head.headers[i].value;
        NILO_FUZZ_CHECK(a.n == b.n && memcmp(in + a.at, text + b.at, a.n) == 0);
    }
    free(text);
}

int nilo_fuzz_http_head(const uint8_t *data, size_t n)
{
    const char *in = (const char *)data;
    struct nilo_http_parser a, b;
    enum nilo_http_step s = whole(&a, in, n);
    NILO_FUZZ_CHECK(s != NILO_HTTP_BAD || nilo_http_reason_status(a.reason) >= 400);
    for (size_t step = 1; step <= 7 && n < 2000; step += 2) {
        NILO_FUZZ_CHECK(pieces(&b, in, n, step) == s || (n == 0 && s == NILO_HTTP_MORE));
        NILO_FUZZ_CHECK(a.reason == b.reason);
        if (s == NILO_HTTP_DONE)
            same_head(&a.head, &b.head);
    }
    if (s == NILO_HTTP_DONE) {
        NILO_FUZZ_CHECK(a.head.size <= n && !(a.head.chunked && a.head.content_length >= 0));
        round_trip(&a.head, in);
    }
    return 0;
}
