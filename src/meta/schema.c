/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, and how older ones become today's. The version is the database's user_version. */
#include <string.h>

#include "base/cleanup.h"
#include "base/lock.h"
#include "meta/stmt.h"

#define SCHEMA_VERSION 9

/* Digests are text ("sha256:…"), "" is none; times are nanoseconds. Edges may name what is not
 * here, so there are no foreign keys: image.c and container.c keep what belongs together together.
 */
static const char *const store_steps[SCHEMA_VERSION] = {
    "CREATE TABLE kv(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE blobs(digest TEXT PRIMARY KEY, size INTEGER NOT NULL, media_type TEXT NOT NULL,"
    " added INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE edges(parent TEXT NOT NULL, child TEXT NOT NULL, PRIMARY KEY(parent, child)) "
    "WITHOUT ROWID;"
    "CREATE INDEX edges_child ON edges(child);"
    "CREATE TABLE layers(diff_id TEXT PRIMARY KEY, tar_bytes INTEGER NOT NULL, content_bytes "
    "INTEGER NOT NULL,"
    " n_entries INTEGER NOT NULL, state INTEGER NOT NULL, boot_id TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE layer_blobs(seq INTEGER PRIMARY KEY, blob TEXT NOT NULL UNIQUE, diff_id TEXT NOT "
    "NULL,"
    " size INTEGER NOT NULL);"
    "CREATE INDEX layer_blobs_diff_id ON layer_blobs(diff_id);"
    "CREATE TABLE stacks(chain TEXT NOT NULL, driver TEXT NOT NULL, boot_id TEXT NOT NULL,"
    " PRIMARY KEY(chain, driver)) WITHOUT ROWID;"
    "CREATE TABLE leases(id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT NOT NULL, pid INTEGER NOT "
    "NULL,"
    " started INTEGER NOT NULL, boot_id TEXT NOT NULL, expires INTEGER NOT NULL);"
    "CREATE TABLE lease_items(lease INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY(lease, "
    "digest))"
    " WITHOUT ROWID;"
    "CREATE INDEX lease_items_digest ON lease_items(digest);"
    "CREATE TABLE pulls(digest TEXT PRIMARY KEY, ref TEXT NOT NULL, repo TEXT NOT NULL, size "
    "INTEGER NOT NULL,"
    " started INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE images(id TEXT PRIMARY KEY, manifest TEXT NOT NULL, parent TEXT NOT NULL, chain "
    "TEXT NOT NULL,"
    " created INTEGER NOT NULL, size INTEGER NOT NULL, n_layers INTEGER NOT NULL, os TEXT NOT NULL,"
    " arch TEXT NOT NULL, variant TEXT NOT NULL, os_version TEXT NOT NULL, labels TEXT NOT NULL,"
    " added INTEGER NOT NULL, used INTEGER NOT NULL, tagged INTEGER NOT NULL, pinned INTEGER NOT "
    "NULL,"
    " held INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX images_created ON images(created DESC, id);"
    "CREATE INDEX images_parent ON images(parent) WHERE parent <> '';"
    "CREATE INDEX images_manifest ON images(manifest);"
    "CREATE INDEX images_chain ON images(chain);"
    "CREATE TABLE image_layers(image TEXT NOT NULL, n INTEGER NOT NULL, diff_id TEXT NOT NULL, "
    "blob TEXT NOT NULL,"
    " PRIMARY KEY(image, n)) WITHOUT ROWID;"
    "CREATE INDEX image_layers_diff_id ON image_layers(diff_id);"
    "CREATE INDEX image_layers_blob ON image_layers(blob);"
    "CREATE TABLE tags(repo TEXT NOT NULL, tag TEXT NOT NULL, image TEXT NOT NULL, target TEXT NOT "
    "NULL,"
    " updated INTEGER NOT NULL, PRIMARY KEY(repo, tag)) WITHOUT ROWID;"
    "CREATE INDEX tags_image ON tags(image, repo, tag, target, updated);" /* covers a listing */
    "CREATE INDEX tags_target ON tags(target);"
    "CREATE TABLE tag_log(seq INTEGER PRIMARY KEY, repo TEXT NOT NULL, tag TEXT NOT NULL, how TEXT "
    "NOT NULL,"
    " old_image TEXT NOT NULL, new_image TEXT NOT NULL, old_target TEXT NOT NULL, new_target TEXT "
    "NOT NULL,"
    " at INTEGER NOT NULL);"
    "CREATE INDEX tag_log_name ON tag_log(repo, tag);"
    "CREATE TABLE repo_digests(seq INTEGER PRIMARY KEY, repo TEXT NOT NULL, digest TEXT NOT NULL,"
    " image TEXT NOT NULL, updated INTEGER NOT NULL, UNIQUE(repo, digest, image));"
    "CREATE INDEX repo_digests_digest ON repo_digests(digest);"
    "CREATE INDEX repo_digests_image ON repo_digests(image, repo, digest, updated);"
    "CREATE TABLE containers(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, image TEXT NOT NULL,"
    " image_ref TEXT NOT NULL, created INTEGER NOT NULL, auto_remove INTEGER NOT NULL, labels TEXT "
    "NOT NULL,"
    " config TEXT NOT NULL, state TEXT NOT NULL, pid INTEGER NOT NULL, exit_code INTEGER NOT NULL,"
    " oom_killed INTEGER NOT NULL, started INTEGER NOT NULL, finished INTEGER NOT NULL, error TEXT "
    "NOT NULL);"
    "CREATE INDEX containers_image ON containers(image);",

    /* 2: containers that are started again by a restart policy */
    "ALTER TABLE containers ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE containers ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;",

    /* 3: networks, and what running containers have of them and of this host */
    "CREATE TABLE networks(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, driver TEXT NOT NULL,"
    " created INTEGER NOT NULL, config TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE endpoints(container TEXT NOT NULL, network TEXT NOT NULL, id TEXT NOT NULL,"
    " address INTEGER NOT NULL, PRIMARY KEY(container, network)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX endpoints_address ON endpoints(network, address);"
    "CREATE TABLE host_ports(container TEXT NOT NULL, network TEXT NOT NULL, protocol TEXT NOT "
    "NULL, host_ip TEXT NOT NULL,"
    " inside INTEGER NOT NULL, host INTEGER NOT NULL);"
    "CREATE INDEX host_ports_container ON host_ports(container);"
    "CREATE INDEX host_ports_host ON host_ports(host);",

    /* 4: images that containers have mounted, beside the one that they are of */
    "CREATE TABLE container_images(image TEXT NOT NULL, container TEXT NOT NULL, PRIMARY KEY(image,"
    " container)) WITHOUT ROWID;"
    "CREATE INDEX container_images_container ON container_images(container);"
    "CREATE VIEW image_users(image, container) AS SELECT image, id FROM containers"
    " UNION ALL SELECT image, container FROM container_images;",

    /* 5: listings of containers, out of one index and without their configs */
    "ALTER TABLE containers ADD COLUMN listing BLOB;"
    "CREATE INDEX containers_listing ON containers(created DESC, id, name, image, image_ref,"
    " auto_remove, labels, state, pid, exit_code, oom_killed, started, finished, error, restarts,"
    " stopped, listing);",

    /* 6: lists of manifests that are being put together */
    "CREATE TABLE list_members(list TEXT NOT NULL, ref TEXT NOT NULL, media_type TEXT NOT NULL,"
    " digest TEXT NOT NULL, manifest TEXT NOT NULL, os TEXT NOT NULL, arch TEXT NOT NULL, variant "
    "TEXT NOT NULL, os_version TEXT NOT NULL, os_features TEXT NOT NULL, local INTEGER NOT NULL,"
    " UNIQUE(list, ref));",

    /* 7: what the steps of builds gave */
    "CREATE TABLE build_steps(key TEXT PRIMARY KEY, description TEXT NOT NULL, diff_id TEXT NOT "
    "NULL, blob TEXT NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL,"
    " uses INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX build_steps_diff_id ON build_steps(diff_id);"
    "CREATE INDEX build_steps_blob ON build_steps(blob);",

    /* 8: IPv6 addresses that were asked for */
    "ALTER TABLE endpoints ADD COLUMN address6 TEXT NOT NULL DEFAULT '';",

    /* 9: short listings of images, out of one index, beside those of their names */
    "CREATE INDEX images_listing ON images(id, held, created, size);",
};

