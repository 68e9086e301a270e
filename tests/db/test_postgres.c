/* What only PostgreSQL can get wrong: reaching the server, secrets in messages, connections that break, the session. */
#include "support/nilo_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "db/db.h"
#include "support/pg.h"
#include "support/tmp.h"

static struct nilo_err err;
static const char *url;  /* of a database, NULL without PostgreSQL */
static char server[256]; /* the URL's host, as it is written in there */

static int find_server(void **state)
{
    (void)state;
    url = nilo_test_pg_database("driver");
    if (url != NULL) {
        const char *host = strchr(url, '@') + 1;
        snprintf(server, sizeof server, "%.*s", (int)strcspn(host, "/"), host);
    }
    return 0;
}

static void need_server(void)
{
    if (url != NULL)
        return;
    printf("# skipped: %s\n", nilo_test_pg_missing());
    skip();
}

static struct nilo_db *open_as(const char *target, enum nilo_db_mode mode, int64_t connect_ms)
{
    struct nilo_db *db = NULL;
    const struct nilo_db_options options = {.mode = mode, .connect_ms = connect_ms};
    err = (struct nilo_err){.code = NILO_OK};
    return nilo_db_open(target, &options, &db, &err) == 0 ? db : NULL;
}

static struct nilo_db *must_open(enum nilo_db_mode mode)
{
    struct nilo_db *db = open_as(url, mode, 0);
    if (db == NULL)
        fail_msg("%s", err.msg);
    return db;
}

static void must_exec(struct nilo_db *db, const char *sql)
{
    if (nilo_db_exec(db, sql, &err) != 0)
        fail_msg("%s: %s", sql, err.msg);
}

static const char *one_text(struct nilo_db *db, const char *sql)
{
    static char text[256];
    struct nilo_db_stmt *s;
    if (nilo_db_prepare(db, sql, &s, &err) != 0 || nilo_db_query(s, NULL, 0, &err) != 0 || nilo_db_row(s, &err) != 1)
        fail_msg("%s: %s", sql, err.msg);
    snprintf(text, sizeof text, "%s", nilo_db_column_text(s, 0));
    nilo_db_reset(s);
    return text;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- secrets and wrong targets ------------------------------------------------------------------------------------------ */

/* %S in the pattern is where the server's host goes. */
static const char *with_server(const char *pattern, char *out, size_t size)
{
    const char *at = strstr(pattern, "%S");
    if (at == NULL)
        return pattern;
    snprintf(out, size, "%.*s%s%s", (int)(at - pattern), pattern, server, at + 2);
    return out;
}

static void no_message_shows_the_password(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        enum nilo_code code;
        const char *word;
    } cases[] = {
        {"postgres://u:hush-hush@%2Fno%2Fsuch%2Ffolder/db", NILO_EAWAY, "postgres://u:***@%2Fno%2Fsuch%2Ffolder/db"},
        {"postgresql://u:hush-hush@127.0.0.1:1/db", NILO_EAWAY, "127.0.0.1:1"},
        {"postgres://u:hush-hush@127.0.0.1:1/db?sslmode=disable&password=hush-hush", NILO_EAWAY, "***"},
        {"postgres://127.0.0.1:1/db?user=u&password=hush%2Dhush", NILO_EAWAY, "u:***@127.0.0.1:1/db"},
        {"postgres://u:hush-hush@127.0.0.1:1/db?no_such_option=1", NILO_EINVAL, "cannot be read"},
        {"postgres://u:hush-hush@127.0.0.1:port/db", NILO_EAWAY, "port"},
        {"postgres://u:hush-hush@[::1/db", NILO_EINVAL, "cannot be read"},
        {"postgres://u:hush-hush%zz@host/db", NILO_EINVAL, "cannot be read"},
        {"postgres://u:x@hush-hush@host/db", NILO_EINVAL, "%40"},
        {"postgres://u:x/hush-hush@host/db", NILO_EINVAL, "%40"},
        {"postgres://u:hush-hush/x@host/db", NILO_EINVAL, "%40"},
        {"postgres://u:hush-hush/x?y@host/db", NILO_EINVAL, "%40"},
        {"postgres://nilo:hush-hush@%S/absent", NILO_ENOENT, "\"absent\" does not exist"},
        {"postgres://nobody_here:hush-hush@%S/driver", NILO_ESTORE, "nobody_here"},
        {"postgres://nilo_password:hush-hush@%S/driver", NILO_ESTORE, "authentication failed"},
        {"postgres://nilo_password@%S/driver", NILO_ESTORE, "no password supplied"},
    };
    if (url != NULL) {
        struct nilo_db *db = must_open(NILO_DB_WRITE);
        must_exec(db, "DROP ROLE IF EXISTS nilo_password; CREATE ROLE nilo_password LOGIN PASSWORD 'another'");
        nilo_db_close(db);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char target[512];
        if (strstr(cases[i].target, "%S") != NULL && url == NULL)
            continue;
        struct nilo_db *db = open_as(with_server(cases[i].target, target, sizeof target), NILO_DB_WRITE, 0);
        if (db != NULL || err.code != cases[i].code || strstr(err.msg, cases[i].word) == NULL)
            fail_msg("%s: \"%s\" (%s), expected %s with %s", cases[i].target, err.msg, nilo_code_text(err.code),
                     nilo_code_text(cases[i].code), cases[i].word);
        if (strstr(err.msg, "hush") != NULL || strchr(err.msg, '\n') != NULL)
            fail_msg("%s: %s", cases[i].target, err.msg);
    }
}

