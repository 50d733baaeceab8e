/*
 * secret: a file is read whole, cut into lines in place, and wiped; what is kept are copies.
 */
#include "base/secret.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOM "\xef\xbb\xbf"
#define RUN_SECRETS "/run/secrets"	/* where container engines mount them, mode 0444 */

/* Room for a full list, each line with a CR, an LF and some blank lines between. */
#define FILE_MAX ((size_t)SECRET_COUNT_MAX * (SECRET_SIZE_MAX + 64))

/* The credentials folder, or NULL; a relative one cannot be the service manager's. */
static const char *
credentials_folder(void)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	return folder != NULL && folder[0] == '/' ? folder : NULL;
}

char *
secret_resolve(const char *path)
{
	const char *folder = credentials_folder();
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	struct buf candidate = { 0 };

	if (folder != NULL && name[0] != '\0') {
		buf_printf(&candidate, "%s/%s", folder, name);
		if (buf_ok(&candidate) && access(candidate.data, F_OK) == 0)
			return buf_detach(&candidate);
		buf_free(&candidate);
	}
	return strdup(path);
}

/* Does ${path} lie inside ${folder}, all symbolic links resolved? */
static bool
lies_in(const char *path, const char *folder)
{
	char *file = realpath(path, NULL);
	char *dir = realpath(folder, NULL);
	bool in = false;

	if (file != NULL && dir != NULL) {
		size_t len = strlen(dir);

		in = strncmp(file, dir, len) == 0 && file[len] == '/';
	}
	free(file);
	free(dir);
	return in;
}

/* Do others being able to read ${path} do no harm, because of where it lies? */
static bool
guarded_by_place(const char *path)
{
	const char *folder = credentials_folder();

	return (folder != NULL && lies_in(path, folder)) || lies_in(path, RUN_SECRETS);
}

/*
 * Judge the file that is open, not the name: what is checked is what is read.
 */
