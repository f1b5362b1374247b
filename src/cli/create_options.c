/* SPDX-License-Identifier: Apache-2.0 */
/* The option tables of run and create. */
#include "cli/create.h"

const struct create_cli create_preset = {.pull = "missing",
                                         .restart = "no",
                                         .sig_proxy = true,
                                         .stop_timeout = -1,
                                         .more.swappiness = -1};

#define O(field) offsetof(struct create_cli, field)
/* clang-format off */
#define COMMON                                                                                         \
    { 0, "add-host", OPT_LIST, O(add_host), NULL,                                                      \
      "Add a custom host-to-IP mapping (host:ip)" },                                                   \
    { 0, "annotation", OPT_LIST, O(more.annotation), "map",                                            \
      "Add an annotation to the container (passed through to the\nOCI runtime)" },                     \
    { 'a', "attach", OPT_LIST, O(attach), NULL, "Attach to STDIN, STDOUT or STDERR" },                 \
    { 0, "blkio-weight", OPT_INT, O(more.blkio_weight), "uint16",                                      \
      "Block IO (relative weight), between 10 and 1000, or 0 to\ndisable (default 0)" },               \
    { 0, "blkio-weight-device", OPT_LIST, O(more.weight_device), NULL,                                 \
      "Block IO weight (relative device weight)" },                                                    \
    { 0, "cap-add", OPT_LIST, O(cap_add), NULL, "Add Linux capabilities" },                            \
    { 0, "cap-drop", OPT_LIST, O(cap_drop), NULL, "Drop Linux capabilities" },                         \
    { 0, "cgroup-parent", OPT_STR, O(more.cgroup_parent), NULL,                                        \
      "Optional parent cgroup for the container" },                                                    \
    { 0, "cgroupns", OPT_STR, O(more.cgroupns), NULL, "Cgroup namespace to use (host|private)" },      \
    { 0, "cidfile", OPT_STR, O(cidfile), NULL, "Write the container ID to the file" },                 \
    LIMITS_CPU(O(limits)),                                                                             \
    { 0, "cpus", OPT_DECIMAL, O(cpus), NULL, "Number of CPUs" },                                       \
    LIMITS_CPUSET(O(limits)),                                                                          \
    { 0, "device", OPT_LIST, O(device), NULL, "Add a host device to the container" },                  \
    { 0, "device-cgroup-rule", OPT_LIST, O(more.device_rule), NULL,                                    \
      "Add a rule to the cgroup allowed devices list" },                                               \
    { 0, "device-read-bps", OPT_LIST, O(more.read_bps), NULL,                                          \
      "Limit read rate (bytes per second) from a device" },                                            \
    { 0, "device-read-iops", OPT_LIST, O(more.read_iops), NULL,                                        \
      "Limit read rate (IO per second) from a device" },                                               \
    { 0, "device-write-bps", OPT_LIST, O(more.write_bps), NULL,                                        \
      "Limit write rate (bytes per second) to a device" },                                             \
    { 0, "device-write-iops", OPT_LIST, O(more.write_iops), NULL,                                      \
      "Limit write rate (IO per second) to a device" },                                                \
    { 0, "disable-content-trust", OPT_BOOL, O(content_trust), NULL, "Accepted, does nothing",          \
      OPT_HIDDEN },                                                                                    \
    { 0, "dns", OPT_LIST, O(dns), NULL, "Set custom DNS servers" },                                    \
    { 0, "dns-opt", OPT_LIST, O(dns_option), NULL, "Set DNS options", OPT_HIDDEN },                    \
    { 0, "dns-option", OPT_LIST, O(dns_option), NULL, "Set DNS options" },                             \
    { 0, "dns-search", OPT_LIST, O(dns_search), NULL, "Set custom DNS search domains" },               \
    { 0, "domainname", OPT_STR, O(more.domainname), NULL, "Container NIS domain name" },               \
    { 0, "entrypoint", OPT_STR, O(entrypoint), NULL,                                                   \
      "Overwrite the default ENTRYPOINT of the image" },                                               \
    { 'e', "env", OPT_LIST, O(env), NULL, "Set environment variables" },                               \
    { 0, "env-file", OPT_LIST, O(env_file), NULL, "Read in a file of environment variables" },         \
    { 0, "expose", OPT_LIST, O(expose), NULL, "Expose a port or a range of ports" },                   \
    { 0, "group-add", OPT_LIST, O(group_add), NULL, "Add additional groups to join" },                 \
    { 0, "health-cmd", OPT_STR, O(health.cmd), NULL, "Command to run to check health" },                 \
    { 0, "health-interval", OPT_DURATION, O(health.interval), NULL,                                    \
      "Time between running the check (ms|s|m|h)\n(default 0s)" },                                       \
    { 0, "health-retries", OPT_INT, O(health.retries), NULL,                                           \
      "Consecutive failures needed to report unhealthy" },                                             \
    { 0, "health-start-interval", OPT_DURATION, O(health.start_interval), NULL,                        \
      "Time between running the check during the start\nperiod (ms|s|m|h) (default 0s)" },              \
    { 0, "health-start-period", OPT_DURATION, O(health.start_period), NULL,                            \
      "Start period for the container to initialize before\nstarting health-retries countdown "        \
      "(ms|s|m|h) (default 0s)" },                                                                      \
    { 0, "health-timeout", OPT_DURATION, O(health.timeout), NULL,                                      \
      "Maximum time to allow one check to run (ms|s|m|h)\n(default 0s)" },                              \
    { 'h', "hostname", OPT_STR, O(hostname), NULL, "Container host name" },                            \
    { 0, "init", OPT_BOOL, O(init), NULL,                                                              \
      "Run an init inside the container that forwards signals and\nreaps processes" },                 \
    { 'i', "interactive", OPT_BOOL, O(interactive), NULL, "Keep STDIN open even if not attached" },    \
    { 0, "ip", OPT_STR, O(ip), NULL, "IPv4 address (e.g., 172.30.100.104)" },                          \
    { 0, "ip6", OPT_STR, O(ip6), NULL, "IPv6 address (e.g., 2001:db8::33)" },                          \
    { 0, "ipc", OPT_STR, O(more.ipc), NULL, "IPC mode to use" },                                       \
    { 'l', "label", OPT_LIST, O(label), NULL, "Set meta data on a container" },                        \
    { 0, "label-file", OPT_LIST, O(label_file), NULL, "Read in a line delimited file of labels" },     \
    { 0, "link", OPT_LIST, O(more.link), NULL, "Add link to another container" },                      \
    { 0, "log-driver", OPT_STR, O(log_driver), NULL, "Logging driver for the container" },             \
    { 0, "log-opt", OPT_LIST, O(log_opt), NULL, "Log driver options" },                                \
    { 0, "mac-address", OPT_STR, O(more.mac), NULL,                                                    \
      "Container MAC address (e.g., \"92:d0:c6:0a:29:33\")" },                                         \
    { 'm', "memory", OPT_BYTES, O(memory), NULL, "Memory limit" },                                     \
    LIMITS_MEMORY(O(limits)),                                                                          \
    { 0, "memory-swappiness", OPT_INT, O(more.swappiness), NULL,                                       \
      "Tune container memory swappiness (0 to 100) (default -1)" },                                    \
    { 0, "mount", OPT_LIST, O(mount), "mount", "Attach a filesystem mount to the container" },         \
    { 0, "name", OPT_STR, O(name), NULL, "Assign a name to the container" },                           \
    { 0, "net", OPT_LIST, O(network), NULL, "Connect a container to a network", OPT_HIDDEN },           \
    { 0, "net-alias", OPT_LIST, O(network_alias), NULL, "Network-scoped alias", OPT_HIDDEN },          \
    { 0, "network", OPT_LIST, O(network), "network",                                                    \
      "Connect a container to a network" },                                                            \
    { 0, "network-alias", OPT_LIST, O(network_alias), NULL,                                            \
      "Add network-scoped alias for the container" },                                                  \
    { 0, "no-healthcheck", OPT_BOOL, O(health.none), NULL,                                             \
      "Disable any container-specified HEALTHCHECK" },                                                 \
    { 0, "oom-kill-disable", OPT_BOOL, O(more.oom_kill_disable), NULL, "Disable OOM Killer" },         \
    { 0, "oom-score-adj", OPT_INT, O(more.oom_score), NULL,                                            \
      "Tune host's OOM preferences (-1000 to 1000)" },                                                 \
    { 0, "pid", OPT_STR, O(more.pid), NULL, "PID namespace to use" },                                  \
    { 0, "pids-limit", OPT_INT, O(pids_limit), NULL,                                                   \
      "Tune container pids limit (set -1 for unlimited)" },                                            \
    { 0, "platform", OPT_STR, O(platform), NULL, "Set platform: os/arch[/variant]" },                  \
    { 0, "privileged", OPT_BOOL, O(privileged), NULL,                                                  \
      "Give extended privileges to this container" },                                                  \
    { 'p', "publish", OPT_LIST, O(publish), NULL,                                                      \
      "Publish a container's port(s) to the host" },                                                   \
    { 'P', "publish-all", OPT_BOOL, O(publish_all), NULL,                                              \
      "Publish all exposed ports to random ports" },                                                   \
    { 0, "pull", OPT_STR, O(pull), NULL,                                                               \
      "Pull image before running (\"always\", \"missing\", \"never\")", 0, "missing" },                \
    { 'q', "quiet", OPT_BOOL, O(quiet), NULL, "Suppress the pull output" },                            \
    { 0, "read-only", OPT_BOOL, O(read_only), NULL,                                                    \
      "Mount the container's root filesystem as read only" },                                          \
    { 0, "restart", OPT_STR, O(restart), NULL,                                                         \
      "Restart policy to apply when a container exits (\"no\",\n"                                       \
      "\"always\", \"unless-stopped\", \"on-failure[:max-retries]\")", 0, "no" },                       \
    { 0, "rm", OPT_BOOL, O(auto_remove), NULL,                                                         \
      "Automatically remove the container and its anonymous\nvolumes when it exits" },                 \
    { 0, "runtime", OPT_STR, O(runtime), NULL, "Runtime to use for this container" },                  \
    { 0, "security-opt", OPT_LIST, O(security_opt), NULL, "Security Options" },                        \
    { 0, "shm-size", OPT_BYTES, O(shm_size), NULL, "Size of /dev/shm" },                               \
    { 0, "stop-signal", OPT_STR, O(stop_signal), NULL, "Signal to stop the container" },               \
    { 0, "stop-timeout", OPT_INT, O(stop_timeout), NULL,                                               \
      "Timeout (in seconds) to stop a container" },                                                    \
    { 0, "sysctl", OPT_LIST, O(sysctl), NULL, "Sysctl options" },                                      \
    { 0, "tmpfs", OPT_LIST, O(tmpfs), NULL, "Mount a tmpfs directory" },                               \
    { 't', "tty", OPT_BOOL, O(tty), NULL, "Allocate a pseudo-TTY" },                                   \
    { 0, "ulimit", OPT_LIST, O(ulimit), NULL, "Ulimit options" },                                      \
    { 'u', "user", OPT_STR, O(user), NULL,                                                             \
      "Username or UID (format: <name|uid>[:<group|gid>])" },                                          \
    { 0, "userns", OPT_STR, O(more.userns), NULL, "User namespace to use" },                           \
    { 0, "uts", OPT_STR, O(more.uts), NULL, "UTS namespace to use" },                                  \
    { 'v', "volume", OPT_LIST, O(volume), NULL, "Bind mount a volume" },                               \
    { 0, "volumes-from", OPT_LIST, O(volumes_from), NULL,                                              \
      "Mount volumes from the specified container(s)" },                                               \
    { 'w', "workdir", OPT_STR, O(workdir), NULL, "Working directory inside the container" }

