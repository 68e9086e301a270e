/* What requests to /hooks/PLATFORM are signed with, as the configuration says (hooks:), and whether one is. The signature is looked at over the bytes as they came, before
 * anything is read of them, and compared in constant time.
 *
 *   push         Nilometer-Signature: t=SECONDS,s=HEX       HMAC-SHA256 over "SECONDS.BODY"
 *   tiktok       TikTok-Signature: t=SECONDS,s=HEX          the same, with the app's secret
 *   tiktok_shop  Authorization: HEX                         HMAC-SHA256 over the app's key and the body
 *   instagram, facebook
 *                X-Hub-Signature-256: sha256=HEX            HMAC-SHA256 over the body
 *                signed_request=SIGNATURE.PAYLOAD           in the body: HMAC-SHA256 over PAYLOAD, both base64url
 *   youtube      X-Hub-Signature: sha1=HEX or sha256=HEX    HMAC over the body, as WebSub has it; its hub signs with SHA-1
 *
 * Where an instant is signed, one of more than NILO_HOOK_WINDOW from now is no good. */
#ifndef NILO_API_HOOK_KEYS_H
#define NILO_API_HOOK_KEYS_H

#include "base/arena.h"
#include "config/config.h"

#define NILO_HOOK_WINDOW (5 * NILO_US_MINUTE)

/* An entry of the configuration. */
struct nilo_hook_key {
    const char *platform;
    const char *workspace;   /* NULL: any */
    const char *app_id;      /* NULL = not known */
    const char *status_page; /* NULL = none */
    char *secret, *verify_token; /* secret memory; verify_token NULL: nobody may subscribe */
};

struct nilo_hook_keys; /* not changed once made: any thread may use it */
/** nilo_hook_keys_new - config has to outlive it
 *  errors  those of nilo_config_secret(), NILO_ECONFIG a secret that is too short; with file and line
 *  owner   caller, nilo_hook_keys_free() */
int nilo_hook_keys_new(const struct nilo_config *config, struct nilo_hook_keys **ret, struct nilo_err *err);
void nilo_hook_keys_free(struct nilo_hook_keys *k); /* NULL is fine */
/** nilo_hook_keys_have - may anybody send for this platform? Which workspace does not matter: whoever has no secret is not told which there are */
bool nilo_hook_keys_have(const struct nilo_hook_keys *k, const char *platform);

/* What a request shows; points into it. */
struct nilo_hook_shown {
    const char *platform;
    const char *workspace; /* of the path; NULL: it names none */
    const char *signature; /* the header of the platform (nilo_hook_header()); NULL: not there, or several times */
    size_t signature_n;
    const char *body;
    size_t body_n;
};
const char *nilo_hook_header(const char *platform); /* NULL: no such platform */

enum nilo_hook_verdict { NILO_HOOK_BAD, NILO_HOOK_OLD, NILO_HOOK_GOOD };
/** nilo_hook_check - by which of the keys is it signed?
 *  now  wall clock
 *  ret  the entry, where GOOD. OLD: well signed, at another time */
enum nilo_hook_verdict nilo_hook_check(const struct nilo_hook_keys *k, const struct nilo_hook_shown *shown, nilo_us now, const struct nilo_hook_key **ret);
/** nilo_hook_check_request - the same of a form with signed_request, whose payload is given back as it stands in the arena, decoded. No header is looked at */
enum nilo_hook_verdict nilo_hook_check_request(const struct nilo_hook_keys *k, const struct nilo_hook_shown *shown, struct nilo_arena *arena, const char **ret_payload,
                                               size_t *ret_n, const struct nilo_hook_key **ret);
/** nilo_hook_subscribes - does the query string of a request show the token that a subscription has to, and a challenge? That is given back, decoded, in the arena */
bool nilo_hook_subscribes(const struct nilo_hook_keys *k, const char *platform, const char *query, size_t n, struct nilo_arena *arena, const char **ret_challenge);

#endif
