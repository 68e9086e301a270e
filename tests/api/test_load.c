/* Five hundred clients that drip, by head, by body and by not reading, beside fifty normal ones: the first are all gone at their deadline, the
 * others never notice. The deadlines are short here, and on the real clock: dripping is a matter of real time. */
#include "world.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define DRIPPERS 500
#define NORMAL 50

static struct world w;

static nilo_us real(void *ctx)
{
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NILO_US_SECOND + t.tv_nsec / 1000;
}

static void begin(struct client *c, int kind)
{
    static const char *const words[] = {"GET /instant HTTP/1.1\r\n", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
                                        GET("/big?100000000")};
    int bytes = 4096;
    client_open(c, &w);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    client_send(c, words[kind]);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

/* A byte more of each; a reader takes one. */
static void drip(struct client *drippers)
{
    for (int i = 0; i < DRIPPERS; i++) {
        char byte = 'x';
        ssize_t n = i % 3 == 2 ? recv(drippers[i].fd, &byte, 1, 0) : send(drippers[i].fd, &byte, 1, MSG_NOSIGNAL);
        (void)n; /* whether it is gone the server knows best: a reader has megabytes of the kernel's to go through */
    }
}

static void drippers_are_gone_at_the_deadline_and_others_are_served(void **state)
{
    (void)state;
    static struct client drippers[DRIPPERS], normal[NORMAL];
    world_init(&w);
    w.env.clock.mono = real;
    w.config.limits.loops = 2;
    w.config.limits.workers = 4;
    w.config.limits.per_address = 1000;
    w.config.limits.head_deadline_us = 2 * NILO_US_SECOND;
    w.config.limits.deadline_us = 4 * NILO_US_SECOND;
    w.config.limits.linger_us = NILO_US_SECOND / 10;
    world_start(&w);
    for (int i = 0; i < DRIPPERS; i++)
        begin(&drippers[i], i % 3);
    for (int i = 0; i < NORMAL; i++) {
        client_open(&normal[i], &w);
        client_ask(&normal[i], GET("/instant"), 200);
    }
    long asked = 0;
    do {
        for (int i = 0; i < NORMAL; i++, asked++)
            assert_string_equal(client_ask(&normal[i], i % 2 == 0 ? GET("/worker?a") : GET("/instant?a"), 200), "<a>");
        drip(drippers);
    } while (world_counts(&w).connections_open > NORMAL);
    struct nilo_server_counts n = world_counts(&w);
    printf("# %ld answers to normal clients meanwhile; cut at a deadline %lld, slow %lld\n", asked, (long long)n.cut_deadline, (long long)n.cut_slow);
    assert_true(n.cut_deadline + n.cut_slow >= DRIPPERS);
    assert_true(asked >= 2 * NORMAL);
    for (int i = 0; i < NORMAL; i++)
        client_close(&normal[i]);
    for (int i = 0; i < DRIPPERS; i++)
        client_reset(&drippers[i]);
    world_stop(&w);
}

/* G16: clients of every kind at once, also those that leave in the middle; for the build with ThreadSanitizer more than for this one */
struct mixed {
    pthread_t thread;
    int seed;
    long whole;
};
static void *mix(void *arg)
{
    struct mixed *m = arg;
    static const char *const kinds[] = {GET("/instant?a"), GET("/worker?b"), GET("/big?300000"), GET("/fails/late"), GET("/events"), GET("/nowhere"),
                                        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                                        "GET /big?200000 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n", "bad\n"};
    struct nilo_seeded_random seeded;
    nilo_seeded_random_init(&seeded, (uint64_t)m->seed);
    struct nilo_random r = nilo_seeded_random(&seeded);
    for (int i = 0; i < 400; i++) {
        struct client c;
        const char *request = kinds[nilo_random_below(&r, sizeof(kinds) / sizeof(kinds[0]))];
        client_open(&c, &w);
        client_send(&c, request);
        bool leave = strstr(request, "/events") != NULL || nilo_random_below(&r, 3) == 0;
        struct answer a = {0};
        if (!leave && client_answer(&c, &a, false))
            m->whole += a.whole;
        if (!leave)
            answer_done(&a);
        if (nilo_random_below(&r, 4) == 0)
            client_reset(&c);
        else
            client_close(&c);
    }
    return NULL;
}

static void clients_of_every_kind_at_once_leave_nothing_behind(void **state)
{
    (void)state;
    struct mixed m[8];
    world_init(&w);
    w.config.limits.loops = 2;
    w.config.limits.workers = 4;
    w.close_before = true;
    world_start(&w);
    for (int i = 0; i < 8; i++) {
        m[i] = (struct mixed){.seed = i + 1};
        assert_int_equal(pthread_create(&m[i].thread, NULL, mix, &m[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(m[i].thread, NULL);
        assert_true(m[i].whole > 50);
    }
    WORLD_UNTIL(world_counts(&w).connections_open == 0 && world_counts(&w).workers_busy == 0 && world_counts(&w).queue_depth == 0);
    assert_int_equal(world_counts(&w).bodies_now, 0);
    world_stop(&w);
}

int main(void)
{
    struct rlimit l;
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drippers_are_gone_at_the_deadline_and_others_are_served),
        cmocka_unit_test(clients_of_every_kind_at_once_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
