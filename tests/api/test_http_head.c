/* The request head: what is taken, what is refused and why, limits at n - 1, n and n + 1, every cut of every input, and generated requests
 * against a second, naive parser made of regular expressions. */
#include "support/nilo_test.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http_head.h"
#include "base/buf.h"
#include "base/env.h"

/* What came of a request, as text: the comparisons below are of texts. */
static void describe(struct nilo_buf *out, enum nilo_http_step s, const struct nilo_http_parser *p, const char *in)
{
    const struct nilo_http_head *h = &p->head;
    nilo_buf_reset(out);
    if (s == NILO_HTTP_MORE)
        nilo_buf_adds(out, "more");
    if (s == NILO_HTTP_BAD)
        nilo_buf_addf(out, "%d %s", nilo_http_reason_status(p->reason), nilo_http_reason_text(p->reason));
    if (s != NILO_HTTP_DONE)
        return;
    nilo_buf_addf(out, "%s %.*s", nilo_method_name(h->method), (int)h->path.n, in + h->path.at);
    if (h->has_query)
        nilo_buf_addf(out, "?%.*s", (int)h->query.n, in + h->query.at);
    nilo_buf_addf(out, " 1.%d length=%lld%s%s%s size=%u", h->minor, (long long)h->content_length, h->chunked ? " chunked" : "",
                  h->keep_alive ? " keep" : " close", h->expect_continue ? " expect" : "", (unsigned)h->size);
    for (int i = 0; i < h->n_headers; i++) {
        nilo_buf_addf(out, "|%.*s=", (int)h->headers[i].name.n, in + h->headers[i].name.at);
        nilo_buf_add(out, in + h->headers[i].value.at, h->headers[i].value.n);
    }
}

static enum nilo_http_step parse(struct nilo_http_parser *p, const char *in, size_t n)
{
    nilo_http_parser_start(p, 0, 0);
    return nilo_http_parse(p, in, n);
}

/* ---- one row an input --------------------------------------------------------------------------------------------------------------- */

#define H "Host: a\r\n"
#define TEXT(s) (s), sizeof(s) - 1

