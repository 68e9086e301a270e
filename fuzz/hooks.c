/* Notices of platforms. The first byte says whose; the rest is the body. Whatever it holds: it is refused with a sentence, or each event is one that can be acted on. */
#include <string.h>

#include "base/json.h"
#include "fuzz.h"
#include "hook/hook.h"

static void check_text(const char *text)
{
    NILO_FUZZ_CHECK(text == NULL || (text[0] != '\0' && strlen(text) <= 1000 && nilo_utf8_valid(text, strlen(text), NULL)));
}

static void check_event(const struct nilo_hook_event *e)
{
    check_text(e->account);
    check_text(e->item);
    NILO_FUZZ_CHECK(e->name == NULL || strspn(e->name, "abcdefghijklmnopqrstuvwxyz0123456789_.") == strlen(e->name));
    NILO_FUZZ_CHECK(e->n_values <= sizeof(e->values) / sizeof(e->values[0]));
    for (size_t i = 0; i < e->n_values; i++)
        NILO_FUZZ_CHECK(e->values[i].metric != NULL && e->values[i].value >= 0);
    bool items = e->what == NILO_HOOK_CHANGED || e->what == NILO_HOOK_DELETED || e->what == NILO_HOOK_READING;
    NILO_FUZZ_CHECK(!items || (e->item != NULL && e->account != NULL));
    NILO_FUZZ_CHECK((e->what != NILO_HOOK_SIGNED_OUT && e->what != NILO_HOOK_LISTED) || e->account != NULL);
}

int nilo_fuzz_hooks(const uint8_t *data, size_t n)
{
    static const struct {
        const char *platform, *kind, *app_id;
    } all[] = {{"instagram", NULL, NULL}, {"facebook", NULL, NULL}, {"tiktok", NULL, NULL}, {"tiktok", NULL, "k"}, {"tiktok_shop", NULL, NULL}, {"youtube", NULL, NULL},
               {"instagram", "deauthorize", NULL}};
    struct nilo_hook_events events;
    struct nilo_arena arena;
    struct nilo_err err = {0};
    if (n == 0)
        return 0;
    size_t i = data[0] % (sizeof(all) / sizeof(all[0]));
    char *body = malloc(n); /* not longer than it is: what reads beyond it is found */
    NILO_FUZZ_CHECK(body != NULL);
    memcpy(body, data + 1, n - 1);
    nilo_arena_init(&arena, 0);
    if (nilo_hook_read(all[i].platform, all[i].kind, all[i].app_id, body, n - 1, &arena, &events, &err) != 0)
        NILO_FUZZ_CHECK((err.code == NILO_EBODY || err.code == NILO_EINVAL) && err.msg[0] != '\0');
    else
        NILO_FUZZ_CHECK(events.n <= NILO_HOOK_EVENTS_MAX);
    for (size_t k = 0; err.code == NILO_OK && k < events.n; k++)
        check_event(&events.list[k]);
    nilo_arena_done(&arena);
    free(body);
    return 0;
}
