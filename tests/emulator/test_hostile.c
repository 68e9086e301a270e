/* The zoo: each behaviour does to an answer what its name says; rules hit the paths, as often as they are told. What happens on the wire is in test_front.c. */
#include "support/nilo_test.h"

#include "emulator/asking.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define VIDEOS "/youtube/v3/videos?part=statistics&id=%s"

static struct emulator *em;
static char ids[64];

static int with_two_videos(void **state)
{
    (void)state;
    em = asking_new("seed=2 channels=1 bomb_mib=32");
    snprintf(ids, sizeof ids, "%s", asking_ids(em, 0, 4, 2));
    return 0;
}

static int over(void **state)
{
    (void)state;
    asking_done();
    emulator_free(em);
    return 0;
}

static const char *spoiled(const char *rule, int *status)
{
    struct nilo_err err;
    assert_int_equal(emulator_set(em, "hostile", "none", &err), 0);
    if (emulator_set(em, "hostile", rule, &err) != 0)
        fail_msg("%s", err.msg);
    return asking(em, NOW, NULL, NULL, status, VIDEOS, ids);
}

static bool is_json(const char *text, size_t n)
{
    return nilo_json_check(text, n, NULL) == 0;
}

static void bodies_are_spoiled_as_named(void **state)
{
    (void)state;
    static const struct {
        const char *name, *holds; /* in the body */
        bool json;                /* it is still JSON of one reading */
        size_t at_least, at_most;
    } rows[] = {
        {"html_200", "<form action=", false, 50, 1000},
        {"empty_body", "", false, 0, 0},
        {"empty_object", "{}", true, 2, 2},
        {"array_body", "[[],[],[]]", true, 2, 20},
        {"null_body", "null", true, 4, 4},
        {"items_object", "\"items\":{", true, 2, 200},
        {"items_null", "\"items\":null", true, 2, 200},
        {"items_empty", "\"items\":[]", true, 2, 200},
        {"truncated", "{\"kind\":", false, 20, 1000},
        {"duplicate_keys", ",\"viewCount\":\"1\",\"viewCount\":\"2\"", false, 100, 2000},
        {"huge_numbers", "\"viewCount\":\"18446744073709551616\"", true, 100, 2000},
        {"max_numbers", "\"viewCount\":\"18446744073709551615\"", true, 100, 2000},
        {"long_numbers", "\"viewCount\":\"9999999999999999999999999999999999999999", true, 4000, 40000},
        {"negative", "\"viewCount\":\"-", true, 100, 2000},
        {"nan_numbers", "\"viewCount\":NaN", false, 100, 2000},
        {"nan_texts", "\"viewCount\":\"NaN\"", true, 100, 2000},
        {"null_numbers", "\"viewCount\":null", true, 100, 2000},
        {"comma_numbers", "\"viewCount\":\"12,345\"", true, 100, 2000},
        {"float_numbers", ".5e3", true, 100, 2000},
        {"empty_texts", "\"viewCount\":\"\"", true, 100, 2000},
        {"object_numbers", "\"viewCount\":{\"value\":\"", true, 100, 2000},
        {"zero_numbers", "\"viewCount\":\"0\"", true, 100, 2000},
        {"tenfold", "000\"", true, 100, 2000},
        {"deep_nesting", "[[[[[[[[[[[[[", false, 100000, 100000},
        {"bad_utf8", "\xff", false, 10, 200},
        {"big_body", "0123456789abcdef", true, (size_t)64 << 20, (size_t)65 << 20},
        {"many_items", "\"never019999\"", true, 100000, 10000000},
        {"same_next", "\"nextPageToken\":\"CAUQAA\"", true, 100, 2000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status;
        const char *body = spoiled(rows[i].name, &status);
        size_t n = asking_last()->body.len;
        assert_int_equal(status, 200);
        if (!strstr(body, rows[i].holds) || n < rows[i].at_least || n > rows[i].at_most || is_json(body, n) != rows[i].json)
            fail_msg("%s: %zu bytes, %s: %.200s", rows[i].name, n, is_json(body, n) ? "JSON" : "no JSON", body);
        assert_int_equal(asking_last()->wire, EMULATOR_WIRE_PLAIN);
    }
}

static void heads_are_spoiled_as_named(void **state)
{
    (void)state;
    static const struct {
        const char *name, *header, *value; /* value NULL: there is none */
        int status;
    } rows[] = {
        {"wrong_type", "Content-Type", "image/png", 200},
        {"no_type", "Content-Type", NULL, 200},
        {"html_200", "Content-Type", "text/html; charset=UTF-8", 200},
        {"redirect_private", "Location", "http://169.254.169.254/latest/meta-data/", 302},
        {"redirect_file", "Location", "file:///etc/passwd", 302},
        {"redirect_elsewhere", "Location", "https://example.com/", 302},
        {"retry_negative", "Retry-After", "-1", 429},
        {"retry_huge", "Retry-After", "99999999999", 429},
        {"retry_bad_date", "Retry-After", "Thu, 31 Feb 2026 25:61:00 GMT", 429},
        {"retry_text", "Retry-After", "soon", 429},
        {"gzip_false", "Content-Encoding", "gzip", 200},
        {"status_503", "Retry-After", "30", 503},
        {"status_500", "Retry-After", NULL, 500},
        {"status_403", "Content-Type", "application/json; charset=UTF-8", 403},
        {"status_404", "Content-Type", "application/json; charset=UTF-8", 404},
        {"status_429", "Retry-After", "30", 429},
        {"status_501", "Content-Type", "application/json; charset=UTF-8", 501},
        {"status_502", "Content-Type", "text/html; charset=UTF-8", 502},
    };
    char value[128];
    int status;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        spoiled(rows[i].name, &status);
        bool has = emulator_response_header(asking_last(), rows[i].header, value, sizeof value);
        assert_int_equal(status, rows[i].status);
        assert_int_equal(has, rows[i].value != NULL);
        if (has)
            assert_string_equal(value, rows[i].value);
    }
    spoiled("retry_twice", NULL);
    assert_non_null(strstr(nilo_buf_str(&asking_last()->head), "Retry-After: 5\r\nRetry-After: 100000\r\n"));
    spoiled("header_long", NULL);
    assert_true(asking_last()->head.len > 1 << 20);
    spoiled("redirect_loop", NULL);
    assert_non_null(strstr(nilo_buf_str(&asking_last()->head), "Location: /youtube/v3/videos?part=statistics&id="));
}

