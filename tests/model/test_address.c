/* Addresses of items: the shapes that platforms use, and what is refused. */
#include "support/nilo_test.h"

#include <string.h>

#include "model/address.h"

static void addresses_name_an_item(void **state)
{
    static const struct {
        const char *text, *platform, *id;
    } rows[] = {
        {"https://www.youtube.com/watch?v=dQw4w9WgXcQ", "youtube", "dQw4w9WgXcQ"},
        {"https://www.youtube.com/watch?app=desktop&v=dQw4w9WgXcQ&t=42s#x", "youtube", "dQw4w9WgXcQ"},
        {"http://youtu.be/dQw4w9WgXcQ?si=abc", "youtube", "dQw4w9WgXcQ"},
        {"youtube.com/shorts/a-b_c123456", "youtube", "a-b_c123456"},
        {"https://m.youtube.com/live/dQw4w9WgXcQ", "youtube", "dQw4w9WgXcQ"},
        {"https://music.youtube.com/watch?v=dQw4w9WgXcQ", "youtube", "dQw4w9WgXcQ"},
        {"https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ?rel=0", "youtube", "dQw4w9WgXcQ"},
        {"HTTPS://WWW.YOUTUBE.COM/watch?v=dQw4w9WgXcQ", "youtube", "dQw4w9WgXcQ"},
        {"https://www.instagram.com/p/CxYz_12-ab/", "instagram", "CxYz_12-ab"},
        {"https://instagram.com/reel/CxYz_12-ab/?igsh=x", "instagram", "CxYz_12-ab"},
        {"https://www.instagram.com/mia.b/reel/CxYz_12-ab", "instagram", "CxYz_12-ab"},
        {"https://www.instagram.com/reels/CxYz_12-ab", "instagram", "CxYz_12-ab"},
        {"https://www.facebook.com/watch/?v=1234567890", "facebook", "1234567890"},
        {"https://www.facebook.com/page/videos/1234567890/", "facebook", "1234567890"},
        {"https://www.facebook.com/page/videos/a-title/1234567890/", "facebook", "1234567890"},
        {"https://www.facebook.com/reel/1234567890", "facebook", "1234567890"},
        {"https://www.facebook.com/page/posts/pfbid02abcDEF", "facebook", "pfbid02abcDEF"},
        {"https://www.facebook.com/100900000000001/posts/122000000000000", "facebook", "100900000000001_122000000000000"},
        {"https://www.facebook.com/100900000000001/posts/a-title/122000000000000/", "facebook", "100900000000001_122000000000000"},
        {"https://www.facebook.com/page/posts/122000000000000", "facebook", "122000000000000"},
        {"https://m.facebook.com/story.php?story_fbid=111222333&id=444555666", "facebook", "444555666_111222333"},
        {"https://www.facebook.com/permalink.php?id=444555666&story_fbid=pfbid0x", "facebook", "444555666_pfbid0x"},
        {"https://www.facebook.com/photo/?fbid=1234567890", "facebook", "1234567890"},
        {"https://www.tiktok.com/@mia/video/7106594312292453675?is_from_webapp=1", "tiktok", "7106594312292453675"},
        {"https://www.tiktok.com/@mia/photo/7106594312292453675", "tiktok", "7106594312292453675"},
        {"https://m.tiktok.com/v/7106594312292453675.html", "tiktok", "7106594312292453675"},
        {"https://www.tiktok.com/embed/v2/7106594312292453675", "tiktok", "7106594312292453675"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nilo_address a;
        struct nilo_err err = {0};
        if (nilo_address_parse(rows[i].text, &a, &err) != 0)
            fail_msg("%s: %s", rows[i].text, err.msg);
        assert_string_equal(a.platform, rows[i].platform);
        assert_string_equal(a.id, rows[i].id);
        assert_true(nilo_address_looks_like(rows[i].text));
    }
}

static void what_names_no_item_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "no address"},
        {"https://", "no address"},
        {"https://youtube.com:443/watch?v=dQw4w9WgXcQ", "no address"},
        {"https://youtube.com@evil.example/watch?v=dQw4w9WgXcQ", "no address"},
        {"https://example.org/watch?v=dQw4w9WgXcQ", "--platform"},
        {"https://notyoutube.com/watch?v=dQw4w9WgXcQ", "--platform"},
        {"https://youtube.com.example.org/watch?v=dQw4w9WgXcQ", "--platform"},
        {"https://www.youtube.com/", "single item"},
        {"https://www.youtube.com/@channel", "single item"},
        {"https://www.youtube.com/playlist?list=PL1234567890", "single item"},
        {"https://www.youtube.com/watch?v=", "single item"},
        {"https://www.youtube.com/watch?v=dQw4w9WgXc", "was it cut?"},
        {"https://www.youtube.com/watch?v=dQw4w9WgXcQQ", "was it cut?"},
        {"https://www.youtube.com/watch?v=dQw4w9W%58cQ", "was it cut?"},
        {"https://www.youtube.com/shorts/", "single item"},
        {"https://www.instagram.com/mia.b/", "single item"},
        {"https://www.instagram.com/p/", "single item"},
        {"https://www.instagram.com/p/a%0ab", "was it cut?"},
        {"https://www.tiktok.com/@mia", "single item"},
        {"https://www.tiktok.com/@mia/video/710", "was it cut?"},
        {"https://vm.tiktok.com/ZMabc/", "long address"},
        {"https://www.tiktok.com/t/ZMabc/", "long address"},
        {"https://fb.watch/abc/", "long address"},
        {"https://www.facebook.com/share/v/abc/", "long address"},
        {"https://www.facebook.com/story.php?story_fbid=111222333", "single item"},
        {"https://www.facebook.com/page/posts/hello", "was it cut?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nilo_address a = {.platform = "untouched"};
        struct nilo_err err = {0};
        if (nilo_address_parse(rows[i].text, &a, &err) == 0)
            fail_msg("%s was taken for %s", rows[i].text, a.id);
        if (strstr(err.msg, rows[i].says) == NULL)
            fail_msg("%s: \"%s\" is not in: %s", rows[i].text, rows[i].says, err.msg);
        assert_string_equal(a.platform, "untouched");
    }
}

static void a_bare_id_does_not_look_like_an_address(void **state)
{
    static const char *const ids[] = {"dQw4w9WgXcQ", "7106594312292453675", "444_111", "a.b", "a/b.c"};
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        assert_false(nilo_address_looks_like(ids[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_name_an_item),
        cmocka_unit_test(what_names_no_item_is_refused_with_a_reason),
        cmocka_unit_test(a_bare_id_does_not_look_like_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
