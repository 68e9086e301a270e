/* The server over real sockets: answers, framing, limits, refusals, order, streams. Deadlines are in test_deadlines.c. */
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

static struct world w;

static int start(void **state)
{
    (void)state;
    world_init(&w);
    world_start(&w);
    return 0;
}
static int stop(void **state)
{
    (void)state;
    world_stop(&w);
    return 0;
}

static void assert_header(const struct answer *a, const char *name, const char *value)
{
    char text[256];
    const char *is = answer_header(a, name, text);
    if (value == NULL ? is != NULL : is == NULL || strcmp(is, value) != 0)
        fail_msg("%s is %s, not %s", name, is, value != NULL ? value : "absent");
}

/* Opens, asks, wants that status, closes. */
static void ask_once(const char *request, int status)
{
    struct client c;
    client_open(&c, &w);
    client_ask(&c, request, status);
    client_close(&c);
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------------ */

static void a_small_answer_has_its_length_and_the_date(void **state)
{
    (void)state;
    static const char *const paths[] = {GET("/instant?x"), GET("/worker?x")};
    for (int i = 0; i < 2; i++) {
        struct client c;
        struct answer a;
        client_open(&c, &w);
        client_send(&c, paths[i]);
        assert_true(client_answer(&c, &a, false));
        assert_int_equal(a.status, 200);
        assert_string_equal(nilo_buf_str(&a.body), "<x>");
        assert_header(&a, "Content-Length", "3");
        assert_header(&a, "Date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_header(&a, "Server", "nilometer");
        assert_header(&a, "Content-Type", "text/plain");
        assert_header(&a, "Transfer-Encoding", NULL);
        assert_header(&a, "Connection", NULL);
        answer_done(&a);
        client_close(&c);
    }
}

static void head_is_get_without_the_body(void **state)
{
    (void)state;
    static const struct {
        const char *request, *length;
    } rows[] = {{"HEAD /instant?x HTTP/1.1\r\nHost: a\r\n\r\n", "3"},
                {"HEAD /worker?x HTTP/1.1\r\nHost: a\r\n\r\n", "3"},
                {"HEAD /known?100000 HTTP/1.1\r\nHost: a\r\n\r\n", "100000"},
                {"HEAD /big?300000 HTTP/1.1\r\nHost: a\r\n\r\n", NULL},
                {"HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n", "91"}};
    struct client c;
    client_open(&c, &w);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct answer a;
        client_send(&c, rows[i].request);
        assert_true(client_answer(&c, &a, true));
        assert_header(&a, "Content-Length", rows[i].length);
        assert_header(&a, "Transfer-Encoding", NULL);
        answer_done(&a);
    }
    assert_string_equal(client_ask(&c, GET("/instant?y"), 200), "<y>"); /* nothing was left between */
    client_close(&c);
}

static void no_content_has_neither_body_nor_length(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    client_open(&c, &w);
    client_send(&c, "DELETE /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}" GET("/instant"));
    assert_true(client_answer(&c, &a, false));
    assert_int_equal(a.status, 204);
    assert_header(&a, "Content-Length", NULL);
    answer_done(&a);
    assert_true(client_answer(&c, &a, false));
    assert_string_equal(nilo_buf_str(&a.body), "<>");
    answer_done(&a);
    client_close(&c);
}

static void check_big(const struct nilo_buf *body, size_t n)
{
    assert_int_equal(body->len, n);
    for (size_t i = 0; i < n; i++) {
        if (body->data[i] != (char)('a' + i % 997 % 26))
            fail_msg("byte %zu is wrong", i);
    }
}

static void large_answers_come_whole_and_in_order(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 262144, 262145, 10000000};
    struct client c;
    client_open(&c, &w);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char request[100];
        struct answer a;
        snprintf(request, sizeof(request), "GET /big?%zu HTTP/1.1\r\nHost: a\r\n\r\nGET /known?%zu HTTP/1.1\r\nHost: a\r\n\r\n", sizes[i], sizes[i]);
        client_send(&c, request);
        assert_true(client_answer(&c, &a, false) && a.whole);
        assert_header(&a, "Transfer-Encoding", sizes[i] < 65536 ? NULL : "chunked");
        check_big(&a.body, sizes[i]);
        answer_done(&a);
        assert_true(client_answer(&c, &a, false) && a.whole);
        assert_header(&a, "Transfer-Encoding", NULL);
        check_big(&a.body, sizes[i]);
        answer_done(&a);
    }
    client_close(&c);
}

