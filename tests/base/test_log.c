/* The log: what a line looks like, what is quoted, that it is one write, and that nothing can break out of its value. */
#include "support/nilo_test.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

/* stderr becomes a datagram socket while a test listens: each write arrives as one message. */
struct listener {
    int old_stderr, in;
};

static struct listener listen_to_stderr(void)
{
    int pair[2];
    struct listener l;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
    l.old_stderr = dup(STDERR_FILENO);
    l.in = pair[0];
    dup2(pair[1], STDERR_FILENO);
    close(pair[1]);
    return l;
}

/* Takes the next message; "" when there is none. */
static void hear(const struct listener *l, char *out, size_t size)
{
    ssize_t n = recv(l->in, out, size - 1, 0);
    out[n > 0 ? n : 0] = '\0';
}

static void stop_listening(struct listener *l)
{
    dup2(l->old_stderr, STDERR_FILENO);
    close(l->old_stderr);
    close(l->in);
}

static void log_one(const char *value, char *out, size_t size)
{
    struct listener l = listen_to_stderr();
    nilo_log(NILO_LOG_ERROR, "e", {"v", value});
    hear(&l, out, size);
    stop_listening(&l);
}

static void a_line_is_level_event_and_pairs_in_order(void **state)
{
    (void)state;
    char line[5000];
    struct listener l = listen_to_stderr();
    nilo_log(NILO_LOG_WARNING, "run finished", {"workspace", "acme"}, {"run", "17"});
    hear(&l, line, sizeof(line));
    assert_string_equal(line, "level=warning event=\"run finished\" workspace=acme run=17\n");
    nilo_log_write(NILO_LOG_ERROR, "bare", NULL, 0);
    hear(&l, line, sizeof(line));
    assert_string_equal(line, "level=error event=bare\n");
    hear(&l, line, sizeof(line));
    assert_string_equal(line, "");
    stop_listening(&l);
}

static void values_are_quoted_where_they_need_it(void **state)
{
    (void)state;
    static const struct {
        const char *value, *wanted;
    } cases[] = {
        {"plain", "plain"},
        {"a-b_c.d/e:f?g,h'i", "a-b_c.d/e:f?g,h'i"},
        {NULL, "null"},
        {"", "\"\""},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\""},
        {"\"", "\"\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"x\nlevel=error event=forged", "\"x\\nlevel=error event=forged\""},
        {"\r\t", "\"\\r\\t\""},
        {"\x1b[31mred", "\"\\x1b[31mred\""},
        {"\x7f", "\"\\x7f\""},
        {"\x01", "\"\\x01\""},
        {"\xc2\x9b\x33m", "\"\\u009b3m\""},
        {"\xc2\xa0", "\xc2\xa0"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xff", "\"\\xff\""},
        {"\xc3", "\"\\xc3\""},
        {"\xe2\x82", "\"\\xe2\\x82\""},
        {"\xc0\xafx", "\"\\xc0\\xafx\""},
        {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""},
        {"\xe0\x82\x9b", "\"\\xe0\\x82\\x9b\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[5000], wanted[200] = "level=error event=e v=";
        log_one(cases[i].value, line, sizeof(line));
        memcpy(wanted + strlen(wanted), cases[i].wanted, strlen(cases[i].wanted) + 1);
        memcpy(wanted + strlen(wanted), "\n", 2);
        assert_string_equal(line, wanted);
    }
}

