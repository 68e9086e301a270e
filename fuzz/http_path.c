/* Canonical paths: nothing in one that needs a second look, and the canonical path, encoded again, is canonical and the same. */
#include <string.h>

#include "api/http_head.h"
#include "fuzz.h"

int nilo_fuzz_http_path(const uint8_t *data, size_t n)
{
    char *out = malloc(n + 1), *raw = malloc(3 * n + 1), *twice = malloc(3 * n + 1);
    NILO_FUZZ_CHECK(out != NULL && raw != NULL && twice != NULL);
    int len = nilo_http_path((const char *)data, n, out);
    if (len >= 0) {
        NILO_FUZZ_CHECK((size_t)len <= n && out[0] == '/' && out[len] == '\0' && strlen(out) == (size_t)len);
        NILO_FUZZ_CHECK(strstr(out, "//") == NULL && strstr(out, "/./") == NULL && strstr(out, "/../") == NULL);
        NILO_FUZZ_CHECK(len < 3 || strcmp(out + len - 3, "/..") != 0);
        size_t k = 0;
        for (int i = 0; i < len; i++)
            k += (size_t)(out[i] == '/' ? snprintf(raw + k, 2, "/") : snprintf(raw + k, 4, "%%%02x", (unsigned char)out[i]));
        int again = nilo_http_path(raw, k, twice);
        NILO_FUZZ_CHECK(again == len && memcmp(out, twice, (size_t)len) == 0);
    }
    free(out);
    free(raw);
    free(twice);
    return 0;
}