static const struct {
    const char *in;
    size_t n;
    enum nilo_http_reason reason;
} refused[] = {
    {TEXT("GET / HTTP/1.1\nHost: a\r\n\r\n"), NILO_HTTP_LINE_END},
    {TEXT("GET / HTTP/1.1\r\nHost: a\n\r\n"), NILO_HTTP_LINE_END},
    {TEXT("GET / HTTP/1.1\r\n" H "\n"), NILO_HTTP_LINE_END},
    {TEXT("\nGET / HTTP/1.1\r\n" H "\r\n"), NILO_HTTP_LINE_END},
    {TEXT("GET\r\n"), NILO_HTTP_REQUEST_LINE},
    {TEXT("GET /\r\n"), NILO_HTTP_REQUEST_LINE}, /* HTTP/0.9 */
    {TEXT("GET  / HTTP/1.1\r\n"), NILO_HTTP_REQUEST_LINE},
    {TEXT("GET /  HTTP/1.1\r\n"), NILO_HTTP_REQUEST_LINE},
    {TEXT("GET / HTTP/1.1 \r\n"), NILO_HTTP_REQUEST_LINE},
    {TEXT("GET /a b HTTP/1.1\r\n"), NILO_HTTP_REQUEST_LINE},
    {TEXT(" GET / HTTP/1.1\r\n"), NILO_HTTP_METHOD_SYNTAX},
    {TEXT("\r\n\r\nGET / HTTP/1.1\r\n"), NILO_HTTP_METHOD_SYNTAX}, /* one empty line is forgiven, not two */
    {TEXT("GE\tT / HTTP/1.1\r\n"), NILO_HTTP_METHOD_SYNTAX},
    {TEXT("G\0T / HTTP/1.1\r\n"), NILO_HTTP_METHOD_SYNTAX},
    {TEXT("G(T / HTTP/1.1\r\n"), NILO_HTTP_METHOD_SYNTAX},
    {TEXT("\x16\x03\x01\x02\r\n"), NILO_HTTP_METHOD_SYNTAX}, /* somebody speaks TLS */
    {TEXT("ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n"), NILO_HTTP_METHOD_LONG}, /* 17 */
    {TEXT("ABCDEFGHIJKLMNOP / HTTP/1.1\r\n"), NILO_HTTP_METHOD_UNKNOWN}, /* 16 */
    {TEXT("TRACE / HTTP/1.1\r\n"), NILO_HTTP_METHOD_UNKNOWN},
    {TEXT("CONNECT a:80 HTTP/1.1\r\n"), NILO_HTTP_METHOD_UNKNOWN},
    {TEXT("get / HTTP/1.1\r\n"), NILO_HTTP_METHOD_UNKNOWN},
    {TEXT("PROPFIND / HTTP/1.1\r\n"), NILO_HTTP_METHOD_UNKNOWN},
    {TEXT("GET / HTTP\r\n"), NILO_HTTP_VERSION_SYNTAX},
    {TEXT("GET / http/1.1\r\n"), NILO_HTTP_VERSION_SYNTAX},
    {TEXT("GET / HTTP/1.10\r\n"), NILO_HTTP_VERSION_SYNTAX},
    {TEXT("GET / HTTP/11\r\n"), NILO_HTTP_VERSION_SYNTAX},
    {TEXT("GET / HTTP/1,1\r\n"), NILO_HTTP_VERSION_SYNTAX},
    {TEXT("GET / HTTP/1.2\r\n"), NILO_HTTP_VERSION},
    {TEXT("GET / HTTP/0.9\r\n"), NILO_HTTP_VERSION},
    {TEXT("GET / HTTP/2.0\r\n"), NILO_HTTP_VERSION},
    {TEXT("PRI * HTTP/2.0\r\n"), NILO_HTTP_VERSION},
    {TEXT("GET http://a/ HTTP/1.1\r\n"), NILO_HTTP_TARGET_FORM},
    {TEXT("GET a HTTP/1.1\r\n"), NILO_HTTP_TARGET_FORM},
    {TEXT("GET * HTTP/1.1\r\n"), NILO_HTTP_TARGET_FORM},
    {TEXT("GET ?a HTTP/1.1\r\n"), NILO_HTTP_TARGET_FORM},
    {TEXT("GET \\a HTTP/1.1\r\n"), NILO_HTTP_TARGET_FORM},
    {TEXT("OPTIONS ** HTTP/1.1\r\n"), NILO_HTTP_TARGET_FORM},
    {TEXT("GET /a\\b HTTP/1.1\r\n"), NILO_HTTP_TARGET_BYTE},
    {TEXT("GET /a#b HTTP/1.1\r\n"), NILO_HTTP_TARGET_BYTE},
    {TEXT("GET /?a#b HTTP/1.1\r\n"), NILO_HTTP_TARGET_BYTE},
    {TEXT("GET /a\tb HTTP/1.1\r\n"), NILO_HTTP_TARGET_BYTE},
    {TEXT("GET /a\0b HTTP/1.1\r\n"), NILO_HTTP_TARGET_BYTE},
    {TEXT("GET /a\rb HTTP/1.1\r\n"), NILO_HTTP_TARGET_BYTE},
    {TEXT("GET /\x7f HTTP/1.1\r\n"), NILO_HTTP_TARGET_BYTE},
    {TEXT("GET /\xc3\xa9 HTTP/1.1\r\n"), NILO_HTTP_TARGET_BYTE},
    {TEXT("GET /?\xc3\xa9 HTTP/1.1\r\n"), NILO_HTTP_TARGET_BYTE},
    {TEXT("GET /a\"b HTTP/1.1\r\n"), NILO_HTTP_TARGET_BYTE},
    {TEXT("GET /% HTTP/1.1\r\n"), NILO_HTTP_TARGET_PERCENT},
    {TEXT("GET /%4 HTTP/1.1\r\n"), NILO_HTTP_TARGET_PERCENT},
    {TEXT("GET /%4?4 HTTP/1.1\r\n"), NILO_HTTP_TARGET_PERCENT},
    {TEXT("GET /%u0041 HTTP/1.1\r\n"), NILO_HTTP_TARGET_PERCENT},
    {TEXT("GET /a%00b HTTP/1.1\r\n"), NILO_HTTP_TARGET_PERCENT},
    {TEXT("GET / HTTP/1.1\r\n" H " b: c\r\n"), NILO_HTTP_FOLDED},
    {TEXT("GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n"), NILO_HTTP_FOLDED},
    {TEXT("GET / HTTP/1.1\r\n Host: a\r\n"), NILO_HTTP_FOLDED},
    {TEXT("GET / HTTP/1.1\r\nHost : a\r\n"), NILO_HTTP_NAME_BLANK},
    {TEXT("GET / HTTP/1.1\r\nHost\t: a\r\n"), NILO_HTTP_NAME_BLANK},
    {TEXT("GET / HTTP/1.1\r\nContent-Length : 3\r\n"), NILO_HTTP_NAME_BLANK},
    {TEXT("GET / HTTP/1.1\r\nHo st: a\r\n"), NILO_HTTP_NAME_BLANK},
    {TEXT("GET / HTTP/1.1\r\n: a\r\n"), NILO_HTTP_NAME},
    {TEXT("GET / HTTP/1.1\r\nHost\r\n"), NILO_HTTP_NAME},
    {TEXT("GET / HTTP/1.1\r\nH\0st: a\r\n"), NILO_HTTP_NAME},
    {TEXT("GET / HTTP/1.1\r\nH\xc3\xb6st: a\r\n"), NILO_HTTP_NAME},
    {TEXT("GET / HTTP/1.1\r\nHost;: a\r\n"), NILO_HTTP_NAME},
    {TEXT("GET / HTTP/1.1\r\n\x01Host: a\r\n"), NILO_HTTP_NAME},
    {TEXT("GET / HTTP/1.1\r\nX: a\0b\r\n"), NILO_HTTP_VALUE_BYTE},
    {TEXT("GET / HTTP/1.1\r\nX: a\rb\r\n"), NILO_HTTP_VALUE_BYTE},
    {TEXT("GET / HTTP/1.1\r\nX: a\r\r\n"), NILO_HTTP_VALUE_BYTE},
    {TEXT("GET / HTTP/1.1\r\nX: \x0b\r\n"), NILO_HTTP_VALUE_BYTE},
    {TEXT("GET / HTTP/1.1\r\nX: \x7f\r\n"), NILO_HTTP_VALUE_BYTE},
    {TEXT("GET / HTTP/1.1\r\nX: \x1b[2J\r\n"), NILO_HTTP_VALUE_BYTE},
    {TEXT("GET / HTTP/1.1\r\n\r\n"), NILO_HTTP_HOST_MISSING},
    {TEXT("GET / HTTP/1.1\r\nX-Host: a\r\n\r\n"), NILO_HTTP_HOST_MISSING},
    {TEXT("GET / HTTP/1.1\r\n" H "hOST: a\r\n"), NILO_HTTP_HOST_TWICE},
    {TEXT("GET / HTTP/1.0\r\n" H H), NILO_HTTP_HOST_TWICE},
    {TEXT("GET / HTTP/1.1\r\nHost:\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: a b\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: a, b\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: u@a\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: a/b\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: a:b\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: a:80:80\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: a:123456\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: :80\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: [::1\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: [::1]80\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: a]\r\n"), NILO_HTTP_HOST},
    {TEXT("GET / HTTP/1.1\r\nHost: a\xc3\xa9\r\n"), NILO_HTTP_HOST},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n"), NILO_HTTP_LENGTH_TWICE},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\ncontent-length: 5\r\n"), NILO_HTTP_LENGTH_TWICE},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n"), NILO_HTTP_LENGTH},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length:\r\n"), NILO_HTTP_LENGTH},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n"), NILO_HTTP_LENGTH},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n"), NILO_HTTP_LENGTH},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n"), NILO_HTTP_LENGTH},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 5 5\r\n"), NILO_HTTP_LENGTH},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 5.0\r\n"), NILO_HTTP_LENGTH},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 1234567890123456789\r\n"), NILO_HTTP_LENGTH}, /* 19 digits */
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), NILO_HTTP_LENGTH_AND_CHUNKED},
    {TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"), NILO_HTTP_LENGTH_AND_CHUNKED},
    {TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), NILO_HTTP_CODING_TWICE},
    {TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), NILO_HTTP_CODING_TWICE},
    {TEXT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"), NILO_HTTP_CODING},
    {TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n"), NILO_HTTP_CODING},
    {TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n"), NILO_HTTP_CODING},
    {TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n"), NILO_HTTP_CODING},
    {TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n"), NILO_HTTP_CODING},
    {TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n"), NILO_HTTP_CODING},
    {TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n"), NILO_HTTP_CODING_UNKNOWN},
    {TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n"), NILO_HTTP_CODING_UNKNOWN},
    {TEXT("GET / HTTP/1.1\r\n" H "Authorization: a\r\nauthorization: a\r\n"), NILO_HTTP_ONCE},
    {TEXT("GET / HTTP/1.1\r\n" H "Content-Type: a\r\nContent-Type: b\r\n"), NILO_HTTP_ONCE},
    {TEXT("GET / HTTP/1.1\r\n" H "Expect: 100-continue\r\nExpect: 100-continue\r\n"), NILO_HTTP_ONCE},
    {TEXT("GET / HTTP/1.1\r\n" H "Expect: 200-ok\r\n"), NILO_HTTP_EXPECT},
};

static void what_could_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct nilo_http_parser p;
        enum nilo_http_step s = parse(&p, refused[i].in, refused[i].n);
        if (s != NILO_HTTP_BAD || p.reason != refused[i].reason)
            fail_msg("row %zu: %s came of %s", i, s == NILO_HTTP_BAD ? nilo_http_reason_text(p.reason) : "no refusal", refused[i].in);
        /* and it stays refused, whatever comes */
        assert_int_equal(nilo_http_parse(&p, refused[i].in, refused[i].n), NILO_HTTP_BAD);
    }
}

static void every_reason_of_the_head_has_a_row(void **state)
{
    (void)state;
    for (int r = NILO_HTTP_FINE + 1; r < NILO_HTTP_CHUNK_SIZE; r++) {
        bool found = r == NILO_HTTP_TARGET_LONG || r == NILO_HTTP_HEAD_LONG || r == NILO_HTTP_HEADERS_MANY; /* the limits below */
        for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
            found = found || (int)refused[i].reason == r;
        if (!found)
            fail_msg("no row for: %s", nilo_http_reason_text((enum nilo_http_reason)r));
        int status = nilo_http_reason_status((enum nilo_http_reason)r);
        assert_true(status == 400 || status == 405 || status == 414 || status == 417 || status == 431 || status == 501 || status == 505);
    }
}

static const struct {
    const char *in;
    size_t n;
    const char *says;
} taken[] = {
    /* RFC 9112, sections 2.1, 3.2.1, 3.2.4, 6.3, 7.1, 9.3, 9.6 */
    {TEXT("GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\nAccept-Language: en, mi\r\n\r\n"),
     "GET /hello.txt 1.1 length=-1 keep|User-Agent=curl/7.64.1|Host=www.example.com|Accept-Language=en, mi"},
    {TEXT("GET /where?q=now HTTP/1.1\r\nHost: www.example.org\r\n\r\n"), "GET /where?q=now 1.1 length=-1 keep|Host=www.example.org"},
    {TEXT("OPTIONS * HTTP/1.1\r\nHost: www.example.org:8001\r\n\r\n"), "OPTIONS * 1.1 length=-1 keep|Host=www.example.org:8001"},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"), "POST / 1.1 length=3 keep|Host=a|Content-Length=3"},
    {TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: CHUNKED\r\n\r\n"), "POST / 1.1 length=-1 chunked keep|Host=a|Transfer-Encoding=CHUNKED"},
    {TEXT("GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n"), "GET / 1.1 length=-1 close|Host=a|Connection=close"},
    {TEXT("GET / HTTP/1.1\r\n" H "Connection: x , Close,\r\n\r\n"), "GET / 1.1 length=-1 close|Host=a|Connection=x , Close,"},
    {TEXT("GET / HTTP/1.0\r\n\r\n"), "GET / 1.0 length=-1 close"},
    {TEXT("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "GET / 1.0 length=-1 keep|Connection=Keep-Alive"},
    {TEXT("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"),
     "GET / 1.0 length=-1 close|Connection=keep-alive|Connection=close"},
    /* one empty line before it */
    {TEXT("\r\nHEAD / HTTP/1.1\r\n" H "\r\n"), "HEAD / 1.1 length=-1 keep|Host=a"},
    /* blanks around values, empty values, bytes above 127 in values */
    {TEXT("PUT / HTTP/1.1\r\nHost:a\r\nX:\t b \t\r\nY:\r\nZ: \xc3\xa9\r\n\r\n"), "PUT / 1.1 length=-1 keep|Host=a|X=b|Y=|Z=\xc3\xa9"},
    {TEXT("PATCH /a;b=%41/c.d~e@f:g HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), "PATCH /a;b=%41/c.d~e@f:g 1.1 length=-1 keep|Host=[::1]:80"},
    {TEXT("DELETE /?? HTTP/1.1\r\n" H "\r\n"), "DELETE /?? 1.1 length=-1 keep|Host=a"},
    {TEXT("GET /?a=in.(\"b\",{c}|^`%) HTTP/1.1\r\n" H "\r\n"), "GET /?a=in.(\"b\",{c}|^`%) 1.1 length=-1 keep|Host=a"},
    {TEXT("POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 000000000000000005\r\n\r\n"),
     "POST / 1.1 length=5 keep expect|Host=a|Expect=100-Continue|Content-Length=000000000000000005"},
    {TEXT("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), "POST / 1.0 length=-1 close|Expect=100-continue"},
    {TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 999999999999999999\r\n\r\n"),
     "POST / 1.1 length=999999999999999999 keep|Host=a|Content-Length=999999999999999999"},
    {TEXT("GET / HTTP/1.1\r\nX-HTTP-Method-Override: DELETE\r\n" H "\r\n"), "GET / 1.1 length=-1 keep|X-HTTP-Method-Override=DELETE|Host=a"},
    /* not over yet */
    {TEXT(""), "more"},
    {TEXT("\r\n"), "more"},
    {TEXT("GET / HTTP/1.1"), "more"},
    {TEXT("GET / HTTP/1.1\r\n" H "\r"), "more"},
};

static void what_is_right_is_taken_as_it_is(void **state)
{
    (void)state;
    struct nilo_buf says;
    nilo_buf_init(&says, 1 << 20);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        struct nilo_http_parser p;
        enum nilo_http_step s = parse(&p, taken[i].in, taken[i].n);
        describe(&says, s, &p, taken[i].in);
        const char *size = strstr(nilo_buf_str(&says), " size=");
        if (size != NULL) {
            const char *end = strstr(taken[i].in + 2, "\r\n\r\n");
            assert_int_equal(strtol(size + 6, NULL, 10), end + 4 - taken[i].in);
            size_t n = strcspn(size + 1, "|") + 1;
            memmove(says.data + (size - says.data), size + n, strlen(size + n) + 1);
        }
        assert_string_equal(nilo_buf_str(&says), taken[i].says);
    }
    nilo_buf_done(&says);
}

/* ---- cuts ------------------------------------------------------------------------------------------------------------------------------ */

/* In two pieces, at each place; the second time in memory that ends with the piece. */
static void check_cuts(const char *in, size_t n)
{
    struct nilo_buf at_once, cut;
    nilo_buf_init(&at_once, 1 << 20);
    nilo_buf_init(&cut, 1 << 20);
    struct nilo_http_parser p;
    enum nilo_http_step s = parse(&p, in, n);
    describe(&at_once, s, &p, in);
    for (size_t at = 0; at <= n; at++) {
        char *first = malloc(at + 1);
        assert_non_null(first);
        memcpy(first + 1, in, at);
        nilo_http_parser_start(&p, 0, 0);
        s = nilo_http_parse(&p, first + 1, at);
        free(first);
        if (s == NILO_HTTP_MORE)
            s = nilo_http_parse(&p, in, n);
        describe(&cut, s, &p, in);
        assert_string_equal(nilo_buf_str(&cut), nilo_buf_str(&at_once));
    }
    nilo_http_parser_start(&p, 0, 0);
    s = NILO_HTTP_MORE;
    for (size_t at = 0; at <= n && s == NILO_HTTP_MORE; at++)
        s = nilo_http_parse(&p, in, at);
    describe(&cut, s, &p, in);
    assert_string_equal(nilo_buf_str(&cut), nilo_buf_str(&at_once));
    nilo_buf_done(&at_once);
    nilo_buf_done(&cut);
}

static void every_cut_of_the_input_gives_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        check_cuts(refused[i].in, refused[i].n);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        check_cuts(taken[i].in, taken[i].n);
}

/* ---- limits ------------------------------------------------------------------------------------------------------------------------------ */

static void the_head_ends_at_its_limit(void **state)
{
    (void)state;
    for (int by = -1; by <= 1; by++) {
        struct nilo_buf in;
        nilo_buf_init(&in, 1 << 20);
        nilo_buf_adds(&in, "GET / HTTP/1.1\r\n" H "X: ");
        while (in.len + 4 < (size_t)((int)NILO_HTTP_HEAD_MAX + by))
            nilo_buf_addc(&in, 'x');
        nilo_buf_adds(&in, "\r\n\r\n");
        assert_int_equal(in.len, (int)NILO_HTTP_HEAD_MAX + by);
        struct nilo_http_parser p;
        assert_int_equal(parse(&p, in.data, in.len), by <= 0 ? NILO_HTTP_DONE : NILO_HTTP_BAD);
        assert_int_equal(p.reason, by <= 0 ? NILO_HTTP_FINE : NILO_HTTP_HEAD_LONG);
        if (by > 0) {
            /* byte by byte the refusal comes with the last byte that is allowed, without waiting for a line to end */
            nilo_http_parser_start(&p, 0, 0);
            assert_int_equal(nilo_http_parse(&p, in.data, NILO_HTTP_HEAD_MAX - 1), NILO_HTTP_MORE);
            assert_int_equal(nilo_http_parse(&p, in.data, NILO_HTTP_HEAD_MAX), NILO_HTTP_BAD);
        }
        nilo_buf_done(&in);
    }
}

static void the_request_line_ends_at_the_same_limit(void **state)
{
    (void)state;
    for (int by = -1; by <= 1; by++) {
        struct nilo_buf in;
        nilo_buf_init(&in, 1 << 20);
        nilo_buf_adds(&in, "GET /");
        while (in.len + 11 < (size_t)((int)NILO_HTTP_HEAD_MAX + by))
            nilo_buf_addc(&in, 'x');
        nilo_buf_adds(&in, " HTTP/1.1\r\n");
        assert_int_equal(in.len, (int)NILO_HTTP_HEAD_MAX + by);
        nilo_buf_adds(&in, "\r\n");
        struct nilo_http_parser p;
        /* a line that just fits leaves no room for the rest of the head: then it is the head that is too long */
        assert_int_equal(parse(&p, in.data, in.len), NILO_HTTP_BAD);
        assert_int_equal(p.reason, by <= 0 ? NILO_HTTP_HEAD_LONG : NILO_HTTP_TARGET_LONG);
        nilo_buf_done(&in);
    }
    char *line = malloc(65536);
    assert_non_null(line);
    memset(line, 'x', 65536);
    struct nilo_http_parser p;
    assert_int_equal(parse(&p, line, 65536), NILO_HTTP_BAD);
    assert_int_equal(p.reason, NILO_HTTP_METHOD_LONG);
    memcpy(line, "GET /", 5);
    assert_int_equal(parse(&p, line, 65536), NILO_HTTP_BAD);
    assert_int_equal(p.reason, NILO_HTTP_TARGET_LONG);
    free(line);
}

static void header_lines_are_counted(void **state)
{
    (void)state;
    for (int n = NILO_HTTP_HEADERS_MAX - 1; n <= NILO_HTTP_HEADERS_MAX + 1; n++) {
        struct nilo_buf in;
        nilo_buf_init(&in, 1 << 20);
        nilo_buf_adds(&in, "GET / HTTP/1.1\r\n" H);
        for (int i = 1; i < n; i++)
            nilo_buf_addf(&in, "X-%d: %d\r\n", i, i);
        nilo_buf_adds(&in, "\r\n");
        struct nilo_http_parser p;
        assert_int_equal(parse(&p, in.data, in.len), n <= NILO_HTTP_HEADERS_MAX ? NILO_HTTP_DONE : NILO_HTTP_BAD);
        assert_int_equal(p.reason, n <= NILO_HTTP_HEADERS_MAX ? NILO_HTTP_FINE : NILO_HTTP_HEADERS_MANY);
        if (n <= NILO_HTTP_HEADERS_MAX)
            assert_int_equal(p.head.n_headers, n);
        nilo_buf_done(&in);
    }
}

static void lower_limits_can_be_set(void **state)
{
    (void)state;
    static const char in[] = "GET / HTTP/1.1\r\n" H "X: y\r\n\r\n";
    struct nilo_http_parser p;
    nilo_http_parser_start(&p, sizeof(in) - 1, 2);
    assert_int_equal(nilo_http_parse(&p, in, sizeof(in) - 1), NILO_HTTP_DONE);
    nilo_http_parser_start(&p, sizeof(in) - 2, 2);
    assert_int_equal(nilo_http_parse(&p, in, sizeof(in) - 1), NILO_HTTP_BAD);
    nilo_http_parser_start(&p, 0, 1);
    assert_int_equal(nilo_http_parse(&p, in, sizeof(in) - 1), NILO_HTTP_BAD);
    assert_int_equal(p.reason, NILO_HTTP_HEADERS_MANY);
}

/* ---- looking things up ---------------------------------------------------------------------------------------------------------------------- */

static void headers_are_found_by_name_and_place(void **state)
{
    (void)state;
    static const char in[] = "GET / HTTP/1.1\r\n" H "Prefer: a\r\nprefer: b\r\nPrefers: c\r\n\r\n";
    struct nilo_http_parser p;
    assert_int_equal(parse(&p, in, sizeof(in) - 1), NILO_HTTP_DONE);
    assert_memory_equal(in + nilo_http_find(&p.head, in, "PREFER", 0)->value.at, "a", 1);
    assert_memory_equal(in + nilo_http_find(&p.head, in, "prefer", 1)->value.at, "b", 1);
    assert_null(nilo_http_find(&p.head, in, "prefer", 2));
    assert_null(nilo_http_find(&p.head, in, "pref", 0));
    assert_true(nilo_http_token("gzip, br ,x", 11, "BR"));
    assert_false(nilo_http_token("gzip, brx", 9, "br"));
    assert_false(nilo_http_token("", 0, "br"));
}

static void there_is_one_canonical_path_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *path;
    } rows[] = {
        {"/", "/"},
        {"/rest/v1/daily_metrics", "/rest/v1/daily_metrics"},
        {"/rest/v1/", "/rest/v1/"},
        {"/%68ealthz", "/healthz"},
        {"/a%20b/%C3%A9", "/a b/\xc3\xa9"},
        {"/%252e%252e/a", "/%2e%2e/a"}, /* decoded once, and a name as any other then */
        {"/a;x=1", "/a;x=1"},
        {"/a%3Bx", "/a;x"},
        {"/a+b", "/a+b"},
        {"/.well-known", "/.well-known"},
        {"/...", "/..."},
        {"/a.", "/a."},
        {"//", NULL},
        {"//a", NULL},
        {"/a//b", NULL},
        {"/a//", NULL},
        {"/.", NULL},
        {"/..", NULL},
        {"/a/./b", NULL},
        {"/a/../b", NULL},
        {"/a/..", NULL},
        {"/../", NULL},
        {"/%2e%2e/a", NULL},
        {"/%2E./a", NULL},
        {"/a/%2e", NULL},
        {"/..%2fa", NULL},
        {"/a%2Fb", NULL},
        {"/a%5cb", NULL},
        {"/a%0db", NULL},
        {"/a%00b", NULL},
        {"/a%7fb", NULL},
        {"/a%4", NULL},
        {"a", NULL},
        {"*", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[64];
        int n = nilo_http_path(rows[i].raw, strlen(rows[i].raw), out);
        if (rows[i].path == NULL) {
            if (n >= 0)
                fail_msg("%s became %s", rows[i].raw, out);
            continue;
        }
        assert_int_equal(n, (int)strlen(rows[i].path));
        assert_string_equal(out, rows[i].path);
    }
}

/* ---- a second parser ------------------------------------------------------------------------------------------------------------------------- */

/* RFC 9112 as regular expressions, one line after the other, with nothing in common with the parser under test. Accepts or refuses; the
 * reasons are pinned by the table above. */
enum { RE_LINE, RE_NUL, RE_HEADER, RE_HOST, RE_LENGTH, RE_CHUNKED, RE_CLOSE, RE_KEEP, RE_N };
static const char *const patterns[RE_N] = {
    [RE_LINE] = ("^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) "
                "(\\*|(/([A-Za-z0-9/._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)(\\?([!\"$-~]*))?) HTTP/1\\.([01])\r\n$"),
    [RE_NUL] = "^[A-Z]+ [^? ]*%00",
    [RE_HEADER] = "^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((([\t -~\x80-\xff])*[!-~\x80-\xff])?)[ \t]*\r\n$",
    [RE_HOST] = "^(\\[[A-Za-z0-9._~%!$&'()*+;=:-]*]|[A-Za-z0-9._~%!$&'()*+;=-]+)(:[0-9]{0,5})?$",
    [RE_LENGTH] = "^[0-9]{1,18}$",
    [RE_CHUNKED] = "^[cC][hH][uU][nN][kK][eE][dD]$",
    [RE_CLOSE] = "(^|,)[ \t]*[cC][lL][oO][sS][eE][ \t]*(,|$)",
    [RE_KEEP] = "(^|,)[ \t]*[kK][eE][eE][pP]-[aA][lL][iI][vV][eE][ \t]*(,|$)",
};
static regex_t compiled[RE_N];

static int compile_patterns(void **state)
{
    (void)state;
    for (int i = 0; i < RE_N; i++) {
        if (regcomp(&compiled[i], patterns[i], REG_EXTENDED) != 0)
            return -1;
    }
    return 0;
}
static int free_patterns(void **state)
{
    (void)state;
    for (int i = 0; i < RE_N; i++)
        regfree(&compiled[i]);
    return 0;
}

static bool matches(int which, const char *s, size_t n, regmatch_t *m, size_t m_n)
{
    m[0].rm_so = 0;
    m[0].rm_eo = (regoff_t)n;
    return regexec(&compiled[which], s, m_n, m, REG_STARTEND) == 0;
}

static bool named(const char *line, const regmatch_t *m, const char *name)
{
    return (size_t)(m->rm_eo - m->rm_so) == strlen(name) && strncasecmp(line + m->rm_so, name, strlen(name)) == 0;
}

struct naive {
    bool options_only, old, close, keep, chunked;
    int host, length, coding, authorization, type, expect, headers;
    long long content_length;
    struct nilo_buf start, list;
};

/* false: refused */
static bool naive_header(struct naive *v, const char *line, size_t n)
{
    regmatch_t m[5], sub[3];
    if (++v->headers > NILO_HTTP_HEADERS_MAX || !matches(RE_HEADER, line, n, m, 5))
        return false;
    const char *value = line + m[2].rm_so;
    size_t value_n = (size_t)(m[2].rm_eo - m[2].rm_so);
    nilo_buf_addf(&v->list, "|%.*s=", (int)(m[1].rm_eo - m[1].rm_so), line + m[1].rm_so);
    nilo_buf_add(&v->list, value, value_n);
    if (named(line, &m[1], "host"))
        return ++v->host == 1 && matches(RE_HOST, value, value_n, sub, 1);
    if (named(line, &m[1], "content-length")) {
        v->content_length = strtoll(value, NULL, 10);
        return ++v->length == 1 && matches(RE_LENGTH, value, value_n, sub, 1);
    }
    if (named(line, &m[1], "transfer-encoding")) {
        v->chunked = matches(RE_CHUNKED, value, value_n, sub, 1);
        return ++v->coding == 1 && v->chunked && !v->old;
    }
    if (named(line, &m[1], "connection")) {
        v->close = v->close || matches(RE_CLOSE, value, value_n, sub, 1);
        v->keep = v->keep || matches(RE_KEEP, value, value_n, sub, 1);
    }
    if (named(line, &m[1], "expect"))
        return ++v->expect == 1 && value_n == 12 && strncasecmp(value, "100-continue", 12) == 0;
    if (named(line, &m[1], "authorization"))
        return ++v->authorization == 1;
    if (named(line, &m[1], "content-type"))
        return ++v->type == 1;
    return true;
}

static bool naive_start(struct naive *v, const char *line, size_t n)
{
    regmatch_t m[8], sub[1];
    if (!matches(RE_LINE, line, n, m, 8) || matches(RE_NUL, line, n, sub, 1))
        return false;
    if (line[m[2].rm_so] == '*' && strncmp(line, "OPTIONS ", 8) != 0)
        return false;
    v->old = line[m[7].rm_so] == '0';
    nilo_buf_addf(&v->start, "%.*s 1.%c", (int)m[2].rm_eo, line, line[m[7].rm_so]);
    return true;
}

static void naive_parse(struct nilo_buf *out, const char *in, size_t n)
{
    struct naive v = {.content_length = -1};
    nilo_buf_init(&v.start, 1 << 20);
    nilo_buf_init(&v.list, 1 << 20);
    size_t at = n >= 2 && memcmp(in, "\r\n", 2) == 0 ? 2 : 0;
    const char *verdict = NULL;
    for (bool first = true; verdict == NULL; first = false) {
        const char *lf = at < n ? memchr(in + at, '\n', n - at) : NULL;
        size_t line_n = lf != NULL ? (size_t)(lf - in) + 1 - at : 0;
        if (lf == NULL)
            verdict = "more";
        else if (first)
            verdict = naive_start(&v, in + at, line_n) ? NULL : "refused";
        else if (line_n == 2 && in[at] == '\r')
            verdict = (v.host == 0 && !v.old) || (v.length > 0 && v.coding > 0) ? "refused" : "taken";
        else
            verdict = naive_header(&v, in + at, line_n) ? NULL : "refused";
        at += line_n;
    }
    nilo_buf_reset(out);
    if (strcmp(verdict, "taken") != 0) {
        nilo_buf_adds(out, verdict);
    } else {
        bool keep = !v.close && (!v.old || v.keep);
        nilo_buf_addf(out, "%s length=%lld%s%s%s size=%zu%s", nilo_buf_str(&v.start), v.content_length, v.chunked ? " chunked" : "",
                      keep ? " keep" : " close", v.expect > 0 && !v.old ? " expect" : "", at, nilo_buf_str(&v.list));
    }
    nilo_buf_done(&v.start);
    nilo_buf_done(&v.list);
}

static const char *pick(struct nilo_random *r, const char *const *of, size_t n)
{
    return of[nilo_random_below(r, n)];
}
#define PICK(r, ...) pick((r), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* Half of them by the book, so that enough is taken; the other half with every kind of trick. */
static void generate(struct nilo_random *r, struct nilo_buf *in)
{
    bool tame = nilo_random_below(r, 2) == 0;
    nilo_buf_reset(in);
    if (nilo_random_below(r, 20) == 0)
        nilo_buf_adds(in, "\r\n");
    nilo_buf_adds(in, PICK(r, "GET", "GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "OPTIONS", tame ? "GET" : "TRACE"));
    nilo_buf_adds(in, tame ? " " : PICK(r, " ", " ", " ", " ", "  ", "\t"));
    nilo_buf_adds(in, tame ? PICK(r, "/", "/a/b", "/?", "/a?b=c&d=%41", "/%41;x", "/a?\"<>{|}", "/..")
                           : PICK(r, "/", "*", "/%00", "/%zz", "/a?b#c", "http://a/", "/%2e", "?", "/\\"));
    nilo_buf_adds(in, tame ? PICK(r, " HTTP/1.1", " HTTP/1.0") : PICK(r, " HTTP/1.1", " HTTP/1.0", " HTTP/1.2", "", " HTTP/1.1 "));
    nilo_buf_adds(in, "\r\n");
    if (tame)
        nilo_buf_adds(in, PICK(r, "Host: a\r\n", "host:\t[::1]:8080 \r\n", ""));
    for (uint64_t n = nilo_random_below(r, 5); n > 0; n--) {
        nilo_buf_adds(in, PICK(r, "Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Authorization", "X-A", "X-B", "a!#",
                               "Content-Type", tame ? "b" : ""));
        nilo_buf_adds(in, tame ? PICK(r, ":", ": ", ":\t ") : PICK(r, ":", ": ", " :", ""));
        nilo_buf_adds(in, PICK(r, "a", "a:80", "[::1]:8080", "[::1", "5", "0", "12345678901234567890", "5,5", "chunked", "Chunked", "gzip, chunked",
                               "close", "keep-alive, x", "100-continue", "", "a b", "\xc3\xa9", tame ? "x" : "x\x01y"));
        nilo_buf_adds(in, tame ? PICK(r, "\r\n", " \r\n", "\t\r\n") : PICK(r, "\r\n", "\n", "\r\r\n", "\r\n "));
    }
    nilo_buf_adds(in, "\r\n");
    nilo_buf_adds(in, PICK(r, "", "", "rest", "\r\n"));
    if (nilo_random_below(r, 3) > 0)
        return;
    static const char nasty[] = {0, 1, '\t', '\n', '\r', ' ', '#', '%', ',', '/', '0', '5', ':', ';', '?', 'a', '\\', 0x7f, (char)0x80, (char)0xff};
    for (uint64_t n = 1 + nilo_random_below(r, 2); n > 0; n--)
        in->data[nilo_random_below(r, in->len)] = nasty[nilo_random_below(r, sizeof(nasty))];
}

static void generated_requests_agree_with_a_second_parser(void **state)
{
    (void)state;
    struct nilo_seeded_random seeded;
    nilo_seeded_random_init(&seeded, 9112);
    struct nilo_random r = nilo_seeded_random(&seeded);
    struct nilo_buf in, ours, theirs;
    nilo_buf_init(&in, 1 << 20);
    nilo_buf_init(&ours, 1 << 20);
    nilo_buf_init(&theirs, 1 << 20);
    int counts[3] = {0};
    for (int i = 0; i < 60000; i++) {
        struct nilo_http_parser p;
        generate(&r, &in);
        enum nilo_http_step s = parse(&p, in.data, in.len);
        counts[s]++;
        if (s == NILO_HTTP_BAD) {
            nilo_buf_reset(&ours);
            nilo_buf_adds(&ours, "refused");
        } else {
            describe(&ours, s, &p, in.data);
        }
        naive_parse(&theirs, in.data, in.len);
        if (ours.len != theirs.len || memcmp(ours.data, theirs.data, ours.len) != 0)
            fail_msg("request %d\n%s\nours   %s\ntheirs %s", i, in.data, nilo_buf_str(&ours), nilo_buf_str(&theirs));
    }
    /* the generator makes enough of each kind for this to mean something */
    assert_true(counts[NILO_HTTP_DONE] > 1000 && counts[NILO_HTTP_BAD] > 10000);
    nilo_buf_done(&in);
    nilo_buf_done(&ours);
    nilo_buf_done(&theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_could_be_read_in_two_ways_is_refused),
        cmocka_unit_test(every_reason_of_the_head_has_a_row),
        cmocka_unit_test(what_is_right_is_taken_as_it_is),
        cmocka_unit_test(every_cut_of_the_input_gives_the_same),
        cmocka_unit_test(the_head_ends_at_its_limit),
        cmocka_unit_test(the_request_line_ends_at_the_same_limit),
        cmocka_unit_test(header_lines_are_counted),
        cmocka_unit_test(lower_limits_can_be_set),
        cmocka_unit_test(headers_are_found_by_name_and_place),
        cmocka_unit_test(there_is_one_canonical_path_or_none),
        cmocka_unit_test_setup_teardown(generated_requests_agree_with_a_second_parser, compile_patterns, free_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
