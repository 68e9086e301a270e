/* Requests at a given rate, whatever the answers: what overloads a server, which a client that waits for each answer does not. Usage:
 *
 *     bench_flood PORT TARGET TOKEN RATE CONNECTIONS SECONDS
 *
 * RATE 0: no rate, each connection asks again as soon as it has its answer. Connections to 127.0.0.1 come from 127.0.0.2, .3, ..., 200 of each. A request that is due while
 * no connection is free counts as unsent. Prints one line of name=value. One thread, so that it takes one core at most. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PER_ADDRESS 200
#define MOST        4000
#define ANSWER_MAX  65536
#define TIMES_MAX   4000000

struct connection {
    int fd;
    bool busy;
    int64_t sent;
    size_t n, whole; /* whole: bytes of the answer, once its head is there */
    int status;
    char data[ANSWER_MAX];
};

static struct connection *list;
static int n_list, *idle, n_idle, port;
static char request[8192];
static size_t request_n;
static struct {
    long n;
    uint32_t *times; /* us */
} ok, refused;
static long other, unsent;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench_flood: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void open_one(int i, int epoll)
{
    struct connection *c = &list[i];
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1u + (uint32_t)(i / PER_ADDRESS));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&from, sizeof(from)) != 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        fail("connecting");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct epoll_event e = {.events = EPOLLIN, .data = {.u32 = (uint32_t)i}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
        fail("epoll_ctl");
    c->busy = false;
    idle[n_idle++] = i;
}

static void ask(int64_t now)
{
    struct connection *c = &list[idle[--n_idle]];
    c->busy = true;
    c->sent = now;
    c->n = c->whole = 0;
    if (send(c->fd, request, request_n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)request_n)
        fail("sending");
}

static void head(struct connection *c)
{
    char *end = memmem(c->data, c->n, "\r\n\r\n", 4), *length;
    if (end == NULL)
        return;
    *end = '\0';
    c->status = (int)strtol(c->data + 9, NULL, 10);
    length = strcasestr(c->data, "\r\nContent-Length: ");
    if (length == NULL) {
        fprintf(stderr, "bench_flood: an answer without a length: %s\n", c->data);
        exit(1);
    }
    c->whole = (size_t)(end + 4 - c->data) + strtoul(length + 18, NULL, 10);
    *end = '\r';
    if (c->whole > ANSWER_MAX) {
        fprintf(stderr, "bench_flood: an answer of %zu bytes\n", c->whole);
        exit(1);
    }
}

/* true: an answer is there */
static bool take(int i, int64_t now)
{
    struct connection *c = &list[i];
    ssize_t got = recv(c->fd, c->data + c->n, sizeof(c->data) - c->n, MSG_DONTWAIT);
    if (got <= 0) {
        fprintf(stderr, "bench_flood: a connection ended\n");
        exit(1);
    }
    c->n += (size_t)got;
    if (c->whole == 0)
        head(c);
    if (c->whole == 0 || c->n < c->whole)
        return false;
    uint32_t took = (uint32_t)(now - c->sent);
    if (c->status == 200 && ok.n < TIMES_MAX)
        ok.times[ok.n++] = took;
    else if (c->status == 503 && refused.n < TIMES_MAX)
        refused.times[refused.n++] = took;
    else
        other++;
    c->busy = false;
    idle[n_idle++] = i;
    return true;
}

static int by_time(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile(uint32_t *times, long n, double p)
{
    qsort(times, (size_t)n, sizeof(*times), by_time);
    return n > 0 ? times[(long)((double)(n - 1) * p)] / 1e3 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: bench_flood PORT TARGET TOKEN RATE CONNECTIONS SECONDS\n");
        return 2;
    }
    double rate = strtod(argv[4], NULL), seconds = strtod(argv[6], NULL);
    port = (int)strtol(argv[1], NULL, 10);
    n_list = (int)strtol(argv[5], NULL, 10);
    if (n_list < 1 || n_list > MOST || seconds <= 0) {
        fprintf(stderr, "bench_flood: 1 to %d connections, and some time\n", MOST);
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    list = calloc((size_t)n_list, sizeof(*list));
    idle = calloc((size_t)n_list, sizeof(*idle));
    ok.times = malloc(TIMES_MAX * sizeof(*ok.times));
    refused.times = malloc(TIMES_MAX * sizeof(*refused.times));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (list == NULL || idle == NULL || ok.times == NULL || refused.times == NULL || epoll < 0)
        fail("starting");
    request_n = (size_t)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", argv[2], argv[3]);
    if (request_n >= sizeof(request))
        return 2;
    for (int i = 0; i < n_list; i++)
        open_one(i, epoll);
    int64_t begun = now_us(), end = begun + (int64_t)(seconds * 1e6), now = begun;
    long due = 0;
    struct epoll_event events[256];
    while (now < end) {
        if (rate == 0) {
            while (n_idle > 0)
                ask(now);
        } else {
            for (long want = (long)((double)(now - begun) / 1e6 * rate); due < want; due++) {
                if (n_idle > 0)
                    ask(now);
                else
                    unsent++;
            }
        }
        int n = epoll_wait(epoll, events, 256, 1);
        now = now_us();
        for (int i = 0; i < n; i++)
            take((int)events[i].data.u32, now);
    }
    double took = (double)(now - begun) / 1e6;
    printf("ok_per_second=%.1f refused_per_second=%.1f other=%ld unsent_per_second=%.1f ok_p50_ms=%.2f ok_p99_ms=%.2f refused_p99_ms=%.2f\n", (double)ok.n / took,
           (double)refused.n / took, other, (double)unsent / took, percentile(ok.times, ok.n, 0.5), percentile(ok.times, ok.n, 0.99),
           percentile(refused.times, refused.n, 0.99));
    return 0;
}
