/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of networks, endpoints and published ports. */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "meta/meta_network.h"
#include "meta/stmt.h"

#define COLUMNS   "SELECT id, name, driver, created, config FROM networks"
#define ENDPOINTS "SELECT container, network, id, address, address6 FROM endpoints WHERE "

static int no_network(const char *what, struct shale_err *e)
{
    char shown[256];

    return err_set(e, SHALE_NOT_FOUND, "network %s not found",
                   str_printable(shown, sizeof shown, what));
}

static int row_of(const struct stmt *q, struct arena *a, void *ret, struct shale_err *e)
{
    struct meta_network n = {.id = col_dup(q, 0, a),
                             .name = col_dup(q, 1, a),
                             .driver = col_dup(q, 2, a),
                             .created_ns = col_i64(q, 3),
                             .config = col_dup(q, 4, a)};

    if (!n.id || !n.name || !n.driver || !n.config)
        return err_nomem(e);
    *(struct meta_network *)ret = n;
    return 0;
}

/* ---- networks ---- */

static int add(struct meta *m, const struct meta_network *n, struct shale_err *e)
{
    int64_t there = 0;
    int r = stmt_number(m, "SELECT 1 FROM networks WHERE name = ?1", 0, &there, e, "t", n->name);

    if (r < 0)
        return r;
    if (there)
        return err_set(e, SHALE_EXISTS, "network with name %.200s already exists", n->name);
    return stmt_run(
        m, "INSERT INTO networks(id, name, driver, created, config) VALUES(?1, ?2, ?3, ?4, ?5)",
        NULL, e, "tttit", n->id, n->name, n->driver, n->created_ns ? n->created_ns : time_now_ns(),
        n->config);
}

int meta_network_add(struct meta *m, const struct meta_network *n, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, add(m, n, e), e);
}

/* 1 and the row of the one that a query with one text finds. */
static int one(struct meta *m, const char *sql, const char *text, struct arena *a,
               struct meta_network *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "t", text);
    r = stmt_step(&q, e);
    if (r == 1 && row_of(&q, a, ret, e) < 0)
        return -SHALE_NO_MEMORY;
    return r;
}

static int by_prefix(struct meta *m, const char *text, struct arena *a, struct meta_network *ret,
                     struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    char to[META_NETWORK_ID_HEX + 2];
    size_t n = strlen(text);

    if (n == 0 || n > META_NETWORK_ID_HEX || strspn(text, "0123456789abcdef") != n)
        return no_network(text, e);
    (void)snprintf(to, sizeof to, "%sg", text);
    int r = stmt_open(m, COLUMNS " WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 2", &q, e);
    if (r < 0)
        return r;
    stmt_bind(&q, "tt", text, to);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r < 0 ? r : no_network(text, e);
    struct meta_network found;
    r = row_of(&q, a, &found, e);
    if (r >= 0)
        r = stmt_step(&q, e);
    if (r == 1)
        return err_set(e, SHALE_INVALID,
                       "network %s is ambiguous (2 matches found based on ID prefix)", text);
    if (r == 0)
        *ret = found;
    return r;
}

int meta_network_find(struct meta *m, const char *text, struct arena *a, struct meta_network *ret,
                      struct shale_err *e)
{
    int r = one(m, COLUMNS " WHERE id = ?1", text, a, ret, e);

    if (r == 0)
        r = one(m, COLUMNS " WHERE name = ?1", text, a, ret, e);
    if (r != 0)
        return r < 0 ? r : 0;
    return by_prefix(m, text, a, ret, e);
}

int meta_network_set_config(struct meta *m, const char *id, const char *config, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r
                 : meta_end(m,
                            stmt_run(m, "UPDATE networks SET config = ?2 WHERE id = ?1", NULL, e,
                                     "tt", id, config),
                            e);
}

int meta_network_list(struct meta *m, struct arena *a, struct meta_network **ret, size_t *ret_n,
                      struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, COLUMNS " ORDER BY name", &q, e);

    if (r < 0)
        return r;
    return stmt_list(&q, sizeof **ret, row_of, a, ret, ret_n, e);
}

static int delete_network(struct meta *m, const char *id, struct shale_err *e)
{
    int64_t used = 0;
    int r =
        stmt_number(m, "SELECT 1 FROM endpoints WHERE network = ?1 LIMIT 1", 0, &used, e, "t", id);

    if (r < 0)
        return r;
    if (used)
        return err_set(e, SHALE_IN_USE, "network %.12s has active endpoints", id);
    return stmt_run(m, "DELETE FROM networks WHERE id = ?1", NULL, e, "t", id);
}

int meta_network_delete(struct meta *m, const char *id, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, delete_network(m, id, e), e);
}

/* ---- endpoints ---- */

