/* The program from the command line's side: exit statuses, one sentence for each fault, help that covers every command. */
#include "cmd_test.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd_priv.h"
#include "support/tmp.h"

static void faults_end_with_their_status_and_one_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int status;
        const char *err;
    } cases[] = {
        {"version", 0, ""},
        {"--version", 0, ""},
        {"help", 0, ""},
        {"help version", 0, ""},
        {"help configuration", 0, ""},
        {"--version frobnicate", 2, "nilometer: there is no command \"frobnicate\""},
        {"frobnicate", 2, "nilometer: there is no command \"frobnicate\""},
        {"versoin", 2, "did you mean \"version\"?"},
        {"--jsno version", 2, "nilometer: there is no option --jsno; did you mean --json?"},
        {"version --frob", 2, "nilometer version: there is no option --frob"},
        {"version now", 2, "nilometer version: takes no operand, but \"now\" was given"},
        {"help nothing-like-it", 2, "nilometer help: there is no command or topic \"nothing-like-it\"; nilometer help lists them"},
        {"help verson", 2, "did you mean \"version\"?"},
        {"help init status", 2, "nilometer help: \"status\" is one operand too many"},
        {"init --store", 2, "nilometer init: --store needs a value: --store PATH|URL"},
        {"init --store=", 2, "nilometer init: --store is empty"},
        {"init --quiet --store mysql://u:secret@h/d", 2, "nilometer init: a store is a path or a postgres:// URL, not mysql://"},
        {"restore --quiet copy.db --store mysql://u:secret@h/d", 2, "nilometer restore: a store is a path or a postgres:// URL, not mysql://"},
        {"verify --quiet --store mysql://u:secret@h/d", 2, "nilometer verify: a store is a path or a postgres:// URL, not mysql://"},
        {"init --store env:NO_SUCH_VARIABLE", 1, "nilometer init: "},
        {"init --config /no/such/file.yaml", 1, "nilometer init: cannot open the configuration file /no/such/file.yaml"},
        {"init --store /no/such/folder/x.db", 1, "nilometer init: "},
        {"rebuild --store /no/such/folder/x.db", 1, "nilometer rebuild: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct cmd_result *r = cmd_line(cases[i].line);
        if (r->status != cases[i].status)
            fail_msg("%s: status %d: %s", cases[i].line, r->status, r->err);
        cmd_assert_contains(r->err, cases[i].err);
        cmd_assert_one_line(r->err);
        assert_int_equal(r->err[0] == '\0', cases[i].status == 0);
        assert_null(strstr(r->err, "secret"));
        if (r->status != 0)
            assert_string_equal(r->out, "");
    }
}

static void without_a_command_the_usage_is_an_error(void **state)
{
    (void)state;
    const struct cmd_result *r = cmd_line("");
    assert_int_equal(r->status, 2);
    assert_string_equal(r->out, "");
    cmd_assert_contains(r->err, "usage: nilometer");
}

/* Words with one blank between them, whatever was there. */
static char *squeezed(const char *text)
{
    char *out = malloc(strlen(text) + 1), *p = out;
    assert_non_null(out);
    for (; *text != '\0'; text++) {
        bool blank = *text == ' ' || *text == '\n';
        if (!blank)
            *p++ = *text;
        else if (p > out && p[-1] != ' ')
            *p++ = ' ';
    }
    while (p > out && p[-1] == ' ')
        p--;
    *p = '\0';
    return out;
}

static void nothing_of_a_description_is_lost(void **state)
{
    (void)state;
    for (const struct nilo_cmd *const *c = nilo_cmds; *c != NULL; c++) {
        if ((*c)->description == NULL)
            continue;
        char *wanted = squeezed((*c)->description), *got = squeezed(cmd_run("help", (*c)->name, NULL)->out);
        cmd_assert_contains(got, wanted);
        free(wanted);
        free(got);
    }
}