const struct meta_schema schema_store = {
    .file = META_FILE,
    .owner = "the store",
    .version = SCHEMA_VERSION,
    .steps = store_steps,
    .setup = lease_register,
};

static int exec(struct meta *m, const char *sql, struct shale_err *e)
{
    int rc = sqlite3_exec(m->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : meta_sql_error(m, rc, e);
}

static int version(struct meta *m, int64_t *ret, struct shale_err *e)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(m->db, "PRAGMA user_version", -1, &s, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(s);
        *ret = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
        rc = rc == SQLITE_ROW ? SQLITE_OK : rc;
        sqlite3_finalize(s);
    }
    return rc == SQLITE_OK ? 0 : meta_sql_error(m, rc, e);
}

static int too_new(struct meta *m, int64_t v, struct shale_err *e)
{
    return err_set(
        e, SHALE_UNSUPPORTED,
        "%s was written by a newer shale (format %lld, this one knows %d); use that version",
        m->schema->owner, (long long)v, m->schema->version);
}

static int migrate(struct meta *m, int64_t from, struct shale_err *e)
{
    char pragma[64];
    int r = exec(m, "BEGIN IMMEDIATE", e);

    for (int64_t v = from; r >= 0 && v < m->schema->version; v++)
        r = exec(m, m->schema->steps[v], e);
    snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", m->schema->version);
    if (r >= 0)
        r = exec(m, pragma, e);
    if (r >= 0)
        r = exec(m, "COMMIT", e);
    if (r < 0)
        (void)exec(m, "ROLLBACK", NULL);
    return r;
}

int schema_create(struct meta *m, struct shale_err *e)
{
    return migrate(m, 0, e);
}

int schema_lock(const struct meta *m, int root_fd, struct shale_err *e)
{
    char name[64];

    snprintf(name, sizeof name, "%s.lock", m->schema->file);
    return lock_take(root_fd, name, LOCK_EXCLUSIVE, NULL, e);
}

int schema_ensure(struct meta *m, int root_fd, struct shale_err *e)
{
    int64_t v = 0;
    int r = version(m, &v, e);

    if (r < 0 || v == m->schema->version)
        return r;
    if (v > m->schema->version || v < 0)
        return too_new(m, v, e);
    if (m->read_only)
        return err_set(e, SHALE_UNSUPPORTED,
                       "%s must be opened for writing once, to bring it up to date",
                       m->schema->owner);
    /* One process at a time: the change to WAL mode does not wait as transactions do. */
    _cleanup_close_ int lock = schema_lock(m, root_fd, e);
    if (lock < 0)
        return lock;
    r = version(m, &v, e);
    if (r < 0 || v == m->schema->version)
        return r;
    r = exec(m, "PRAGMA journal_mode = WAL", e);
    return r < 0 ? r : migrate(m, v, e);
}
