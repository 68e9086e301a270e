/* See asking.h. */
#include "support/nilo_test.h"

#include "emulator/asking.h"
#include "emulator/emulator_test.h"

#include <stdlib.h>
#include <string.h>

static struct emulator_response last;
static bool have_last;

struct emulator *asking_new(const char *options)
{
    struct emulator *em;
    struct nilo_err err;
    assert_int_equal(emulator_new(&em, &err), 0);
    if (emulator_set_all(em, "latency_ms=0", &err) != 0 || emulator_set_all(em, options, &err) != 0)
        fail_msg("%s", err.msg);
    return em;
}

void asking_done(void)
{
    if (have_last)
        emulator_response_done(&last);
    have_last = false;
}

const struct emulator_response *asking_last(void)
{
    return &last;
}

const char *asking(struct emulator *em, nilo_us now, const char *auth, const char *form, int *ret_status, const char *target, ...)
{
    char path[8192], key[EMULATOR_TEXT];
    va_list ap;
    va_start(ap, target);
    assert_true(vsnprintf(path, sizeof path, target, ap) < (int)sizeof path);
    va_end(ap);
    emulator_api_key(em, 0, key);
    struct emulator_header header = auth ? (struct emulator_header){"Authorization", auth} : (struct emulator_header){"X-Goog-Api-Key", key};
    struct emulator_request req = {.method = form ? "POST" : "GET", .target = path, .headers = &header, .headers_n = !auth || auth[0], .body = form,
                                   .body_len = form ? strlen(form) : 0};
    asking_done();
    emulator_answer(em, now, &req, &last);
    have_last = true;
    if (ret_status)
        *ret_status = last.status;
    return nilo_buf_str(&last.body);
}

const char *asking_text(const char *json, const char *path)
{
    static char buffers[8][512];
    static int turn;
    char *found = emulator_json(json, path), *out = buffers[turn++ % 8];
    snprintf(out, sizeof buffers[0], "%s", found ? found : "");
    free(found);
    return out;
}

int64_t asking_number(const char *json, const char *path)
{
    const char *text = asking_text(json, path);
    char *end;
    long long n = strtoll(text, &end, 10);
    return end == text || *end ? -1 : n;
}

const char *asking_ids(struct emulator *em, int channel, int from, int n)
{
    static char out[4096];
    size_t at = 0;
    for (int i = from; i < from + n && at + 16 < sizeof out; i++) {
        char id[EMULATOR_TEXT];
        emulator_video_id(em, channel, i, id);
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%s", i > from ? "," : "", id);
    }
    return out;
}
