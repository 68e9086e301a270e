/* The http client: against a server that behaves badly in every way we could think of, over TLS with wrong certificates, towards addresses that are not
 * public, through a proxy; and over a transport of its own, as a simulation brings it. */
#include "support/nilo_test.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect/http_priv.h"
#include "support/tmp.h"
#include "zoo.h"

#define CANARY "CANARY-5b1e-token"
#define TIME   (INT64_C(1763722800) * NILO_US_SECOND) /* 2025-11-21 11:00 UTC */

static struct nilo_env env;

static struct nilo_http *client(const struct nilo_http_options *o)
{
    struct nilo_http *h;
    struct nilo_err err = {0};
    struct nilo_http_options with = *o;
    with.proxy = with.proxy != NULL ? with.proxy : "";
    with.no_proxy = with.no_proxy != NULL ? with.no_proxy : "";
    if (nilo_http_new(&env, &with, &h, &err) != 0)
        fail_msg("%s", err.msg);
    return h;
}

static struct nilo_http_answer *wait_for(struct nilo_http *h)
{
    struct nilo_http_answer *a;
    while ((a = nilo_http_next(h)) == NULL) {
        assert_true(nilo_http_under_way(h) > 0);
        assert_int_equal(nilo_http_poll(h, NILO_US_NONE, NULL), 0);
    }
    return a;
}

static struct nilo_http_answer *ask(struct nilo_http *h, const struct nilo_http_request *r)
{
    uint64_t id;
    struct nilo_err err = {0};
    if (nilo_http_start(h, r, &id, &err) != 0)
        fail_msg("%s", err.msg);
    struct nilo_http_answer *a = wait_for(h);
    assert_int_equal(a->id, id);
    return a;
}

static const char *address(const struct zoo *z, const char *scheme, const char *path)
{
    static char url[200];
    snprintf(url, sizeof(url), "%s://127.0.0.1:%d%s", scheme, zoo_port(z), path);
    return url;
}

/* No part of an answer holds the secret, unless the server itself sent it back in the body. */
static void assert_no_secret(const struct nilo_http_answer *a)
{
    assert_null(strstr(a->message, "CANARY"));
    assert_null(strstr(a->purpose, "CANARY"));
    assert_null(strstr(a->address, "CANARY"));
}

/* ---- what goes out and what comes back --------------------------------------------------------------------------------------------------- */

static void a_request_arrives_whole_and_its_answer_comes_back(void **state)
{
    (void)state;
    struct zoo *z = zoo_open(NULL);
    struct nilo_http *h = client(&(struct nilo_http_options){0});
    const struct nilo_http_field headers[] = {{.name = "Authorization", .value = CANARY, .before = "Bearer ", .secret = true}, {.name = "X-Plain", .value = "yes"}};
    const struct nilo_http_field query[] = {{.name = "id", .value = "a,b c/&\xc3\xbc"}, {.name = "key", .value = CANARY "/+", .secret = true}};
    struct nilo_http_answer *a = ask(h, &(struct nilo_http_request){.method = "GET", .url = address(z, "http", "/echo?x=1"), .query = query, .n_query = 2, .headers = headers,
                                                                    .n_headers = 2, .loopback = true, .purpose = "the test", .ctx = z});
    assert_int_equal(a->end, NILO_HTTP_ANSWERED);
    assert_int_equal(a->status, 200);
    assert_non_null(strstr(a->body, "GET /echo?x=1&id=a%2Cb%20c%2F%26%C3%BC&key=CANARY-5b1e-token%2F%2B HTTP/1.1\r\n"));
    assert_non_null(strstr(a->body, "\r\nAuthorization: Bearer " CANARY "\r\n"));
    assert_non_null(strstr(a->body, "\r\nX-Plain: yes\r\n"));
    assert_non_null(strstr(a->body, "\r\nAccept-Encoding: gzip, br\r\n"));
    assert_non_null(strstr(a->body, "\r\nUser-Agent: nilometer/"));
    assert_int_equal(strlen(a->body), a->n_body);
    assert_string_equal(nilo_http_answer_header(a, "content-type"), "text/plain");
    assert_string_equal(nilo_http_answer_header(a, "x-twice"), "one");
    assert_string_equal(nilo_http_answer_header(a, "x-empty"), "");
    assert_null(nilo_http_answer_header(a, "x-nothing"));
    assert_int_equal(a->n_headers, 7);
    assert_string_equal(a->headers[2].value, "two");
    assert_int_equal(a->retry_after_ms, 120000); /* the longer one */
    assert_string_equal(a->purpose, "the test");
    assert_string_equal(a->address, "127.0.0.1");
    assert_string_equal(a->http_version, "1.1");
    assert_ptr_equal(a->ctx, z);
    assert_true(a->took > 0 && a->waited > 0 && a->first_byte >= a->waited && a->took >= a->first_byte && a->ended_at >= a->started_at);
    assert_no_secret(a);
    nilo_http_answer_free(a);
    assert_int_equal(nilo_http_under_way(h), 0);
    nilo_http_free(h);
    zoo_close(z);
}