/* Known, and refused by create_absent.c unless their value changes nothing. */
#define NO(name, kind, field) { 0, name, kind, O(absent.field), NULL, "Not supported yet", OPT_HIDDEN }
#define ABSENT                                                                                         \
    NO("cpu-rt-period", OPT_LIST, list),                                                               \
    NO("cpu-rt-runtime", OPT_LIST, list),                                                              \
    NO("gpus", OPT_LIST, list),                                                                        \
    NO("isolation", OPT_STR, isolation),                                                               \
    NO("kernel-memory", OPT_LIST, list),                                                               \
    NO("link-local-ip", OPT_LIST, list),                                                               \
    NO("storage-opt", OPT_LIST, list),                                                                 \
    NO("use-api-socket", OPT_BOOL, flag),                                                              \
    NO("volume-driver", OPT_STR, volume_driver)

const struct opt create_options[] = {
    COMMON,
    ABSENT,
    { 0 },
};
const struct opt run_options[] = {
    COMMON,
    ABSENT,
    { 'd', "detach", OPT_BOOL, O(detach), NULL, "Run container in background and print container ID" },
    { 0, "detach-keys", OPT_STR, O(detach_keys), NULL,
      "Override the key sequence for detaching a container" },
    { 0, "sig-proxy", OPT_BOOL, O(sig_proxy), NULL, "Proxy received signals to the process", 0, "true" },
    { 0 },
};
/* clang-format on */