static void the_password_is_blotted_out_of_server_messages(void **state)
{
    (void)state;
    need_server();
    struct nilo_db *db = must_open(NILO_DB_WRITE);
    must_exec(db, "DROP ROLE IF EXISTS nilo_password; CREATE ROLE nilo_password LOGIN PASSWORD 'hush hush'");
    nilo_db_close(db);
    char target[512];
    snprintf(target, sizeof target, "postgres://nilo_password:hush%%20hush@%s/driver", server);
    db = open_as(target, NILO_DB_WRITE, 0);
    if (db == NULL)
        fail_msg("%s", err.msg);
    snprintf(target, sizeof target, "postgres://nilo_password:***@%s/driver", server);
    assert_string_equal(nilo_db_target(db), target);
    assert_int_equal(nilo_db_exec(db, "SELECT 'my hush hush password'::bigint", &err), -1);
    assert_int_equal(err.code, NILO_ENUMBER);
    assert_non_null(strstr(err.msg, "my *** password"));
    assert_null(strstr(err.msg, "hush"));
    nilo_db_close(db);
}

static void a_server_that_does_not_answer_is_given_up(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", nilo_test_path(".s.PGSQL.5432"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0); /* takes connections, says nothing */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 5), 0);
    char target[512] = "postgres://u:hush@";
    size_t n = strlen(target);
    for (const char *p = nilo_test_tmp(); *p != '\0'; p++)
        n += (size_t)snprintf(target + n, sizeof target - n, *p == '/' ? "%%2F" : "%c", *p);
    snprintf(target + n, sizeof target - n, "/db");
    int64_t start = now_ms();
    assert_null(open_as(target, NILO_DB_WRITE, 300));
    assert_int_equal(err.code, NILO_ETIMEOUT);
    assert_in_range(now_ms() - start, 250, 3000);
    assert_null(strstr(err.msg, "hush"));
    close(fd);
}

/* ---- the session --------------------------------------------------------------------------------------------------------- */

static void the_session_does_not_depend_on_the_server(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"SHOW timezone", "UTC"},
        {"SHOW client_encoding", "UTF8"},
        {"SHOW datestyle", "ISO, YMD"},
        {"SHOW standard_conforming_strings", "on"},
        {"SHOW bytea_output", "hex"},
        {"SHOW application_name", "nilometer"},
        {"SHOW lock_timeout", "5s"},
        {"SHOW idle_session_timeout", "0"},
        {"SHOW default_transaction_read_only", "off"},
        {"SELECT CAST('2024-02-03 04:05:06+02' AS timestamptz)", "2024-02-03 02:05:06+00"},
        {"SELECT CAST('2024-02-03' AS date)", "2024-02-03"},
        {"SELECT CAST(0.1 AS double precision) + CAST(0.2 AS double precision)", "0.30000000000000004"},
        {"SELECT CAST(123456789012345678901234567890.5 AS numeric)", "123456789012345678901234567890.5"},
    };
    need_server();
    struct nilo_db *admin = must_open(NILO_DB_WRITE);
    must_exec(admin,
              "ALTER DATABASE driver SET timezone = 'Asia/Tokyo'; ALTER DATABASE driver SET bytea_output = 'escape';"
              "ALTER DATABASE driver SET datestyle = 'German'; ALTER DATABASE driver SET extra_float_digits = 0");
    struct nilo_db *db = must_open(NILO_DB_WRITE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(one_text(db, cases[i][0]), cases[i][1]);
    nilo_db_close(db);
    db = must_open(NILO_DB_SOURCE);
    assert_string_equal(one_text(db, "SHOW default_transaction_read_only"), "on");
    assert_int_equal(nilo_db_begin(db, &err), 0);
    assert_string_equal(one_text(db, "SHOW transaction_isolation"), "repeatable read");
    assert_string_equal(one_text(db, "SHOW transaction_read_only"), "on");
    nilo_db_rollback(db);
    nilo_db_close(db);
    must_exec(admin, "ALTER DATABASE driver RESET ALL");
    nilo_db_close(admin);
}

