/* One step over UTF-8, for base itself; nilo_utf8_valid in json.h is the public look at a whole text. */
#ifndef NILO_BASE_UTF8_H
#define NILO_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define NILO__UTF8_MAX 4

/** nilo__utf8_char - bytes of the well-formed character at s (len > 0 bytes are there), or 0 when there is none; then *ret_bad
 *  (may be NULL) is how many bytes one U+FFFD should stand for (Unicode 15, section 3.9, "maximal subpart") */
size_t nilo__utf8_char(const char *s, size_t len, size_t *ret_bad);

/** nilo__utf8_put - writes code point cp (no surrogate, at most 0x10FFFF), returns how many bytes */
size_t nilo__utf8_put(uint32_t cp, char out[NILO__UTF8_MAX]);

#endif
