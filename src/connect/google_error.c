/* What Google's services say when something is wrong: {"error": {"errors": [{"reason"}], "details": [{"reason"}], ...}}, and of OAuth {"error": "..."}. Decided by
 * these words, not by the HTTP status. */
#include <string.h>

#include "connect/connector_priv.h"
#include "connect/walk.h"

#define SAID_MAX 300

/* What a reason of Google's means; of several that are said the first that is here counts, plain ones (forbidden, badRequest) last. */
static const struct {
    const char *reason;
    enum nilo_class class;
    enum nilo_until until;
    bool key_wrong;
} reasons[] = {
    {"quotaExceeded", NILO_CLASS_RATE_LIMITED, NILO_UNTIL_RESET, false},
    {"dailyLimitExceeded", NILO_CLASS_RATE_LIMITED, NILO_UNTIL_RESET, false},
    {"dailyLimitExceededUnreg", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true}, /* no key came along */
    {"rateLimitExceeded", NILO_CLASS_RATE_LIMITED, NILO_UNTIL_SOON, false},
    {"userRateLimitExceeded", NILO_CLASS_RATE_LIMITED, NILO_UNTIL_SOON, false},
    {"RATE_LIMIT_EXCEEDED", NILO_CLASS_RATE_LIMITED, NILO_UNTIL_SOON, false},
    {"accessNotConfigured", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"SERVICE_DISABLED", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"API_KEY_SERVICE_BLOCKED", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"API_KEY_HTTP_REFERRER_BLOCKED", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"API_KEY_IP_ADDRESS_BLOCKED", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"API_KEY_INVALID", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"ipRefererBlocked", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"keyInvalid", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"keyExpired", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},
    {"insufficientPermissions", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},
    {"youtubeSignupRequired", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},
    {"ACCESS_TOKEN_EXPIRED", NILO_CLASS_AUTH, NILO_UNTIL_SOON, false},
    {"authError", NILO_CLASS_AUTH, NILO_UNTIL_SOON, false},
    {"invalidCredentials", NILO_CLASS_AUTH, NILO_UNTIL_SOON, false},
    {"invalid_grant", NILO_CLASS_AUTH, NILO_UNTIL_SOON, false},
    {"invalid_client", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"unauthorized_client", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"deleted_client", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"channelNotFound", NILO_CLASS_GONE, NILO_UNTIL_SOON, false},
    {"channelClosed", NILO_CLASS_GONE, NILO_UNTIL_SOON, false},
    {"channelSuspended", NILO_CLASS_GONE, NILO_UNTIL_SOON, false},
    {"playlistNotFound", NILO_CLASS_GONE, NILO_UNTIL_SOON, false},
    {"videoNotFound", NILO_CLASS_GONE, NILO_UNTIL_SOON, false},
    {"playlistItemsNotAccessible", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},
    {"SERVICE_UNAVAILABLE", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false},
    {"backendError", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false},
    {"internalError", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false},
    {"processingFailure", NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false},
    {"forbidden", NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},
    {"badRequest", NILO_CLASS_INVALID, NILO_UNTIL_SOON, false},
    {"invalidPageToken", NILO_CLASS_INVALID, NILO_UNTIL_SOON, false},
    {"missingRequiredParameter", NILO_CLASS_INVALID, NILO_UNTIL_SOON, false},
};

struct wrong {
    const char *reasons[6]; /* errors[].reason, then details[].reason, then the word of OAuth */
    size_t n;
    const char *message, *oauth, *status;
    struct nilo_arena *arena;
};

static int take_wrong(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {
        {"error.message", offsetof(struct wrong, message)}, {"error_description", offsetof(struct wrong, message)},
        {"error", offsetof(struct wrong, oauth)}, {"error.status", offsetof(struct wrong, status)},
    };
    struct wrong *w = ctx;
    if (event == NILO_JSON_STRING && (strcmp(path, "error.errors[].reason") == 0 || strcmp(path, "error.details[].reason") == 0) && w->n < 5) {
        w->reasons[w->n] = nilo_arena_strndup(w->arena, text, len < 64 ? len : 64);
        w->n += w->reasons[w->n] != NULL;
    }
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), w, path, event, text, len, SAID_MAX, w->arena, NULL);
}

static size_t rank_of(const char *reason)
{
    size_t i = 0;
    while (i < sizeof(reasons) / sizeof(reasons[0]) && strcmp(reasons[i].reason, reason) != 0)
        i++;
    return i;
}

/* Old servers say badRequest and forbidden of a bad key, and mean it in the sentence alone. */
static bool means_key(const char *message)
{
    return message != NULL && (strstr(message, "API key not valid") != NULL || strstr(message, "missing a valid API key") != NULL || strstr(message, "API key expired") != NULL);
}

static void of_reasons(const struct wrong *w, struct nilo_result *ret)
{
    size_t best = sizeof(reasons) / sizeof(reasons[0]), plain = rank_of("forbidden");
    for (size_t i = 0; i < w->n && best >= plain; i++) {
        size_t rank = rank_of(w->reasons[i]);
        if (rank < best && (best == sizeof(reasons) / sizeof(reasons[0]) || rank < plain)) {
            best = rank;
            ret->reason = w->reasons[i];
        }
    }
    if (best == sizeof(reasons) / sizeof(reasons[0]))
        return;
    ret->class = reasons[best].class;
    ret->key_wrong = reasons[best].key_wrong;
    if (reasons[best].until == NILO_UNTIL_RESET)
        ret->until = NILO_UNTIL_RESET;
}

bool nilo__google_refusal(const struct nilo_http_answer *a, const char *title, struct nilo_arena *arena, struct nilo_result *ret)
{
    struct wrong w = {.arena = arena};
    if (nilo_result_of_end(a, arena, ret))
        return true;
    nilo_result_of_status(a, arena, ret);
    if (ret->class == NILO_CLASS_OK)
        return false;
    if (nilo__walk(a->body, a->n_body, take_wrong, &w, NULL) != 0)
        return true; /* no words of Google's: the status alone */
    if (w.oauth != NULL)
        w.reasons[w.n++] = w.oauth;
    of_reasons(&w, ret);
    if (means_key(w.message)) {
        ret->class = NILO_CLASS_PERMISSION;
        ret->key_wrong = true;
    }
    const char *said = w.message != NULL ? w.message : w.oauth;
    const char *message = said == NULL ? NULL : nilo_arena_printf(arena, "%s says: %s", title, said);
    ret->message = message != NULL ? message : ret->message;
    return true;
}
