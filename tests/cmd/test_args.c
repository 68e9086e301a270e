/* The option parser: what a command sees of a command line, and every way to write one wrong. */
#include "cmd_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"

static int never(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    (void)ctx, (void)err;
    return 0;
}

static const struct nilo_option fetch_options[] = {
    {"from", "DAY", "first day", false},
    {"map", "A=B", "a column", true},
    {"dry-run", NULL, "only look", false},
    {"connection", "NAME", "one of them", false},
    {0},
};
static const struct nilo_cmd fetch = {.name = "fetch", .operands = "FILE...", .summary = "x", .options = fetch_options, .run = never};
static const struct nilo_cmd stop = {.name = "stop", .summary = "x", .run = never};
static const struct nilo_cmd *const cmds[] = {&fetch, &stop, NULL};

#define WORDS 12

static int parse(const char *const *words, struct nilo__line *line, struct nilo_err *err)
{
    int n = 0;
    while (words[n] != NULL)
        n++;
    return nilo__args_parse(n, (char *const *)(uintptr_t)words, cmds, line, err);
}

/* The parsed line as one text: command, name=value in order, operands. */
static void spell(const struct nilo__line *line, char *ret, size_t size)
{
    size_t n = (size_t)snprintf(ret, size, "%s", line->cmd != NULL ? line->cmd->name : "-");
    for (int i = 0; i < line->args.n_given; i++)
        n += (size_t)snprintf(ret + n, size - n, " %s=%s", line->args.given[i].name, line->args.given[i].value);
    for (int i = 0; i < line->args.n_rest; i++)
        n += (size_t)snprintf(ret + n, size - n, " [%s]", line->args.rest[i]);
}

static void command_lines_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS], *wanted;
    } cases[] = {
        {{"nilo"}, "-"},
        {{"nilo", "stop"}, "stop"},
        {{"nilo", "fetch", "a", "b"}, "fetch [a] [b]"},
        {{"nilo", "fetch", "--from", "2025-01-01", "a"}, "fetch from=2025-01-01 [a]"},
        {{"nilo", "fetch", "--from=2025-01-01", "a"}, "fetch from=2025-01-01 [a]"},
        {{"nilo", "fetch", "a", "--from", "x"}, "fetch from=x [a]"},
        {{"nilo", "fetch", "--from="}, "fetch from="},
        {{"nilo", "fetch", "--map=a=b=c", "--map", "d=e"}, "fetch map=a=b=c map=d=e"},
        {{"nilo", "fetch", "--dry-run", "a"}, "fetch dry-run= [a]"},
        {{"nilo", "fetch", "-"}, "fetch [-]"},
        {{"nilo", "fetch", "--from", "-"}, "fetch from=-"},
        {{"nilo", "fetch", "--from", "-1"}, "fetch from=-1"},
        {{"nilo", "fetch", "--from=--to"}, "fetch from=--to"},
        {{"nilo", "fetch", "--", "--from", "--"}, "fetch [--from] [--]"},
        {{"nilo", "--", "fetch", "-x"}, "fetch [-x]"},
        {{"nilo", "--store", "s.db", "fetch", "a"}, "fetch store=s.db [a]"},
        {{"nilo", "fetch", "--store", "s.db", "a", "--json"}, "fetch store=s.db json= [a]"},
        {{"nilo", "--quiet", "--config=c", "stop"}, "stop quiet= config=c"},
        {{"nilo", "-h"}, "- help="},
        {{"nilo", "stop", "-h"}, "stop help="},
        {{"nilo", "stop", "what", "--help"}, "stop help= [what]"},
        {{"nilo", "fetch", ""}, "fetch []"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo__line line;
        struct nilo_err err = {0};
        char got[400];
        if (parse(cases[i].words, &line, &err) != 0)
            fail_msg("case %zu: %s", i, err.msg);
        spell(&line, got, sizeof got);
        assert_string_equal(got, cases[i].wanted);
        nilo__args_done(&line);
    }
}