static void notices_are_not_printed(void **state)
{
    (void)state;
    need_server();
    struct nilo_db *db = must_open(NILO_DB_WRITE);
    FILE *kept = tmpfile();
    int old = dup(2);
    fflush(stderr);
    assert_true(kept != NULL && old >= 0 && dup2(fileno(kept), 2) == 2);
    int rc = nilo_db_exec(db, "DROP TABLE IF EXISTS never_there; DO $$ BEGIN RAISE WARNING 'listen'; END $$", &err);
    fflush(stderr);
    dup2(old, 2);
    close(old);
    assert_int_equal(rc, 0);
    assert_int_equal(lseek(fileno(kept), 0, SEEK_END), 0);
    fclose(kept);
    nilo_db_close(db);
}

static void the_time_limit_outlives_a_rollback(void **state)
{
    (void)state;
    need_server();
    struct nilo_db *db = must_open(NILO_DB_WRITE);
    nilo_db_timeout(db, 1234);
    assert_int_equal(nilo_db_begin(db, &err), 0);
    assert_string_equal(one_text(db, "SHOW statement_timeout"), "1234ms");
    nilo_db_timeout(db, 2345);
    assert_string_equal(one_text(db, "SHOW statement_timeout"), "2345ms");
    nilo_db_rollback(db); /* which takes it back on the server */
    assert_string_equal(one_text(db, "SHOW statement_timeout"), "2345ms");
    assert_int_equal(nilo_db_begin(db, &err), 0);
    nilo_db_timeout(db, 3456);
    must_exec(db, "SELECT 1; ROLLBACK");
    assert_string_equal(one_text(db, "SHOW statement_timeout"), "3456ms");
    nilo_db_close(db);
}

static void a_commit_after_an_error_is_no_success(void **state)
{
    (void)state;
    need_server();
    struct nilo_db *db = must_open(NILO_DB_WRITE);
    must_exec(db, "CREATE TABLE after_error (x bigint)");
    assert_int_equal(nilo_db_begin(db, &err), 0);
    must_exec(db, "INSERT INTO after_error VALUES (1)");
    assert_int_equal(nilo_db_exec(db, "SELECT 1 / 0", &err), -1);
    assert_int_equal(nilo_db_commit(db, &err), -1);
    assert_int_equal(err.code, NILO_ESTORE);
    assert_non_null(strstr(err.msg, "undone"));
    assert_false(nilo_db_in_transaction(db));
    assert_string_equal(one_text(db, "SELECT count(*) FROM after_error"), "0");
    nilo_db_close(db);
}

static void copy_is_refused_without_hanging(void **state)
{
    (void)state;
    static const char *const copies[] = {"COPY (SELECT 1) TO STDOUT", "CREATE TEMP TABLE c (x int); COPY c FROM STDIN"};
    need_server();
    for (size_t i = 0; i < 2; i++) {
        struct nilo_db *db = must_open(NILO_DB_WRITE);
        assert_int_equal(nilo_db_exec(db, copies[i], &err), -1);
        assert_non_null(strstr(err.msg, "COPY"));
        nilo_db_close(db);
    }
}

/* ---- connections that break ------------------------------------------------------------------------------------------------- */

static void *end_backend_soon(void *arg)
{
    struct timespec wait = {.tv_nsec = 200000000};
    nanosleep(&wait, NULL);
    struct nilo_err ignored;
    struct nilo_db *db = NULL;
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    if (nilo_db_open(url, &options, &db, &ignored) == 0)
        nilo_db_exec(db, arg, &ignored);
    nilo_db_close(db);
    return NULL;
}

