/* env:NAME and file:PATH: what they become, and that no message tells the value. */
#include "scratch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void gives(const char *value, const char *expected)
{
    char *got = NULL;
    struct nilo_err err = {0};
    if (nilo_config_secret(value, &got, &err) < 0)
        fail_msg("%s: %s", value, err.msg);
    assert_string_equal(got, expected);
    free(got);
}

static void refuses(const char *value, enum nilo_code code, const char *message)
{
    char *got = NULL;
    struct nilo_err err = {0};
    assert_int_equal(nilo_config_secret(value, &got, &err), -1);
    assert_null(got);
    assert_string_equal(err.msg, message);
    assert_int_equal(err.code, code);
}

static void other_text_stays_as_it_is(void **state)
{
    static const char *const texts[] = {"", "app.db", "postgres://h/db", "environment", "ENV:A", " env:A", "files/a"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        gives(texts[i], texts[i]);
}

static void a_variable_gives_its_value(void **state)
{
    (void)state;
    setenv("NILO_TEST_SECRET", "postgres://u:p@h/db", 1);
    gives("env:NILO_TEST_SECRET", "postgres://u:p@h/db");
    setenv("NILO_TEST_SECRET", "", 1);
    refuses("env:NILO_TEST_SECRET", NILO_ECONFIG,
            "the environment variable NILO_TEST_SECRET (env:NILO_TEST_SECRET) is empty; give it a value");
    unsetenv("NILO_TEST_SECRET");
    refuses("env:NILO_TEST_SECRET", NILO_ENOENT,
            "the environment variable NILO_TEST_SECRET (env:NILO_TEST_SECRET) is not set; set it for this process");
    refuses("env:", NILO_ECONFIG, "env: names no variable; write env:NAME in letters, digits and _");
    refuses("env:A=B", NILO_ECONFIG, "env: names no variable; write env:NAME in letters, digits and _");
}

static void a_file_gives_its_text_without_the_last_line_end(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {{"s3cret", "s3cret"},
                {"s3cret\n", "s3cret"},
                {"s3cret\r\n", "s3cret"},
                {"s3cret\n\n", "s3cret\n"},
                {" a b ", " a b "}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scratch_write("key", rows[i].in, strlen(rows[i].in));
        gives("file:key", rows[i].out);
    }
}

static void a_credential_of_systemd_gives_its_text(void **state)
{
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    refuses("credential:app", NILO_ENOENT,
            "credential:app cannot be read: systemd gave this process no credentials (LoadCredential=app:... in its unit)");
    setenv("CREDENTIALS_DIRECTORY", ".", 1);
    scratch_write("app", "s3cret\n", 7);
    gives("credential:app", "s3cret");
    refuses("credential:nobody", NILO_ENOENT, "cannot read the secret file ./nobody (file:./nobody): No such file or directory");
    static const char *const wrong[] = {"credential:", "credential:../app", "credential:..", "credential:a/b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refuses(wrong[i], NILO_ECONFIG, "credential: names no credential; write credential:NAME as the systemd unit does");
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void files_that_hold_no_value_are_refused(void **state)
{
    char *big = malloc(65538);
    (void)state;
    assert_non_null(big);
    memset(big, 'x', 65538);
    scratch_write("full", big, 65535);
    scratch_write("big", big, 65537);
    big[65535] = '\0';
    gives("file:full", big);
    free(big);
    scratch_write("empty", "", 0);
    scratch_write("line", "\n", 1);
    scratch_write("app.db", "SQLite format 3\0s3cret", 22);
    assert_int_equal(mkdir("folder", 0755), 0);
    refuses("file:absent", NILO_ENOENT, "cannot read the secret file absent (file:absent): No such file or directory");
    refuses("file:empty", NILO_ECONFIG, "the secret file empty is empty; write the value into it");
    refuses("file:line", NILO_ECONFIG, "the secret file line is empty; write the value into it");
    refuses("file:big", NILO_ECONFIG, "the secret file big is longer than 64 KiB; it should hold one value");
    refuses("file:app.db", NILO_ECONFIG,
            "the secret file app.db is not text; file:PATH names a file that holds a value, a database is named by its "
            "path alone");
    refuses("file:folder", NILO_EIO, "cannot read the secret file folder: Is a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_text_stays_as_it_is),
        cmocka_unit_test(a_variable_gives_its_value),
        cmocka_unit_test(a_file_gives_its_text_without_the_last_line_end),
        cmocka_unit_test(a_credential_of_systemd_gives_its_text),
        cmocka_unit_test(files_that_hold_no_value_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
