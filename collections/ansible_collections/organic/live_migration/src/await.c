/* Copyright (c) 2026 Organic 5GC contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Decides whether this start of the container awaits a migrated process. That process may still run on the source host,
 * so the command must be started only if the answer is clearly "no": in doubt it is AWAIT_INVALID, never AWAIT_NO.
 */
#define _GNU_SOURCE
#include "await.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LENGTH 36
#define MIGRATION_ID_LENGTH 16
#define FILE_SIZE_MAX 128
#define NAME_LENGTH_MAX 128
#define SECONDS_DIGITS_MAX 12

/* Not isalnum(3), which depends on the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool await_name_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > NAME_LENGTH_MAX || !is_alphanumeric(name[0]))
		return false;
	for (size_t i = 1; i < length; i++)
		if (!is_alphanumeric(name[i]) && !strchr("_.-", name[i]))
			return false;
	return true;
}

/* Reads at most size bytes; returns their number, or -1. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, buffer + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

/* Parses digits[.digits] and moves *text behind it. */
static bool parse_seconds(const char **text, struct timespec *value)
{
	const char *c = *text;
	long scale = 100000000L;
	int digits = 0;

	value->tv_sec = 0;
	value->tv_nsec = 0;
	for (; is_digit(*c); c++) {
		if (++digits > SECONDS_DIGITS_MAX)
			return false;
		value->tv_sec = value->tv_sec * 10 + (*c - '0');
	}
	if (digits == 0)
		return false;
	if (*c == '.') {
		c++;
		if (!is_digit(*c))
			return false;
		for (; is_digit(*c); c++, scale /= 10) {
			if (scale == 0)
				return false;
			value->tv_nsec += (*c - '0') * scale;
		}
	}
	*text = c;
	return true;
}

static bool boot_id_well_formed(const char *text)
{
	for (int i = 0; i < BOOT_ID_LENGTH; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !(is_digit(text[i]) || (text[i] >= 'a' && text[i] <= 'f')))
			return false;
	}
	return true;
}

/* False only when the boot id of the running kernel can be read and differs. */
static bool boot_id_current(const char *boot_id)
{
	char current[BOOT_ID_LENGTH];
	int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return true;
	length = read_all(fd, current, sizeof(current));
	close(fd);
	return length != BOOT_ID_LENGTH || memcmp(current, boot_id, BOOT_ID_LENGTH) == 0;
}

bool await_expired(const struct timespec *deadline)
{
	struct timespec now;

	if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return false;
	return now.tv_sec > deadline->tv_sec || (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

static bool is_migration_id(const char *text, const char *end)
{
	if (end - text != MIGRATION_ID_LENGTH)
		return false;
	for (; text < end; text++)
		if (!is_digit(*text) && !(*text >= 'a' && *text <= 'f'))
			return false;
	return true;
}

/* Whether the text is this word, with or without the id of a migration, with or without a newline. */
static bool is_line(const char *text, const char *end, const char *word)
{
	size_t length = strlen(word);

	if (end > text && end[-1] == '\n')
		end--;
	if ((size_t)(end - text) < length || memcmp(text, word, length) != 0)
		return false;
	text += length;
	return text == end || (*text == ' ' && is_migration_id(text + 1, end));
}

static enum await_decision parse(const char *text, const char *end, struct timespec *deadline, const char **reason)
{
	const char *boot_id = NULL;

	if (is_line(text, end, "await"))
		return AWAIT_UNLIMITED;
	if (is_line(text, end, "hold"))
		return AWAIT_HOLD;
	*reason = "is not await [ID], hold [ID] or DEADLINE [BOOT_ID]";
	if (!parse_seconds(&text, deadline))
		return AWAIT_INVALID;
	if (*text == ' ') {
		boot_id = ++text;
		if (end - text < BOOT_ID_LENGTH || !boot_id_well_formed(boot_id))
			return AWAIT_INVALID;
		text += BOOT_ID_LENGTH;
	}
	if (*text == '\n')
		text++;
	if (text != end)
		return AWAIT_INVALID;
	if (boot_id && !boot_id_current(boot_id))
		return AWAIT_NO;
	return await_expired(deadline) ? AWAIT_NO : AWAIT_YES;
}

enum await_decision await_decide(const char *name, struct timespec *deadline, const char **reason)
{
	char path[sizeof(AWAIT_DIRECTORY) + 1 + NAME_LENGTH_MAX];
	char text[FILE_SIZE_MAX + 2]; /* one more than allowed, to notice a longer file, and the final NUL */
	struct stat status;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", AWAIT_DIRECTORY, name);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		*reason = strerror(errno);
		return errno == ENOENT ? AWAIT_NO : AWAIT_INVALID;
	}
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		*reason = "is not a regular file";
		return AWAIT_INVALID;
	}
	length = read_all(fd, text, FILE_SIZE_MAX + 1);
	*reason = strerror(errno);
	close(fd);
	if (length < 0)
		return AWAIT_INVALID;
	if (length > FILE_SIZE_MAX) {
		*reason = "is too long";
		return AWAIT_INVALID;
	}
	text[length] = '\0';
	return parse(text, text + length, deadline, reason);
}
