/* Handles in threads: one writes, others read the same store, others have stores of their own. Also run under ThreadSanitizer (test_tsan). */
#include "support/nilo_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "support/tmp.h"

#include <nilometer.h>

#define DAYS  12
#define ITEMS 20

struct job {
    char path[512];
    int mode;
    int status; /* 0, or the line at which it went wrong */
    char message[256];
    int64_t seen;
};

static atomic_bool gave_up; /* a thread that failed: the others need not wait for what it would have done */

#define CHECK(j, n, call)                                                                                              \
    do {                                                                                                               \
        if ((call) != NILOMETER_OK) {                                                                                  \
            (j)->status = __LINE__;                                                                                    \
            atomic_store(&gave_up, true);                                                                              \
            snprintf((j)->message, sizeof (j)->message, "%s", nilometer_message(n));                                   \
            goto out;                                                                                                  \
        }                                                                                                              \
    } while (0)

static void *write_days(void *ctx)
{
    struct job *j = ctx;
    struct nilometer *n = NULL;
    struct nilometer_options o = NILOMETER_OPTIONS_INIT;
    o.mode = NILOMETER_WRITE;
    CHECK(j, n, nilometer_open(j->path, &o, &n));
    for (int day = 1; day <= DAYS; day++) {
        CHECK(j, n, nilometer_begin(n, NULL));
        for (int i = 0; i < ITEMS; i++) {
            char id[16], text[32];
            const struct nilometer_value v = {"views", NULL, day, 0, NULL, NULL};
            struct nilometer_reading r = NILOMETER_READING_INIT;
            snprintf(id, sizeof id, "v%d", i);
            snprintf(text, sizeof text, "2024-03-%02d", day);
            r.external_id = id;
            r.day = text;
            r.values = &v;
            r.n_values = 1;
            CHECK(j, n, nilometer_add(n, &r));
        }
        CHECK(j, n, nilometer_commit(n, NULL));
    }
out:
    nilometer_close(n);
    return NULL;
}

/* A day is there with all of its items or not at all: each run is one transaction here. */
static void *read_totals(void *ctx)
{
    struct job *j = ctx;
    struct nilometer *n = NULL;
    CHECK(j, n, nilometer_open(j->path, NULL, &n));
    while (j->seen < DAYS * ITEMS && !atomic_load(&gave_up)) {
        struct nilometer_rows *rows = NULL;
        int64_t total = 0;
        CHECK(j, n, nilometer_query(n, "content_snapshots?select=external_id,day,views", &rows));
        total = (int64_t)nilometer_rows_count(rows);
        nilometer_rows_free(rows);
        if (total % ITEMS != 0 || total < j->seen) {
            j->status = __LINE__;
            snprintf(j->message, sizeof j->message, "%d rows after %d", (int)total, (int)j->seen);
            break;
        }
        j->seen = total;
    }
out:
    nilometer_close(n);
    return NULL;
}

static void start_store(struct job *j, const char *name)
{
    struct nilometer_options o = NILOMETER_OPTIONS_INIT;
    struct nilometer *n = NULL;
    o.mode = NILOMETER_CREATE;
    snprintf(j->path, sizeof j->path, "%s", nilo_test_path(name));
    assert_int_equal(nilometer_open(j->path, &o, &n), NILOMETER_OK);
    nilometer_close(n);
}

static void one_writes_while_others_read_and_others_write_elsewhere(void **state)
{
    struct job jobs[5] = {{.seen = 0}};
    pthread_t threads[5];
    (void)state;
    start_store(&jobs[0], "shared.db");
    jobs[1] = jobs[2] = jobs[0];
    start_store(&jobs[3], "other.db");
    jobs[4] = jobs[3];
    for (int i = 0; i < 5; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i == 0 || i == 3 ? write_days : read_totals, &jobs[i]), 0);
    for (int i = 0; i < 5; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 5; i++) {
        if (jobs[i].status != 0)
            fail_msg("thread %d, line %d: %s", i, jobs[i].status, jobs[i].message);
    }
    assert_int_equal(jobs[1].seen, DAYS * ITEMS);
}

/* A handle may move: opened here, used there. */
static void *use_moved(void *ctx)
{
    struct nilometer_rows *rows = NULL;
    int code = nilometer_query(ctx, "workspaces", &rows);
    nilometer_rows_free(rows);
    return code == NILOMETER_OK ? NULL : ctx;
}

static void a_handle_may_move_to_another_thread(void **state)
{
    struct job j = {.seen = 0};
    struct nilometer *n = NULL;
    pthread_t thread;
    void *failed = NULL;
    (void)state;
    start_store(&j, "moved.db");
    assert_int_equal(nilometer_open(j.path, NULL, &n), NILOMETER_OK);
    assert_int_equal(pthread_create(&thread, NULL, use_moved, n), 0);
    pthread_join(thread, &failed);
    assert_null(failed);
    nilometer_close(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_writes_while_others_read_and_others_write_elsewhere),
        cmocka_unit_test(a_handle_may_move_to_another_thread),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
