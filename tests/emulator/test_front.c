/* The emulator over real sockets: its program, its clock, hundreds of calls at once, and each way of misbehaving on the wire. */
#include "support/nilo_test.h"

#include "emulator/emulator_test.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum end { END_CLOSED, END_RESET, END_OPEN, END_FULL };

static int connected(struct emulator_server *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)emulator_port(e)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

static void say(int fd, const char *text)
{
    for (size_t at = 0, n = strlen(text); at < n;) {
        ssize_t sent = send(fd, text + at, n - at, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += (size_t)sent;
    }
}

/* Reads until it ends, until so many bytes are there, or until nothing has come for so long. */
static enum end heard(int fd, struct nilo_buf *b, size_t enough, int quiet_ms)
{
    char piece[65536];
    while (b->len < enough) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, quiet_ms) == 0)
            return END_OPEN;
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n == 0)
            return END_CLOSED;
        if (n < 0)
            return errno == ECONNRESET ? END_RESET : END_CLOSED;
        assert_int_equal(nilo_buf_add(b, piece, (size_t)n), 0);
    }
    return END_FULL;
}

static void the_program_serves_answers_and_its_clock_obeys(void **state)
{
    (void)state;
    struct emulator_server *e = emulator_start("seed=7 channels=2 latency_ms=0", "2026-11-21T08:00:00Z");
    char *now = emulator_text(e, "/_emulator/time", "now"), *key = emulator_text(e, "/_emulator/world", "projects.0.key");
    char *channel = emulator_text(e, "/_emulator/world", "channels.1.id"), target[512];
    assert_string_equal(now, "2026-11-21T08:00:00+00:00");
    snprintf(target, sizeof target, "/youtube/v3/channels?part=statistics&id=%s&key=%s", channel, key);
    int64_t before = emulator_number(e, target, "items.0.statistics.viewCount");
    assert_int_equal(before, emulator_number(e, target, "items.0.statistics.viewCount")); /* time stands still */
    emulator_advance(e, 86400);
    assert_true(emulator_number(e, target, "items.0.statistics.viewCount") > before);
    assert_int_equal(emulator_count(e, "projects.0.buckets.0.used"), 1); /* and it is the next day there */
    assert_int_equal(emulator_count(e, "requests"), 3);
    snprintf(target, sizeof target, "/www.googleapis.com/youtube/v3/channels?part=id&id=%s&key=%s", channel, key);
    emulator_do(e, target);
    free(now);
    now = emulator_text(e, "/_emulator/time?set=2027-01-01T00:00:00Z", "now");
    assert_string_equal(now, "2027-01-01T00:00:00+00:00");
    free(now);
    free(key);
    free(channel);
    emulator_stop(e);
}

static void a_connection_takes_many_requests_bodies_in_chunks_too(void **state)
{
    (void)state;
    struct emulator_server *e = emulator_start("latency_ms=0", NULL);
    struct nilo_buf b;
    int fd = connected(e);
    nilo_buf_init(&b, 1 << 20);
    say(fd, "POST /token HTTP/1.1\r\nHost: oauth2.googleapis.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ngrant\r\n6\r\n_type=\r\n0\r\n\r\n"
            "POST /token HTTP/1.1\r\nHost: oauth2.googleapis.com\r\nContent-Length: 11\r\n\r\ngrant_type="
            "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(heard(fd, &b, 1 << 20, 20000), END_CLOSED);
    const char *first = strstr(nilo_buf_str(&b), "invalid_client");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "invalid_client"));
    assert_non_null(strstr(first, "HTTP/1.1 404"));
    close(fd);
    fd = connected(e);
    nilo_buf_reset(&b);
    say(fd, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    assert_int_equal(heard(fd, &b, 1 << 20, 20000), END_CLOSED);
    assert_memory_equal(b.data, "HTTP/1.1 400", 12);
    close(fd);
    nilo_buf_done(&b);
    emulator_stop(e);
}