static void forms_and_bodies_are_sent_by_every_method(void **state)
{
    (void)state;
    struct zoo *z = zoo_open(NULL);
    struct nilo_http *h = client(&(struct nilo_http_options){0});
    const struct nilo_http_field form[] = {{.name = "grant_type", .value = "refresh token"}, {.name = "secret", .value = CANARY "&=", .secret = true}};
    const struct nilo_http_field json = {.name = "Content-Type", .value = "application/json"};
    struct nilo_http_answer *a = ask(h, &(struct nilo_http_request){.method = "POST", .url = address(z, "http", "/echo"), .form = form, .n_form = 2, .loopback = true});
    assert_non_null(strstr(a->body, "POST /echo HTTP/1.1\r\n"));
    assert_non_null(strstr(a->body, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert_non_null(strstr(a->body, "\r\n\r\ngrant_type=refresh%20token&secret=CANARY-5b1e-token%26%3D"));
    assert_null(strstr(a->body, "Expect:"));
    nilo_http_answer_free(a);
    static const char *const methods[] = {"POST", "PUT"};
    for (size_t i = 0; i < 2; i++) {
        char line[40];
        a = ask(h, &(struct nilo_http_request){.method = methods[i], .url = address(z, "http", "/echo"), .headers = &json, .n_headers = 1, .body = "{\"a\":1}", .n_body = 7, .loopback = true});
        snprintf(line, sizeof(line), "%s /echo HTTP/1.1\r\n", methods[i]);
        assert_non_null(strstr(a->body, line));
        assert_non_null(strstr(a->body, "\r\n\r\n{\"a\":1}"));
        assert_non_null(strstr(a->body, "\r\nContent-Type: application/json\r\n"));
        nilo_http_answer_free(a);
    }
    static const char *const bare[] = {"POST", "DELETE"};
    for (size_t i = 0; i < 2; i++) {
        a = ask(h, &(struct nilo_http_request){.method = bare[i], .url = address(z, "http", "/echo"), .loopback = true});
        assert_int_equal(a->status, 200);
        assert_int_equal(strncmp(a->body, bare[i], strlen(bare[i])), 0);
        nilo_http_answer_free(a);
    }
    nilo_http_free(h);
    zoo_close(z);
}

/* ---- bad behaviour --------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *path;
    enum nilo_http_end end;
    int status; /* 0 = none came, or it does not matter */
    const char *body;
    int64_t deadline_ms;
    size_t body_max;
} behaviours[] = {
    {"/gzipped", NILO_HTTP_ANSWERED, 200, "hello, gzip", 0, 0},
    {"/gzipped", NILO_HTTP_ANSWERED, 200, "hello, gzip", 0, 11},
    {"/gzipped", NILO_HTTP_TOO_BIG, 200, "", 0, 10},
    {"/gzipped_twice", NILO_HTTP_ANSWERED, 200, "hello, twice", 0, 0},
    {"/brotli", NILO_HTTP_ANSWERED, 200, "hello", 0, 0},
    {"/chunks", NILO_HTTP_ANSWERED, 200, "four", 0, 0},
    {"/empty", NILO_HTTP_ANSWERED, 204, "", 0, 0},
    {"/redirect", NILO_HTTP_ANSWERED, 302, "", 0, 0},
    {"/redirect_here", NILO_HTTP_ANSWERED, 301, "", 0, 0},
    {"/nowhere", NILO_HTTP_ANSWERED, 404, "", 0, 0},
    {"/busy", NILO_HTTP_ANSWERED, 503, "busy", 0, 0},
    {"/short_length", NILO_HTTP_ANSWERED, 200, "four", 0, 0}, /* the announced length is what there is; JSON cut so does not read */
    {"/bomb", NILO_HTTP_TOO_BIG, 200, "", 0, 1 << 20},
    {"/big", NILO_HTTP_TOO_BIG, 200, "", 0, 1 << 20},
    {"/not_gzip", NILO_HTTP_BROKEN, 200, "", 0, 0},
    {"/cut", NILO_HTTP_BROKEN, 200, "", 0, 0},
    {"/bad_chunks", NILO_HTTP_BROKEN, 200, "", 0, 0},
    {"/huge_chunk", NILO_HTTP_BROKEN, 200, "", 0, 0},
    {"/cut_chunks", NILO_HTTP_BROKEN, 200, "", 0, 0},
    {"/no_http", NILO_HTTP_BROKEN, 0, "", 0, 0},
    {"/nothing", NILO_HTTP_BROKEN, 0, "", 0, 0},
    {"/negative_length", NILO_HTTP_BROKEN, 0, "", 0, 0},
    {"/nul_header", NILO_HTTP_BROKEN, 0, "", 0, 0},
    {"/two_lengths", NILO_HTTP_BROKEN, 0, "", 0, 0},
    {"/gzip_cut", NILO_HTTP_ANSWERED, 200, "hello, gzip", 0, 0}, /* libcurl does not miss the end; what of JSON is lost so, does not read */
    {"/headers", NILO_HTTP_TOO_BIG, 200, "", 0, 0},
    {"/few_long_headers", NILO_HTTP_TOO_BIG, 200, "", 0, 0},
    {"/one_header", NILO_HTTP_TOO_BIG, 0, "", 0, 0},
    {"/continues", NILO_HTTP_TOO_BIG, 0, "", 0, 0},
    {"/silence", NILO_HTTP_TIMED_OUT, 0, "", 200, 0},
    {"/drip", NILO_HTTP_TIMED_OUT, 0, "", 200, 0},
    {"/drip_head", NILO_HTTP_TIMED_OUT, 0, "", 200, 0},
    {"/drip", NILO_HTTP_TOO_SLOW, 200, "", 0, 0},
    {"/drip_head", NILO_HTTP_TOO_SLOW, 0, "", 0, 0},
};

static void bad_behaviour_ends_in_its_own_way_and_stays_alone(void **state)
{
    (void)state;
    struct zoo *z = zoo_open(NULL);
    struct nilo_http *h = client(&(struct nilo_http_options){.slow_bytes = 1000, .slow_s = 1});
    const struct nilo_http_field token = {.name = "Authorization", .value = CANARY, .secret = true}, key = {.name = "key", .value = CANARY, .secret = true};
    const size_t n = sizeof(behaviours) / sizeof(behaviours[0]);
    for (size_t i = 0; i < n; i++) {
        uint64_t id;
        assert_int_equal(nilo_http_start(h, &(struct nilo_http_request){.method = "GET", .url = address(z, "http", behaviours[i].path), .headers = &token, .n_headers = 1,
                                                                        .query = &key, .n_query = 1, .deadline_ms = behaviours[i].deadline_ms,
                                                                        .body_max = behaviours[i].body_max, .loopback = true, .ctx = (void *)(uintptr_t)i},
                                         &id, NULL), 0);
    }
    for (size_t k = 0; k < n; k++) {
        struct nilo_http_answer *a = wait_for(h);
        size_t i = (size_t)(uintptr_t)a->ctx;
        if (a->end != behaviours[i].end || (behaviours[i].status != 0 && a->status != behaviours[i].status) || strcmp(a->body, behaviours[i].body) != 0)
            fail_msg("%s: %s (%s), HTTP %d, \"%.60s\"", behaviours[i].path, nilo_http_end_word(a->end), a->message, a->status, a->body);
        assert_int_equal(a->n_body, strlen(behaviours[i].body));
        assert_true((a->message[0] != '\0') == (a->end != NILO_HTTP_ANSWERED));
        if (a->end != NILO_HTTP_ANSWERED)
            assert_non_null(strstr(a->message, "127.0.0.1"));
        if (a->status == 503)
            assert_int_equal(a->retry_after_ms, 86400000);
        assert_no_secret(a);
        nilo_http_answer_free(a);
    }
    nilo_http_free(h);
    zoo_close(z);
}

static void a_redirect_is_an_answer_and_nothing_more_is_asked(void **state)
{
    (void)state;
    struct zoo *z = zoo_open(NULL);
    struct nilo_http *h = client(&(struct nilo_http_options){0});
    struct nilo_http_answer *a = ask(h, &(struct nilo_http_request){.method = "GET", .url = address(z, "http", "/redirect_here"), .loopback = true});
    char *heard = zoo_heard(z);
    assert_int_equal(a->status, 301);
    assert_int_equal(strncmp(heard, "GET /redirect_here ", 19), 0);
    free(heard);
    nilo_http_answer_free(a);
    nilo_http_free(h);
    zoo_close(z);
}

static void nobody_listens_and_no_name(void **state)
{
    (void)state;
    struct zoo *z = zoo_open(NULL);
    char url[100];
    snprintf(url, sizeof(url), "%s", address(z, "http", "/echo"));
    zoo_close(z);
    struct nilo_http *h = client(&(struct nilo_http_options){0});
    struct nilo_http_answer *a = ask(h, &(struct nilo_http_request){.method = "GET", .url = url, .loopback = true});
    assert_int_equal(a->end, NILO_HTTP_NO_CONNECTION);
    assert_true(nilo_http_end_again(a->end));
    nilo_http_answer_free(a);
    a = ask(h, &(struct nilo_http_request){.method = "GET", .url = "https://name.invalid/", .deadline_ms = 20000});
    assert_true(a->end == NILO_HTTP_NO_NAME || a->end == NILO_HTTP_TIMED_OUT); /* the second where no name server answers */
    nilo_http_answer_free(a);
    nilo_http_free(h);
}

/* ---- TLS ------------------------------------------------------------------------------------------------------------------------------------------ */

/* Its peer is Node's, as nothing in C that is packaged serves HTTP/2; it ends by being told, or after a minute. */
static const char h2_server[] =
    "const fs = require('fs');\n"
    "const server = require('http2').createSecureServer({cert: fs.readFileSync(process.argv[2]), key: fs.readFileSync(process.argv[3]), allowHTTP1: true}, (q, s) => {\n"
    "  if (q.url === '/end') setTimeout(() => process.exit(0), 50);\n"
    "  s.end(q.httpVersion + ' ' + q.method + ' ' + (q.headers['authorization'] ? 'signed' : 'bare'));\n"
    "});\n"
    "server.listen(0, '127.0.0.1', () => console.log(server.address().port));\n"
    "setTimeout(() => process.exit(1), 60000);\n";

static void http_2_is_spoken_where_the_server_offers_it(void **state)
{
    (void)state;
    static const struct {
        bool http1;
        const char *body;
    } cases[] = {{false, "2.0 GET signed"}, {true, "1.1 GET signed"}};
    const char *certificate = nilo_test_path("h2.pem"), *key = nilo_test_path("h2.key"), *script = nilo_test_path("h2.js");
    char command[1000], url[100];
    int port = 0;
    zoo_certificate("IP:127.0.0.1", 1, certificate, key);
    nilo_test_write(script, h2_server, strlen(h2_server));
    snprintf(command, sizeof command, "node '%s' '%s' '%s' 2>/dev/null", script, certificate, key);
    FILE *server = popen(command, "r");
    if (server == NULL || fscanf(server, "%d", &port) != 1) {
        if (server != NULL)
            pclose(server);
        print_message("# skipped: there is no node\n");
        skip();
    }
    const struct nilo_http_field token = {.name = "Authorization", .value = CANARY, .secret = true};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_http *h = client(&(struct nilo_http_options){.ca_file = certificate, .http1 = cases[i].http1});
        const size_t many = 20; /* over however many connections */
        snprintf(url, sizeof url, "https://127.0.0.1:%d/", port);
        for (size_t k = 0; k < many; k++) {
            uint64_t id;
            assert_int_equal(nilo_http_start(h, &(struct nilo_http_request){.method = "GET", .url = url, .headers = &token, .n_headers = 1, .loopback = true, .deadline_ms = 20000},
                                             &id, NULL), 0);
        }
        for (size_t k = 0; k < many; k++) {
            struct nilo_http_answer *a = wait_for(h);
            if (a->end != NILO_HTTP_ANSWERED || strcmp(a->body, cases[i].body) != 0)
                fail_msg("%s (%s): %s", nilo_http_end_word(a->end), a->message, a->body);
            assert_no_secret(a);
            nilo_http_answer_free(a);
        }
        nilo_http_free(h);
    }
    struct nilo_http *h = client(&(struct nilo_http_options){.ca_file = certificate});
    snprintf(url, sizeof url, "https://127.0.0.1:%d/end", port);
    nilo_http_answer_free(ask(h, &(struct nilo_http_request){.method = "GET", .url = url, .loopback = true, .deadline_ms = 20000}));
    nilo_http_free(h);
    assert_int_equal(pclose(server), 0);
}

