/* Logging as key=value lines on stderr. Libraries are silent above debug; whoever stops an error from rising logs it once.
 * No secrets, no bodies. Values are quoted where they hold blanks or control characters. */
#ifndef NILO_BASE_LOG_H
#define NILO_BASE_LOG_H

enum nilo_log_level { NILO_LOG_ERROR, NILO_LOG_WARNING, NILO_LOG_NOTICE, NILO_LOG_INFO, NILO_LOG_DEBUG };

struct nilo_log_pair {
    const char *key;
    const char *value;
};

void nilo_log_level_set(enum nilo_log_level max);
int nilo_log_level_parse(const char *name, enum nilo_log_level *ret); /* 0 or -1 */
void nilo_log_write(enum nilo_log_level level, const char *event, const struct nilo_log_pair *pairs, int n);
/* nilo_log(NILO_LOG_INFO, "run finished", {"workspace", w}, {"run", r}); */
#define nilo_log(level, event, ...)                                                                                    \
    nilo_log_write((level), (event), (struct nilo_log_pair[]){__VA_ARGS__},                                            \
                   (int)(sizeof((struct nilo_log_pair[]){__VA_ARGS__}) / sizeof(struct nilo_log_pair)))

#endif
