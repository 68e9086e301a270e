/* Secrets in what somebody else says. */
#include "support/nilo_test.h"

#include <string.h>

#include "connect/connector.h"

#define KEY    "AIzaSyCanary-0123456789_abcdefghij"
#define TOKEN  "ya29.a0Canary/With+Odd=Signs"
#define SECRET "1//0gCanaryRefresh-77"

static const struct {
    const char *said, *kept;
} cases[] = {
    {"", ""},
    {"Quota exceeded for quota metric 'Queries' and limit 'Queries per day' of service 'youtube.googleapis.com' for consumer 'project_number:123456789012'.", NULL},
    {"The channel UCaaaaaaaaaaaaaaaaaaaaaa is not found, nor is the video dQw4w9WgXcQ", NULL},
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT https://console.developers.google.com/apis/api/youtube.googleapis.com/overview?project=1234567", NULL},
    {"Invalid key " KEY ".", "Invalid key [removed]."},
    {KEY KEY, "[removed]"},
    {"key=" KEY "&part=id", "key=[removed]&part=id"},
    {"Bearer " TOKEN " has ended", "Bearer [removed] has ended"},
    {"cut off: ya29.a0Cana", "cut off: [removed]"},
    {"encoded: 1%2F%2F0gCanaryRefresh-77, and 1%2f%2f0gCanary", "encoded: [removed], and [removed]"},
    {"it is '" SECRET "'", "it is '[removed]'"},
    /* nobody's we know, but of that shape */
    {"Malformed token ya29.AnotherOnesToken", "Malformed token [removed]"},
    {"Error validating access token EAABsbCS1iHgBAKZCZCxyzabcd1234: expired", "Error validating access token [removed]: expired"},
    {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[removed]"},
    {"id 0123456789abcdef0123456789abcdef in use", "id [removed] in use"},
    {"{\"access_token\":\"abcdefgh\",\"x\":1}", "{\"access_token\":\"[removed]\",\"x\":1}"},
    {"short: AIzaSy", NULL},
};

static void secrets_are_taken_out_and_the_rest_stays(void **state)
{
    static const char *const secrets[] = {KEY, NULL, TOKEN, SECRET, ""};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_arena arena;
        nilo_arena_init(&arena, 0);
        const char *kept = nilo_redact(cases[i].said, secrets, sizeof secrets / sizeof secrets[0], &arena);
        if (strcmp(kept, cases[i].kept != NULL ? cases[i].kept : cases[i].said) != 0)
            fail_msg("\"%s\" became \"%s\"", cases[i].said, kept);
        if (cases[i].kept == NULL)
            assert_ptr_equal(kept, cases[i].said);
        nilo_arena_done(&arena);
    }
    assert_null(nilo_redact(NULL, secrets, 1, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(secrets_are_taken_out_and_the_rest_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
