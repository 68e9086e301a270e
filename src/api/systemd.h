/* What systemd and the service tell each other, without libsystemd: sd_notify(3) is one datagram to $NOTIFY_SOCKET, sd_listen_fds(3) two
 * environment variables, sd_watchdog_enabled(3) two more. Without systemd all of them do nothing. */
#ifndef NILO_API_SYSTEMD_H
#define NILO_API_SYSTEMD_H

#include <stdbool.h>

#include "base/env.h"

/** nilo_systemd_notify - "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...", several separated by newlines. true: it was sent */
bool nilo_systemd_notify(const char *state);
/** nilo_systemd_listen - how many listening sockets were handed over to this process; they are descriptors 3, 4, ... Forgets the variables, so that
 *  no child takes them for its own. Call it before threads start */
int nilo_systemd_listen(void);
/** nilo_systemd_watchdog - how often "WATCHDOG=1" is due at the latest (half of the time that systemd waits); 0 = not asked for */
nilo_us nilo_systemd_watchdog(void);

#endif
