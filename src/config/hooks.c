/* What the file says of hooks: who may send, and what it is signed with. What a secret holds is looked at where it is used, at the start of serve. */
#include "config/config_priv.h"

#include <string.h>

static bool is(const char *platform, const char *list)
{
    const char *at = strstr(list, platform);
    size_t n = strlen(platform);
    return at != NULL && (at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0');
}

static int check_keys(const struct nilo_config_hook *h, const struct nilo__config_node *node, const struct nilo__config_place *at, struct nilo_err *err)
{
    const struct {
        const char *key, *text, *platforms;
    } keys[] = {{"verify_token", h->verify_token, "instagram facebook youtube"},
                {"app_id", h->app_id, "tiktok tiktok_shop"},
                {"status_page", h->status_page, "instagram facebook"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].text != NULL && !is(h->platform, keys[i].platforms))
            return nilo__config_fail(at, nilo__config_line(node, keys[i].key), keys[i].key, err, "does not go with %s; it is for: %s", h->platform, keys[i].platforms);
    }
    const char *references[][2] = {{"secret", h->secret}, {"verify_token", h->verify_token}};
    for (size_t i = 0; i < 2; i++) {
        const char *problem = references[i][1] != NULL ? nilo__config_reference_problem(references[i][1]) : NULL;
        if (problem != NULL)
            return nilo__config_fail(at, nilo__config_line(node, references[i][0]), references[i][0], err, "%s", problem);
    }
    if (h->status_page != NULL && (strncmp(h->status_page, "https://", 8) != 0 || strpbrk(h->status_page, " \"\\") != NULL))
        return nilo__config_fail(at, nilo__config_line(node, "status_page"), "status_page", err, "is an address that begins with https://");
    return 0;
}

/* Whether what is missing here is said under platforms. A hub of YouTube signs with what it was told at the subscription, which is no secret of an app. */
static int check_app(const struct nilo_config *c, const struct nilo_config_hook *h, const struct nilo__config_node *node, const struct nilo__config_place *at,
                     struct nilo_err *err)
{
    const struct nilo_config_platform *p = nilo_config_platform(c, h->platform);
    bool own = strcmp(h->platform, "push") == 0 || strcmp(h->platform, "youtube") == 0;
    if (h->secret == NULL && own)
        return nilo__config_fail(at, node->line, "secret", err, "is required for %s; write env:NAME, file:PATH or credential:NAME", h->platform);
    if (h->secret == NULL && (p == NULL || p->client_secret == NULL))
        return nilo__config_fail(at, node->line, "secret", err, "is required: there is no client_secret of %s under platforms that would stand for it", h->platform);
    if (strcmp(h->platform, "tiktok_shop") == 0 && h->app_id == NULL && (p == NULL || p->client_id == NULL))
        return nilo__config_fail(at, node->line, "app_id", err, "is required: there is no client_id of tiktok_shop under platforms that would stand for it");
    return 0;
}

int nilo__config_hook_rules(const struct nilo_config *c, const struct nilo__config_node *root, const struct nilo__config_place *top, struct nilo_err *err)
{
    const struct nilo__config_node *list = nilo__config_get(root, "hooks"), *node = list != NULL ? list->first : NULL;
    if (c->n_hooks > NILO_CONFIG_HOOKS)
        return nilo__config_fail(top, nilo__config_line(root, "hooks"), "hooks", err, "has %d entries; there may be %d", c->n_hooks, NILO_CONFIG_HOOKS);
    for (int i = 0; i < c->n_hooks && node != NULL; i++, node = node->next) {
        struct nilo__config_place at = nilo__config_at(top, "hooks", i);
        if (check_keys(&c->hooks[i], node, &at, err) != 0 || check_app(c, &c->hooks[i], node, &at, err) != 0)
            return -1;
    }
    return 0;
}
