/* Absolute deadlines, slow and vanishing clients, streams, the end of a server: on a clock that only moves when told to. */
#include "world.h"

#include <dirent.h>
#include <malloc.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define SECOND NILO_US_SECOND

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

/* The server has what was sent: it counts its bytes. */
static void send_seen(struct client *c, const char *text)
{
    int64_t before = world_counts(&w).bytes_in;
    client_send(c, text);
    WORLD_UNTIL(world_counts(&w).bytes_in == before + (int64_t)strlen(text));
}

static void assert_cut(struct client *c, int status)
{
    client_ask(c, "", status);
    assert_true(client_ended(c));
    client_close(c);
}

/* ---- drippers ------------------------------------------------------------------------------------------------------------------------ */

static void a_connection_that_says_nothing_is_cut_at_the_deadline_of_heads(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    WORLD_UNTIL(world_counts(&w).connections_open == 1);
    world_advance(&w, 10 * SECOND - 1);
    assert_int_equal(world_counts(&w).connections_open, 1);
    world_advance(&w, 1);
    assert_true(client_ended(&c));
    assert_int_equal(world_counts(&w).connections_open, 0);
    client_close(&c);
}

static void bytes_do_not_move_the_deadline_of_a_head(void **state)
{
    (void)state;
    static const char head[] = "GET /instant HTTP/1.1\r\n";
    struct client c;
    client_open(&c, &w);
    WORLD_UNTIL(world_counts(&w).connections_open == 1);
    for (int i = 0; i < 10; i++) {
        char byte[2] = {head[i], '\0'};
        send_seen(&c, byte);
        if (i < 9)
            world_advance(&w, i == 8 ? 2 * SECOND - 1 : SECOND); /* 10 s less a microsecond in sum */
    }
    assert_int_equal(world_counts(&w).cut_deadline, 0);
    world_advance(&w, 1);
    assert_cut(&c, 408);
    assert_int_equal(world_counts(&w).cut_deadline, 1);
}

