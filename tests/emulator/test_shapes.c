/* What the emulator answers has the shape of what the platform answered when it was recorded (../shared/fixtures/youtube): nothing is invented, nothing
 * is missing, each member has the type it had. A shape is the set of "path:type", the items of a list taken together; digits are a type of text of
 * their own, because counts come as such. */
#include "support/nilo_test.h"

#include "emulator/asking.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

struct shape {
    char **line;
    size_t n, cap;
};

static void shape_add(struct shape *s, const char *path, const char *type)
{
    char line[512];
    snprintf(line, sizeof line, "%s:%s", path, type);
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->line[i], line) == 0)
            return;
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 64;
        s->line = realloc(s->line, s->cap * sizeof *s->line);
        assert_non_null(s->line);
    }
    s->line[s->n] = strdup(line);
    assert_non_null(s->line[s->n++]);
}

static void shape_done(struct shape *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->line[i]);
    free(s->line);
    *s = (struct shape){0};
}

/* The value whose first event is ev. Tags and thumbnails by name are what an item happens to have. */
static void walk(struct nilo_json *j, enum nilo_json_event ev, const char *text, size_t len, const char *path, struct shape *s)
{
    char below[480];
    struct nilo_err err;
    bool digits = len > 0;
    switch (ev) {
    case NILO_JSON_OBJECT_BEGIN:
        shape_add(s, path, "object");
        for (;;) {
            if (nilo_json_next(j, &ev, &text, &len, &err) != 0)
                fail_msg("%s", err.msg);
            if (ev == NILO_JSON_OBJECT_END)
                return;
            assert_true(snprintf(below, sizeof below, "%s.%.*s", path, (int)len, text) < (int)sizeof below);
            assert_int_equal(nilo_json_next(j, &ev, &text, &len, &err), 0);
            walk(j, ev, text, len, below, s);
        }
    case NILO_JSON_ARRAY_BEGIN:
        shape_add(s, path, "array");
        assert_true(snprintf(below, sizeof below, "%s[]", path) < (int)sizeof below);
        for (;;) {
            if (nilo_json_next(j, &ev, &text, &len, &err) != 0)
                fail_msg("%s", err.msg);
            if (ev == NILO_JSON_ARRAY_END)
                return;
            walk(j, ev, text, len, below, s);
        }
    case NILO_JSON_STRING:
        for (size_t i = 0; i < len; i++)
            digits &= text[i] >= '0' && text[i] <= '9';
        shape_add(s, path, digits ? "digits" : "text");
        return;
    case NILO_JSON_NUMBER:
        shape_add(s, path, "number");
        return;
    case NILO_JSON_TRUE:
    case NILO_JSON_FALSE:
        shape_add(s, path, "bool");
        return;
    default:
        shape_add(s, path, "null");
    }
}

static void shape_of(const char *json, size_t len, struct shape *s)
{
    struct nilo_json *j;
    struct nilo_err err;
    enum nilo_json_event ev = NILO_JSON_END;
    const char *text = "";
    size_t text_len = 0;
    if (nilo_json_new(json, len, NILO_JSON_DEFAULT_LIMITS, &j, &err) != 0 || nilo_json_next(j, &ev, &text, &text_len, &err) != 0)
        fail_msg("%s", err.msg);
    walk(j, ev, text, text_len, "", s);
    nilo_json_free(j);
}

static void recorded(const char *name, struct shape *s)
{
    char below[128], *path, text[65536];
    snprintf(below, sizeof below, "fixtures/youtube/%s", name);
    path = nilo_test_shared(below);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text, f);
    assert_true(n > 0 && n < sizeof text);
    fclose(f);
    free(path);
    shape_of(text, n, s);
}

static bool listed(const char *const *list, const char *line)
{
    for (size_t i = 0; list && list[i]; i++)
        if (strncmp(list[i], line, strlen(list[i])) == 0)
            return true;
    return false;
}

static bool has(const struct shape *s, const char *line)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->line[i], line) == 0)
            return true;
    return false;
}