static void expect_lost(int rc)
{
    if (rc == -1 && (err.code == NILO_EAWAY || err.code == NILO_ESOURCE) && strstr(err.msg, "lost") != NULL &&
        strstr(err.msg, "postgres://") != NULL)
        err = (struct nilo_err){.code = NILO_OK};
    else
        fail_msg("%d: %s (%s)", rc, err.msg, nilo_code_text(err.code));
}

static void endless_set(void *ctx, size_t i, struct nilo_db_value *params)
{
    (void)ctx;
    params[0] = NILO_DBV_INT((int64_t)i);
}

static void each_call_says_that_the_connection_is_gone(void **state)
{
    (void)state;
    need_server();
    for (int how = 0; how < 5; how++) {
        struct nilo_db *db = must_open(NILO_DB_WRITE), *admin = must_open(NILO_DB_WRITE);
        struct nilo_db_stmt *s, *sleeping;
        char sql[96];
        pthread_t thread;
        assert_int_equal(nilo_db_prepare(db, "SELECT CAST(?1 AS bigint)", &s, &err), 0);
        assert_int_equal(nilo_db_prepare(db, "SELECT pg_sleep(20)", &sleeping, &err), 0);
        snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%s)", one_text(db, "SELECT pg_backend_pid()"));
        if (how >= 2)
            assert_int_equal(nilo_db_begin(db, &err), 0);
        if (how < 3) {
            must_exec(admin, sql); /* while nothing runs */
            nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        } else {
            assert_int_equal(pthread_create(&thread, NULL, end_backend_soon, sql), 0);
        }
        if (how == 0)
            expect_lost(nilo_db_exec(db, "SELECT 1", &err));
        else if (how == 1)
            expect_lost(nilo_db_run(s, (struct nilo_db_value[]){NILO_DBV_INT(1)}, 1, NULL, &err));
        else if (how == 2)
            expect_lost(nilo_db_commit(db, &err));
        else if (how == 3)
            expect_lost(nilo_db_run(sleeping, NULL, 0, NULL, &err));
        else
            expect_lost(nilo_db_many(s, SIZE_MAX / 2, 1, endless_set, NULL, NULL, &err));
        if (how >= 3)
            pthread_join(thread, NULL);
        assert_int_equal(nilo_db_in_transaction(db), how >= 3);
        expect_lost(nilo_db_exec(db, "SELECT 1", &err));
        expect_lost(nilo_db_run(s, (struct nilo_db_value[]){NILO_DBV_INT(1)}, 1, NULL, &err));
        expect_lost(nilo_db_prepare(db, "SELECT 77", &s, &err));
        nilo_db_rollback(db);
        assert_false(nilo_db_in_transaction(db));
        expect_lost(nilo_db_begin(db, &err));
        nilo_db_interrupt(db);
        nilo_db_close(db);
        nilo_db_close(admin);
    }
}

static void a_lost_commit_says_that_its_outcome_is_unknown(void **state)
{
    (void)state;
    need_server();
    struct nilo_db *db = must_open(NILO_DB_WRITE), *admin = must_open(NILO_DB_WRITE);
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%s)", one_text(db, "SELECT pg_backend_pid()"));
    assert_int_equal(nilo_db_begin(db, &err), 0);
    must_exec(admin, sql);
    expect_lost(nilo_db_commit(db, &err) == -1 && strstr(err.msg, "not known whether") != NULL ? -1 : 0);
    nilo_db_close(db);
    nilo_db_close(admin);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_message_shows_the_password),
        cmocka_unit_test(the_password_is_blotted_out_of_server_messages),
        cmocka_unit_test(a_server_that_does_not_answer_is_given_up),
        cmocka_unit_test(the_session_does_not_depend_on_the_server),
        cmocka_unit_test(notices_are_not_printed),
        cmocka_unit_test(the_time_limit_outlives_a_rollback),
        cmocka_unit_test(a_commit_after_an_error_is_no_success),
        cmocka_unit_test(copy_is_refused_without_hanging),
        cmocka_unit_test(each_call_says_that_the_connection_is_gone),
        cmocka_unit_test(a_lost_commit_says_that_its_outcome_is_unknown),
    };
    return cmocka_run_group_tests(tests, find_server, NULL);
}