static int
check_file(int fd, const char *path, bool allow_readable, struct buf *why)
{
	struct stat st;

	if (fstat(fd, &st) == -1) {
		buf_printf(why, "cannot be examined: %s", strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		buf_puts(why, "is not a regular file");
		return -1;
	}
	if ((st.st_mode & S_IROTH) != 0 && !allow_readable && !guarded_by_place(path)) {
		buf_printf(why, "may be read by others (mode %04o): chmod o-r",
		    (unsigned)st.st_mode & 07777);
		return -1;
	}
	return 0;
}

/* Read to the end.  ${text} has FILE_MAX + 1 bytes of room: one more shows a file too big. */
static int
read_bytes(int fd, struct buf *text, struct buf *why)
{
	while (text->len <= FILE_MAX) {
		ssize_t n = read(fd, text->data + text->len, FILE_MAX + 1 - text->len);

		if (n == 0)
			return 0;
		if (n > 0)
			text->len += (size_t)n;
		else if (errno != EINTR) {
			buf_printf(why, "cannot be read: %s", strerror(errno));
			return -1;
		}
	}
	buf_printf(why, "is larger than %zu bytes", FILE_MAX);
	return -1;
}

/* Read the file that ${path} stands for, as a string.  file_wipe in either case. */
static int
file_read(const char *path, bool allow_readable, struct buf *text, struct buf *why)
{
	char *real = secret_resolve(path);
	int fd = -1;
	int rc = -1;

	if (real == NULL || !buf_reserve(text, FILE_MAX + 1)) {
		buf_puts(why, "out of memory");
		goto out;
	}
	/* O_NONBLOCK: a FIFO must be refused, not waited for. */
	fd = open(real, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1) {
		buf_printf(why, "cannot be opened: %s", strerror(errno));
		goto out;
	}
	if (check_file(fd, real, allow_readable, why) == -1 ||
	    read_bytes(fd, text, why) == -1)
		goto out;
	text->data[text->len] = '\0';
	if (strlen(text->data) != text->len) {
		buf_puts(why, "holds a NUL byte: not a text file");
		goto out;
	}
	rc = 0;
out:
	if (fd != -1)
		close(fd);
	free(real);
	return rc;
}

/* Only what was read: the room for it is large, and most of it was never touched. */
static void
file_wipe(struct buf *text)
{
	if (text->data != NULL)
		explicit_bzero(text->data, text->len);
	buf_free(text);
}

/* Where the first line of the file begins. */
static char *
first_line(const struct buf *text)
{
	return text->data + (strncmp(text->data, BOM, sizeof(BOM) - 1) == 0 ?
	    sizeof(BOM) - 1 : 0);
}

/*
 * Take the next line from ${*rest}, without its outer blanks; NULL at the end.
 * The line is borrowed from the text.
 */
static char *
next_line(char **rest, size_t *len)
{
	static const char blanks[] = " \t\r";
	char *line;

	if (*rest == NULL || **rest == '\0')
		return NULL;
	line = strsep(rest, "\n");
	line += strspn(line, blanks);
	*len = strlen(line);
	while (*len > 0 && strchr(blanks, line[*len - 1]) != NULL)
		line[--*len] = '\0';
	return line;
}

static int
list_add(struct secret_list *list, const char *bytes, size_t len)
{
	struct secret *s;

	if (list->items == NULL) {
		list->items = calloc(SECRET_COUNT_MAX, sizeof(*list->items));
		if (list->items == NULL)
			return -1;
	}
	s = &list->items[list->count];
	s->bytes = strndup(bytes, len);
	if (s->bytes == NULL)
		return -1;
	s->len = len;
	list->count++;
	return 0;
}

/* Every line that is not blank is a secret. */
static int
list_parse(char *rest, struct secret_list *list, struct buf *why)
{
	size_t len, number = 0, before = why->len;
	const char *line;

	while (why->len == before && (line = next_line(&rest, &len)) != NULL) {
		number++;
		if (len == 0)
			continue;
		if (len > SECRET_SIZE_MAX)
			buf_printf(why, "line %zu is longer than %d bytes", number,
			    SECRET_SIZE_MAX);
		else if (list->count == SECRET_COUNT_MAX)
			buf_printf(why, "holds more than %d secrets", SECRET_COUNT_MAX);
		else if (list_add(list, line, len) == -1)
			buf_puts(why, "out of memory");
	}
	if (why->len == before && list->count == 0)
		buf_puts(why, "holds no secret");
	return why->len == before && buf_ok(why) ? 0 : -1;
}

int
secret_read_list(const char *path, bool allow_readable, struct secret_list *list,
    struct buf *why)
{
	struct buf text = { 0 };
	int rc;

	*list = (struct secret_list){ 0 };
	rc = file_read(path, allow_readable, &text, why);
	if (rc == 0)
		rc = list_parse(first_line(&text), list, why);
	if (rc == -1)
		secret_list_free(list);
	file_wipe(&text);
	return rc;
}

/* A credential goes into a header line or a form: there it could end the line. */
static bool
has_control(const char *line)
{
	for (; *line != '\0'; line++)
		if ((unsigned char)*line < 0x20 || *line == 0x7f)
			return true;
	return false;
}

/* The credential in ${rest}, the text of its file, into ${out}. */
static int
one_parse(char *rest, struct buf *out, struct buf *why)
{
	size_t len = 0;
	const char *line = next_line(&rest, &len);

	if (len == 0) {
		buf_puts(why, "holds no secret in its first line");
		return -1;
	}
	if (len > SECRET_ONE_MAX) {
		buf_printf(why, "line 1 is longer than %d bytes", SECRET_ONE_MAX);
		return -1;
	}
	if (has_control(line)) {
		buf_puts(why, "holds a control character in its first line");
		return -1;
	}
	/* A fresh buffer: growing an old one could leave a copy behind in freed memory. */
	secret_wipe(out);
	buf_add(out, line, len);
	if (buf_ok(out))
		return 0;
	secret_wipe(out);
	buf_puts(why, "out of memory");
	return -1;
}

int
secret_read_one(const char *path, bool allow_readable, struct buf *out, struct buf *why)
{
	struct buf text = { 0 };
	int rc = file_read(path, allow_readable, &text, why);

	if (rc == 0)
		rc = one_parse(first_line(&text), out, why);
	file_wipe(&text);
	return rc;
}

void
secret_list_free(struct secret_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		explicit_bzero(list->items[i].bytes, list->items[i].len);
		free(list->items[i].bytes);
	}
	free(list->items);
	*list = (struct secret_list){ 0 };
}

void
secret_wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}
