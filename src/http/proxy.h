/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which proxy a request goes through: the environment as Go's net/http reads it, which docker's
 * users know. $HTTP_PROXY and $HTTPS_PROXY (or lower case) by the scheme of the request; $NO_PROXY
 * lists who is asked directly: "*", hosts ("example.com" with all below it, ".example.com" only
 * those below), addresses, CIDRs; hosts and addresses with a port mean that port only. Loopback is
 * asked directly.
 */
#include <stdbool.h>

/* The proxy's URL as the environment has it, borrowed; "" for none. `host` without brackets counts
 * the same as with them. */
const char *http_proxy_for(const char *scheme, const char *host, const char *port);
