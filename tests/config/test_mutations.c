/* The sample with a few bytes wrong, over and over: loading accepts it or refuses it with one line that names the
 * file. Never more, and never is something let through to libcyaml that it does not take (NILO_EINTERNAL). */
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS   3000
#define TEXT_MAX 16384

static const char *const pieces[] = {
    "\n",         " ",
    "  ",         "\t",
    ":",          ": ",
    "- ",         "-",
    "#",          "'",
    "\"",         "{",
    "}",          "[",
    "]",          ",",
    "&a ",        "*a",
    "!",          "!!int ",
    "|",          ">",
    "?",          "~",
    "%",          "---\n",
    "...\n",      "<<: ",
    "null",       "0",
    "-1",         "99999999999999999999",
    "\\0",        "\xff",
    "\xc3\xa4",   "name: a",
    "metrics:\n", "connections:\n",
};

static uint64_t below(const struct nilo_random *r, size_t n)
{
    return nilo_random_below(r, n);
}

static size_t mutate(const struct nilo_random *r, char *text, size_t len)
{
    size_t at = below(r, len), n = below(r, 12);
    const char *piece = pieces[below(r, sizeof(pieces) / sizeof(pieces[0]))];
    size_t add = strlen(piece);

    switch (below(r, 4)) {
    case 0: /* a byte */
        text[at] = (char)below(r, 256);
        return len;
    case 1: /* some bytes less */
        n = at + n < len ? n : len - at;
        memmove(text + at, text + at + n, len - at - n);
        return len - n;
    case 2: /* a piece of YAML more */
        if (len + add > TEXT_MAX)
            return len;
        memmove(text + at + add, text + at, len - at);
        memcpy(text + at, piece, add);
        return len + add;
    default: /* the end is missing */
        return below(r, 8) == 0 ? at + 1 : len;
    }
}

static void load(const char *text, size_t len, int *accepted)
{
    struct nilo_config *c = NULL;
    struct nilo_err err = {0};
    scratch_write("m.yaml", text, len);
    if (nilo_config_load("m.yaml", NULL, &c, &err) == 0) {
        (*accepted)++;
        nilo_config_free(c);
        return;
    }
    if (err.code != NILO_ECONFIG || strncmp(err.msg, "m.yaml:", 7) != 0 || strchr(err.msg, '\n') != NULL)
        fail_msg("%d %s\n%.*s", (int)err.code, err.msg, (int)len, text);
}

static void a_damaged_sample_is_accepted_or_refused_in_one_sentence(void **state)
{
    (void)state;
    static char sample[TEXT_MAX], text[TEXT_MAX + 1];
    struct nilo_seeded_random seeded;
    char *path = nilo_test_source("examples/nilometer.yaml");
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(sample, 1, sizeof(sample), f);
    fclose(f);
    free(path);
    assert_in_range(len, 1000, TEXT_MAX - 1000);

    nilo_seeded_random_init(&seeded, 20250111);
    struct nilo_random r = nilo_seeded_random(&seeded);
    int accepted = 0;
    for (int i = 0; i < ROUNDS; i++) {
        size_t n = len;
        memcpy(text, sample, len);
        for (uint64_t k = below(&r, 3) + 1; k > 0 && n > 0; k--)
            n = mutate(&r, text, n);
        load(text, n, &accepted);
    }
    /* Most of the sample is comment: a good part stays valid, and a good part does not. */
    assert_in_range(accepted, ROUNDS / 20, ROUNDS - ROUNDS / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_damaged_sample_is_accepted_or_refused_in_one_sentence)};
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
