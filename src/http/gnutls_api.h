/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* GnuTLS' functions behind pointers: it comes with libmicrohttpd (mhd_api.h), whose TLS sessions it
 * makes, and makes those of wire.h; nothing else uses it. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#define GNUTLS_FUNCTIONS(X)                                                                        \
    X(certificate_get_peers)                                                                       \
    X(certificate_verify_peers)                                                                    \
    X(x509_crt_init)                                                                               \
    X(x509_crt_deinit)                                                                             \
    X(x509_crt_import)                                                                             \
    X(x509_crt_get_dn_by_oid)                                                                      \
    X(x509_crt_get_subject_alt_name)                                                               \
    X(x509_crt_list_import)                                                                        \
    X(x509_crt_check_revocation)                                                                   \
    X(x509_crl_list_import)                                                                        \
    X(x509_crl_deinit)                                                                             \
    X(x509_crl_verify)                                                                             \
    X(x509_crl_get_next_update)                                                                    \
    X(init)                                                                                        \
    X(deinit)                                                                                      \
    X(handshake)                                                                                   \
    X(bye)                                                                                         \
    X(record_send)                                                                                 \
    X(record_recv)                                                                                 \
    X(record_check_pending)                                                                        \
    X(record_get_direction)                                                                        \
    X(error_is_fatal)                                                                              \
    X(strerror)                                                                                    \
    X(set_default_priority)                                                                        \
    X(transport_set_int2)                                                                          \
    X(credentials_set)                                                                             \
    X(certificate_server_set_request)                                                              \
    X(session_set_verify_function)                                                                 \
    X(certificate_allocate_credentials)                                                            \
    X(certificate_free_credentials)                                                                \
    X(certificate_set_x509_key_mem)                                                                \
    X(certificate_set_x509_trust_mem)

struct gnutls_api {
#define X(name) __typeof__(&gnutls_##name) name;
    GNUTLS_FUNCTIONS(X)
#undef X
};

/* NULL when it is not there. The same for all threads. */
const struct gnutls_api *gnutls_api_get(void);
