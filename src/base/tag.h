/* A 128-bit name of bytes, made as fast as they are read: for ETags, where another name has to follow from other bytes but for an accident. Under a key that those who
 * write the bytes do not know; no more than that is promised, so nothing that is secret or signed depends on it (hash.h has what does). */
#ifndef NILO_BASE_TAG_H
#define NILO_BASE_TAG_H

#include <stddef.h>
#include <stdint.h>

struct nilo_tag {
    uint64_t key[2], a, b, len;
};
void nilo_tag_init(struct nilo_tag *t, const unsigned char key[16]);
void nilo_tag_add(struct nilo_tag *t, const void *p, size_t n); /* the cuts between calls are part of what is named */
void nilo_tag_done(const struct nilo_tag *t, unsigned char out[16]);

#endif
