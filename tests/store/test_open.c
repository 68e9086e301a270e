/* Opening a store: made, found, refused; the one writer; what a dead process leaves. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/put.h"
#include "support/tmp.h"

static void a_new_store_has_an_identity_that_stays(struct stores *s)
{
    unsigned char uuid[16], zero[16] = {0};
    memcpy(uuid, nilo_store_uuid(s->store), 16);
    assert_memory_not_equal(uuid, zero, 16);
    assert_int_equal(nilo_store_catalog(s->store)->n, nilo_builtin_metrics_n);
    stores_reopen(s, NILO_STORE_WRITE);
    assert_memory_equal(nilo_store_uuid(s->store), uuid, 16);
    stores_reopen(s, NILO_STORE_CREATE);
    assert_memory_equal(nilo_store_uuid(s->store), uuid, 16);
    stores_reopen(s, NILO_STORE_READ);
    assert_memory_equal(nilo_store_uuid(s->store), uuid, 16);
    assert_int_equal(nilo_store_catalog(s->store)->n, nilo_builtin_metrics_n);
}

static void builtin_metrics_are_stored_with_their_numbers(struct stores *s)
{
    for (size_t i = 0; i < nilo_builtin_metrics_n; i++) {
        const struct nilo_metric *m = &nilo_builtin_metrics[i], *got = nilo_catalog_by_id(nilo_store_catalog(s->store), m->id);
        assert_non_null(got);
        assert_string_equal(got->name, m->name);
        assert_int_equal(got->scale, m->scale);
        assert_int_equal(got->best_rule, m->best_rule);
        assert_true(got->wide && got->builtin && got->active);
        assert_string_equal(got->format_pattern, "0,0");
        assert_true(got->display_name && got->description && got->unit);
    }
}

static void what_is_no_store_is_refused(struct stores *s)
{
    struct nilo_store *other;
    if (s->engine == NILO_DB_SQLITE) {
        fails(s, NILO_ENOENT, nilo_store_open(nilo_test_path("absent"), NILO_STORE_WRITE, &s->env, &other, &s->err));
        assert_non_null(strstr(s->err.msg, "nilometer init"));
        fails(s, NILO_ENOENT, nilo_store_open(nilo_test_path("absent"), NILO_STORE_READ, &s->env, &other, &s->err));
        assert_int_equal(access(nilo_test_path("absent"), F_OK), -1);
        nilo_test_write(nilo_test_path("text"), "not a database, but long enough to be looked at as one\n", 55);
        fails(s, NILO_ECORRUPT, nilo_store_open(nilo_test_path("text"), NILO_STORE_WRITE, &s->env, &other, &s->err));
    }
    /* a database with something else in it */
    stores_exec(s, "DROP TABLE nilo_migration");
    nilo_store_close(s->store);
    s->store = NULL;
    fails(s, NILO_ENOENT, nilo_store_open(s->target, NILO_STORE_WRITE, &s->env, &other, &s->err));
    assert_non_null(strstr(s->err.msg, "nilometer init"));
    fails(s, NILO_ENOENT, nilo_store_open(s->target, NILO_STORE_READ, &s->env, &other, &s->err));
}

static void a_newer_schema_is_refused_in_every_mode(struct stores *s)
{
    static const enum nilo_store_mode modes[] = {NILO_STORE_READ, NILO_STORE_WRITE, NILO_STORE_CREATE};
    struct nilo_store *other;
    stores_exec(s, "INSERT INTO nilo_migration (version, name, checksum, applied_at) VALUES (99, 'future', 'x', 1)");
    nilo_store_close(s->store);
    s->store = NULL;
    for (int i = 0; i < 3; i++) {
        fails(s, NILO_ENEWER, nilo_store_open(s->target, modes[i], &s->env, &other, &s->err));
        assert_non_null(strstr(s->err.msg, "99"));
    }
}

static void a_damaged_identity_is_told(struct stores *s)
{
    struct nilo_store *other;
    ok(s, nilo_store_meta_set(s->store, "uuid", "xyz", &s->err));
    nilo_store_close(s->store);
    s->store = NULL;
    fails(s, NILO_ECORRUPT, nilo_store_open(s->target, NILO_STORE_WRITE, &s->env, &other, &s->err));
}