static void wrong_command_lines_name_the_fault_and_the_way_out(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS], *wanted;
    } cases[] = {
        {{"nilo", "fecth"}, "there is no command \"fecth\"; did you mean \"fetch\"?"},
        {{"nilo", "fet"}, "there is no command \"fet\"; did you mean \"fetch\"?"},
        {{"nilo", "efthc"}, "did you mean \"fetch\"?"},
        {{"nilo", "stopp"}, "did you mean \"stop\"?"},
        {{"nilo", "zzzzzz"}, "there is no command \"zzzzzz\"; nilometer help lists them"},
        {{"nilo", "Stop"}, "did you mean \"stop\"?"},
        {{"nilo", ""}, "there is no command \"\""},
        {{"nilo", "fetch", "--form"}, "there is no option --form; did you mean --from?"},
        {{"nilo", "fetch", "--form=2025-01-01"}, "there is no option --form; did you mean --from?"},
        {{"nilo", "fetch", "--conn", "x"}, "did you mean --connection?"},
        {{"nilo", "fetch", "--dryrun"}, "did you mean --dry-run?"},
        {{"nilo", "fetch", "--sotre", "x"}, "did you mean --store?"},
        {{"nilo", "fetch", "--wxyzvu"}, "there is no option --wxyzvu; nilometer fetch --help lists them"},
        {{"nilo", "--from", "x", "fetch"}, "there is no option --from before the command"},
        {{"nilo", "fetch", "-x"}, "there is no option -x; options are written --name"},
        {{"nilo", "fetch", "-from", "x"}, "there is no option -from; options are written --name"},
        {{"nilo", "fetch", "--=x"}, "there is no option --"},
        {{"nilo", "fetch", "--from"}, "--from needs a value: --from DAY"},
        {{"nilo", "fetch", "--from", "--dry-run"}, "--from needs a value: --from DAY"},
        {{"nilo", "fetch", "--dry-run=yes"}, "--dry-run takes no value"},
        {{"nilo", "--json=1", "stop"}, "--json takes no value"},
        {{"nilo", "stop", "it"}, "takes no operand, but \"it\" was given"},
        {{"nilo", "stop", "--", "--json"}, "takes no operand, but \"--json\" was given"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo__line line;
        struct nilo_err err = {0};
        if (parse(cases[i].words, &line, &err) == 0)
            fail_msg("case %zu was accepted", i);
        assert_int_equal(err.code, NILO_EUSAGE);
        cmd_assert_contains(err.msg, cases[i].wanted);
        nilo__args_done(&line);
    }
}

static void a_word_of_any_length_is_refused_without_harm(void **state)
{
    (void)state;
    static char word[70000];
    memset(word, 'x', sizeof word - 1);
    for (int option = 0; option < 2; option++) {
        struct nilo__line line;
        struct nilo_err err = {0};
        word[0] = word[1] = option ? '-' : 'x';
        const char *words[] = {"nilo", word, NULL};
        assert_int_equal(parse(words, &line, &err), -1);
        nilo__args_done(&line);
    }
}

static void the_last_value_wins_and_repeated_ones_are_all_there(void **state)
{
    (void)state;
    const char *words[] = {"nilo", "fetch", "--map", "a=1", "--from=x", "--map", "b=2", "--from=y", "f", "g", NULL};
    struct nilo__line line;
    struct nilo_err err;
    assert_int_equal(parse(words, &line, &err), 0);
    const struct nilo_args *a = &line.args;
    assert_string_equal(nilo_args_get(a, "from"), "y");
    assert_null(nilo_args_get(a, "dry-run"));
    assert_int_equal(nilo_args_count(a, "map"), 2);
    assert_string_equal(nilo_args_nth(a, "map", 0), "a=1");
    assert_string_equal(nilo_args_nth(a, "map", 1), "b=2");
    assert_null(nilo_args_nth(a, "map", 2));
    assert_int_equal(nilo_args_rest_n(a), 2);
    assert_string_equal(nilo_args_rest(a, 1), "g");
    assert_null(nilo_args_rest(a, 2));
    assert_null(nilo_args_rest(a, -1));
    nilo__args_done(&line);
}

