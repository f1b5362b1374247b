/* SPDX-License-Identifier: Apache-2.0 */
/* `info` and `version`. */
#include <stdlib.h>

#include "base/str.h"
#include "view/doc.h"

/* docker's DriverStatus: pairs. */
static json_t *status_of(const struct shale_info *i)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    const char *first[] = {"Why", i->storage_why};
    ok = ok && json_array_append_new(list, doc_strings(first, 2)) == 0;
    for (size_t k = 0; ok && k < i->n_drivers; k++) {
        const char *pair[] = {i->drivers[k].key, i->drivers[k].value};
        ok = json_array_append_new(list, doc_strings(pair, 2)) == 0;
    }
    if (!ok)
        json_decref(list);
    return ok ? list : NULL;
}

static json_t *runtimes_of(const struct shale_info *i)
{
    struct doc all = doc_begin();
    for (size_t k = 0; k < i->n_runtimes; k++) {
        struct doc d = doc_begin();
        doc_str(&d, "path",
                streq(i->runtimes[k].key, i->runtime) ? i->runtime_path : i->runtimes[k].key);
        doc_str(&d, "status", i->runtimes[k].value);
        doc_put(&all, i->runtimes[k].key, doc_take(&d));
    }
    return doc_take(&all);
}

static json_t *disk_of(const struct shale_info *i)
{
    struct doc d = doc_begin();
    doc_int(&d, "Layers", (int64_t)i->n_layers);
    doc_int(&d, "BlobsSize", (int64_t)i->blobs_bytes);
    doc_int(&d, "LayersSize", (int64_t)i->layers_bytes);
    doc_int(&d, "IndexesSize", (int64_t)i->indexes_bytes);
    doc_int(&d, "IngestSize", (int64_t)i->ingest_bytes);
    return doc_take(&d);
}

/* There is no swarm; scripts ask for its state. */
static json_t *swarm(void)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:s, s:n}", "NodeID", "", "NodeAddr", "",
                     "LocalNodeState", "inactive", "ControlAvailable", 0, "Error", "",
                     "RemoteManagers");
}

static void put_env(struct doc *d, const char *key, const char *upper, const char *lower)
{
    const char *value = getenv(upper);
    if (!value)
        value = getenv(lower);
    doc_str(d, key, value ? value : "");
}

int doc_info(const struct shale_info *i, json_t **ret, struct shale_err *e)
{
    struct doc d = doc_begin();
    doc_int(&d, "Containers", (int64_t)i->n_containers);
    doc_int(&d, "ContainersRunning", (int64_t)i->n_running);
    doc_int(&d, "ContainersPaused", (int64_t)i->n_paused);
    doc_int(&d, "ContainersStopped", (int64_t)i->n_stopped);
    doc_int(&d, "Images", (int64_t)i->n_images);
    doc_str(&d, "Driver", i->storage_driver);
    doc_put(&d, "DriverStatus", status_of(i));
    doc_put(&d, "DiskUsage", disk_of(i));
    doc_str(&d, "CgroupDriver", *i->cgroup ? "cgroupfs" : "none");
    doc_str(&d, "CgroupVersion", streq(i->cgroup, "v2") ? "2" : "1");
    doc_str(&d, "KernelVersion", i->kernel);
    doc_str(&d, "OperatingSystem", i->operating_system);
    doc_str(&d, "OSType", i->os);
    doc_str(&d, "Architecture", i->arch);
    doc_str(&d, "IndexServerAddress", "https://index.docker.io/v1/");
    doc_int(&d, "NCPU", i->n_cpus);
    doc_int(&d, "MemTotal", (int64_t)i->memory_bytes);
    doc_str(&d, "DockerRootDir", i->root);
    doc_str(&d, "Name", i->name);
    doc_str(&d, "ServerVersion", shale_version());
    doc_put(&d, "Runtimes", runtimes_of(i));
    doc_str(&d, "DefaultRuntime", i->runtime);
    doc_str(&d, "RuntimePath", i->runtime_path);
    doc_str(&d, "RuntimeWhy", i->runtime_why);
    doc_str(&d, "ConmonPath", i->conmon_path);
    doc_str(&d, "LoggingDriver", "k8s-file");
    doc_put(&d, "SecurityOptions", json_pack("[s]", "name=seccomp,profile=builtin"));
    put_env(&d, "HttpProxy", "HTTP_PROXY", "http_proxy");
    put_env(&d, "HttpsProxy", "HTTPS_PROXY", "https_proxy");
    put_env(&d, "NoProxy", "NO_PROXY", "no_proxy");
    doc_put(&d, "Labels", json_array());
    doc_bool(&d, "ExperimentalBuild", false);
    doc_bool(&d, "LiveRestoreEnabled", true); /* containers do not need us to live on */
    doc_put(&d, "Swarm", swarm());
    doc_put(&d, "Warnings", json_array());
    return doc_end(&d, ret, e);
}

static json_t *part_of(const struct doc_version *v)
{
    struct doc d = doc_begin();
    doc_put(&d, "Platform", json_pack("{s:s}", "Name", "shale"));
    doc_str(&d, "Version", v->version);
    doc_str(&d, "Os", v->os);
    doc_str(&d, "Arch", v->arch);
    doc_str(&d, "KernelVersion", v->kernel);
    return doc_take(&d);
}

int doc_version(const struct doc_version *v, json_t **ret, struct shale_err *e)
{
    struct doc d = doc_begin();
    doc_put(&d, "Client", part_of(v));
    doc_put(&d, "Server", part_of(v));
    return doc_end(&d, ret, e);
}