static void every_command_explains_itself(void **state)
{
    (void)state;
    for (const struct nilo_cmd *const *c = nilo_cmds; *c != NULL; c++) {
        char listed[60];
        char *by_option = strdup(cmd_run((*c)->name, "--help", NULL)->out);
        const struct cmd_result *r = cmd_run("help", (*c)->name, NULL);
        assert_int_equal(r->status, 0);
        assert_string_equal(r->out, by_option);
        free(by_option);
        cmd_assert_contains(r->out, (*c)->summary);
        for (const struct nilo_option *o = (*c)->options; o != NULL && o->name != NULL; o++) {
            char text[100];
            snprintf(text, sizeof text, "  --%s%s%s", o->name, o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
            cmd_assert_contains(r->out, text);
        }
        const char *options = strstr(r->out, ":\n  --");
        assert_non_null(options);
        for (const char *p = r->out; *p != '\0'; p += strcspn(p, "\n") + 1) {
            bool example = p[0] == ' ' && p < options; /* printed as it is */
            if (strcspn(p, "\n") > (example ? 140 : 80))
                fail_msg("%s --help: a long line: %.*s", (*c)->name, (int)strcspn(p, "\n"), p);
        }
        r = cmd_run("help", NULL);
        snprintf(listed, sizeof listed, "\n  %s ", (*c)->name);
        cmd_assert_contains(r->out, listed);
    }
}

static bool spelled_well(const char *name)
{
    return islower((unsigned char)name[0]) && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* What the parser relies on: names that cannot be mistaken for each other. */
static void the_rows_of_the_table_are_sound(void **state)
{
    (void)state;
    for (const struct nilo_cmd *const *c = nilo_cmds; *c != NULL; c++) {
        assert_true(spelled_well((*c)->name));
        assert_true((*c)->summary != NULL && strlen((*c)->summary) < 100);
        assert_non_null((*c)->run);
        for (const struct nilo_cmd *const *d = c + 1; *d != NULL; d++)
            assert_string_not_equal((*c)->name, (*d)->name);
        for (const struct nilo_option *o = (*c)->options; o != NULL && o->name != NULL; o++) {
            assert_true(spelled_well(o->name) && o->help != NULL && o->help[0] != '\0');
            for (const struct nilo_option *p = o + 1; p->name != NULL; p++)
                assert_string_not_equal(o->name, p->name);
            for (const struct nilo_option *p = nilo__global_options; p->name != NULL; p++)
                assert_string_not_equal(o->name, p->name);
        }
    }
}

static void a_password_on_the_command_line_is_hidden_and_warned_of(void **state)
{
    (void)state;
    const struct cmd_result *r = cmd_line("version --store postgres://u:geheim@h/d");
    assert_int_equal(r->status, 0);
    cmd_assert_contains(r->err, "nilometer version: a password on the command line");
    cmd_assert_one_line(r->err);
    assert_string_equal(cmd_word(3), "postgres://u:******@h/d");
    assert_null(strstr(r->err, "geheim"));
    r = cmd_line("version --store=postgres://u:geheim@h/d --quiet");
    assert_string_equal(r->err, "");
    assert_string_equal(cmd_word(2), "--store=postgres://u:******@h/d");
    assert_string_equal(cmd_line("version --store postgres://u@h/d")->err, "");
}

static void messages_hold_no_control_characters(void **state)
{
    (void)state;
    const struct cmd_result *r = cmd_run("a\x1b[31m\nb\xc2\x9b", NULL);
    assert_int_equal(r->status, 2);
    cmd_assert_one_line(r->err);
    for (const char *p = r->err; *p != '\0' && *p != '\n'; p++)
        assert_true((unsigned char)*p >= 0x20 && (unsigned char)*p != 0x9b);
}

/* ---- the real program ------------------------------------------------------------------------------------------------------------ */

/* Runs a shell command in which $N is the program; the exit status, and what it wrote to stderr. */
static int shell(const char *command, char *err, size_t size)
{
    char line[1000];
    const char *file = nilo_test_path("stderr");
    snprintf(line, sizeof line, "exec 2>'%s'; N='%s'; cd '%s'; %s", file, nilo_test_program(), nilo_test_tmp(), command);
    int status = system(line);
    FILE *f = fopen(file, "r");
    size_t n = f != NULL ? fread(err, 1, size - 1, f) : 0;
    err[n] = '\0';
    if (f != NULL)
        fclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void output_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        int status;
        const char *err;
    } cases[] = {
        {"$N version >/dev/full", 1, "nilometer version: cannot write the output: No space left on device\n"},
        {"$N --version >/dev/full", 1, "nilometer: cannot write the output: No space left on device\n"},
        {"$N help --man >/dev/full", 1, "nilometer help: cannot write the output: No space left on device\n"},
        {"$N version >&-", 1, "nilometer version: cannot write the output: Bad file descriptor\n"},
        {"$N frobnicate >/dev/full", 2, "nilometer: there is no command \"frobnicate\"; nilometer help lists them\n"},
        {"ulimit -f 16; $N init --quiet --store limited.db", 1, NULL},
        /* a reader that leaves is no error */
        {"{ $N help --man; echo $? >status; } | true; exit $(cat status)", 0, ""},
        {"{ sleep 0.2; $N version; echo $? >status; } | true; exit $(cat status)", 0, ""},
        {"$N --store pipe.db init >/dev/null; { sleep 0.2; $N --store pipe.db get metric_definitions; echo $? >status; } | true; exit $(cat status)", 0, ""},
        {"$N --store pipe.db get metric_definitions >/dev/full", 1, "nilometer get: cannot write the answer: No space left on device\n"},
        /* without stdin, stdout and stderr nothing of ours takes their places */
        {"$N --store closed.db init <&- >&- 2>&-; exec 2>stderr; $N --store closed.db init >/dev/null", 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char err[2000];
        int status = shell(cases[i].command, err, sizeof err);
        if (status != cases[i].status)
            fail_msg("%s: status %d: %s", cases[i].command, status, err);
        cmd_assert_one_line(err);
        if (cases[i].err != NULL)
            assert_string_equal(err, cases[i].err);
        else
            cmd_assert_contains(err, "nilometer init: limited.db");
    }
}

static void functions_that_write_name_the_command_to_use(void **state)
{
    (void)state;
    static const struct {
        const char *line, *command;
    } cases[] = {
        {"call collect_daily_metrics target_date=2026-03-09", "nilometer collect --day 2026-03-09 ("},
        {"call collect_daily_metrics", "nilometer collect ("},
        {"call backfill_daily_metrics start_date=2026-03-01 end_date=2026-03-09", "nilometer backfill --from 2026-03-01 --to 2026-03-09 ("},
        {"call refresh_metrics workspace_id=acme", "nilometer refresh --workspace acme ("},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct cmd_result *r = cmd_line(cases[i].line);
        assert_int_equal(r->status, 2);
        assert_string_equal(r->out, "");
        cmd_assert_one_line(r->err);
        cmd_assert_contains(r->err, cases[i].command);
    }
}

static void an_unreadable_clock_setting_is_told(void **state)
{
    (void)state;
    char err[2000];
    assert_int_equal(shell("NILO_NOW=yesterday $N version", err, sizeof err), 2);
    cmd_assert_contains(err, "nilometer: NILO_NOW: ");
    cmd_assert_one_line(err);
}

static void the_process_leaves_no_core_and_has_its_three_descriptors(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit core;
        close(0);
        close(1);
        close(2);
        nilo_cmd_process();
        int wrong = getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
        wrong |= prctl(PR_GET_DUMPABLE) != 0;
#endif
        for (int fd = 0; fd < 3; fd++)
            wrong |= fcntl(fd, F_GETFD) != 0 ? 2 : 0;
        char c = 'x';
        wrong |= read(0, &c, 1) != -1 || write(1, &c, 1) != -1 || write(2, &c, 1) != -1 ? 4 : 0;
        struct sigaction pipe;
        wrong |= sigaction(SIGPIPE, NULL, &pipe) != 0 || pipe.sa_handler != SIG_IGN ? 8 : 0;
        wrong |= fcntl(3, F_GETFD) != -1 ? 16 : 0;
        _exit(wrong);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    /* 16: descriptor 3 may be something that the test program was given */
    assert_int_equal(status & ~(16 << 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_end_with_their_status_and_one_sentence),
        cmocka_unit_test(without_a_command_the_usage_is_an_error),
        cmocka_unit_test(every_command_explains_itself),
        cmocka_unit_test(nothing_of_a_description_is_lost),
        cmocka_unit_test(the_rows_of_the_table_are_sound),
        cmocka_unit_test(a_password_on_the_command_line_is_hidden_and_warned_of),
        cmocka_unit_test(messages_hold_no_control_characters),
        cmocka_unit_test(output_that_cannot_be_written_is_an_error),
        cmocka_unit_test(an_unreadable_clock_setting_is_told),
        cmocka_unit_test(the_process_leaves_no_core_and_has_its_three_descriptors),
        cmocka_unit_test(functions_that_write_name_the_command_to_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
