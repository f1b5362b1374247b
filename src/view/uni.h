/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Single Unicode characters, as Go's unicode packages see them: what templates, tables and quoting
 * need. Case and class come from the C library's C.UTF-8 locale, whatever locale the program runs
 * in; where that is missing, only ASCII is known. Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNI_BAD 0xfffdu /* stands for a byte that is not UTF-8 */

/* First character of the n > 0 bytes at s; *ret is the character, the result its length. A byte
 * that begins no valid character gives UNI_BAD and 1. */
size_t uni_decode(const char *s, size_t n, uint32_t *ret);
/* Writes r (UNI_BAD where r is none) to ret, returns the 1 to 4 bytes used. */
size_t uni_encode(uint32_t r, char ret[4]);
/* How many of the first of n bytes are ASCII that is printed: a look at eight at a time, as nearly
 * all text is nothing else. */
size_t uni_plain(const char *s, size_t n);
/* Number of characters in n bytes, a bad byte counting as one. */
size_t uni_count(const char *s, size_t n);
/* Bytes that the first `count` characters of n bytes take. */
size_t uni_prefix(const char *s, size_t n, size_t count);

/* Columns on a terminal: 2 for East Asian Wide and Fullwidth, else 1 (docker counts no zero). */
int uni_width(uint32_t r);
bool uni_is_letter(uint32_t r); /* letters and digits */
bool uni_is_print(uint32_t r);  /* Go's unicode.IsPrint: no space but U+0020 */
uint32_t uni_lower(uint32_t r);
uint32_t uni_upper(uint32_t r);