static void tls_is_verified_and_never_gone_without(void **state)
{
    (void)state;
    static const struct {
        const char *what, *alt;
        int days, newest;
        bool trusted, plain;
        const char *host;
        enum nilo_http_end end;
    } cases[] = {
        {"good, by address", "IP:127.0.0.1,DNS:localhost", 1, 0, true, false, "127.0.0.1", NILO_HTTP_ANSWERED},
        {"good, by name", "IP:127.0.0.1,DNS:localhost", 1, 0, true, false, "localhost", NILO_HTTP_ANSWERED},
        {"nobody vouches for it", "IP:127.0.0.1", 1, 0, false, false, "127.0.0.1", NILO_HTTP_BAD_TLS},
        {"expired", "IP:127.0.0.1", -1, 0, true, false, "127.0.0.1", NILO_HTTP_BAD_TLS},
        {"somebody else's", "DNS:other.example", 1, 0, true, false, "127.0.0.1", NILO_HTTP_BAD_TLS},
        {"the address, and asked by name", "IP:127.0.0.1", 1, 0, true, false, "localhost", NILO_HTTP_BAD_TLS},
        {"a wildcard for everything", "DNS:*", 1, 0, true, false, "localhost", NILO_HTTP_BAD_TLS},
        {"TLS 1.1", "IP:127.0.0.1", 1, TLS1_1_VERSION, true, false, "127.0.0.1", NILO_HTTP_BAD_TLS},
        {"no TLS at all", "IP:127.0.0.1", 1, 0, true, true, "127.0.0.1", NILO_HTTP_BAD_TLS},
    };
    const char *certificate = nilo_test_path("zoo.pem"), *key = nilo_test_path("zoo.key"), *other = nilo_test_path("other.pem");
    zoo_certificate("DNS:somebody.example", 1, other, nilo_test_path("other.key"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char url[100];
        zoo_certificate(cases[i].alt, cases[i].days, certificate, key);
        struct zoo *z = zoo_open(cases[i].plain ? NULL : &(struct zoo_tls){.certificate = certificate, .key = key, .newest = cases[i].newest});
        struct nilo_http *h = client(&(struct nilo_http_options){.ca_file = cases[i].trusted ? certificate : other});
        const struct nilo_http_field token = {.name = "Authorization", .value = CANARY, .secret = true};
        snprintf(url, sizeof(url), "https://%s:%d/echo", cases[i].host, zoo_port(z));
        struct nilo_http_answer *a = ask(h, &(struct nilo_http_request){.method = "GET", .url = url, .headers = &token, .n_headers = 1, .loopback = true, .deadline_ms = 10000});
        char *heard = zoo_heard(z);
        if (a->end != cases[i].end || (a->end == NILO_HTTP_ANSWERED) != (strstr(heard, CANARY) != NULL))
            fail_msg("%s: %s (%s); heard: %s", cases[i].what, nilo_http_end_word(a->end), a->message, heard);
        assert_int_equal(zoo_connections(z), 1); /* no second try, with or without TLS */
        assert_no_secret(a);
        free(heard);
        nilo_http_answer_free(a);
        nilo_http_free(h);
        zoo_close(z);
    }
}

/* ---- where to -------------------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *address;
    bool is_public, loopback;
} addresses[] = {
    {"8.8.8.8", true, false}, {"142.250.74.110", true, false}, {"1.1.1.1", true, false}, {"9.255.255.255", true, false}, {"11.0.0.0", true, false},
    {"100.63.255.255", true, false}, {"100.128.0.0", true, false}, {"172.15.255.255", true, false}, {"172.32.0.0", true, false}, {"192.167.255.255", true, false},
    {"192.169.0.0", true, false}, {"169.253.255.255", true, false}, {"169.255.0.0", true, false}, {"198.17.255.255", true, false}, {"198.20.0.0", true, false},
    {"223.255.255.255", true, false}, {"126.255.255.255", true, false}, {"128.0.0.0", true, false}, {"2a00:1450:4001:80b::200e", true, false},
    {"2606:4700::1111", true, false}, {"64:ff9b::8.8.8.8", true, false}, {"3ffe::1", true, false},
    {"0.0.0.0", false, false}, {"0.1.2.3", false, false}, {"10.0.0.1", false, false}, {"10.255.255.255", false, false}, {"100.64.0.0", false, false},
    {"100.127.255.255", false, false}, {"127.0.0.1", false, true}, {"127.255.255.254", false, true}, {"169.254.169.254", false, false}, {"172.16.0.0", false, false},
    {"172.31.255.255", false, false}, {"192.0.0.1", false, false}, {"192.0.2.1", false, false}, {"192.88.99.1", false, false}, {"192.168.0.1", false, false},
    {"192.168.255.255", false, false}, {"198.18.0.0", false, false}, {"198.19.255.255", false, false}, {"198.51.100.7", false, false}, {"203.0.113.7", false, false},
    {"224.0.0.1", false, false}, {"239.255.255.255", false, false}, {"240.0.0.1", false, false}, {"255.255.255.255", false, false},
    {"::", false, false}, {"::1", false, true}, {"::2", false, false}, {"::ffff:127.0.0.1", false, false}, {"::ffff:8.8.8.8", false, false}, {"::8.8.8.8", false, false},
    {"64:ff9b::10.0.0.1", false, false}, {"64:ff9b::169.254.169.254", false, false}, {"64:ff9b:1::1", false, false}, {"100::1", false, false},
    {"2001::1", false, false}, {"2001:1ff::1", false, false}, {"2001:db8::1", false, false}, {"2002:7f00:1::", false, false}, {"2002:808:808::", false, false},
    {"3fff::1", false, false}, {"fc00::1", false, false}, {"fd12:3456::1", false, false}, {"fe80::1", false, false}, {"fec0::1", false, false}, {"ff02::1", false, false},
    {"4000::1", false, false}, {"5f00::1", false, false},
};

static void only_public_addresses_are_connected_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        unsigned char bytes[16];
        int family = strchr(addresses[i].address, ':') != NULL ? AF_INET6 : AF_INET;
        assert_int_equal(inet_pton(family, addresses[i].address, bytes), 1);
        if (nilo__http_may_connect(family, bytes, false) != addresses[i].is_public || nilo__http_may_connect(family, bytes, true) != addresses[i].loopback)
            fail_msg("%s", addresses[i].address);
    }
    assert_false(nilo__http_may_connect(AF_UNIX, "/x", false));
    assert_false(nilo__http_may_connect(AF_UNIX, "/x", true));
}

/* A name that means a server of ours, by every address that is not public: the server hears of no one. */
static void a_name_with_an_address_that_is_not_public_is_not_connected_to(void **state)
{
    (void)state;
    struct zoo *z = zoo_open(NULL);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        char resolve[200], url[100];
        const char *const list[] = {resolve, NULL};
        if (addresses[i].is_public)
            continue;
        bool six = strchr(addresses[i].address, ':') != NULL;
        snprintf(resolve, sizeof(resolve), "platform.example:%d:%s%s%s", zoo_port(z), six ? "[" : "", addresses[i].address, six ? "]" : "");
        snprintf(url, sizeof(url), "https://platform.example:%d/echo", zoo_port(z));
        struct nilo_http *h = client(&(struct nilo_http_options){.resolve = list});
        struct nilo_http_answer *a = ask(h, &(struct nilo_http_request){.method = "GET", .url = url, .deadline_ms = 5000});
        if (a->end != NILO_HTTP_NOT_PUBLIC || a->address[0] != '\0')
            fail_msg("%s: %s (%s) %s", addresses[i].address, nilo_http_end_word(a->end), a->message, a->address);
        assert_non_null(strstr(a->message, "platform.example"));
        assert_null(strstr(a->message, addresses[i].address)); /* what lies behind our walls is nobody's business */
        nilo_http_answer_free(a);
        nilo_http_free(h);
    }
    assert_int_equal(zoo_connections(z), 0);
    /* And the other way: what is meant for this machine does not leave it. */
    const char *const list[] = {"localhost:443:8.8.8.8", NULL};
    struct nilo_http *h = client(&(struct nilo_http_options){.resolve = list});
    struct nilo_http_answer *a = ask(h, &(struct nilo_http_request){.method = "GET", .url = "https://localhost/", .deadline_ms = 5000, .loopback = true});
    assert_true(a->end == NILO_HTTP_NOT_PUBLIC || a->end == NILO_HTTP_NO_CONNECTION); /* libcurl itself may not ask anybody about localhost */
    assert_string_not_equal(a->address, "8.8.8.8");
    nilo_http_answer_free(a);
    nilo_http_free(h);
    zoo_close(z);
}

