/* nilometer content: items named by hand, once however often, in the connection where they belong, with their owners. */
#include "cmd_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pg.h"
#include "support/tmp.h"

static const char *path;

static const char *does(int status, const char *words)
{
    char text[2000];
    snprintf(text, sizeof text, "--store %s %s", path, words);
    const struct cmd_result *r = cmd_line(text);
    if (r->status != status)
        fail_msg("%s: status %d, wanted %d: %s%s", words, r->status, status, r->err, r->out);
    cmd_assert_one_line(r->err);
    return status == 0 ? r->out : r->err;
}

static int fresh(void **state)
{
    static int n;
    char name[32];
    (void)state;
    snprintf(name, sizeof name, "c%d.db", n++);
    path = nilo_test_path(name);
    cmd_clock_at("2026-03-10T12:00:00Z");
    does(0, "init");
    return 0;
}

static void an_address_becomes_an_item_with_its_owner(void **state)
{
    (void)state;
    cmd_assert_contains(does(0, "content add https://www.youtube.com/watch?v=dQw4w9WgXcQ --owner mia --owner leo --title 'A title' --posted-at 2026-03-01T10:00:00Z"),
                        "Added dQw4w9WgXcQ of youtube, connection youtube of default.");
    assert_string_equal(does(0, "get content?select=connection,platform,external_id,title,posted_at,url --format csv"),
                        "connection,platform,external_id,title,posted_at,url\nyoutube,youtube,dQw4w9WgXcQ,A title,2026-03-01T10:00:00+00:00,"
                        "https://www.youtube.com/watch?v=dQw4w9WgXcQ\n");
    cmd_assert_contains(does(0, "get credits?select=owner,external_id&order=owner --format csv"), "leo,dQw4w9WgXcQ\nmia,dQw4w9WgXcQ\n");
    cmd_assert_contains(does(0, "connection list"), "db");
    cmd_assert_contains(does(0, "content list --owner mia"), "dQw4w9WgXcQ");
    assert_null(strstr(does(0, "content list --owner nobody"), "dQw4w9WgXcQ"));
}

static void twice_is_once(void **state)
{
    (void)state;
    char before[8000];
    does(0, "content add https://youtu.be/dQw4w9WgXcQ --owner mia --title one");
    snprintf(before, sizeof before, "%s%s", does(0, "get content?select=external_id,title,owner --format csv"), "");
    size_t n = strlen(before);
    snprintf(before + n, sizeof before - n, "%s", does(0, "get credits --format csv"));
    cmd_assert_contains(does(0, "content add https://www.youtube.com/shorts/dQw4w9WgXcQ --owner mia"), "Known already: dQw4w9WgXcQ");
    char after[8000];
    snprintf(after, sizeof after, "%s", does(0, "get content?select=external_id,title,owner --format csv"));
    n = strlen(after);
    snprintf(after + n, sizeof after - n, "%s", does(0, "get credits --format csv"));
    assert_string_equal(after, before);
    cmd_assert_contains(does(0, "content add dQw4w9WgXcQ --platform youtube --title two --json"), "\"external_id\":\"dQw4w9WgXcQ\",\"added\":false");
    cmd_assert_contains(does(0, "get content?select=title --format csv"), "two");
    assert_string_equal(does(0, "get connections?select=name --format csv"), "name\nyoutube\n");
}

static void it_belongs_to_the_connection_of_its_platform(void **state)
{
    (void)state;
    does(0, "connection add shop --platform tiktok --workspace studio");
    cmd_assert_contains(does(0, "content add 7106594312292453675 --platform tiktok --workspace studio"), "connection shop of studio");
    does(0, "connection add second --platform tiktok --workspace studio");
    cmd_assert_contains(does(2, "content add 7106594312292453676 --platform tiktok --workspace studio"), "2 connections of tiktok here (shop, second)");
    cmd_assert_contains(does(0, "content add 7106594312292453676 --connection second --workspace studio"), "connection second");
    cmd_assert_contains(does(2, "content add https://youtu.be/dQw4w9WgXcQ --connection second --workspace studio"), "is one of tiktok, and the item is on youtube");
    cmd_assert_contains(does(1, "content add dQw4w9WgXcQ --connection nobody --workspace studio"), "nobody");
    cmd_assert_contains(does(1, "content add dQw4w9WgXcQ --connection shop --workspace nowhere"), "nowhere");
    cmd_assert_contains(does(0, "content add any-id --platform mastodon"), "connection mastodon of default");
    assert_string_equal(does(0, "get content?select=external_id&order=external_id --format csv"),
                        "external_id\n7106594312292453675\n7106594312292453676\nany-id\n");
}

static void what_is_wrong_is_said_and_nothing_is_made(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        int status;
        const char *says;
    } rows[] = {
        {"content", 2, "operand"},
        {"content ad x", 2, "add and list"},
        {"content add", 2, "operand"},
        {"content add dQw4w9WgXcQ", 2, "--platform"},
        {"content add https://vm.tiktok.com/ZM1/", 2, "long address"},
        {"content add https://example.org/v/1", 2, "example.org"},
        {"content add https://youtu.be/dQw4w9WgXcQ --platform tiktok", 2, "is one of youtube"},
        {"content add x --platform youtube --posted-at yesterday", 2, "--posted-at"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cmd_assert_contains(does(rows[i].status, rows[i].words), rows[i].says);
    cmd_assert_contains(does(2, "content add x --platform youtube --owner 'a\nb'"), "owner");
    assert_string_equal(does(0, "get content?select=external_id --format csv"), "external_id\n");
}

/* Values that come later belong to the same item, and its owner's totals count them. */
static void values_that_come_later_are_the_items(void **state)
{
    (void)state;
    does(0, "connection add import-youtube --platform youtube --workspace studio");
    does(0, "content add https://youtu.be/dQw4w9WgXcQ --workspace studio --owner mia");
    const char *csv = nilo_test_path("later.csv");
    static const char text[] = "external_id,day,views\ndQw4w9WgXcQ,2026-03-08,120\n";
    nilo_test_write(csv, text, strlen(text));
    char words[600];
    snprintf(words, sizeof words, "import %s --workspace studio --platform youtube", csv);
    does(0, words);
    cmd_assert_contains(does(0, "get owner_metrics?select=owner,views --format csv"), "mia,120");
    assert_string_equal(does(0, "get content?select=external_id --format csv"), "external_id\ndQw4w9WgXcQ\n");
}

static void a_server_takes_it_too(void **state)
{
    path = nilo_test_pg_database("content_add");
    if (path == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
    does(0, "init");
    an_address_becomes_an_item_with_its_owner(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_address_becomes_an_item_with_its_owner, fresh),
        cmocka_unit_test_setup(twice_is_once, fresh),
        cmocka_unit_test_setup(it_belongs_to_the_connection_of_its_platform, fresh),
        cmocka_unit_test_setup(what_is_wrong_is_said_and_nothing_is_made, fresh),
        cmocka_unit_test_setup(values_that_come_later_are_the_items, fresh),
        cmocka_unit_test(a_server_takes_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