static void every_byte_yields_one_printable_line(void **state)
{
    (void)state;
    for (int a = 1; a < 256; a++) {
        char value[] = {(char)a, 'x', (char)a, '\0'}, line[5000];
        log_one(value, line, sizeof(line));
        size_t n = strlen(line);
        assert_int_equal(line[n - 1], '\n');
        assert_true(nilo_utf8_valid(line, n, NULL));
        for (size_t i = 0; i + 1 < n; i++)
            assert_true((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
    }
}

static void long_values_end_in_dots_within_their_quotes(void **state)
{
    (void)state;
    static const char *const fillers[] = {"x", "\xc3\xa9", "\n", "\""};
    for (size_t f = 0; f < sizeof(fillers) / sizeof(fillers[0]); f++) {
        char value[9000], line[5000];
        size_t len = 0;
        for (; len + 3 < sizeof(value); len += strlen(fillers[f]))
            memcpy(value + len, fillers[f], strlen(fillers[f]));
        value[len] = '\0';
        log_one(value, line, sizeof(line));
        size_t n = strlen(line);
        assert_true(n > 1200 && n < 1300);
        assert_string_equal(line + n - 5, "...\"\n");
        assert_true(nilo_utf8_valid(line, n, NULL));
    }
}

static void a_line_stays_within_one_pipe_write_and_says_what_it_lost(void **state)
{
    (void)state;
    char value[1201], line[8000];
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    struct listener l = listen_to_stderr();
    nilo_log(NILO_LOG_ERROR, "e", {"a", value}, {"b", value}, {"c", value}, {"d", value}, {"run", "17"});
    hear(&l, line, sizeof(line));
    stop_listening(&l);
    assert_true(strlen(line) <= 4096);
    assert_non_null(strstr(line, " c=xxx"));
    assert_null(strstr(line, " d=")); /* a pair stands whole or not at all */
    assert_non_null(strstr(line, "x run=17 cut=true\n"));
}

static void all_lengths_around_the_limit_keep_the_form(void **state)
{
    (void)state;
    char big[1201], last[1201], line[8000];
    bool seen_whole = false, seen_cut = false;
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    for (size_t n = 380; n < 520; n++) {
        memset(last, 'y', n);
        memcpy(last + n, " z", 3); /* the blank asks for quotes */
        struct listener l = listen_to_stderr();
        nilo_log(NILO_LOG_ERROR, "e", {"a", big}, {"b", big}, {"c", big}, {"d", last});
        hear(&l, line, sizeof(line));
        stop_listening(&l);
        size_t len = strlen(line);
        assert_true(len <= 4096);
        bool cut = strstr(line, "x cut=true\n") != NULL;
        bool whole = strcmp(line + len - 5, "y z\"\n") == 0;
        assert_true(cut != whole);
        assert_false(cut && seen_cut && !seen_whole);
        seen_cut = seen_cut || cut;
        seen_whole = seen_whole || whole;
    }
    assert_true(seen_cut && seen_whole);
}

static void levels_above_the_limit_are_silent(void **state)
{
    (void)state;
    for (int max = NILO_LOG_ERROR; max <= NILO_LOG_DEBUG; max++) {
        nilo_log_level_set((enum nilo_log_level)max);
        struct listener l = listen_to_stderr();
        for (int level = NILO_LOG_ERROR; level <= NILO_LOG_DEBUG; level++) {
            char line[5000];
            nilo_log((enum nilo_log_level)level, "e", {"k", "v"});
            hear(&l, line, sizeof(line));
            assert_int_equal(line[0] != '\0', level <= max);
        }
        stop_listening(&l);
    }
    nilo_log_level_set(NILO_LOG_INFO);
}

static void levels_have_names(void **state)
{
    (void)state;
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
    for (int i = 0; i < 5; i++) {
        enum nilo_log_level level;
        assert_int_equal(nilo_log_level_parse(names[i], &level), 0);
        assert_int_equal(level, i);
    }
    static const char *const bad[] = {"", "Error", "err", "debug ", "trace"};
    for (int i = 0; i < 5; i++) {
        enum nilo_log_level level = NILO_LOG_NOTICE;
        assert_int_equal(nilo_log_level_parse(bad[i], &level), -1);
        assert_int_equal(level, NILO_LOG_NOTICE);
    }
}

static void logging_leaves_errno_alone_even_with_nobody_to_hear(void **state)
{
    (void)state;
    int old = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    errno = ENOSPC;
    nilo_log(NILO_LOG_ERROR, "e", {"k", "v"});
    int after = errno;
    dup2(old, STDERR_FILENO);
    close(old);
    assert_int_equal(after, ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_level_event_and_pairs_in_order),
        cmocka_unit_test(values_are_quoted_where_they_need_it),
        cmocka_unit_test(every_byte_yields_one_printable_line),
        cmocka_unit_test(long_values_end_in_dots_within_their_quotes),
        cmocka_unit_test(a_line_stays_within_one_pipe_write_and_says_what_it_lost),
        cmocka_unit_test(all_lengths_around_the_limit_keep_the_form),
        cmocka_unit_test(levels_above_the_limit_are_silent),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(logging_leaves_errno_alone_even_with_nobody_to_hear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