static void days_are_checked_and_named_by_their_option(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum nilo_code code;
        int32_t day;
    } cases[] = {
        {"1970-01-02", NILO_OK, 1},        {"2024-02-29", NILO_OK, 19782},       {"2025-02-30", NILO_EDATERANGE, 0},
        {"2025-2-3", NILO_EDATE, 0},       {"", NILO_EDATE, 0},                  {"yesterday", NILO_EDATE, 0},
        {"2025-01-01T00:00", NILO_EDATE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo__given given = {"from", cases[i].text};
        struct nilo_args a = {.given = &given, .n_given = 1};
        struct nilo_err err = {0};
        nilo_day day = NILO_DAY(77);
        int rc = nilo_args_day(&a, "from", &day, &err);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(rc, cases[i].code == NILO_OK ? 0 : -1);
        assert_int_equal(day.n, rc == 0 ? cases[i].day : 77);
        if (rc != 0)
            cmd_assert_contains(err.msg, "--from");
        assert_int_equal(nilo_args_day(&a, "to", &day, &err), 0);
        assert_true(nilo_day_is_none(day));
    }
}

static void numbers_are_checked_and_named_by_their_option(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum nilo_code code;
        int64_t value;
    } cases[] = {
        {"0", NILO_OK, 0},       {"007", NILO_OK, 7},      {"-3", NILO_OK, -3},      {"100", NILO_OK, 100},
        {"101", NILO_EINVAL, 0}, {"-4", NILO_EINVAL, 0},   {"", NILO_ENUMBER, 0},    {"-", NILO_ENUMBER, 0},
        {"1e1", NILO_ENUMBER, 0}, {" 1", NILO_ENUMBER, 0}, {"+1", NILO_ENUMBER, 0},  {"99999999999999999999", NILO_EINVAL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo__given given = {"limit", cases[i].text};
        struct nilo_args a = {.given = &given, .n_given = 1};
        struct nilo_err err = {0};
        int64_t value = 77;
        int rc = nilo_args_int(&a, "limit", -3, 100, 5, &value, &err);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(value, rc == 0 ? cases[i].value : 77);
        if (rc != 0)
            cmd_assert_contains(err.msg, "--limit");
        assert_int_equal(nilo_args_int(&a, "other", 0, 1, 5, &value, &err), 0);
        assert_int_equal(value, 5);
    }
}

static void passwords_in_urls_are_found_and_blotted_out(void **state)
{
    (void)state;
    static const struct {
        const char *url, *wanted;
        bool found;
    } cases[] = {
        {"postgres://u:secret@h/d", "postgres://u:******@h/d", true},
        {"postgres://u:se:c@r@h:5432/d?x=1", "postgres://u:******@h:5432/d?x=1", true},
        {"postgresql://h/d?user=u&password=pw&sslmode=off", "postgresql://h/d?user=u&password=**&sslmode=off", true},
        {"postgres://h/d?password=pw", "postgres://h/d?password=**", true},
        {"postgres://h/d?sslpassword=pw&a=b", "postgres://h/d?sslpassword=**&a=b", true},
        {"postgres://u:a@h/d?password=b", "postgres://u:*@h/d?password=*", true},
        {"postgres://u@h:5432/d", "postgres://u@h:5432/d", false},
        {"postgres://h:5432/d@e", "postgres://h:5432/d@e", false},
        {"postgres://u:@h/d?password=", "postgres://u:@h/d?password=", false},
        {"postgres:///d?nopassword=x", "postgres:///d?nopassword=x", false},
        {"/some/where:else@x", "/some/where:else@x", false},
        {"", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char url[100];
        snprintf(url, sizeof url, "%s", cases[i].url);
        assert_int_equal(nilo__password_hide(url), cases[i].found);
        assert_string_equal(url, cases[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines_are_read),
        cmocka_unit_test(wrong_command_lines_name_the_fault_and_the_way_out),
        cmocka_unit_test(a_word_of_any_length_is_refused_without_harm),
        cmocka_unit_test(the_last_value_wins_and_repeated_ones_are_all_there),
        cmocka_unit_test(days_are_checked_and_named_by_their_option),
        cmocka_unit_test(numbers_are_checked_and_named_by_their_option),
        cmocka_unit_test(passwords_in_urls_are_found_and_blotted_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