static void an_old_client_gets_no_chunks_but_the_end(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    client_open(&c, &w);
    client_send(&c, "GET /big?200000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_true(client_answer(&c, &a, false));
    assert_header(&a, "Transfer-Encoding", NULL);
    assert_header(&a, "Connection", "close");
    check_big(&a.body, 200000);
    answer_done(&a);
    client_close(&c);
    client_open(&c, &w);
    client_send(&c, "GET /instant?1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_true(client_answer(&c, &a, false));
    assert_header(&a, "Connection", "keep-alive");
    answer_done(&a);
    client_ask(&c, "GET /instant?1 HTTP/1.0\r\n\r\n", 200);
    assert_true(client_ended(&c));
    client_close(&c);
}

static void inflate_all(const struct nilo_buf *in, const char *coding, struct nilo_buf *out, size_t n)
{
    char *room = malloc(n + 1);
    assert_non_null(room);
    if (strcmp(coding, "gzip") == 0) {
        z_stream z = {.next_in = (Bytef *)in->data, .avail_in = (uInt)in->len, .next_out = (Bytef *)room, .avail_out = (uInt)n + 1};
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(z.avail_in, 0);
        nilo_buf_add(out, room, z.total_out);
        inflateEnd(&z);
    } else {
        ZSTD_DCtx *d = ZSTD_createDCtx();
        ZSTD_inBuffer from = {in->data, in->len, 0};
        ZSTD_outBuffer to = {room, n + 1, 0};
        assert_int_equal(ZSTD_decompressStream(d, &to, &from), 0);
        assert_int_equal(from.pos, from.size);
        nilo_buf_add(out, room, to.pos);
        ZSTD_freeDCtx(d);
    }
    free(room);
}

static void answers_are_compressed_as_the_client_likes(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t n;
        const char *accept, *coding;
    } rows[] = {
        {"/big", 1023, "gzip", NULL},
        {"/big", 1024, "gzip", "gzip"},
        {"/big", 1024, "zstd", "zstd"},
        {"/big", 65535, "gzip, deflate, br, zstd", "zstd"},
        {"/big", 65536, "gzip", "gzip"},
        {"/big", 3000000, "gzip;q=0.9, zstd;q=0.8", "gzip"},
        {"/big", 3000000, "zstd", "zstd"},
        {"/big", 5000, "*", "zstd"},
        {"/big", 5000, "zstd;q=0, *", "gzip"},
        {"/big", 5000, "gzip;q=0, zstd;q=0.000", NULL},
        {"/big", 5000, "br, deflate", NULL},
        {"/big", 5000, "identity", NULL},
        {"/big", 5000, "xgzip", NULL},
        {"/known", 5000, "gzip", NULL}, /* its length was announced */
        {"/raw", 5000, "gzip", NULL},   /* nobody knows what it is */
    };
    struct client c;
    client_open(&c, &w);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char request[200];
        struct answer a;
        snprintf(request, sizeof(request), "GET %s?%zu HTTP/1.1\r\nHost: a\r\nAccept-Encoding: %s\r\n\r\n", rows[i].path, rows[i].n, rows[i].accept);
        client_send(&c, request);
        assert_true(client_answer(&c, &a, false) && a.whole);
        assert_header(&a, "Content-Encoding", rows[i].coding);
        assert_header(&a, "Vary", strcmp(rows[i].path, "/raw") == 0 ? NULL : "Accept-Encoding");
        if (rows[i].coding != NULL) {
            struct nilo_buf plain;
            nilo_buf_init(&plain, 64u << 20);
            inflate_all(&a.body, rows[i].coding, &plain, rows[i].n);
            assert_true(a.body.len < rows[i].n);
            check_big(&plain, rows[i].n);
            nilo_buf_done(&plain);
        } else {
            check_big(&a.body, rows[i].n);
        }
        answer_done(&a);
    }
    client_close(&c);
}

