/* The ring of keys and its file: what goes in comes out, files that are not ours are refused, no message shows a key. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "keys/keys.h"
#include "support/tmp.h"

static const unsigned char store[16] = "a store's uuid!", other_store[16] = "another's uuid!";
static struct nilo_virtual_clock when;
static struct nilo_seeded_random seeded;
static struct nilo_env env;
static struct nilo_err err;

static int set_up(void **state)
{
    (void)state;
    nilo_virtual_clock_init(&when, INT64_C(1770000000000000));
    nilo_seeded_random_init(&seeded, 3);
    env = (struct nilo_env){.clock = nilo_virtual_clock(&when), .random = nilo_seeded_random(&seeded)};
    return 0;
}

static struct nilo_keys *ring(int masters)
{
    struct nilo_keys *r;
    assert_int_equal(nilo_keys_new(store, &r, &err), 0);
    for (int i = 0; i < masters; i++)
        assert_int_equal(nilo_keys_add(r, NILO_KEY_MASTER, &env, &err), 0);
    assert_int_equal(nilo_keys_add(r, NILO_KEY_SIGNING, &env, &err), 0);
    assert_int_equal(nilo_keys_add(r, NILO_KEY_TOKEN, &env, &err), 0);
    return r;
}

static void assert_same(const struct nilo_keys *a, const struct nilo_keys *b)
{
    assert_int_equal(nilo_keys_n(a), nilo_keys_n(b));
    for (int i = 0; i < nilo_keys_n(a); i++) {
        const struct nilo_key *x = nilo_keys_at(a, i), *y = nilo_keys_at(b, i);
        assert_int_equal(x->kind, y->kind);
        assert_string_equal(x->id, y->id);
        assert_int_equal(x->made_at, y->made_at);
        assert_int_equal(x->current, y->current);
        assert_memory_equal(nilo_keys_bytes(a, x), nilo_keys_bytes(b, y), NILO_KEY_LEN);
    }
}

static void the_newest_of_a_kind_is_current_and_all_differ(void **state)
{
    (void)state;
    struct nilo_keys *r = ring(3);
    assert_int_equal(nilo_keys_n(r), 5);
    const struct nilo_key *current = nilo_keys_current(r, NILO_KEY_MASTER);
    assert_ptr_equal(current, nilo_keys_at(r, 2));
    for (int i = 0; i < 5; i++) {
        assert_true(nilo_keys_at(r, i)->current == (i >= 2));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(nilo_keys_at(r, i)->id, nilo_keys_at(r, k)->id);
            assert_memory_not_equal(nilo_keys_bytes(r, nilo_keys_at(r, i)), nilo_keys_bytes(r, nilo_keys_at(r, k)), NILO_KEY_LEN);
        }
    }
    assert_null(nilo_keys_find(r, NILO_KEY_TOKEN, current->id)); /* a key of another kind is not taken for one */
    nilo_keys_free(r);
}