static void requests_that_are_none_are_refused_at_once(void **state)
{
    (void)state;
    const struct {
        struct nilo_http_request r;
        const char *words;
    } cases[] = {
        {{.method = "GET", .url = "http://example.org/"}, "use https://"},
        {{.method = "GET", .url = "ftp://example.org/"}, "https://HOST"},
        {{.method = "GET", .url = "file:///etc/passwd"}, "https://HOST"},
        {{.method = "GET", .url = "gopher://example.org/"}, "https://HOST"},
        {{.method = "GET", .url = "https://"}, "https://HOST"},
        {{.method = "GET", .url = "https:///x"}, "https://HOST"},
        {{.method = "GET", .url = "https://a b/"}, "https://HOST"},
        {{.method = "GET", .url = "https://user:" CANARY "@example.org/"}, "name or password"},
        {{.method = "GET", .url = "https://example.org@127.0.0.1/"}, "name or password"},
        {{.method = "GET", .url = "https://example.org:0/"}, "https://HOST"},
        {{.method = "GET", .url = "https://example.org:65536/"}, "https://HOST"},
        {{.method = "GET", .url = "https://example.org:x/"}, "https://HOST"},
        {{.method = "GET", .url = "https://[::1/"}, "https://HOST"},
        {{.method = "GET", .url = "https://[fe80::1%25eth0]/"}, "https://HOST"},
        {{.method = "GET", .url = "https://example.org/a b"}, "encoded"},
        {{.method = "GET", .url = "https://example.org/\r\nHost: x"}, "encoded"},
        {{.method = "GET", .url = "https://example.org/\xc3\xbc"}, "encoded"},
        {{.method = "GET", .url = "https://example.org/x#y"}, "encoded"},
        {{.method = "GET", .url = "https://example.org\\@evil.example/"}, "name or password"},
        {{.method = "GET", .url = "https://127.0.0.1/"}, "only a configured base"},
        {{.method = "GET", .url = "https://localhost/"}, "only a configured base"},
        {{.method = "GET", .url = "https://[::1]/"}, "only a configured base"},
        {{.method = "GET", .url = "https://example.org/", .loopback = true}, "no address of this machine"},
        {{.method = "GET", .url = "http://10.0.0.1/", .loopback = true}, "no address of this machine"},
        {{.method = "GET", .url = "http://127.0.0.1.example.org/", .loopback = true}, "no address of this machine"},
        {{.method = "GET", .url = "http://2130706433/", .loopback = true}, "no address of this machine"},
        {{.method = "TRACE", .url = "https://example.org/"}, "without a method"},
        {{.method = "get", .url = "https://example.org/"}, "without a method"},
        {{.method = NULL, .url = "https://example.org/"}, "without a method"},
        {{.method = "GET", .url = "https://example.org/", .headers = &(struct nilo_http_field){.name = "X", .value = "a\r\nY: b"}, .n_headers = 1}, "no header may hold"},
        {{.method = "GET", .url = "https://example.org/", .headers = &(struct nilo_http_field){.name = "Authorization", .value = CANARY "\n", .secret = true}, .n_headers = 1}, "no header may hold"},
        {{.method = "GET", .url = "https://example.org/", .headers = &(struct nilo_http_field){.name = "X: a\r\nY", .value = "b"}, .n_headers = 1}, "no name"},
        {{.method = "GET", .url = "https://example.org/", .headers = &(struct nilo_http_field){.name = "", .value = "b"}, .n_headers = 1}, "no name"},
        {{.method = "GET", .url = "https://example.org/", .headers = &(struct nilo_http_field){.name = "X", .value = NULL}, .n_headers = 1}, "no value"},
    };
    struct nilo_http *h = client(&(struct nilo_http_options){0});
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_err err = {0};
        uint64_t id = 0;
        int rc = nilo_http_start(h, &cases[i].r, &id, &err);
        if (rc == 0 || strstr(err.msg, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].r.url, rc == 0 ? "taken" : err.msg);
        assert_int_equal(err.code, NILO_EINVAL);
        assert_null(strstr(err.msg, "CANARY"));
        assert_int_equal(id, 0);
    }
    assert_int_equal(nilo_http_under_way(h), 0);
    nilo_http_free(h);
}

