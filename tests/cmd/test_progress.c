/* Progress: a bar that goes away on a terminal, a line every few seconds elsewhere, nothing when asked to be quiet. */
#include "cmd_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"

static char *text;
static size_t len;
static struct nilo_env env;
static struct nilo_virtual_clock clock_now;
static const struct nilo_cmd cmd = {.name = "import"};
static struct nilo_cmd_ctx ctx;

static int start(void **state)
{
    (void)state;
    nilo_virtual_clock_init(&clock_now, 0);
    env = (struct nilo_env){.clock = nilo_virtual_clock(&clock_now)};
    ctx = (struct nilo_cmd_ctx){.env = &env, .err_out = open_memstream(&text, &len), .cmd = &cmd};
    return ctx.err_out == NULL;
}

static int end(void **state)
{
    (void)state;
    fclose(ctx.err_out);
    free(text);
    text = NULL;
    return 0;
}

static void seconds(int n)
{
    nilo_virtual_clock_advance(&clock_now, n * NILO_US_SECOND);
}

static const char *printed(void)
{
    fflush(ctx.err_out);
    return text;
}

static void lines_come_every_five_seconds(void **state)
{
    (void)state;
    struct nilo_progress *p = nilo_progress_new(&ctx, "reading a.csv", 200);
    nilo_progress_set(p, 1);
    seconds(4);
    nilo_progress_set(p, 10);
    assert_string_equal(printed(), "");
    seconds(1);
    nilo_progress_set(p, 50);
    nilo_progress_set(p, 51);
    assert_string_equal(printed(), "nilometer import: reading a.csv: 50 of 200 (25 %)\n");
    seconds(60);
    nilo_progress_set(p, 199);
    nilo_progress_done(p);
    assert_string_equal(printed(), "nilometer import: reading a.csv: 50 of 200 (25 %)\n"
                                   "nilometer import: reading a.csv: 199 of 200 (99 %)\n");
}

static void a_whole_that_is_unknown_or_passed_does_no_harm(void **state)
{
    (void)state;
    struct nilo_progress *p = nilo_progress_new(&ctx, "x", 0);
    seconds(5);
    nilo_progress_set(p, INT64_MAX);
    nilo_progress_done(p);
    p = nilo_progress_new(&ctx, "y", 3);
    seconds(5);
    nilo_progress_set(p, 4);
    nilo_progress_done(p);
    assert_string_equal(printed(), "nilometer import: x: 9223372036854775807\nnilometer import: y: 4 of 3 (100 %)\n");
}

static void a_terminal_gets_a_bar_that_goes_away(void **state)
{
    (void)state;
    ctx.err_tty = true;
    struct nilo_progress *p = nilo_progress_new(&ctx, "reading", 100);
    nilo_progress_set(p, 1); /* too early to draw */
    assert_string_equal(printed(), "");
    seconds(10);
    nilo_progress_set(p, 50);
    assert_string_equal(printed(), "\rreading [============            ]  50 % 50, 10 s left\033[K");
    nilo_progress_done(p);
    assert_string_equal(printed() + len - 4, "\r\033[K");
}

static void a_whole_that_is_unknown_shows_that_the_work_goes_on(void **state)
{
    (void)state;
    ctx.err_tty = true;
    struct nilo_progress *p = nilo_progress_new(&ctx, "opening", 0);
    nilo_progress_set(p, 0);
    assert_string_equal(printed(), ""); /* too early */
    seconds(3);
    nilo_progress_set(p, 0);
    assert_string_equal(printed(), "\ropening [               ====     ] 3 s\033[K");
    nilo_progress_done(p);
    assert_null(ctx.bar);
}

static void steps_have_a_whole_of_their_own_and_one_clock(void **state)
{
    (void)state;
    ctx.err_tty = true;
    struct nilo_progress *p = nilo_progress_new(&ctx, "opening", 0);
    seconds(4);
    nilo_progress_step(p, "copying pages", 0, 200);
    assert_string_equal(printed(), "\rcopying pages [                        ]   0 % 0, 4 s\033[K");
    seconds(10);
    size_t before = len;
    nilo_progress_step(p, "copying pages", 50, 200); /* a quarter in 10 s, whatever went before */
    assert_string_equal(printed() + before, "\rcopying pages [======                  ]  25 % 50, 30 s left\033[K");
    before = len;
    nilo_cmd_notice(&ctx, "by the way"); /* does not stand in it */
    assert_string_equal(printed() + before, "\r\033[Knilometer import: by the way\n");
    before = len;
    nilo_progress_hide(p); /* is hidden already */
    nilo_progress_done(p);
    assert_string_equal(printed() + before, "");
}

static void a_command_that_stops_in_the_middle_leaves_no_bar(void **state)
{
    (void)state;
    ctx.err_tty = true;
    nilo_progress_new(&ctx, "reading", 0);
    assert_non_null(ctx.bar);
    nilo_progress_done(ctx.bar); /* as nilo_cmd_main() does */
    assert_null(ctx.bar);
}

static void a_bar_never_drawn_leaves_no_trace(void **state)
{
    (void)state;
    ctx.err_tty = true;
    struct nilo_progress *p = nilo_progress_new(&ctx, "reading", 100);
    nilo_progress_set(p, 100);
    nilo_progress_done(p);
    assert_string_equal(printed(), "");
}

static void quiet_is_quiet(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        ctx.err_tty = i % 2 != 0;
        ctx.quiet = i < 2;
        ctx.json = !ctx.quiet;
        struct nilo_progress *p = nilo_progress_new(&ctx, "reading", 100);
        seconds(60);
        nilo_progress_set(p, 50);
        nilo_progress_done(p);
    }
    ctx.quiet = true;
    nilo_cmd_notice(&ctx, "hello");
    assert_string_equal(printed(), "");
}

static void tables_line_up_and_hold_no_escapes(void **state)
{
    (void)state;
    struct nilo__table t;
    struct nilo_err err;
    nilo__table_init(&t, 3, 1u << 1);
    const char *const cells[] = {"name", "n", "note", "J\xc3\xb6rg", "7", "a\x1b[1m", "x", "1234", NULL};
    for (int i = 0; i < 9; i++)
        nilo__table_add(&t, cells[i]);
    assert_int_equal(nilo__table_print(&t, ctx.err_out, &err), 0);
    assert_string_equal(printed(), "name     n  note\nJ\xc3\xb6rg     7  a [1m\nx     1234  \n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_come_every_five_seconds, start, end),
        cmocka_unit_test_setup_teardown(a_whole_that_is_unknown_or_passed_does_no_harm, start, end),
        cmocka_unit_test_setup_teardown(a_terminal_gets_a_bar_that_goes_away, start, end),
        cmocka_unit_test_setup_teardown(a_whole_that_is_unknown_shows_that_the_work_goes_on, start, end),
        cmocka_unit_test_setup_teardown(steps_have_a_whole_of_their_own_and_one_clock, start, end),
        cmocka_unit_test_setup_teardown(a_command_that_stops_in_the_middle_leaves_no_bar, start, end),
        cmocka_unit_test_setup_teardown(a_bar_never_drawn_leaves_no_trace, start, end),
        cmocka_unit_test_setup_teardown(quiet_is_quiet, start, end),
        cmocka_unit_test_setup_teardown(tables_line_up_and_hold_no_escapes, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