static int add_endpoint(struct meta *m, const struct meta_endpoint *p, struct shale_err *e)
{
    int64_t taken = 0;
    int r = stmt_number(m,
                        "SELECT 1 FROM endpoints WHERE network = ?1 AND address = ?2 AND container "
                        "<> ?3",
                        0, &taken, e, "tit", p->network, (int64_t)p->address, p->container);

    if (r < 0)
        return r;
    if (taken)
        return err_set(e, SHALE_EXISTS, "Address already in use");
    return stmt_run(m,
                    "INSERT OR REPLACE INTO endpoints(container, network, id, address, address6)"
                    " VALUES(?1, ?2, ?3, ?4, ?5)",
                    NULL, e, "tttit", p->container, p->network, p->id, (int64_t)p->address,
                    p->address6);
}

int meta_endpoint_add(struct meta *m, const struct meta_endpoint *p, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, add_endpoint(m, p, e), e);
}

static int endpoint_of(const struct stmt *q, struct arena *a, void *ret, struct shale_err *e)
{
    struct meta_endpoint p = {.container = col_dup(q, 0, a),
                              .network = col_dup(q, 1, a),
                              .id = col_dup(q, 2, a),
                              .address = (uint32_t)col_i64(q, 3),
                              .address6 = col_dup(q, 4, a)};

    if (!p.container || !p.network || !p.id || !p.address6)
        return err_nomem(e);
    *(struct meta_endpoint *)ret = p;
    return 0;
}

int meta_endpoint_list(struct meta *m, const char *container, const char *network, struct arena *a,
                       struct meta_endpoint **ret, size_t *ret_n, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      container ? ENDPOINTS "container = ?1 AND (?2 = '' OR network = ?2)"
                                            " ORDER BY address"
                                : ENDPOINTS "(?2 = '' OR network = ?2) AND ?1 = ''"
                                            " ORDER BY address",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "tt", container, network);
    return stmt_list(&q, sizeof **ret, endpoint_of, a, ret, ret_n, e);
}

static int delete_endpoints(struct meta *m, const char *container, const char *network,
                            struct shale_err *e)
{
    int r = stmt_run(m, "DELETE FROM endpoints WHERE container = ?1 AND (?2 = '' OR network = ?2)",
                     NULL, e, "tt", container, network);

    return r < 0
               ? r
               : stmt_run(
                     m, "DELETE FROM host_ports WHERE container = ?1 AND (?2 = '' OR network = ?2)",
                     NULL, e, "tt", container, network);
}

int meta_endpoint_delete(struct meta *m, const char *container, const char *network,
                         struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, delete_endpoints(m, container, network, e), e);
}

/* ---- ports ---- */

int meta_port_add(struct meta *m, const struct meta_port *p, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r
                 : meta_end(m,
                            stmt_run(m,
                                     "INSERT INTO host_ports(container, network, protocol, "
                                     "host_ip, inside, host) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                                     NULL, e, "ttttii", p->container, p->network, p->protocol,
                                     p->host_ip, (int64_t)p->inside, (int64_t)p->host),
                            e);
}

static int port_of(const struct stmt *q, struct arena *a, void *ret, struct shale_err *e)
{
    struct meta_port p = {.container = col_dup(q, 0, a),
                          .network = col_dup(q, 1, a),
                          .protocol = col_dup(q, 2, a),
                          .host_ip = col_dup(q, 3, a),
                          .inside = (uint16_t)col_i64(q, 4),
                          .host = (uint16_t)col_i64(q, 5)};

    if (!p.container || !p.network || !p.protocol || !p.host_ip)
        return err_nomem(e);
    *(struct meta_port *)ret = p;
    return 0;
}

int meta_port_list(struct meta *m, const char *container, struct arena *a, struct meta_port **ret,
                   size_t *ret_n, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT container, network, protocol, host_ip, inside, host FROM host_ports "
                      "WHERE container = ?1 ORDER BY inside, protocol, host",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "t", container);
    return stmt_list(&q, sizeof **ret, port_of, a, ret, ret_n, e);
}

int meta_port_holder(struct meta *m, const char *protocol, const char *host_ip, uint16_t host,
                     struct arena *a, const char **ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT container FROM host_ports WHERE host = ?1 AND protocol = ?2"
                      " AND (instr(host_ip, ':') > 0) = (instr(?3, ':') > 0)"
                      " AND (host_ip = ?3 OR host_ip IN ('', '0.0.0.0', '::')"
                      " OR ?3 IN ('', '0.0.0.0', '::')) LIMIT 1",
                      &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "itt", (int64_t)host, protocol, host_ip);
    r = stmt_step(&q, e);
    if (r != 1)
        return r;
    *ret = col_dup(&q, 0, a);
    return *ret ? 1 : err_nomem(e);
}
