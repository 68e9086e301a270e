/* Which file is read, and what is said of files that are none. */
#include "scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void refused(const char *path, enum nilo_code code, const char *message)
{
    struct nilo_config *c = NULL;
    struct nilo_err err = {0};
    assert_int_equal(nilo_config_load(path, NULL, &c, &err), -1);
    assert_null(c);
    assert_string_equal(err.msg, message);
    assert_int_equal(err.code, code);
}

static char *loaded_store(const char *path)
{
    struct nilo_config *c = NULL;
    struct nilo_err err = {0};
    if (nilo_config_load(path, NULL, &c, &err) < 0)
        fail_msg("%s", err.msg);
    char *store = c->store != NULL ? strdup(c->store) : NULL;
    nilo_config_free(c);
    return store;
}

static void store_is(const char *path, const char *expected)
{
    char *store = loaded_store(path);
    if (expected == NULL)
        assert_null(store);
    else
        assert_string_equal(store, expected);
    free(store);
}

static void without_any_file_there_are_the_defaults(void **state)
{
    (void)state;
    struct nilo_config *c = NULL;
    struct nilo_err err = {0};
    assert_int_equal(nilo_config_load(NULL, NULL, &c, &err), 0);
    assert_null(c->path);
    assert_null(c->store);
    assert_int_equal(c->n_connections, 0);
    assert_string_equal(nilo_config_zone(c, "default"), "UTC");
    nilo_config_free(c);
    nilo_config_free(NULL);
}

static void the_named_file_wins_then_the_environment_then_the_folder(void **state)
{
    (void)state;
    scratch_write("nilometer.yaml", "store: folder\n", 14);
    scratch_write("e.yaml", "store: env\n", 11);
    scratch_write("n.yaml", "store: named\n", 13);
    store_is(NULL, "folder");
    setenv("NILOMETER_CONFIG", "", 1);
    store_is(NULL, "folder");
    setenv("NILOMETER_CONFIG", "e.yaml", 1);
    store_is(NULL, "env");
    store_is("n.yaml", "named");
    setenv("NILOMETER_CONFIG", "absent.yaml", 1);
    refused(NULL, NILO_ENOENT, "cannot open the configuration file absent.yaml: No such file or directory");
    unsetenv("NILOMETER_CONFIG");
}

static void a_missing_file_is_not_found(void **state)
{
    (void)state;
    refused("absent.yaml", NILO_ENOENT, "cannot open the configuration file absent.yaml: No such file or directory");
    refused("absent/nilometer.yaml", NILO_ENOENT,
            "cannot open the configuration file absent/nilometer.yaml: No such file or directory");
}

static void a_link_that_leads_nowhere_is_not_the_same_as_no_file(void **state)
{
    (void)state;
    assert_int_equal(symlink("gone.yaml", "nilometer.yaml"), 0);
    refused(NULL, NILO_ENOENT, "cannot open the configuration file nilometer.yaml: No such file or directory");
}

static void a_directory_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir("nilometer.yaml", 0755), 0);
    refused("nilometer.yaml", NILO_ECONFIG, "nilometer.yaml is a directory; name the configuration file in it");
    refused(NULL, NILO_ECONFIG, "nilometer.yaml is a directory; name the configuration file in it");
}

static void an_unreadable_file_is_refused(void **state)
{
    (void)state;
    scratch_write("nilometer.yaml", "store: a\n", 9);
    assert_int_equal(chmod("nilometer.yaml", 0), 0);
    bool root = geteuid() == 0;
    if (root)
        assert_int_equal(seteuid(65534), 0);
    struct nilo_config *c = NULL;
    struct nilo_err err = {0};
    int rc = nilo_config_load("nilometer.yaml", NULL, &c, &err);
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(rc, -1);
    assert_string_equal(err.msg, "cannot open the configuration file nilometer.yaml: Permission denied");
    assert_int_equal(err.code, NILO_EIO);
}

static void write_filled(const char *name, size_t size)
{
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '#', size);
    scratch_write(name, text, size);
    free(text);
}

static void a_mebibyte_is_read_and_one_byte_more_is_refused(void **state)
{
    (void)state;
    write_filled("nilometer.yaml", 1024 * 1024);
    store_is("nilometer.yaml", NULL);
    write_filled("nilometer.yaml", 1024 * 1024 + 1);
    refused("nilometer.yaml", NILO_ECONFIG,
            "the configuration file nilometer.yaml is larger than 1 MiB; is it the right file?");
    refused("/dev/zero", NILO_ECONFIG, "the configuration file /dev/zero is larger than 1 MiB; is it the right file?");
}

static void binary_files_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *message;
    } rows[] = {
        {"SQLite format 3\0\x10\0", 18,
         "nilometer.yaml:1: not a YAML text (control characters are not allowed, at byte 15); save it as plain text in "
         "UTF-8"},
        {"\x7f"
         "ELF\x02\x01\x01",
         7,
         "nilometer.yaml:1: not a YAML text (control characters are not allowed, at byte 0); save it as plain text in "
         "UTF-8"},
        {"store: a\n\x1f\x8b\x08", 12,
         "nilometer.yaml:2: not a YAML text (control characters are not allowed, at byte 9); save it as plain text in "
         "UTF-8"},
        {"\xc3\xa4: 1\n\xe4: 1\n", 11,
         "nilometer.yaml:2: not a YAML text (invalid trailing UTF-8 octet, at byte 7); save it as plain text in UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scratch_write("nilometer.yaml", rows[i].bytes, rows[i].len);
        refused("nilometer.yaml", NILO_ECONFIG, rows[i].message);
    }
}

static void a_pipe_can_be_read(void **state)
{
    int ends[2];
    char path[32];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "store: piped\n", 13), 13);
    close(ends[1]);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    store_is(path, "piped");
    close(ends[0]);
    store_is("/dev/null", NULL);
}

static void messages_name_the_file_as_it_was_given(void **state)
{
    (void)state;
    assert_int_equal(mkdir("etc", 0755), 0);
    scratch_write("etc/a.yaml", "# first\nx: y\n", 13);
    refused("etc/a.yaml", NILO_ECONFIG,
            "etc/a.yaml:2: x: unknown key; known here: " KNOWN);
    refused("./etc/a.yaml", NILO_ECONFIG,
            "./etc/a.yaml:2: x: unknown key; known here: " KNOWN);
}

#define ALONE(f) cmocka_unit_test_setup_teardown(f, scratch_enter, scratch_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALONE(without_any_file_there_are_the_defaults),
        ALONE(the_named_file_wins_then_the_environment_then_the_folder),
        ALONE(a_missing_file_is_not_found),
        ALONE(a_link_that_leads_nowhere_is_not_the_same_as_no_file),
        ALONE(a_directory_is_refused),
        ALONE(an_unreadable_file_is_refused),
        ALONE(a_mebibyte_is_read_and_one_byte_more_is_refused),
        ALONE(binary_files_are_refused),
        ALONE(a_pipe_can_be_read),
        ALONE(messages_name_the_file_as_it_was_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
