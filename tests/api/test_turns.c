/* Who waits for whom: addresses take turns, none has all workers, large answers stand in each other's way only, and a full queue is cut where it is longest. Addresses
 * are what the test's own proxy says. Nothing here depends on time: workers stand at the gate until it is opened. */
#include "world.h"

#include <string.h>
#include <sys/socket.h>

#include "api/turns.h"

static struct world w;
static const char *const proxies[] = {"127.0.0.1", NULL};

static void begin(int workers, int queue)
{
    world_init(&w);
    w.config.proxies = proxies;
    w.config.limits.workers = workers;
    w.config.limits.queue = queue;
    w.config.limits.patience_us = 3600 * NILO_US_SECOND; /* nobody is cut for being slow */
    world_start(&w);
}

/* On a connection of its own, from 192.0.2.<host> */
static void ask(struct client *c, const char *path, int host)
{
    char request[256];
    client_open(c, &w);
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.%d\r\n\r\n", path, host);
    client_send(c, request);
}

static void wait_for_queue(int64_t n)
{
    WORLD_UNTIL(world_counts(&w).queue_depth == n);
}

static void end(struct client *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        client_close(&c[i]);
    world_stop(&w);
}

static int at_gate(void)
{
    pthread_mutex_lock(&w.mutex);
    int n = w.at_gate;
    pthread_mutex_unlock(&w.mutex);
    return n;
}

static void addresses_take_turns(void **state)
{
    static const struct {
        const char *gate, *path;
    } lanes[] = {{"/gate", "/log"}, {"/long/gate", "/long/log"}};
    (void)state;
    for (size_t lane = 0; lane < 2; lane++) {
        struct client c[7];
        char path[64];
        begin(1, 100);
        ask(&c[0], lanes[lane].gate, 9);
        world_wait_at_gate(&w, 1);
        for (int i = 1; i < 7; i++) { /* four of one, then one each of two others */
            snprintf(path, sizeof(path), "%s/%s", lanes[lane].path, i < 5 ? "greedy" : i == 5 ? "second" : "third");
            ask(&c[i], path, i < 5 ? 1 : i);
            wait_for_queue(i);
        }
        world_gate(&w, true);
        for (int i = 0; i < 7; i++)
            client_ask(&c[i], "", 200);
        assert_string_equal(w.log, "greedy second third greedy greedy greedy ");
        end(c, 7);
    }
}

static void an_address_leaves_a_worker_to_the_others(void **state)
{
    struct client c[6];
    (void)state;
    begin(4, 100);
    for (int i = 0; i < 4; i++)
        ask(&c[i], "/gate", 1);
    world_wait_at_gate(&w, 3);
    wait_for_queue(1);
    ask(&c[4], "/worker?other", 2);
    assert_string_equal(client_ask(&c[4], "", 200), "<other>");
    ask(&c[5], "/gate", 2);
    world_wait_at_gate(&w, 4); /* that worker may stand still as well, for somebody else */
    assert_int_equal(world_counts(&w).queue_depth, 1);
    world_gate(&w, true);
    for (int i = 0; i < 6; i++)
        if (i != 4)
            client_ask(&c[i], "", 200);
    end(c, 6);
}

static void long_answers_wait_for_each_other_only(void **state)
{
    struct client c[6];
    (void)state;
    begin(4, 100);
    for (int i = 0; i < 5; i++)
        ask(&c[i], "/long/gate", 1);
    world_wait_at_gate(&w, 2);
    wait_for_queue(3);
    WORLD_UNTIL(world_counts(&w).workers_busy == 2);
    for (int i = 0; i < 20; i++) { /* of the same address even */
        ask(&c[5], "/worker?short", 1);
        assert_string_equal(client_ask(&c[5], "", 200), "<short>");
        client_close(&c[5]);
    }
    assert_int_equal(at_gate(), 2);
    assert_int_equal(world_counts(&w).queue_depth, 3);
    world_gate(&w, true);
    for (int i = 0; i < 5; i++)
        client_ask(&c[i], "", 200);
    end(c, 5);
}

