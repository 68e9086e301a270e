/* Chunked bodies: what is taken, what is refused, limits, every cut of every input. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http_chunk.h"
#include "base/buf.h"

#define LIMIT 20
#define TEXT(s) (s), sizeof(s) - 1

static const struct {
    const char *in;
    size_t n;
    const char *says; /* body, and what is left behind it */
    enum nilo_http_reason reason;
} rows[] = {
    /* RFC 9112, 7.1 */
    {TEXT("4\r\nWiki\r\n7\r\npedia i\r\nB\r\nn \r\nchunks.\r\n0\r\n\r\n"), NULL, NILO_HTTP_BODY_LONG}, /* 22 bytes */
    {TEXT("5\r\nhello\r\n0\r\n\r\n"), "hello", 0},
    {TEXT("5\r\nhello\r\n0\r\n\r\nGET /"), "hello|GET /", 0},
    {TEXT("0\r\n\r\n"), "", 0},
    {TEXT("000\r\n\r\n"), "", 0},
    {TEXT("A\r\n0123456789\r\n00000001\r\nx\r\n0\r\n\r\n"), "0123456789x", 0},
    {TEXT("a;x\r\n0123456789\r\n0;y=\"z\"\r\n\r\n"), "0123456789", 0},
    {TEXT("1\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n"), "\r\n", 0},
    {TEXT("1\r\nx\r\n0\r\nA: b\r\nContent-Length: 9\r\nC:\r\n\r\n!"), "x|!", 0},
    {TEXT("14\r\n01234567890123456789\r\n0\r\n\r\n"), "01234567890123456789", 0}, /* 20, the limit */
    {TEXT("13\r\n0123456789012345678\r\n0\r\n\r\n"), "0123456789012345678", 0},
    {TEXT("15\r\n012345678901234567890\r\n0\r\n\r\n"), NULL, NILO_HTTP_BODY_LONG},
    {TEXT("14\r\n01234567890123456789\r\n1\r\n"), NULL, NILO_HTTP_BODY_LONG},
    {TEXT("ffffffff\r\n"), NULL, NILO_HTTP_BODY_LONG},
    {TEXT("000000000\r\n"), NULL, NILO_HTTP_CHUNK_SIZE}, /* 9 digits */
    {TEXT("\r\n"), NULL, NILO_HTTP_CHUNK_SIZE},
    {TEXT(";x\r\n"), NULL, NILO_HTTP_CHUNK_SIZE},
    {TEXT("g\r\n"), NULL, NILO_HTTP_CHUNK_SIZE},
    {TEXT("0x5\r\n"), NULL, NILO_HTTP_CHUNK_SIZE},
    {TEXT("-1\r\n"), NULL, NILO_HTTP_CHUNK_SIZE},
    {TEXT(" 5\r\n"), NULL, NILO_HTTP_CHUNK_SIZE},
    {TEXT("5 \r\n"), NULL, NILO_HTTP_CHUNK_SIZE},
    {TEXT("5\nhello"), NULL, NILO_HTTP_CHUNK_SIZE},
    {TEXT("5\rhello"), NULL, NILO_HTTP_CHUNK_LINE},
    {TEXT("5;a\nhello"), NULL, NILO_HTTP_CHUNK_LINE},
    {TEXT("5;a\0\r\n"), NULL, NILO_HTTP_CHUNK_LINE},
    {TEXT("5\r\nhelloX"), NULL, NILO_HTTP_CHUNK_END},
    {TEXT("5\r\nhello\n"), NULL, NILO_HTTP_CHUNK_END},
    {TEXT("5\r\nhello\r0"), NULL, NILO_HTTP_CHUNK_END},
    {TEXT("5\r\nhello0\r\n\r\n"), NULL, NILO_HTTP_CHUNK_END},
    {TEXT("0\r\n\n"), NULL, NILO_HTTP_TRAILER},
    {TEXT("0\r\n\r0"), NULL, NILO_HTTP_TRAILER},
    {TEXT("0\r\n A: b\r\n"), NULL, NILO_HTTP_TRAILER},
    {TEXT("0\r\nA : b\r\n"), NULL, NILO_HTTP_TRAILER},
    {TEXT("0\r\n: b\r\n"), NULL, NILO_HTTP_TRAILER},
    {TEXT("0\r\nA: b\n"), NULL, NILO_HTTP_TRAILER},
    {TEXT("0\r\nA: b\r\r"), NULL, NILO_HTTP_TRAILER},
    {TEXT("0\r\nA: \x01"), NULL, NILO_HTTP_TRAILER},
    {TEXT("5\r\nhello\r\n"), "hello, more", 0},
    {TEXT("5\r\nhel"), "hel, more", 0},
    {TEXT(""), ", more", 0},
};

