/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * SHA-256 (FIPS 180-4) of a short text, without a library: to load and set up libcrypto takes 2 to
 * 3 ms, which is much of what a command takes that looks at one small document. hash.h decides.
 * Pure.
 */
#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

void sha256_bytes(const void *p, size_t n, uint8_t ret[SHA256_BYTES]);