/* ---- proxy ---------------------------------------------------------------------------------------------------------------------------------------------- */

static void the_proxy_sees_the_host_and_nothing_else(void **state)
{
    (void)state;
    struct zoo *z = zoo_open(NULL);
    char proxy[100];
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", zoo_port(z));
    struct nilo_http *h = client(&(struct nilo_http_options){.proxy = proxy, .no_proxy = "spared.example, .inside.example", .resolve = (const char *const[]){"spared.example:443:10.0.0.1", NULL}});
    const struct nilo_http_field token = {.name = "Authorization", .value = CANARY, .secret = true}, key = {.name = "key", .value = CANARY, .secret = true};
    struct nilo_http_request r = {.method = "GET", .url = "https://platform.example/path", .headers = &token, .n_headers = 1, .query = &key, .n_query = 1};
    struct nilo_http_answer *a = ask(h, &r);
    char *heard = zoo_heard(z);
    assert_int_equal(strncmp(heard, "CONNECT platform.example:443 HTTP/1.1\r\n", 39), 0);
    assert_null(strstr(heard, "CANARY"));
    assert_null(strstr(heard, "/path"));
    assert_int_not_equal(a->end, NILO_HTTP_ANSWERED);
    assert_no_secret(a);
    free(heard);
    nilo_http_answer_free(a);
    assert_int_equal(zoo_connections(z), 1);
    r.url = "https://spared.example/"; /* asked directly, and there the address is looked at again */
    a = ask(h, &r);
    assert_int_equal(a->end, NILO_HTTP_NOT_PUBLIC);
    nilo_http_answer_free(a);
    assert_int_equal(zoo_connections(z), 1);
    r.url = address(z, "http", "/echo");
    r.loopback = true;
    a = ask(h, &r);
    assert_int_equal(a->status, 200);
    assert_int_equal(strncmp(a->body, "GET /echo?key=", 14), 0);
    nilo_http_answer_free(a);
    nilo_http_free(h);
    zoo_close(z);
}