static void who_has_it_already_gets_304(void **state)
{
    (void)state;
    static const struct {
        const char *method, *given;
        int status;
    } rows[] = {{"GET", "W/\"v1\"", 304}, {"GET", "\"v1\"", 304},           {"GET", "\"v0\", W/\"v1\"", 304}, {"GET", "*", 304},
                {"HEAD", "\"v1\"", 304},  {"GET", "\"v2\"", 200},           {"GET", "v1", 200},               {"GET", "\"v1", 200},
                {"GET", "", 200},         {"POST", "\"v1\"", 200}};
    struct client c;
    client_open(&c, &w);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char request[200];
        struct answer a;
        snprintf(request, sizeof(request), "%s /etag HTTP/1.1\r\nHost: a\r\nIf-None-Match: %s\r\n\r\n", rows[i].method, rows[i].given);
        client_send(&c, request);
        assert_true(client_answer(&c, &a, strcmp(rows[i].method, "HEAD") == 0));
        assert_int_equal(a.status, rows[i].status);
        assert_header(&a, "ETag", "W/\"v1\"");
        answer_done(&a);
    }
    client_close(&c);
}

static void errors_are_json_with_four_members(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    client_open(&c, &w);
    client_send(&c, GET("/fails"));
    assert_true(client_answer(&c, &a, false));
    assert_int_equal(a.status, 507);
    assert_header(&a, "Content-Type", "application/json; charset=utf-8");
    assert_header(&a, "Proxy-Status", "nilometer; error=53100");
    assert_header(&a, "X-Before", NULL);
    assert_string_equal(nilo_buf_str(&a.body), "{\"code\":\"53100\",\"message\":\"no \\\"room\\\" left\",\"details\":null,\"hint\":null}");
    answer_done(&a);
    assert_non_null(strstr(client_ask(&c, GET("/nowhere"), 404), "\"code\":\"PGRST125\""));
    assert_non_null(strstr(client_ask(&c, GET("/echo"), 405), "\"code\":\"PGRST117\""));
    client_close(&c);
}

static void a_part_of_an_answer_is_never_taken_for_the_whole(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    client_open(&c, &w);
    client_send(&c, GET("/fails/late"));
    if (client_answer(&c, &a, false))
        assert_false(a.whole);
    answer_done(&a);
    client_close(&c);
    ask_once(GET("/fails/short"), 500);
}

