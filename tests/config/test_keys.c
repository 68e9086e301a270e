/* The table of keys, libcyaml's schema, the sample configuration and the printed reference say the same. */
#include "scratch.h"

#include "config/config_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 128 /* keys of all sections, counted in for_each_key */

static int key_count(void)
{
    int n = 0;
    for (int i = 0; nilo__config_sections[i] != NULL; i++)
        n += nilo__config_sections[i]->n;
    return n;
}

static int key_number(const struct nilo__config_section *s, const struct nilo__config_key *key)
{
    int n = 0;
    for (int i = 0; nilo__config_sections[i] != s; i++)
        n += nilo__config_sections[i]->n;
    return n + (int)(key - s->keys);
}

/* Counts how often each key of the table is in the document; a key that is in no row fails. */
static void count_keys(const struct nilo__config_section *s, const struct nilo__config_node *mapping, int *counts)
{
    for (const struct nilo__config_node *node = mapping->first; node != NULL; node = node->next) {
        const struct nilo__config_key *key = nilo__config_find(s, node->key);
        if (key == NULL)
            fail_msg("line %d: %s is not in the table of %s", node->key_line, node->key, s->path);
        counts[key_number(s, key)]++;
        if (key->type == NILO__CONFIG_MAP) {
            count_keys(key->entries, node, counts);
            continue;
        }
        for (const struct nilo__config_node *entry = node->first; key->entries != NULL && entry != NULL;
             entry = entry->next)
            count_keys(key->entries, entry, counts);
    }
}

static char *sample_text(size_t *ret_len)
{
    char *path = nilo_test_source("examples/nilometer.yaml");
    FILE *f = fopen(path, "rb");
    char *text = malloc(65536);
    assert_non_null(f);
    assert_non_null(text);
    *ret_len = fread(text, 1, 65535, f);
    text[*ret_len] = '\0';
    fclose(f);
    free(path);
    return text;
}