/* Each line of a is in b, or allowed. All that are not are told. */
static void within(const struct shape *a, const struct shape *b, const char *const *allowed, const char *what, const char *where)
{
    int wrong = 0;
    for (size_t i = 0; i < a->n; i++)
        if (!has(b, a->line[i]) && !listed(allowed, a->line[i])) {
            print_error("%s: %s: %s\n", where, what, a->line[i]);
            wrong++;
        }
    assert_int_equal(wrong, 0);
}

struct compared {
    const char *target; /* %1 a video list, %2 the end of channel 0's id */
    bool owner;
    int status;
    const char *like[4];           /* recorded: ours has all that all of these say ... */
    const char *known[6];          /* ... and says nothing that is in none of these or those */
    const char *missing[12];       /* what a recorded answer has and ours need not: other parts, what only some items have */
    const char *extra[4];          /* what no recording has, though the documentation does */
};

#define CHANNEL_PARTS "snippet,contentDetails,statistics,brandingSettings"

static const struct compared rows[] = {
    {.target = "/youtube/v3/videos?part=snippet,contentDetails,statistics&id=%1", .status = 200, .like = {"videos_list_one.json"},
     .known = {"videos_list_two.json", "videos_list_billion_views.json", "chain3_videos_statistics.json"}},
    {.target = "/youtube/v3/videos?part=snippet,statistics,status&id=%1", .owner = true, .status = 200, .like = {"chain3_videos_statistics.json"},
     .known = {"videos_list_one.json", "videos_list_two.json"}},
    {.target = "/youtube/v3/videos:batchGetStats?part=id,snippet,statistics,contentDetails&id=%1", .status = 200, .like = {"synthetic_batchgetstats.json"}},
    {.target = "/youtube/v3/channels?part=contentDetails&mine=true", .owner = true, .status = 200, .like = {"chain1_channels_uploads_playlist.json"}},
    {.target = "/youtube/v3/channels?part=" CHANNEL_PARTS "&mine=true", .owner = true, .status = 200, .like = {"channels_list_mine.json"}},
    {.target = "/youtube/v3/channels?part=snippet,statistics&id=UC%2", .status = 200, .like = {"channels_list_one.json"},
     .missing = {".items[].snippet.country"}},
    {.target = "/youtube/v3/playlistItems?part=snippet&maxResults=50&playlistId=UU%2", .status = 200, .like = {"chain2_playlistitems.json"},
     .extra = {".nextPageToken"}},
    {.target = "/youtube/v3/playlistItems?part=snippet&maxResults=10&playlistId=UU%2", .status = 200, .like = {"playlistitems_page1.json"},
     .known = {"chain2_playlistitems.json"}},
    {.target = "/youtube/v3/playlistItems?part=snippet,contentDetails&maxResults=50&playlistId=UU%2", .status = 200,
     .like = {"playlistitems_contentdetails.json"}, .known = {"chain2_playlistitems.json", "playlistitems_page1.json"}},
    {.target = "/youtube/v3/videos?part=statistics&id=", .status = 400, .like = {"error_400_missingRequiredParameter.json"}},
    {.target = "/_emulator/set?quota=0", .status = 200},
    {.target = "/youtube/v3/videos?part=statistics&id=%1", .status = 403, .like = {"error_403_quotaExceeded.json"}},
};

static void filled_in(const char *target, struct emulator *em, char out[4096])
{
    char channel[EMULATOR_TEXT];
    size_t at = 0;
    emulator_channel_id(em, 0, channel);
    for (const char *s = target; *s; s++)
        if (*s == '%' && (s[1] == '1' || s[1] == '2'))
            at += (size_t)snprintf(out + at, 4096 - at, "%s", *++s == '1' ? asking_ids(em, 0, 0, 40) : channel + 2);
        else
            out[at++] = *s;
    out[at] = 0;
}

