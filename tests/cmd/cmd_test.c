/* See cmd_test.h. */
#include "cmd_test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/day.h"
#include "cmd/cmd.h"
#include "support/tmp.h"

#define WORDS 64

struct nilo_virtual_clock cmd_clock;
static struct nilo_seeded_random seeded;
static struct cmd_result last;
static char *words[WORDS + 1];
static int n_words;

void cmd_clock_at(const char *instant)
{
    struct nilo_iso iso;
    struct nilo_err err;
    assert_int_equal(nilo_iso_parse(instant, strlen(instant), &iso, &err), 0);
    nilo_virtual_clock_init(&cmd_clock, iso.us);
}

static void start(void)
{
    for (int i = 0; i < n_words; i++)
        free(words[i]);
    n_words = 0;
    free(last.out);
    free(last.err);
    last = (struct cmd_result){0};
    unsetenv("NILOMETER_STORE");
    unsetenv("NILOMETER_CONFIG");
    setenv("NILOMETER_KEYS", nilo_test_path("keys"), 1);
    static bool is_seeded;
    if (cmd_clock.wall == 0)
        cmd_clock_at("2026-03-10T12:00:00Z");
    if (!is_seeded)
        nilo_seeded_random_init(&seeded, 1);
    is_seeded = true;
}

static void add_word(const char *text, size_t len)
{
    assert_true(n_words < WORDS);
    words[n_words++] = strndup(text, len);
    words[n_words] = NULL;
}

/* Sets from the environment what a test put there for one call: see cmd_line(). */
static const struct cmd_result *run(void)
{
    char *out = NULL, *err = NULL;
    size_t out_len, err_len;
    FILE *to = open_memstream(&out, &out_len), *err_to = open_memstream(&err, &err_len);
    assert_non_null(to);
    assert_non_null(err_to);
    struct nilo_env env = {.clock = nilo_virtual_clock(&cmd_clock), .random = nilo_seeded_random(&seeded)};
    last.status = nilo_cmd_main(n_words, words, &env, to, err_to);
    fclose(to);
    fclose(err_to);
    last.out = out;
    last.err = err;
    return &last;
}

const struct cmd_result *cmd_run(const char *first, ...)
{
    va_list ap;
    start();
    add_word("nilometer", 9);
    va_start(ap, first);
    for (const char *w = first; w != NULL; w = va_arg(ap, const char *))
        add_word(w, strlen(w));
    va_end(ap);
    return run();
}

const struct cmd_result *cmd_line(const char *line)
{
    start();
    add_word("nilometer", 9);
    while (*line != '\0') {
        line += strspn(line, " ");
        const char *begin = line[0] == '\'' ? line + 1 : line;
        size_t len = line[0] == '\'' ? strcspn(begin, "'") : strcspn(line, " ");
        if (line[0] == '\'' || len > 0)
            add_word(begin, len);
        line = begin + len + (line[0] == '\'');
    }
    return run();
}

const char *cmd_word(int i)
{
    return i < n_words ? words[i] : NULL;
}

void cmd_assert_one_line(const char *err)
{
    const char *end = strchr(err, '\n');
    if (err[0] != '\0' && (end == NULL || end[1] != '\0'))
        fail_msg("not one line: %s", err);
}

void cmd_assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}