/* What made fifty ordinary clients wait for 15 to 23 s: large answers whose clients do not read, as many as there are workers. */
static void who_does_not_read_a_large_answer_keeps_no_other_waiting(void **state)
{
    struct client slow[8], c;
    int bytes = 4096;
    (void)state;
    begin(4, 100);
    for (int i = 0; i < 8; i++) {
        ask(&slow[i], "/long/big?100000000", 1 + i % 2);
        setsockopt(slow[i].fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    }
    wait_for_queue(6);
    for (int i = 0; i < 20; i++) {
        ask(&c, "/worker?short", 1);
        assert_string_equal(client_ask(&c, "", 200), "<short>");
        client_close(&c);
    }
    assert_int_equal(world_counts(&w).workers_busy, 2);
    assert_int_equal(world_counts(&w).cut_slow, 0);
    for (int i = 0; i < 8; i++)
        client_reset(&slow[i]);
    WORLD_UNTIL(world_counts(&w).workers_busy == 0); /* and those in the queue are not begun */
    world_stop(&w);
}

static void a_full_queue_is_cut_where_it_is_longest(void **state)
{
    struct client c[7];
    struct answer a;
    char retry[256];
    (void)state;
    begin(1, 3);
    ask(&c[0], "/gate", 1);
    world_wait_at_gate(&w, 1);
    for (int i = 1; i < 4; i++) {
        ask(&c[i], "/worker", 1);
        wait_for_queue(i);
    }
    ask(&c[4], "/worker?other", 2); /* takes the place of the newest */
    assert_true(client_answer(&c[3], &a, false));
    assert_int_equal(a.status, 503);
    assert_string_equal(answer_header(&a, "Retry-After", retry), "1");
    answer_done(&a);
    client_send(&c[3], GET("/instant?alive"));
    assert_string_equal(client_ask(&c[3], "", 200), "<alive>");
    ask(&c[5], "/worker", 1); /* no longer the newest of somebody with more */
    client_ask(&c[5], "", 503);
    ask(&c[6], "/worker", 2); /* one each: nobody has so many more that he should go */
    client_ask(&c[6], "", 503);
    assert_int_equal(world_counts(&w).queue_full, 3);
    world_gate(&w, true);
    for (int i = 0; i < 5; i++)
        if (i != 3)
            client_ask(&c[i], "", 200);
    end(c, 7);
}

static void who_is_gone_gives_up_the_place(void **state)
{
    struct client c[3];
    (void)state;
    begin(1, 1);
    ask(&c[0], "/gate", 1);
    world_wait_at_gate(&w, 1);
    ask(&c[1], "/log/gone", 1);
    wait_for_queue(1);
    client_reset(&c[1]);
    WORLD_UNTIL(world_counts(&w).connections_open == 1);
    ask(&c[2], "/log/next", 1);
    WORLD_UNTIL(world_counts(&w).connections_open == 2 && world_counts(&w).requests == 3);
    world_gate(&w, true);
    client_ask(&c[0], "", 200);
    assert_string_equal(client_ask(&c[2], "", 200), "next");
    assert_string_equal(w.log, "next ");
    assert_int_equal(world_counts(&w).queue_full, 0);
    client_close(&c[0]);
    client_close(&c[2]);
    world_stop(&w);
}

/* The end of the server, with requests in both lanes. */
static void what_waits_at_the_end_is_let_go(void **state)
{
    struct client c[6];
    (void)state;
    begin(4, 100);
    for (int i = 0; i < 6; i++)
        ask(&c[i], i < 3 ? "/long/gate" : "/gate", 1 + i % 2);
    wait_for_queue(2);
    end(c, 6);
}

/* turns.c alone: what one has had of the workers' time counts, not how many requests it was; and what was not asked for is not saved up. */
static void time_is_shared_and_not_requests(void **state)
{
    static struct nilo_exchange x[100];
    struct nilo__turns turns = {0};
    struct nilo__flow *f;
    int of[3] = {0};
    (void)state;
    for (int i = 0; i < 100; i++) {
        x[i].flow.b[0] = (unsigned char)(1 + (i >= 20)); /* twenty of 100 ms, eighty of 2 ms */
        assert_true(nilo__turns_put(&turns, &x[i]));
    }
    for (int i = 0; i < 52; i++) {
        const struct nilo_exchange *taken = nilo__turns_take(&turns, 4, &f);
        of[taken->flow.b[0]]++;
        nilo__turns_done(&turns, f, taken->flow.b[0] == 1 ? 100000 : 2000);
    }
    assert_int_equal(of[1], 2); /* 200 ms and 100 ms: whose turn it was next had had less each time */
    assert_int_equal(of[2], 50);
    for (int i = 52; i < 100; i++) { /* the rest, so that both are gone */
        const struct nilo_exchange *taken = nilo__turns_take(&turns, 4, &f);
        nilo__turns_done(&turns, f, taken->flow.b[0] == 1 ? 100000 : 2000);
    }
    assert_int_equal(turns.depth, 0);
    assert_null(nilo__turns_take(&turns, 4, &f));
    for (int i = 0; i < 20; i++)
        assert_true(nilo__turns_put(&turns, &x[i]));
    of[1] = of[2] = 0;
    for (int i = 0; i < 10; i++) { /* a newcomer goes next, but not for as long as the other has ever had */
        const struct nilo_exchange *taken = nilo__turns_take(&turns, 4, &f);
        of[taken->flow.b[0]]++;
        nilo__turns_done(&turns, f, 100000);
        if (i == 0)
            for (int k = 20; k < 40; k++)
                assert_true(nilo__turns_put(&turns, &x[k]));
    }
    assert_true(of[1] >= 4 && of[1] <= 6);
    struct nilo_exchange *left = nilo__turns_drop(&turns, true);
    int n = 0;
    for (; left != NULL; left = left->next_job)
        n++;
    assert_int_equal(n, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_shared_and_not_requests),
        cmocka_unit_test(addresses_take_turns),
        cmocka_unit_test(an_address_leaves_a_worker_to_the_others),
        cmocka_unit_test(long_answers_wait_for_each_other_only),
        cmocka_unit_test(who_does_not_read_a_large_answer_keeps_no_other_waiting),
        cmocka_unit_test(a_full_queue_is_cut_where_it_is_longest),
        cmocka_unit_test(who_is_gone_gives_up_the_place),
        cmocka_unit_test(what_waits_at_the_end_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