static void answers_have_the_shape_of_recorded_ones(void **state)
{
    (void)state;
    struct emulator *em = asking_new("seed=11 channels=1 videos=80 etag_304=0");
    char refresh[EMULATOR_TEXT], access[EMULATOR_TEXT], auth[EMULATOR_TEXT + 8], target[4096];
    assert_int_equal(emulator_grant(em, NOW, 0, 0, refresh, access), 0);
    snprintf(auth, sizeof auth, "Bearer %s", access);
    free(nilo_test_shared("fixtures/youtube")); /* skips where there is none */
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct shape ours = {0}, all = {0};
        int status;
        filled_in(rows[r].target, em, target);
        const char *json = asking(em, NOW, rows[r].owner ? auth : NULL, NULL, &status, "%s", target);
        assert_int_equal(status, rows[r].status);
        if (!rows[r].like[0])
            continue;
        shape_of(json, strlen(json), &ours);
        for (size_t i = 0; rows[r].like[i]; i++) {
            struct shape one = {0};
            recorded(rows[r].like[i], &one);
            recorded(rows[r].like[i], &all);
            within(&one, &ours, rows[r].missing, "is missing", rows[r].target);
            shape_done(&one);
        }
        for (size_t i = 0; rows[r].known[i]; i++)
            recorded(rows[r].known[i], &all);
        within(&ours, &all, rows[r].extra, "was never recorded", rows[r].target);
        shape_done(&ours);
        shape_done(&all);
    }
    asking_done();
    emulator_free(em);
}

static void a_refreshed_token_and_old_errors_have_the_shape_of_recorded_ones(void **state)
{
    (void)state;
    struct emulator *em = asking_new("seed=11 error_legacy=1");
    char refresh[EMULATOR_TEXT], access[EMULATOR_TEXT], client[EMULATOR_TEXT], secret[EMULATOR_TEXT], form[1024];
    struct shape ours = {0}, theirs = {0};
    int status;
    emulator_client_id(em, 0, client);
    emulator_client_secret(em, 0, secret);
    assert_int_equal(emulator_grant(em, NOW, 0, 0, refresh, access), 0);
    snprintf(form, sizeof form, "grant_type=refresh_token&refresh_token=%s&client_id=%s&client_secret=%s", refresh, client, secret);
    const char *json = asking(em, NOW, "", form, &status, "/token");
    assert_int_equal(status, 200);
    shape_of(json, strlen(json), &ours);
    recorded("oauth_refresh_response.json", &theirs);
    within(&ours, &theirs, NULL, "was never recorded", "/token");
    within(&theirs, &ours, NULL, "is missing", "/token");
    shape_done(&ours);
    shape_done(&theirs);
    json = asking(em, NOW, "", NULL, &status, "/youtube/v3/videos?part=statistics&id=a&key=wrong");
    assert_int_equal(status, 400);
    shape_of(json, strlen(json), &ours);
    recorded("error_400_keyInvalid_legacy.json", &theirs);
    within(&ours, &theirs, NULL, "was never recorded", "keyInvalid");
    within(&theirs, &ours, NULL, "is missing", "keyInvalid");
    shape_done(&ours);
    shape_done(&theirs);
    asking_done();
    emulator_free(em);
}

static void a_difference_is_found(void **state)
{
    (void)state;
    static const char one[] = "{\"a\":[{\"n\":\"12\"},{\"m\":1}],\"b\":true}", other[] = "{\"a\":[{\"n\":12},{\"m\":1}]}";
    static const char *const expected[] = {".a[].n:number"};
    struct shape a = {0}, b = {0};
    shape_of(one, strlen(one), &a);
    shape_of(other, strlen(other), &b);
    assert_int_equal(a.n, 6);
    for (size_t i = 0, k = 0; i < b.n; i++)
        if (!has(&a, b.line[i]))
            assert_string_equal(b.line[i], expected[k++]);
    assert_true(has(&a, ".a[].n:digits") && has(&a, ".b:bool") && !has(&b, ".b:bool"));
    shape_done(&a);
    shape_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_difference_is_found),
        cmocka_unit_test(answers_have_the_shape_of_recorded_ones),
        cmocka_unit_test(a_refreshed_token_and_old_errors_have_the_shape_of_recorded_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
