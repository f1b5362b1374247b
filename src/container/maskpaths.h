/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a container must not see or change of the host's /proc and /sys: docker's lists. */
#define MASKED_PATHS                                                                               \
    "/proc/asound /proc/acpi /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats "         \
    "/proc/timer_list /proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware "               \
    "/sys/devices/virtual/powercap"
#define READONLY_PATHS "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger"
