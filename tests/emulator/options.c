/* The options of the emulator: numbers by their rows in EMU_OPTION_ROWS, and epoch and hostile, which are texts. */
#include "emulator/emulator_priv.h"

#include <errno.h>
#include <string.h>

int64_t emu_number(const char *s, int64_t otherwise)
{
    char *end;
    errno = 0;
    long long n = s ? strtoll(s, &end, 10) : 0;
    return s && end != s && *end == 0 && errno == 0 ? (int64_t)n : otherwise;
}

static int set_epoch(struct emulator *em, const char *value, struct nilo_err *err)
{
    struct nilo_iso iso;
    if (nilo_iso_parse(value, strlen(value), &iso, err) != 0)
        return nilo_err_wrap(err, "option epoch");
    em->epoch = iso.us;
    return 0;
}

int emulator_set(struct emulator *em, const char *name, const char *value, struct nilo_err *err)
{
    static const struct {
        const char *name;
        size_t at;
        int64_t low, high;
    } rows[] = {
#define X(name, initial, low, high, text) {#name, offsetof(struct emu_options, name), low, high},
        EMU_OPTION_ROWS(X)
#undef X
    };
    if (strcmp(name, "epoch") == 0)
        return set_epoch(em, value, err);
    if (strcmp(name, "hostile") == 0)
        return emu_hostile_set(em, value, err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        int64_t n = emu_number(value, INT64_MIN);
        if (n < rows[i].low || n > rows[i].high)
            return nilo_err_set(err, NILO_EINVAL, "option %s: \"%s\" is not a whole number from %lld to %lld", name, value, (long long)rows[i].low,
                                (long long)rows[i].high);
        memcpy((char *)&em->o + rows[i].at, &n, sizeof n);
        return 0;
    }
    return nilo_err_set(err, NILO_EINVAL, "no option is called \"%s\"; GET /_emulator/options lists them", name);
}

int emulator_set_all(struct emulator *em, const char *text, struct nilo_err *err)
{
    char word[256];
    while (*text) {
        size_t n = strcspn(text, " \t\r\n#");
        if (n >= sizeof word)
            return nilo_err_set(err, NILO_EINVAL, "an option is longer than %zu bytes: %.40s...", sizeof word - 1, text);
        memcpy(word, text, n);
        word[n] = 0;
        char *value = strchr(word, '=');
        if (n && !value)
            return nilo_err_set(err, NILO_EINVAL, "\"%s\" is not of the form name=value", word);
        if (n) {
            *value++ = 0;
            if (emulator_set(em, word, value, err) != 0)
                return -1;
        }
        text += n;
        if (*text == '#')
            text += strcspn(text, "\n");
        text += *text != 0;
    }
    return 0;
}