/* What a body unpacks to; -1 when it is cut or not compressed. */
static int64_t unpacked(const struct nilo_buf *b)
{
    static unsigned char out[1 << 16];
    z_stream z = {.next_in = (unsigned char *)b->data, .avail_in = (unsigned)b->len};
    int64_t n = 0;
    int rc;
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    do {
        z.next_out = out;
        z.avail_out = sizeof out;
        rc = inflate(&z, Z_NO_FLUSH);
        n += (int64_t)(sizeof out - z.avail_out);
    } while (rc == Z_OK);
    inflateEnd(&z);
    return rc == Z_STREAM_END ? n : -1;
}

static void a_bomb_is_small_until_it_is_unpacked(void **state)
{
    (void)state;
    spoiled("gzip_bomb", NULL);
    assert_true(asking_last()->body.len < 64 << 10);
    assert_int_equal(unpacked(&asking_last()->body), 32 << 20); /* its checksum was right, too */
    spoiled("gzip_cut", NULL);
    assert_int_equal(unpacked(&asking_last()->body), -1);
    spoiled("gzip_false", NULL);
    assert_int_equal(unpacked(&asking_last()->body), -1);
}

static void the_same_token_leads_on_for_ever(void **state)
{
    (void)state;
    char channel[EMULATOR_TEXT], token[64] = "";
    struct nilo_err err;
    emulator_channel_id(em, 0, channel);
    spoiled("same_next", NULL);
    assert_int_equal(emulator_set(em, "hostile", "none", &err), 0);
    assert_int_equal(emulator_set(em, "hostile", "same_next", &err), 0);
    for (int page = 0; page < 100; page++) {
        int status;
        const char *json = asking(em, NOW, NULL, NULL, &status, "/youtube/v3/playlistItems?part=contentDetails&playlistId=UU%s%s%s", channel + 2,
                                  page ? "&pageToken=" : "", token);
        assert_int_equal(status, 200);
        assert_true(is_json(json, strlen(json)));
        assert_true(asking_text(json, "items.0.id")[0] != 0);
        snprintf(token, sizeof token, "%s", asking_text(json, "nextPageToken"));
        assert_string_equal(token, "CAUQAA");
    }
}

static void rules_hit_the_path_so_many_times_or_so_often(void **state)
{
    (void)state;
    struct nilo_err err;
    char channel[EMULATOR_TEXT];
    int status, hits = 0;
    emulator_channel_id(em, 0, channel);
    assert_int_equal(emulator_set_all(em, "hostile=none hostile=status_503@/youtube/v3/videos*2 hostile=status_500@/token", &err), 0);
    for (int i = 0; i < 5; i++) {
        asking(em, NOW, NULL, NULL, &status, "/youtube/v3/channels?part=id&id=%s", channel);
        assert_int_equal(status, 200);
        asking(em, NOW, NULL, NULL, &status, VIDEOS, ids);
        assert_int_equal(status, i < 2 ? 503 : 200);
    }
    asking(em, NOW, "", "grant_type=refresh_token", &status, "/token");
    assert_int_equal(status, 500);
    assert_int_equal(emulator_set_all(em, "hostile=none hostile=status_503~30", &err), 0);
    for (int i = 0; i < 1000; i++) {
        asking(em, NOW, NULL, NULL, &status, VIDEOS, ids);
        hits += status == 503;
    }
    assert_in_range(hits, 240, 360);
    assert_int_equal(emulator_set_all(em, "hostile=none", &err), 0);
    asking(em, NOW, NULL, NULL, &status, VIDEOS, ids);
    assert_int_equal(status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bodies_are_spoiled_as_named, with_two_videos, over),
        cmocka_unit_test_setup_teardown(heads_are_spoiled_as_named, with_two_videos, over),
        cmocka_unit_test_setup_teardown(a_bomb_is_small_until_it_is_unpacked, with_two_videos, over),
        cmocka_unit_test_setup_teardown(the_same_token_leads_on_for_ever, with_two_videos, over),
        cmocka_unit_test_setup_teardown(rules_hit_the_path_so_many_times_or_so_often, with_two_videos, over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