static void the_sample_loads(void **state)
{
    (void)state;
    char *path = nilo_test_source("examples/nilometer.yaml");
    struct nilo_config *c = NULL;
    struct nilo_err err = {0};
    if (nilo_config_load(path, NULL, &c, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(c->n_workspaces, 1);
    assert_int_equal(c->n_connections, 5);
    assert_int_equal(c->n_metrics, 2);
    assert_string_equal(nilo_config_zone(c, c->connections[0].workspace), "Europe/Berlin");

    struct nilo_config_sql_metric *all = NULL;
    int n = 0;
    assert_int_equal(nilo_config_sql_expand(&c->connections[0], &all, &n, &err), 0);
    assert_int_equal(n, 6);
    assert_string_equal(all[4].name, "comments_created");
    assert_string_equal(all[4].table, "\"Comment\"");
    assert_string_equal(all[4].timestamp, "\"createdAt\"");
    nilo_config_sql_free(all, n);
    nilo_config_free(c);
    free(path);
}

static void the_sample_has_every_key_of_the_table_and_no_other(void **state)
{
    (void)state;
    const struct nilo__config_node *root = NULL;
    struct nilo_err err = {0};
    struct nilo_arena arena;
    size_t len;
    char *text = sample_text(&len);
    int counts[PLACES] = {0};

    assert_in_range(key_count(), 25, PLACES);
    nilo_arena_init(&arena, 0);
    assert_int_equal(nilo__config_parse("sample", text, len, &arena, &root, &err), 0);
    count_keys(&nilo__config_top, root, counts);
    for (int i = 0; nilo__config_sections[i] != NULL; i++) {
        const struct nilo__config_section *s = nilo__config_sections[i];
        for (int k = 0; k < s->n; k++) {
            if (counts[key_number(s, &s->keys[k])] == 0)
                fail_msg("%s: %s is not in examples/nilometer.yaml", s->path, s->keys[k].name);
        }
    }
    nilo_arena_done(&arena);
    free(text);
}

static void help_has_a_line_for_every_key(void **state)
{
    (void)state;
    struct nilo_buf b;
    nilo_buf_init(&b, 65536);
    nilo_config_help(&b);
    assert_false(b.failed);
    const char *at = nilo_buf_str(&b);
    for (int i = 0; nilo__config_sections[i] != NULL; i++) {
        const struct nilo__config_section *s = nilo__config_sections[i];
        char line[128];
        snprintf(line, sizeof(line), "%s%s\n", i > 0 ? "\n" : "", i > 0 ? s->path : "nilometer.yaml");
        assert_ptr_equal(strstr(at, line), at);
        at += strlen(line);
        for (int k = 0; k < s->n; k++) {
            snprintf(line, sizeof(line), "  %s ", s->keys[k].name);
            assert_ptr_equal(strstr(at, line), at);
            const char *end = strchr(at, '\n') + 1;
            char *whole = strndup(at, (size_t)(end - at));
            assert_non_null(strstr(whole, s->keys[k].help));
            snprintf(line, sizeof(line), "(default %s)", s->keys[k].fallback != NULL ? s->keys[k].fallback : "");
            assert_int_equal(strstr(whole, line) != NULL, s->keys[k].fallback != NULL);
            assert_int_equal(strstr(whole, "(required)") != NULL, s->keys[k].required);
            free(whole);
            at = end;
        }
    }
    assert_string_equal(at, "");
    nilo_buf_done(&b);
}

/* Every key, a value of its own each: "connections[].name" and numbers counted up. What libcyaml makes of it is
 * looked up by the table's offsets; so the schema has each key, and each fills the member that the table says. */
static void write_section(struct nilo_buf *b, const struct nilo__config_section *s, int indent)
{
    for (int k = 0; k < s->n; k++) {
        const struct nilo__config_key *key = &s->keys[k];
        nilo_buf_addf(b, "%*s%s: ", k > 0 ? indent : 0, "", key->name);
        if (key->type == NILO__CONFIG_LIST) {
            nilo_buf_addf(b, "\n%*s- ", indent, "");
            write_section(b, key->entries, indent + 2);
        } else if (key->type == NILO__CONFIG_MAP) {
            nilo_buf_addf(b, "\n%*s", indent + 2, "");
            write_section(b, key->entries, indent + 2);
        } else if (key->type == NILO__CONFIG_WHOLE) {
            nilo_buf_addf(b, "%d\n", key_number(s, key) + 1);
        } else {
            nilo_buf_addf(b, "text%d\n", key_number(s, key));
        }
    }
}

static void check_section(const struct nilo__config_section *s, const char *thing)
{
    for (int k = 0; k < s->n; k++) {
        const struct nilo__config_key *key = &s->keys[k];
        char *text, expected[32];
        int64_t wide = 0;
        int narrow = 0;
        if (key->type == NILO__CONFIG_MAP) {
            check_section(key->entries, thing + key->offset);
            continue;
        }
        memcpy(&text, thing + key->offset, key->type == NILO__CONFIG_WHOLE ? 0 : sizeof(text));
        if (key->type == NILO__CONFIG_LIST) {
            memcpy(&narrow, thing + key->count_offset, sizeof(narrow));
            assert_int_equal(narrow, 1);
            check_section(key->entries, text);
        } else if (key->type == NILO__CONFIG_WHOLE) {
            memcpy(key->size == sizeof(narrow) ? (void *)&narrow : (void *)&wide, thing + key->offset, key->size);
            assert_int_equal(key->size == sizeof(narrow) ? narrow : wide, key_number(s, key) + 1);
        } else {
            snprintf(expected, sizeof(expected), "text%d", key_number(s, key));
            assert_string_equal(text, expected);
        }
    }
}

static void libcyaml_fills_the_member_that_the_table_names(void **state)
{
    (void)state;
    struct nilo_config *c = NULL;
    struct nilo_err err = {0};
    struct nilo_buf b;
    nilo_buf_init(&b, 65536);
    write_section(&b, &nilo__config_top, 0);
    if (nilo__config_fill("all", nilo_buf_str(&b), b.len, &c, &err) < 0)
        fail_msg("%s\n%s", err.msg, nilo_buf_str(&b));
    check_section(&nilo__config_top, (const char *)c);
    nilo_config_free(c);
    nilo_buf_done(&b);
}

/* The other way round: libcyaml knows no key that is not in the table, and says so. */
static void libcyaml_refuses_what_is_not_in_the_table(void **state)
{
    static const char *const texts[] = {"line: 1\n",
                                        "path: a\n",
                                        "n_metrics: 1\n",
                                        "connections: [{name: a, platform: sql, line: 3}]\n",
                                        "metrics: [{name: [a]}]\n",
                                        "metrics: [{kind: a}]\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct nilo_config *c = NULL;
        struct nilo_err err = {0};
        assert_int_equal(nilo__config_fill("all", texts[i], strlen(texts[i]), &c, &err), -1);
        assert_int_equal(err.code, NILO_EINTERNAL);
        assert_null(c);
    }
}

/* What the file may say as a default must pass the file's own checks. */
static void defaults_would_pass_as_values(void **state)
{
    (void)state;
    for (int i = 0; nilo__config_sections[i] != NULL; i++) {
        const struct nilo__config_section *s = nilo__config_sections[i];
        for (int k = 0; k < s->n; k++) {
            const struct nilo__config_key *key = &s->keys[k];
            int64_t v = 0;
            assert_true(strlen(key->help) > 0 && key->help[strlen(key->help) - 1] != '.');
            assert_false(key->required && key->fallback != NULL);
            if (key->fallback == NULL)
                continue;
            if (key->type == NILO__CONFIG_WHOLE)
                assert_true(nilo__config_whole(key->fallback, &v) && v >= key->min && v <= key->max);
            if (key->allowed != NULL)
                assert_non_null(strstr(key->allowed, key->fallback));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_loads),
        cmocka_unit_test(the_sample_has_every_key_of_the_table_and_no_other),
        cmocka_unit_test(help_has_a_line_for_every_key),
        cmocka_unit_test(libcyaml_fills_the_member_that_the_table_names),
        cmocka_unit_test(libcyaml_refuses_what_is_not_in_the_table),
        cmocka_unit_test(defaults_would_pass_as_values),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