static void a_header_cannot_be_broken_out_of(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    client_open(&c, &w);
    client_send(&c, GET("/header"));
    assert_true(client_answer(&c, &a, false));
    assert_header(&a, "X-Evil", "a  X-Injected: yes");
    assert_header(&a, "X-Injected", NULL);
    answer_done(&a);
    client_close(&c);
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------- */

static void bodies_arrive_by_length_and_in_chunks(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    assert_string_equal(client_ask(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 200), "hello");
    assert_string_equal(client_ask(&c, "PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 200), "hello");
    assert_string_equal(client_ask(&c, "POST /echo HTTP/1.1\r\nHost: a\r\n\r\n", 200), "");
    /* byte by byte, and another request right behind it */
    static const char slowly[] = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\nT: x\r\n\r\n" GET("/instant?z");
    for (size_t i = 0; i < sizeof(slowly) - 1; i++)
        client_send_n(&c, slowly + i, 1);
    assert_string_equal(client_ask(&c, "", 200), "a");
    assert_string_equal(client_ask(&c, "", 200), "<z>");
    client_close(&c);
}

static void send_body(const char *path, size_t n, bool chunked, int status)
{
    struct client c;
    struct nilo_buf request;
    nilo_buf_init(&request, 64u << 20);
    nilo_buf_addf(&request, "POST %s HTTP/1.1\r\nHost: a\r\n", path);
    if (chunked)
        nilo_buf_addf(&request, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", n);
    else
        nilo_buf_addf(&request, "Content-Length: %zu\r\n\r\n", n);
    for (size_t i = 0; i < n; i++)
        nilo_buf_addc(&request, 'b');
    if (chunked)
        nilo_buf_adds(&request, "\r\n0\r\n\r\n");
    client_open(&c, &w);
    client_send_n(&c, request.data, request.len);
    struct answer a;
    assert_true(client_answer(&c, &a, false));
    if (a.status != status || (status == 200 && a.body.len != n))
        fail_msg("%d for %zu bytes to %s, %zu came back", a.status, n, path, a.body.len);
    answer_done(&a);
    if (status != 200)
        assert_true(client_ended(&c));
    client_close(&c);
    nilo_buf_done(&request);
}

static void bodies_end_at_the_limit_of_their_route(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t limit;
    } rows[] = {{"/echo/small", 100}, {"/echo", 1 << 20}, {"/echo/large", 16 << 20}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int by = -1; by <= 1; by++) {
            send_body(rows[i].path, rows[i].limit + (size_t)by, false, by <= 0 ? 200 : 413);
            send_body(rows[i].path, rows[i].limit + (size_t)by, true, by <= 0 ? 200 : 413);
        }
    }
}

static void a_client_that_waits_for_continue_gets_it(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    client_open(&c, &w);
    client_send(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_true(client_answer(&c, &a, false));
    assert_int_equal(a.status, 100);
    answer_done(&a);
    assert_string_equal(client_ask(&c, "ok", 200), "ok");
    /* who sends too much is told so instead, before sending it */
    client_ask(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n", 413);
    assert_true(client_ended(&c));
    client_close(&c);
}

static void routes_take_segments_and_methods(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    client_open(&c, &w);
    assert_string_equal(client_ask(&c, GET("/a/x%20y/b/%C3%A9;z"), 200), "x y|\xc3\xa9;z|end|/a/x y/b/\xc3\xa9;z");
    client_ask(&c, GET("/a//b/y"), 404);
    client_ask(&c, GET("/a/x/b/"), 404);
    client_ask(&c, GET("/a/x/b/y/"), 404);
    client_ask(&c, GET("/a/x/b"), 404);
    client_send(&c, "DELETE /instant HTTP/1.1\r\nHost: a\r\nX-HTTP-Method-Override: GET\r\n\r\n"); /* B04 */
    assert_true(client_answer(&c, &a, false));
    assert_int_equal(a.status, 405);
    assert_header(&a, "Allow", "GET, HEAD, OPTIONS");
    answer_done(&a);
    client_send(&c, "OPTIONS /instant HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(client_answer(&c, &a, false));
    assert_int_equal(a.status, 200);
    assert_header(&a, "Allow", "GET, HEAD, OPTIONS");
    answer_done(&a);
    client_ask(&c, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    client_ask(&c, "OPTIONS /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404);
    client_close(&c);
}

/* B03: whatever is written in another way is the same route, or none */
static void there_is_one_way_to_a_route(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int status;
    } rows[] = {{"/admin", 401},          {"/%61dmin", 401},     {"/%61%64%6d%69%6E", 401}, {"//admin", 404},       {"/./admin", 404},
                {"/x/../admin", 404},     {"/%2e%2e/admin", 404}, {"/%252e/admin", 404},     {"/admin;x", 404},      {"/admin/", 404},
                {"/admin%2f", 404},       {"/ADMIN", 404},        {"/admin%20", 404},        {"/x%2f..%2fadmin", 404}, {"/admin?x", 401},
                {"/%2561dmin", 404},      {"/admin%00", 400},     {"/admin%", 400}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char request[200];
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].path);
        ask_once(request, rows[i].status);
    }
}

/* B01, B02, B04: refused, said why, connection closed; what was smuggled behind it is not served */
static void bad_requests_are_refused_and_the_connection_ends(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 400},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400},
        {"GET /instant HTTP/1.1\nHost: a\n\n", 400},
        {"GET /instant HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
        {"GET /instant HTTP/1.1\r\n\r\n", 400},
        {"GET /instant HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"GET /instant HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417},
        {"GET http://a/instant HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"TRACE /instant HTTP/1.1\r\nHost: a\r\n\r\n", 405},
        {"BREW /instant HTTP/1.1\r\nHost: a\r\n\r\n", 405},
        {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405},
        {"AVERYLONGMETHODNAME /instant HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        {"GET /instant HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client c;
        struct answer a;
        client_open(&c, &w);
        client_send(&c, rows[i].request);
        client_send(&c, GET("/log/smuggled"));
        assert_true(client_answer(&c, &a, false));
        if (a.status != rows[i].status)
            fail_msg("%d for %s", a.status, rows[i].request);
        assert_header(&a, "Connection", "close");
        assert_header(&a, "Content-Type", "application/json; charset=utf-8");
        assert_true(a.whole && strstr(a.body.data, "\"details\":null,\"hint\":null}") != NULL);
        answer_done(&a);
        assert_true(client_ended(&c));
        client_close(&c);
    }
    assert_string_equal(w.log, "");
    struct nilo_server_counts n = world_counts(&w);
    assert_int_equal(n.requests_bad, sizeof(rows) / sizeof(rows[0]));
}

static void heads_end_at_their_limits(void **state)
{
    (void)state;
    char *long_line = malloc(65536 + 64);
    assert_non_null(long_line);
    memcpy(long_line, "GET /", 5);
    memset(long_line + 5, 'x', 65536);
    long_line[65536 + 5] = '\0';
    ask_once(long_line, 414);
    free(long_line);
    struct nilo_buf many;
    nilo_buf_init(&many, 1 << 20);
    nilo_buf_adds(&many, "GET /instant HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 10000; i++)
        nilo_buf_adds(&many, "X: y\r\n");
    nilo_buf_adds(&many, "\r\n");
    ask_once(many.data, 431);
    nilo_buf_done(&many);
    for (int by = -1; by <= 1; by++) {
        struct nilo_buf head;
        nilo_buf_init(&head, 1 << 20);
        nilo_buf_adds(&head, "GET /instant HTTP/1.1\r\nHost: a\r\nX: ");
        while (head.len + 4 < (size_t)((int)NILO_HTTP_HEAD_MAX + by))
            nilo_buf_addc(&head, 'x');
        nilo_buf_adds(&head, "\r\n\r\n");
        ask_once(head.data, by <= 0 ? 200 : 431);
        nilo_buf_done(&head);
    }
}

/* ---- order ------------------------------------------------------------------------------------------------------------------------------- */

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct client c;
    struct nilo_buf all;
    nilo_buf_init(&all, 1 << 20);
    for (int i = 0; i < 1000; i++)
        nilo_buf_addf(&all, "GET /%s?%d HTTP/1.1\r\nHost: a\r\n\r\n", i % 3 == 0 ? "worker" : "instant", i);
    client_open(&c, &w);
    client_send_n(&c, all.data, all.len);
    for (int i = 0; i < 1000; i++) {
        char want[32];
        snprintf(want, sizeof(want), "<%d>", i);
        assert_string_equal(client_ask(&c, "", 200), want);
    }
    client_close(&c);
    nilo_buf_done(&all);
}

/* B06: who sends a thousand at once does not make the next one wait for all of them */
static void a_thousand_pipelined_requests_leave_others_their_share(void **state)
{
    (void)state;
    world_init(&w);
    w.config.limits.workers = 1;
    world_start(&w);
    struct client greedy, other;
    struct nilo_buf all;
    nilo_buf_init(&all, 1 << 20);
    nilo_buf_adds(&all, GET("/gate"));
    for (int i = 0; i < 1000; i++)
        nilo_buf_adds(&all, GET("/log/greedy"));
    client_open(&greedy, &w);
    client_send_n(&greedy, all.data, all.len);
    world_wait_at_gate(&w, 1);
    client_open(&other, &w);
    client_send(&other, GET("/log/other"));
    WORLD_UNTIL(world_counts(&w).queue_depth == 1);
    world_gate(&w, true);
    assert_string_equal(client_ask(&other, "", 200), "other");
    for (int i = 0; i < 1001; i++)
        client_ask(&greedy, "", 200);
    /* it stood in the queue while the greedy one had nothing there */
    assert_int_equal(strncmp(w.log, "other ", 6), 0);
    client_close(&greedy);
    client_close(&other);
    nilo_buf_done(&all);
    world_stop(&w);
}

static void what_is_not_instant_goes_to_a_worker(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    assert_string_equal(client_ask(&c, GET("/maybe?hit"), 200), "hit");
    assert_string_equal(client_ask(&c, GET("/maybe?miss"), 200), "worker");
    client_close(&c);
}

/* ---- limits ---------------------------------------------------------------------------------------------------------------------------------- */

static void an_address_has_its_share_of_connections(void **state)
{
    (void)state;
    world_init(&w);
    w.config.limits.per_address = 3;
    world_start(&w);
    struct client c[4];
    for (int i = 0; i < 3; i++) {
        client_open(&c[i], &w);
        client_ask(&c[i], GET("/instant"), 200);
    }
    client_open(&c[3], &w);
    assert_non_null(strstr(client_ask(&c[3], "", 503), "from this address"));
    client_close(&c[3]);
    client_close(&c[0]);
    WORLD_UNTIL(world_counts(&w).connections_open == 2);
    client_open(&c[0], &w);
    client_ask(&c[0], GET("/instant"), 200);
    for (int i = 0; i < 3; i++)
        client_close(&c[i]);
    assert_int_equal(world_counts(&w).connections_refused, 1);
    world_stop(&w);
}

static void over_the_total_an_idle_connection_makes_room(void **state)
{
    (void)state;
    world_init(&w);
    w.config.limits.connections = 2;
    world_start(&w);
    struct client idle, busy, next, last;
    client_open(&idle, &w);
    client_ask(&idle, GET("/instant"), 200);
    client_open(&busy, &w);
    client_send(&busy, GET("/gate"));
    world_wait_at_gate(&w, 1);
    client_open(&next, &w);
    client_send(&next, GET("/gate"));
    world_wait_at_gate(&w, 2);
    assert_true(client_ended(&idle));
    client_open(&last, &w); /* nobody is idle now */
    assert_non_null(strstr(client_ask(&last, "", 503), "too many connections"));
    world_gate(&w, true);
    client_ask(&busy, "", 200);
    client_ask(&next, "", 200);
    client_close(&idle);
    client_close(&busy);
    client_close(&next);
    client_close(&last);
    world_stop(&w);
}

static void a_full_queue_is_said_at_once(void **state)
{
    (void)state;
    world_init(&w);
    w.config.limits.workers = 1;
    w.config.limits.queue = 2;
    world_start(&w);
    struct client c[4];
    for (int i = 0; i < 4; i++)
        client_open(&c[i], &w);
    client_send(&c[0], GET("/gate"));
    world_wait_at_gate(&w, 1);
    client_send(&c[1], GET("/gate"));
    client_send(&c[2], GET("/gate"));
    WORLD_UNTIL(world_counts(&w).queue_depth == 2);
    struct answer a;
    client_send(&c[3], GET("/worker"));
    assert_true(client_answer(&c[3], &a, false));
    assert_int_equal(a.status, 503);
    assert_header(&a, "Retry-After", "1");
    answer_done(&a);
    client_ask(&c[3], GET("/instant"), 200); /* and the connection lives on */
    world_gate(&w, true);
    for (int i = 0; i < 3; i++)
        client_ask(&c[i], "", 200);
    client_ask(&c[3], GET("/worker"), 200);
    assert_int_equal(world_counts(&w).queue_full, 1);
    for (int i = 0; i < 4; i++)
        client_close(&c[i]);
    world_stop(&w);
}

static void all_bodies_together_have_a_limit(void **state)
{
    (void)state;
    world_init(&w);
    w.config.limits.bodies_total = 1000;
    world_start(&w);
    struct client first, second;
    client_open(&first, &w);
    client_send(&first, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 901\r\n\r\n");
    for (int i = 0; i < 90; i++)
        client_send(&first, "0123456789");
    WORLD_UNTIL(world_counts(&w).bodies_now == 900);
    client_open(&second, &w);
    client_ask(&second, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", 503);
    client_close(&second);
    client_open(&second, &w);
    char chunk[200];
    snprintf(chunk, sizeof(chunk), "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n%0101d", 0);
    client_ask(&second, chunk, 503);
    client_close(&second);
    client_ask(&first, "!", 200);
    WORLD_UNTIL(world_counts(&w).bodies_now == 0);
    client_open(&second, &w);
    client_ask(&second, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok", 200);
    client_close(&second);
    client_close(&first);
    world_stop(&w);
}

/* ---- who -------------------------------------------------------------------------------------------------------------------------------------- */

static int admit(void *ctx, struct nilo_exchange *x, struct nilo_err *err)
{
    (void)ctx;
    size_t n;
    const char *key = nilo_req_header(x, "apikey", 0, &n);
    if (key == NULL || n != 4 || memcmp(key, "good", 4) != 0)
        return nilo_err_set(err, NILO_EPERM, "not you");
    nilo_req_body_max_set(x, 3 << 20);
    return 0;
}
static int authorize(void *ctx, struct nilo_exchange *x, struct nilo_err *err)
{
    (void)ctx;
    return nilo_req_has_token(x, "Prefer", "never") ? nilo_err_set(err, NILO_EPERM, "asked the database") : 0;
}
static void decorate(void *ctx, struct nilo_exchange *x)
{
    (void)ctx;
    nilo_answer_header(x, "X-Decorated", "yes");
}

static void routes_with_a_policy_ask_before_the_body_comes(void **state)
{
    (void)state;
    ask_once(GET("/admin"), 401); /* no hook: nobody */
    world_stop(&w);
    world_init(&w);
    w.config.hooks.admit = admit;
    w.config.hooks.authorize = authorize;
    w.config.hooks.decorate = decorate;
    world_start(&w);
    struct client c;
    struct answer a;
    client_open(&c, &w);
    client_send(&c, "POST /admin HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
    assert_true(client_answer(&c, &a, false)); /* not a byte of the body was sent */
    assert_int_equal(a.status, 403);
    assert_header(&a, "X-Decorated", "yes");
    answer_done(&a);
    assert_true(client_ended(&c));
    client_close(&c);
    ask_once("GET /admin HTTP/1.1\r\nHost: a\r\napikey: good\r\n\r\n", 200);
    ask_once("GET /admin HTTP/1.1\r\nHost: a\r\napikey: good\r\nPrefer: x, never\r\n\r\n", 403);
    ask_once(GET("/instant"), 200); /* EVERYONE's */
}

static void a_table_with_a_hole_is_refused(void **state)
{
    (void)state;
    const struct nilo_route good = world_routes[0];
    struct nilo_route bad[7];
    for (int i = 0; i < 7; i++)
        bad[i] = good;
    bad[0].who = NILO_WHO_NOT_SAID;
    bad[1].who = NILO_WHO_N;
    bad[2].methods = 0;
    bad[3].handler = NULL;
    bad[4].path = "echo";
    bad[5].path = "/a{b}";
    bad[6].path = "/a/{b";
    for (int i = 0; i < 7; i++) {
        struct world other;
        struct nilo_err err = {0};
        world_init(&other);
        other.config.routes = &bad[i];
        other.config.n_routes = 1;
        assert_int_equal(nilo_server_new(&other.config, &other.server, &err), -1);
        assert_int_equal(err.code, NILO_EINTERNAL);
    }
}

static void forwarding_headers_count_from_named_proxies_only(void **state)
{
    (void)state;
    static const char request[] = "GET /address HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 1.1.1.1, 2001:db8::7\r\n"
                                  "Forwarded: for=6.6.6.6\r\nX-Real-IP: 5.5.5.5\r\n\r\n";
    struct client c;
    client_open(&c, &w);
    assert_string_equal(client_ask(&c, request, 200), "127.0.0.1");
    client_close(&c);
    world_stop(&w);
    static const char *const proxies[] = {"10.0.0.1", "127.0.0.1", NULL};
    world_init(&w);
    w.config.proxies = proxies;
    world_start(&w);
    client_open(&c, &w);
    assert_string_equal(client_ask(&c, request, 200), "2001:db8::7");
    assert_string_equal(client_ask(&c, "GET /address HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1, evil\r\n\r\n", 200), "127.0.0.1");
    assert_string_equal(client_ask(&c, GET("/address"), 200), "127.0.0.1");
    client_close(&c);
}

/* ---- workers ------------------------------------------------------------------------------------------------------------------------------------ */

static void a_worker_whose_store_is_lost_gets_a_new_one(void **state)
{
    (void)state;
    world_init(&w);
    w.config.limits.workers = 1;
    world_start(&w);
    struct client c;
    client_open(&c, &w);
    assert_int_equal(atomic_load(&w.workers_made), 1);
    client_ask(&c, GET("/breaks"), 503);
    assert_string_equal(client_ask(&c, GET("/maybe"), 200), "worker");
    assert_int_equal(atomic_load(&w.workers_made), 2);
    atomic_store(&w.worker_fails, true);
    client_ask(&c, GET("/breaks"), 503);
    assert_string_equal(client_ask(&c, GET("/maybe"), 200), "no worker");
    atomic_store(&w.worker_fails, false);
    assert_string_equal(client_ask(&c, GET("/maybe"), 200), "worker");
    client_close(&c);
    world_stop(&w);
}

static void a_server_without_a_store_does_not_start(void **state)
{
    (void)state;
    struct nilo_err err = {0};
    world_init(&w);
    atomic_store(&w.worker_fails, true);
    assert_int_equal(nilo_server_new(&w.config, &w.server, &err), 0);
    assert_int_equal(nilo_server_start(w.server, &err), -1);
    assert_string_equal(err.msg, "no store here");
    nilo_server_free(w.server);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        EACH(a_small_answer_has_its_length_and_the_date),
        EACH(head_is_get_without_the_body),
        EACH(no_content_has_neither_body_nor_length),
        EACH(large_answers_come_whole_and_in_order),
        EACH(an_old_client_gets_no_chunks_but_the_end),
        EACH(answers_are_compressed_as_the_client_likes),
        EACH(who_has_it_already_gets_304),
        EACH(errors_are_json_with_four_members),
        EACH(a_part_of_an_answer_is_never_taken_for_the_whole),
        EACH(a_header_cannot_be_broken_out_of),
        EACH(bodies_arrive_by_length_and_in_chunks),
        EACH(bodies_end_at_the_limit_of_their_route),
        EACH(a_client_that_waits_for_continue_gets_it),
        EACH(routes_take_segments_and_methods),
        EACH(there_is_one_way_to_a_route),
        EACH(bad_requests_are_refused_and_the_connection_ends),
        EACH(heads_end_at_their_limits),
        EACH(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_thousand_pipelined_requests_leave_others_their_share),
        EACH(what_is_not_instant_goes_to_a_worker),
        cmocka_unit_test(an_address_has_its_share_of_connections),
        cmocka_unit_test(over_the_total_an_idle_connection_makes_room),
        cmocka_unit_test(a_full_queue_is_said_at_once),
        cmocka_unit_test(all_bodies_together_have_a_limit),
        EACH(routes_with_a_policy_ask_before_the_body_comes),
        cmocka_unit_test(a_table_with_a_hole_is_refused),
        EACH(forwarding_headers_count_from_named_proxies_only),
        cmocka_unit_test(a_worker_whose_store_is_lost_gets_a_new_one),
        cmocka_unit_test(a_server_without_a_store_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