/* In pieces of step bytes, each in memory of its own. */
static void decode(const char *in, size_t n, size_t step, struct nilo_buf *says, enum nilo_http_reason *ret_reason)
{
    struct nilo_http_chunks c;
    enum nilo_http_step s = NILO_HTTP_MORE;
    size_t at = 0;
    nilo_http_chunks_start(&c, LIMIT);
    nilo_buf_reset(says);
    while (at < n && s == NILO_HTTP_MORE) {
        size_t take = n - at < step ? n - at : step, used, got;
        char *exact = malloc(take);
        const char *p;
        assert_non_null(exact);
        memcpy(exact, in + at, take);
        s = nilo_http_chunks_next(&c, exact, take, &used, &p, &got);
        assert_true(s == NILO_HTTP_BAD || used > 0);
        nilo_buf_add(says, p, got);
        free(exact);
        at += used;
    }
    if (s == NILO_HTTP_DONE && at < n) {
        nilo_buf_addc(says, '|');
        nilo_buf_add(says, in + at, n - at);
    }
    if (s == NILO_HTTP_MORE)
        nilo_buf_adds(says, ", more");
    *ret_reason = c.reason;
    assert_int_equal(s == NILO_HTTP_BAD, c.reason != NILO_HTTP_FINE);
}

static void bodies_are_decoded_or_refused_however_they_are_cut(void **state)
{
    (void)state;
    struct nilo_buf says;
    nilo_buf_init(&says, 4096);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t step = rows[i].n > 0 ? rows[i].n : 1; step > 0; step--) {
            enum nilo_http_reason reason;
            decode(rows[i].in, rows[i].n, step, &says, &reason);
            if (reason != rows[i].reason)
                fail_msg("row %zu in pieces of %zu: %s", i, step, nilo_http_reason_text(reason));
            if (rows[i].says != NULL)
                assert_string_equal(nilo_buf_str(&says), rows[i].says);
        }
    }
    nilo_buf_done(&says);
}

static void every_reason_of_the_body_has_a_row(void **state)
{
    (void)state;
    for (int r = NILO_HTTP_CHUNK_SIZE; r < NILO_HTTP_REASON_N; r++) {
        bool found = r == NILO_HTTP_CHUNK_EXTRA; /* below */
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            found = found || (int)rows[i].reason == r;
        assert_true(found);
    }
}

/* n bytes of extension, or of trailers, are taken or not. */
static void check_extra(const char *before, size_t own, const char *after, int by)
{
    struct nilo_buf in, says;
    enum nilo_http_reason reason;
    nilo_buf_init(&in, 1 << 20);
    nilo_buf_init(&says, 1 << 20);
    nilo_buf_adds(&in, before);
    for (size_t i = own; i < (size_t)((int)NILO_HTTP_CHUNK_EXTRA_MAX + by); i++)
        nilo_buf_addc(&in, 'x');
    nilo_buf_adds(&in, after);
    decode(in.data, in.len, in.len, &says, &reason);
    assert_int_equal(reason, by <= 0 ? NILO_HTTP_FINE : NILO_HTTP_CHUNK_EXTRA);
    nilo_buf_done(&in);
    nilo_buf_done(&says);
}

static void extensions_and_trailers_end_at_their_limit(void **state)
{
    (void)state;
    for (int by = -1; by <= 1; by++) {
        check_extra("0;", 1, "\r\n\r\n", by); /* the CR counts */
        check_extra("0\r\nA:", 3, "\r\n\r\n", by);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_decoded_or_refused_however_they_are_cut),
        cmocka_unit_test(every_reason_of_the_body_has_a_row),
        cmocka_unit_test(extensions_and_trailers_end_at_their_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