static void answers_wait_beside_each_other(void **state)
{
    (void)state;
    enum { CALLS = 200 };
    struct emulator_server *e = emulator_start("latency_ms=400 latency_spread=0", NULL);
    struct nilo_buf b;
    int fd[CALLS];
    nilo_buf_init(&b, 1 << 20);
    for (int i = 0; i < CALLS; i++) {
        fd[i] = connected(e);
        say(fd[i], "GET /youtube/v3/videos?part=id&id=a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }
    for (int i = 0; i < CALLS; i++) {
        nilo_buf_reset(&b);
        assert_int_equal(heard(fd[i], &b, 1 << 20, 60000), END_CLOSED);
        assert_memory_equal(b.data, "HTTP/1.1 403", 12);
        close(fd[i]);
    }
    assert_true(emulator_number(e, "/_emulator/wire", "highest_in_flight") > 1); /* one after the other there would be 1 */
    nilo_buf_done(&b);
    emulator_stop(e);
}

/* A dripper's answer is whole in the end; what matters is that it comes in pieces. */
static const struct {
    const char *name;
    enum end end;
    size_t enough;              /* bytes after which we have seen it */
    const char *begins, *holds; /* NULL = nothing at all comes */
    bool json_whole;            /* the body is all there: ends with "}}" */
} wires[] = {
    {"reset", END_RESET, 1 << 20, NULL, NULL, false},
    {"reset_middle", END_RESET, 1 << 20, "HTTP/1.1 403", "{\"error\"", false},
    {"cut", END_CLOSED, 1 << 20, "HTTP/1.1 403", "{\"error\"", false},
    {"stall", END_OPEN, 1 << 20, NULL, NULL, false},
    {"stall_middle", END_OPEN, 1 << 20, "HTTP/1.1 403", "{\"error\"", false},
    {"drip", END_CLOSED, 1 << 20, "HTTP/1.1 403", "{\"error\"", true},
    {"drip_head", END_CLOSED, 1 << 20, "HTTP/1.1 403", "{\"error\"", true},
    {"headers_endless", END_FULL, 4 << 20, "HTTP/1.1 200", "\r\nX-Filler-", false},
    {"body_endless", END_FULL, 4 << 20, "HTTP/1.1 403", "\r\n10000\r\n", false},
    {"length_long", END_CLOSED, 1 << 20, "HTTP/1.1 403", "{\"error\"", true},
    {"length_short", END_CLOSED, 1 << 20, "HTTP/1.1 403", "{\"error\"", true},
    {"bad_chunk", END_CLOSED, 1 << 20, "HTTP/1.1 403", "\r\n\r\nzz\r\n", false},
    {"not_http", END_CLOSED, 1 << 20, "SSH-2.0", "SSH", false},
};

static void each_misbehaviour_is_seen_on_the_wire(void **state)
{
    (void)state;
    struct emulator_server *e = emulator_start("latency_ms=0 drip_ms=1", NULL);
    struct nilo_buf b;
    char target[128];
    nilo_buf_init(&b, 8 << 20);
    for (size_t i = 0; i < sizeof wires / sizeof *wires; i++) {
        emulator_do(e, "/_emulator/set?hostile=none");
        snprintf(target, sizeof target, "/_emulator/set?hostile=%s", wires[i].name);
        emulator_do(e, target);
        int fd = connected(e);
        nilo_buf_reset(&b);
        say(fd, "GET /youtube/v3/videos?part=id&id=a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        enum end end = heard(fd, &b, wires[i].enough, wires[i].end == END_OPEN ? 300 : 60000);
        close(fd);
        const char *body = strstr(nilo_buf_str(&b), "\r\n\r\n");
        size_t body_n = body ? b.len - (size_t)(body + 4 - b.data) : 0;
        bool whole = b.len > 2 && memcmp(b.data + b.len - 2, "}}", 2) == 0;
        if (end != wires[i].end || (wires[i].begins ? strncmp(nilo_buf_str(&b), wires[i].begins, strlen(wires[i].begins)) != 0 : b.len != 0) ||
            (wires[i].holds && !strstr(nilo_buf_str(&b), wires[i].holds)) || whole != wires[i].json_whole)
            fail_msg("%s: ended as %d after %zu bytes: %.300s", wires[i].name, (int)end, b.len, nilo_buf_str(&b));
        const char *length = strstr(nilo_buf_str(&b), "Content-Length: ");
        if (strncmp(wires[i].name, "length_", 7) == 0) {
            assert_non_null(length);
            size_t said = strtoul(length + 16, NULL, 10);
            assert_int_equal(said, wires[i].name[7] == 'l' ? body_n + 1000 : body_n / 2);
        }
    }
    emulator_do(e, "/_emulator/set?hostile=none");
    emulator_do(e, "/_emulator/world"); /* it lives */
    nilo_buf_done(&b);
    emulator_stop(e);
}

static void a_drip_takes_its_time(void **state)
{
    (void)state;
    struct emulator_server *e = emulator_start("latency_ms=0 drip_ms=50 hostile=drip_head", NULL);
    struct nilo_buf b;
    int fd = connected(e);
    nilo_buf_init(&b, 1 << 20);
    say(fd, "GET /youtube/v3/videos HTTP/1.1\r\nHost: x\r\n\r\n");
    for (size_t n = 1; n <= 5; n++) { /* a byte, and no second one with it */
        assert_int_equal(heard(fd, &b, n, 20000), END_FULL);
        assert_true(b.len <= n + 1);
    }
    close(fd); /* it does not mind */
    emulator_do(e, "/_emulator/world");
    nilo_buf_done(&b);
    emulator_stop(e);
}

static void the_lively_world_is_one(void **state)
{
    (void)state;
    char *path = nilo_test_source("tests/emulator/lively.conf"), words[512], target[64];
    int deleted = 0;
    snprintf(words, sizeof words, "--config %s latency_ms=0 weather=0 videos=200", path);
    struct emulator_server *e = emulator_start(words, "2026-11-21T08:00:00Z");
    assert_int_equal(emulator_number(e, "/_emulator/options", "deleted.is"), 20);
    for (int i = 0; i < 600; i++) {
        snprintf(target, sizeof target, "/_emulator/item?channel=%d&video=%d", i / 200, i % 200);
        char *what = emulator_text(e, target, "state");
        deleted += strcmp(what, "deleted") == 0;
        free(what);
    }
    assert_in_range(deleted, 1, 30); /* 20 of a thousand, sooner or later */
    emulator_stop(e);
    free(path);
}

static void a_wrong_command_line_is_refused(void **state)
{
    (void)state;
    const char *program = getenv("NILO_EMULATOR");
    char command[512];
    if (!program)
        nilo_test_skip("NILO_EMULATOR is not set");
    static const char *const words[] = {"seed=x", "--port", "colour=red", "--config /nonexistent", "--now yesterday"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(command, sizeof command, "%s %s >/dev/null 2>&1 </dev/null", program, words[i]);
        assert_int_equal(system(command) >> 8, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_serves_answers_and_its_clock_obeys),
        cmocka_unit_test(a_connection_takes_many_requests_bodies_in_chunks_too),
        cmocka_unit_test(answers_wait_beside_each_other),
        cmocka_unit_test(each_misbehaviour_is_seen_on_the_wire),
        cmocka_unit_test(a_drip_takes_its_time),
        cmocka_unit_test(the_lively_world_is_one),
        cmocka_unit_test(a_wrong_command_line_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