static void a_reader_sees_what_is_committed_and_writes_nothing(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", NULL);
    struct nilo_store *reader;
    struct stores r = *s;
    put(s, &c, "a", 100, 1, 5);
    ok(s, nilo_store_open(s->target, NILO_STORE_READ, &s->env, &reader, &s->err));
    r.store = reader;
    assert_int_equal(stores_int(&r, "SELECT count(*) FROM observation"), 1);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_meta_set(s->store, "k", "v", &s->err));
    assert_int_equal(stores_int(&r, "SELECT count(*) FROM meta WHERE key = 'k'"), 0);
    ok(s, nilo_store_commit(s->store, &s->err));
    assert_int_equal(stores_int(&r, "SELECT count(*) FROM meta WHERE key = 'k'"), 1);
    put(s, &c, "a", 101, 1, 6);
    assert_int_equal(stores_int(&r, "SELECT count(*) FROM observation"), 2);
    assert_int_equal(nilo_store_meta_set(reader, "k", "w", &r.err), -1);
    assert_int_equal(r.err.code, NILO_EREADONLY);
    nilo_store_close(reader);
}

/* ---- the one writer ------------------------------------------------------------------------------------------------------ */

static void a_second_writer_is_refused_and_told_whose_turn_it_is(struct stores *s)
{
    struct nilo_store *other = NULL;
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    fails(s, NILO_ELOCKED, nilo_store_open(s->target, NILO_STORE_WRITE, &s->env, &other, &s->err));
    assert_non_null(strstr(s->err.msg, pid));
    fails(s, NILO_ELOCKED, nilo_store_open(s->target, NILO_STORE_CREATE, &s->env, &other, &s->err));
    ok(s, nilo_store_open(s->target, NILO_STORE_READ, &s->env, &other, &s->err));
    nilo_store_close(other);
    /* closing a reader does not give the lock away */
    fails(s, NILO_ELOCKED, nilo_store_open(s->target, NILO_STORE_WRITE, &s->env, &other, &s->err));
    nilo_store_close(s->store);
    s->store = NULL;
    ok(s, nilo_store_open(s->target, NILO_STORE_WRITE, &s->env, &s->store, &s->err));
}

/* A writer in another process, in the middle of a run when it is killed. */
static pid_t other_writer(struct stores *s, const struct nilo_connection *c)
{
    int ends[2];
    char byte = 0;
    assert_int_equal(pipe(ends), 0);
    nilo_store_close(s->store);
    s->store = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        struct nilo_run run = {.workspace = c->workspace, .connection = c->id, .kind = NILO_RUN_COLLECT, .provenance = NILO_OBSERVED,
                               .target_day = NILO_DAY_NONE, .started_at = s->clock.wall};
        bool fine = nilo_store_open(s->target, NILO_STORE_WRITE, &s->env, &s->store, &s->err) == 0 &&
                    nilo_store_run_begin(s->store, &run, &s->err) == 0 && nilo_store_begin(s->store, &s->err) == 0 &&
                    nilo_store_meta_set(s->store, "half", "done", &s->err) == 0;
        byte = fine ? 'y' : 'n';
        if (write(ends[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    assert_true(pid > 0);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void the_lock_of_a_killed_writer_is_gone(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "push", NULL);
    struct nilo_store *other = NULL;
    char text[32], *half;
    pid_t pid = other_writer(s, &c);
    snprintf(text, sizeof text, "process %ld", (long)pid);
    fails(s, NILO_ELOCKED, nilo_store_open(s->target, NILO_STORE_WRITE, &s->env, &other, &s->err));
    assert_non_null(strstr(s->err.msg, text));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    ok(s, nilo_store_open(s->target, NILO_STORE_WRITE, &s->env, &s->store, &s->err));
    /* its run is told to be interrupted, what it had not committed is not there */
    assert_rows(s, "SELECT status, error FROM run", "4 the process ended in the middle of this run; what it had committed stays");
    ok(s, nilo_store_meta_get(s->store, "half", &half, &s->err));
    assert_null(half);
}

static void a_lock_file_left_behind_is_no_lock(struct stores *s)
{
    char path[4096];
    if (s->engine != NILO_DB_SQLITE)
        return;
    nilo_store_close(s->store);
    s->store = NULL;
    snprintf(path, sizeof path, "%s.lock", s->target);
    nilo_test_write(path, "12345\n", 6);
    ok(s, nilo_store_open(s->target, NILO_STORE_WRITE, &s->env, &s->store, &s->err));
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_new_store_has_an_identity_that_stays),
        STORES_TEST(builtin_metrics_are_stored_with_their_numbers),
        STORES_TEST(what_is_no_store_is_refused),
        STORES_TEST(a_newer_schema_is_refused_in_every_mode),
        STORES_TEST(a_damaged_identity_is_told),
        STORES_TEST(a_reader_sees_what_is_committed_and_writes_nothing),
        STORES_TEST(a_second_writer_is_refused_and_told_whose_turn_it_is),
        STORES_TEST(the_lock_of_a_killed_writer_is_gone),
        STORES_TEST(a_lock_file_left_behind_is_no_lock),
    };
    return stores_run("store/open", tests, sizeof tests / sizeof tests[0]);
}