/* B05 */
static void bytes_do_not_move_the_deadline_of_a_body(void **state)
{
    (void)state;
    static const char *const ways[] = {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n",
                                       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n"};
    for (int i = 0; i < 2; i++) {
        struct client c;
        client_open(&c, &w);
        send_seen(&c, ways[i]);
        for (int k = 0; k < 3; k++) {
            world_advance(&w, 9 * SECOND);
            send_seen(&c, "x");
        }
        world_advance(&w, 3 * SECOND - 1);
        assert_int_equal(world_counts(&w).cut_deadline, i);
        world_advance(&w, 1);
        assert_cut(&c, 408);
    }
    assert_int_equal(world_counts(&w).bodies_now, 0);
}

/* G24, with the deadlines that a server has by default: at the half minute nobody that drips is there any more. Those that do not read go first, since they keep a worker */
#define DRIPPERS 500
#define NORMAL 50
static int a_byte_more(struct client *drippers)
{
    int taken = 0;
    for (int i = 0; i < DRIPPERS; i++) {
        char byte = 'x';
        taken += (i % 3 == 2 ? recv(drippers[i].fd, &byte, 1, MSG_DONTWAIT) : send(drippers[i].fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT)) == 1;
    }
    return taken;
}

static void five_hundred_that_drip_are_gone_within_half_a_minute_and_the_others_served(void **state)
{
    (void)state;
    static const char *const begins[] = {"GET /instant HTTP/1.1\r\nX: ", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", GET("/big?100000000")};
    static struct client drippers[DRIPPERS], normal[NORMAL];
    world_init(&w);
    w.config.limits.workers = 4;
    w.config.limits.per_address = DRIPPERS + NORMAL; /* all are one address here */
    w.config.limits.deadline_us = 0; /* the default, as the others */
    world_start(&w);
    for (int i = 0; i < NORMAL; i++) {
        client_open(&normal[i], &w);
        client_ask(&normal[i], GET("/instant"), 200);
    }
    for (int i = 0; i < DRIPPERS; i++) {
        int bytes = 4096;
        client_open(&drippers[i], &w);
        setsockopt(drippers[i].fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        client_send(&drippers[i], begins[i % 3]);
    }
    WORLD_UNTIL(world_counts(&w).connections == DRIPPERS + NORMAL); /* some that do not read may be gone by now: workers wait for them in real time */
    int answers = 0, dripped = 0;
    for (int second = 0; second < 30; second++) {
        for (int i = 0; i < NORMAL; i++, answers++)
            assert_string_equal(client_ask(&normal[i], i % 2 == 0 ? GET("/worker?a") : GET("/instant?a"), 200), "<a>");
        dripped += a_byte_more(drippers);
        if (second == 9) /* the deadline of heads is not there yet */
            assert_int_equal(world_counts(&w).cut_deadline, 0);
        world_advance(&w, SECOND);
    }
    WORLD_UNTIL(world_counts(&w).connections_open == NORMAL);
    struct nilo_server_counts n = world_counts(&w);
    assert_int_equal(n.cut_deadline + n.cut_slow, DRIPPERS);
    assert_int_equal(answers, 30 * NORMAL);
    assert_true(dripped > 5 * DRIPPERS);
    assert_int_equal(n.bodies_now, 0);
    for (int i = 0; i < NORMAL; i++)
        client_close(&normal[i]);
    for (int i = 0; i < DRIPPERS; i++)
        client_reset(&drippers[i]);
    world_stop(&w);
}

static void a_kept_connection_may_be_idle_for_a_minute(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    client_ask(&c, GET("/instant"), 200);
    WORLD_UNTIL(atomic_load(&w.over) == 1); /* from then on it is idle */
    world_advance(&w, 60 * SECOND - 1);
    client_ask(&c, GET("/instant"), 200);
    WORLD_UNTIL(atomic_load(&w.over) == 2);
    world_advance(&w, 60 * SECOND);
    assert_true(client_ended(&c));
    assert_int_equal(world_counts(&w).cut_deadline, 0); /* nothing was cut: it is the usual end */
    client_close(&c);
}

static void a_request_ahead_does_not_eat_the_time_of_the_next(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    client_send(&c, GET("/gate") GET("/instant?next"));
    world_wait_at_gate(&w, 1);
    world_advance(&w, 29 * SECOND);
    world_gate(&w, true);
    assert_string_equal(client_ask(&c, "", 200), "through");
    assert_string_equal(client_ask(&c, "", 200), "<next>");
    client_close(&c);
}

/* ---- slow answers ----------------------------------------------------------------------------------------------------------------------- */

static void a_handler_over_the_deadline_is_answered_for_and_told(void **state)
{
    (void)state;
    struct client c, patient;
    client_open(&c, &w);
    client_send(&c, GET("/gate"));
    client_open(&patient, &w);
    client_send(&patient, GET("/gate/patient"));
    world_wait_at_gate(&w, 2);
    world_advance(&w, 30 * SECOND - 1);
    assert_int_equal(world_counts(&w).cut_deadline, 0);
    world_advance(&w, 1);
    assert_cut(&c, 504);
    WORLD_UNTIL(atomic_load(&w.stopped_at_gate) == 1);
    world_advance(&w, 1700 * SECOND); /* its route has 30 minutes */
    world_gate(&w, true);
    assert_string_equal(client_ask(&patient, "", 200), "through");
    client_close(&patient);
}

static void a_request_may_be_given_all_the_time_it_takes(void **state)
{
    (void)state;
    struct client c;
    struct answer a;
    client_open(&c, &w);
    client_send(&c, GET("/gate/long"));
    world_wait_at_gate(&w, 1);
    for (int i = 0; i < 100; i++)
        world_advance(&w, 29 * SECOND);
    world_gate(&w, true);
    assert_true(client_answer(&c, &a, false));
    assert_int_equal(a.status, 200);
    assert_string_equal(nilo_buf_str(&a.body), "through");
    answer_done(&a);
    client_close(&c);
}

static void a_request_that_waits_in_the_queue_has_the_same_deadline(void **state)
{
    (void)state;
    struct client c[3];
    for (int i = 0; i < 3; i++) {
        client_open(&c[i], &w);
        client_send(&c[i], i < 2 ? GET("/gate/patient") : GET("/log/never"));
        if (i < 2)
            world_wait_at_gate(&w, i + 1);
    }
    WORLD_UNTIL(world_counts(&w).queue_depth == 1);
    world_advance(&w, 30 * SECOND);
    assert_cut(&c[2], 504);
    world_gate(&w, true);
    client_ask(&c[0], "", 200);
    client_ask(&c[1], "", 200);
    WORLD_UNTIL(world_counts(&w).queue_depth == 0);
    client_ask(&c[0], GET("/log/after"), 200);
    assert_string_equal(w.log, "after "); /* nobody did work that nobody waits for */
    client_close(&c[0]);
    client_close(&c[1]);
}

static void small_window(struct client *c)
{
    int bytes = 4096;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static void who_does_not_read_is_cut_at_the_deadline(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    small_window(&c);
    client_send(&c, GET("/big?100000000"));
    WORLD_UNTIL(world_counts(&w).workers_busy == 1 && world_counts(&w).bytes_out > 131072);
    world_advance(&w, 30 * SECOND - 1);
    assert_int_equal(world_counts(&w).connections_open, 1);
    world_advance(&w, 1);
    WORLD_UNTIL(world_counts(&w).connections_open == 0 && world_counts(&w).workers_busy == 0);
    assert_true(world_counts(&w).bytes_out < 100000000);
    client_reset(&c);
}

/* Workers wait for slow clients only while nobody waits for a worker. */
static void slow_readers_do_not_keep_the_workers(void **state)
{
    (void)state;
    struct client slow[2], other;
    for (int i = 0; i < 2; i++) {
        client_open(&slow[i], &w);
        small_window(&slow[i]);
        client_send(&slow[i], GET("/big?100000000"));
    }
    WORLD_UNTIL(world_counts(&w).workers_busy == 2);
    client_open(&other, &w);
    client_ask(&other, GET("/worker?now"), 200); /* without moving the clock */
    assert_true(world_counts(&w).cut_slow >= 1);
    for (int i = 0; i < 2; i++)
        client_close(&slow[i]);
    client_close(&other);
}

/* ---- clients that go ------------------------------------------------------------------------------------------------------------------------ */

/* B06 */
static void a_half_closed_client_gets_its_answers(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    client_send(&c, GET("/gate") GET("/instant?last") "GET /inst");
    world_wait_at_gate(&w, 1);
    shutdown(c.fd, SHUT_WR);
    world_gate(&w, true);
    assert_string_equal(client_ask(&c, "", 200), "through");
    assert_string_equal(client_ask(&c, "", 200), "<last>");
    assert_true(client_ended(&c));
    client_close(&c);
    WORLD_UNTIL(world_counts(&w).connections_open == 0);
}

static void a_client_that_resets_frees_everything(void **state)
{
    (void)state;
    struct client c;
    client_open(&c, &w);
    client_send(&c, GET("/big?100000000"));
    WORLD_UNTIL(world_counts(&w).bytes_out > 0);
    client_reset(&c);
    WORLD_UNTIL(world_counts(&w).connections_open == 0 && world_counts(&w).workers_busy == 0);
    client_open(&c, &w);
    client_send(&c, GET("/gate"));
    world_wait_at_gate(&w, 1);
    client_reset(&c);
    WORLD_UNTIL(world_counts(&w).connections_open == 0 && world_counts(&w).workers_busy == 0);
    assert_int_equal(atomic_load(&w.stopped_at_gate), 1);
    client_open(&c, &w);
    client_send(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx");
    WORLD_UNTIL(world_counts(&w).bodies_now == 1);
    client_reset(&c);
    WORLD_UNTIL(world_counts(&w).connections_open == 0 && world_counts(&w).bodies_now == 0);
    assert_int_equal(atomic_load(&w.over), 3);
}

/* ---- streams ---------------------------------------------------------------------------------------------------------------------------------- */

static struct nilo_stream *stream(void)
{
    pthread_mutex_lock(&w.mutex);
    struct nilo_stream *s = w.stream;
    pthread_mutex_unlock(&w.mutex);
    return s;
}

/* The next bytes of a stream, chunk by chunk. */
static void assert_event(struct client *c, const char *want)
{
    char chunk[200];
    snprintf(chunk, sizeof(chunk), "%zx\r\n%s\r\n", strlen(want), want);
    char got[200] = "";
    assert_int_equal(recv(c->fd, got, strlen(chunk), MSG_WAITALL), (int)strlen(chunk));
    assert_string_equal(got, chunk);
}

static void open_stream(struct client *c, const char *request)
{
    static const char end[] = "\r\n\r\n";
    size_t seen = 0;
    char byte;
    w.stream = NULL;
    client_open(c, &w);
    client_send(c, request);
    while (seen < 4) {
        assert_int_equal(recv(c->fd, &byte, 1, 0), 1);
        seen = byte == end[seen] ? seen + 1 : byte == '\r';
    }
    assert_event(c, "retry: 1\n\n");
    WORLD_UNTIL(stream() != NULL);
}

static void streams_outlive_their_handler(void **state)
{
    (void)state;
    static const char *const ways[] = {GET("/events"), GET("/events/instant")};
    for (int i = 0; i < 2; i++) {
        struct client c;
        open_stream(&c, ways[i]);
        assert_true(nilo_stream_send(stream(), "data: 1\n\n", 9));
        assert_event(&c, "data: 1\n\n");
        world_advance(&w, 14 * SECOND);
        assert_true(nilo_stream_send(stream(), "data: 2\n\n", 9));
        assert_event(&c, "data: 2\n\n");
        world_advance(&w, 14 * SECOND);
        world_advance(&w, SECOND); /* 15 s after the last bytes */
        assert_event(&c, ":\n\n");
        assert_int_equal(world_counts(&w).streams_open, 1);
        nilo_stream_close(stream());
        char tail[8];
        assert_int_equal(recv(c.fd, tail, 5, MSG_WAITALL), 5);
        assert_memory_equal(tail, "0\r\n\r\n", 5);
        assert_string_equal(client_ask(&c, GET("/instant?after"), 200), "<after>"); /* the connection goes on */
        assert_int_equal(world_counts(&w).streams_open, 0);
        client_close(&c);
    }
}

static void a_stream_ends_with_its_token(void **state)
{
    (void)state;
    struct client c;
    open_stream(&c, GET("/events"));
    world_advance(&w, 2601 * SECOND); /* the clock began at 1000 s, it ends at 3600 s */
    assert_event(&c, ":\n\n");
    char tail[8];
    assert_int_equal(recv(c.fd, tail, 5, MSG_WAITALL), 5);
    assert_memory_equal(tail, "0\r\n\r\n", 5);
    assert_false(nilo_stream_send(stream(), "x", 1));
    nilo_stream_close(stream());
    client_close(&c);
}

static void a_stream_whose_client_is_behind_is_dropped(void **state)
{
    (void)state;
    struct client c;
    char event[1000];
    open_stream(&c, GET("/events"));
    small_window(&c);
    memset(event, 'x', sizeof(event));
    int sent = 0;
    while (nilo_stream_send(stream(), event, sizeof(event))) {
        assert_true(++sent < 100000);
    }
    nilo_stream_close(stream());
    WORLD_UNTIL(world_counts(&w).connections_open == 0);
    assert_true(sent > 60);
    client_close(&c);
}

static void a_stream_whose_client_has_gone_says_so(void **state)
{
    (void)state;
    struct client c;
    open_stream(&c, GET("/events"));
    client_close(&c);
    WORLD_UNTIL(world_counts(&w).connections_open == 0);
    assert_false(nilo_stream_send(stream(), "x", 1));
    nilo_stream_close(stream());
}

/* Who leaves before the stream has begun is not waited for either. */
static void a_stream_for_nobody_ends_at_once(void **state)
{
    (void)state;
    struct client gates[2], c;
    for (int i = 0; i < 2; i++) {
        client_open(&gates[i], &w);
        client_send(&gates[i], GET("/gate"));
    }
    world_wait_at_gate(&w, 2);
    client_open(&c, &w);
    client_send(&c, GET("/events"));
    WORLD_UNTIL(world_counts(&w).queue_depth == 1);
    shutdown(c.fd, SHUT_WR);
    world_advance(&w, 1); /* the loop has been round */
    world_gate(&w, true);
    client_ask(&gates[0], "", 200);
    client_ask(&gates[1], "", 200);
    WORLD_UNTIL(world_counts(&w).connections_open == 2 && stream() != NULL);
    assert_false(nilo_stream_send(stream(), "x", 1));
    nilo_stream_close(stream());
    for (int i = 0; i < 2; i++)
        client_close(&gates[i]);
    client_close(&c);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------------------ */

struct draining {
    pthread_t thread;
    nilo_us grace;
    int cut;
};
static void *drain(void *arg)
{
    struct draining *d = arg;
    d->cut = nilo_server_drain(w.server, d->grace);
    return NULL;
}
static void begin_drain(struct draining *d, nilo_us grace)
{
    *d = (struct draining){.grace = grace};
    assert_int_equal(pthread_create(&d->thread, NULL, drain, d), 0);
}

static void running_requests_are_finished_and_new_ones_find_a_closed_door(void **state)
{
    (void)state;
    struct client busy, idle, late;
    struct draining d;
    char address[64];
    world_init(&w);
    world_start(&w);
    snprintf(address, sizeof(address), "%s", nilo_server_address(w.server, 0));
    client_open(&idle, &w);
    client_ask(&idle, GET("/instant"), 200);
    client_open(&busy, &w);
    client_send(&busy, GET("/gate"));
    world_wait_at_gate(&w, 1);
    begin_drain(&d, 20 * SECOND);
    for (int tries = 0; client_try(&late, address) == 0; tries++) {
        assert_true(tries < 10000);
        client_close(&late);
        world_moment();
    }
    /* a kept connection has a moment for one more request, and is told that it was the last */
    struct answer a;
    client_send(&idle, GET("/instant?more"));
    assert_true(client_answer(&idle, &a, false));
    assert_string_equal(nilo_buf_str(&a.body), "<more>");
    char text[256];
    assert_string_equal(answer_header(&a, "Connection", text), "close");
    answer_done(&a);
    assert_true(client_ended(&idle));
    world_gate(&w, true);
    assert_string_equal(client_ask(&busy, "", 200), "through");
    assert_true(client_ended(&busy));
    client_close(&busy);
    client_close(&idle);
    pthread_join(d.thread, NULL);
    assert_int_equal(d.cut, 0);
    world_stop(&w);
}

static void idle_connections_do_not_hold_the_end_up(void **state)
{
    (void)state;
    struct client idle, fresh;
    struct draining d;
    world_init(&w);
    world_start(&w);
    client_open(&idle, &w);
    client_ask(&idle, GET("/instant"), 200);
    client_open(&fresh, &w);
    WORLD_UNTIL(world_counts(&w).connections_open == 2);
    begin_drain(&d, 20 * SECOND);
    for (int i = 0; i < 10000 && world_counts(&w).connections_open > 0; i++) {
        atomic_fetch_add(&w.mono, SECOND / 10);
        world_moment();
    }
    pthread_join(d.thread, NULL);
    assert_int_equal(d.cut, 0);
    assert_true(client_ended(&idle) && client_ended(&fresh));
    client_close(&idle);
    client_close(&fresh);
    world_stop(&w);
}

static void what_does_not_end_is_cut_and_counted(void **state)
{
    (void)state;
    struct client stuck, events;
    world_init(&w);
    world_start(&w);
    open_stream(&events, GET("/events"));
    client_open(&stuck, &w);
    client_send(&stuck, GET("/gate"));
    world_wait_at_gate(&w, 1);
    assert_int_equal(nilo_server_drain(w.server, SECOND / 20), 1);
    assert_int_equal(atomic_load(&w.stopped_at_gate), 1);
    assert_false(nilo_stream_send(stream(), "x", 1));
    nilo_stream_close(stream());
    assert_true(client_ended(&stuck));
    char tail[8];
    assert_int_equal(recv(events.fd, tail, 5, MSG_WAITALL), 5); /* a stream is ended, not cut */
    assert_memory_equal(tail, "0\r\n\r\n", 5);
    client_close(&stuck);
    client_close(&events);
    world_stop(&w);
}

/* ---- leaks ---------------------------------------------------------------------------------------------------------------------------------------- */

static int descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));
static size_t in_use(void)
{
    return __sanitizer_get_current_allocated_bytes != NULL ? __sanitizer_get_current_allocated_bytes() : mallinfo2().uordblks;
}

static void requests(int n)
{
    for (int i = 0; i < n; i++) {
        struct client c;
        client_open(&c, &w);
        for (int k = 0; k < 10; k++) {
            static const char *const kinds[] = {GET("/instant"), GET("/worker?x"), GET("/nowhere"), GET("/fails"), GET("/etag"),
                                                "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
                                                "GET /big?70000 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: zstd\r\n\r\n", GET("/big?200000"), GET("/maybe"),
                                                "GET /instant HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"};
            struct answer a;
            client_send(&c, kinds[k]);
            assert_true(client_answer(&c, &a, false) && a.whole);
            answer_done(&a);
        }
        client_close(&c);
    }
    WORLD_UNTIL(world_counts(&w).connections_open == 0);
}

static void descriptors_and_memory_are_flat_over_10000_requests(void **state)
{
    (void)state;
    requests(100);
    int fds = descriptors();
    size_t bytes = in_use();
    requests(1000);
    assert_int_equal(descriptors(), fds);
    size_t now = in_use();
    if (now > bytes + bytes / 100 + 65536)
        fail_msg("%zu bytes in use after 10,000 requests, %zu before", now, bytes);
}

int main(void)
{
    struct rlimit l; /* for 550 connections, both ends */
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
#define EACH(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        EACH(a_connection_that_says_nothing_is_cut_at_the_deadline_of_heads),
        EACH(bytes_do_not_move_the_deadline_of_a_head),
        EACH(bytes_do_not_move_the_deadline_of_a_body),
        cmocka_unit_test(five_hundred_that_drip_are_gone_within_half_a_minute_and_the_others_served),
        EACH(a_kept_connection_may_be_idle_for_a_minute),
        EACH(a_request_ahead_does_not_eat_the_time_of_the_next),
        EACH(a_handler_over_the_deadline_is_answered_for_and_told),
        EACH(a_request_that_waits_in_the_queue_has_the_same_deadline),
        EACH(a_request_may_be_given_all_the_time_it_takes),
        EACH(who_does_not_read_is_cut_at_the_deadline),
        EACH(slow_readers_do_not_keep_the_workers),
        EACH(a_half_closed_client_gets_its_answers),
        EACH(a_client_that_resets_frees_everything),
        EACH(streams_outlive_their_handler),
        EACH(a_stream_ends_with_its_token),
        EACH(a_stream_whose_client_is_behind_is_dropped),
        EACH(a_stream_whose_client_has_gone_says_so),
        EACH(a_stream_for_nobody_ends_at_once),
        cmocka_unit_test(running_requests_are_finished_and_new_ones_find_a_closed_door),
        cmocka_unit_test(idle_connections_do_not_hold_the_end_up),
        cmocka_unit_test(what_does_not_end_is_cut_and_counted),
        EACH(descriptors_and_memory_are_flat_over_10000_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