static void a_saved_ring_is_read_back_and_is_its_owners_alone(void **state)
{
    (void)state;
    struct nilo_keys *r = ring(2), *back;
    const char *path = nilo_test_path("deep/er/a.keys");
    struct stat st;
    if (nilo_keys_save(r, path, false, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(nilo_test_path("deep/er"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(nilo_keys_load(path, store, &back, &err), 0);
    assert_same(r, back);
    nilo_keys_free(back);
    assert_int_equal(nilo_keys_save(r, path, false, &err), -1);
    assert_int_equal(err.code, NILO_EEXIST);
    assert_int_equal(nilo_keys_add(r, NILO_KEY_MASTER, &env, &err), 0);
    assert_int_equal(nilo_keys_save(r, path, true, &err), 0);
    assert_int_equal(nilo_keys_load(path, store, &back, &err), 0);
    assert_same(r, back);
    nilo_keys_free(back);
    nilo_keys_free(r);
}

static void a_file_that_others_may_read_is_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = {0640, 0604, 0660, 0602, 0610, 0644, 0777};
    struct nilo_keys *r = ring(1), *back;
    const char *path = nilo_test_path("open.keys");
    assert_int_equal(nilo_keys_save(r, path, true, &err), 0);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(nilo_keys_load(path, store, &back, &err), -1);
        assert_int_equal(err.code, NILO_EPERM);
        assert_non_null(strstr(err.msg, "chmod 600"));
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(nilo_keys_load(path, store, &back, &err), 0);
    nilo_keys_free(back);
    nilo_keys_free(r);
}

static void wrong_files_are_refused_without_showing_a_key(void **state)
{
    (void)state;
    struct nilo_keys *r = ring(1), *back;
    const char *path = nilo_test_path("w.keys");
    char text[4096], hex[2 * NILO_KEY_LEN + 1], line[512];
    nilo_hex(nilo_keys_bytes(r, nilo_keys_at(r, 0)), NILO_KEY_LEN, hex);
    assert_int_equal(nilo_keys_save(r, path, true, &err), 0);
    FILE *f = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    char *master = strstr(text, "\nmaster "), *end = strchr(master + 1, '\n');
    snprintf(line, sizeof line, "%.*s", (int)(end - master), master + 1);
    struct {
        const char *what, *from, *to; /* the first `from` becomes `to` */
    } cases[] = {
        {"no store", "\nstore ", "\nstor "},     {"an unknown kind", "\nmaster ", "\nmistress "}, {"an odd state", " current ", " present "},
        {"a date that is none", "2026-02-02", "2026-02-32"}, {"an extra word", " current ", " current x "},
        {"a short key", hex, "ab"},          {"no hex", hex, "zz"},
        {"two current ones", "\ntoken ", "\nmaster "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char changed[8192];
        char *at = strstr(text, cases[i].from);
        assert_non_null(at);
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, cases[i].to, at + strlen(cases[i].from));
        nilo_test_write(path, changed, strlen(changed));
        assert_int_equal(chmod(path, 0600), 0);
        if (nilo_keys_load(path, store, &back, &err) == 0)
            fail_msg("%s was taken", cases[i].what);
        assert_int_equal(err.code, NILO_ECORRUPT);
        assert_null(strstr(err.msg, hex));
    }
    /* the same line twice, an empty file, one with a NUL, a folder, one cut at each byte */
    char twice[8192];
    snprintf(twice, sizeof twice, "%s%s", text, line);
    nilo_test_write(path, twice, strlen(twice));
    assert_int_equal(nilo_keys_load(path, store, &back, &err), -1);
    nilo_test_write(path, "", 0);
    assert_int_equal(nilo_keys_load(path, store, &back, &err), -1);
    nilo_test_write(path, "store \0", 7);
    assert_int_equal(nilo_keys_load(path, store, &back, &err), -1);
    assert_int_equal(nilo_keys_load(nilo_test_tmp(), store, &back, &err), -1);
    for (size_t cut = 0; cut + 1 < n; cut++) {
        nilo_test_write(path, text, cut);
        if (nilo_keys_load(path, store, &back, &err) != 0) {
            assert_null(strstr(err.msg, hex));
            continue;
        }
        assert_true(text[cut] == '\n' || text[cut - 1] == '\n'); /* whole lines only */
        nilo_keys_free(back);
    }
    nilo_test_write(path, text, n);
    assert_int_equal(nilo_keys_load(path, other_store, &back, &err), -1);
    assert_int_equal(err.code, NILO_EINVAL);
    assert_int_equal(nilo_keys_load(nilo_test_path("nobody.keys"), store, &back, &err), -1);
    assert_int_equal(err.code, NILO_ENOENT);
    nilo_keys_free(r);
}

static void merging_adds_what_is_new_and_keeps_the_current_ones(void **state)
{
    (void)state;
    struct nilo_keys *r = ring(1), *copy = ring(2), *none;
    char current[NILO_KEY_ID_TEXT];
    int n;
    memcpy(current, nilo_keys_current(r, NILO_KEY_MASTER)->id, sizeof current);
    assert_int_equal(nilo_keys_merge(r, copy, &n, &err), 0);
    assert_int_equal(n, 4);
    assert_string_equal(nilo_keys_current(r, NILO_KEY_MASTER)->id, current);
    assert_non_null(nilo_keys_find(r, NILO_KEY_MASTER, nilo_keys_current(copy, NILO_KEY_MASTER)->id));
    assert_int_equal(nilo_keys_merge(r, copy, &n, &err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(nilo_keys_new(store, &none, &err), 0);
    assert_int_equal(nilo_keys_merge(none, copy, &n, &err), 0);
    assert_same(none, copy);
    nilo_keys_free(none);
    nilo_keys_free(copy);
    nilo_keys_free(r);
}

static void a_current_key_is_not_forgotten_an_old_one_is(void **state)
{
    (void)state;
    struct nilo_keys *r = ring(2);
    char old[NILO_KEY_ID_TEXT];
    assert_int_equal(nilo_keys_forget(r, nilo_keys_current(r, NILO_KEY_MASTER)->id, &err), -1);
    assert_int_equal(err.code, NILO_EINVAL);
    memcpy(old, nilo_keys_at(r, 0)->id, sizeof old);
    assert_int_equal(nilo_keys_forget(r, old, &err), 0);
    assert_null(nilo_keys_find(r, NILO_KEY_MASTER, old));
    assert_int_equal(nilo_keys_n(r), 3);
    assert_int_equal(nilo_keys_forget(r, old, &err), -1);
    assert_int_equal(err.code, NILO_ENOENT);
    while (nilo_keys_add(r, NILO_KEY_TOKEN, &env, &err) == 0)
        ;
    assert_int_equal(err.code, NILO_EFULL);
    assert_int_equal(nilo_keys_n(r), 64);
    assert_non_null(nilo_keys_current(r, NILO_KEY_TOKEN)); /* a failed one takes nothing away */
    nilo_keys_free(r);
}

static void where_the_file_is_follows_the_environment(void **state)
{
    (void)state;
    static const char *const names[] = {"CREDENTIALS_DIRECTORY", "NILOMETER_KEYS", "XDG_CONFIG_HOME", "HOME"};
    char *saved[4], *path;
    enum nilo_keys_place place;
    for (int i = 0; i < 4; i++) {
        saved[i] = getenv(names[i]) != NULL ? strdup(getenv(names[i])) : NULL;
        unsetenv(names[i]);
    }
    assert_int_equal(nilo_keys_path(store, &path, &place, &err), -1);
    assert_int_equal(err.code, NILO_ENOENT);
    static const struct {
        const char *name, *value, *begins;
        enum nilo_keys_place place;
    } steps[] = {
        {"HOME", "/home/ada", "/home/ada/.config/nilometer/keys/", NILO_KEYS_DEFAULT},
        {"XDG_CONFIG_HOME", "/etc/xdg", "/etc/xdg/nilometer/keys/", NILO_KEYS_DEFAULT},
        {"NILOMETER_KEYS", "/srv/keys", "/srv/keys/", NILO_KEYS_GIVEN},
    };
    for (size_t i = 0; i < 3; i++) {
        setenv(steps[i].name, steps[i].value, 1);
        assert_int_equal(nilo_keys_path(store, &path, &place, &err), 0);
        assert_int_equal(place, steps[i].place);
        assert_int_equal(strncmp(path, steps[i].begins, strlen(steps[i].begins)), 0);
        assert_string_equal(path + strlen(path) - 5, ".keys");
        free(path);
    }
    setenv("CREDENTIALS_DIRECTORY", nilo_test_tmp(), 1);
    assert_int_equal(nilo_keys_path(store, &path, &place, &err), 0);
    assert_int_equal(place, NILO_KEYS_GIVEN); /* it has none for us */
    free(path);
    nilo_test_write(nilo_test_path("nilometer.keys"), "", 0);
    assert_int_equal(nilo_keys_path(store, &path, &place, &err), 0);
    assert_int_equal(place, NILO_KEYS_CREDENTIAL);
    assert_string_equal(path, nilo_test_path("nilometer.keys"));
    free(path);
    nilo_test_remove(nilo_test_path("nilometer.keys"));
    for (int i = 0; i < 4; i++) {
        saved[i] != NULL ? setenv(names[i], saved[i], 1) : unsetenv(names[i]);
        free(saved[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_newest_of_a_kind_is_current_and_all_differ, set_up),
        cmocka_unit_test_setup(a_saved_ring_is_read_back_and_is_its_owners_alone, set_up),
        cmocka_unit_test_setup(a_file_that_others_may_read_is_refused, set_up),
        cmocka_unit_test_setup(wrong_files_are_refused_without_showing_a_key, set_up),
        cmocka_unit_test_setup(merging_adds_what_is_new_and_keeps_the_current_ones, set_up),
        cmocka_unit_test_setup(a_current_key_is_not_forgotten_an_old_one_is, set_up),
        cmocka_unit_test_setup(where_the_file_is_follows_the_environment, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
