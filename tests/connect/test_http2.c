/* The http client against a server that speaks HTTP/2 and nothing else, over TLS: h2 is agreed on, requests that are under way at once share one connection, answers
 * come compressed as the client offers. Node's http2 is the server; where there is no Node these cases are skipped. */
#include "support/nilo_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "connect/http.h"
#include "support/tmp.h"
#include "zoo.h"

#define MANY 20

static struct nilo_env env;
static pid_t server;
static int end_of_server = -1, port;

static void run_node(int in, int out, const char *certificate, const char *key)
{
    char script[4096];
    const char *source = getenv("NILO_SOURCE");
    snprintf(script, sizeof script, "%s/tests/connect/h2_server.mjs", source != NULL ? source : "..");
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    execlp("node", "node", script, certificate, key, (char *)NULL);
    _exit(127);
}

static int begin(void **state)
{
    static char certificate[4096], key[4096];
    int in[2], out[2];
    char line[64] = "";
    (void)state;
    if (nilo_env_plain(&env, NULL) != 0 || pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return -1;
    snprintf(certificate, sizeof certificate, "%s", nilo_test_path("h2.pem"));
    snprintf(key, sizeof key, "%s", nilo_test_path("h2.key"));
    zoo_certificate("IP:127.0.0.1,DNS:localhost", 1, certificate, key);
    fflush(NULL);
    if ((server = fork()) == 0)
        run_node(in[0], out[1], certificate, key);
    close(in[0]);
    close(out[1]);
    end_of_server = in[1];
    FILE *said = fdopen(out[0], "r");
    if (said != NULL && fgets(line, sizeof line, said) != NULL)
        port = (int)strtol(line, NULL, 10);
    fclose(said);
    return 0;
}

static int end(void **state)
{
    (void)state;
    close(end_of_server);
    waitpid(server, NULL, 0);
    return 0;
}

static struct nilo_http *client(const struct nilo_http_options *more)
{
    struct nilo_http_options o = *more;
    struct nilo_http *h;
    struct nilo_err err = {0};
    if (port == 0)
        nilo_test_skip("there is no node that answers over HTTP/2 here");
    o.ca_file = nilo_test_path("h2.pem");
    if (nilo_http_new(&env, &o, &h, &err) != 0)
        fail_msg("%s", err.msg);
    return h;
}

static void start(struct nilo_http *h, const char *path)
{
    char url[200];
    const struct nilo_http_field token = {.name = "Authorization", .value = "secret-of-h2", .before = "Bearer ", .secret = true};
    struct nilo_err err = {0};
    uint64_t id;
    snprintf(url, sizeof url, "https://127.0.0.1:%d/%s", port, path);
    const struct nilo_http_request r = {.method = "GET", .url = url, .headers = &token, .n_headers = 1, .loopback = true, .purpose = "test"};
    if (nilo_http_start(h, &r, &id, &err) != 0)
        fail_msg("%s", err.msg);
}

static struct nilo_http_answer *wait_for(struct nilo_http *h)
{
    struct nilo_http_answer *a;
    struct nilo_err err = {0};
    while ((a = nilo_http_next(h)) == NULL)
        assert_int_equal(nilo_http_poll(h, NILO_US_NONE, &err), 0);
    return a;
}

static int64_t sessions(struct nilo_http *h)
{
    start(h, "count");
    struct nilo_http_answer *a = wait_for(h);
    assert_int_equal(a->status, 200);
    int64_t n = strtoll(a->body, NULL, 10);
    nilo_http_answer_free(a);
    return n;
}

static void h2_is_spoken_and_answers_come_compressed(void **state)
{
    static const char *const ways[] = {"plain", "gzip", "br"};
    struct nilo_http *h = client(&(struct nilo_http_options){0});
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        start(h, ways[i]);
        struct nilo_http_answer *a = wait_for(h);
        if (a->end != NILO_HTTP_ANSWERED)
            fail_msg("%s: %s", ways[i], a->message);
        assert_int_equal(a->status, 200);
        assert_string_equal(a->http_version, "2");
        assert_int_equal(a->n_body, 200000 + strlen("Bearer secret-of-h2")); /* whole, decompressed, and the header came along */
        assert_string_equal(a->body + 200000, "Bearer secret-of-h2");
        const char *accepted = nilo_http_answer_header(a, "x-accepted");
        assert_non_null(accepted);
        assert_non_null(strstr(accepted, "gzip"));
        assert_non_null(strstr(accepted, "br"));
        nilo_http_answer_free(a);
    }
    assert_int_equal(sessions(h), 1);
    nilo_http_free(h);
}

/* The server answers none of them before all are there: twenty are under way at once, and there is one connection. */
static void requests_under_way_at_once_share_one_connection(void **state)
{
    struct nilo_http *h = client(&(struct nilo_http_options){0});
    (void)state;
    int64_t before = sessions(h);
    for (int i = 0; i < MANY; i++)
        start(h, "gzip?wait=20");
    for (int i = 0; i < MANY; i++) {
        struct nilo_http_answer *a = wait_for(h);
        if (a->end != NILO_HTTP_ANSWERED)
            fail_msg("%s", a->message);
        assert_string_equal(a->http_version, "2");
        nilo_http_answer_free(a);
    }
    assert_int_equal(sessions(h), before);
    nilo_http_free(h);
}

/* Also when nobody has connected yet: the others wait for the first to learn what the server speaks. */
static void the_first_requests_wait_for_one_connection(void **state)
{
    struct nilo_http *h = client(&(struct nilo_http_options){0}), *other = client(&(struct nilo_http_options){0});
    (void)state;
    int64_t before = sessions(other);
    for (int i = 0; i < MANY; i++)
        start(h, "br?wait=20");
    for (int i = 0; i < MANY; i++)
        nilo_http_answer_free(wait_for(h));
    assert_int_equal(sessions(other), before + 1);
    nilo_http_free(h);
    nilo_http_free(other);
}

static void a_client_without_it_gets_no_answer_there(void **state)
{
    struct nilo_http *h = client(&(struct nilo_http_options){.http1 = true});
    (void)state;
    start(h, "plain");
    struct nilo_http_answer *a = wait_for(h);
    assert_int_not_equal(a->status, 200);
    assert_string_not_equal(a->http_version, "2");
    nilo_http_answer_free(a);
    nilo_http_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h2_is_spoken_and_answers_come_compressed),
        cmocka_unit_test(requests_under_way_at_once_share_one_connection),
        cmocka_unit_test(the_first_requests_wait_for_one_connection),
        cmocka_unit_test(a_client_without_it_gets_no_answer_there),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, begin, end);
}
