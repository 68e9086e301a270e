/* Addresses that requests go to, and Retry-After. What we read as the host has to be what libcurl connects to, else our rules judge one host and it asks another.
 * The input lies in memory of exactly its size. */
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "connect/http_priv.h"
#include "fuzz.h"

static void check_part(CURLU *u, CURLUPart part, const char *wanted)
{
    char *text = NULL;
    CURLUcode rc = curl_url_get(u, part, &text, 0);
    NILO_FUZZ_CHECK((rc == CURLUE_OK) == (wanted != NULL));
    /* libcurl puts addresses into their usual spelling; of those it is enough that both take them for one */
    NILO_FUZZ_CHECK(wanted == NULL || strcasecmp(text, wanted) == 0);
    curl_free(text);
}

static void check_url(const char *url)
{
    struct nilo__http_host host;
    bool https;
    if (nilo__http_parse(url, &host, &https, NULL) != 0)
        return;
    NILO_FUZZ_CHECK(host.name[0] != '\0' && strlen(host.name) < sizeof(host.name));
    NILO_FUZZ_CHECK(strpbrk(host.name, "/?#@\\ \r\n[]") == NULL);
    NILO_FUZZ_CHECK(nilo_http_is_loopback(url) == host.loopback);
    CURLU *u = curl_url();
    NILO_FUZZ_CHECK(u != NULL);
    if (curl_url_set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS) == CURLUE_OK) {
        check_part(u, CURLUPART_SCHEME, https ? "https" : "http");
        check_part(u, CURLUPART_USER, NULL);
        check_part(u, CURLUPART_PASSWORD, NULL);
        if (!host.literal)
            check_part(u, CURLUPART_HOST, host.name);
    }
    curl_url_cleanup(u);
}

int nilo_fuzz_url(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1), *url = malloc(n + 9);
    NILO_FUZZ_CHECK(text != NULL && url != NULL);
    if (n > 0)
        memcpy(text, data, n);
    text[n] = '\0';
    check_url(text);
    memcpy(url, "https://", 8);
    memcpy(url + 8, text, n + 1);
    check_url(url);
    int64_t ms = nilo_http_retry_after(text, INT64_C(1763722800000000));
    NILO_FUZZ_CHECK(ms >= -1 && ms <= 86400000);
    (void)nilo__http_spared(text, "a.example");
    free(text);
    free(url);
    return 0;
}