static void hosts_are_spared_by_their_names_ends(void **state)
{
    (void)state;
    static const struct {
        const char *list, *host;
        bool spared;
    } cases[] = {
        {"*", "a.example", true}, {"", "a.example", false}, {NULL, "a.example", false}, {"example", "a.example", true}, {"a.example", "a.example", true},
        {".example", "a.example", true}, {"*.example", "a.example", true}, {"b.example", "a.example", false}, {"ample", "a.example", false}, {"A.Example", "a.example", true},
        {"x, a.example ,y", "a.example", true}, {"x a.example", "a.example", true}, {"a.example", "example", false}, {"a.example", "ba.example", false}, {",,", "a", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (nilo__http_spared(cases[i].list, cases[i].host) != cases[i].spared)
            fail_msg("\"%s\" %s", cases[i].list, cases[i].host);
    }
}

/* ---- many at once ------------------------------------------------------------------------------------------------------------------------------------------ */

static void as_many_connections_as_allowed_carry_all_requests(void **state)
{
    (void)state;
    struct zoo *z = zoo_open(NULL);
    struct nilo_http *h = client(&(struct nilo_http_options){.host_connections = 3});
    bool seen[40] = {false};
    for (size_t i = 0; i < 40; i++) {
        uint64_t id;
        assert_int_equal(nilo_http_start(h, &(struct nilo_http_request){.method = "GET", .url = address(z, "http", "/later"), .loopback = true, .ctx = (void *)(uintptr_t)i}, &id, NULL), 0);
        assert_int_equal(id, i + 1);
    }
    assert_int_equal(nilo_http_under_way(h), 40);
    for (size_t i = 0; i < 40; i++) {
        struct nilo_http_answer *a = wait_for(h);
        size_t at = (size_t)(uintptr_t)a->ctx;
        assert_string_equal(a->body, "later");
        assert_false(seen[at]);
        seen[at] = true;
        nilo_http_answer_free(a);
    }
    assert_int_equal(zoo_at_once(z), 3);
    assert_int_equal(zoo_connections(z), 3);
    nilo_http_free(h);
    zoo_close(z);
}

static void what_waits_for_a_connection_keeps_its_deadline_too(void **state)
{
    (void)state;
    struct zoo *z = zoo_open(NULL);
    struct nilo_http *h = client(&(struct nilo_http_options){.host_connections = 1});
    uint64_t first, second;
    struct nilo_http_request r = {.method = "GET", .url = address(z, "http", "/silence"), .loopback = true, .deadline_ms = 60000};
    assert_int_equal(nilo_http_start(h, &r, &first, NULL), 0);
    assert_int_equal(nilo_http_poll(h, 0, NULL), 0);
    r.deadline_ms = 300;
    assert_int_equal(nilo_http_start(h, &r, &second, NULL), 0);
    struct nilo_http_answer *a = wait_for(h);
    assert_int_equal(a->id, second);
    assert_int_equal(a->end, NILO_HTTP_TIMED_OUT);
    nilo_http_answer_free(a);
    nilo_http_cancel(h, 4711);
    assert_int_equal(nilo_http_under_way(h), 1);
    nilo_http_cancel(h, first);
    a = nilo_http_next(h);
    assert_non_null(a);
    assert_int_equal(a->id, first);
    assert_int_equal(a->end, NILO_HTTP_CANCELLED);
    nilo_http_answer_free(a);
    assert_int_equal(nilo_http_start(h, &r, &first, NULL), 0); /* freed with something under way */
    assert_int_equal(nilo_http_poll(h, 0, NULL), 0);
    nilo_http_free(h);
    zoo_close(z);
}

static void *waker(void *h)
{
    nilo_http_wake(h);
    return NULL;
}

static void somebody_else_ends_the_waiting(void **state)
{
    (void)state;
    struct zoo *z = zoo_open(NULL);
    struct nilo_http *h = client(&(struct nilo_http_options){0});
    uint64_t id;
    pthread_t thread;
    assert_int_equal(nilo_http_poll(h, NILO_US_NONE, NULL), 0); /* nothing is under way: nothing to wait for */
    assert_int_equal(nilo_http_start(h, &(struct nilo_http_request){.method = "GET", .url = address(z, "http", "/silence"), .loopback = true}, &id, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, waker, h), 0);
    assert_int_equal(nilo_http_poll(h, NILO_US_NONE, NULL), 0); /* returns, before or after the other thread came */
    assert_null(nilo_http_next(h));
    pthread_join(thread, NULL);
    nilo_http_free(h);
    zoo_close(z);
}

/* ---- without sockets --------------------------------------------------------------------------------------------------------------------------------------------- */

/* Answers each request a second of virtual time after it came. */
struct sim {
    struct nilo_virtual_clock clock;
    const struct nilo_http_job *jobs[8];
    size_t n, of_answer;
    char wire[400];
    bool freed;
};

static int sim_start(void *transport, const struct nilo_http_job *job, struct nilo_err *err)
{
    struct sim *s = transport;
    if (strstr(job->url, "refused") != NULL)
        return nilo_err_set(err, NILO_ENOMEM, "no");
    snprintf(s->wire, sizeof(s->wire), "%s %s|%s|%s", job->method, job->wire_url, job->n_headers > 0 ? job->headers[0] : "", job->body != NULL ? job->body : "");
    s->jobs[s->n++] = job;
    return 0;
}

static int sim_poll(void *transport, nilo_us span, struct nilo_err *err)
{
    struct sim *s = transport;
    (void)err;
    if (s->n == 0 || (span != NILO_US_NONE && span < NILO_US_SECOND)) {
        nilo_virtual_clock_advance(&s->clock, span > 0 ? span : 0);
        return 0;
    }
    struct nilo_buf body;
    const struct nilo_http_header header = {.name = "Retry-After", .value = " Fri, 21 Nov 2025 11:01:01 GMT"};
    nilo_virtual_clock_advance(&s->clock, NILO_US_SECOND);
    nilo_buf_init(&body, 1000);
    for (size_t i = 0; i < s->of_answer; i++)
        nilo_buf_addc(&body, 'x');
    const struct nilo_http_job *job = s->jobs[0];
    memmove(s->jobs, s->jobs + 1, --s->n * sizeof(s->jobs[0]));
    nilo_http_finish(job->http, job->id, &(struct nilo_http_outcome){.end = NILO_HTTP_ANSWERED, .status = 200, .headers = &header, .n_headers = 1, .body = &body});
    nilo_buf_done(&body);
    return 0;
}

static void sim_cancel(void *transport, uint64_t id)
{
    struct sim *s = transport;
    nilo_http_finish(s->jobs[0]->http, id, &(struct nilo_http_outcome){.end = NILO_HTTP_CANCELLED, .message = "cancelled"});
    s->n = 0;
}

static void sim_wake(void *transport)
{
    (void)transport;
}

static void sim_free(void *transport)
{
    ((struct sim *)transport)->freed = true;
}

static void a_simulation_takes_the_network_s_place(void **state)
{
    (void)state;
    static const struct nilo_http_ops ops = {.name = "sim", .start = sim_start, .poll = sim_poll, .cancel = sim_cancel, .wake = sim_wake, .free = sim_free};
    struct sim s = {.of_answer = 5};
    struct nilo_env virtual = env;
    struct nilo_http *h;
    struct nilo_err err = {0};
    uint64_t id;
    nilo_virtual_clock_init(&s.clock, TIME);
    virtual.clock = nilo_virtual_clock(&s.clock);
    assert_int_equal(nilo_http_new_over(&virtual, &ops, &s, &h, NULL), 0);
    const struct nilo_http_field key = {.name = "key", .value = CANARY, .secret = true}, header = {.name = "A", .value = "b", .before = "c "};
    struct nilo_http_request r = {.method = "POST", .url = "https://platform.example/x", .query = &key, .n_query = 1, .headers = &header, .n_headers = 1, .form = &key, .n_form = 1,
                                  .body_max = 5};
    assert_int_equal(nilo_http_start(h, &r, &id, NULL), 0);
    assert_string_equal(s.wire, "POST https://platform.example/x?key=" CANARY "|A: c b|key=" CANARY);
    assert_string_equal(s.jobs[0]->url, "https://platform.example/x");
    assert_string_equal(s.jobs[0]->headers[1], "Content-Type: application/x-www-form-urlencoded");
    assert_int_equal(nilo_http_poll(h, 100, NULL), 0);
    assert_null(nilo_http_next(h));
    struct nilo_http_answer *a = wait_for(h);
    assert_true(a->started_at == TIME && a->ended_at == TIME + NILO_US_SECOND + 100 && a->took == NILO_US_SECOND + 100);
    assert_int_equal(a->retry_after_ms, 60000); /* rounded up to a millisecond: 60 s less 100 us */
    assert_string_equal(a->body, "xxxxx");
    nilo_http_answer_free(a);
    s.of_answer = 6;
    a = ask(h, &r);
    assert_int_equal(a->end, NILO_HTTP_TOO_BIG); /* whatever a transport lets through */
    assert_string_equal(a->body, "");
    nilo_http_answer_free(a);
    r.url = "https://platform.example/refused";
    assert_int_equal(nilo_http_start(h, &r, &id, &err), -1);
    assert_int_equal(err.code, NILO_ENOMEM);
    assert_int_equal(nilo_http_under_way(h), 0);
    r.url = "https://platform.example/x";
    assert_int_equal(nilo_http_start(h, &r, &id, NULL), 0);
    nilo_http_cancel(h, id);
    a = nilo_http_next(h);
    assert_int_equal(a->end, NILO_HTTP_CANCELLED);
    nilo_http_answer_free(a);
    nilo_http_free(h);
    assert_true(s.freed);
}

static void retry_after_is_read_and_clamped(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"0", 0}, {"1", 1000}, {" 120 ", 120000}, {"86400", 86400000}, {"86401", 86400000}, {"99999999999", 86400000}, {"99999999999999999999999999", 86400000},
        {"-1", -1}, {"+1", -1}, {"1.5", -1}, {"", -1}, {"soon", -1}, {"1 2", -1}, {"0x10", -1},
        {"Fri, 21 Nov 2025 11:00:30 GMT", 30000}, {"Fri, 21 Nov 2025 10:59:59 GMT", 0}, {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Sat, 22 Nov 2025 11:00:00 GMT", 86400000}, {"Fri, 21 Nov 2225 11:00:00 GMT", 86400000}, {"Fri, 31 Nov 2025 11:00:30 GMT", -1}, {"Fri, 21 Nov", -1},
        {"Fri, 21 Nov 2025 11:00:30", -1}, {"Friday, 21-Nov-25 11:00:30 GMT", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (nilo_http_retry_after(cases[i].text, TIME) != cases[i].ms)
            fail_msg("\"%s\": %lld", cases[i].text, (long long)nilo_http_retry_after(cases[i].text, TIME));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_arrives_whole_and_its_answer_comes_back),
        cmocka_unit_test(forms_and_bodies_are_sent_by_every_method),
        cmocka_unit_test(bad_behaviour_ends_in_its_own_way_and_stays_alone),
        cmocka_unit_test(a_redirect_is_an_answer_and_nothing_more_is_asked),
        cmocka_unit_test(nobody_listens_and_no_name),
        cmocka_unit_test(tls_is_verified_and_never_gone_without),
        cmocka_unit_test(http_2_is_spoken_where_the_server_offers_it),
        cmocka_unit_test(only_public_addresses_are_connected_to),
        cmocka_unit_test(a_name_with_an_address_that_is_not_public_is_not_connected_to),
        cmocka_unit_test(requests_that_are_none_are_refused_at_once),
        cmocka_unit_test(the_proxy_sees_the_host_and_nothing_else),
        cmocka_unit_test(hosts_are_spared_by_their_names_ends),
        cmocka_unit_test(as_many_connections_as_allowed_carry_all_requests),
        cmocka_unit_test(what_waits_for_a_connection_keeps_its_deadline_too),
        cmocka_unit_test(somebody_else_ends_the_waiting),
        cmocka_unit_test(a_simulation_takes_the_network_s_place),
        cmocka_unit_test(retry_after_is_read_and_clamped),
    };
    struct nilo_err err;
    if (nilo_env_plain(&env, &err) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
