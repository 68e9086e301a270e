/* kill -9 in the middle of bulk POSTs: what was answered is there whole, what was not is there whole or not at all. */
#include "write/written.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS_EACH 60

/* Posts one category after the other, and says so when each is answered; until it is killed. */
static void post_for_ever(struct stores *s, int acks)
{
    struct nilo_buf body;
    nilo_buf_init(&body, 1 << 20);
    for (int i = 0;; i++) {
        nilo_buf_reset(&body);
        for (int k = 0; k < ROWS_EACH; k++) {
            char day[NILO_DAY_TEXT];
            nilo_day_format(NILO_DAY(stores_day("2025-03-20").n - k), day);
            nilo_buf_addf(&body, "%c{\"metric_date\":\"%s\",\"metric_type\":\"count\",\"metric_category\":\"c%d\",\"value\":%d}", k ? ',' : '[', day, i, k);
        }
        nilo_buf_adds(&body, "]");
        if (strcmp(written(s, NILO_ROLE_SERVICE, "w", "POST daily_metrics", NULL, nilo_buf_str(&body)), "201") != 0 || write(acks, "x", 1) != 1)
            _exit(1);
    }
}

static void nothing_answered_is_lost_and_nothing_is_half_done(struct stores *s)
{
    if (s->engine != NILO_DB_SQLITE)
        nilo_test_skip("it is SQLite's"); /* a transaction of the server's is the server's to undo */
    for (int round = 1; round <= 6; round++) {
        int fd[2], status;
        char c, sql[300];
        if (stores_fresh(s) < 0 || pipe(fd) != 0)
            fail();
        nilo_store_close(s->store);
        s->store = NULL;
        pid_t child = fork();
        if (child == 0) {
            close(fd[0]);
            stores_reopen(s, NILO_STORE_WRITE);
            post_for_ever(s, fd[1]);
        }
        close(fd[1]);
        int acked = 0;
        while (acked < round * 2 && read(fd[0], &c, 1) == 1)
            acked++;
        usleep((useconds_t)(round * 700)); /* anywhere in the next one */
        kill(child, SIGKILL);
        while (read(fd[0], &c, 1) == 1)
            acked++;
        waitpid(child, &status, 0);
        close(fd[0]);
        assert_true(WIFSIGNALED(status));
        stores_reopen(s, NILO_STORE_WRITE);
        assert_true(acked >= round * 2);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT m.id FROM metric m JOIN day_value v ON v.metric_id = m.id GROUP BY m.id HAVING count(*) <> %d) x",
                 ROWS_EACH);
        assert_int_equal(stores_int(s, sql), 0);
        assert_in_range(stores_int(s, "SELECT count(DISTINCT metric_id) FROM day_value"), acked, acked + 1);
        assert_int_equal(stores_int(s, "SELECT count(*) FROM run WHERE status <> 1"), 0);
    }
}

int main(void)
{
    static const struct stores_test tests[] = {STORES_TEST(nothing_answered_is_lost_and_nothing_is_half_done)};
    return stores_run("writes that are killed", tests, sizeof tests / sizeof tests[0]);
}
